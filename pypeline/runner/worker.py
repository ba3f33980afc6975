"""A worker: the process in which tasks happen. ``python -P -m pypeline.runner.worker FD PARENT``.

In: requests on the socket FD (:mod:`pypeline.runner.protocol`). Out: events and one result a
request. The main thread works; a second thread reads the socket, so that a cancel is heard at once
and the end of the stream ends the process, with everything it started, at once. Standard output
and error belong to the modules; the host reads them apart. The worker knows no scheduler and no
run folder: an order names all it may touch, and what it imports is what its orders need.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import queue
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from pypeline.runner import guard, session
from pypeline.runner.protocol import HEARTBEAT, VERSION, BrokenStreamError, Channel, Message, check_version
from pypeline.runner.store.private import make_private
from pypeline.schema import collection
from pypeline.schema.problems import PypeError

_PR_SET_PDEATHSIG = 1


class Stop:
    """A cancel on its way to the work in hand. ``then`` runs once, in the reader's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._then: Callable[[], None] | None = None
        self.requested = False

    def on_request(self, then: Callable[[], None] | None) -> None:
        """Have ``then`` called when the cancel comes, or now if it has come; None takes it back."""
        with self._lock:
            self._then = then
            due = self.requested
        if due and then is not None:
            then()

    def request(self) -> None:
        """Ask the work to end."""
        with self._lock:
            self.requested = True
            then = self._then
        if then is not None:
            then()


def _stand_in(message: Message) -> None:
    """Go to the folder of the flow that ``message`` is about: there the relative paths in people's code start, wherever
    the run was started from."""
    order = message.get("order")
    if isinstance(order, dict) and order.get("folder"):
        with suppress(OSError):
            os.chdir(order["folder"])


class Worker:
    """Serves one host until it says ``bye`` or goes away."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._requests: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._stops: dict[int, Stop] = {}
        self._lock = threading.Lock()

    def serve(self) -> int:
        """Work until the host has no more for us; the exit code."""
        threading.Thread(target=self._listen, name="host", daemon=True).start()
        hello = self._requests.get()
        self.channel.send({"op": "hello", "version": VERSION, "pid": os.getpid(), "python": sys.version.split()[0], "peak_rss": peak_rss()})
        try:
            check_version(hello)
        except PypeError as error:
            self.channel.send({"op": "bye", "message": str(error)})
            return 3
        from pypeline.runner.asking import HERE
        from pypeline.runner.operations import Operations

        HERE.open(self.channel.send)
        with Operations() as operations:
            operations.warm(hello.get("warm", ()))
            collection.loaded()
            while (message := self._requests.get())["op"] != "bye":
                if message["op"] == "warm":
                    operations.warm(message["names"])
                else:
                    self._answer(operations, message)
        if operations.abandoned or not operations.has_run_code:
            # nothing is left that should be finished, and tearing the interpreter down takes its time
            sys.stdout.flush()
            sys.stderr.flush()
            if operations.has_run_code:
                _end_family()
            os._exit(0)
        return 0

    def _answer(self, operations: Any, message: Message) -> None:
        number = int(message["id"])
        with self._lock:
            stop = self._stops[number]

        def emit(event: Message) -> None:
            self.channel.send({"op": "event", "id": number, "event": event})

        def reply(answer: Message) -> None:
            with self._lock:
                del self._stops[number]
            self.channel.send({"op": "result", "id": number, **answer})

        _stand_in(message)
        if message["op"] == "wait":
            operations.wait(message, stop, reply)
        else:
            reply(operations.answer(message, emit, stop))

    def _listen(self) -> None:
        beat = time.monotonic()
        try:
            while (messages := self.channel.receive(HEARTBEAT)) is not None:
                for message in messages:
                    self._hear(message)
                if time.monotonic() - beat >= HEARTBEAT:
                    beat = time.monotonic()
                    self.channel.send({"op": "beat", "peak_rss": peak_rss()})
        except (BrokenStreamError, OSError):
            end_all()
        end_all()

    def _hear(self, message: Message) -> None:
        if message["op"] == "told":
            from pypeline.runner.asking import HERE

            HERE.told(message)
            return
        if message["op"] == "cancel":
            with self._lock:
                stop = self._stops.get(int(message["id"]))
            if stop is not None:
                stop.request()
            return
        if "id" in message:
            with self._lock:
                self._stops[int(message["id"])] = Stop()
        self._requests.put(message)


def peak_rss() -> int:
    """The most memory this process has held since it began or since its last task began, in bytes."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def end_all() -> None:
    """End this process at once, and all that it started."""
    if os.getsid(0) == os.getpid():
        session.end(os.getpid(), spare=os.getpid())
    os._exit(1)


def _end_family() -> None:
    """End what modules have left running: after this process nobody knows what left its session."""
    if os.getsid(0) == os.getpid() and any(pid != os.getpid() and os.getsid(pid) != os.getpid() for pid in session.members(os.getpid())):
        session.end(os.getpid(), spare=os.getpid())


def _tie(parent: int) -> None:
    """Tie this process's life to its parent's, keep its files private, and let it end when told to."""

    def orphaned(_signal: int, _frame: FrameType | None) -> None:
        # the kernel also sends it when only the thread that started us has ended
        if os.getppid() != parent:
            end_all()

    def terminated(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.getsid(0) == os.getpid():
            session.tell(os.getpid(), signal.SIGTERM, spare=os.getpid())
        raise session.TerminatedError(128 + signal.SIGTERM)

    signal.signal(signal.SIGHUP, orphaned)
    signal.signal(signal.SIGTERM, terminated)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGHUP, 0, 0, 0)
    if os.getsid(0) == os.getpid():
        guard.post(parent)
        session.adopt()
    if os.getppid() != parent:
        end_all()
    make_private()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()


def main() -> int:
    """Serve the host at the other end of the inherited socket."""
    collection.loading()
    end = socket.socket(fileno=int(sys.argv[1]))
    end.set_inheritable(False)
    _tie(int(sys.argv[2]))
    try:
        return Worker(Channel(end)).serve()
    except BrokenPipeError:
        return 1
    finally:
        _end_family()


if __name__ == "__main__":
    raise SystemExit(main())
