"""A worker as a copy of its runner: a fork that has everything imported which both need.

Starting an interpreter and importing the same modules once more costs 0.2 s of a processor, more than
many a flow's work. A copy can only be made of a process in which nothing else goes on: one thread, no
event loop. It gives up what its runner holds (streams, files, session) before it works.
"""

from __future__ import annotations

import gc
import io
import os
import sys
import threading
import traceback
from dataclasses import dataclass
from typing import IO, NoReturn

from pypeline.runner.leaving import leave


@dataclass
class Copy:
    """The process as its parent sees it, like :class:`subprocess.Popen`."""

    pid: int
    stdout: IO[bytes]
    stderr: IO[bytes]
    returncode: int | None = None


def possible() -> bool:
    """Whether this process may be copied: alone with itself, and of UTF-8, as every worker is."""
    loops = sys.modules.get("asyncio")
    in_loop = loops is not None and loops._get_running_loop() is not None
    return threading.active_count() == 1 and not in_loop and sys.getfilesystemencoding() == "utf-8"


def copy(end: int) -> Copy:
    """A copy of this process that serves as a worker at the socket ``end``.

    Raises:
        OSError: the system gives no process.
    """
    parent = os.getpid()
    out, err = os.pipe(), os.pipe()
    try:
        pid = os.fork()
    except OSError:
        for pipe in (*out, *err):
            os.close(pipe)
        raise
    if not pid:
        _work(end, out[1], err[1], parent)
    os.close(out[1])
    os.close(err[1])
    return Copy(pid, os.fdopen(out[0], "rb", 0), os.fdopen(err[0], "rb", 0))


def _work(end: int, out: int, err: int, parent: int) -> NoReturn:
    code = 1
    try:
        gc.freeze()
        os.setsid()
        _own_streams(end, out, err)
        os.environ["PYTHONUNBUFFERED"] = "1"
        if not sys.flags.safe_path:
            # the folder that the runner was started in, or that of its script
            del sys.path[0]
        sys.argv = ["pypeline.runner.worker", str(end), str(parent)]
        from pypeline.runner import worker

        code = worker.main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        leave(code)


def _own_streams(end: int, out: int, err: int) -> None:
    for fd, number in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
        os.dup2(fd, number)
    os.closerange(3, end)
    os.closerange(end + 1, os.sysconf("SC_OPEN_MAX"))
    # as of an interpreter that is told not to buffer
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.FileIO(0, closefd=False), "utf-8")  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8", "surrogateescape", write_through=True)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), "utf-8", "backslashreplace", write_through=True)  # type: ignore[misc]
