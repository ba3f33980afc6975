"""Running a plan's state machine without a clock: events in a random but repeatable order, a log of it all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from pypeline.core.actions import (
    Action,
    CancelTask,
    CountItems,
    Evaluate,
    Evaluated,
    Finished,
    FrameChanged,
    FramesJoined,
    Input,
    ItemsCounted,
    JoinFrames,
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
from pypeline.core.results import TERMINAL
from pypeline.core.state import RunState


class Simulation:
    """``outcome(task, attempt)`` is the reason of a try, ``ok`` or another; ``verdicts`` answer conditions,
    ``items`` how many rows a loop goes over (-1: its table cannot be frozen). A task inside loops is
    called ``task#frame``."""

    def __init__(
        self,
        plan: Plan,
        outcome: Callable[[str, int], str] = lambda task, attempt: "ok",
        *,
        verdicts: Mapping[int, Any] = {},
        items: Mapping[int, int] = {},
        slots: int = 100,
        seed: int = 0,
    ) -> None:
        self.plan = plan
        self.state = RunState(plan)
        self.outcome = outcome
        self.verdicts = verdicts
        self.items = items
        self.key: dict[str, tuple[str, str]] = {}
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
                name = self.name(action.task, action.frame)
                assert name not in self.running
                self.running[name] = action.attempt_no
                self.key[name] = (action.task, action.frame)
                self.started.append(name)
            elif isinstance(action, CancelTask):
                self.cancelled[self.name(action.task, action.frame)] = action.reason
            elif isinstance(action, CountItems):
                count = self.items.get(action.valve, 1)
                self.due.append(ItemsCounted(action.valve, max(count, 0), action.frame, "broken" if count < 0 else ""))
            elif isinstance(action, JoinFrames):
                self.due.append(FramesJoined(action.valve, action.frame))
            elif isinstance(action, Evaluate):
                self.due.append(self._answer(action))
            elif isinstance(action, ScheduleRetry):
                self.due.append(RetryDue(action.task, action.frame))
            elif isinstance(action, SetTimer):
                self.timers[action.timer] = action.seconds

    def _answer(self, ask: Evaluate) -> Evaluated:
        verdict = self.verdicts.get(ask.valve, "true")
        return Evaluated(ask.valve, {"true": True, "false": False}.get(verdict), "broken" if verdict == "error" else "", ask.frame)

    def name(self, task: str, frame: str) -> str:
        return task if self.plan.sub_flows[self.plan.tasks[task].sub_flow].loop is None else f"{task}#{frame}"

    def fill(self) -> None:
        """Start what may start."""
        while len(self.running) < self.slots and self.state.peek() is not None:
            self.hear(self.state.take())

    def end(self, *tasks: str, reason: str | None = None) -> None:
        """Running tasks end at one instant, as ``outcome`` says, or with ``reason``."""
        events: list[Input] = []
        for name in tasks:
            attempt = self.running.pop(name)
            task, frame = self.key.pop(name)
            if name in self.cancelled:
                events.append(TaskEnded(task, "cancelled", self.cancelled.pop(name), frame))
                continue
            said = self.outcome(name, attempt) if reason is None else reason
            events.append(TaskEnded(task, "completed" if said == "ok" else "failed", said, frame))
        self.hear(self.state.feed(*events))

    def stop(self, kind: Any = "polite") -> None:
        self.hear(self.state.feed(StopRequested(kind)))

    def ring(self, timer: Any) -> None:
        self.hear(self.state.feed(TimedOut(timer)))

    def answer(self) -> None:
        """All that was asked is answered, one after another."""
        while self.due:
            self.hear(self.state.feed(self.due.pop(0)))
        self.fill()

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
        """All modules that have ended, ``module#frame`` inside loops."""
        looped = {name for sub in self.plan.sub_flows if sub.loop is not None for name in sub.modules}
        ends = [a for a in self.log if isinstance(a, ModuleChanged) and a.state in TERMINAL]
        return {f"{a.module}#{a.frame}" if a.module in looped else a.module: f"{a.state}/{a.reason}" for a in ends}

    def frames(self) -> dict[str, str]:
        """Frame → how it ended."""
        return {a.frame: f"{a.state}/{a.reason}" for a in self.log if isinstance(a, FrameChanged) and a.state in TERMINAL}

    def valves(self) -> dict[str, str]:
        """Valve text → why it opened or closed; of a link inside loops, ``text#frame``."""
        text = {valve.index: valve.text for valve in self.plan.valves}
        inside = {valve.index for valve in self.plan.valves if self.plan.sub_flows[valve.source_sub_flow].loop is not None}
        found = {}
        for a in self.log:
            if isinstance(a, ValveChanged):
                found[text[a.valve] + (f"#{a.frame}" if a.valve in inside else "")] = ("open " if a.open else "closed ") + a.reason
        return found

    def check_records(self) -> None:
        """Exactly one terminal record per module, task, sub flow and valve, in each frame that began; never two."""
        if any(sub.loop is not None for sub in self.plan.sub_flows):
            self.check_frames()
            return
        terminal = [a for a in self.log if isinstance(a, ModuleChanged) and a.state in TERMINAL]
        assert sorted(a.module for a in terminal) == sorted(self.plan.modules)
        assert sorted(task for task, _ in self.state.tasks) == sorted(self.plan.tasks)
        subs = [a.sub_flow for a in self.log if isinstance(a, SubFlowChanged) and a.state in ("completed", "failed", "cancelled")]
        assert sorted(subs) == [sub.index for sub in self.plan.sub_flows]
        valves = [a.valve for a in self.log if isinstance(a, ValveChanged)]
        assert sorted(valves) == sorted(valve.index for valve in self.plan.valves)
        self.check_starts()

    def check_frames(self) -> None:
        """In and outside loops: one record of every module, sub flow and link a frame, one of every frame."""
        loop_of = {sub.index: sub.loop for sub in self.plan.sub_flows}
        above = {valve.index: loop_of[valve.source_sub_flow] for valve in self.plan.valves}
        begun: set[tuple[int | None, str]] = {(None, "0")}
        ended: list[tuple[int, str]] = []
        records: list[tuple[str, int | None, int | str, str]] = []
        for a in self.log:
            if isinstance(a, FrameChanged):
                if a.state == "running":
                    begun.add((a.valve, a.frame))
                else:
                    ended.append((a.valve, a.frame))
            elif isinstance(a, ModuleChanged) and a.state in TERMINAL:
                home = next(sub.index for sub in self.plan.sub_flows if a.module in sub.modules)
                records.append(("module", loop_of[home], a.module, a.frame))
            elif isinstance(a, SubFlowChanged) and a.state in TERMINAL:
                records.append(("sub flow", loop_of[a.sub_flow], a.sub_flow, a.frame))
            elif isinstance(a, ValveChanged):
                records.append(("link", above[a.valve], a.valve, a.frame))
        assert len(set(records)) == len(records), "one record each"
        assert len(set(ended)) == len(ended), "one record a frame"
        assert begun - {(None, "0")} <= set(ended), "every frame that began has ended"
        wanted: list[tuple[str, int | None, int | str, str]] = []
        for loop, frame in begun:
            subs = [sub for sub in self.plan.sub_flows if sub.loop == loop]
            wanted += [("sub flow", loop, sub.index, frame) for sub in subs]
            wanted += [("module", loop, name, frame) for sub in subs for name in sub.modules]
            wanted += [("link", loop, valve, frame) for valve, home in above.items() if home == loop]
        assert {one for one in records if not one[3].endswith("-")} == set(wanted)

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


if __name__ == "__main__":
    from tests.core.command import main

    raise SystemExit(main())
