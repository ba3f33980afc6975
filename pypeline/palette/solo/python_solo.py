"""``python_solo``: a function of your own, between sub flows: no tables in or out."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from pypeline.palette.usercode import function, unfit
from pypeline.sdk import BaseModule, ModuleConfig, RunContext, code, path

Code = Annotated[str, code("python")]


class Config(ModuleConfig):
    """The function, and what it is given."""

    code: Code | None = Field(
        default=None, title="Code", description="Python that defines the function.", examples=["def main(ctx):\n    ctx.set_global('greeting', 'hello')\n"]
    )
    file: Annotated[str | None, path("code")] = Field(default=None, title="File", description="Instead of code: a Python file that defines the function.")
    function: str = Field(default="main", pattern=r"^[^\W\d]\w*$", title="Function", description="Its name.")
    parameters: dict[str, Any] = Field(default={}, title="Parameters", description="Values handed to the function by name.")

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if (self.code is None) == (self.file is None):
            raise ValueError("give either code or file")
        return self


class PythonSolo(BaseModule):
    """Calls the function. A mapping that it returns becomes globals, ``{{moduleid__name}}``; anything else ``result``."""

    TYPE = "solo"
    DESCRIPTION = "Runs a Python function of yours"
    CATEGORY = "Code"
    TITLE: ClassVar[str] = "Python"
    ICON: ClassVar[str] = "python"
    GLOBALS: ClassVar[list[str]] = ["result"]
    Config: ClassVar[type[Any] | None] = Config

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        """Nothing, after the function has run."""
        config = self.config
        called = function(config.code, config.file, config.function, self.folder)
        wanted = inspect.signature(called).parameters
        takes_all = any(p.kind is p.VAR_KEYWORD for p in wanted.values())
        strange = [name for name in config.parameters if name not in wanted and not takes_all]
        if strange:
            raise unfit(f"the function has no parameter `{strange[0]}`", ("parameters", strange[0]), "Take it out, or add it to the function.")
        arguments = {**config.parameters, **({"ctx": ctx} if "ctx" in wanted else {})}
        missing = [n for n, p in wanted.items() if n not in arguments and p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        if missing:
            raise unfit(f"nothing is given for the function's parameter `{missing[0]}`", ("function",), "Name it in parameters.")
        if inspect.iscoroutinefunction(called):
            result = await called(**arguments)
        else:
            result = await ctx.executor.run_in_thread(lambda: called(**arguments))
        for name, value in result.items() if isinstance(result, Mapping) else [("result", result)] if result is not None else []:
            ctx.set_global(str(name), value)
        return {}
