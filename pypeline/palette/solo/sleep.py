"""``sleep``: time goes by."""

from __future__ import annotations

import asyncio
from datetime import datetime, time, timedelta
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from pypeline.sdk import BaseModule, Effects, ModuleConfig, RunContext, unit


class Config(ModuleConfig):
    """How long, or until when."""

    seconds: Annotated[float | None, unit("seconds")] = Field(default=None, ge=0, le=31_536_000, title="Seconds", description="How long.", examples=[2.5])
    until: str | None = Field(
        default=None,
        title="Until",
        description="Instead of seconds: an ISO date and time, or a time of day, which is today's or else tomorrow's. Local time, unless it names its zone.",
        examples=["06:30", "2026-01-31T06:30:00+01:00"],
    )

    @field_validator("until")
    @classmethod
    def _is_time(cls, value: str | None) -> str | None:
        if value is not None:
            moment(value, datetime.now().astimezone())
        return value

    @model_validator(mode="after")
    def _one(self) -> Config:
        if (self.seconds is None) == (self.until is None):
            raise ValueError("give either seconds or until")
        return self


def moment(text: str, now: datetime) -> datetime:
    """The moment that ``text`` means at ``now`` (which knows its zone).

    Raises:
        ValueError: it is neither a time nor a date and time.
    """
    try:
        of_day = time.fromisoformat(text)
    except ValueError:
        found = datetime.fromisoformat(text)
        return found if found.tzinfo is not None else found.astimezone()
    found = datetime.combine(now.date(), of_day, of_day.tzinfo or now.tzinfo)
    return found if found > now else found + timedelta(days=1)


class Sleep(BaseModule):
    """Waits; a stop or a time limit ends the waiting at once."""

    TYPE = "solo"
    DESCRIPTION = "Waits some seconds, or until a time"
    CATEGORY = "Control"
    TITLE: ClassVar[str] = "Sleep"
    ICON: ClassVar[str] = "log"
    EFFECTS: ClassVar[Effects] = Effects.PURE
    GLOBALS: ClassVar[list[str]] = ["seconds"]
    Config: ClassVar[type[Any] | None] = Config

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        """Nothing, when the time has passed."""
        now = datetime.now().astimezone()
        seconds = self.config.seconds if self.config.until is None else max((moment(self.config.until, now) - now).total_seconds(), 0.0)
        await asyncio.sleep(seconds)
        ctx.set_global("seconds", round(seconds, 3))
        return {}
