"""What ``log_mod`` and ``log_sink`` share: which rows and columns to show in the log, and how."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from pypeline.sdk import ModuleConfig, Schema, Show, columns, find_all, names, unit

ColumnNames = Annotated[list[str], columns()]


class Config(ModuleConfig):
    """What to show."""

    rows: Annotated[int, unit("rows")] = Field(default=20, ge=0, le=10_000, title="Rows", description="How many rows to show.")
    columns: ColumnNames | None = Field(default=None, title="Columns", description="Only these columns; null shows all.")
    style: Literal["table", "vertical", "json"] = Field(default="table", title="Style", description="A table, one value a line, or one JSON object a row.")
    title: str = Field(default="", title="Heading", description="A line above the rows.")


def shown(config: Any, schema: Schema) -> Show:
    """The show of port ``input`` that ``config`` asks for."""
    chosen = schema if config.columns is None else find_all(config.columns, schema, ("columns",))
    return Show("input", config.rows, {"columns": list(names(chosen)), "style": config.style, "title": config.title})
