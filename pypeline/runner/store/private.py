"""What a worker writes for itself is private; what a sink writes is the user's.

A worker runs under umask 077, so that spill, hand-over and scratch files are nobody else's. The
umask that the user had is remembered here for the files that a sink publishes.
"""

from __future__ import annotations

import os

PRIVATE_UMASK = 0o077
_kept: list[int] = []


def make_private() -> None:
    """Set this process's umask to 077 and remember the one it had."""
    before = os.umask(PRIVATE_UMASK)
    if not _kept:
        _kept.append(before)


def user_umask() -> int:
    """The umask of the person who started the run."""
    if _kept:
        return _kept[0]
    current = os.umask(PRIVATE_UMASK)
    os.umask(current)
    return current
