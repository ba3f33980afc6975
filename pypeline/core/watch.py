"""Watching a run: events in, what to show out.

:class:`Watch` folds the event stream into the newest state of every module, link, sub flow and
valve. Canvas, progress and summary read it; it knows no loop and no window. Feeding is O(1) and
returns what changed, so that ten thousand events a second cost a redraw of what they touched.
The passes of a loop are folded: counted and summed up, never kept one by one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pypeline.core import events as e
from pypeline.core.results import NEUTRAL, TERMINAL, ErrorInfo, State

MOST_FAILURES = 100
"""So many failed frames of a loop are remembered one by one."""


@dataclass(slots=True)
class Frames:
    """The passes of one module, sub flow or loop: how many ended how, and which are under way."""

    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    under_way: set[str] = field(default_factory=set)
    why: str = ""
    """The reason of the newest failure."""
    cut: str = ""
    """Why a pass was cut short, by a stop or a halt; what a closed valve leaves out is not."""
    unjoined: str = ""
    """Why what the passes collected could not be brought together."""

    @property
    def ended(self) -> int:
        """Passes that are over."""
        return self.completed + self.failed + self.cancelled

    @property
    def begun(self) -> int:
        """Passes that are over or under way; 1 for what stands in no loop, once it runs."""
        return self.ended + len(self.under_way)

    def take(self, frame: str, state: State, reason: str = "") -> tuple[State, str]:
        """Count one change; state and reason of all passes together: running, else failed if one is, else
        cancelled if one was cut short, else completed if one is."""
        if state == "running":
            self.under_way.add(frame)
            return state, reason
        self.under_way.discard(frame)
        # the one record of what never got a frame, or of rows of all that could not be joined, is no pass
        if frame.endswith("-"):
            self.unjoined = reason if state == "failed" else self.unjoined
        elif state == "completed":
            self.completed += 1
        elif state == "failed":
            self.failed += 1
            self.why = reason
        elif state == "cancelled":
            self.cancelled += 1
            self.cut = self.cut if reason in NEUTRAL else reason
        if self.under_way:
            return "running", ""
        if self.failed or self.unjoined:
            return "failed", self.why or self.unjoined
        if self.cut:
            return "cancelled", self.cut
        return ("completed", "ok") if self.completed and state != "completed" else (state, reason)

    @property
    def words(self) -> str:
        """How many passes ended as all together did: ``40 frames``, ``2 of 40 frames``; nothing for a single one."""
        if self.begun <= 1:
            return ""
        told = self.failed or (self.cancelled if self.cut else self.completed or self.cancelled)
        return f"{told:,} of {self.begun:,} frames" if told < self.ended else f"{self.begun:,} frames"

    def counts(self) -> dict[str, int]:
        """How many passes ended how, as plain data."""
        return {"completed": self.completed, "failed": self.failed, "cancelled": self.cancelled}


@dataclass(slots=True)
class ModuleWatch:
    """The newest record of a module; ``fraction`` 0..1 while it runs and that is known. In a loop
    rows and seconds are those of all passes together, ``frame`` is the newest, ``frames`` counts them."""

    state: State = "pending"
    reason: str = ""
    started: float = 0.0
    seconds: float = 0.0
    rows_out: Mapping[str, int] = field(default_factory=dict)
    rejected: int = 0
    tries: int = 1
    peak_rss: int = 0
    fraction: float | None = None
    error: ErrorInfo | None = None
    task: str = ""
    cpu_seconds: float = 0.0
    ended: float = 0.0
    rows_so_far: int | None = None
    frame: str = "0"
    frames: Frames = field(default_factory=Frames)
    waits: float = 0.0
    """Seconds that it waits before its next try, number ``tries``; 0 when it does not."""


@dataclass(slots=True)
class LinkWatch:
    """Rows a link carried so far, in all passes of a loop together, and how long that took;
    ``settled`` are those of the passes that are over."""

    rows: int = 0
    final: bool = False
    seconds: float = 0.0
    settled: int = 0


@dataclass(slots=True)
class LoopWatch:
    """The passes of an iterate link, in all frames around it together: ``done`` of ``total`` have ended.
    ``failures`` are (frame, reason), the first hundred; ``around`` the frames whose passes are not all over."""

    total: int = 0
    frames: Frames = field(default_factory=Frames)
    failures: list[tuple[str, str]] = field(default_factory=list)
    around: set[str] = field(default_factory=set)

    @property
    def done(self) -> int:
        return self.frames.ended

    @property
    def failed(self) -> int:
        return self.frames.failed

    @property
    def running(self) -> int:
        return len(self.frames.under_way)

    @property
    def words(self) -> str:
        """``3 / 12 · 1 failed · 2 running``."""
        parts = [f"{self.done:,} / {self.total:,}"]
        parts += [f"{self.failed:,} failed"] if self.failed else []
        parts += [f"{self.running:,} running"] if self.running else []
        return " · ".join(parts)


def sub_flow_mark(index: int) -> str:
    """How a sub flow is named among what changed; no id looks like it."""
    return f"sub flow {index}"


def valve_mark(index: int) -> str:
    """How a control link is named among what changed."""
    return f"valve {index}"


class Watch:
    """The state of one run as its events tell it. ``logs`` keeps the newest 5,000 lines."""

    def __init__(self) -> None:
        self.run: str = ""
        self.attempt: int = 0
        self.state: State = "pending"
        self.reason: str = ""
        self.started: float = 0.0
        self.now: float = 0.0
        self.seconds: float = 0.0
        self.total: int = 0
        # the modules of the part that runs, which is one sub flow; None where the whole flow does
        self.only: frozenset[str] | None = None
        self.modules: dict[str, ModuleWatch] = {}
        self.links: dict[str, LinkWatch] = {}
        self.sub_flows: dict[int, tuple[State, str]] = {}
        self.valves: dict[int, tuple[bool, str]] = {}
        self.loops: dict[int, LoopWatch] = {}
        self.previews: dict[str, str] = {}
        self.logs: deque[e.Log] = deque(maxlen=5_000)
        self.retries: deque[e.Retry] = deque(maxlen=5_000)
        self.ended: e.RunEnded | None = None
        self.sub_flow_frames: dict[int, Frames] = {}

    def feed(self, events: Iterable[e.RunEvent]) -> frozenset[str]:
        """Take events in; returns the ids of modules and links whose look changed,
        and marks of sub flows and valves."""
        changed: set[str] = set()
        for event in events:
            self._take(event, changed)
        return frozenset(changed)

    def number(self, n: int, modules: Iterable[str]) -> int:
        """Which sub flow of this run the drawing's ``n``-th is, that holds ``modules``; -1 if it is not in the part that runs."""
        if self.only is None:
            return n
        return -1 if self.only.isdisjoint(modules) else 0

    def counts(self) -> dict[str, int]:
        """Rows by link id."""
        return {id: link.rows for id, link in self.links.items()}

    def tally(self) -> dict[State, int]:
        """How many modules are in each state."""
        found: dict[State, int] = {}
        for module in self.modules.values():
            found[module.state] = found.get(module.state, 0) + 1
        return found

    def _take(self, event: e.RunEvent, changed: set[str]) -> None:
        self.now = max(self.now, event.time)
        match event:
            case e.ModuleState():
                self._module(event)
                changed.add(event.module)
            case e.LinkCount():
                self._link(event)
                changed.add(event.link)
            case e.FrameState():
                self._frame(event)
                changed.add(valve_mark(event.valve))
            case e.Progress():
                for module in event.modules:
                    seen = self.modules.setdefault(module, ModuleWatch())
                    seen.fraction, seen.rows_so_far = event.fraction, event.rows
                    changed.add(module)
            case e.Retry():
                self.retries.append(event)
                for id, seen in self.modules.items():
                    if seen.task == event.task and seen.state != "completed":
                        seen.waits, seen.tries = event.delay, event.attempt_no
                        changed.add(id)
            case e.Log():
                self.logs.append(event)
            case e.SubFlowState():
                self._sub_flow(event)
                changed.add(sub_flow_mark(event.sub_flow))
            case e.ValveResolved():
                self.valves[event.valve] = (event.open, event.reason)
                changed.add(valve_mark(event.valve))
            case e.PreviewReady():
                self.previews[f"{event.module}.{event.port}"] = event.path
            case e.RunStarted():
                self.run, self.attempt, self.state, self.started, self.total = event.run, event.attempt, "running", event.time, event.modules
            case e.RunEnded():
                self.state, self.reason, self.seconds, self.ended = event.state, event.reason, event.seconds, event
            case _:
                pass

    def _module(self, event: e.ModuleState) -> None:
        seen = self.modules.get(event.module)
        if seen is None:
            seen = self.modules[event.module] = ModuleWatch()
        seen.state, seen.reason = seen.frames.take(event.frame, event.state, event.reason)
        seen.task, seen.frame, seen.tries = event.task, event.frame, event.attempt_no
        seen.fraction = seen.rows_so_far = None
        seen.waits = 0.0
        if event.state == "running":
            seen.started, seen.ended = event.time, 0.0
        if event.state not in TERMINAL:
            return
        first = seen.frames.begun <= 1
        seen.ended = event.time
        seen.rows_out = event.rows_out if first or not seen.rows_out else _added(seen.rows_out, event.rows_out)
        seen.rejected += event.rejected
        seen.seconds += event.seconds
        seen.cpu_seconds += event.cpu_seconds
        seen.peak_rss = max(seen.peak_rss, event.peak_rss)
        seen.error = event.error or seen.error

    def _link(self, event: e.LinkCount) -> None:
        seen = self.links.setdefault(event.link, LinkWatch())
        seen.rows = seen.settled + event.rows
        seen.final = event.final
        if event.final:
            seen.settled = seen.rows
            seen.seconds += event.seconds

    def _sub_flow(self, event: e.SubFlowState) -> None:
        frames = self.sub_flow_frames.setdefault(event.sub_flow, Frames())
        self.sub_flows[event.sub_flow] = frames.take(event.frame, event.state, event.reason)

    def _frame(self, event: e.FrameState) -> None:
        loop = self.loops.setdefault(event.valve, LoopWatch())
        around = event.frame.rpartition("-")[0]
        if around not in loop.around:
            loop.around.add(around)
            loop.total += event.total
        loop.frames.take(event.frame, event.state)
        if event.state == "failed" and len(loop.failures) < MOST_FAILURES:
            loop.failures.append((event.frame, event.reason))
        if event.state in TERMINAL and event.done == event.total:
            loop.around.discard(around)


def _added(rows: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Rows by port, of all passes together."""
    found = dict(rows)
    for port, count in more.items():
        found[port] = found.get(port, 0) + count
    return found
