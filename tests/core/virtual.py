"""A run of a plan's state machine on a virtual clock: all that happens at one instant is fed at once, and work waits for slots as in a scheduler."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pypeline.core import actions as act
from pypeline.core.plan import Plan
from pypeline.core.state import RunState
from pypeline.runner.slots import Slots
from pypeline.runner.turns import Try, Turns
from tests.core.random_flows import Case, Frame, frame_text
from tests.core.virtual_clock import Clock, Ended


class VirtualRun:
    """One run: ``log`` has every action with its time, the rest is what came of it."""

    def __init__(self, plan: Plan, case: Case) -> None:
        self.plan, self.case, self.clock = plan, case, Clock(case)
        self.in_loop = {module for sub in plan.sub_flows for module in sub.modules if sub.loop is not None}
        self.sources = {valve.index: valve.source for valve in plan.valves}
        self.busiest = 0
        self.state = RunState(plan)
        self.slots = Slots({"cpus": case.slots, "memory": 2**40, "gpus": 0, **plan.settings.slots})
        self.turns = Turns(self.state, SimpleNamespace(slots=self.slots))
        self.booked: dict[tuple[str, Frame], Try] = {}
        self.log: list[tuple[float, act.Action]] = []

    def frame(self, module: str, text: str) -> Frame:
        """The frame of a module's record."""
        return tuple(map(int, text.split("-"))) if module in self.in_loop else ()

    def run(self) -> VirtualRun:
        """To the end."""
        self.hear(self.state.start())
        self.fill()
        while not self.state.finished:
            ended, told = self.clock.go_on()
            self.feed(*told, *map(self.task_ended, ended))
            self.fill()
        assert not self.clock.running, "work outlives the run"
        assert self.slots.free == self.slots.capacity, "all slots are given back"
        return self

    def feed(self, *happened: Any) -> None:
        self.hear(self.state.feed(*(act.StopRequested(one) if isinstance(one, str) else one for one in happened)))  # type: ignore[arg-type]

    def fill(self) -> None:
        while (turn := self.turns.next()) is not None:
            self.booked[turn.task.id, self.frame(turn.task.id, turn.frame)] = turn
            self.hear(turn.said)

    def task_ended(self, one: Ended) -> act.TaskEnded:
        """The end of a try, in the words of the machine."""
        turn = self.booked.pop((one.module, one.frame))
        self.slots.give(turn.demand, turn.devices)
        self.turns.ended(turn.task)
        globals = {f"{one.module}__result": self.case.value(one.module, one.frame)} if one.state == "completed" else {}
        return act.TaskEnded(one.module, one.state, one.why, frame_text(one.frame), globals=globals)  # type: ignore[arg-type]

    def hear(self, actions: list[act.Action]) -> None:
        clock, case = self.clock, self.case
        for action in actions:
            self.log.append((clock.now, action))
            match action:
                case act.StartTask(task, frame, attempt):
                    clock.start(task, self.frame(task, frame))
                    assert attempt == clock.tries[task, self.frame(task, frame)], "tries are counted"
                    self.busiest = max(self.busiest, len(clock.running))
                case act.CancelTask(task, frame, reason):
                    clock.end(task, self.frame(task, frame), reason)
                case act.ModuleChanged(_, task, frame):
                    self.turns.settled((task, frame))
                case act.Evaluate(valve, frame, _, values):
                    seconds, word = case.verdict(valve, self.frame(self.sources[valve], frame), tuple(values.values()))
                    value = {"true": True, "false": False}.get(word)
                    clock.at(clock.now + seconds, act.Evaluated(valve, value, "broken" if word == "error" else "", frame))
                case act.CountItems(valve, frame):
                    seconds, count = case.items(valve, self.frame(self.sources[valve], frame))
                    clock.at(clock.now + seconds, act.ItemsCounted(valve, max(0, count), frame, "broken" if count < 0 else ""))
                case act.JoinFrames(valve, frame):
                    seconds, broken = case.joining(valve, self.frame(self.sources[valve], frame))
                    clock.at(clock.now + seconds, act.FramesJoined(valve, frame, "broken" if broken else ""))
                case act.ScheduleRetry(task, frame, _, delay):
                    clock.at(clock.now + delay, act.RetryDue(task, frame))
                case act.SetTimer(timer, seconds):
                    clock.at(clock.now + seconds, act.TimedOut(timer))
