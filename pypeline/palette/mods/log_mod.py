"""``log_mod``: passes rows on and shows the first few in the log."""

from __future__ import annotations

from typing import Any, ClassVar

from pypeline.palette.showing import Config, shown
from pypeline.sdk import Expr, Inputs, Query, Relation, RelationalModule, passed


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
        output = {"output": Query(passed("input", schema), Expr('"input"'))} if "output" in wanted else {}
        return Relation(outputs=output, shows=(shown(self.config, schema),), change="same")
