"""What a run keeps of itself in its folder: its plan before it, one final record and a report after it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from pypeline.core import events as ev
from pypeline.core.masking import Net
from pypeline.core.plan import Plan
from pypeline.runner import logs
from pypeline.runner.store import atomic
from pypeline.runner.store.bundle import Bundle
from pypeline.schema.problems import PypeError

REPORT = "pypeline.runner.history.report"
_TEXTS = frozenset({"configs", "variables", "source", "condition", "text"})
"""What of a module or valve the flow's author wrote."""


def plan(bundle: Bundle, plan: Plan, net: Net) -> None:
    """Write the plan. Where the flow's author wrote a known secret as plain text it is hidden.

    Raises:
        PypeError: the disk refuses it.
    """
    for value in logs.secrets_in(plan.env):
        net.add(value)

    def told(part: Mapping[str, Any]) -> dict[str, Any]:
        return {key: net.within(value) if key in _TEXTS else value for key, value in part.items()}

    data = plan.to_json()
    data["modules"] = {id: told(module) for id, module in data["modules"].items()}
    data["valves"] = [told(valve) for valve in data["valves"]]
    atomic.write_json(bundle.plan, data, mode=0o600)


def record(bundle: Bundle, record: Mapping[str, Any]) -> PypeError | None:
    """Write the final record. A disk that refuses even that leaves the attempt to be found lost later; it is said on stderr and returned."""
    try:
        bundle.finish({"run": bundle.run_id, "attempt": bundle.attempt, **record})
    except PypeError as error:
        print(error, file=sys.stderr)
        return error
    return None


def load_report() -> Any:
    """The room that looks back, if it is installed."""
    return importlib.import_module(REPORT) if importlib.util.find_spec(REPORT) is not None else None


def report(bundle: Bundle, bus: Callable[[ev.RunEvent], None]) -> None:
    """``report.html``, by the room that looks back. A report that fails never fails a run."""
    try:
        if room := load_report():
            room.write(bundle.path)
    except (PypeError, OSError, ValueError, KeyError) as error:
        bus(ev.Log(run=bundle.run_id, attempt=bundle.attempt, time=time.time(), level="WARN", message=f"the report could not be written: {error}"))
