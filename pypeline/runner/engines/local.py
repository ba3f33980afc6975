"""The local engine: tasks in warm worker processes of this machine, as many as its slots allow.

Workers are started when they are needed (the first perhaps while the plan is still being made) and
kept for the next task. A code instance stays with its worker until its task is released. A worker
that dies fails the task it had in hand, with a reason, and nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pypeline.core.events import Log, RunEvent, from_json
from pypeline.core.plan import Plan
from pypeline.core.results import HandOver, TaskResult
from pypeline.core.secret import SecretRef
from pypeline.runner import order as orders
from pypeline.runner.engines import losses, machine
from pypeline.runner.engines.base import Job, Status
from pypeline.runner.engines.memory_watch import MemoryWatch
from pypeline.runner.engines.process import WorkerGoneError, WorkerProcess
from pypeline.runner.engines.starting import start
from pypeline.runner.order import Item, Order
from pypeline.runner.protocol import Message
from pypeline.runner.secrets import Secrets
from pypeline.runner.slots import Slots, size
from pypeline.runner.wire import result_from_json
from pypeline.schema.problems import Problem, PypeError

OnEvent = Callable[[Job, RunEvent], None]
OnEnd = Callable[[Job, TaskResult], None]
TEARDOWN_WITHIN = 5.0
"""Seconds that a module has to tear down in a worker whose threads were abandoned."""
STATEMENT_WITHIN, CODE_WITHIN = 1.5, 5.0
"""Seconds in which a cancelled statement, or module code, has to end before its process is killed."""
EVALUATE_WITHIN = 10.0
"""Seconds that a valve's condition may take."""
FREEZE_WITHIN = 3600.0
"""Seconds that an item table may take to be written."""


