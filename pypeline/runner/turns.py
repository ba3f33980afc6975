"""Whose turn is it: which ready task is started next, and what it books.

Work is served by its turn in the flow (control rule 5). A task that waits for what few need, a
named slot or a device, keeps its turn and lets others pass. A large task that waits for cpus
or memory is passed by nobody with a later turn, and by those with an earlier one only so often
while a part of the machine stands idle: then all others wait for it. What waits has not begun:
a halt cancels it like anything else that is ready.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pypeline.core import actions as act
from pypeline.core.plan import Task
from pypeline.core.planned import TaskKind
from pypeline.core.resources import NOTHING
from pypeline.core.state import RunState
from pypeline.runner.engines.base import Engine, Job
from pypeline.runner.slots import Demand, demand_of

PATIENCE = 16
"""How often work with an earlier turn may overtake a large task while cpus stand idle."""
_COMMON = frozenset({"cpus", "memory"})
_OVERTAKEN = ""
"""What a task waits for that was overtaken often enough."""


class Try:
    """A task between its start and its end: what it booked, its job once it has one, and why it is being stopped.
    ``said`` is what the state says with its start."""

    __slots__ = ("cancelled", "demand", "devices", "frame", "job", "late", "number", "said", "task", "timer")

    def __init__(self, task: Task, demand: Demand, devices: tuple[str, ...], said: list[act.Action]) -> None:
        start = said[-1]
        assert isinstance(start, act.StartTask)
        self.task = task
        self.frame = start.frame
        self.number = start.attempt_no
        self.demand = demand
        self.devices = devices
        self.said = said
        self.job: Job | None = None
        self.cancelled = ""
        self.late = False
        self.timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class _Waiting:
    """The task that was next and found no room, and how often it was overtaken since."""

    key: tuple[str, str]
    demand: Demand
    overtaken: int = 0


class Turns:
    """The ready work of one run before the slots of its engine."""

    def __init__(self, state: RunState, engine: Engine) -> None:
        self._state = state
        self._engine = engine
        self._scarce: set[str] = set()
        self._waiting: _Waiting | None = None
        self._segments = 0
        # what tasks book for which nobody said anything, by kind; only segments look at what else there is to do
        self._usual: dict[TaskKind, Demand] = {}

    def next(self) -> Try | None:
        """Book the slots of the task that starts next; None when there is nothing to start now."""
        slots, state = self._engine.slots, self._state
        if self._waiting is not None and (overtaken := state.peek(_OVERTAKEN)) is not None:
            demand = self._demand(overtaken, state.next_try(_OVERTAKEN)[1])
            return None if slots.lacks(demand) else self._booked(overtaken, demand, state.take(_OVERTAKEN))
        for scarce in self._scarce:
            if slots.free.get(scarce, 0) > 0:
                state.call_back(scarce)
        while (ready := state.peek()) is not None:
            demand = self._demand(ready, state.next_try()[1] if ready.retry.attempts > 1 else 1)
            lacking = slots.lacks(demand)
            if not lacking:
                return self._booked(ready, demand, state.take())
            scarce = next((name for name in lacking if name not in _COMMON), "")
            if scarce:
                self._scarce.add(scarce)
                state.set_aside(scarce)
                continue
            # everybody needs these: to let a later task pass would be to starve this one
            if self._overtaken(ready, demand):
                state.set_aside(_OVERTAKEN)
            return None
        return None

    def ended(self, task: Task) -> None:
        """A task that was started has ended."""
        self._segments -= task.kind == "segment"

    def settled(self, key: tuple[str, str]) -> None:
        """A task (and its frame) began or has its terminal record: nobody waits for it any more."""
        if self._waiting is not None and self._waiting.key == key:
            self._waiting = None

    def _booked(self, task: Task, demand: Demand, said: list[act.Action]) -> Try:
        slots = self._engine.slots
        began = Try(task, demand, slots.take(demand), said)
        if self._waiting is not None:
            self.settled((task.id, began.frame))
            if self._waiting is not None and slots.free["cpus"] and slots.lacks(self._waiting.demand):
                self._waiting.overtaken += 1
        self._segments += task.kind == "segment"
        return began

    def _overtaken(self, task: Task, demand: Demand) -> bool:
        """Whether ``task``, which is next and has no room, was overtaken often enough."""
        key = (task.id, self._state.next_try()[0])
        if self._waiting is None:
            self._waiting = _Waiting(key, demand)
        return self._waiting.key == key and self._waiting.overtaken >= PATIENCE

    def _demand(self, task: Task, attempt: int) -> Demand:
        slots = self._engine.slots
        if task.kind != "segment":
            if attempt > 1 or task.waits or task.resources is not NOTHING[0]:
                return demand_of(task, slots, 1, attempt)
            if task.kind not in self._usual:
                self._usual[task.kind] = demand_of(task, slots, 1)
            return self._usual[task.kind]
        cpus = slots.capacity["cpus"]
        # others that share the slots, those under way, and those that could start now
        segments = 1 if cpus == 1 else len(slots.waiting) - 1 + self._segments + (self._state.ready("segment", cpus) or 1)
        return demand_of(task, slots, segments, attempt)
