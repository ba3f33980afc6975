"""``aggregate_mod``: one row a group, with counts, sums and other measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    aggregate,
    col,
    column,
    columns,
    distinct,
    find,
    find_all,
    fresh,
    literal,
    misfit,
    names,
    new_column,
    passed,
)

Function = Literal[
    "count", "count_values", "count_distinct", "sum", "avg", "min", "max", "first", "last", "first_value", "last_value", "median",
    "quantile_cont", "quantile_exc", "quantile_disc", "stddev_samp", "stddev_pop", "var_samp", "var_pop", "mode", "list", "concat", "any", "all",
]  # fmt: skip
_BY_ARRIVAL = {"first", "last", "first_value", "last_value", "list", "concat", "mode"}
_INTEGERS = ("int", "uint")
_NUMBERS = ("int", "uint", "float", "double", "decimal")
_MOMENTS = ("date", "timestamp")
_ACCEPTED = (
    dict.fromkeys(("sum", "avg", "quantile_exc", "stddev_samp", "stddev_pop", "var_samp", "var_pop"), _NUMBERS)
    | dict.fromkeys(("median", "quantile_cont"), _NUMBERS + _MOMENTS)
    | dict.fromkeys(("any", "all"), ("bool",))
)


ColumnName = Annotated[str, column()]


class Order(ModuleConfig):
    """A column to order by."""

    column: ColumnName = Field(title="Column")
    direction: Literal["asc", "desc"] = Field(default="asc", title="Direction")


class Measure(ModuleConfig):
    """One aggregate of one column."""

    function: Function = Field(
        title="Function",
        description="`count` counts rows, `count_values` values that are not null. `first` and `last` skip nulls, `first_value` and `last_value` do not. "
        "`quantile_cont` interpolates between the values at (n-1)q (as spreadsheets' PERCENTILE.INC), `quantile_exc` at (n+1)q (PERCENTILE.EXC), "
        "`quantile_disc` takes the nearest value at or above. `_samp` divides by n-1, `_pop` by n.",
    )
    column: ColumnName | None = Field(default=None, title="Column", description="Every function but `count` needs one.")
    quantile: float | None = Field(default=None, ge=0, le=1, title="Quantile", description="For the quantile functions: 0.9 is the 90th percentile.")
    separator: str = Field(default=", ", title="Separator", description="For `concat`: between two texts.")
    distinct: bool = Field(default=False, title="Distinct", description="Equal values count once; for sum, avg, list and concat.")
    order_by: list[Order] = Field(default=[], title="Order", description="For first, last, list and concat: the order of the rows; empty means as they arrive.")

    @model_validator(mode="after")
    def _fits(self) -> Measure:
        if self.function != "count" and self.column is None:
            raise ValueError(f"{self.function} needs a column")
        if self.function.startswith("quantile") != (self.quantile is not None):
            raise ValueError("quantile goes with quantile_cont, quantile_exc and quantile_disc, and they need it")
        if self.distinct and self.function not in {"sum", "avg", "list", "concat"}:
            raise ValueError("distinct goes with sum, avg, list and concat; there is count_distinct for counting")
        return self


class Config(ModuleConfig):
    """Groups and measures."""

    measures: Annotated[dict[str, Annotated[str, aggregate()] | Measure], new_column()] = Field(
        min_length=1,
        title="Measures",
        description="New column and what it holds: an aggregate expression, or a function and a column.",
        examples=[{"orders": "count(*)", "revenue": "sum(price * quantity)", "median_price": {"function": "median", "column": "price"}}],
    )
    group_by: Annotated[list[str], columns()] = Field(
        default=[],
        title="Group by",
        description="Columns of equal values make a group; nulls are one group. Empty: all rows are one group, also when there are none.",
    )


class AggregateMod(RelationalModule):
    """Groups rows and measures each group. The sum of integers is an int64; beyond it the run fails."""

    TYPE = "mod"
    DESCRIPTION = "One row for each group of rows, with counts, sums and other measures"
    CATEGORY = "Summarise"
    TITLE: ClassVar[str] = "Aggregate"
    ICON: ClassVar[str] = "sigma"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    OUTPUT_PORTS: ClassVar[list[str]] = ["output"]
    GLOBALS: ClassVar[list[str]] = ["row_count"]
    PARTITION: ClassVar[PartitionNeed] = PartitionNeed.BY
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """A GROUP BY; where arrival order matters, over rows numbered as they arrive."""
        schema = inputs["input"][0]
        config = self.config
        keys = find_all(config.group_by, schema, ("group_by",))
        distinct((*config.group_by, *config.measures), ("measures",))
        steps: dict[str, Query] = {}
        table, place = "input", ""
        if any(isinstance(m, Measure) and m.function in _BY_ARRIVAL and not m.order_by for m in config.measures.values()):
            place = fresh("place", names(schema))
            steps["numbered"] = Query((*passed("input", schema), (place, Expr("row_number() OVER ()"))), Expr('"input"'))
            table = "numbered"
        made = tuple((name, self._measure(name, measure, schema, table, place)) for name, measure in config.measures.items())
        by = tuple(col(table, key.name) for key in keys)
        query = Query((*((key.name, col(table, key.name)) for key in keys), *made), Expr(f'"{table}"'), group_by=by)
        return Relation(outputs={"output": query}, steps=steps, blocking=True, change="any")

    def _measure(self, name: str, measure: str | Measure, schema: Schema, table: str, place: str) -> Expr:
        if isinstance(measure, str):
            return self.expr(("measures", name), measure, schema, port=table, aggregates=True)
        path = ("measures", name)
        if measure.column is None:
            return Expr("count(*)")
        found = find(measure.column, schema, (*path, "column"))
        accepted = _ACCEPTED.get(measure.function)
        if accepted and not found.type.startswith(accepted) and found.type != "any":
            message = f"{measure.function} cannot take `{found.name}`, which is {found.type}"
            raise misfit("PYE372", message, (*path, "column"), "Retype it at the source or with select_mod, or write an aggregate expression.")
        orders = [(find(o.column, schema, (*path, "order_by", i)), o.direction) for i, o in enumerate(measure.order_by)]
        return _aggregate(measure, found, orders, table, place)


def _aggregate(measure: Measure, found: Column, orders: Sequence[tuple[Column, str]], table: str, place: str) -> Expr:
    value = col(table, found.name)
    x = value.sql
    keys = ", ".join(f"{col(table, c.name).sql} {direction.upper()} NULLS LAST" for c, direction in orders)
    order = keys or (col(table, place).sql if place else "")
    reads = value.reads | {(table, c.name) for c, _ in orders}
    if place and not orders and measure.function in _BY_ARRIVAL:
        reads |= {(table, place)}
    backwards = ", ".join(f"{col(table, c.name).sql} {'DESC' if d == 'asc' else 'ASC'} NULLS FIRST" for c, d in orders)
    once = "DISTINCT " if measure.distinct else ""
    whole = found.type.startswith(_INTEGERS)
    sql: dict[str, Callable[[], str]] = {
        "count": lambda: "count(*)",
        "count_values": lambda: f"count({x})",
        "count_distinct": lambda: f"count(DISTINCT {x})",
        "sum": lambda: f"CAST(sum({once}{x}) AS BIGINT)" if whole else f"sum({once}{x})",
        "avg": lambda: f"avg({once}{x})",
        "min": lambda: f"min({x})",
        "max": lambda: f"max({x})",
        "first": lambda: f"first({x} ORDER BY {keys}) FILTER (WHERE {x} IS NOT NULL)" if keys else f"arg_min({x}, {order})",
        "last": lambda: f"first({x} ORDER BY {backwards}) FILTER (WHERE {x} IS NOT NULL)" if keys else f"arg_max({x}, {order})",
        "first_value": lambda: f"first({x} ORDER BY {keys})" if keys else f"arg_min_null({x}, {order})",
        "last_value": lambda: f"first({x} ORDER BY {backwards})" if keys else f"arg_max_null({x}, {order})",
        "median": lambda: f"median({x})",
        "quantile_cont": lambda: f"quantile_cont({x}, {literal(measure.quantile)})",
        "quantile_exc": lambda: _exclusive(x, float(measure.quantile or 0)),
        "quantile_disc": lambda: f"quantile_disc({x}, {literal(measure.quantile)})",
        "stddev_samp": lambda: f"stddev_samp({x})",
        "stddev_pop": lambda: f"stddev_pop({x})",
        "var_samp": lambda: f"var_samp({x})",
        "var_pop": lambda: f"var_pop({x})",
        "mode": lambda: f"mode({x} ORDER BY {order})",
        "list": lambda: f"list({once}{x} ORDER BY {x if once else order})",
        "concat": lambda: f"string_agg({once}CAST({x} AS VARCHAR), {literal(measure.separator)} ORDER BY {f'CAST({x} AS VARCHAR)' if once else order})",
        "any": lambda: f"bool_or({x})",
        "all": lambda: f"bool_and({x})",
    }
    return Expr(sql[measure.function](), frozenset(reads))


def _exclusive(x: str, quantile: float) -> str:
    """The quantile at place (n + 1) q of the sorted values, counted from 1 (method 6 of Hyndman and Fan, 1996)."""
    values = f"list(CAST({x} AS DOUBLE) ORDER BY {x}) FILTER (WHERE {x} IS NOT NULL)"
    place = f"greatest(1, least(count({x}), (count({x}) + 1) * {literal(quantile)}))"
    low, high = (f"({values})[CAST({step}({place}) AS BIGINT)]" for step in ("floor", "ceil"))
    return f"{low} + ({place} - floor({place})) * ({high} - {low})"
