"""The scheduler: the thin asyncio shell around :class:`pypeline.core.state.RunState`.

It performs what the state says (start, cancel, evaluate, ring, announce) and tells it what
happened. It adds what the state does not know: time, slots, an engine and subscribers. The same
object runs under ``asyncio.run`` and inside a window's loop; it starts no loop, blocks none, and
does its work in slices so that a loop it shares stays alive.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Callable, Coroutine
from typing import Any

from pypeline.core import actions as act
from pypeline.core import events as ev
from pypeline.core.plan import Plan, Task
from pypeline.core.results import TERMINAL, ErrorInfo, TaskResult
from pypeline.core.state import RunState
from pypeline.runner.announcer import Announcer
from pypeline.runner.dispatch import Dispatch
from pypeline.runner.ends import judged, refused, too_long, worth_another
from pypeline.runner.engines.base import Engine, Job
from pypeline.runner.frames import outer
from pypeline.runner.loops import Loops
from pypeline.runner.turns import Try, Turns
from pypeline.schema.problems import PypeError
from pypeline.schema.record import record

SLICE = 0.004
"""Seconds of work after which the loop gets its turn."""


@record
class Outcome:
    """How a run ended: its state and reason, the first unhandled error, and the titles of handled failures."""

    state: Any
    reason: str
    error: ErrorInfo | None
    handled: tuple[str, ...]


class Scheduler:
    """Runs one plan on one engine, once."""

    def __init__(self, plan: Plan, engine: Engine, dispatch: Dispatch, *, attempt: int, emit: Callable[[ev.RunEvent], None]) -> None:
        """``emit`` gets every event, in order, in the loop's thread."""
        self._plan = plan
        self._engine = engine
        self._dispatch = dispatch
        self._announce = Announcer(plan, attempt, emit)
        self._state = RunState(plan)
        self._inbox: list[act.Input] = []
        self._tries: dict[tuple[str, str], Try] = {}
        self._results: dict[tuple[str, str], TaskResult] = {}
        self._turns = Turns(self._state, engine)
        self._settling: list[tuple[Task, str]] = []
        self._errors: dict[str, ErrorInfo] = {}
        self._held: set[tuple[str, str]] = set()
        self._loops = Loops(plan, engine, dispatch, self._announce, self._tell, self._later, self._look_again, self._fail)
        self._timers: dict[object, asyncio.TimerHandle] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._working = False
        self._again = False
        self._ended: asyncio.Future[Outcome] | None = None
        self._perform: dict[type, Callable[[Any], None]] = {
            act.StartTask: self._start,
            act.CancelTask: self._cancel,
            act.Evaluate: self._loops.evaluate,
            act.CountItems: self._loops.count,
            act.JoinFrames: self._loops.join,
            act.ScheduleRetry: self._retry,
            act.SetTimer: self._set_timer,
            act.SubFlowChanged: self._announce.sub_flow,
            act.ValveChanged: self._valve,
            act.FrameChanged: self._frame,
            act.ModuleChanged: self._module,
            act.Finished: self._finish,
        }

    async def run(self) -> Outcome:
        """Run to the end. The run's events come out of ``emit`` meanwhile."""
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        sharing = self._engine.slots.waiting
        if not sharing:
            # plan and state live as long as the run: no collection need walk over them again and again
            gc.freeze()
        sharing.append(self._look_again)
        try:
            self._do(self._state.start())
            self._work()
            return await self._ended
        finally:
            sharing.remove(self._look_again)
            if not sharing:
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
            self._loops.stop()
        self._tell(act.StopRequested(kind))

    # --- the one place where things move ---------------------------------------------------------

    def _tell(self, happened: act.Input) -> None:
        self._inbox.append(happened)
        if not self._working:
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
                    happened, self._inbox = self._inbox, []
                    self._do(self._state.feed(*happened))
                    self._let_go()
                elif not self._start_next():
                    break
                elif time.monotonic() > until:
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

    def _look_again(self) -> None:
        """Somebody who shares the slots has given some back, or nobody waits for them any more."""
        if not self._working and not self._again:
            self._again = True
            asyncio.get_running_loop().call_soon(self._work)

    def _do(self, actions: list[act.Action]) -> None:
        for action in actions:
            self._perform[type(action)](action)

    def _start_next(self) -> bool:
        """Start one ready task if there is room for it; False when there is nothing to do now."""
        # the rows of a loop that is over are brought together first, on slots of their own
        began = None if self._loops.waiting else self._turns.next()
        if began is None:
            return False
        self._tries[began.task.id, began.frame] = began
        self._do(began.said)
        return True

    # --- what the state says --------------------------------------------------------------------

    def _start(self, start: act.StartTask) -> None:
        running = self._tries[start.task, start.frame]
        task = running.task
        try:
            order = self._dispatch.order(task, start.frame, start.attempt_no, running.demand, running.devices)
        except OSError as error:
            self._end(running, refused(task, error, self._plan.folder))
            return
        if not order.modules:
            # all its rows are collected, and nothing is left to do
            self._end(running, TaskResult(task.id, "completed", pid=os.getpid()))
            return
        if task.timeout is not None:
            running.timer = asyncio.get_running_loop().call_later(task.timeout, self._timed_out, running)
        if task.kind != "segment" and self._dispatch.frames.loop_of(task) is not None:
            self._held.add((task.id, start.frame))
        running.job = self._engine.submit(order, self._heard, self._job_ended)
        if running.cancelled and running.job.outcome is None:
            self._engine.cancel(running.job)

    def _cancel(self, cancel: act.CancelTask) -> None:
        running = self._tries.get((cancel.task, cancel.frame))
        if running is not None:
            running.cancelled = running.cancelled or cancel.reason
            if running.job is not None:
                self._engine.cancel(running.job)

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
        key = (change.task, change.frame)
        self._turns.settled(key)
        if self._timers and change.state in TERMINAL and (timer := self._timers.pop(key, None)) is not None:
            # it ended while it waited for its next try: nobody else says that its instance may go
            timer.cancel()
            self._settling.append((self._plan.tasks[change.task], change.frame))
        self._announce.module(change, self._results.get(key))

    def _fail(self, error: ErrorInfo, module: str, frame: str) -> None:
        """Something failed that was no task's: it is the run's error if no task's is."""
        self._errors.setdefault("", error)
        self._announce.failure(error, module, frame)

    def _finish(self, finished: act.Finished) -> None:
        assert self._ended is not None
        titles = self._plan.sub_flows
        error = self._errors.get(finished.cause[0])
        if error is None and finished.reason == "timeout":
            error = too_long(self._plan)
        self._ended.set_result(Outcome(finished.state, finished.reason, error, tuple(titles[i].title for i in finished.handled)))

    def _valve(self, change: act.ValveChanged) -> None:
        self._announce.valve(change)
        if not change.open and change.valve in self._dispatch.frames.within:
            self._dispatch.passed_by(change.valve, change.frame)

    def _frame(self, change: act.FrameChanged) -> None:
        """Announce it; what belongs to a frame that has ended is let go."""
        self._announce.frame(change)
        if change.state == "running":
            return
        for task in self._dispatch.frames.within[change.valve]:
            key = (task.id, change.frame)
            self._results.pop(key, None)
            if (timer := self._timers.pop(key, None)) is not None:
                timer.cancel()
            if key in self._held:
                self._held.discard(key)
                self._engine.release(*key)
        self._dispatch.frame_over(change.valve, change.frame, good=change.state == "completed")
        if change.done == change.total:
            self._dispatch.loop_over(change.valve, outer(change.frame))

    # --- what the engine says -------------------------------------------------------------------

    def _heard(self, _job: Job, event: ev.RunEvent) -> None:
        self._announce.passed_on(event)

    def _job_ended(self, job: Job, result: TaskResult) -> None:
        running = self._tries.get((job.order.task, job.order.frame))
        if running is None:
            return
        try:
            self._end(running, result)
        except Exception as error:
            if self._ended is not None and not self._ended.done():
                self._ended.set_exception(error)

    def _end(self, running: Try, result: TaskResult) -> None:
        task, frame = running.task, running.frame
        del self._tries[task.id, frame]
        if running.job is not None and running.job.lingers:
            # something of it runs on that nothing could interrupt: what it books is not free
            running.job.on_gone = lambda: self._freed(running)
        else:
            self._engine.slots.give(running.demand, running.devices)
        self._turns.ended(task)
        if running.timer is not None:
            running.timer.cancel()
        if result.pid == 0 and task.kind == "segment":
            # no word from a worker: it may have died over its files
            self._settle_files(running)
        result = judged(running, result)
        if result.state == "completed":
            try:
                result = self._dispatch.collected.take(task, result, frame, self._dispatch.tables)
            except OSError as error:
                result = refused(task, error, self._plan.folder, result.pid)
        elif result.state == "failed":
            result = self._dispatch.collected.failed(task, result)
        self._results[task.id, frame] = result
        globals: dict[str, Any] = {}
        if result.state == "completed":
            globals = self._dispatch.ended(task, result, frame)
            if result.counts or result.outputs or result.previews:
                previews = self._dispatch.keep_previews(result.previews) if result.previews else ()
                self._announce.tables(result, frame, self._dispatch.links_from, previews)
        elif result.error is not None:
            self._announce.failure(result.error, task.id, frame)
            known = self._errors.get(task.id)
            if known is None or known.frame == frame:
                # of the frames of a loop the first that failed is the one to tell of
                self._errors[task.id] = result.error
            globals = self._dispatch.failed(task, result.error, frame)
        end = (result.state, result.reason)
        own = {r.module: (r.state, r.reason) for r in result.modules if (r.state, r.reason) != end} if result.modules else {}
        self._settling.append((task, frame))
        kinds = result.error.kinds if result.error is not None else ()
        self._tell(act.TaskEnded(task.id, result.state, result.reason, frame, worth_another(result), own, globals, kinds))

    def _freed(self, running: Try) -> None:
        self._engine.slots.give(running.demand, running.devices)
        self._work()

    def _settle_files(self, running: Try) -> None:
        try:
            self._dispatch.settle(running.task, running.frame, running.number)
        except (OSError, PypeError) as error:
            self._announce.log("ERROR", f"what it had written could not be tidied up: {error}", f"{running.task.id}#{running.frame}")

    def _let_go(self) -> None:
        """What a task that has its terminal record held is let go: its instances, the tables it read, its result."""
        ended = self._state.tasks
        for task, frame in self._settling:
            key = (task.id, frame)
            if key in ended:
                self._results.pop(key, None)
                if task.kind != "segment":
                    self._engine.release(*key)
                    self._held.discard(key)
                self._dispatch.drop(task, frame)
        self._settling.clear()

    def _timed_out(self, running: Try) -> None:
        running.late = not running.cancelled
        running.cancelled = running.cancelled or "timeout"
        if running.job is not None:
            self._engine.cancel(running.job)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and self._ended is not None and not self._ended.done():
            # a bug of ours: nobody would answer, and the run would wait for ever
            self._ended.set_exception(error)
