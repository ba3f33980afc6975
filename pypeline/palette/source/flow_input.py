"""``flow_input``: the table that comes in when this flow is run by another."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from pypeline.palette.source import inline_source


class Config(inline_source.Config):
    """Which table, and what this flow counts on."""

    rows: inline_source.Rows = Field(
        default=[], title="Sample rows", description="What there is when this flow runs by itself, is previewed, or gets no table."
    )
    port: str = Field(min_length=1, title="Port", description="The name under `flow.inputs`.", examples=["orders"])


class FlowInput(inline_source.InlineSource):
    """Hands on the table that ``run_flow`` gave, which must have the declared columns and may have more; without one
    the sample rows."""

    DESCRIPTION = "The table that another flow hands to this one"
    CATEGORY = "Control"
    TITLE: ClassVar[str] = "Flow input"
    ICON: ClassVar[str] = "right"
    Config: ClassVar[type[Any] | None] = Config
