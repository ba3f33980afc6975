"""What every engine can do: submit, status, result, cancel. Where tasks happen is its own business.

In: orders. Out: events while a try runs and exactly one :class:`TaskResult` when it ended, both
called back in the loop's thread. An engine also owns the slots it has to give, keeps the instances
of a task until the task is released, and evaluates valve conditions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

from pypeline.core.events import RunEvent
from pypeline.core.results import HandOver, TaskResult
from pypeline.runner.order import Item, Order
from pypeline.runner.slots import Slots

Status = Literal["running", "cancelling", "ended"]


class Job:
    """One submitted order. ``outcome`` is set once, when it has ended. A job ``lingers`` while something
    of it that could not be interrupted still runs: its slots are not free yet."""

    __slots__ = ("_waiter", "lingers", "on_end", "on_event", "on_gone", "order", "outcome", "status")

    def __init__(self, order: Order, on_event: Callable[[Job, RunEvent], None], on_end: Callable[[Job, TaskResult], None]) -> None:
        self.order = order
        self.on_event = on_event
        self.on_end = on_end
        self.status: Status = "running"
        self.outcome: TaskResult | None = None
        self.lingers = False
        self.on_gone: Callable[[], None] = lambda: None
        self._waiter: asyncio.Future[TaskResult] | None = None

    def gone(self) -> None:
        """Nothing of it runs any more."""
        if self.lingers:
            self.lingers = False
            self.on_gone()

    def end(self, result: TaskResult) -> None:
        """Say how it ended. The first word counts; whatever comes later is dropped."""
        if self.outcome is not None:
            return
        self.outcome = result
        self.status = "ended"
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(result)
        self.on_end(self, result)

    async def wait(self) -> TaskResult:
        """How it ended, once it has."""
        if self.outcome is not None:
            return self.outcome
        if self._waiter is None:
            self._waiter = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._waiter)


class Engine(Protocol):
    """Where tasks happen. ``private_folders`` says that orders need folders on this machine's disk."""

    name: str
    slots: Slots
    private_folders: bool

    async def open(self) -> None:
        """Get ready in the running loop."""

    async def close(self) -> None:
        """Tear down what lives, end every process, and return when all of them have gone."""

    def submit(self, order: Order, on_event: Callable[[Job, RunEvent], None], on_end: Callable[[Job, TaskResult], None]) -> Job:
        """Start a try. ``on_end`` is called exactly once, perhaps before this returns."""
        ...

    def status(self, job: Job) -> Status:
        """What the try is doing."""
        ...

    async def result(self, job: Job) -> TaskResult:
        """How the try ended, once it has."""
        ...

    def cancel(self, job: Job, *, hard: bool = False) -> None:
        """Interrupt a try: politely with growing force, or at once. It still ends exactly once."""

    def release(self, task: str, frame: str = "0") -> None:
        """The task has its terminal record in this frame: tear its instances down."""

    async def evaluate(self, expression: str, values: Mapping[str, Any], items: Sequence[Item] = ()) -> Any:
        """The value of a valve's condition over bound ``values`` and those of ``items``; raises PypeError."""

    async def freeze(self, source: str, path: str) -> HandOver:
        """``source``, a Parquet file or a folder of parts named after their frames, as one Arrow file at ``path``; raises PypeError."""
        ...
