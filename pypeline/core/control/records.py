"""What the run machine remembers: one record per task, control link and sub flow, in one frame.

Plain mutable data with counters, so that every event costs a constant amount of work. Only
``core.state`` and its workers in this package touch these.
"""

from __future__ import annotations

from typing import Literal

from pypeline.core.plan import SubFlow, Task, Valve
from pypeline.core.results import TERMINAL, State

STICKY = frozenset({"halted", "stopped_by_user", "timeout", "not_needed"})
"""Reasons of a cancelled sub flow that its closing links hand on to what they cancel in turn."""

NEUTRAL = frozenset({"valve_closed", "gate_unmet", "disabled", "not_needed"})
"""Reasons with which a cancelled branch does not count against a handler (control rule 12)."""

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
    """A control link in a frame. ``reason`` is set once, when it resolves."""

    __slots__ = ("asking", "input", "open", "reason", "shields", "source", "target", "valve", "verdict")

    def __init__(self, valve: Valve, source: SubFlowRun, target: SubFlowRun, into: Input) -> None:
        self.valve = valve
        self.source = source
        self.target = target
        self.input = into
        self.open = False
        self.asking = False
        self.reason = ""
        # what its order decided before all links of it resolve together: "ok" opens
        self.verdict = ""
        # whether what it opens is exempt from a halt
        self.shields = False


class SubFlowRun:
    """A sub flow in a frame.

    Its *span* lasts from its request until it and all orders of its links have ended. ``waits`` is
    what its current order still waits for, ``waiters`` the sources whose order waits for this span.
    ``unsettled`` counts what must be known before a handler above can be judged by it.
    """

    __slots__ = (
        "asking", "began", "closed", "errors_good", "errors_left", "errors_opened", "failure", "frame", "halting", "into", "late",
        "opened", "order_at", "orders", "out", "plan", "reason", "requested", "settled", "settled_good", "shielded", "span_over",
        "state", "tasks", "tasks_left", "unsettled", "waiters", "waits", "watchers",
    )  # fmt: skip

    def __init__(self, plan: SubFlow, frame: str) -> None:
        self.plan = plan
        self.frame = frame
        self.state: State = "pending"
        self.reason = ""
        self.tasks: list[TaskRun] = []
        self.tasks_left = 0
        self.requested = False
        self.began = False
        self.span_over = False
        # links in
        self.into: list[LinkRun] = []
        self.opened = 0
        self.closed = 0
        self.halting = ""
        # links out, in orders
        self.out: list[LinkRun] = []
        self.orders: list[list[LinkRun]] = []
        self.order_at = 0
        self.waits = 0
        self.asking = 0
        self.waiters: list[SubFlowRun] = []
        # failure and handling
        self.failure: Failure = ""
        self.late = False
        self.shielded = False
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
        """Whether later orders see a failed source: it failed, or a valve of it did."""
        return self.state == "failed" or self.late
