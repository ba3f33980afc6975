"""Running a plan's state machine without a clock: events in a random but repeatable order, a log of it all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from pypeline.core.actions import (
    Action,
    CancelTask,
    Evaluate,
    Evaluated,
    Finished,
    Input,
    ModuleChanged,
    RetryDue,
    ScheduleRetry,
    SetTimer,
    StartTask,
    StopRequested,
    SubFlowChanged,
    TaskEnded,
    TimedOut,
    ValveChanged,
)  # fmt: skip
from pypeline.core.plan import Plan
from pypeline.core.state import RunState


class Simulation:
    """``outcome(task, attempt)`` is the reason of a try, ``ok`` or another; ``verdicts`` answer conditions."""

    def __init__(
        self, plan: Plan, outcome: Callable[[str, int], str] = lambda task, attempt: "ok", *, verdicts: Mapping[int, Any] = {}, slots: int = 100, seed: int = 0
    ) -> None:
        self.plan = plan
        self.state = RunState(plan)
        self.outcome = outcome
        self.verdicts = verdicts
        self.slots = slots
        self.random = Random(seed)
        self.running: dict[str, int] = {}
        self.cancelled: dict[str, str] = {}
        self.due: list[Input] = []
        self.log: list[Action] = []
        self.started: list[str] = []
        self.timers: dict[str, float] = {}
        self.hear(self.state.start())

    def hear(self, actions: list[Action]) -> None:
        for action in actions:
            assert not self.log or not isinstance(self.log[-1], Finished), "nothing happens after the end"
            self.log.append(action)
            if isinstance(action, StartTask):
                assert action.task not in self.running
                self.running[action.task] = action.attempt_no
                self.started.append(action.task)
            elif isinstance(action, CancelTask):
                self.cancelled[action.task] = action.reason
            elif isinstance(action, Evaluate):
                self.due.append(self._answer(action))
            elif isinstance(action, ScheduleRetry):
                self.due.append(RetryDue(action.task))
            elif isinstance(action, SetTimer):
                self.timers[action.timer] = action.seconds

    def _answer(self, ask: Evaluate) -> Evaluated:
        verdict = self.verdicts.get(ask.valve, "true")
        return Evaluated(ask.valve, {"true": True, "false": False}.get(verdict), "broken" if verdict == "error" else "")

    def fill(self) -> None:
        """Start what may start."""
        while len(self.running) < self.slots and self.state.peek() is not None:
            self.hear(self.state.take())

    def end(self, *tasks: str, reason: str | None = None) -> None:
        """Running tasks end at one instant, as ``outcome`` says, or with ``reason``."""
        events: list[Input] = []
        for task in tasks:
            attempt = self.running.pop(task)
            if task in self.cancelled:
                events.append(TaskEnded(task, "cancelled", self.cancelled.pop(task)))
                continue
            said = self.outcome(task, attempt) if reason is None else reason
            events.append(TaskEnded(task, "completed" if said == "ok" else "failed", said))
        self.hear(self.state.feed(*events))

    def stop(self, kind: Any = "polite") -> None:
        self.hear(self.state.feed(StopRequested(kind)))

    def ring(self, timer: Any) -> None:
        self.hear(self.state.feed(TimedOut(timer)))

    def step(self) -> bool:
        """One thing happens; False when nothing can."""
        self.fill()
        choices = len(self.running) + len(self.due)
        if not choices:
            return False
        pick = self.random.randrange(choices)
        if pick < len(self.running):
            self.end(sorted(self.running)[pick])
        else:
            self.hear(self.state.feed(self.due.pop(pick - len(self.running))))
        return True

    def run(self) -> Simulation:
        """To the end."""
        while not self.state.finished:
            assert self.step(), f"deadlock: {[(i, self.state.sub_flow(i)) for i in range(len(self.plan.sub_flows))]}"
        assert not self.running
        return self

    # --- what one asks afterwards ---------------------------------------------------------------

    @property
    def finished(self) -> Finished:
        found = self.state.finished
        assert found is not None
        return found

    def state_of(self, module: str) -> str:
        """``completed/ok`` and the like, of a module."""
        return "/".join(self.state.modules[module, "0"])

    def states(self) -> dict[str, str]:
        """All modules that have ended."""
        return {id: "/".join(end) for (id, _), end in self.state.modules.items()}

    def valves(self) -> dict[str, str]:
        """Valve text → why it opened or closed."""
        text = {valve.index: valve.text for valve in self.plan.valves}
        return {text[a.valve]: ("open " if a.open else "closed ") + a.reason for a in self.log if isinstance(a, ValveChanged)}

    def check_records(self) -> None:
        """Exactly one terminal record per module, task, sub flow and valve; never two."""
        terminal = [a for a in self.log if isinstance(a, ModuleChanged) and a.state in ("completed", "failed", "cancelled")]
        assert sorted(a.module for a in terminal) == sorted(self.plan.modules)
        assert sorted(task for task, _ in self.state.tasks) == sorted(self.plan.tasks)
        subs = [a.sub_flow for a in self.log if isinstance(a, SubFlowChanged) and a.state in ("completed", "failed", "cancelled")]
        assert sorted(subs) == [sub.index for sub in self.plan.sub_flows]
        valves = [a.valve for a in self.log if isinstance(a, ValveChanged)]
        assert sorted(valves) == sorted(valve.index for valve in self.plan.valves)
        self.check_starts()

    def check_starts(self) -> None:
        """A task starts only after all tasks before it have completed, and never in an ended sub flow."""
        completed: set[str] = set()
        ended: set[int] = set()
        for action in self.log:
            if isinstance(action, StartTask):
                task = self.plan.tasks[action.task]
                assert set(task.after) <= completed
                assert task.sub_flow not in ended
                assert action.attempt_no <= task.retry.attempts
            elif isinstance(action, ModuleChanged) and action.state == "completed":
                completed.add(action.task)
            elif isinstance(action, SubFlowChanged) and action.state not in ("running", "pending"):
                ended.add(action.sub_flow)
