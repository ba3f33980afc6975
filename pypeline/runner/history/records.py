"""What a run left behind, read back: plan, events and summary of one attempt as a :class:`RunRecord`.

In: an attempt's folder. Out: frozen data. A torn or unknown line of the event log is left out and
counted, never an error; a run without its final record (it runs, or its process was killed) is told
from its events. Nothing here writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from pypeline.core import events as e
from pypeline.core.figures import duration
from pypeline.core.results import TERMINAL, ErrorInfo
from pypeline.core.watch import LoopWatch, ModuleWatch, Watch
from pypeline.runner.store import foreign
from pypeline.schema.problems import Place, Problem, PypeError
from pypeline.schema.record import record

MOST_BARS = 100
"""So many tries of a task are kept one by one; more of them become one bar."""


@record
class Bar:
    """One try of a task in time: seconds after the run's start, and how the try ended. ``tries`` above 1
    are the frames of a loop in one bar, from the beginning of the first to the end of the last."""

    task: str
    modules: tuple[str, ...]
    start: float
    end: float
    state: str
    reason: str
    attempt_no: int = 1
    frame: str = "0"
    tries: int = 1


@record
class RunRecord:
    """One attempt. Times are seconds since the epoch, ``seconds`` the run's duration; ``plan`` and
    ``summary`` are the files as they are, ``damaged`` counts lines of the event log that no reader knows."""

    path: Path
    run: str
    attempt: int
    flow: str
    state: str
    reason: str
    started: float
    ended: float
    seconds: float
    modules: Mapping[str, ModuleWatch] = field(default_factory=dict)
    links: Mapping[str, int] = field(default_factory=dict)
    loops: Mapping[int, LoopWatch] = field(default_factory=dict)
    sub_flows: Mapping[int, str] = field(default_factory=dict)
    valves: Mapping[int, tuple[bool, str]] = field(default_factory=dict)
    bars: tuple[Bar, ...] = ()
    logs: tuple[e.Log, ...] = ()
    retries: tuple[e.Retry, ...] = ()
    handled: tuple[str, ...] = ()
    error: ErrorInfo | None = None
    plan: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    damaged: int = 0

    @property
    def rejected(self) -> int:
        """Rows that any module rejected."""
        return sum(m.rejected for m in self.modules.values())

    @property
    def name(self) -> str:
        """How commands name this attempt: ``RUN/2``; a flow that it ran ``RUN/2/part-0-t1``."""
        path, inside = self.path, list[str]()
        while path.parent.name == "children":
            inside.insert(0, path.name)
            path = path.parent.parent
        return "/".join([path.parent.name, path.name.removeprefix("attempt-"), *inside]) if inside else f"{self.run}/{self.attempt}"

    def rows_in(self, module: str) -> int | None:
        """Rows that reached ``module`` over its data links; None when it has none or they were not counted."""
        into = [self.links[id] for id, link in self.plan.get("links", {}).items() if link.get("target") == module and id in self.links]
        return sum(into) if into else None


def load(bundle: Path) -> RunRecord:
    """The record of the attempt in the folder ``bundle``.

    Raises:
        PypeError: PYE488, there is no run in that folder.
    """
    plan = json_object(bundle / "plan.json")
    summary = json_object(bundle / "summary.json")
    found = Fold()
    for event in read_events(bundle / "events.jsonl"):
        found.take(event)
    if not plan and not summary and not found.seen:
        raise PypeError(Problem("PYE488", f"`{bundle}` holds no record of a run", Place(file=str(bundle)), "Choose one that `pype runs` lists.", phase="run"))
    try:
        return found.record(bundle, plan, summary)
    except (TypeError, ValueError, AttributeError):
        # a summary whose values are none: the events say what they can
        return found.record(bundle, plan, {})


def read_events(path: Path) -> Iterator[e.RunEvent | None]:
    """The events in a log, oldest first; None for a line that no reader knows."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                data = foreign.parse_json(line)
                yield e.from_json(data) if isinstance(data, Mapping) else None
            except (ValueError, TypeError):
                yield None


