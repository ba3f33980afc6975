"""Timing frames: a frame counts when the viewport has really painted. Milliseconds; medians and 95th percentiles."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QObject


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

    def settle(self) -> None:
        """Let everything waiting happen."""
        for _ in range(3):
            self._app.processEvents()

    def time(self, do: Callable[[int], Any], count: int) -> dict[str, float]:
        """``do(i)`` until it is painted, ``count`` times."""
        taken: list[float] = []
        for i in range(count):
            before, start = self.painted, time.perf_counter()
            do(i)
            while self.painted == before and time.perf_counter() - start < 0.25:
                self._app.processEvents()
            self.missed += self.painted == before
            taken.append((time.perf_counter() - start) * 1000)
        taken.sort()
        return {"median": round(statistics.median(taken), 2), "p95": round(taken[min(len(taken) - 1, int(0.95 * len(taken)))], 2)}
