"""Watching a run: events in, what to show out.

:class:`Watch` folds the event stream into the newest state of every module, link, sub flow and
valve. Canvas, progress and summary read it; it knows no loop and no window. Feeding is O(1) and
returns what changed, so that ten thousand events a second cost a redraw of what they touched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pypeline.core import events as e
from pypeline.core.results import TERMINAL, ErrorInfo, State


@dataclass(slots=True)
class ModuleWatch:
    """The newest record of a module; ``fraction`` 0..1 while it runs and that is known."""

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


@dataclass(slots=True)
class LinkWatch:
    """Rows a link carried so far and how long that took."""

    rows: int
    final: bool
    seconds: float = 0.0


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
        self.modules: dict[str, ModuleWatch] = {}
        self.links: dict[str, LinkWatch] = {}
        self.sub_flows: dict[int, tuple[State, str]] = {}
        self.valves: dict[int, tuple[bool, str]] = {}
        self.previews: dict[str, str] = {}
        self.logs: deque[e.Log] = deque(maxlen=5_000)
        self.retries: list[e.Retry] = []
        self.ended: e.RunEnded | None = None

    def feed(self, events: Iterable[e.RunEvent]) -> frozenset[str]:
        """Take events in; returns the ids of modules and links whose look changed,
        and marks of sub flows and valves."""
        changed: set[str] = set()
        for event in events:
            self._take(event, changed)
        return frozenset(changed)

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
                self.links[event.link] = LinkWatch(event.rows, event.final, event.seconds)
                changed.add(event.link)
            case e.Progress():
                for module in event.modules:
                    seen = self.modules.setdefault(module, ModuleWatch())
                    seen.fraction, seen.rows_so_far = event.fraction, event.rows
                    changed.add(module)
            case e.Retry():
                self.retries.append(event)
            case e.Log():
                self.logs.append(event)
            case e.SubFlowState():
                self.sub_flows[event.sub_flow] = (event.state, event.reason)
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
        known = self.modules.get(event.module)
        started = event.time if event.state == "running" else known.started if known else 0.0
        self.modules[event.module] = ModuleWatch(
            event.state, event.reason, started, event.seconds, event.rows_out, event.rejected, event.attempt_no, event.peak_rss, None, event.error,
            event.task, event.cpu_seconds, event.time if event.state in TERMINAL else 0.0,
        )  # fmt: skip
