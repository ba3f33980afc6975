"""The run as a pure machine: what happened goes in, what to do comes out.

:class:`RunState` knows the whole meaning of control flow (control-rules.md) and neither a clock, a
loop nor a thread, so it can be tested, simulated and replayed. The scheduler's part is small::

    state = RunState(plan)
    perform(state.start())
    while not state.finished:
        while (task := state.peek()) and there_is_room_for(task):
            perform(state.take())
        perform(state.feed(*whatever_happened()))

A constant amount of work per event and no recursion; only a halt or a stop walks over all sub flows.
Loops make the records of a frame when it begins and forget them when it has ended, so that a hundred
thousand frames take no more memory than the few that run side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush

from pypeline.core.actions import (
    Action,
    Evaluated,
    Finished,
    FramesJoined,
    Input,
    ItemsCounted,
    ModuleChanged,
    RetryDue,
    StartTask,
    StopRequested,
    TaskEnded,
    TimedOut,
)  # fmt: skip
from pypeline.core.control import halting, handling, loops, orders, tasks
from pypeline.core.control.machine import Key, Machine, Step
from pypeline.core.control.records import TaskRun
from pypeline.core.plan import Plan, Task
from pypeline.core.planned import TaskKind
from pypeline.core.results import State

_STEPS: Mapping[str, Callable[..., None]] = {
    "task_final": tasks.final,
    "end": orders.end,
    "next_order": orders.next_order,
    "resolve_order": orders.resolve_order,
    "open": orders.open_link,
    "close": orders.close_link,
    "cancel": orders.cancel,
    "span_over": orders.span_over,
    "own_end": handling.own_end,
    "link_settled": handling.link_settled,
    "judge": handling.judge,
    "late_failure": handling.late_failure,
    "loop": loops.begin,
    "no_frames": loops.no_frames,
    "frame_over": loops.frame_over,
    "part_over": halting.part_over,
    "main_over": halting.main_over,
    "next_hook": halting.next_hook,
}


class RunState:
    """The state of one run of ``plan``."""

    def __init__(self, plan: Plan) -> None:
        self._machine = Machine(plan)

    def start(self) -> list[Action]:
        """Begin the run. Called once, first."""
        halting.start(self._machine)
        return self._settle()

    def feed(self, *events: Input) -> list[Action]:
        """Tell what happened; events of one call happened at one instant (rule 6: ends and answers come first,
        in preorder, each with all that it sets off, then halts are judged, and only then does anything start).

        An event about something that is not under way (a late result, an answer after a halt) is
        ignored.
        """
        machine = self._machine
        set_off: list[Step] = []
        several = len(events) > 1
        for event in sorted(events, key=self._rank) if several else events:
            if isinstance(event, TaskEnded):
                task = machine.tasks.get((event.task, event.frame))
                if task is not None:
                    tasks.ended(machine, task, event)
            elif isinstance(event, RetryDue):
                task = machine.tasks.get((event.task, event.frame))
                if task is not None:
                    tasks.retry_due(machine, task)
            elif isinstance(event, (StopRequested, TimedOut)):
                # the ends before it have ended: their consequences come first
                self._drain_each(set_off)
                self._stop(event)
                self._drain()
            else:
                self._answered(event)
            if several:
                set_off += machine.steps
                machine.steps.clear()
        if set_off:
            self._drain_each(set_off)
        return self._settle()

    def _answered(self, event: Evaluated | ItemsCounted | FramesJoined) -> None:
        machine = self._machine
        link = machine.links.get((event.valve, event.frame))
        if link is None:
            return
        if isinstance(event, Evaluated):
            orders.evaluated(machine, link, event)
        elif isinstance(event, ItemsCounted):
            orders.counted(machine, link, event)
        else:
            for loop in link.source.loops:
                if loop.link is link:
                    loops.joined(machine, loop, event)

    def peek(self, aside: str | None = None) -> Task | None:
        """The task to start next, or the first that was set ``aside``; or None. Which one it is may change with every event."""
        task = self._first(aside)
        return None if task is None else task.task

    def next_try(self, aside: str | None = None) -> tuple[str, int]:
        """Frame and number of the try that :meth:`peek` shows.

        Raises:
            LookupError: it shows none.
        """
        task = self._first(aside)
        if task is None:
            raise LookupError("nothing is ready")
        return task.sub.frame, task.attempt + 1

    def set_aside(self, what: str) -> None:
        """Let others pass the task that :meth:`peek` shows. It has not begun, and waits for ``what``."""
        machine = self._machine
        if self._first() is not None:
            heappush(machine.aside.setdefault(what, []), heappop(machine.ready))

    def call_back(self, what: str) -> None:
        """Give the first task that waits for ``what`` its turn among all that are ready (control rule 5)."""
        machine = self._machine
        if self._first(what) is not None:
            heappush(machine.ready, heappop(machine.aside[what]))

    def take(self, aside: str | None = None) -> list[Action]:
        """Start the task that :meth:`peek` shows: its StartTask comes last. Empty when there is none."""
        task = self._first(aside)
        if task is None:
            return []
        machine, sub = self._machine, task.sub
        heappop(machine.ready if aside is None else machine.aside[aside])
        task.phase = "running"
        task.attempt += 1
        if not sub.began:
            sub.began = True
            machine.change(sub, "running", "")
        id, frame, number, say = task.task.id, sub.frame, task.attempt, machine.out.append
        for name in task.task.modules:
            say(ModuleChanged(name, id, frame, "running", "", number))
        say(StartTask(id, frame, number))
        return self._said()

    def ready(self, kind: TaskKind, most: int) -> int:
        """How many tasks of ``kind`` could start now, counted up to ``most`` (among the first few dozen)."""
        ready = self._machine.ready
        return min(most, sum(1 for entry in ready[: 4 * most] if entry[-1].phase == "ready" and entry[-1].task.kind == kind))

    @property
    def finished(self) -> Finished | None:
        """The run's terminal record, once it has one."""
        return self._machine.finished

    @property
    def halted(self) -> str:
        """Why nothing new starts outside handlers; empty while the run goes its way."""
        return self._machine.halted

    @property
    def modules(self) -> Mapping[Key, tuple[State, str]]:
        """The terminal records so far, of frames that have not ended: (module, frame) → (state, reason)."""
        return self._machine.modules

    @property
    def tasks(self) -> Mapping[Key, tuple[State, str]]:
        """The terminal records so far, of frames that have not ended: (task, frame) → (state, reason)."""
        return self._machine.task_ends

    def sub_flow(self, index: int, frame: str = "0") -> tuple[State, str]:
        """State and reason of a sub flow, in a frame that has not ended."""
        sub = self._machine.subs[index, frame]
        return sub.state, sub.reason

    def attempt(self, task: str, frame: str = "0") -> int:
        """How many tries of ``task`` have been started."""
        return self._machine.tasks[task, frame].attempt

    def _first(self, aside: str | None = None) -> TaskRun | None:
        queue = self._machine.ready if aside is None else self._machine.aside.get(aside, [])
        while queue:
            task = queue[0][-1]
            if task.phase == "ready":
                return task
            heappop(queue)
        return None

    def _rank(self, event: Input) -> tuple[int, int, tuple[int, ...], int]:
        if isinstance(event, TaskEnded):
            task = self._machine.tasks.get((event.task, event.frame))
            return (0, task.sub.plan.number, task.sub.home.path, task.turn) if task is not None else (0, 0, (), 0)
        if isinstance(event, (Evaluated, ItemsCounted, FramesJoined)):
            link = self._machine.links.get((event.valve, event.frame))
            return (0, link.source.plan.number, link.source.home.path, 0) if link is not None else (0, 0, (), 0)
        return 2 if isinstance(event, (StopRequested, TimedOut)) else 1, 0, (), 0

    def _stop(self, event: StopRequested | TimedOut) -> None:
        machine = self._machine
        if isinstance(event, StopRequested):
            halting.stop(machine, event.kind, "stopped_by_user")
        elif event.timer == "run":
            halting.stop(machine, "polite", "timeout")
        elif machine.stage == "hooks":
            halting.stop(machine, "hard", "timeout")

    def _settle(self) -> list[Action]:
        machine = self._machine
        steps = machine.steps
        while True:
            self._drain()
            if machine.halt_due and not machine.halted:
                halting.halt(machine, "halted", interrupt=machine.plan.settings.on_halt == "interrupt")
            elif machine.loops_due:
                halting.halt_loop(machine, machine.loops_due.pop())
            elif machine.closing:
                steps.append(machine.closing.popleft())
            elif machine.begin:
                # what has no work (a gate, what is disabled) ends at once: each with all that follows from it
                while machine.begin and not steps:
                    tasks.begin(machine, heappop(machine.begin)[-1])
            elif machine.frames_due:
                # one at a time, as what has no work may end in a halt
                loops.advance(machine, heappop(machine.frames_due)[-1])
            elif not steps:
                return self._said()

    def _drain(self) -> None:
        machine = self._machine
        steps = machine.steps
        while steps:
            step, about, more = steps.popleft()
            if more:
                _STEPS[step](machine, about, *more)
            else:
                _STEPS[step](machine, about)

    def _drain_each(self, set_off: list[Step]) -> None:
        """Take what happened one by one, each with all that follows from it."""
        for step in set_off:
            self._machine.steps.append(step)
            self._drain()
        set_off.clear()

    def _said(self) -> list[Action]:
        said, self._machine.out = self._machine.out, []
        return said
