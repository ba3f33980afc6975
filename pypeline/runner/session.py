"""Ending a worker with everything it started: all processes of its session, also in groups of their own.

A worker leads a session, so its number names what it started even after it has gone. A process that makes
a session of its own is found by its descent, as long as the worker lives.
"""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_CHILD_SUBREAPER = 36
_ROUNDS = 10
"""Looks at the process table: what is killed may have started something meanwhile."""


class TerminatedError(SystemExit):
    """This process was told to end (SIGTERM); a module's own ``sys.exit`` is never this."""


def members(session: int) -> list[int]:
    """The processes of ``session`` that have not ended: those in it and, while its leader lives, all that descend from
    the leader, which adopts them (:func:`adopt`). The leader itself comes last."""
    everybody = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    found = {pid for pid in everybody if _session_of(pid) == session}
    if not found:
        # who has left it is known by those in it only; and to ask for the session alone is a tenth of the work
        return []
    states = {pid: state for pid in everybody if (state := _state(pid))}
    found &= states.keys()
    children: dict[int, list[int]] = {}
    for pid, (_, parent) in states.items():
        children.setdefault(parent, []).append(pid)
    waiting = list(found)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return sorted((pid for pid in found if states[pid][0] not in "ZX"), key=lambda pid: pid == session)


def _session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def _state(pid: int) -> tuple[str, int] | None:
    """State and parent of a process; None where it has ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as stat:
            # these two follow the command's name
            state, parent = stat.read().rpartition(b")")[2].split(None, 2)[:2]
    except OSError:
        return None
    return state.decode(), int(parent)


def adopt() -> None:
    """From now on this process is the parent of what descends from it and loses its own: so nothing leaves its family
    by a session of its own and a parent that ends."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


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
