"""``formula_mod``: new columns by expressions, or new values for old ones."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from pypeline.sdk import (
    Column,
    Expr,
    Inputs,
    ModuleConfig,
    Path,
    Query,
    Relation,
    RelationalModule,
    Schema,
    distinct,
    expression,
    names,
    new_column,
    passed,
)

Text = Annotated[str, expression("input")]


class Formula(ModuleConfig):
    """One column and how to compute it."""

    name: Annotated[str, new_column()] = Field(min_length=1, title="Column", description="A new column, or an old one that gets a new value.")
    expression: Text = Field(title="Expression", description="May read the input's columns and the formulas above it.")


class Config(ModuleConfig):
    """The formulas, in order."""

    formulas: dict[str, Text] | list[Formula] = Field(
        min_length=1,
        title="Formulas",
        description="Column name and expression. A later formula may read an earlier one; an old column's name replaces its value, in its place.",
        examples=[{"total": "price * quantity", "band": "case when total >= 100 then 'large' else 'small' end"}],
    )
    keep: bool = Field(default=True, title="Keep other columns", description="Off: the output has the formulas' columns only.")


class FormulaMod(RelationalModule):
    """Adds or replaces columns, row by row."""

    TYPE = "mod"
    DESCRIPTION = "Computes columns by expressions"
    CATEGORY = "Columns"
    TITLE: ClassVar[str] = "Formula"
    ICON: ClassVar[str] = "formula"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    OUTPUT_PORTS: ClassVar[list[str]] = ["output"]
    GLOBALS: ClassVar[list[str]] = ["row_count"]
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """One query for each layer of formulas that do not read each other."""
        table, schema = "input", inputs["input"][0]
        steps: dict[str, Query] = {}
        made: dict[str, Expr] = {}
        for place, name, text in self._formulas():
            both = (*schema, *(Column(new, "any") for new in made if new not in names(schema)))
            found = self.expr(place, text, both, port=table)
            if name in made or any((table, new) in found.reads for new in made):
                below = f"layer{len(steps) + 1}"
                steps[below], schema = _layer(table, schema, made)
                table, made = below, {}
                found = self.expr(place, text, schema, port=table)
            made[name] = found
        query, _ = _layer(table, schema, made)
        if not self.config.keep:
            columns = dict(query.columns)
            query = Query(tuple((name, columns[name]) for name in dict.fromkeys(name for _, name, _ in self._formulas())), query.source)
        return Relation(outputs={"output": query}, steps=steps, change="same")

    def _formulas(self) -> list[tuple[Path, str, str]]:
        """(path in the config, column, expression) of every formula, in order."""
        said = self.config.formulas
        if isinstance(said, dict):
            return [(("formulas", name), name, text) for name, text in said.items()]
        return [(("formulas", index, "expression"), formula.name, formula.expression) for index, formula in enumerate(said)]


def _layer(table: str, schema: Schema, made: dict[str, Expr]) -> tuple[Query, Schema]:
    """``table`` with the columns ``made`` replaced in their place or added at the end, and its schema."""
    old = dict(passed(table, schema))
    columns = tuple((old | made).items())
    distinct((name for name, _ in columns), ("formulas",))
    kinds = {column.name: column.type for column in schema}
    after = tuple(Column(name, "any" if name in made else kinds[name]) for name, _ in columns)
    return Query(columns, Expr(f'"{table}"')), after
