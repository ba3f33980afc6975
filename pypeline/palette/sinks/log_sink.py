"""``log_sink``: shows the first rows in the log, as the end of a line of modules."""

from __future__ import annotations

from typing import Any, ClassVar

from pypeline.palette.showing import Config, shown
from pypeline.sdk import Inputs, Relation, RelationalModule


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
        return Relation(shows=(shown(self.config, inputs["input"][0]),))
