"""From a module class to its declaration, and between declarations and ``ModRegistry.json``.

A class is asked once, when it is registered; from then on everybody reads the :class:`ModuleDecl`. The registry
entry has the specification's ten keys and an eleventh, ``declaration``, for what the specification does not know.
An entry without it is an older or hand-written one: its module counts as code that is not deterministic.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

from pypeline.core.hints import HINT
from pypeline.core.modules import BaseModule, Effects, Kind, ModuleDecl, PartitionNeed, RelationalModule
from pypeline.schema.problems import Place, Problem, PypeError, capital, did_you_mean

Origin = Literal["built-in", "entry point", "folder"]
TYPE_NAME = re.compile(r"^[a-z][a-z0-9_.-]{1,63}$")
KINDS: tuple[Kind, ...] = get_args(Kind)
TEN_KEYS = ("module_path", "type", "version", "description", "category", "input_ports", "output_ports", "globals", "packages", "config_schema")
SECRET = "secret"  # noqa: S105 -- a word, no password
"""Beside the type words of the specification: a text that holds a reference to a secret."""
_WORD_OF = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "array": "list", "object": "dict", "null": "none"}
_TYPE_OF = {word: type for type, word in _WORD_OF.items()} | {"string": "string", "integer": "integer", "number": "number", "boolean": "boolean"}


def declare(cls: type[BaseModule], name: str, module_path: str, origin: Origin = "built-in") -> ModuleDecl:
    """What ``cls`` says of itself, as data.

    Raises:
        PypeError: the class breaks a rule of module types (PYE375).
    """
    schema = _inlined(cls.Config.model_json_schema()) if cls.Config is not None else None
    spec = spec_schema(schema) if schema is not None else {half: dict(cls.CONFIG_SCHEMA.get(half, {})) for half in ("required", "optional")}
    _obeys(cls, name)
    return ModuleDecl(
        name=name,
        module_path=module_path,
        kind=cls.TYPE,  # type: ignore[arg-type]
        version=cls.VERSION,
        description=cls.DESCRIPTION,
        category=cls.CATEGORY,
        title=cls.TITLE or name,
        icon=cls.ICON,
        input_ports=tuple(cls.INPUT_PORTS),
        output_ports=tuple(cls.OUTPUT_PORTS),
        reject_ports=tuple(cls.REJECT_PORTS),
        globals=tuple(cls.GLOBALS),
        packages=tuple(cls.PACKAGES),
        config_schema=spec,
        json_schema=schema if schema is not None else json_schema(spec),
        effects=Effects(cls.EFFECTS),
        partition=PartitionNeed(cls.PARTITION),
        deterministic=cls.DETERMINISTIC,
        relational=issubclass(cls, RelationalModule),
        port_rules=dict(cls.PORT_RULES),
        columns={port: tuple(names) for port, names in cls.COLUMNS.items()},
        origin=origin,
    )


def to_registry(decl: ModuleDecl) -> dict[str, Any]:
    """``decl`` as an entry of ``ModRegistry.json``."""
    return {
        "module_path": decl.module_path,
        "type": decl.kind,
        "version": decl.version,
        "description": decl.description,
        "category": decl.category,
        "input_ports": list(decl.input_ports),
        "output_ports": list(decl.output_ports),
        "globals": list(decl.globals),
        "packages": list(decl.packages),
        "config_schema": dict(decl.config_schema),
        "declaration": {
            "title": decl.title,
            "icon": decl.icon,
            "effects": str(decl.effects),
            "partition": str(decl.partition),
            "deterministic": decl.deterministic,
            "relational": decl.relational,
            "reject_ports": list(decl.reject_ports),
            "port_rules": dict(decl.port_rules),
            **({"columns": {port: list(names) for port, names in decl.columns.items()}} if decl.columns else {}),
            "json_schema": decl.json_schema,
        },
    }


def from_registry(name: str, entry: Mapping[str, Any], origin: Origin = "folder") -> ModuleDecl:
    """The declaration in an entry of ``ModRegistry.json``.

    Raises:
        PypeError: a key is missing or has the wrong kind of value (PYE379).
    """
    try:
        more = dict(entry.get("declaration") or {})
        if entry["type"] not in KINDS:
            raise ValueError(f"`type` is `{entry['type']}`, not one of {', '.join(KINDS)}")
        spec = {half: dict(entry.get("config_schema", {}).get(half, {})) for half in ("required", "optional")}
        return ModuleDecl(
            name=name,
            module_path=str(entry["module_path"]),
            kind=entry["type"],
            version=str(entry.get("version", "1.0.0")),
            description=str(entry.get("description", "")),
            category=str(entry.get("category", "unknown")),
            title=str(more.get("title") or name),
            icon=str(more.get("icon", "")),
            input_ports=_words(entry.get("input_ports", ())),
            output_ports=_words(entry.get("output_ports", ())),
            reject_ports=_words(more.get("reject_ports", ())),
            globals=_words(entry.get("globals", ())),
            packages=_words(entry.get("packages", ())),
            config_schema=spec,
            json_schema=more.get("json_schema") or json_schema(spec),
            effects=Effects(more.get("effects", Effects.CODE)),
            partition=PartitionNeed(more.get("partition", PartitionNeed.SINGLE)),
            deterministic=bool(more.get("deterministic", False)),
            relational=bool(more.get("relational", False)),
            port_rules=dict(more.get("port_rules", {})),
            columns={str(port): _words(names) for port, names in more.get("columns", {}).items()},
            origin=origin,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"`{error.args[0]}` is missing" if isinstance(error, KeyError) else str(error)
        raise PypeError(Problem("PYE379", f"the registry entry of `{name}` cannot be used: {reason}", mend="Register the module again.")) from error


def spec_schema(schema: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A JSON Schema of an object as the specification's ``{"required": …, "optional": …}``."""
    must = set(schema.get("required", ()))
    spec: dict[str, dict[str, Any]] = {"required": {}, "optional": {}}
    for field, said in schema.get("properties", {}).items():
        entry: dict[str, Any] = {"type": _word(said)}
        if field not in must:
            entry["default"] = said.get("default")
        entry["description"] = said.get("description", "")
        spec["required" if field in must else "optional"][field] = entry
    return spec


