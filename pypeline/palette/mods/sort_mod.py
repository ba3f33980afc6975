"""``sort_mod``: rows in order, all of them or the first few."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pypeline.sdk import (
    Column,
    Expr,
    Inputs,
    ModuleConfig,
    PartitionNeed,
    Path,
    Query,
    Relation,
    RelationalModule,
    Schema,
    col,
    column,
    columns,
    distinct,
    find,
    fresh,
    misfit,
    names,
    passed,
    unit,
)

ColumnName = Annotated[str, column()]


class Key(ModuleConfig):
    """One sort key."""

    column: ColumnName = Field(title="Column")
    direction: Literal["asc", "desc"] = Field(default="asc", title="Direction")
    nulls: Literal["last", "first"] = Field(default="last", title="Nulls", description="Last in both directions, unless you say first.")
    ignore_case: bool = Field(default=False, title="Ignore case", description="For text: `a` and `A` are equal.")


class Config(ModuleConfig):
    """The order, and how much of it."""

    keys: Annotated[list[str | Key], columns()] = Field(
        min_length=1,
        title="Sort by",
        description="A column name sorts upwards; write a mapping for the rest.",
        examples=[["country", {"column": "revenue", "direction": "desc"}]],
    )
    limit: Annotated[int | None, unit("rows")] = Field(default=None, ge=0, title="Limit", description="Keep the first so many rows: the top n.")
    offset: Annotated[int, unit("rows")] = Field(default=0, ge=0, title="Skip", description="Leave out the first so many rows.")


class SortMod(RelationalModule):
    """Sorts rows. Equal rows keep the order in which they arrived; text compares by code point."""

    TYPE = "mod"
    DESCRIPTION = "Sorts rows by columns, and keeps all or the first few"
    CATEGORY = "Rows"
    TITLE: ClassVar[str] = "Sort"
    ICON: ClassVar[str] = "sort"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    OUTPUT_PORTS: ClassVar[list[str]] = ["output"]
    GLOBALS: ClassVar[list[str]] = ["row_count"]
    PARTITION: ClassVar[PartitionNeed] = PartitionNeed.RANGE
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """One ORDER BY, the arrival number last, which makes it stable."""
        schema = inputs["input"][0]
        config = self.config
        place = fresh("place", names(schema))
        numbered = Query((*passed("input", schema), (place, Expr("row_number() OVER ()"))), Expr('"input"'))
        keys = [key if isinstance(key, Key) else Key(column=key) for key in config.keys]
        distinct((key.column for key in keys), ("keys",))
        order: list[Expr] = []
        for number, key in enumerate(keys):
            found = _column(key.column, schema, ("keys", number))
            value = col("numbered", found.name)
            sql = f"lower({value.sql})" if key.ignore_case and found.type == "string" else value.sql
            order.append(Expr(f"{sql} {key.direction.upper()} NULLS {key.nulls.upper()}", value.reads))
        order.append(col("numbered", place))
        query = Query(passed("numbered", schema), Expr('"numbered"'), order_by=tuple(order), limit=config.limit, offset=config.offset or None)
        whole = config.limit is None and not config.offset
        return Relation(outputs={"output": query}, steps={"numbered": numbered}, blocking=True, change="same" if whole else "fewer")


def _column(name: str, schema: Schema, path: Path) -> Column:
    """The column of a key. A sign or a word for the direction, as other tools have it, gets the way to write it here."""
    bare = name.removeprefix("-").removesuffix(" desc").removesuffix(" DESC").strip()
    if bare != name and name not in names(schema) and bare in names(schema):
        raise misfit("PYE370", f"there is no column `{name}` at `input`", path, f"For falling order write {{column: {bare}, direction: desc}}.")
    return find(name, schema, path)
