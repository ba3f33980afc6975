"""``log_mod``: passes rows on and shows the first few in the log."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pypeline.sdk import Expr, Inputs, ModuleConfig, Query, Relation, RelationalModule, Show, columns, find_all, names, passed, unit

ColumnNames = Annotated[list[str], columns()]


class Config(ModuleConfig):
    """What to show."""

    rows: Annotated[int, unit("rows")] = Field(default=20, ge=0, le=10_000, title="Rows", description="How many rows to show.")
    columns: ColumnNames | None = Field(default=None, title="Columns", description="Only these columns; null shows all.")
    style: Literal["table", "vertical", "json"] = Field(default="table", title="Style", description="A table, one value a line, or one JSON object a row.")
    title: str = Field(default="", title="Heading", description="A line above the rows.")


class LogMod(RelationalModule):
    """Shows rows on their way; all of them go on."""

    TYPE = "mod"
    DESCRIPTION = "Passes rows on and shows the first few in the log"
    CATEGORY = "Look"
    TITLE: ClassVar[str] = "Log rows"
    ICON: ClassVar[str] = "log"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    OUTPUT_PORTS: ClassVar[list[str]] = ["output"]
    GLOBALS: ClassVar[list[str]] = ["row_count"]
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """The input as it is, and a show of it."""
        schema = inputs["input"][0]
        config = self.config
        shown = schema if config.columns is None else find_all(config.columns, schema, ("columns",))
        output = {"output": Query(passed("input", schema), Expr('"input"'))} if "output" in wanted else {}
        show = Show("input", config.rows, {"columns": list(names(shown)), "style": config.style, "title": config.title})
        return Relation(outputs=output, shows=(show,), change="same")
