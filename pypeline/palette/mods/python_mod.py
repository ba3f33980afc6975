"""``python_mod``: a function of your own between tables in and tables out."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from pypeline.palette.usercode import function, given, hints_of, taken, unfit, wish
from pypeline.sdk import BaseModule, ModuleConfig, RunContext, code, new_column, path, types

Code = Annotated[str, code("python")]
Columns = Annotated[dict[str, str], types()]


class Output(ModuleConfig):
    """An output port."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64, title="Port")
    columns: Columns = Field(default={}, title="Columns", description="Names and types that the function promises, for looking at the flow before it runs.")


class Config(ModuleConfig):
    """The function, and what it is given."""

    code: Code | None = Field(
        default=None,
        title="Code",
        description="Python that defines the function.",
        examples=["def transform(frame):\n    frame['total'] = frame['price'] * frame['quantity']\n    return frame\n"],
    )
    file: Annotated[str | None, path("code")] = Field(default=None, title="File", description="Instead of code: a Python file that defines the function.")
    function: str = Field(default="transform", pattern=r"^[^\W\d]\w*$", title="Function", description="Its name.")
    parameters: dict[str, Any] = Field(default={}, title="Parameters", description="Values handed to the function by name.", examples=[{"rate": 1.19}])
    outputs: Annotated[list[Output], new_column()] = Field(
        default=[], title="Outputs", description="Ports of a function that returns several tables, as a mapping port → table; empty means one, `output`."
    )

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if (self.code is None) == (self.file is None):
            raise ValueError("give either code or file")
        if len({output.name for output in self.outputs}) < len(self.outputs):
            raise ValueError("two outputs have one name")
        return self


class PythonMod(BaseModule):
    """Calls the function with one table for each link, in order, as its annotations ask: a pandas frame (the default), a
    Polars frame, an Arrow table, or a stream of record batches. ``ctx`` among its parameters is the run's context."""

    TYPE = "mod"
    DESCRIPTION = "Transforms tables by a Python function of yours"
    CATEGORY = "Code"
    TITLE: ClassVar[str] = "Python"
    ICON: ClassVar[str] = "python"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    OUTPUT_PORTS: ClassVar[list[str]] = ["output"]
    PORT_RULES: ClassVar[dict[str, str]] = {"input": "many", "outputs_from": "optional.outputs[].name"}
    GLOBALS: ClassVar[list[str]] = ["row_count"]
    Config: ClassVar[type[Any] | None] = Config

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        """What the function returned, by output port."""
        config = self.config
        called = function(config.code, config.file, config.function, self.folder)
        arriving = inputs.get("input", [])
        tables = list(arriving) if isinstance(arriving, list | tuple) else [arriving]
        arguments = _arguments(called, tables, config.parameters, ctx)
        if inspect.iscoroutinefunction(called):
            result = await called(**arguments)
        else:
            result = await ctx.executor.run_in_thread(lambda: called(**arguments))
        return self._outputs(result)

    def _outputs(self, result: Any) -> dict[str, Any]:
        ports = [output.name for output in self.config.outputs] or ["output"]
        if not self.config.outputs:
            if result is None:
                raise unfit("the function returned nothing", ("function",), "Return a table, or make it a python_solo.")
            return {"output": taken(result, "output")}
        if not isinstance(result, Mapping):
            raise unfit(f"the function returned a {type(result).__name__}, not a mapping of ports", ("outputs",), f"Return a dict with {', '.join(ports)}.")
        missing = [port for port in ports if port not in result]
        strange = [str(port) for port in result if port not in ports]
        if missing or strange:
            said = f"no table for `{missing[0]}`" if missing else f"a table for `{strange[0]}`, which is no output"
            raise unfit(f"the function returned {said}", ("outputs",), "Make outputs and the returned mapping equal.")
        return {port: taken(result[port], port) for port in ports}


def _arguments(called: Any, tables: list[Any], parameters: Mapping[str, Any], ctx: RunContext) -> dict[str, Any]:
    """By parameter name: tables in order, then configured values, ``ctx`` where it is asked for."""
    wanted = inspect.signature(called).parameters
    hints = hints_of(called)
    rest = list(tables)
    arguments: dict[str, Any] = {}
    for name, parameter in wanted.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise unfit(f"the function's parameter `{name}` cannot be given by name", ("function",), "Write plain parameters.")
        if parameter.kind is parameter.VAR_KEYWORD:
            arguments |= {key: value for key, value in parameters.items() if key not in arguments}
        elif name == "ctx":
            arguments[name] = ctx
        elif name in parameters:
            arguments[name] = parameters[name]
        elif rest:
            arguments[name] = given(rest.pop(0), wish(parameter, hints))
        elif parameter.default is parameter.empty:
            raise unfit(f"nothing is given for the function's parameter `{name}`", ("function",), "Draw another link, or name it in parameters.")
    if rest:
        raise unfit(f"{len(tables)} tables arrive, and the function takes {len(tables) - len(rest)}", ("function",), "Give it one parameter for each link.")
    unused = sorted(set(parameters) - set(arguments))
    if unused:
        raise unfit(f"the function has no parameter `{unused[0]}`", ("parameters", unused[0]), "Take it out, or add it to the function.")
    return arguments
