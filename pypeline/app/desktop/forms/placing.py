"""Which field a problem belongs to. Problems in, problems of one field out; knows no widget."""

from __future__ import annotations

from collections.abc import Iterable

from pypeline.schema.flow import Module
from pypeline.schema.problems import Path, Problem

_KEYS = frozenset(Module.model_fields)


def of_config(problems: Iterable[Problem], field: str) -> tuple[Problem, ...]:
    """The problems of a module's config field: placed at it, or that it is missing."""
    return tuple(p for p in problems if _inside(p.place.path) == (field,) or (p.code == "PYE306" and f"needs `{field}`" in p.message))


def of_key(problems: Iterable[Problem], key: str) -> tuple[Problem, ...]:
    """The problems of one of a module's own keys (``timeout``, ``bypass`` …)."""
    return tuple(p for p in problems if p.place.path[:1] == ("modules",) and p.place.path[2:3] == (key,))


def elsewhere(problems: Iterable[Problem], fields: Iterable[str]) -> tuple[Problem, ...]:
    """The problems of a module that none of its config fields shows."""
    known = set(fields)
    return tuple(p for p in problems if not any(_inside(p.place.path) == (f,) or (p.code == "PYE306" and f"needs `{f}`" in p.message) for f in known))


def of_settings(problems: Iterable[Problem], key: str) -> tuple[Problem, ...]:
    """The problems of one of the flow's settings."""
    return tuple(p for p in problems if p.place.path[:2] == ("settings", key))


def _inside(path: Path) -> Path:
    """The config field that ``path`` leads to; from the whole flow, or from the module as binding says it."""
    if path[:1] == ("modules",):
        path = path[2:]
        if path[:1] == ("configs",):
            return path[2:3]
        return () if path[:1] and path[0] in _KEYS else path[:1]
    return path[:1]
