"""The scheduler: the thin asyncio shell around :class:`pypeline.core.state.RunState`.

It performs what the state says (start, cancel, evaluate, ring, announce) and tells it what
happened. It adds what the state does not know: time, slots, an engine and subscribers. The same
object runs under ``asyncio.run`` and inside a window's loop; it starts no loop, blocks none, and
does its work in slices so that a loop it shares stays alive.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import Any

from pypeline.core import actions as act
from pypeline.core import events as ev
from pypeline.core.plan import Plan, Task
from pypeline.core.results import ErrorInfo, ModuleResult, TaskResult
from pypeline.core.state import RunState
from pypeline.runner.announcer import Announcer
from pypeline.runner.dispatch import Dispatch
from pypeline.runner.engines.base import Engine, Job
from pypeline.runner.slots import Demand, demand_of
from pypeline.runner.store.atomic import failure
from pypeline.schema.problems import PypeError

SLICE = 0.004
"""Seconds of work after which the loop gets its turn."""
_SPECIAL_FREE = frozenset({"cpus", "memory"})
_DISK_FULL = frozenset({"PYE433", "PYE503"})
"""Trying again does not help against these."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: its state and reason, the first unhandled error, and the titles of handled failures."""

    state: Any
    reason: str
    error: ErrorInfo | None
    handled: tuple[str, ...]


class _Try:
    """A task between its start and its end: the job, what it booked, and when it began."""

    __slots__ = ("began", "cancelled", "demand", "job", "late", "number", "task", "timer")

    def __init__(self, task: Task, number: int, demand: Demand) -> None:
        self.task = task
        self.number = number
        self.demand = demand
        self.job: Job | None = None
        self.cancelled = ""
        self.late = False
        self.timer: asyncio.TimerHandle | None = None
        self.began = time.monotonic()


