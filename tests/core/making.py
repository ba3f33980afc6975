"""Small flows and catalogues for tests of core, made from the short text forms of links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pypeline.core.catalogue import Catalogue
from pypeline.core.facts import Facts
from pypeline.core.modules import Effects, ModuleDecl
from pypeline.core.plan import Plan
from pypeline.core.planner import plan
from pypeline.schema.flow import Flow

_TEXT = {"type": "string"}
_CONDITION = {"type": "string", "x-pype": {"editor": "expression", "port": "input"}}


def _schema(properties: Mapping[str, Any] = {}, required: Sequence[str] = ()) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(required), "additionalProperties": False}


def _decl(name: str, kind: Any, ports: tuple[str, str] = ("", ""), schema: Mapping[str, Any] | None = None, **more: Any) -> ModuleDecl:
    said = schema if schema is not None else _schema()
    halves: dict[str, Any] = {
        "required": {field: {} for field in said["required"]},
        "optional": {field: {} for field in said["properties"] if field not in said["required"]},
    }
    return ModuleDecl(
        name, f"pypeline.palette.{name}", kind, title=name,
        input_ports=tuple(ports[0].split()), output_ports=tuple(ports[1].split()), config_schema=halves, json_schema=said, **more,
    )  # fmt: skip


_RELATIONAL: dict[str, Any] = {"relational": True, "deterministic": True, "effects": Effects.PURE}
_READER = _schema(
    {
        "path": {**_TEXT, "x-pype": {"editor": "path"}},
        "rows": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 10},
        "password": {"type": "string", "x-pype": {"editor": "secret"}},
    },
    ["path"],
)
_OUTPUTS = {"type": "array", "items": _schema({"name": _TEXT, "when": _CONDITION}, ["name"]), "default": []}
_SCRIPT = {"source": {"type": "string", "x-pype": {"editor": "code"}, "default": ""}, "label": {**_TEXT, "default": ""}}
_TABLES = {"tables": {"type": "array", "items": _TEXT, "default": []}}
_MODE = {"anyOf": [{"enum": ["all", "any", "ended"], "type": "string"}, {"type": "integer", "minimum": 1}], "default": "all"}
_COUNT = ("row_count",)
DECLS = (
    _decl("read", "source", ("", "data reject"), _READER, relational=True, effects=Effects.READS, reject_ports=("reject",), globals=_COUNT),
    _decl("keep", "mod", ("input", "output reject"), _schema({"condition": _CONDITION}, ["condition"]), globals=_COUNT, **_RELATIONAL),
    _decl("pass", "mod", ("input", "output"), _schema({"label": {**_TEXT, "default": ""}}), globals=_COUNT, **_RELATIONAL),
    _decl("join", "mod", ("left right", "output"), _schema({"on": {"type": "array", "items": _TEXT, "default": []}}), **_RELATIONAL),
    _decl("stack", "mod", ("input", "output"), port_rules={"input": "many"}, **_RELATIONAL),
    _decl("map", "mod", ("input", ""), _schema({"outputs": _OUTPUTS}), port_rules={"outputs_from": "optional.outputs[].name"}, **_RELATIONAL),
    _decl("python", "mod", ("input", "output"), _schema(_SCRIPT), effects=Effects.CODE, globals=("answer",)),
    _decl("write", "sink", ("input", ""), _schema({"path": {**_TEXT, "default": "out"}}), relational=True, effects=Effects.WRITES),
    _decl("do", "solo", schema=_schema({"text": {**_TEXT, "default": ""}}), effects=Effects.CODE, globals=("result",)),
    _decl("child", "solo", schema=_schema(_TABLES), effects=Effects.CODE, port_rules={"outputs_from": "optional.tables[]"}),
    _decl("sync_gate", "solo", schema=_schema({"mode": _MODE})),
)
CATALOGUE = Catalogue({decl.name: decl for decl in DECLS})
_DEFAULT_CONFIGS: Mapping[str, Mapping[str, Any]] = {"read": {"required": {"path": "in.csv"}}, "keep": {"required": {"condition": "a > 1"}}}


def flow(modules: str | Sequence[Any], data: Sequence[str] = (), control: Sequence[str] = (), **more: Any) -> Flow:
    """A flow. ``modules`` reads ``"a:read b:keep c"`` (``do`` where no type is said), or lists such
    words and mappings."""
    made = []
    for one in modules.split() if isinstance(modules, str) else modules:
        if isinstance(one, str):
            id, _, type = one.partition(":")
            one = {"id": id, "name": type or "do"}
        one.setdefault("configs", _DEFAULT_CONFIGS.get(one["name"], {}))
        made.append(one)
    return Flow.model_validate({"flow": {"name": "test"}, "modules": made, "connections": {"data": list(data), "control": list(control)}, **more})


def facts(**more: Any) -> Facts:
    """Facts with the test catalogue."""
    return Facts(catalogue=CATALOGUE, **more)


def planned(modules: str | Sequence[Any], data: Sequence[str] = (), control: Sequence[str] = (), **more: Any) -> Plan:
    """The plan of :func:`flow`."""
    return plan(flow(modules, data, control, **more), facts())
