"""Timing frames: a frame counts when the viewport has really painted. Milliseconds of clock and of processor.

The clock says what a person waits; the processor's time says the same on a machine that others use too.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QObject

LONGEST = 0.25
"""Seconds to wait for a paint that does not come; it counts as missed."""


class Frames(QObject):
    """Counts the paint events of one viewport and times what causes them."""

    def __init__(self, app: Any, viewport: Any) -> None:
        super().__init__()
        self._app, self._viewport = app, viewport
        self.painted = 0
        self.missed = 0
        viewport.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.painted += 1
        return False

    def settle(self, seconds: float = 0.3) -> None:
        """Let everything waiting happen, also what waits for a moment of rest."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self._app.processEvents()
            time.sleep(0.002)

    def time(self, do: Callable[[int], Any], count: int, most: float = 30.0, rest: float = 0.0) -> dict[str, float]:
        """``do(i)`` until it is painted, ``count`` times or for ``most`` seconds, after ``rest`` seconds each."""
        taken: list[float] = []
        used: list[float] = []
        began = time.perf_counter()
        for i in range(count):
            self.settle(rest)
            before, start, cpu = self.painted, time.perf_counter(), time.process_time()
            do(i)
            while self.painted == before and time.perf_counter() - start < LONGEST:
                self._app.processEvents()
            self.missed += self.painted == before
            taken.append((time.perf_counter() - start) * 1000)
            used.append((time.process_time() - cpu) * 1000)
            if time.perf_counter() - began > most:
                break
        return {
            "median": round(statistics.median(taken), 2),
            "p95": _high(taken),
            "cpu": round(statistics.median(used), 2),
            "cpu p95": _high(used),
        }


def _high(values: list[float]) -> float:
    return round(sorted(values)[min(len(values) - 1, int(0.95 * len(values)))], 2)
