"""What the run machine remembers: one record per task, control link, sub flow, frame and loop.

Plain mutable data with counters, so that every event costs a constant amount of work. Only
``core.state`` and its workers in this package touch these. A frame's records are made when it begins
and dropped when it has ended.
"""

from __future__ import annotations

from typing import Any, Literal

from pypeline.core.plan import SubFlow, Task, Valve
from pypeline.core.results import TERMINAL, State

OUTSIDE = "0"
"""The frame of all that stands in no loop."""

STICKY = frozenset({"halted", "stopped_by_user", "timeout", "not_needed"})
"""Reasons of a cancelled sub flow that its closing links hand on to what they cancel in turn."""

EVERYTHING = 1_000_000
"""A depth deeper than any loop: a halt at it spares nothing."""

Failure = Literal["", "pending", "handled", "unhandled"]
Phase = Literal["waiting", "ready", "running", "retry", "ended"]


class TaskRun:
    """A task in a frame. ``left`` counts the tasks before it that have not completed."""

    __slots__ = ("attempt", "cancelling", "feeds", "left", "phase", "reason", "sub", "task", "turn")

    def __init__(self, task: Task, sub: SubFlowRun, turn: int) -> None:
        self.task = task
        self.sub = sub
        self.turn = turn
        self.left = len(task.after)
        self.feeds: list[TaskRun] = []
        self.attempt = 0
        self.reason = ""
        # waiting → ready → running → (retry → ready → running …) → ended
        self.phase: Phase = "waiting"
        self.cancelling = ""


class Input:
    """One input of a sub flow: links of which the first open one satisfies it (control rule 7)."""

    __slots__ = ("left", "open")

    def __init__(self, links: int) -> None:
        self.left = links
        self.open = False


class LinkRun:
    """A control link in a frame. ``reason`` is set once, when it resolves. An iterate link has no
    ``target``: what it leads to runs in frames of its own, of which it has ``count``."""

    __slots__ = ("asking", "count", "input", "open", "reason", "source", "target", "valve", "verdict")

    def __init__(self, valve: Valve, source: SubFlowRun, target: SubFlowRun | None, into: Input | None) -> None:
        self.valve = valve
        self.source = source
        self.target = target
        self.input = into
        self.open = False
        # what is being asked before it can resolve
        self.asking: Literal["", "condition", "items"] = ""
        self.reason = ""
        # what its order decided before all links of it resolve together: "ok" opens
        self.verdict = ""
        self.count = 0


class SubFlowRun:
    """A sub flow in a frame (``home``; ``frame`` is its id).

    Its *span* lasts from its request until it and all orders of its links have ended. ``waits`` is
    what its current order still waits for, ``waiters`` the sources whose order waits for this span.
    ``unsettled`` counts what must be known before a handler above can be judged by it. ``late`` is why
    later orders see it as failed although it completed; ``inside`` are the sub flows whose failures
    in its loops it answers for. It is exempt from halts of loops up to depth ``shield``.
    """

    __slots__ = (
        "asked", "asking", "began", "cause", "closed", "cut_short", "errors_good", "errors_left", "errors_opened", "failure", "frame", "halting", "home",
        "inputs_lost", "inputs_open", "inside", "into", "late", "loops", "opened", "order_at", "orders", "out", "plan", "reason", "requested",
        "settled", "settled_good", "shield", "span_over", "state", "tasks", "tasks_left", "unsettled", "waiters", "waits", "watchers",
    )  # fmt: skip

    def __init__(self, plan: SubFlow, home: FrameRun) -> None:
        self.plan = plan
        self.home = home
        self.frame = home.id
        self.state: State = "pending"
        self.reason = ""
        self.tasks: list[TaskRun] = []
        self.tasks_left = 0
        self.requested = False
        self.asked = False
        self.began = False
        # a task of it was cancelled
        self.cut_short = False
        self.span_over = False
        # links in
        self.into: list[LinkRun] = []
        self.opened = 0
        self.closed = 0
        self.inputs_open = 0
        self.inputs_lost = False
        self.halting = ""
        # links out, in orders
        self.out: list[LinkRun] = []
        self.orders: list[list[LinkRun]] = []
        self.order_at = 0
        self.waits = 0
        self.asking = 0
        self.waiters: list[SubFlowRun] = []
        self.loops: tuple[LoopRun, ...] = ()
        # failure and handling
        self.failure: Failure = ""
        self.late = ""
        self.cause = ("", "")
        self.inside: dict[int, None] | None = None
        self.shield = -1
        self.errors_left = 0
        self.errors_opened = 0
        self.errors_good = True
        self.unsettled = 1
        self.settled = False
        self.settled_good = True
        self.watchers: list[LinkRun] = []

    @property
    def ended(self) -> bool:
        """Whether it has its terminal state."""
        return self.state in TERMINAL

    @property
    def failed(self) -> bool:
        """Whether later orders see a failed source: it failed, or a valve or a loop of it did."""
        return self.state == "failed" or self.late != ""

    @property
    def halted(self) -> bool:
        """Whether a halt keeps it from starting anything."""
        return self.home.halted_at > self.shield


class FrameRun:
    """One pass of ``loop``, the ``index``-th; or, without a loop, all that stands in none.

    ``path`` are the indices from the outermost loop inwards, so its length is the depth. ``left``
    counts the sub flows whose span is not over. ``halted_at`` is the depth of the innermost halt that
    it lies in: 0 for one of the whole run, -1 for none.
    """

    __slots__ = ("failure", "globals", "halted_at", "id", "index", "left", "loop", "path", "stopped", "subs")

    def __init__(self, loop: LoopRun | None = None, index: int = 0) -> None:
        self.loop = loop
        self.index = index
        home = None if loop is None else loop.source.home
        self.path: tuple[int, ...] = () if home is None else (*home.path, index)
        self.id: str = OUTSIDE if home is None else str(index) if home.loop is None else f"{home.id}-{index}"
        self.halted_at: int = -1 if home is None else home.halted_at
        self.subs: list[SubFlowRun] = []
        self.left = 0
        # by lower-case ``module__var``
        self.globals: dict[str, Any] = {}
        # the reason of an unhandled failure in it, and that of a halt or stop that cancelled part of it
        self.failure = ""
        self.stopped = ""

    @property
    def without(self) -> str:
        """The id under which what never got a frame in a loop of this frame is recorded (rule 21)."""
        return "-" if self.loop is None else f"{self.id}--"


class LoopRun:
    """An open iterate link at work, its frames ``depth`` loops deep. Those from ``next`` on have not
    begun; once a failure in it ``halted`` it, none will. ``spoiled`` tells that a halt or stop from
    further out cut it short. ``last`` are the globals of the frames so far: name → (index, value)."""

    __slots__ = ("begun", "depth", "done", "frames", "halted", "joining", "last", "link", "next", "over", "source", "spoiled", "wanted")

    def __init__(self, link: LinkRun) -> None:
        self.link = link
        self.source = link.source
        self.frames: dict[int, FrameRun] = {}
        self.begun = False
        self.next = 0
        self.done = 0
        self.depth = len(link.source.home.path) + 1
        self.halted = False
        self.spoiled = False
        self.wanted = False
        self.joining = False
        self.over = False
        self.last: dict[str, tuple[int, Any]] = {}
