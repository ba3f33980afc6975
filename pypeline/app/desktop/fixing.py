"""Doing what the fix of a problem says: one value in the flow's data is set or taken away."""

from __future__ import annotations

from typing import Any

from pypeline.schema.flow import Flow
from pypeline.schema.plain import plain as plain_data
from pypeline.schema.problems import Fix


def with_fix(flow: Flow, fix: Fix) -> Flow | None:
    """``flow`` with ``fix.value`` at ``fix.path`` (None removes what is there); None when it no longer fits."""
    data: Any = plain_data(flow)
    here: Any = data
    for step in fix.path[:-1]:
        try:
            here = here[step] if not isinstance(here, dict) or step in here else here.setdefault(step, {})
        except (KeyError, IndexError, TypeError):
            return None
    last = fix.path[-1]
    try:
        if fix.value is None:
            del here[last]
        else:
            here[last] = fix.value
        return Flow.model_validate(data).with_marks(flow.marks)
    except (KeyError, IndexError, TypeError, ValueError):
        return None
