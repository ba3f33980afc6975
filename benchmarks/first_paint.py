"""A window's start, seen from inside: ``python -m benchmarks.first_paint BEGAN [FLOW]``.

Runs `pype designer` as it is and ends when the canvas has been painted for the first time; prints the
seconds since ``BEGAN`` (the parent's clock before the process was started) and this process's own.
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication


class FirstPaint(QObject):
    """Waits for the canvas to be painted."""

    def __init__(self, began: float) -> None:
        super().__init__()
        self._began = began
        self._seen = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not self._seen and event.type() == QEvent.Type.Paint and watched.parent() is not None and type(watched.parent()).__name__ == "FlowView":
            self._seen = True
            # after this paint event, and whatever is painted with it, comes the timer
            QTimer.singleShot(0, self._tell)
        return False

    def _tell(self) -> None:
        heavy = sorted(name for name in ("dask", "duckdb", "numpy", "pandas", "pyarrow", "sqlglot") if name in sys.modules)
        print(json.dumps({"wall": time.time() - self._began, "cpu": time.process_time(), "heavy": heavy}), flush=True)
        os._exit(0)


def main() -> None:
    """Open the window."""
    app = QApplication(["pype"])
    watcher = FirstPaint(float(sys.argv[1]))
    app.installEventFilter(watcher)
    from pypeline.app.cli.main import main as pype

    pype(["designer", *sys.argv[2:]])


if __name__ == "__main__":
    main()
