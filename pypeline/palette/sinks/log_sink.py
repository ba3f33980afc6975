"""``log_sink``: shows the first rows in the log, as the end of a line of modules."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pypeline.sdk import Inputs, ModuleConfig, Relation, RelationalModule, Show, columns, find_all, names, unit

ColumnNames = Annotated[list[str], columns()]


class Config(ModuleConfig):
    """What to show."""

    rows: Annotated[int, unit("rows")] = Field(default=20, ge=0, le=10_000, title="Rows", description="How many rows to show.")
    columns: ColumnNames | None = Field(default=None, title="Columns", description="Only these columns; null shows all.")
    style: Literal["table", "vertical", "json"] = Field(default="table", title="Style", description="A table, one value a line, or one JSON object a row.")
    title: str = Field(default="", title="Heading", description="A line above the rows.")


class LogSink(RelationalModule):
    """Shows rows and keeps nothing; all rows are read, so that the count is the table's."""

    TYPE = "sink"
    DESCRIPTION = "Shows the first rows in the log"
    CATEGORY = "Look"
    TITLE: ClassVar[str] = "Log"
    ICON: ClassVar[str] = "log"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    GLOBALS: ClassVar[list[str]] = ["row_count"]
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """A show of the input."""
        schema = inputs["input"][0]
        config = self.config
        shown = schema if config.columns is None else find_all(config.columns, schema, ("columns",))
        return Relation(shows=(Show("input", config.rows, {"columns": list(names(shown)), "style": config.style, "title": config.title}),))
