"""Results as they cross the worker's pipe: :class:`TaskResult` to JSON and back, equal on both ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pypeline.core.columns import Column
from pypeline.core.plain import as_data
from pypeline.core.results import ErrorInfo, ModuleResult, TaskResult
from pypeline.runner.order import hand_over
from pypeline.schema.problems import Fix, Place, Problem


def result_to_json(result: TaskResult) -> dict[str, Any]:
    """``result`` as plain data."""
    data: dict[str, Any] = as_data(result)
    return data


def result_from_json(data: Mapping[str, Any]) -> TaskResult:
    """The result in ``data``."""
    error = data["error"]
    return TaskResult(
        **{
            **data,
            "modules": tuple(_module(m) for m in data["modules"]),
            "outputs": {port: hand_over(table) for port, table in data["outputs"].items()},
            "files": tuple(data["files"]),
            "error": error and error_from_json(error),
        }
    )


def error_from_json(data: Mapping[str, Any]) -> ErrorInfo:
    """The failure in ``data``."""
    return ErrorInfo(**{**data, "causes": tuple(data["causes"]), "kinds": tuple(data["kinds"])})


def problem_from_json(data: Mapping[str, Any]) -> Problem:
    """The problem in ``data``."""
    place = {**data["place"], "path": tuple(data["place"]["path"])}
    fixes = tuple(Fix(**{**fix, "path": tuple(fix["path"])}) for fix in data["fixes"])
    return Problem(**{**data, "place": Place(**place), "fixes": fixes})


def _module(data: Mapping[str, Any]) -> ModuleResult:
    return ModuleResult(**{**data, "schemas": {port: tuple(Column(**c) for c in columns) for port, columns in data["schemas"].items()}})
