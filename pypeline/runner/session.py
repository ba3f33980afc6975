"""Ending a worker with everything it started: all processes of its session, also in groups of their own.

A worker leads a session, so its number names all its descendants even after it has gone; only a
process that makes a session of its own leaves it.
"""

from __future__ import annotations

import os
import signal

_ROUNDS = 10
"""Looks at the process table: what is killed may have started something meanwhile."""


class TerminatedError(SystemExit):
    """This process was told to end (SIGTERM); a module's own ``sys.exit`` is never this."""


def members(session: int) -> list[int]:
    """The processes of ``session`` that have not ended."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        # after the command's name: state, parent, group, session
        if int(fields[3]) == session and fields[0] not in "ZX":
            found.append(int(name))
    return found


def tell(session: int, sign: signal.Signals, *, spare: int = 0) -> bool:
    """Send ``sign`` to every process of ``session`` but ``spare``; whether there was any."""
    told = False
    for pid in members(session):
        if pid == spare:
            continue
        try:
            os.kill(pid, sign)
            told = True
        except ProcessLookupError:
            continue
    return told


def end(session: int, *, spare: int = 0) -> None:
    """Kill every process of ``session`` but ``spare``."""
    for _ in range(_ROUNDS):
        if not tell(session, signal.SIGKILL, spare=spare):
            return
