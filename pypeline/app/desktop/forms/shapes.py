"""What kind of editor a value wants, read from its JSON Schema. Pure; knows no widget.

Comes in: a field's schema with its ``x-pype`` hint. Goes out: a :class:`Shape`, which names the
editor and all it needs. A value that several shapes could hold has the first as its own and the rest
in ``others``. What no editor understands is ``yaml``: the value as text, with the flow's own rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from pypeline.core.configs import resolved
from pypeline.core.hints import HINT
from pypeline.schema.record import record

Kind = Literal[
    "text", "multiline", "code", "sql", "expression", "aggregate", "path", "secret", "check", "whole", "number", "choice", "column", "new_column",
    "columns", "types", "mapping", "list", "object", "pair", "grid", "yaml",
]  # fmt: skip
Schema = Mapping[str, Any]

TEXTS: frozenset[Kind] = frozenset({"text", "multiline", "code", "sql", "expression", "aggregate", "path", "secret", "column", "new_column"})
_EDITORS: Mapping[str, Kind] = {
    "expression": "expression", "aggregate": "aggregate", "sql": "sql", "column": "column", "new_column": "new_column", "path": "path",
    "secret": "secret", "code": "code", "shell": "multiline", "multiline": "multiline",
}  # fmt: skip
_WORDS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array", "dict": "object"}


@record
class Shape:
    """An editor's kind and what it needs: ``port`` whose columns are offered ("" = of all inputs),
    ``options`` of a choice (``free``: other values may be typed), bounds and ``unit`` of a number,
    ``item`` of a list or of a mapping's values, ``keys`` of a mapping (``column``, ``new_column`` or
    any text), ``fields`` of an object and the one a bare text stands for (``short``)."""

    kind: Kind
    title: str = ""
    port: str = ""
    options: tuple[Any, ...] = ()
    free: bool = False
    least: float | None = None
    most: float | None = None
    unit: str = ""
    length: int | None = None
    mode: str = ""
    format: str = ""
    nullable: bool = False
    item: Shape | None = None
    keys: str = ""
    fields: tuple[Field, ...] = ()
    short: str = ""
    others: tuple[Shape, ...] = ()

    def fits(self, value: Any) -> bool:
        """Whether this shape's own editor can show ``value``."""
        if self.kind == "yaml":
            return True
        if self.kind in TEXTS:
            return isinstance(value, str)
        if self.kind == "check":
            return isinstance(value, bool)
        if self.kind in {"whole", "number"}:
            return not isinstance(value, bool) and isinstance(value, int if self.kind == "whole" else int | float)
        if self.kind == "choice":
            return value in self.options or (self.free and isinstance(value, str | int) and not isinstance(value, bool))
        if self.kind == "columns":
            return _texts(value)
        if self.kind == "pair":
            return isinstance(value, str) or (_texts(value) and len(value) == 2)
        if self.kind == "grid":
            return isinstance(value, list | tuple) and all(isinstance(row, list | tuple | Mapping) for row in value)
        if self.kind == "list":
            return isinstance(value, list | tuple) and all(self.item is not None and self.item.holds(v) for v in value)
        if self.kind in {"mapping", "types"}:
            return isinstance(value, Mapping) and all(self.item is None or self.item.holds(v) for v in value.values())
        if self.short and isinstance(value, str):
            return True
        known = {f.name: f.shape for f in self.fields}
        return isinstance(value, Mapping) and all(k in known and known[k].holds(v) for k, v in value.items())

    def holds(self, value: Any) -> bool:
        """Whether this shape or one of its others can show ``value``; null counts where it may stand."""
        return (value is None and self.nullable) or self.fits(value) or any(o.fits(value) for o in self.others)

    def for_value(self, value: Any) -> Shape:
        """The shape to edit ``value`` with: this, one of the others, or YAML."""
        if value is None or self.fits(value):
            return self
        return next((o for o in self.others if o.fits(value)), YAML)


@record
class Field:
    """One field of a config or object. ``default`` counts only where ``has_default``."""

    name: str
    title: str
    shape: Shape
    description: str = ""
    default: Any = None
    has_default: bool = False
    required: bool = False
    examples: tuple[Any, ...] = ()


YAML = Shape("yaml", "YAML")


def _texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)


def converted(value: Any, shape: Shape) -> Any:
    """``value`` said in the way of ``shape``, meaning the same; None where that cannot be."""
    if shape.fits(value):
        return value
    found: Any = None
    if isinstance(value, str):
        found = [value]
    elif _texts(value) and len(value) == 1 and shape.kind in TEXTS:
        found = value[0]
    elif _texts(value) and shape.kind == "mapping":
        found = {name: name for name in value}
    elif isinstance(value, Mapping) and shape.kind == "columns" and all(k == v for k, v in value.items()):
        found = list(value)
    elif isinstance(value, Mapping) and shape.item is not None and len(shape.item.fields) == 2:
        name, inner = (f.name for f in shape.item.fields)
        found = [{name: k, inner: v} for k, v in value.items()]
    elif isinstance(value, list | tuple) and shape.kind == "mapping" and all(isinstance(v, Mapping) and len(v) == 2 for v in value):
        pairs = [tuple(v.values()) for v in value]
        found = dict(pairs) if len({k for k, _ in pairs}) == len(pairs) else None
    return found if found is not None and shape.fits(found) else None


