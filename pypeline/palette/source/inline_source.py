"""``inline_source``: a small table written in the flow itself."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from pypeline.sdk import Column, Effects, Expr, Inputs, ModuleConfig, Query, Relation, RelationalModule, Values, col, distinct, known_type, types

Cell = str | int | float | bool | None
Rows = list[list[Cell] | dict[str, Cell]]


class Config(ModuleConfig):
    """Columns with types, and rows."""

    columns: Annotated[dict[str, str], types()] = Field(
        min_length=1, title="Columns", description="Column name and type.", examples=[{"code": "string", "rate": "decimal(9,4)"}]
    )
    rows: Rows = Field(
        title="Rows",
        description="Each a list in the order of the columns, or a mapping column: value. Dates and times are written as text.",
        examples=[[["EUR", "1.0"], {"code": "USD", "rate": "0.93"}]],
    )

    @model_validator(mode="after")
    def _fits(self) -> Config:
        for number, row in enumerate(self.rows, 1):
            if isinstance(row, dict):
                unknown = sorted(set(row) - set(self.columns))
                if unknown:
                    raise ValueError(f"row {number} names `{unknown[0]}`, which columns does not declare")
            elif len(row) != len(self.columns):
                raise ValueError(f"row {number} has {len(row)} values for {len(self.columns)} columns")
        return self


class InlineSource(RelationalModule):
    """A literal table. A value that is not of its column's type fails the run."""

    TYPE = "source"
    DESCRIPTION = "A small table written in the flow"
    CATEGORY = "Generated"
    TITLE: ClassVar[str] = "Inline table"
    ICON: ClassVar[str] = "table"
    OUTPUT_PORTS: ClassVar[list[str]] = ["data"]
    GLOBALS: ClassVar[list[str]] = ["row_count"]
    EFFECTS: ClassVar[Effects] = Effects.PURE
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """The rows as texts, then cast: one way for every type."""
        kinds = {name: known_type(type, ("columns", name)) for name, type in self.config.columns.items()}
        distinct(kinds, ("columns",))
        names = tuple(kinds)
        rows = tuple(tuple(_text(value) for value in ([row.get(n) for n in names] if isinstance(row, dict) else row)) for row in self.config.rows)
        written = Values(tuple(Column(name, "string") for name in names), rows)
        columns = tuple((name, Expr(f"CAST({col('written', name).sql} AS {kind})", col("written", name).reads)) for name, kind in kinds.items())
        return Relation(outputs={"data": Query(columns, Expr('"written"'))}, steps={"written": written})


def _text(value: Cell) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else repr(value)