class Scheduler:
    """Runs one plan on one engine, once."""

    def __init__(self, plan: Plan, engine: Engine, dispatch: Dispatch, *, attempt: int, emit: Callable[[ev.RunEvent], None]) -> None:
        """``emit`` gets every event, in order, in the loop's thread."""
        self._plan = plan
        self._engine = engine
        self._dispatch = dispatch
        self._announce = Announcer(plan, attempt, emit)
        self._state = RunState(plan)
        self._inbox: deque[act.Input] = deque()
        self._tries: dict[tuple[str, str], _Try] = {}
        self._results: dict[tuple[str, str], TaskResult] = {}
        self._parked: dict[str, list[tuple[int, int, list[act.Action], Task]]] = {}
        self._parkings = 0
        self._settling: list[tuple[Task, str]] = []
        self._timers: dict[object, asyncio.TimerHandle] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._working = False
        self._again = False
        self._segments = 0
        self._ended: asyncio.Future[Outcome] | None = None
        self._perform: dict[type, Callable[[Any], None]] = {
            act.StartTask: self._start,
            act.CancelTask: self._cancel,
            act.Evaluate: self._evaluate,
            act.ScheduleRetry: self._retry,
            act.SetTimer: self._set_timer,
            act.SubFlowChanged: self._announce.sub_flow,
            act.ValveChanged: self._announce.valve,
            act.ModuleChanged: self._module,
            act.Finished: self._finish,
        }

    async def run(self) -> Outcome:
        """Run to the end. The run's events come out of ``emit`` meanwhile."""
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        # plan and state live as long as the run: no collection need walk over them again and again
        gc.freeze()
        try:
            self._do(self._state.start())
            self._work()
            return await self._ended
        finally:
            gc.unfreeze()
            for timer in (*self._timers.values(), *(t.timer for t in self._tries.values() if t.timer is not None)):
                timer.cancel()
            for task in self._background:
                task.cancel()

    def stop(self, kind: Any) -> None:
        """Stop: ``polite`` interrupts what runs and lets on_error and finally have their turn; ``hard`` kills."""
        if kind == "hard":
            for running in self._tries.values():
                if running.job is not None:
                    running.cancelled = running.cancelled or "stopped_by_user"
                    self._engine.cancel(running.job, hard=True)
        self._tell(act.StopRequested(kind))

    @property
    def results(self) -> dict[tuple[str, str], TaskResult]:
        """The last result of every task that ended: (task, frame) → result."""
        return self._results

    # --- the one place where things move ---------------------------------------------------------

    def _tell(self, happened: act.Input) -> None:
        self._inbox.append(happened)
        self._work()

    def _work(self) -> None:
        """Feed what happened and start what may start, for a slice of time; then let the loop have a turn."""
        if self._working or self._ended is None or self._ended.done():
            return
        self._working = True
        self._again = False
        until = time.monotonic() + SLICE
        try:
            while not self._ended.done():
                if self._inbox:
                    happened = tuple(self._inbox)
                    self._inbox.clear()
                    self._do(self._state.feed(*happened))
                    self._let_go()
                elif not self._start_next():
                    break
                if time.monotonic() > until:
                    self._again = True
                    break
        except Exception as error:
            # a bug of ours: it must not die in a callback while the run waits for ever
            if not self._ended.done():
                self._ended.set_exception(error)
        finally:
            self._working = False
        if self._again and not self._ended.done():
            asyncio.get_running_loop().call_soon(self._work)

    def _do(self, actions: list[act.Action]) -> None:
        for action in actions:
            self._perform[type(action)](action)

    def _start_next(self) -> bool:
        """Start one ready task if there is room for it; False when there is nothing to do now."""
        if self._unpark():
            return True
        while True:
            task = self._state.peek()
            if task is None:
                return False
            demand = self._demand(task)
            lacking = self._engine.slots.lacks(demand)
            if not lacking:
                self._book(task, demand, self._state.take())
                return True
            special = [name for name in lacking if name not in _SPECIAL_FREE]
            if not special:
                # everybody needs these: to let a later task pass would be to starve this one
                return False
            # it waits for what few need: it keeps its turn there, and the others may pass
            self._parkings += 1
            heappush(self._parked.setdefault(special[0], []), (self._parkings, self._parkings, self._state.take(), task))

    def _unpark(self) -> bool:
        for name, waiting in self._parked.items():
            if waiting and self._engine.slots.free.get(name, 0) > 0:
                _, _, said, task = waiting[0]
                demand = self._demand(task)
                if not self._engine.slots.lacks(demand):
                    heappop(waiting)
                    self._book(task, demand, said)
                    return True
        return False

    def _demand(self, task: Task) -> Demand:
        cpus = self._engine.slots.capacity["cpus"]
        segments = self._segments + (self._state.ready("segment", cpus) or 1) if task.kind == "segment" and cpus > 1 else 1
        return demand_of(task, self._engine.slots, segments)

    def _book(self, task: Task, demand: Demand, said: list[act.Action]) -> None:
        self._engine.slots.take(demand)
        start = said[-1]
        assert isinstance(start, act.StartTask)
        self._tries[task.id, start.frame] = _Try(task, start.attempt_no, demand)
        self._segments += task.kind == "segment"
        self._do(said)

    # --- what the state says --------------------------------------------------------------------

    def _start(self, start: act.StartTask) -> None:
        running = self._tries[start.task, start.frame]
        task = running.task
        try:
            order = self._dispatch.order(task, start.frame, start.attempt_no, running.demand)
        except OSError as error:
            problem = failure(error, self._plan.folder).problems[0]
            info = ErrorInfo(problem.code, type(error).__name__, problem.message, mend=problem.mend)
            self._end(running, start.frame, TaskResult(task.id, "failed", f"error:{type(error).__name__}", error=info))
            return
        if task.timeout is not None:
            running.timer = asyncio.get_running_loop().call_later(task.timeout, self._timed_out, running)
        running.job = self._engine.submit(order, self._heard, self._job_ended)
        if running.cancelled and running.job.outcome is None:
            self._engine.cancel(running.job)

    def _cancel(self, cancel: act.CancelTask) -> None:
        running = self._tries.get((cancel.task, cancel.frame))
        if running is not None:
            running.cancelled = running.cancelled or cancel.reason
            if running.job is not None:
                self._engine.cancel(running.job)
            return
        for waiting in self._parked.values():
            for at, entry in enumerate(waiting):
                start = entry[2][-1]
                if isinstance(start, act.StartTask) and (start.task, start.frame) == (cancel.task, cancel.frame):
                    # the heap is ordered by arrival, so a list without one entry is a heap still
                    del waiting[at]
                    self._inbox.append(act.TaskEnded(cancel.task, "cancelled", cancel.reason, cancel.frame, again=False))
                    return

    def _evaluate(self, ask: act.Evaluate) -> None:
        async def answer() -> None:
            try:
                value = await self._engine.evaluate(ask.expression, ask.values)
                reply = act.Evaluated(ask.valve, None if value is None else bool(value), frame=ask.frame)
            except PypeError as error:
                reply = act.Evaluated(ask.valve, None, error.problems[0].message, ask.frame)
                self._announce.condition(ask, error.problems[0].message)
            self._tell(reply)

        self._later(answer())

    def _retry(self, retry: act.ScheduleRetry) -> None:
        error = self._results[retry.task, retry.frame].error
        self._announce.retry(retry, error)
        key = (retry.task, retry.frame)

        def due() -> None:
            self._timers.pop(key, None)
            self._tell(act.RetryDue(retry.task, retry.frame))

        self._timers[key] = asyncio.get_running_loop().call_later(retry.delay, due)

    def _set_timer(self, timer: act.SetTimer) -> None:
        self._timers[timer.timer] = asyncio.get_running_loop().call_later(timer.seconds, self._tell, act.TimedOut(timer.timer))

    def _module(self, change: act.ModuleChanged) -> None:
        self._announce.module(change, self._results.get((change.task, change.frame)))

    def _finish(self, finished: act.Finished) -> None:
        assert self._ended is not None
        titles = self._plan.sub_flows
        tasks = [task for index in finished.unhandled for task in titles[index].tasks]
        ends = (self._results.get((task, "0")) for task in tasks)
        error = next((end.error for end in ends if end is not None and end.error is not None), None)
        self._ended.set_result(Outcome(finished.state, finished.reason, error, tuple(titles[i].title for i in finished.handled)))

    # --- what the engine says -------------------------------------------------------------------

    def _heard(self, _job: Job, event: ev.RunEvent) -> None:
        self._announce.passed_on(event)

    def _job_ended(self, job: Job, result: TaskResult) -> None:
        running = self._tries.get((job.order.task, job.order.frame))
        if running is None:
            return
        try:
            self._end(running, job.order.frame, result)
        except Exception as error:
            if self._ended is not None and not self._ended.done():
                self._ended.set_exception(error)

    def _end(self, running: _Try, frame: str, result: TaskResult) -> None:
        task = running.task
        del self._tries[task.id, frame]
        self._engine.slots.give(running.demand)
        self._segments -= task.kind == "segment"
        if running.timer is not None:
            running.timer.cancel()
        if result.pid == 0:
            # no word from a worker: it may have died over its files
            self._settle_files(task, running.number, frame)
        if running.late and result.state != "completed":
            result = _out_of_time(task, result)
        elif running.cancelled and result.state == "failed":
            # what a module raises while it is being stopped is no failure of its own
            result = replace(result, state="cancelled", reason=running.cancelled, modules=(), error=None)
        if result.error is not None:
            result = replace(result, error=replace(result.error, frame=frame, attempt_no=running.number))
        self._results[task.id, frame] = result
        globals: dict[str, Any] = {}
        if result.state == "completed":
            globals = self._dispatch.ended(task, result, frame)
            if result.counts or result.outputs or result.previews:
                self._announce.tables(result, self._dispatch.links_from, self._dispatch.keep_previews(result.previews))
        elif result.error is not None:
            self._announce.failure(result.error, task.id, frame)
        own = {r.module: (r.state, r.reason) for r in result.modules if (r.state, r.reason) != (result.state, result.reason)}
        again = result.error is None or result.error.code not in _DISK_FULL
        if task.kind != "segment" or task.inputs:
            self._settling.append((task, frame))
        kinds = result.error.kinds if result.error is not None else ()
        self._tell(act.TaskEnded(task.id, result.state, result.reason, frame, again, own, globals, kinds))

    def _settle_files(self, task: Task, number: int, frame: str) -> None:
        try:
            self._dispatch.settle(task, number)
        except (OSError, PypeError) as error:
            self._announce.log("ERROR", f"what it had written could not be tidied up: {error}", f"{task.id}#{frame}")

    def _let_go(self) -> None:
        """What a task that has its terminal record held is let go: its instances and the tables it read."""
        for task, frame in self._settling:
            if (task.id, frame) in self._state.tasks:
                self._engine.release(task.id)
                self._dispatch.drop(task)
        self._settling.clear()

    def _timed_out(self, running: _Try) -> None:
        running.late = not running.cancelled
        running.cancelled = running.cancelled or "timeout"
        if running.job is not None:
            self._engine.cancel(running.job)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _out_of_time(task: Task, result: TaskResult) -> TaskResult:
    message = f"`{task.id}` ran longer than its timeout of {task.timeout:g} s and was stopped"
    info = ErrorInfo("PYE454", "Timeout", message, task.modules[0] if len(task.modules) == 1 else "", mend="Allow more time, or make it smaller.")
    records = tuple(ModuleResult(m, "failed", "timeout") for m in task.modules)
    return TaskResult(task.id, "failed", "timeout", records, error=info, seconds=result.seconds, cpu_seconds=result.cpu_seconds, peak_rss=result.peak_rss)
