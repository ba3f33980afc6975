"""The real scheduler on a loop whose time is virtual, with an engine whose tasks take that time.

The engine is a stand-in, and may be one here: engines are an interface, what is under test is the scheduler before it.
It frees no slot before a try has really ended, answers conditions and counts items after a while, and never ends two
things at one instant (cases without ties), since a loop hands things over one by one.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pypeline.core import actions as act
from pypeline.core import events as ev
from pypeline.core.plan import Plan
from pypeline.core.results import ErrorInfo, HandOver, ModuleResult, TaskResult
from pypeline.runner.dispatch import Dispatch
from pypeline.runner.engines.base import Job, Status
from pypeline.runner.order import Item, Order
from pypeline.runner.scheduler import Outcome, Scheduler
from pypeline.runner.slots import Slots
from pypeline.schema.problems import Problem, PypeError
from tests.core.random_flows import Case, Frame


class _NoWaiting(selectors.DefaultSelector):
    """Waits no time, but makes it pass."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise AssertionError("deadlock: nothing will ever happen again")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that never sleeps: its clock jumps to whatever comes next."""

    def __init__(self) -> None:
        self._clock = _NoWaiting()
        super().__init__(self._clock)
        self._clock_resolution = 2.0**-30

    def time(self) -> float:
        return self._clock.now


class VirtualEngine:
    """Tries take the time that the case says."""

    name = "virtual"
    private_folders = False

    def __init__(self, plan: Plan, case: Case) -> None:
        self.slots = Slots({"cpus": case.slots, "memory": 2**40, "gpus": 0, **plan.settings.slots})
        self._case = case
        self._in_loop = {module for sub in plan.sub_flows for module in sub.modules if sub.loop is not None}
        self._asks = {valve.condition: valve.index for valve in plan.valves}
        self._tables = {valve.source: valve.index for valve in plan.valves if valve.trigger == "iterate"}
        self.busiest = self._busy = 0

    async def open(self) -> None:
        return None

    async def close(self) -> None:
        return None

    def submit(self, order: Order, on_event: Callable[[Job, ev.RunEvent], None], on_end: Callable[[Job, TaskResult], None]) -> Job:
        job = Job(order, on_event, on_end)
        self._busy += 1
        self.busiest = max(self.busiest, self._busy)
        seconds, said = self._case.work(order.task, self._frame(order.task, order.frame), order.attempt_no)
        asyncio.get_running_loop().call_later(seconds, self._end, job, said)
        return job

    def _end(self, job: Job, said: str) -> None:
        if job.outcome is not None:
            return
        self._busy -= 1
        task, frame = job.order.task, job.order.frame
        if said == "ok":
            tables = {port: HandOver(f"{port}#{frame}", "parquet", 0) for port in job.order.hands_over}
            done = ModuleResult(task, "completed", globals={"result": self._case.value(task, self._frame(task, frame))})
            job.end(TaskResult(task, "completed", modules=(done,), outputs=tables, pid=1))
        else:
            job.end(TaskResult(task, "failed", said, error=ErrorInfo("PYE459", said.rpartition(":")[2], said, task), pid=1))

    def status(self, job: Job) -> Status:
        return job.status

    async def result(self, job: Job) -> TaskResult:
        return await job.wait()

    def cancel(self, job: Job, *, hard: bool = False) -> None:
        if job.status == "running":
            job.status = "cancelling"
            grace = self._case.grace(job.order.task, self._frame(job.order.task, job.order.frame), job.order.attempt_no)
            asyncio.get_running_loop().call_later(grace, self._end, job, "error:Killed")

    def release(self, task: str, frame: str = "0") -> None:
        """Nothing lives here."""

    async def evaluate(self, expression: str, values: Mapping[str, Any], items: Sequence[Item] = ()) -> Any:
        seconds, word = self._case.verdict(self._asks[expression], (), tuple(values.values()))
        await asyncio.sleep(seconds)
        if word == "error":
            raise PypeError(Problem("PYE459", "broken"))
        return {"true": True, "false": False}.get(word)

    async def freeze(self, source: str, path: str) -> HandOver:
        port, _, frame = source.partition("#")
        module = port.partition(".")[0]
        seconds, count = self._case.items(self._tables[module], self._frame(module, frame))
        await asyncio.sleep(seconds)
        if count < 0:
            raise PypeError(Problem("PYE459", "broken"))
        return HandOver(path, "arrow", count)

    def _frame(self, module: str, text: str) -> Frame:
        return tuple(map(int, text.split("-"))) if module in self._in_loop else ()


def run(plan: Plan, case: Case) -> tuple[list[tuple[float, act.Action]], Outcome]:
    """Run ``plan`` to its end. Returns what was announced, with its time, in the words of the machine, and the outcome."""
    log: list[tuple[float, act.Action]] = []
    loop = VirtualLoop()

    def heard(event: ev.RunEvent) -> None:
        log.extend((loop.time(), action) for action in _as_actions(event))

    async def main() -> Outcome:
        engine = VirtualEngine(plan, case)
        scheduler = Scheduler(plan, engine, Dispatch(plan, None, "counts"), attempt=1, emit=heard)
        for time, kind in case.stops:
            loop.call_at(time, scheduler.stop, kind)
        outcome = await scheduler.run()
        assert engine.busiest <= case.slots
        assert engine.slots.free == engine.slots.capacity, "all slots are given back"
        return outcome

    try:
        return log, loop.run_until_complete(main())
    finally:
        loop.close()


def _as_actions(event: ev.RunEvent) -> list[act.Action]:
    match event:
        case ev.SubFlowState():
            return [act.SubFlowChanged(event.sub_flow, event.frame, event.state, event.reason)]
        case ev.ValveResolved():
            return [act.ValveChanged(event.valve, event.frame, event.open, event.reason)]
        case ev.FrameState():
            return [act.FrameChanged(event.valve, event.frame, event.state, event.reason, event.done, event.total)]
        case ev.ModuleState():
            change = act.ModuleChanged(event.module, event.task, event.frame, event.state, event.reason, event.attempt_no)
            # gates run too, but start no task
            return [change, act.StartTask(event.task, event.frame, event.attempt_no)] if event.state == "running" else [change]
    return []
