"""``set_globals``: values under names of your own, for all that runs later."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, field_validator

from pypeline.palette.naming import checked
from pypeline.sdk import BaseModule, Effects, ModuleConfig, RunContext


class Config(ModuleConfig):
    """The names and their values."""

    variables: dict[str, Any] = Field(
        min_length=1,
        title="Variables",
        description="Name and value. A value that is one variable and nothing else keeps that variable's type; any other text becomes a text.",
        examples=[{"day": "2025-01-31", "folder": "in/{{context.region}}", "limit": 100}],
    )

    @field_validator("variables")
    @classmethod
    def _are_names(cls, value: dict[str, Any]) -> dict[str, Any]:
        return checked(value)


class SetGlobals(BaseModule):
    """Sets globals: ``{{moduleid__name}}`` reads them in whatever surely runs later."""

    TYPE = "solo"
    DESCRIPTION = "Sets variables for all that runs later"
    CATEGORY = "Control"
    TITLE: ClassVar[str] = "Set globals"
    ICON: ClassVar[str] = "formula"
    PORT_RULES: ClassVar[dict[str, str]] = {"globals_from": "required.variables{}"}
    EFFECTS: ClassVar[Effects] = Effects.PURE
    DETERMINISTIC: ClassVar[bool] = True
    Config: ClassVar[type[Any] | None] = Config

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        """Nothing; the variables are set."""
        for name, value in self.config.variables.items():
            ctx.set_global(name, value)
        return {}
