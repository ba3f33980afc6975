"""From a planned module to a configured instance of its class, ready to relate or to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pypeline.core.configs import replaced
from pypeline.core.modules import BaseModule
from pypeline.core.planned import PlannedModule
from pypeline.core.secret import SecretRef
from pypeline.runner.asking import HERE
from pypeline.runner.registry import module_class
from pypeline.schema.problems import Place, Problem, PypeError


def make(planned: PlannedModule, folder: Path | str | None = None) -> BaseModule:
    """An instance with ``configs`` (defaults filled in), ``config`` and ``variables``; ``folder`` is the project's.
    In secret fields it finds handles.

    Raises:
        PypeError: its class may not be or cannot be loaded (PYE376–PYE382), or refuses the config (PYE374; one problem
            for each field, placed at the module).
    """
    cls = module_class(planned.module_path, planned.type, folder)
    instance = cls()
    instance.variables = planned.variables
    instance.on_reject = planned.on_reject
    instance.folder = str(folder) if folder is not None else ""
    given = replaced(planned.configs, {path: SecretRef(reference, HERE.reveal) for path, reference in planned.references().items()})
    if cls.Config is None:
        defaults = {name: said.get("default") for name, said in cls.CONFIG_SCHEMA.get("optional", {}).items() if isinstance(said, dict)}
        instance.configs = {**defaults, **given}
        return instance
    from pydantic import ValidationError

    try:
        instance.config = cls.Config.model_validate(given)
    except ValidationError as error:
        raise PypeError(*(_problem(planned, dict(found)) for found in error.errors(include_url=False, include_context=False))) from error
    instance.configs = instance.config.model_dump()
    return instance


def _problem(planned: PlannedModule, found: dict[str, Any]) -> Problem:
    path = tuple(part for part in found["loc"] if isinstance(part, str | int))
    where = ".".join(str(part) for part in path)
    text = str(found["msg"]).removeprefix("Value error, ")
    message = f"`{planned.id}` ({planned.type}): {where + ': ' if where else ''}{text}"
    return Problem("PYE374", message, Place(path=path, module=planned.id), f"`pype describe {planned.type}` shows all options.", phase="plan")