def fields(schema: Schema) -> tuple[Field, ...]:
    """The fields of an object schema, in its order."""
    needed = set(schema.get("required", ()))
    return tuple(field(name, said, schema, name in needed) for name, said in schema.get("properties", {}).items())


def field(name: str, said: Schema, whole: Schema, required: bool = False) -> Field:
    """One field by its schema."""
    title = said.get("title") or name.replace("_", " ").capitalize()
    return Field(
        name, title, shape(said, whole), str(said.get("description", "")), said.get("default"), "default" in said, required, tuple(said.get("examples", ()))
    )


def shape(said: Schema, whole: Schema, hint: Schema | None = None) -> Shape:
    """The shape of what ``said`` describes; ``hint`` comes from around it."""
    said = resolved(said, whole)
    hint = said.get(HINT, hint or {})
    options = [resolved(o, whole) for o in (*said.get("anyOf", ()), *said.get("oneOf", ()))]
    null = any(o.get("type") == "null" for o in options)
    options = [o for o in options if o.get("type") != "null"]
    if not options:
        return replace(_one(said, whole, hint), nullable=null)
    shapes = [_one(o, whole, o.get(HINT, hint)) for o in options]
    return replace(_together(shapes), nullable=null, title=shapes[0].title)


def _together(shapes: list[Shape]) -> Shape:
    """Alternatives as one: short forms are folded into what they stand for, the rest are ``others``."""
    first, rest = shapes[0], shapes[1:]
    if not rest:
        return first
    second = rest[0]
    if len(rest) == 1 and first.kind == "text" and second.kind in {"object", "pair"}:
        return second if second.kind == "pair" else replace(second, short=_column_field(second)) if _column_field(second) else replace(first, others=(second,))
    if len(rest) == 1 and first.kind == "choice" and second.kind in {"whole", "text"}:
        return replace(first, free=True)
    if all(s.kind in {"text", "whole", "number", "check"} for s in shapes):
        return YAML
    return replace(first, others=tuple(s for s in rest if s.kind != "yaml"))


def _column_field(shape: Shape) -> str:
    return next((f.name for f in shape.fields if f.shape.kind == "column" and f.required), "")


def _one(said: Schema, whole: Schema, hint: Schema) -> Shape:
    if "anyOf" in said or "oneOf" in said:
        return shape(said, whole, hint)
    editor, port = str(hint.get("editor", "")), str(hint.get("port", ""))
    title = str(said.get("title", ""))
    if "enum" in said or "const" in said:
        return Shape("choice", title, options=tuple(said.get("enum", (said.get("const"),))))
    type = _WORDS.get(str(said.get("type")), said.get("type"))
    if type == "string":
        kind = _EDITORS.get(editor, "text")
        return Shape(kind, title, port, length=said.get("maxLength"), mode=str(hint.get("mode", "")), format=str(hint.get("format", "")))
    if type == "boolean":
        return Shape("check", title)
    if type in {"integer", "number"}:
        least, most = said.get("minimum", said.get("exclusiveMinimum")), said.get("maximum", said.get("exclusiveMaximum"))
        return Shape("whole" if type == "integer" else "number", title, least=least, most=most, unit=str(hint.get("unit", "")))
    if type == "array":
        return _list(said, whole, hint, title)
    if type == "object":
        return _object(said, whole, hint, title)
    return YAML


def _list(said: Schema, whole: Schema, hint: Schema, title: str) -> Shape:
    editor, port = str(hint.get("editor", "")), str(hint.get("port", ""))
    items = said.get("items")
    if not isinstance(items, Mapping):
        return YAML
    ways = items.get("anyOf", ())
    if [_scalars(way.get(inner)) for way, inner in zip(ways, ("items", "additionalProperties"), strict=False)] == [True, True]:
        return Shape("grid", title)
    item = shape(items, whole)
    if said.get("minItems") == 2 and said.get("maxItems") == 2 and item.kind in {"text", "column"}:
        return Shape("pair", title)
    if editor == "columns" and item.kind == "text" and not item.others:
        return Shape("columns", title, port)
    if editor == "path" and item.kind == "text":
        item = replace(item, kind="path", mode=str(hint.get("mode", "")), format=str(hint.get("format", "")))
    return YAML if item.kind in {"yaml", "list", "mapping"} else Shape("list", title, port, item=item)


def _scalars(said: Any) -> bool:
    """Whether ``said`` allows numbers, texts and the like, mixed."""
    options = said.get("anyOf", ()) if isinstance(said, Mapping) else ()
    return len(options) > 1 and all(o.get("type") not in {"array", "object"} for o in options)


def _object(said: Schema, whole: Schema, hint: Schema, title: str) -> Shape:
    editor, port = str(hint.get("editor", "")), str(hint.get("port", ""))
    if said.get("properties"):
        return Shape("object", title, fields=fields({**said, "$defs": whole.get("$defs", {})}))
    rest = said.get("additionalProperties")
    if editor == "types":
        return Shape("types", title, port, item=Shape("text"))
    if not isinstance(rest, Mapping):
        return Shape("mapping", title, item=YAML)
    item = shape(rest, whole)
    keys = {"columns": "column", "new_column": "new_column"}.get(editor, "")
    if item.kind in {"expression", "aggregate"}:
        keys = "new_column"
    if item.kind == "object" and not item.short:
        item = YAML
    return Shape("mapping", title, port, item=item, keys=keys)
