"""Doing what the fix of a problem says: one value in the flow's data is set or taken away."""

from __future__ import annotations

from typing import Any

from pypeline.schema.flow import Flow
from pypeline.schema.plain import plain as plain_data
from pypeline.schema.problems import Fix, Path


def with_fix(flow: Flow, fix: Fix) -> Flow | None:
    """``flow`` with ``fix.value`` at ``fix.path`` (None removes what is there) and nothing at ``fix.away``; None when it no longer fits."""
    data: Any = plain_data(flow)
    try:
        if fix.value is None:
            _remove(data, fix.path)
        else:
            _above(data, fix.path)[fix.path[-1]] = fix.value
        if fix.away:
            _remove(data, fix.away)
        return Flow.model_validate(data).with_marks(flow.marks)
    except (KeyError, IndexError, TypeError, ValueError):
        return None


def _remove(data: Any, path: Path) -> None:
    del _above(data, path)[path[-1]]


def _above(data: Any, path: Path) -> Any:
    """The mapping or list in ``data`` that holds what ``path`` leads to; a mapping that is missing is made."""
    here = data
    for step in path[:-1]:
        here = here.setdefault(step, {}) if isinstance(here, dict) else here[step]
    return here
