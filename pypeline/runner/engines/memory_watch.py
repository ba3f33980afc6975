"""Keeps the memory of a module's processes under the limit that was asked for.

What counts is what nobody else could have instead: anonymous and shared memory of the worker and
of all that it started, not the pages of files. The kernel is asked every 50 ms; where pages are
shared with a forked child they are counted once.
"""

from __future__ import annotations

import asyncio
import glob
from collections.abc import Callable, Iterator

EVERY = 0.05
"""Seconds between two looks."""


class MemoryWatch:
    """Calls ``over(bytes)``, once, when process ``pid`` and its descendants hold more than ``most`` bytes."""

    def __init__(self, pid: int, most: int, over: Callable[[int], None]) -> None:
        self._pid = pid
        self._most = most
        self._over = over
        self._timer = asyncio.get_running_loop().call_later(EVERY, self._look)

    def cancel(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        found = held(self._pid, self._most)
        if found > self._most:
            self._over(found)
        else:
            self._timer = asyncio.get_running_loop().call_later(EVERY, self._look)


def held(pid: int, enough: int = 0) -> int:
    """Bytes that ``pid`` and its descendants hold. Up to ``enough`` it may be more than that: shared pages counted twice."""
    pids = [pid, *_descendants(pid)]
    quick = sum(_sum(f"/proc/{one}/status", ("RssAnon:", "RssShmem:")) for one in pids)
    if quick <= enough or len(pids) == 1:
        return quick
    return sum(_sum(f"/proc/{one}/smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")) for one in pids)


def _descendants(pid: int) -> Iterator[int]:
    # a child belongs to the thread that started it
    for listed in glob.iglob(f"/proc/{pid}/task/*/children"):
        try:
            with open(listed, encoding="ascii") as children:
                found = [int(child) for child in children.read().split()]
        except (OSError, ValueError):
            continue
        for child in found:
            yield child
            yield from _descendants(child)


def _sum(file: str, keys: tuple[str, ...]) -> int:
    try:
        with open(file, encoding="ascii", errors="replace") as lines:
            return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(keys))
    except OSError:
        return 0
