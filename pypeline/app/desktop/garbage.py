"""Collecting garbage in the window's thread only.

Python collects cycles in whichever thread allocates when a threshold is passed. A Qt object that
dies in another thread leaves its timers behind, and the next tick crashes the process (seen: a flow
was replaced while a worker thread was checking the next one). So the collector rests, and a timer
of the window's thread does its work.
"""

from __future__ import annotations

import gc
from types import TracebackType

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 1000


class WindowCollector(QObject):
    """While entered, cycles are collected by a timer of this thread, generation by generation."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self.collect)
        self._was_on = False

    def __enter__(self) -> WindowCollector:
        self._was_on = gc.isenabled()
        gc.disable()
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._timer.stop()
        if self._was_on:
            gc.enable()

    def collect(self) -> None:
        """Collect the oldest generation whose threshold has been passed."""
        counts, thresholds = gc.get_count(), gc.get_threshold()
        for generation in (2, 1, 0):
            if counts[generation] > thresholds[generation]:
                gc.collect(generation)
                return
