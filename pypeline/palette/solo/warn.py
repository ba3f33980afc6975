"""``warn``: a message in the log, and for all that runs later."""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Literal

from pydantic import Field

from pypeline.palette.telling import Told, heard, words
from pypeline.sdk import BaseModule, Effects, RunContext

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Config(Told):
    """What is said, and how loud."""

    priority: Literal["debug", "info", "warning", "error"] = Field(default="warning", title="Priority", description="The level of the line in the log.")


class Warn(BaseModule):
    """Says something and goes on: at once, or when rows arrive at its input."""

    TYPE = "solo"
    DESCRIPTION = "Writes a message to the log and goes on"
    CATEGORY = "Control"
    TITLE: ClassVar[str] = "Warn"
    ICON: ClassVar[str] = "log"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    PORT_RULES: ClassVar[dict[str, str]] = {"input": "optional"}
    GLOBALS: ClassVar[list[str]] = ["warned", "message", "code", "row_count"]
    EFFECTS: ClassVar[Effects] = Effects.PURE
    Config: ClassVar[type[Any] | None] = Config

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        """Nothing; the message is in the log, and in the globals."""
        config = self.config
        speaks, rows = heard(config, inputs, ctx.logger)
        if speaks:
            ctx.logger.log(_LEVELS[config.priority], words(config, rows))
        ctx.set_global("warned", speaks)
        ctx.set_global("message", config.message if speaks else "")
        ctx.set_global("code", config.code if speaks else 0)
        ctx.set_global("row_count", rows)
        return {}
