"""When the garbage collector looks, which costs time, and finds nothing in what was loaded to stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

LOADING, WORKING = 200_000, 10_000
"""New objects between two looks, while a process loads what it needs and when it works."""


def loading() -> None:
    """Look seldom: imports and plans make tens of thousands of objects that stay."""
    gc.set_threshold(LOADING, 50, 100)


def loaded() -> None:
    """All that is here stays. From now on only what is new is looked through."""
    gc.freeze()
    gc.set_threshold(WORKING, 50, 100)


@contextmanager
def paused() -> Iterator[None]:
    """No cyclic collection inside: all that is built is kept, and looking for garbage doubles the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