class Fold:
    """Events on their way to a record: :meth:`take` each, then :meth:`record`."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.seen = 0
        self.damaged = 0
        self.flow = ""
        self.last = 0.0
        self._open: dict[tuple[str, str, int], dict[str, Any]] = {}
        self._over: dict[str, list[dict[str, Any]]] = {}
        self._in_frame: dict[str, list[tuple[str, str, int]]] = {}
        self._frames: dict[int, tuple[float, float]] = {}

    def take(self, event: e.RunEvent | None) -> None:
        """Take one event in; None stands for a line that no reader knows."""
        if event is None:
            self.damaged += 1
            return
        self.seen += 1
        self.last = max(self.last, event.time)
        self.watch.feed((event,))
        if isinstance(event, e.RunStarted):
            self.flow = event.flow
        elif isinstance(event, e.ModuleState):
            self._bar(event)
        elif isinstance(event, e.Retry):
            # its number is that of the try to come
            bar = self._open.get((event.task, event.frame, event.attempt_no - 1))
            if bar and bar["state"] == "running":
                bar.update(end=event.time, state="failed", reason=f"error:{event.error.type}" if event.error else "retried")
        elif isinstance(event, e.FrameState) and event.state in TERMINAL:
            self._fold(event.frame)
        elif isinstance(event, e.SubFlowState):
            start, end = self._frames.get(event.sub_flow, (0.0, 0.0))
            # in a loop from the beginning of the first frame to the end of the last
            began = event.time if event.state == "running" and not start else start
            self._frames[event.sub_flow] = (began, event.time if event.state in TERMINAL else end)

    def _bar(self, event: e.ModuleState) -> None:
        key = (event.task, event.frame, event.attempt_no)
        if event.state == "running":
            if key not in self._open:
                self._in_frame.setdefault(event.frame, []).append(key)
            bar = self._open.setdefault(
                key, {"task": event.task, "frame": event.frame, "attempt": event.attempt_no, "start": event.time, "end": 0.0,
                      "state": "running", "reason": "", "modules": [], "tries": 1},
            )  # fmt: skip
            bar["modules"].append(event.module)
        elif event.state in TERMINAL and key in self._open:
            bar = self._open[key]
            # of the modules of a task the one at fault says why
            worse = bar["state"] != "failed" or (event.state == "failed" and event.reason != "task_failed")
            bar.update(end=max(bar["end"], event.time), **({"state": event.state, "reason": event.reason} if worse else {}))

    def _fold(self, frame: str) -> None:
        """A frame has ended: its tries are kept one by one as long as there are not too many of a task."""
        for key in self._in_frame.pop(frame, ()):
            bar = self._open[key]
            if not bar["end"]:
                # of a task outside the loop, whose frame has the same name
                self._in_frame.setdefault(frame, []).append(key)
                continue
            del self._open[key]
            over = self._over.setdefault(bar["task"], [])
            over.append(bar)
            if len(over) > MOST_BARS or over[0]["tries"] > 1:
                worst = next((each for each in over if each["state"] == "failed"), over[-1])
                ends = {"start": min(each["start"] for each in over), "end": max(each["end"] for each in over)}
                over[:] = [{**worst, **ends, "frame": "", "tries": sum(each["tries"] for each in over)}]

    def _bars(self, started: float) -> tuple[Bar, ...]:
        bars = sorted([*(bar for over in self._over.values() for bar in over), *self._open.values()], key=lambda bar: float(bar["start"]))
        return tuple(
            Bar(
                b["task"], tuple(b["modules"]), max(0.0, b["start"] - started), max(0.0, (b["end"] or self.last) - started),
                b["state"], b["reason"], b["attempt"], b["frame"], b["tries"],
            )
            for b in bars
        )  # fmt: skip

    def record(self, path: Path, plan: Mapping[str, Any], summary: Mapping[str, Any]) -> RunRecord:
        """What the events so far say, with the final record's words where there is one."""
        watch = self.watch
        started = float(summary.get("started") or watch.started)
        ended = float(summary.get("ended") or (watch.ended.time if watch.ended else 0.0))
        state = str(summary.get("state") or watch.state)
        return RunRecord(
            path=path,
            run=str(summary.get("run") or watch.run or path.parent.name),
            attempt=int(summary.get("attempt") or watch.attempt),
            flow=str(summary.get("flow") or self.flow or plan.get("flow") or ""),
            state=state,
            reason=str(summary.get("reason") or watch.reason),
            started=started,
            ended=ended,
            seconds=float(summary.get("seconds") or watch.seconds or max(0.0, (ended or self.last) - started if started else 0.0)),
            modules=watch.modules,
            links=watch.counts(),
            loops=watch.loops,
            valves=watch.valves,
            sub_flows={index: self._frame_text(index, *value) for index, value in watch.sub_flows.items()},
            bars=self._bars(started),
            logs=tuple(watch.logs),
            retries=tuple(watch.retries),
            handled=tuple(summary.get("handled") or (watch.ended.handled if watch.ended else ())),
            error=watch.ended.error if watch.ended else None,
            plan=plan,
            summary=summary,
            damaged=self.damaged,
        )

    def _frame_text(self, index: int, state: str, reason: str) -> str:
        start, end = self._frames.get(index, (0.0, 0.0))
        frames = self.watch.sub_flow_frames[index]
        passes = frames.words and f" · {frames.words}"
        if state == "cancelled":
            return (reason.replace("_", " ") or state) + passes
        return f"{state}{passes} · {duration(end - start)}" if start and end >= start else state + passes


def json_object(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty when there is none or it is damaged."""
    try:
        data = foreign.parse_json(foreign.read_bytes(path))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
