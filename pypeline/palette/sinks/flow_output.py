"""``flow_output``: the table that goes out when this flow is run by another."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from pypeline.sdk import BaseModule, Effects, ModuleConfig, RunContext


class Config(ModuleConfig):
    """Under which name."""

    port: str = Field(min_length=1, title="Port", description="The name under `flow.outputs`.", examples=["clean"])


class FlowOutput(BaseModule):
    """Hands the table to the ``run_flow`` that runs this flow; by itself it only counts the rows."""

    TYPE = "sink"
    DESCRIPTION = "The table that this flow hands to the one that runs it"
    CATEGORY = "Control"
    TITLE: ClassVar[str] = "Flow output"
    ICON: ClassVar[str] = "right"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    GLOBALS: ClassVar[list[str]] = ["row_count"]
    EFFECTS: ClassVar[Effects] = Effects.PURE
    DETERMINISTIC: ClassVar[bool] = True
    Config: ClassVar[type[Any] | None] = Config

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        """Nothing; the rows are counted."""
        ctx.set_global("row_count", inputs["input"].n_rows)
        return {}
