"""`pype designer`: starts the window on a flow, or on an empty one."""

from __future__ import annotations

import asyncio
import faulthandler
import signal
import sys
from pathlib import Path

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from pypeline.app.desktop import asking, files, loop, style
from pypeline.app.desktop.files import OpenFile
from pypeline.app.desktop.window import FlowWindow


def start(path: Path | None, theme: str = "") -> int:
    """Open the window; returns when it is closed.

    Raises:
        PypeError: the flow at ``path`` cannot be read.
    """
    file: OpenFile = files.open_flow(path) if path is not None else files.new_flow()
    QGuiApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    if not isinstance(app, QApplication):
        raise RuntimeError("a Qt application without windows is running already")
    app.setApplicationName("PYpeline")
    app.setOrganizationName("pypeline")
    settings = QSettings()
    chosen = theme or str(settings.value("theme", "")) or _system_theme(app)
    style.apply(app, chosen)
    faulthandler.enable()

    windows: list[FlowWindow] = []

    def report(line: str, detail: str) -> None:
        print(detail, file=sys.stderr)
        if windows:
            asking.tell(windows[0], "Something went wrong inside PYpeline", f"{line}\n\nYour flow is safe; you can go on and save it.")

    async def main() -> int:
        window = FlowWindow(file, chosen, settings)
        windows.append(window)
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def end() -> None:
            if not ended.done():
                ended.set_result(0)

        window.closed.connect(end)
        for sign in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(sign, window.close_at_once)
        window.show()
        window.board.view.start()
        return await ended

    return loop.run(app, main, report)


def _system_theme(app: QApplication) -> str:
    dark = app.styleHints().colorScheme() == Qt.ColorScheme.Dark
    return "dark" if dark else "light"
