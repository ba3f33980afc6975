"""What the machine asks before a link can resolve: conditions, item tables of loops, what their sinks collected.

Comes in: the machine's wishes. Goes out: its answers, each once, whatever happens. The work is done
in workers; a join books slots like any task, and nothing new starts while it waits for them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from pypeline.core import actions as act
from pypeline.core.plan import Plan
from pypeline.core.planned import PlannedModule
from pypeline.core.results import ErrorInfo, HandOver, TaskResult
from pypeline.runner.announcer import Announcer
from pypeline.runner.collected import Parts
from pypeline.runner.dispatch import Dispatch
from pypeline.runner.engines.base import Engine, Job
from pypeline.runner.slots import demand_of
from pypeline.runner.store.atomic import failure
from pypeline.schema.problems import Place, Problem, PypeError

LOOK = 0.02
"""Seconds between two looks whether there are slots for a join."""


class Loops:
    """The loops of one run. ``tell`` feeds the machine, ``later`` runs a coroutine beside the rest, ``look_again`` has
    the scheduler see whether something may start, ``fail`` hears of what no task had: the error, module and frame."""

    def __init__(
        self, plan: Plan, engine: Engine, dispatch: Dispatch, announce: Announcer, tell: Callable[[act.Input], None],
        later: Callable[[Coroutine[Any, Any, None]], None], look_again: Callable[[], None],
        fail: Callable[[ErrorInfo, str, str], None],
    ) -> None:  # fmt: skip
        self._plan = plan
        self._engine = engine
        self._dispatch = dispatch
        self._announce = announce
        self._tell = tell
        self._later = later
        self._look_again = look_again
        self._fail = fail
        self._valves = {valve.index: valve for valve in plan.valves}
        # the tasks of sinks that collect
        joins = {sink for valve in plan.valves for sink in valve.joins}
        self._tasks = {module: task for task in plan.tasks.values() for module in task.modules if module in joins} if joins else {}
        self._jobs: list[Job] = []
        self.waiting = 0
        """Joins that wait for slots."""

    def evaluate(self, ask: act.Evaluate) -> None:
        """Evaluate the condition of a control link."""
        self._later(self._evaluate(ask))

    async def _evaluate(self, ask: act.Evaluate) -> None:
        valve = self._valves[ask.valve]
        try:
            items = self._dispatch.items_of(ask.valve, ask.frame) if valve.iter_read else ()
            value = await self._engine.evaluate(ask.expression, ask.values, items)
            reply = act.Evaluated(ask.valve, None if value is None else bool(value), frame=ask.frame)
        except PypeError as error:
            problem = error.problems[0]
            reply = act.Evaluated(ask.valve, None, problem.message, ask.frame)
            message = f"condition of `{valve.text or ask.expression}`: {problem.message}"
            self._fail(ErrorInfo(problem.code, type(error).__name__, message, valve.source, mend=problem.mend, frame=ask.frame), valve.source, ask.frame)
        self._tell(reply)

    def count(self, ask: act.CountItems) -> None:
        """Freeze the item table and count its rows."""
        self._later(self._count(ask))

    async def _count(self, ask: act.CountItems) -> None:
        valve = self._valves[ask.valve]
        try:
            table, path = self._dispatch.items(ask.valve, ask.frame)
            frozen = await self._frozen(table, path)
            self._dispatch.freeze(ask.valve, ask.frame, frozen)
            reply = act.ItemsCounted(ask.valve, frozen.rows, ask.frame)
        except KeyError:
            reply = act.ItemsCounted(ask.valve, 0, ask.frame, f"`{valve.text}`: its source left no table to go over")
            self._announce.log("ERROR", reply.error)
        except (PypeError, OSError) as error:
            told = self._failed(error, valve.source, ask.frame)
            reply = act.ItemsCounted(ask.valve, 0, ask.frame, f"`{valve.text}`: {told.message}")
        self._dispatch.passed_by(ask.valve, ask.frame)
        self._tell(reply)

    async def _frozen(self, table: HandOver, path: str) -> HandOver:
        if table.format == "parquet":
            return await self._engine.freeze(table.path, path)
        if table.path != path:
            # readers of the table itself may let it go before the loop is over
            os.link(table.path, path)
        return replace(table, path=path)

    def join(self, ask: act.JoinFrames) -> None:
        """Bring together what the loop's sinks collected. Where that is nothing the loop is over at once: nobody starts before his turn."""
        self._dispatch.nothing_collected(ask.valve, ask.frame)
        collected = self._dispatch.collected.parts(ask.valve, ask.frame)
        if collected:
            self._later(self._join(ask, collected))
        else:
            self._tell(act.FramesJoined(ask.valve, ask.frame))

    async def _join(self, ask: act.JoinFrames, collected: list[Parts]) -> None:
        globals: dict[str, Any] = {}
        error = ""
        for parts in collected:
            try:
                globals.update(await self._joined(ask, parts))
            except (PypeError, OSError) as wrong:
                told = self._failed(wrong, parts.sink, ask.frame)
                loop = self._plan.sub_flows[self._valves[ask.valve].source_sub_flow].loop
                self._announce.not_joined(told, self._tasks[parts.sink].id, "-" if loop is None else f"{ask.frame}--")
                error = error or told.message
            finally:
                self._dispatch.collected.drop(parts)
        self._tell(act.FramesJoined(ask.valve, ask.frame, error, globals))

    async def _joined(self, ask: act.JoinFrames, parts: Parts) -> dict[str, Any]:
        """The globals that the sink has set, by ``module__Var``."""
        node = f"{parts.sink}#{ask.frame}"
        if not parts.keep:
            self._announce.log("WARN", f"`{parts.sink}` wrote nothing: not all frames of the loop completed", node)
            return {}
        table = await self._engine.freeze(str(parts.folder), str(parts.path))
        loop = self._plan.sub_flows[self._valves[ask.valve].source_sub_flow].loop
        if self._dispatch.collected.is_buffer(parts.sink):
            values: dict[str, Any] = {"row_count": table.rows, "table": table.path}
        else:
            try:
                values = await self._written(ask, parts, table)
            finally:
                parts.path.unlink(missing_ok=True)
            target = values.get("file_path", "its target")
            if parts.whole or self._dispatch.collected.is_buffer(parts.sink):
                self._announce.log("INFO", f"{table.rows:,} rows of all frames added to {target}", node)
            else:
                # whoever mends what failed and runs again has to know what that would add
                again = "to run all frames again adds these rows a second time"
                self._announce.log("WARN", f"{table.rows:,} rows of the frames that completed added to {target}; {again}", node)
        self._dispatch.frames.set(loop, ask.frame, parts.sink, values)
        return {f"{parts.sink}__{name}": value for name, value in values.items()}

    async def _written(self, ask: act.JoinFrames, parts: Parts, table: HandOver) -> dict[str, Any]:
        """Run the sink on the whole table.

        Raises:
            PypeError: it failed.
        """
        sink, task = self._plan.modules[parts.sink], self._tasks[parts.sink]
        demand = demand_of(task, self._engine.slots, 1)
        self.waiting += 1
        try:
            while self._engine.slots.lacks(demand):  # noqa: ASYNC110 -- slots come back in many ways, and seldom is there a wait
                await asyncio.sleep(LOOK)
        finally:
            self.waiting -= 1
        devices = self._engine.slots.take(demand)
        self._look_again()
        order = self._dispatch.joining(task, sink, self._dispatch.collected.link(parts.sink), table, ask.valve, ask.frame, demand)
        try:
            job = self._engine.submit(order, lambda _job, event: self._announce.passed_on(event), self._ended)
            self._jobs.append(job)
            result = await job.wait()
            self._jobs.remove(job)
        finally:
            self._engine.slots.give(demand, devices)
            shutil.rmtree(order.scratch, ignore_errors=True)
        return _globals(result, sink)

    def _ended(self, job: Job, result: TaskResult) -> None:
        if result.pid == 0:
            # no word from a worker: it may have died over its files
            try:
                self._dispatch.settled(job.order.publish)
            except (OSError, PypeError) as error:
                self._announce.log("ERROR", f"what it had written could not be tidied up: {error}", job.order.node)

    def _failed(self, error: PypeError | OSError, module: str, frame: str) -> ErrorInfo:
        """Tell of ``error``, which no task had."""
        problem = error.problems[0] if isinstance(error, PypeError) else failure(error, self._plan.folder).problems[0]
        info = ErrorInfo(problem.code, type(error).__name__, problem.message, module, mend=problem.mend, frame=frame)
        self._fail(info, module, frame)
        return info

    def stop(self) -> None:
        """End joins at once."""
        for job in self._jobs:
            self._engine.cancel(job, hard=True)


def _globals(result: TaskResult, sink: PlannedModule) -> dict[str, Any]:
    if result.state != "completed":
        error = result.error or ErrorInfo("PYE459", "", f"it was {result.reason.replace('_', ' ')}")
        raise PypeError(Problem(error.code, error.message, Place(module=sink.id), error.mend, phase="run"))
    return {name: value for record in result.modules if record.module == sink.id for name, value in record.globals.items()}
