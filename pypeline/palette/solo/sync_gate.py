"""``sync_gate``: where branches meet. The scheduler itself keeps the gate; nothing runs."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from pypeline.sdk import BaseModule, Effects, ModuleConfig, RunContext


class Config(ModuleConfig):
    """When the gate opens."""

    mode: Literal["all", "any", "ended"] | int = Field(
        default="all",
        ge=1,
        title="Opens when",
        description="`all` links into it opened · `any` or a number: as soon as so many opened · `ended`: every link is decided and at least one opened.",
        examples=["all", "ended", 2],
    )


class SyncGate(BaseModule):
    """Waits for the control links into it; a gate that can no longer open is cancelled with all that waits for it."""

    TYPE = "solo"
    DESCRIPTION = "Waits for several branches"
    CATEGORY = "Control"
    TITLE: ClassVar[str] = "Gate"
    ICON: ClassVar[str] = "gate"
    EFFECTS: ClassVar[Effects] = Effects.PURE
    DETERMINISTIC: ClassVar[bool] = True
    Config: ClassVar[type[Any] | None] = Config

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        """Nothing: an open gate has no work."""
        return {}
