"""Which field a problem belongs to. Problems in, problems of one field out; knows no widget."""

from __future__ import annotations

from collections.abc import Iterable

from pypeline.schema.flow import Module
from pypeline.schema.problems import Problem

_KEYS = frozenset(Module.model_fields)
_MISSING = "PYE306"
_ENGINE = frozenset({"PYE414", "PYE415"})
"""What the table engine finds when it binds a module: unknown columns, types that do not fit."""


def is_missing(problem: Problem) -> bool:
    """Whether it says that a field is not written at all."""
    return problem.code == _MISSING


def of_config(problems: Iterable[Problem], field: str, language: str = "") -> tuple[Problem, ...]:
    """The problems of a module's config field: placed at it, or that it is missing. What the engine says of a whole
    module belongs to ``language``, the one field in which something is written for it."""
    return tuple(p for p in problems if _field(p, language) == field or (p.code == _MISSING and f"needs `{field}`" in p.message))


def of_key(problems: Iterable[Problem], key: str) -> tuple[Problem, ...]:
    """The problems of one of a module's own keys (``timeout``, ``bypass`` …)."""
    return tuple(p for p in problems if p.place.path[:1] == ("modules",) and p.place.path[2:3] == (key,))


def elsewhere(problems: Iterable[Problem], fields: Iterable[str], language: str = "") -> tuple[Problem, ...]:
    """The problems of a module that none of its config fields, and none of its own keys, shows."""
    known = tuple(fields)
    return tuple(
        p
        for p in problems
        if _field(p, language) not in known
        and not (p.code == _MISSING and any(f"needs `{f}`" in p.message for f in known))
        and not (p.place.path[:1] == ("modules",) and p.place.path[2:3] and p.place.path[2] in _KEYS - {"configs", "name"})
    )


def of_settings(problems: Iterable[Problem], key: str) -> tuple[Problem, ...]:
    """The problems of one of the flow's settings."""
    return tuple(p for p in problems if p.place.path[:2] == ("settings", key))


def _field(problem: Problem, language: str) -> str:
    """The config field that a problem is placed at; its path leads from the whole flow, or, as binding says it, from
    the module."""
    path = problem.place.path
    if path[:1] == ("modules",):
        path = path[2:]
        if path[:1] == ("configs",):
            path = path[2:]
        elif path and path[0] in _KEYS:
            path = ()
    if not path and problem.code in _ENGINE:
        return language
    return str(path[0]) if path else ""
