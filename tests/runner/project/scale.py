"""Multiplies column ``x``; how often and by what is its code."""

from __future__ import annotations

from typing import Any, ClassVar

from pypeline.sdk import BaseModule, RunContext

FACTOR = 1


class Scale(BaseModule):
    TYPE = "mod"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    OUTPUT_PORTS: ClassVar[list[str]] = ["output"]

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        frame = inputs["input"].to_pandas()
        frame["x"] = frame["x"] * FACTOR
        return {"output": frame}
