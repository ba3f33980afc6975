"""From what the run machine says and what tasks gave to run events: the one vocabulary everybody reads.

In: actions and results. Out: events, stamped with run, attempt and time. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import time
from typing import Any

from pypeline.core import actions as act
from pypeline.core import events as ev
from pypeline.core.plan import Plan
from pypeline.core.planned import PlannedLink
from pypeline.core.results import ErrorInfo, TaskResult


class Announcer:
    """Speaks for one attempt. ``emit`` gets every event, in order."""

    def __init__(self, plan: Plan, attempt: int, emit: Callable[[ev.RunEvent], None]) -> None:
        self._plan = plan
        self._attempt = attempt
        self._emit = emit

        def stamped(kind: Callable[..., ev.RunEvent]) -> Callable[..., ev.RunEvent]:
            # not a method that passes on what it gets by name: that takes as long again as the event itself
            return partial(kind, run=plan.run_id, attempt=attempt)

        self._sub_flow_state = stamped(ev.SubFlowState)
        self._valve_resolved = stamped(ev.ValveResolved)
        self._frame_state = stamped(ev.FrameState)
        self._module_state = stamped(ev.ModuleState)
        self._link_count = stamped(ev.LinkCount)
        self._artifact_ready = stamped(ev.ArtifactReady)
        self._preview_ready = stamped(ev.PreviewReady)
        self._retry = stamped(ev.Retry)
        self._log = stamped(ev.Log)
        # by their place in the file: links inside one sub flow have none in the plan
        self._valves = {valve.index: valve for valve in plan.valves}

    def passed_on(self, event: ev.RunEvent) -> None:
        """An event that a worker made: it does not know which attempt it serves."""
        self._emit(replace(event, attempt=self._attempt))

    def sub_flow(self, change: act.SubFlowChanged) -> None:
        title = self._plan.sub_flows[change.sub_flow].title
        self._emit(self._sub_flow_state(time=time(), sub_flow=change.sub_flow, title=title, state=change.state, reason=change.reason, frame=change.frame))

    def valve(self, change: act.ValveChanged) -> None:
        valve = self._valves[change.valve]
        self._emit(
            self._valve_resolved(
                time=time(), valve=change.valve, source=valve.source, target=valve.target, open=change.open, reason=change.reason, frame=change.frame
            )
        )

    def frame(self, change: act.FrameChanged) -> None:
        source = self._valves[change.valve].source
        self._emit(
            self._frame_state(
                time=time(),
                source=source,
                frame=change.frame,
                state=change.state,
                done=change.done,
                total=change.total,
                reason=change.reason,
                valve=change.valve,
            )
        )

    def module(self, change: act.ModuleChanged, result: TaskResult | None) -> None:
        """A module runs, or has its terminal record: then with what its task's last ``result`` says of it."""
        told: dict[str, Any] = {}
        if result is not None and change.state != "running":
            told = {"seconds": result.seconds, "cpu_seconds": result.cpu_seconds, "peak_rss": result.peak_rss}
            for record in result.modules:
                if record.module == change.module:
                    told |= {"rows_out": record.rows_out, "rejected": record.rejected}
                    break
            if change.state == "failed":
                told["error"] = result.error
        self._emit(
            self._module_state(
                time=time(),
                module=change.module,
                task=change.task,
                state=change.state,
                reason=change.reason,
                frame=change.frame,
                attempt_no=change.attempt_no,
                **told,
            )
        )

    def retry(self, retry: act.ScheduleRetry, error: ErrorInfo | None) -> None:
        self._emit(self._retry(time=time(), task=retry.task, frame=retry.frame, attempt_no=retry.attempt_no, delay=retry.delay, error=error))

    def tables(self, result: TaskResult, frame: str, links_from: Mapping[str, Sequence[PlannedLink]], previews: Iterable[tuple[str, str]]) -> None:
        """The counts, hand-overs and previews of a completed try."""
        for port, rows in result.counts.items():
            for link in links_from.get(port, ()):
                self._emit(self._link_count(time=time(), link=link.id, frame=frame, rows=rows, seconds=result.seconds))
        for port, table in result.outputs.items():
            module, _, name = port.rpartition(".")
            self._emit(self._artifact_ready(time=time(), module=module, frame=frame, port=name, uri=table.path, rows=table.rows, bytes=table.bytes))
        for port, path in previews:
            module, _, name = port.rpartition(".")
            self._emit(self._preview_ready(time=time(), module=module, frame=frame, port=name, path=path))

    def failure(self, error: ErrorInfo, task: str, frame: str) -> None:
        node = f"{error.module or task}#{frame}"
        self.log("ERROR", error.line(), node)
        if error.type != "PypeError" and error.detail:
            self.log("INFO", error.detail, node)

    def not_joined(self, error: ErrorInfo, task: str, frame: str) -> None:
        """A sink that collected in every frame could not write the rows of all: a record of its own, ``frame`` being that of none."""
        self._emit(self._module_state(time=time(), module=error.module, task=task, state="failed", reason="error:join", frame=frame, error=error))

    def log(self, level: str, message: str, node: str = "") -> None:
        self._emit(self._log(time=time(), level=level, message=message, node_id=node))
