"""The guard: a second pair of eyes on a worker, in a process of its own.

A worker that is stuck in C with the interpreter's lock hears nothing, neither the end of its
runner nor a signal; one that is killed cannot end what it started. The guard waits for the end of
either and then kills the worker's whole session. It is forked before the worker has a thread or
has read an order, holds no end of any pipe, and is nobody's child: module code that waits for its
own children never meets it.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal

from pypeline.runner import session

_PR_SET_NAME = 15


def post(runner: int) -> None:
    """Post a guard over this process and over process ``runner``, which must still live."""
    try:
        watched = [os.pidfd_open(runner), os.pidfd_open(os.getpid())]
    except OSError:
        # an old kernel: then the death signal and the end of the socket must do
        return
    worker = os.getpid()
    middle = os.fork()
    if not middle:
        try:
            if not os.fork():
                _watch(worker, watched)
        finally:
            os._exit(0)
    os.waitpid(middle, 0)
    for fd in watched:
        os.close(fd)


def _watch(worker: int, watched: list[int]) -> None:
    try:
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, signal.SIG_IGN)
        # still of the worker's session, but not of a group that module code may signal
        os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(_PR_SET_NAME, b"pype-guard", 0, 0, 0)
        first, second = sorted(watched)
        os.closerange(0, first)
        os.closerange(first + 1, second)
        os.closerange(second + 1, os.sysconf("SC_OPEN_MAX"))
        ends = select.poll()
        for fd in watched:
            ends.register(fd, select.POLLIN)
        ends.poll()
        session.end(worker, spare=os.getpid())
    finally:
        os._exit(0)
