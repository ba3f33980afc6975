"""``union_mod``: the rows of several tables, one table below the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pypeline.sdk import (
    Column,
    Expr,
    Inputs,
    ModuleConfig,
    Query,
    Relation,
    RelationalModule,
    Schema,
    UnionAll,
    col,
    distinct,
    literal,
    misfit,
    names,
    new_column,
    port_alias,
    quote,
)


class Config(ModuleConfig):
    """How the tables fit together."""

    match: Literal["name", "position"] = Field(
        default="name", title="Match columns by", description="Their names; or their positions, under the names of the first table."
    )
    strict: bool = Field(default=False, title="Strict", description="All tables must have the same columns. Off: a column that a table lacks is null there.")
    source_column: Annotated[str | None, new_column()] = Field(
        default=None, title="Source column", description="Adds a column that says which table the row came from.", examples=["origin"]
    )
    labels: list[str] = Field(default=[], title="Labels", description="What the source column says for the first, second … table; else `1`, `2` …")


class UnionMod(RelationalModule):
    """Appends tables in the order of their links. Numbers of different types meet in the wider one."""

    TYPE = "mod"
    DESCRIPTION = "Puts the rows of several tables one below the other"
    CATEGORY = "Combine"
    TITLE: ClassVar[str] = "Union"
    ICON: ClassVar[str] = "union"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    OUTPUT_PORTS: ClassVar[list[str]] = ["output"]
    PORT_RULES: ClassVar[dict[str, str]] = {"input": "many"}
    GLOBALS: ClassVar[list[str]] = ["row_count"]
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """A UNION ALL with every column spelled out in every part."""
        schemas = inputs["input"]
        by_name = self.config.match == "name"
        merged = _by_name(schemas, self.config.strict) if by_name else _by_position(schemas)
        source = self.config.source_column
        distinct((*names(merged), *([source] if source else [])), ("source_column",))
        parts: list[Query] = []
        for number, schema in enumerate(schemas):
            alias = port_alias("input", number)
            own = {c.name: c.name for c in schema} if by_name else {c.name: o.name for c, o in zip(merged, schema, strict=True)}
            made = [(c.name, col(alias, own[c.name]) if c.name in own else Expr("NULL")) for c in merged]
            if source is not None:
                label = self.config.labels[number] if number < len(self.config.labels) else str(number + 1)
                made.append((source, Expr(literal(label))))
            parts.append(Query(tuple(made), Expr(quote(alias))))
        return Relation(outputs={"output": UnionAll(tuple(parts))}, change="same")


def _by_name(schemas: Sequence[Schema], strict: bool) -> Schema:
    """All columns, in the order in which they first appear."""
    merged: dict[str, Column] = {}
    for number, schema in enumerate(schemas, 1):
        if strict and number > 1 and set(names(schema)) != set(merged):
            odd = sorted(set(names(schema)) ^ set(merged))[0]
            message = f"table 1 and table {number} do not both have the column `{odd}`"
            raise misfit("PYE372", message, ("strict",), "Make the columns equal with select_mod, or set strict: false.")
        for column in schema:
            old = merged.get(column.name)
            merged[column.name] = column if old is None else Column(column.name, _both(old, column, number))
    return tuple(merged.values())


def _by_position(schemas: Sequence[Schema]) -> Schema:
    first: Schema = schemas[0]
    merged = list(first)
    for number, schema in enumerate(schemas, 1):
        if len(schema) != len(first):
            message = f"table 1 has {len(first)} columns, table {number} has {len(schema)}"
            raise misfit("PYE372", message, ("match",), "Match by name, or make the columns equal with select_mod.")
        merged = [Column(a.name, _both(a, b, number)) for a, b in zip(merged, schema, strict=True)]
    return tuple(merged)


def _both(one: Column, other: Column, number: int) -> str:
    """The type both columns fit in; where they differ, the first is only a stand-in that the engine widens."""
    if one.type == other.type or _family(one.type) == _family(other.type):
        return one.type
    message = f"`{one.name}` is {one.type} in an earlier table and {other.type} in table {number}"
    raise misfit("PYE372", message, ("match",), "Give both one type, at the source or with select_mod.")


def _family(type: str) -> str:
    if type.startswith(("int", "uint", "float", "double", "decimal")) and type != "interval":
        return "number"
    return "moment" if type in {"date", "timestamp"} else type
