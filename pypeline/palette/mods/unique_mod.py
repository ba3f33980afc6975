"""``unique_mod``: one row of every key; the others leave by another port."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from pypeline.sdk import (
    Column,
    Expr,
    Inputs,
    ModuleConfig,
    PartitionNeed,
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
    names,
    new_column,
    passed,
)

ColumnName = Annotated[str, column()]


class Key(ModuleConfig):
    """One key column."""

    column: ColumnName = Field(title="Column")
    ignore_case: bool = Field(default=False, title="Ignore case", description="For text: `a` and `A` are equal.")


class Order(ModuleConfig):
    """A column to order by; nulls last."""

    column: ColumnName = Field(title="Column")
    direction: Literal["asc", "desc"] = Field(default="asc", title="Direction")


class Config(ModuleConfig):
    """What is equal, and which of the equal rows stays."""

    keys: Annotated[list[str | Key], columns()] = Field(
        default=[], title="Keys", description="Rows are equal when these columns are; none means all columns. Null equals null.", examples=[["customer_id"]]
    )
    keep: Literal["first", "last", "any"] = Field(default="first", title="Keep", description="Which of the equal rows; `any` is the fastest.")
    order_by: Annotated[list[str | Order], columns()] = Field(
        default=[], title="Order", description="What first and last mean; empty: the order in which the rows arrive."
    )
    adjacent: bool = Field(
        default=False, title="Adjacent only", description="Only rows that follow each other count as equal: each run keeps one row, in the order of arrival."
    )
    count_column: Annotated[str | None, new_column()] = Field(
        default=None, title="Count column", description="Adds to `output` how many equal rows there were."
    )

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if self.order_by and (self.adjacent or self.keep == "any"):
            raise ValueError("order_by goes with keep: first or last, and not with adjacent, which takes rows as they arrive")
        return self


class UniqueMod(RelationalModule):
    """Keeps one row of every key; the rest leave by ``duplicates``."""

    TYPE = "mod"
    DESCRIPTION = "Keeps one row of every key; the others leave by `duplicates`"
    CATEGORY = "Rows"
    TITLE: ClassVar[str] = "Unique rows"
    ICON: ClassVar[str] = "unique"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    OUTPUT_PORTS: ClassVar[list[str]] = ["output", "duplicates"]
    GLOBALS: ClassVar[list[str]] = ["row_count", "rejected_count"]
    PARTITION: ClassVar[PartitionNeed] = PartitionNeed.BY
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """A GROUP BY where ``output`` alone is read; else rows ranked within their key."""
        schema = inputs["input"][0]
        keys = self._keys(schema)
        if self.config.count_column is not None:
            distinct((*names(schema), self.config.count_column), ("count_column",))
        if self.config.adjacent or "duplicates" in wanted:
            return self._ranked(schema, keys, wanted)
        return self._grouped(schema, keys)

    def _keys(self, schema: Schema) -> list[tuple[Column, bool]]:
        said = [key if isinstance(key, Key) else Key(column=key) for key in self.config.keys]
        distinct((key.column for key in said), ("keys",))
        found = [(find(key.column, schema, ("keys", number)), key.ignore_case) for number, key in enumerate(said)]
        return found or [(column, False) for column in schema]

    def _order(self, schema: Schema, table: str, place: str) -> list[Expr]:
        """What makes a row come first, the arrival number last."""
        said = [order if isinstance(order, Order) else Order(column=order) for order in self.config.order_by]
        last = self.config.keep == "last"
        made: list[Expr] = []
        for number, order in enumerate(said):
            value = col(table, find(order.column, schema, ("order_by", number)).name)
            upwards = (order.direction == "asc") != last
            made.append(Expr(f"{value.sql} {'ASC' if upwards else 'DESC'} NULLS {'FIRST' if last else 'LAST'}", value.reads))
        value = col(table, place)
        return [*made, Expr(f"{value.sql} {'DESC' if last else 'ASC'}", value.reads)]

    def _grouped(self, schema: Schema, keys: list[tuple[Column, bool]]) -> Relation:
        config = self.config
        count = [(config.count_column, Expr("count(*)"))] if config.count_column is not None else []
        folded = {column.name for column, ignore_case in keys if ignore_case and column.type == "string"}
        plain = {column.name for column, _ in keys} - folded
        if config.keep == "any" or (not config.order_by and plain == set(names(schema))):
            by = tuple(_value("input", column, fold) for column, fold in keys)
            made = [(c.name, _value("input", c, False) if c.name in plain else _call("first", "input", c.name)) for c in schema]
            return Relation(outputs={"output": Query((*made, *count), Expr('"input"'), group_by=by)}, blocking=True, change="fewer")
        place = fresh("place", names(schema))
        numbered = Query((*passed("input", schema), (place, Expr("row_number() OVER ()"))), Expr('"input"'))
        by = tuple(_value("numbered", column, fold) for column, fold in keys)
        order = self._order(schema, "numbered", place)
        made = [(c.name, col("numbered", c.name) if c.name in plain else self._pick(c.name, order, place)) for c in schema]
        output = Query((*made, *count), Expr('"numbered"'), group_by=by)
        return Relation(outputs={"output": output}, steps={"numbered": numbered}, blocking=True, change="fewer")

    def _pick(self, name: str, order: list[Expr], place: str) -> Expr:
        """The value of ``name`` in the group's first row."""
        value = col("numbered", name)
        reads = value.reads.union(*(o.reads for o in order))
        if len(order) == 1:
            function = "arg_max_null" if self.config.keep == "last" else "arg_min_null"
            return Expr(f"{function}({value.sql}, {col('numbered', place).sql})", reads)
        return Expr(f"first({value.sql} ORDER BY {', '.join(o.sql for o in order)})", reads)

    def _ranked(self, schema: Schema, keys: list[tuple[Column, bool]], wanted: frozenset[str]) -> Relation:
        taken = list(names(schema))
        made: list[str] = []
        for name in ("place", "rank", "size", "starts", "run"):
            made.append(fresh(name, taken))
            taken.append(made[-1])
        place, rank, size, starts, run = made
        steps = {"numbered": Query((*passed("input", schema), (place, Expr("row_number() OVER ()"))), Expr('"input"'))}
        table = "numbered"
        by = [_value(table, column, fold) for column, fold in keys]
        own = (*schema, Column(place, "int64"))
        if self.config.adjacent:
            at = col(table, place)
            changes = " OR ".join(f"{key.sql} IS DISTINCT FROM lag({key.sql}) OVER (ORDER BY {at.sql})" for key in by)
            reads = at.reads.union(*(key.reads for key in by))
            steps["marked"] = Query((*passed(table, own), (starts, Expr(f"CASE WHEN {at.sql} = 1 OR {changes} THEN 1 ELSE 0 END", reads))), Expr('"numbered"'))
            at, begun = col("marked", place), col("marked", starts)
            running = Expr(f"sum({begun.sql}) OVER (ORDER BY {at.sql} ROWS UNBOUNDED PRECEDING)", at.reads | begun.reads)
            steps["runs"] = Query((*passed("marked", own), (run, running)), Expr('"marked"'))
            table, by = "runs", [col("runs", run)]
        within = ", ".join(key.sql for key in by)
        order = self._order(schema, table, place)
        reads = frozenset().union(*(e.reads for e in (*by, *order)))
        ranked = Expr(f"row_number() OVER (PARTITION BY {within} ORDER BY {', '.join(o.sql for o in order)})", reads)
        counted = Expr(f"count(*) OVER (PARTITION BY {within})", frozenset().union(*(e.reads for e in by)))
        steps["ranked"] = Query((*passed(table, own), (rank, ranked), (size, counted)), Expr(f'"{table}"'))
        at = col("ranked", rank)
        arrival = (col("ranked", place),) if self.config.adjacent else ()
        count = ((self.config.count_column, col("ranked", size)),) if self.config.count_column is not None else ()
        outputs: dict[str, Query] = {}
        if "output" in wanted:
            outputs["output"] = Query((*passed("ranked", schema), *count), Expr('"ranked"'), where=Expr(f"{at.sql} = 1", at.reads), order_by=arrival)
        if "duplicates" in wanted:
            outputs["duplicates"] = Query(passed("ranked", schema), Expr('"ranked"'), where=Expr(f"{at.sql} > 1", at.reads), order_by=arrival)
        return Relation(outputs=outputs, steps=steps, blocking=True, change="fewer")


def _value(table: str, column: Column, ignore_case: bool) -> Expr:
    value = col(table, column.name)
    return Expr(f"lower({value.sql})", value.reads) if ignore_case and column.type == "string" else value


def _call(function: str, table: str, name: str) -> Expr:
    value = col(table, name)
    return Expr(f"{function}({value.sql})", value.reads)
