"""Globals, items and environment into configs, at the last moment: what is known only when a task starts.

In: a planned module whose ``templates`` still hold ``{{module__Var}}``, ``{{iter.column}}`` or ``{{env.NAME}}``,
the globals that its frame sees by their full key ``module#frame.Var``, and the values of its item. Out: the same module, complete. Expressions,
SQL and source code are left as they are; expressions and SQL get the values bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from pypeline.core.configs import texts
from pypeline.core.planned import PlannedModule
from pypeline.core.results import FAILURE_GLOBALS
from pypeline.core.variables import VariableError, find, substitute, value_of
from pypeline.core.variables_shell import substitute_shell
from pypeline.runner.items import unknown
from pypeline.schema.problems import Path, Place, Problem, PypeError

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
            if variable.casefold() in FAILURE_GLOBALS:
                return None
            raise KeyError(name)
        frame = frame.rpartition("-")[0] or "0"


def fill(
    module: PlannedModule,
    known: Mapping[str, Any],
    frame: str,
    env: Mapping[str, str] = MappingProxyType({}),
    schema: Mapping[str, Any] | None = None,
    item: Mapping[str, Any] = MappingProxyType({}),
) -> PlannedModule:
    """``module`` with its globals and environment variables filled in: the texts at its ``templates``
    and no others, so that a value is never scanned for variables. ``schema`` (its type's JSON Schema)
    tells which of them are command lines; secrets stay references until their connector reads them.
    ``item`` holds ``iter.column`` and ``iter.index`` in a loop; without it (while a flow is drawn) these stay.

    Raises:
        PypeError: PYE465, a global has not been set; PYE469, the item has no such column; PYE249, a line break would reach a shell;
            PYE411, a file that is written would lie outside the folder that the flow names; PYE416, null in a path.
    """
    if not (module.globals_read or module.templates or env or item):
        return module
    values: dict[str, Any] = {**module.variables, **item, **{f"env.{name}": value for name, value in env.items()}}
    for name in module.globals_read:
        try:
            values[name] = look_up(name, known, frame)
        except KeyError:
            message = f"module `{module.id}` reads the global `{{{{{name}}}}}`, which nobody has set in this run"
            place = Place(module=module.id)
            raise PypeError(Problem("PYE465", message, place, "Let the module that sets it run first.", phase="run")) from None
    configs: Any = _copy(module.configs) if module.templates else module.configs
    places = {text.path: text for text in texts(module.configs, schema)} if module.templates else {}
    for path in module.templates:
        at, text = places[path], _at(configs, path)
        left = {ref.key: text[ref.start : ref.end] for ref in find(text) if ref.kind == "vault" or (ref.kind == "iter" and not item)}
        for ref in find(text) if item else ():
            if ref.kind == "iter" and ref.key not in item:
                raise unknown(ref.name, item, module.id)
        try:
            value = (substitute_shell if at.editor == "shell" else substitute)(text, {**left, **values})
        except VariableError as error:
            raise PypeError(replace(error.problem(Place(path=path, module=module.id), text), phase="run")) from error
        if at.editor == "path" and not (value is None and at.takes_null):
            _refuse_null(module.id, path, text, {**left, **values})
        if at.hint.get("mode") == "save" and _climbs(text, value):
            raise _outside(module.id, path, text, value)
        _put(configs, path, at.fitting(value))
    return replace(module, configs=configs, variables=values)


def _climbs(text: str, value: Any) -> bool:
    """Whether a variable in ``text`` leads out of the folder that is written before it: `out/{{iter.name}}` with a name of `../..`."""
    before = text[: text.find("{{")]
    return "/" in before and ".." in str(value).split("/") and ".." not in before.split("/")


def _refuse_null(module: str, path: Path, text: str, values: Mapping[str, Any]) -> None:
    """Null in a path would leave another path, which may well be there: `out/{{iter.name}}.csv` would be `out/.csv`."""
    for ref in find(text):
        if ref.kind != "vault" and value_of(ref, values) is None:
            message = f"`{{{{{ref.key}}}}}` in the path `{text}` of module `{module}` is null"
            mend = "Leave such rows out before the loop, or give the value a default."
            raise PypeError(Problem("PYE416", message, Place(path=path, module=module), mend, phase="run"))


def _outside(module: str, path: Path, text: str, value: Any) -> PypeError:
    message = f"`{text}` is `{value}`, which leads out of its folder by `..`"
    mend = "Correct the value, or let a variable give the whole path."
    return PypeError(Problem("PYE411", message, Place(path=path, module=module), mend, phase="run"))


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _copy(v) for k, v in value.items()}
    return [_copy(v) for v in value] if isinstance(value, list | tuple) else value


def _at(config: Any, path: Path) -> Any:
    for part in path:
        config = config[part]
    return config


def _put(config: Any, path: Path, value: Any) -> None:
    _at(config, path[:-1])[path[-1]] = value
