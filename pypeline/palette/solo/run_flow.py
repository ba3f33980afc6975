"""``run_flow``: another flow as one module. The scheduler itself runs it; nothing runs here."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator

from pypeline.palette.naming import checked
from pypeline.sdk import BaseModule, Effects, ModuleConfig, RunContext, path

Port = Annotated[str, Field(pattern=r"^[^\W\d]\w{0,63}$")]


class Config(ModuleConfig):
    """Which flow, what it is given, and what it gives back."""

    flow: Annotated[str, path("flow")] = Field(
        min_length=1, title="Flow", description="A flow file in the project, from the folder of this one.", examples=["parts/clean.yaml"]
    )
    parameters: dict[str, Any] = Field(
        default={},
        title="Parameters",
        description="Values of the parameters that the other flow declares under `flow.inputs`; there they are `{{context.name}}`.",
        examples=[{"day": "{{context.day}}", "limit": 100}],
    )
    inputs: list[Port] = Field(default=[], title="Tables in", description="Ports: the tables that the other flow declares under `flow.inputs`.")
    outputs: list[Port] = Field(default=[], title="Tables out", description="Ports: the tables that the other flow declares under `flow.outputs`.")
    context: str = Field(
        default="default", pattern=r"^[\w.-]{1,64}$", title="Context", description="The environment whose context file, beside the other flow, is read first."
    )
    results: dict[str, str] = Field(
        default={},
        title="Variables out",
        description="Name and, as `module__Var`, a global of the other flow: this module sets it as its own.",
        examples=[{"rows": "load__row_count"}],
    )

    @field_validator("results")
    @classmethod
    def _are_names(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value.values():
            module, _, variable = name.partition("__")
            if not module or not variable:
                raise ValueError(f"`{name}` is no global; write `module__Var`")
        return checked(value)


class RunFlow(BaseModule):
    """Runs a flow inside this one: with its own settings, on the same machine and its slots, recorded under this run."""

    TYPE = "solo"
    DESCRIPTION = "Runs another flow of the project as one module"
    CATEGORY = "Control"
    TITLE: ClassVar[str] = "Run flow"
    ICON: ClassVar[str] = "run"
    PORT_RULES: ClassVar[dict[str, str]] = {
        "inputs_from": "optional.inputs[]",
        "outputs_from": "optional.outputs[]",
        "globals_from": "optional.results{}",
    }
    GLOBALS: ClassVar[list[str]] = ["record"]
    EFFECTS: ClassVar[Effects] = Effects.WRITES
    Config: ClassVar[type[Any] | None] = Config

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        """Nothing: the flow's own modules do the work."""
        return {}
