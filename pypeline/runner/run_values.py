"""Globals into configs, at the last moment: what other modules of this run have set.

In: a planned module whose configs still hold ``{{module__Var}}``, and the run's globals by their
full key ``module#frame.Var``. Out: the same module, complete. Expressions, SQL and source code are
left as they are; expressions and SQL get the values bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pypeline.core.configs import BOUND, texts
from pypeline.core.plan import PlannedModule
from pypeline.core.variables import find, substitute, substitute_shell
from pypeline.schema.problems import Path, Place, Problem, PypeError

_LEFT_ALONE = BOUND | {"code"}
_UNSET = object()


def key(module: str, frame: str, name: str) -> str:
    """The store key of a global."""
    return f"{module}#{frame}.{name}"


def look_up(name: str, known: Mapping[str, Any], frame: str) -> Any:
    """The global ``module__Var``, in this frame first, then outwards; without regard to case.

    Raises:
        KeyError: nobody has set it.
    """
    module, _, variable = name.partition("__")
    values = {k.casefold(): v for k, v in known.items()}
    while True:
        value = values.get(key(module, frame, variable).casefold(), _UNSET)
        if value is not _UNSET:
            return value
        if frame in ("", "0"):
            raise KeyError(name)
        frame = frame.rpartition("-")[0] or "0"


def fill(module: PlannedModule, known: Mapping[str, Any], frame: str, schema: Mapping[str, Any] | None) -> PlannedModule:
    """``module`` with its globals filled in; ``schema`` is its type's JSON Schema.

    Raises:
        PypeError: PYE465, a global has not been set.
    """
    if not module.globals_read:
        return module
    values = {}
    for name in module.globals_read:
        try:
            values[name] = look_up(name, known, frame)
        except KeyError:
            message = f"module `{module.id}` reads the global `{{{{{name}}}}}`, which nobody has set in this run"
            place = Place(module=module.id)
            raise PypeError(Problem("PYE465", message, place, "Let the module that sets it run first.", phase="run")) from None
    configs: Any = _copy(module.configs)
    for text in texts(module.configs, schema):
        if "{{" in text.text and text.editor not in _LEFT_ALONE and text.path and not _is_key(module.configs, text.path):
            refs = find(text.text)
            # secrets stay references until their connector reads them
            others = {ref.key: text.text[ref.start : ref.end] for ref in refs if ref.kind != "global"}
            filled = (substitute_shell if text.editor == "shell" else substitute)(text.text, {**others, **values})
            _put(configs, text.path, filled)
    return replace(module, configs=configs, variables={**module.variables, **values})


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _copy(v) for k, v in value.items()}
    return [_copy(v) for v in value] if isinstance(value, list | tuple) else value


def _is_key(config: Any, path: Path) -> bool:
    for part in path[:-1]:
        config = config[part]
    return isinstance(config, Mapping) and path[-1] not in config


def _put(config: Any, path: Path, value: Any) -> None:
    for part in path[:-1]:
        config = config[part]
    config[path[-1]] = value
