"""``buffer_sink``: rows kept in the run, for a later sub flow to read."""

from __future__ import annotations

from typing import Any, ClassVar

from pypeline.sdk import Inputs, ModuleConfig, Relation, RelationalModule


class Config(ModuleConfig):
    """Nothing to say: all rows are kept."""


class BufferSink(RelationalModule):
    """Keeps its rows until the run ends; ``buffer_source`` reads them by the global ``table``.

    In a loop it collects the rows of all frames, in the order of the frames, and is read after the
    loop. Rows of frames that failed are left out under ``fail_strategy: continue``; under ``halt`` a
    loop that failed leaves no table.
    """

    TYPE = "sink"
    DESCRIPTION = "Keeps rows in the run, also those of all frames of a loop"
    CATEGORY = "Buffers"
    TITLE: ClassVar[str] = "Buffer"
    ICON: ClassVar[str] = "box"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    GLOBALS: ClassVar[list[str]] = ["row_count", "table"]
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """Nothing: the runner keeps the input's table as it is handed over."""
        return Relation()
