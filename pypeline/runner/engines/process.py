"""A worker process as its host sees it: ask it, hear it, end it.

In: requests. Out: a future each, events, lines the modules printed, and one word when it has gone.
It was started without a loop (:mod:`pypeline.runner.engines.starting`) and is attached to one later.
Nothing here waits: all is readers and timers of the loop.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pypeline.core.secret import SecretRef
from pypeline.runner import session
from pypeline.runner.engines import machine
from pypeline.runner.engines.printed import Printed
from pypeline.runner.engines.starting import Started
from pypeline.runner.failures import cut
from pypeline.runner.protocol import BrokenStreamError, Decoder, Message, check_version, encode
from pypeline.schema.problems import Problem, PypeError
from pypeline.schema.record import record

_CHUNK = 1 << 16
_TERM_AFTER = 2.0
_KILL_AFTER = 5.0
_REAPS = 100
"""Looks, 5 ms apart, that a worker which has let go of its socket has to end."""


@record
class Gone:
    """How a worker ended: exit code or signal, peak memory in bytes, and whether the kernel killed
    something for want of memory meanwhile."""

    code: int
    peak_rss: int
    oom: bool
    last_words: str = ""

    @property
    def signal(self) -> str:
        """The signal that ended it, or ``""``."""
        return signal.Signals(-self.code).name if self.code < 0 else ""


async def _no_secrets(reference: str) -> str:
    return SecretRef(reference).reveal()


class WorkerGoneError(Exception):
    """The worker ended before it answered."""

    def __init__(self, gone: Gone) -> None:
        super().__init__(f"the worker ended ({gone.signal or f'exit code {gone.code}'})")
        self.gone = gone


class WorkerProcess:
    """One worker. ``on_line(stream, text)`` gets what was printed, ``on_gone(self)`` its end. It is ``dying`` once it has
    been told to end, and was ``pressed`` where that was because it did not leave off a request that was cancelled."""

    def __init__(self, started: Started) -> None:
        self._started = started
        self._process = started.process
        self.pid = self._process.pid
        self.gone: Gone | None = None
        self.dying = False
        self.pressed = False
        self.throttle: Callable[[], bool] = bool
        self.on_line: Callable[[str, str], None] = lambda _stream, _text: None
        self.on_gone: Callable[[WorkerProcess], None] = lambda _worker: None
        self.on_ask: Callable[[str], Awaitable[str]] = _no_secrets
        self._telling: set[asyncio.Task[None]] = set()
        self._socket = started.socket
        self._decoder = Decoder()
        self._unsent = bytearray()
        self._sending = False
        self._blocked = False
        self._printed: list[Printed] = []
        self._waiting: dict[int, tuple[asyncio.Future[Any], Callable[[Message], None] | None]] = {}
        self._requests = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._ended: asyncio.Event = asyncio.Event()
        self._peak = 0
        self._reaps = 0
        self._pidfd = -1
        self._tail = ""
        self._refused = ""

    @property
    def has_died(self) -> bool:
        """Whether the process has ended, also where nobody has heard of it yet."""
        return self.gone is not None or os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    @property
    def knows_secrets(self) -> bool:
        """Whether it was given a variable of the environment that a plan has called secret since then."""
        return self._started.knows_secrets

    def warm(self, *names: str) -> None:
        """Have it import ahead what the next orders need (names as :meth:`Operations.warm` knows them)."""
        self._send({"op": "warm", "names": list(names)})

    def attach(self) -> None:
        """From now on the running loop serves this worker."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._readable)
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except OSError:
            pass  # an old kernel: then the end of the socket tells
        else:
            self._loop.add_reader(self._pidfd, self._exited)
        for name, pipe in (("stdout", self._process.stdout), ("stderr", self._process.stderr)):
            assert pipe is not None
            self._printed.append(Printed(name, pipe, self._heard_line, self.throttle))
        self._flush()

    def request(self, op: str, on_event: Callable[[Message], None] | None = None, **parts: Any) -> tuple[int, asyncio.Future[Any]]:
        """Ask; the request's number, and a future of its value.

        The future raises PypeError with the worker's problems, or :class:`WorkerGoneError`.
        """
        assert self._loop is not None
        self._requests += 1
        future: asyncio.Future[Any] = self._loop.create_future()
        if self.gone is not None:
            future.set_exception(WorkerGoneError(self.gone))
        else:
            self._waiting[self._requests] = (future, on_event)
            self._send({"op": op, "id": self._requests, **parts})
        return self._requests, future

    def cancel(self, number: int, *, hard: bool = False, kill_after: float = _KILL_AFTER) -> None:
        """Interrupt request ``number``: TERM after 2 s and KILL after ``kill_after`` if it does not end; or KILL now."""
        if number not in self._waiting or self._loop is None:
            return
        if hard:
            self.kill()
            return
        if self._timers:
            return
        self.interrupt(number)

        def press(sign: signal.Signals) -> None:
            if number in self._waiting:
                self.pressed = True
                self.kill(sign)

        self._timers = [self._loop.call_later(_TERM_AFTER, press, signal.SIGTERM), self._loop.call_later(kill_after, press, signal.SIGKILL)]

    def interrupt(self, number: int) -> None:
        """Ask request ``number`` to end, and press no further: others that it has share the worker."""
        self._send({"op": "cancel", "id": number})

    def kill(self, sign: signal.Signals = signal.SIGKILL) -> None:
        """Send ``sign`` to the worker; what it started ends when it has ended, or with it where that is by force."""
        if self.gone is not None:
            return
        self.dying = True
        try:
            if sign is signal.SIGKILL:
                # it must neither start anything more nor tell of what now ends below it
                os.kill(self.pid, signal.SIGSTOP)
                session.end(self.pid)
            os.kill(self.pid, sign)
        except ProcessLookupError:
            return

    async def close(self, patience: float = _TERM_AFTER) -> None:
        """Let it tear down and go; TERM and KILL if it takes longer than ``patience`` seconds."""
        if self._loop is None:
            self.attach()
        self._send({"op": "bye"})
        for sign, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, _KILL_AFTER - _TERM_AFTER), (signal.SIGKILL, _KILL_AFTER)):
            try:
                await asyncio.wait_for(self._ended.wait(), wait)
            except TimeoutError:
                self.kill(sign)
        await self._ended.wait()

    def _send(self, message: Mapping[str, Any]) -> None:
        self._unsent += encode(message)
        if self._loop is None:
            self._flush()
        elif not self._sending and not self._blocked:
            # all that is asked in one turn of the loop goes together: each message for itself would wake the worker
            self._sending = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._sending = False
        try:
            while self._unsent:
                sent = self._socket.send(self._unsent[: 1 << 20])
                del self._unsent[:sent]
        except BlockingIOError:
            if self._loop is not None and not self._blocked:
                self._blocked = True
                self._loop.add_writer(self._socket, self._flush)
            return
        except OSError:
            # it has gone: the reader notices and tells everybody
            self._unsent.clear()
        if self._blocked and self._loop is not None and self.gone is None:
            self._blocked = False
            self._loop.remove_writer(self._socket)

    def _readable(self) -> bool:
        """Read once; False when nothing is there or nothing will come any more."""
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        try:
            for message in self._decoder.feed(data):
                self._hear(message)
        except (BrokenStreamError, PypeError) as error:
            self._refused = str(error)
            self.kill()
            data = b""
        if not data:
            assert self._loop is not None
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._reap()
        return bool(data)

    def _exited(self) -> None:
        """The process has ended. A process that it forked may hold its socket open: no end of the stream would tell."""
        while self.gone is None and self._readable():
            pass
        self._reap()

    def _hear(self, message: Message) -> None:
        op = message["op"]
        if op == "event":
            waiting = self._waiting.get(message["id"])
            if waiting is not None and waiting[1] is not None:
                waiting[1](message["event"])
        elif op == "result":
            # what was printed before the answer belongs before it
            self._drain()
            future, _ = self._waiting.pop(message["id"])
            self._disarm()
            if not future.done():
                _settle(future, message)
        elif op == "ask":
            telling = asyncio.ensure_future(self._tell(message))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)
        elif op == "beat":
            self._peak = int(message["peak_rss"])
        elif op == "hello":
            check_version(message)
            self._peak = int(message.get("peak_rss", 0))
        elif op == "bye":
            self._refused = str(message.get("message", ""))

    async def _tell(self, message: Message) -> None:
        """Answer a module's question for a secret: over the socket, and nowhere else."""
        try:
            answer: Message = {"value": await self.on_ask(message["reference"])}
        except PypeError as error:
            answer = {"problems": [problem.to_json() for problem in error.problems]}
        if self.gone is None:
            self._send({"op": "told", "number": message["number"], **answer})

    def _heard_line(self, stream: str, text: str) -> None:
        self._tail = text if stream == "stderr" else self._tail
        self.on_line(stream, cut(text))

    def _drain(self) -> None:
        for printed in self._printed:
            printed.drain()

    def _reap(self) -> None:
        """Collect the dead process: its end of the socket is closed, so it is on its way out."""
        assert self._loop is not None
        if self.gone is not None:
            return
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid == 0:
            self._reaps += 1
            if self._reaps == _REAPS:
                self.kill()
            self._loop.call_later(0.005, self._reap)
            return
        code = os.waitstatus_to_exitcode(status)
        self._process.returncode = code
        # whatever it started and left behind goes with it
        session.end(self.pid)
        self._drain()
        measured = usage.ru_maxrss * 1024
        # the kernel's figure begins with what the parent held when it started the child
        peak = measured if measured > self._started.peak_rss else self._peak
        self.gone = Gone(code, peak, machine.oom_kills() > self._started.ooms, self._refused or self._tail)
        self._disarm()
        self._close_ends()
        for future, _ in self._waiting.values():
            if not future.done():
                future.set_exception(WorkerGoneError(self.gone))
        self._waiting.clear()
        self._ended.set()
        self.on_gone(self)

    def _close_ends(self) -> None:
        assert self._loop is not None
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        for printed in self._printed:
            printed.close()

    def _disarm(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = []


def _settle(future: asyncio.Future[Any], message: Message) -> None:
    from pypeline.runner.wire import problem_from_json

    if "problems" in message:
        future.set_exception(PypeError(*(problem_from_json(p) for p in message["problems"])))
    elif "error" in message:
        error = message["error"]
        problem = Problem(error["code"], error["message"], mend=error["mend"], phase="run")
        future.set_exception(PypeError(problem))
    else:
        future.set_result(message["value"])
