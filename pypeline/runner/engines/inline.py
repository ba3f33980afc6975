"""An engine that calls a function in this process: for simulation and for measuring the scheduler.

It takes the same orders and gives the same results as every engine, but has no tables: ``work``
says what a task's result is. Never used for a user's flow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pypeline.core.events import RunEvent
from pypeline.core.results import HandOver, TaskResult
from pypeline.runner.engines.base import Job, Status
from pypeline.runner.order import Item, Order
from pypeline.runner.slots import Slots


def nothing(order: Order) -> TaskResult:
    """The result of a task that has nothing to do."""
    return TaskResult(order.task, "completed")


class InlineEngine:
    """Runs ``work(order)`` where it stands; ``value(expression, values)`` answers conditions."""

    name = "inline"
    private_folders = False

    def __init__(
        self,
        work: Callable[[Order], TaskResult] = nothing,
        *,
        cpus: int = 1,
        value: Callable[[str, Mapping[str, Any]], Any] = lambda _expression, _values: True,
    ) -> None:
        self.slots = Slots({"cpus": cpus, "memory": 2**30, "gpus": 0})
        self._work = work
        self._value = value

    async def open(self) -> None:
        return None

    async def close(self) -> None:
        return None

    def submit(self, order: Order, on_event: Callable[[Job, RunEvent], None], on_end: Callable[[Job, TaskResult], None]) -> Job:
        job = Job(order, on_event, on_end)
        job.end(self._work(order))
        return job

    def status(self, job: Job) -> Status:
        return job.status

    async def result(self, job: Job) -> TaskResult:
        return await job.wait()

    def cancel(self, job: Job, *, hard: bool = False) -> None:
        """Nothing to cancel: a submitted order has ended."""

    def release(self, task: str, frame: str = "0") -> None:
        """Nothing lives here."""

    async def evaluate(self, expression: str, values: Mapping[str, Any], items: Sequence[Item] = ()) -> Any:
        return self._value(expression, values)

    async def freeze(self, source: str, path: str) -> HandOver:
        return HandOver(path, "arrow", 0)
