"""``die``: the flow itself says that it cannot go on."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from pypeline.palette.telling import Told, heard, words
from pypeline.sdk import BaseModule, Effects, Place, Problem, PypeError, RunContext


class Config(Told):
    """Why the flow ends, and with which exit code."""

    exit_code: int = Field(
        default=1,
        ge=1,
        le=125,
        title="Exit code",
        description="With it `pype run` ends if nothing handles the failure; 2 also means bad input, and 3 a bug.",
    )


class _Ended(PypeError):
    exit_code: int = 1


class Die(BaseModule):
    """Fails, on purpose: at once, or when rows arrive at its input. What follows is as after any failure: an ``error``
    link of it may handle it; otherwise the run ends as failed, with ``on_error`` and ``finally``."""

    TYPE = "solo"
    DESCRIPTION = "Ends the run as failed, with a message"
    CATEGORY = "Control"
    TITLE: ClassVar[str] = "Die"
    ICON: ClassVar[str] = "failed"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    PORT_RULES: ClassVar[dict[str, str]] = {"input": "optional"}
    GLOBALS: ClassVar[list[str]] = ["row_count"]
    EFFECTS: ClassVar[Effects] = Effects.PURE
    Config: ClassVar[type[Any] | None] = Config

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        """Nothing, if a table was linked in and has no rows."""
        config = self.config
        speaks, rows = heard(config, inputs, ctx.logger)
        ctx.set_global("row_count", rows)
        if speaks:
            ended = _Ended(Problem("PYE466", words(config, rows), Place(), "It was made to end here; see the flow.", phase="run"))
            ended.exit_code = config.exit_code
            raise ended
        return {}
