"""A module's config seen through its JSON Schema: every text with its editor hint, and the defaults.

Comes in: plain config data and a schema as :mod:`pypeline.core.declare` makes it. The hint
(``x-pype``) says what a text is for: expression, SQL, secret, code, path … or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from pypeline.core.hints import HINT
from pypeline.core.variables import as_text
from pypeline.schema.problems import Path
from pypeline.schema.record import record

Hint = Mapping[str, Any]
NO_HINT: Hint = {}
EXPRESSIONS = frozenset({"expression", "aggregate"})
"""Editors of texts in the expression language."""
BOUND = EXPRESSIONS | {"sql"}
"""Editors of texts whose variables are bound as values and never pasted."""


@record
class Text:
    """A text in a config: where (the config's field first), what, and what for. ``key`` says that it
    is a key of a mapping rather than a value."""

    path: Path
    text: str
    hint: Hint
    said: Mapping[str, Any]
    """What the schema says of this place; nothing where anything may stand."""
    whole: Mapping[str, Any]

    def fitting(self, value: Any) -> Any:
        """``value`` as it takes this text's place: one number, truth value or date as text where nothing else may stand."""
        if value is None or isinstance(value, str | bytes | Mapping | list | tuple):
            return value
        types = _types(self.said, self.whole)
        return as_text(value) if "string" in types and not types & {"", "integer", "number", "boolean"} else value

    @property
    def takes_null(self) -> bool:
        """Whether null may stand in this text's place."""
        return bool(_types(self.said, self.whole) & {"", "null"})

    @property
    def editor(self) -> str:
        """The hint's editor, ``""`` without one."""
        return str(self.hint.get("editor", ""))


def texts(config: Mapping[str, Any], schema: Mapping[str, Any] | None) -> Iterator[Text]:
    """All texts among the values of ``config``, depth first in order, with their hints."""
    whole = schema or {}
    stack: list[tuple[Path, Any, Mapping[str, Any], Hint]] = [((), config, whole, NO_HINT)]
    while stack:
        path, value, said, hint = stack.pop()
        if isinstance(value, str):
            found = branch(said, "string", whole)
            yield Text(path, value, found.get(HINT, said.get(HINT, hint)), said, whole)
        elif isinstance(value, Mapping):
            found = branch(said, "object", whole)
            hint = found.get(HINT, said.get(HINT, hint))
            named, other = found.get("properties", {}), found.get("additionalProperties")
            rest = other if isinstance(other, Mapping) else {}
            stack.extend(((*path, key), value[key], named.get(key, rest), hint) for key in reversed(value))
        elif isinstance(value, (list, tuple)):
            found = branch(said, "array", whole)
            hint = found.get(HINT, said.get(HINT, hint))
            items = found.get("items")
            items = items if isinstance(items, Mapping) else {}
            stack.extend(((*path, at), value[at], items, hint) for at in range(len(value) - 1, -1, -1))


def branch(said: Mapping[str, Any], type: str, whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """The alternative of ``said`` that speaks of values of ``type``; ``said`` itself without one."""
    said = resolved(said, whole)
    for option in (*said.get("anyOf", ()), *said.get("oneOf", ()), *said.get("allOf", ())):
        option = resolved(option, whole)
        if option.get("type") == type or "anyOf" in option or "oneOf" in option:
            found = branch(option, type, whole)
            if found.get("type") == type:
                return found
    return said


def _types(said: Mapping[str, Any], whole: Mapping[str, Any]) -> set[str]:
    """The JSON types that ``said`` allows; ``""`` stands for any."""
    said = resolved(said, whole)
    options = (*said.get("anyOf", ()), *said.get("oneOf", ()), *said.get("allOf", ()))
    if options:
        return set().union(*(_types(option, whole) for option in options))
    type = said.get("type", "")
    return {type} if isinstance(type, str) else set(type)


def resolved(said: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """``said`` with a ``$ref`` into ``whole`` followed."""
    for _ in range(16):
        ref = said.get("$ref")
        if not isinstance(ref, str) or not ref.startswith("#/"):
            return said
        target: Any = whole
        for part in ref[2:].split("/"):
            target = target.get(part, {}) if isinstance(target, Mapping) else {}
        said = target
    return said


def defaults(schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """The default of every field that has one."""
    return {name: deepcopy(said["default"]) for name, said in (schema or {}).get("properties", {}).items() if "default" in said}


def replaced(config: Mapping[str, Any], changes: Mapping[Path, Any]) -> dict[str, Any]:
    """``config`` with new values at some paths; the rest is shared, nothing is changed in place."""
    made: dict[str, Any] = dict(config)
    copied: dict[Path, Any] = {(): made}
    for path, value in changes.items():
        for depth in range(1, len(path)):
            if path[:depth] not in copied:
                old = copied[path[: depth - 1]][path[depth - 1]]
                new = dict(old) if isinstance(old, Mapping) else list(old)
                copied[path[: depth - 1]][path[depth - 1]] = new
                copied[path[:depth]] = new
        copied[path[:-1]][path[-1]] = value
    return made


def integers(config: Mapping[str, Any], schema: Mapping[str, Any] | None) -> dict[Path, int]:
    """The whole floats of ``config`` (``1e3``, ``2.0``) where its schema wants an integer, as integers."""
    whole = schema or {}
    found: dict[Path, int] = {}
    stack: list[tuple[Path, Any, Mapping[str, Any]]] = [((), config, whole)]
    while stack:
        path, value, said = stack.pop()
        if isinstance(value, float):
            if value.is_integer() and branch(said, "integer", whole).get("type") == "integer" and branch(said, "number", whole).get("type") != "number":
                found[path] = int(value)
        elif isinstance(value, Mapping):
            inner = branch(said, "object", whole)
            named, other = inner.get("properties", {}), inner.get("additionalProperties")
            stack.extend(((*path, key), each, named.get(key, other if isinstance(other, Mapping) else {})) for key, each in value.items())
        elif isinstance(value, (list, tuple)):
            items = branch(said, "array", whole).get("items")
            stack.extend(((*path, at), each, items if isinstance(items, Mapping) else {}) for at, each in enumerate(value))
    return found


def has_floats(value: Any) -> bool:
    """Whether any value in ``value`` is a float."""
    if isinstance(value, (str, float)):
        return isinstance(value, float)
    return _any(has_floats, value)


def has_braces(value: Any) -> bool:
    """Whether any text in ``value`` may hold a variable."""
    if isinstance(value, str):
        return "{{" in value
    return _any(has_braces, value)


def _any(asked: Callable[[Any], bool], value: Any) -> bool:
    if isinstance(value, (dict, Mapping)):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return False
    # a plain loop: this is asked of every module of a flow, most of which have next to nothing
    for each in value:  # noqa: SIM110
        if asked(each):
            return True
    return False
