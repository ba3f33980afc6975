"""Stopping a run: politely first, hard the second time; by signal or by a button.

Ctrl-C, SIGTERM and SIGHUP are the same wish. Whoever runs a flow listens; exit codes are the shell's.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

Kind = Literal["polite", "hard"]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignal:
    """A wish to stop, which may grow. With ``signals`` the process's signals wish as well. ``told`` hears of
    every wish before those that act on it."""

    def __init__(self, *, signals: bool = False, told: Callable[[Kind], None] | None = None) -> None:
        self.kind: Kind | None = None
        self.signal: signal.Signals | None = None
        self._signals = signals
        self._listeners = [] if told is None else [told]

    @property
    def exit_code(self) -> int:
        """What a process that was stopped this way ends with: 130 for Ctrl-C or a button, 143 for TERM."""
        return 128 + (self.signal or signal.SIGINT)

    def request(self, kind: Kind | None = None) -> None:
        """Wish to stop: ``polite`` at first, ``hard`` when asked again or meant so."""
        wanted: Kind = kind or ("polite" if self.kind is None else "hard")
        if self.kind in (wanted, "hard"):
            return
        self.kind = wanted
        for listener in tuple(self._listeners):
            listener(wanted)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Catch signals meanwhile, where they are wishes."""
        loop = asyncio.get_running_loop()
        for sign in SIGNALS if self._signals else ():
            loop.add_signal_handler(sign, self._caught, sign)
        try:
            yield
        finally:
            for sign in SIGNALS if self._signals else ():
                loop.remove_signal_handler(sign)

    @contextmanager
    def heard_by(self, listener: Callable[[Kind], None]) -> Iterator[None]:
        """Have ``listener`` told of every wish, also of one that came earlier."""
        self._listeners.append(listener)
        try:
            if self.kind is not None:
                listener(self.kind)
            yield
        finally:
            self._listeners.remove(listener)

    def _caught(self, sign: signal.Signals) -> None:
        self.signal = self.signal or signal.Signals(sign)
        self.request()
