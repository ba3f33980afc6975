"""Runs one module as the runner does: configured from its declaration, with a context of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pypeline.core.modules import RunContext
from pypeline.core.planned import PlannedModule
from pypeline.core.secret import SecretRef
from pypeline.runner import registry
from pypeline.runner.instances import make
from pypeline.runner.tables.artifacts import ArtifactManager


class Threads:
    """``ctx.executor``."""

    async def run_in_thread(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(None, partial(fn, *args))


def instance(type: str, project: Path, **configs: Any) -> tuple[Any, RunContext, dict[str, Any]]:
    """A configured module ``m``, its context, and where its globals go."""
    decl = registry.load(project)[type]
    made = make(PlannedModule("m", type, decl.module_path, decl.kind, decl.effects, decl.relational, configs), project)
    store: dict[str, Any] = {}
    return made, RunContext("m#0", ArtifactManager(), Threads(), logging.getLogger("test"), store), store


def ran(type: str, project: Path, inputs: dict[str, Any] | None = None, /, **configs: Any) -> dict[str, Any]:
    """The globals of one run of ``type``."""
    made, context, store = instance(type, project, **configs)
    asyncio.run(made.run(inputs or {}, context))
    return {key.removeprefix("m#0."): value for key, value in store.items()}


def known(value: str) -> SecretRef:
    """A secret whose value is ``value``."""
    return SecretRef("env.TEST", lambda _reference: value)
