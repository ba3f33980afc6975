"""What a run's summary says of its modules and loops: its events, counted.

In: every event of one attempt, in order. Out: plain figures. The frames of a loop are folded, as
everywhere (:mod:`pypeline.core.watch`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pypeline.core import events as ev
from pypeline.core.plan import Plan
from pypeline.core.results import State
from pypeline.core.watch import ModuleWatch, Watch


class Tally:
    """What the summary needs of the events: the last one of each module, and what all frames have in common."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.last: dict[str, ev.ModuleState] = {}

    def __call__(self, event: ev.RunEvent) -> None:
        self.watch.feed((event,))
        if isinstance(event, ev.ModuleState):
            self.last[event.module] = event

    def count(self, state: State) -> int:
        """How many modules are in ``state``."""
        return self.watch.tally().get(state, 0)

    def modules(self) -> dict[str, ev.ModuleState]:
        """The last state of each module, with the figures of all its frames."""
        return {id: self._folded(event, self.watch.modules[id]) for id, event in self.last.items()}

    def frames(self) -> dict[str, dict[str, int]]:
        """How many frames ended how, of each module that had more than one."""
        return {id: seen.frames.counts() for id, seen in self.watch.modules.items() if seen.frames.begun > 1}

    @staticmethod
    def _folded(event: ev.ModuleState, seen: ModuleWatch) -> ev.ModuleState:
        if seen.frames.begun <= 1:
            return event
        return replace(
            event,
            state=seen.state,
            reason=seen.reason,
            rows_out=seen.rows_out,
            rejected=seen.rejected,
            seconds=seen.seconds,
            cpu_seconds=seen.cpu_seconds,
            peak_rss=seen.peak_rss,
            error=seen.error,
        )

    def loops(self, plan: Plan) -> list[dict[str, Any]]:
        """The loops that had frames, each with how many ended how and the first that failed."""
        texts = {valve.index: valve.text for valve in plan.valves}
        return [
            {"valve": index, "link": texts[index], "total": loop.total, **loop.frames.counts(), "failures": [list(one) for one in loop.failures]}
            for index, loop in sorted(self.watch.loops.items())
        ]