class LocalEngine:
    """Worker processes with slots. One run at a time."""

    name = "local"
    private_folders = True

    def __init__(self, *, cpus: int = 0, memory: int = 0, threads: int = 0, first: WorkerProcess | None = None) -> None:
        """``cpus`` and ``memory`` (bytes) to give away, ``threads`` of each worker's pool; 0 = the machine's
        own. ``first`` is a worker that was started earlier, to warm up while the plan was made."""
        self._gpus = machine.gpus()
        self.slots = self._slots({"cpus": cpus or machine.cpus(), "memory": memory or machine.memory()})
        self.throttle: Callable[[], bool] = bool
        self.secrets: Secrets | None = None
        self._threads = threads or machine.cpus() * 2
        self._level = "INFO"
        self._seats: list[_Seat] = [] if first is None else [_Seat(first)]
        self._seat_of: dict[Job, tuple[_Seat, int]] = {}
        self._losses: list[tuple[str, str]] = []
        self._spelling = orders.Spelling()
        self._open = False
        self._background: set[asyncio.Future[Any]] = set()

    def configure(self, plan: Plan, threads: int) -> None:
        """Take the flow's own limits: ``settings.threads``, ``memory_limit`` and named slots."""
        settings = plan.settings
        self._threads = threads
        self._level = settings.logging.level
        capacity = dict(self.slots.capacity)
        if settings.threads:
            capacity["cpus"] = min(capacity["cpus"], settings.threads)
        pool = 0
        if settings.memory_limit:
            pool = capacity["memory"] = min(capacity["memory"], size(settings.memory_limit))
        self.slots = self._slots({**{k: capacity[k] for k in ("cpus", "memory")}, **settings.slots}, pool)

    def _slots(self, capacity: dict[str, int], pool: int = 0) -> Slots:
        return Slots({**capacity, "gpus": len(self._gpus)}, pool, list(self._gpus))

    async def open(self) -> None:
        self._open = True
        for seat in tuple(self._seats):
            self._attach(seat)
            if seat.worker.has_died:
                self._seats.remove(seat)

    async def close(self) -> None:
        self._open = False
        seats, self._seats = self._seats, []
        await asyncio.gather(*(seat.worker.close() for seat in seats))
        if self._background:
            await asyncio.wait(self._background)

    def submit(self, order: Order, on_event: OnEvent, on_end: OnEnd) -> Job:
        job = Job(order, on_event, on_end)
        try:
            seat = self._seat_for(order)
        except PypeError as error:
            job.end(losses.failed(order, error.problems[0].code, "WorkerStartError", error.problems[0].message, error.problems[0].mend))
            return job
        if order.waits:
            seat.waiting += 1
        else:
            seat.job = job
        seat.references.update(reference for module in order.modules if module.secrets for reference in module.references().values())
        seat.over = 0
        if order.limits.most:
            seat.watch = MemoryWatch(seat.worker.pid, order.limits.most, seat.end_over)
        seat.code.update({m.type: m.code_hash for m in order.modules})

        def heard(event: Message) -> None:
            if event.get("kind") == "busy_threads":
                # threads cannot be killed, their process can: it takes no further task
                seat.retired = True
                return
            made = from_json(event)
            if made is not None:
                on_event(job, made)

        op = "wait" if order.waits else "run"
        number, answer = seat.worker.request(op, heard, order=self._spelling(order), threads=self._threads, level=self._level)
        self._seat_of[job] = seat, number
        answer.add_done_callback(lambda done: self._ended(job, done))
        return job

    def status(self, job: Job) -> Status:
        return job.status

    async def result(self, job: Job) -> TaskResult:
        return await job.wait()

    def cancel(self, job: Job, *, hard: bool = False) -> None:
        if job not in self._seat_of:
            return
        seat, number = self._seat_of[job]
        job.status = "cancelling"
        if job.order.waits:
            seat.worker.interrupt(number)
        else:
            # a statement that misses its interruption is in C and hears no signal either; what it had begun to publish is settled afterwards
            seat.worker.cancel(number, hard=hard, kill_after=STATEMENT_WITHIN if job.order.kind == "segment" else CODE_WITHIN)

    def release(self, task: str, frame: str = "0") -> None:
        node = f"{task}#{frame}"
        for seat in self._seats:
            if node in seat.lives:
                self._release(seat, node)

    def _release(self, seat: _Seat, node: str) -> None:
        seat.lives.discard(node)
        _, answer = seat.worker.request("release", node=node)
        answer.add_done_callback(lambda done: self._released(seat, node, done))

    def lost_teardowns(self) -> list[tuple[str, str]]:
        """What failed in teardown or died with its worker before (``task#frame``), and why; told once."""
        told, self._losses = self._losses, []
        return told

    async def evaluate(self, expression: str, values: Mapping[str, Any], items: Sequence[Item] = ()) -> Any:
        what = f"the condition `{expression}`"
        return await self._asked("evaluate", what, "Make it cheaper.", expression=expression, values=dict(values), items=[asdict(item) for item in items])

    async def freeze(self, source: str, path: str) -> HandOver:
        what = "bringing the rows of a loop together"
        return orders.hand_over(await self._asked("freeze", what, "Go over fewer rows.", FREEZE_WITHIN, source=source, path=path))

    async def _asked(self, op: str, what: str, mend: str, within: float = EVALUATE_WITHIN, **parts: Any) -> Any:
        """What a worker without a task in hand says to a question that runs no code; ``what`` it is about.

        Raises:
            PypeError: what it said, or PYE462: it took longer than ``within`` seconds, or its process went away.
        """
        seat = next((s for s in self._seats if s.free and not s.retired), None) or self._start()
        seat.evaluating += 1
        try:
            number, answer = seat.worker.request(op, **parts)
            # the run may be over before the answer comes; an error that nobody waits for is nobody's
            answer.add_done_callback(lambda late: late.cancelled() or late.exception())
            done, _ = await asyncio.wait([answer], timeout=within)
            if not done:
                seat.retired = True
                seat.worker.cancel(number, hard=True)
                await asyncio.wait([answer])
                raise PypeError(Problem("PYE462", f"{what} took longer than {within:.0f} s", mend=mend, phase="run"))
            return answer.result()
        except WorkerGoneError as error:
            raise PypeError(Problem("PYE462", f"{what} could not be evaluated: {error}", phase="run")) from error
        finally:
            seat.evaluating -= 1

    def _seat_for(self, order: Order) -> _Seat:
        for seat in self._seats:
            if order.node in seat.lives and seat.job is None:
                return seat
        code = {m.type: m.code_hash for m in order.modules}
        # all that waits does so in one place
        for seat in sorted(self._seats, key=lambda seat: not seat.waiting) if order.waits else self._seats:
            # a process sees its devices from its start to its end
            if (seat.free or (order.waits and seat.waiting)) and not seat.retired and not seat.stale(code) and seat.gpus == order.limits.gpus:
                break
        else:
            seat = self._start(order.limits.gpus)
        if order.kind != "segment" and not order.waits:
            seat.lives.add(order.node)
        self._retire(code)
        return seat

    def _start(self, gpus: tuple[str, ...] = ()) -> _Seat:
        seat = _Seat(WorkerProcess(start(gpus=gpus)), gpus)
        self._seats.append(seat)
        self._attach(seat)
        return seat

    def _attach(self, seat: _Seat) -> None:
        worker = seat.worker
        worker.throttle = self.throttle
        worker.on_line = lambda stream, text: self._printed(seat, stream, text)
        worker.on_gone = lambda _worker: self._gone(seat)
        worker.on_ask = lambda reference: self._reveal(seat, reference)
        worker.attach()

    async def _reveal(self, seat: _Seat, reference: str) -> str:
        """A secret for a module, if one of the orders that this worker got names it."""
        if self.secrets is None or reference not in seat.references:
            return SecretRef(reference).reveal()
        return await self.secrets.reveal(reference)

    def _retire(self, code: Mapping[str, str]) -> None:
        """Send away idle workers that hold an older code of these types, or stuck threads."""
        for seat in [s for s in self._seats if s.free and (s.retired or s.stale(code))]:
            self._send_away(seat)

    def _abandon(self, seat: _Seat, job: Job) -> None:
        """``job`` has ended, but threads of it run on: its worker tears down and is ended, and until then it lingers."""
        job.lingers = True
        seat.lingering = job
        asyncio.get_running_loop().call_later(TEARDOWN_WITHIN, lambda: self._send_away(seat) if seat in self._seats else None)
        if not seat.lives:
            self._send_away(seat)
        for node in tuple(seat.lives):
            self._release(seat, node)

    def _send_away(self, seat: _Seat) -> None:
        self._seats.remove(seat)
        leaving = asyncio.ensure_future(seat.worker.close(0.2 if seat.retired else 2.0))
        self._background.add(leaving)
        leaving.add_done_callback(self._background.discard)

    def _ended(self, job: Job, done: asyncio.Future[Any]) -> None:
        seat, _ = self._seat_of.pop(job)
        if job.order.waits:
            seat.waiting -= 1
        else:
            seat.job = None
        if seat.watch is not None:
            seat.watch.cancel()
            seat.watch = None
        order = job.order
        error = done.exception()
        if error is None:
            result = result_from_json(done.result())
        elif isinstance(error, WorkerGoneError):
            result = losses.over(order, seat.over) if seat.over else losses.lost(order, error.gone, cancelled=job.status == "cancelling")
        elif isinstance(error, PypeError):
            result = losses.failed(order, error.problems[0].code, "PypeError", error.problems[0].message, error.problems[0].mend)
        else:
            raise error
        if seat.retired and seat in self._seats and not job.order.waits:
            self._abandon(seat, job)
        job.end(result)

    def _released(self, seat: _Seat, node: str, done: asyncio.Future[Any]) -> None:
        error = done.exception()
        trouble = str(error) if error is not None else str(done.result())
        if trouble:
            self._losses.append((node, trouble))
        if seat.retired and seat in self._seats and seat.free and self._open:
            self._send_away(seat)

    def _gone(self, seat: _Seat) -> None:
        if seat in self._seats:
            self._seats.remove(seat)
        if seat.lingering is not None:
            seat.lingering.gone()
        current = seat.job.order.node if seat.job is not None else ""
        for node in sorted(seat.lives - {current}):
            self._losses.append((node, "its worker ended before teardown"))

    def _printed(self, seat: _Seat, stream: str, text: str) -> None:
        job = seat.job
        if job is None:
            return
        order = job.order
        level = "INFO" if stream == "stdout" else "WARN"
        event = Log(run=order.run, attempt=0, time=time.time(), level=level, message=text, node_id=f"{order.modules[0].id}#{order.frame}")  # type: ignore[arg-type]
        job.on_event(job, event)


LocalScheduler = LocalEngine
"""The name the requirements give to the local engine with slots."""


class _Seat:
    """A worker, the job it has in hand or how many it has that only wait, the tasks whose instances live in it, and the code it holds."""

    def __init__(self, worker: WorkerProcess, gpus: tuple[str, ...] = ()) -> None:
        self.worker = worker
        self.job: Job | None = None
        self.waiting = 0
        self.lives: set[str] = set()
        self.references: set[str] = set()
        self.code: dict[str, str] = {}
        self.evaluating = 0
        self.retired = False
        self.lingering: Job | None = None
        self.gpus = gpus
        self.watch: MemoryWatch | None = None
        self.over = 0

    @property
    def free(self) -> bool:
        """Whether a new task may come here."""
        return self.job is None and not self.waiting and not self.lives and not self.evaluating and self.worker.gone is None

    def end_over(self, held: int) -> None:
        """Its processes hold ``held`` bytes, which is too much: end them."""
        self.over = held
        self.worker.kill()

    def stale(self, code: Mapping[str, str]) -> bool:
        """Whether it has loaded another code of one of these types, or knows a variable that has become secret."""
        return self.worker.knows_secrets or any(self.code.get(type, hash) != hash for type, hash in code.items())
