"""``buffer_source``: the rows that a ``buffer_sink`` kept earlier in the run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pypeline.sdk import Column, Effects, Inputs, ModuleConfig, Place, Problem, PypeError, Relation, RelationalModule, Scan, Values, known_type, types


class Config(ModuleConfig):
    """Which buffer."""

    table: str = Field(title="Buffer", description="The global `table` of a `buffer_sink` that has run before.", examples=["{{collect__table}}"])
    columns: Annotated[dict[str, str], types()] = Field(
        default={},
        title="Columns",
        description="Only these columns, with these types. Declared, they are known while the flow is drawn, and a buffer that no frame has filled is empty.",
    )


class BufferSource(RelationalModule):
    """Reads a buffer, in the order in which its rows were kept."""

    TYPE = "source"
    DESCRIPTION = "Reads the rows that a buffer kept"
    CATEGORY = "Buffers"
    TITLE: ClassVar[str] = "Read buffer"
    ICON: ClassVar[str] = "box"
    OUTPUT_PORTS: ClassVar[list[str]] = ["data"]
    GLOBALS: ClassVar[list[str]] = ["row_count"]
    EFFECTS: ClassVar[Effects] = Effects.READS
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """One scan of the buffer's file, whose suffix says its format; no rows where there is none."""
        config = self.config
        columns = tuple(Column(name, known_type(type, ("columns", name))) for name, type in config.columns.items())
        if not config.table or "{{" in config.table:
            if not columns:
                message = "the buffer has no rows, and so no columns"
                raise PypeError(Problem("PYE403", message, Place(path=("columns",)), "Declare the columns.", phase="run"))
            return Relation(outputs={"data": Values(columns, ())})
        format: Literal["arrow", "parquet"] = "arrow" if Path(config.table).suffix == ".arrow" else "parquet"
        return Relation(outputs={"data": Scan(format, (config.table,), columns, {})})
