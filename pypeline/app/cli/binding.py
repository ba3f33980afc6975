"""Columns and first rows without a run: a plan is asked of an engine host, in a process of its own.

Problems that name a module and a config come back at their place in the flow file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from pypeline.core.columns import Schema
from pypeline.core.plan import Plan
from pypeline.runner.host import Bound, EngineHost
from pypeline.schema.flow import Flow
from pypeline.schema.problems import Problem, PypeError


def bind(plan: Plan, flow: Flow) -> tuple[Mapping[str, Schema], list[Problem]]:
    """The columns by ``module.port`` of all that can be known, and what does not fit."""

    async def ask() -> Bound:
        host = EngineHost()
        try:
            return await host.bind(plan)
        finally:
            await host.close()

    bound = asyncio.run(ask())
    return bound.schemas, [at_its_place(problem, flow) for problem in bound.problems]


def first_rows(plan: Plan, flow: Flow, port: str, rows: int, into: Path) -> None:
    """Write the first ``rows`` rows of ``module.port`` to ``into``, an Arrow file.

    Raises:
        PypeError: PYE464 the port lies below code, or what binding and running say.
    """

    async def ask() -> None:
        host = EngineHost()
        try:
            (await host.preview(plan, port, rows)).rename(into)
        finally:
            await host.close()

    try:
        asyncio.run(ask())
    except PypeError as error:
        raise PypeError(*(at_its_place(problem, flow) for problem in error.problems)) from error


def at_its_place(problem: Problem, flow: Flow) -> Problem:
    """``problem``, whose path is relative to its module's config, where that stands in the flow file."""
    for at, module in enumerate(flow.modules):
        if module.id == problem.place.module:
            path = problem.place.path
            half = "required" if path and path[0] in module.configs.required else "optional"
            return problem.at(flow.marks.place(("modules", at, "configs", half, *path) if path else ("modules", at), module.id, problem.place.link))
    return problem
