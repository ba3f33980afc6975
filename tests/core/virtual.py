"""A run of a plan's state machine on a virtual clock: all that happens at one instant is fed at once."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

from pypeline.core import actions as act
from pypeline.core.plan import Plan
from pypeline.core.state import RunState
from tests.core.oracle_tasks import World

Frame = tuple[int, ...]


class VirtualRun:
    """One run: ``log`` has every action with its time, the rest is what came of it."""

    def __init__(self, plan: Plan, world: World) -> None:
        self.plan, self.world = plan, world
        self.in_loop = {module for sub in plan.sub_flows for module in sub.modules if sub.loop is not None}
        self.sources = {valve.index: valve.source for valve in plan.valves}
        self.busiest = 0
        self.state = RunState(plan)
        self.now = 0.0
        self.log: list[tuple[float, act.Action]] = []
        self.running: dict[tuple[str, str], tuple[int, str]] = {}
        self.events: list[tuple[float, int, Any]] = []
        self.sequence = 0
        for time, kind in world.stops:
            self.at(time, ("stop", act.StopRequested(kind)))  # type: ignore[arg-type]

    def at(self, time: float, what: Any) -> None:
        self.sequence += 1
        heappush(self.events, (time, self.sequence, what))

    def frame(self, module: str, text: str) -> Frame:
        """The frame of a module's record."""
        return tuple(map(int, text.split("-"))) if module in self.in_loop else ()

    def run(self) -> VirtualRun:
        """To the end."""
        self.hear(self.state.start())
        self.fill()
        while not self.state.finished:
            assert self.events, "deadlock"
            self.now = self.events[0][0]
            inputs: list[act.Input] = []
            while self.events and self.events[0][0] == self.now:
                inputs.extend(self.happened(heappop(self.events)[2]))
            self.hear(self.state.feed(*inputs))
            self.fill()
        assert not self.running, "work outlives the run"
        return self

    def fill(self) -> None:
        while len(self.running) < self.world.slots and self.state.peek() is not None:
            self.hear(self.state.take())

    def happened(self, what: Any) -> list[act.Input]:
        kind, *rest = what
        if kind in ("stop", "answer"):
            return [rest[0]]
        task, frame, attempt = rest[:3]
        if self.running.get((task, frame), (0,))[0] != attempt:
            return []
        why = self.running[task, frame][1]
        if kind == "late":
            if not why:
                self.kill(task, frame, "timeout")
            return []
        del self.running[task, frame]
        said = self.world.work(task, self.frame(task, frame), attempt)[1]
        late_code = why == "timeout" and self.plan.tasks[task].kind != "segment"
        if why and (kind == "killed" or said != "ok" or late_code):
            return [act.TaskEnded(task, "failed", why, frame) if why == "timeout" else act.TaskEnded(task, "cancelled", why.lstrip("!"), frame)]
        return [act.TaskEnded(task, "completed" if said == "ok" else "failed", said, frame)]

    def kill(self, task: str, frame: str, why: str) -> None:
        attempt, already = self.running[task, frame]
        if not already:
            self.running[task, frame] = (attempt, why)
            self.at(self.now + self.world.grace(task, self.frame(task, frame), attempt), ("killed", task, frame, attempt))

    def hear(self, actions: list[act.Action]) -> None:
        for action in actions:
            self.log.append((self.now, action))
            match action:
                case act.StartTask(task, frame, attempt):
                    assert (task, frame) not in self.running, "two tries of one task at once"
                    self.running[task, frame] = (attempt, "")
                    self.busiest = max(self.busiest, len(self.running))
                    self.at(self.now + self.world.work(task, self.frame(task, frame), attempt)[0], ("end", task, frame, attempt))
                    limit = self.plan.tasks[task].timeout
                    if limit is not None:
                        self.at(self.now + limit, ("late", task, frame, attempt))
                case act.CancelTask(task, frame, reason):
                    self.kill(task, frame, "!" + reason)
                case act.Evaluate(valve, frame):
                    seconds, word = self.world.verdict(valve, self.frame(self.sources[valve], frame))
                    value = {"true": True, "false": False}.get(word)
                    self.at(self.now + seconds, ("answer", act.Evaluated(valve, value, "broken" if word == "error" else "", frame)))
                case act.CountItems(valve, frame):
                    seconds, count = self.world.items(valve, self.frame(self.sources[valve], frame))
                    self.at(self.now + seconds, ("answer", act.ItemsCounted(valve, max(0, count), frame, "broken" if count < 0 else "")))
                case act.ScheduleRetry(task, frame, _, delay):
                    self.at(self.now + delay, ("answer", act.RetryDue(task, frame)))
                case act.SetTimer(timer, seconds):
                    self.at(self.now + seconds, ("answer", act.TimedOut(timer)))