def json_schema(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The specification's config schema as a JSON Schema; ``secret`` is a text that holds a reference, and a type
    word that is not known allows anything."""
    properties: dict[str, Any] = {}
    for half in ("required", "optional"):
        for field, said in spec.get(half, {}).items():
            said = said if isinstance(said, Mapping) else {"type": said}
            word = str(said.get("type", "")).lower()
            kind = "string" if word == SECRET else _TYPE_OF.get(word)
            known: dict[str, Any] = {"type": kind} if kind else {}
            if "default" in said and said["default"] is None and kind:
                known = {"anyOf": [{"type": kind}, {"type": "null"}]}
            if word == SECRET:
                known[HINT] = {"editor": SECRET}
            properties[field] = known | {key: said[key] for key in ("default", "description") if key in said}
    return {"type": "object", "properties": properties, "required": list(spec.get("required", {})), "additionalProperties": False}


def _word(said: Mapping[str, Any]) -> str:
    options = [o for o in said.get("anyOf", [said]) if o.get("type") != "null"]
    if any(o.get(HINT, {}).get("editor") == SECRET for o in options):
        return SECRET
    found = {_WORD_OF.get(str(o.get("type")), "") or _word_of_values(o) for o in options}
    return found.pop() if len(found) == 1 else "any"


def _word_of_values(said: Mapping[str, Any]) -> str:
    values = said.get("enum", [said["const"]] if "const" in said else [])
    kinds = {type(v).__name__ for v in values}
    return kinds.pop() if len(kinds) == 1 else "any"


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """``schema`` without ``$defs``: every reference replaced by what it means, so that readers need no resolver."""
    definitions = schema.get("$defs", {})

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            meant = walk(definitions[node["$ref"].rpartition("/")[2]])
            return {**meant, **{key: walk(value) for key, value in node.items() if key != "$ref"}}
        return {key: walk(value) for key, value in node.items() if key != "$defs"}

    inlined: dict[str, Any] = walk(schema)
    return inlined


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(word, str) for word in value):
        raise TypeError(f"expected a list of texts, found {value!r}")
    return tuple(value)


def _obeys(cls: type[BaseModule], name: str) -> None:
    wrong: list[tuple[str, str]] = []
    if not TYPE_NAME.match(name):
        wrong.append((f"`{name}` is no name for a module type", "A name is 2 to 64 small letters, digits, `_`, `.` or `-` and begins with a letter."))
    if cls.TYPE not in KINDS:
        said = "it does not say its TYPE" if cls.TYPE == BaseModule.TYPE else f"TYPE is `{cls.TYPE}`"
        wrong.append((said, capital(did_you_mean(cls.TYPE, KINDS))))
    if cls.TYPE == "source" and cls.INPUT_PORTS:
        wrong.append((f"a source has no input ports, but INPUT_PORTS names `{cls.INPUT_PORTS[0]}`", "Make it a mod, or take the port out."))
    if cls.TYPE == "solo" and (must := [port for port in cls.INPUT_PORTS if "optional" not in cls.PORT_RULES.get(port, "").split()]):
        wrong.append((f"a solo works without a table, but INPUT_PORTS names `{must[0]}`", "Make it a sink, or say in PORT_RULES that the port is optional."))
    if cls.TYPE in {"sink", "solo"} and cls.OUTPUT_PORTS:
        wrong.append((f"a {cls.TYPE} has no output ports, but OUTPUT_PORTS names `{cls.OUTPUT_PORTS[0]}`", "Make it a mod, or take the port out."))
    if cls.TYPE in {"mod", "sink"} and not cls.INPUT_PORTS:
        wrong.append((f"a {cls.TYPE} needs an input port", 'Write INPUT_PORTS = ["input"].'))
    if cls.TYPE in {"source", "mod"} and not cls.OUTPUT_PORTS:
        wrong.append((f"a {cls.TYPE} needs an output port", "Name it in OUTPUT_PORTS."))
    strangers = set(cls.REJECT_PORTS) - set(cls.OUTPUT_PORTS)
    if strangers:
        wrong.append((f"REJECT_PORTS names `{sorted(strangers)[0]}`, which is no output port", "Name it in OUTPUT_PORTS too."))
    if wrong:
        raise PypeError(*(Problem("PYE375", f"module type `{name}`: {message}", Place(module=name), mend) for message, mend in wrong))
