"""From what the run machine says and what tasks gave to run events: the one vocabulary everybody reads.

In: actions and results. Out: events, stamped with run, attempt and time. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from time import time

from pypeline.core import actions as act
from pypeline.core import events as ev
from pypeline.core.plan import Plan
from pypeline.core.planned import PlannedLink
from pypeline.core.results import ErrorInfo, TaskResult

_NO_ROWS: Mapping[str, int] = {}


class Announcer:
    """Speaks for one attempt. ``emit`` gets every event, in order."""

    def __init__(self, plan: Plan, attempt: int, emit: Callable[[ev.RunEvent], None]) -> None:
        self._plan = plan
        self._run = plan.run_id
        self._attempt = attempt
        self._emit = emit
        # by their place in the file: links inside one sub flow have none in the plan
        self._valves = {valve.index: valve for valve in plan.valves}

    def passed_on(self, event: ev.RunEvent) -> None:
        """An event that a worker made: it does not know which attempt it serves."""
        self._emit(replace(event, attempt=self._attempt))

    def sub_flow(self, change: act.SubFlowChanged) -> None:
        title = self._plan.sub_flows[change.sub_flow].title
        self._emit(ev.SubFlowState(self._run, self._attempt, time(), change.sub_flow, title, change.state, change.reason, change.frame))

    def valve(self, change: act.ValveChanged) -> None:
        valve = self._valves[change.valve]
        self._emit(ev.ValveResolved(self._run, self._attempt, time(), change.valve, valve.source, valve.target, change.open, change.reason, change.frame))

    def frame(self, change: act.FrameChanged) -> None:
        source = self._valves[change.valve].source
        self._emit(
            ev.FrameState(
                self._run, self._attempt, time(), source, change.frame, change.state, change.done, change.total, change.reason, change.valve
            )
        )  # fmt: skip

    def module(self, change: act.ModuleChanged, result: TaskResult | None) -> None:
        """A module runs, or has its terminal record: then with what its task's last ``result`` says of it."""
        said = (self._run, self._attempt, time(), change.module, change.task, change.state, change.reason, change.frame, change.attempt_no)
        if result is None or change.state == "running":
            self._emit(ev.ModuleState(*said))
            return
        rows_out, rejected = _NO_ROWS, 0
        for record in result.modules:
            if record.module == change.module:
                rows_out, rejected = record.rows_out, record.rejected
                break
        error = result.error if change.state == "failed" else None
        self._emit(ev.ModuleState(*said, rows_out, rejected, result.seconds, result.cpu_seconds, result.peak_rss, error))

    def retry(self, retry: act.ScheduleRetry, error: ErrorInfo | None) -> None:
        self._emit(ev.Retry(self._run, self._attempt, time(), retry.task, retry.attempt_no, retry.delay, error, retry.frame))

    def tables(self, result: TaskResult, frame: str, links_from: Mapping[str, Sequence[PlannedLink]], previews: Iterable[tuple[str, str]]) -> None:
        """The counts, hand-overs and previews of a completed try."""
        run, attempt = self._run, self._attempt
        for port, rows in result.counts.items():
            for link in links_from.get(port, ()):
                self._emit(ev.LinkCount(run, attempt, time(), link.id, rows, seconds=result.seconds, frame=frame))
        for port, table in result.outputs.items():
            module, _, name = port.rpartition(".")
            self._emit(ev.ArtifactReady(run, attempt, time(), module, name, table.path, table.rows, table.bytes, frame))
        for port, path in previews:
            module, _, name = port.rpartition(".")
            self._emit(ev.PreviewReady(run, attempt, time(), module, name, path, frame))

    def failure(self, error: ErrorInfo, task: str, frame: str) -> None:
        node = f"{error.module or task}#{frame}"
        self.log("ERROR", error.line(), node)
        if error.type != "PypeError" and error.detail:
            self.log("INFO", error.detail, node)

    def not_joined(self, error: ErrorInfo, task: str, frame: str) -> None:
        """A sink that collected in every frame could not write the rows of all: a record of its own, ``frame`` being that of none."""
        self._emit(ev.ModuleState(self._run, self._attempt, time(), error.module, task, "failed", "error:join", frame, error=error))

    def log(self, level: ev.Level, message: str, node: str = "") -> None:
        self._emit(ev.Log(self._run, self._attempt, time(), level, message, node))
