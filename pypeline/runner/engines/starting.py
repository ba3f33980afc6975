"""Starting a worker process, as a new interpreter or as a copy of this one.

It needs no loop: whoever will serve the worker (:mod:`pypeline.runner.engines.process`) can get ready
while it warms up on another core.
"""

from __future__ import annotations

import os
import resource
import socket
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from pypeline.runner.engines import copies, machine
from pypeline.runner.protocol import VERSION, encode
from pypeline.schema.problems import Problem, PypeError
from pypeline.schema.record import record

_kept_back: set[str] = set()


@record
class Started:
    """A worker's process (:class:`subprocess.Popen`, or a :class:`copies.Copy`) that nobody serves yet, and our end of
    the socket to it. ``given`` are the environment variables that it knows; ``peak_rss`` (bytes) is what this process
    had held, and ``ooms`` how often the kernel had killed something for want of memory, when it was started."""

    process: Any
    socket: socket.socket
    given: frozenset[str]
    peak_rss: int
    ooms: int

    @property
    def knows_secrets(self) -> bool:
        """Whether it was given a variable of the environment that a plan has called secret since then."""
        return not _kept_back.isdisjoint(self.given)


def keep_back(names: Iterable[str]) -> None:
    """From now on give no worker of this process these environment variables."""
    _kept_back.update(names)


def start(*, warm: Sequence[str] = (), gpus: Sequence[str] = (), copied: bool = False) -> Started:
    """Start a worker that imports ``warm`` ahead (names as :meth:`Operations.warm` knows them); with ``gpus`` it and all
    it starts see these devices only. ``copied``: as a copy of this process, which must be one that can be copied
    (:mod:`pypeline.runner.engines.copies`).

    Raises:
        PypeError: PYE451, the system gives no process.
    """
    ours, theirs = socket.socketpair()
    try:
        process: Any = copies.copy(theirs.fileno()) if copied else _interpreter(theirs.fileno(), gpus)
    except OSError as error:
        ours.close()
        message = f"no worker process can be started: {error.strerror}"
        raise PypeError(Problem("PYE451", message, mend="Free some memory or processes and run again.", phase="run")) from error
    finally:
        theirs.close()
    ours.setblocking(False)
    with suppress(OSError):  # it may have gone already: whoever serves it will hear of that
        ours.send(encode({"op": "hello", "version": VERSION, "warm": list(warm)}))
    given = frozenset(os.environ) - (frozenset() if copied else _kept_back)
    return Started(process, ours, given, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, machine.oom_kills())


def _interpreter(end: int, gpus: Sequence[str]) -> Any:
    """A new interpreter that serves as a worker at the socket ``end``."""
    import subprocess

    return subprocess.Popen(
        [sys.executable, "-P", "-X", "utf8", "-m", "pypeline.runner.worker", str(end), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        pass_fds=[end],
        start_new_session=True,
        env={
            **{name: value for name, value in os.environ.items() if name not in _kept_back},
            "PYTHONUNBUFFERED": "1",
            **({"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {}),
        },
    )
