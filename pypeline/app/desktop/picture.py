"""A flow as PNG, drawn without a screen by the painters of the window."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication

from pypeline.canvas.document import Document
from pypeline.canvas.look import look
from pypeline.canvas.scene import FlowScene
from pypeline.core.catalogue import Catalogue
from pypeline.core.watch import Watch
from pypeline.runner.store import atomic
from pypeline.schema.flow import Flow
from pypeline.schema.problems import Place, Problem, PypeError

MARGIN = 24.0
LARGEST = 30_000
"""Pixels on a side; a larger flow is drawn smaller."""


def write_png(flow: Flow, catalogue: Catalogue, path: Path, theme: str = "light", scale: float = 2.0, watch: Watch | None = None) -> None:
    """Draw ``flow`` (with the states of ``watch``) into the PNG at ``path``.

    Raises:
        PypeError: PYE491 the scale is no positive number; PYE503, PYE504 it cannot be written.
    """
    if not 0 < scale <= 8:
        raise PypeError(Problem("PYE491", f"a scale of {scale:g} cannot be drawn", Place(str(path)), "Give a number above 0, up to 8.", phase="run"))
    if QApplication.instance() is None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        _applications.append(QApplication(sys.argv[:1]))
    document = Document(flow, catalogue)
    if watch is not None:
        document.learn(watch=watch)
    tint = look(theme)
    scene = FlowScene(document, tint)
    area = scene.flow_box().marginsAdded(QMarginsF(MARGIN, MARGIN, MARGIN, MARGIN))
    scale = min(scale, LARGEST / max(1.0, area.width(), area.height()))
    image = QImage(max(1, round(area.width() * scale)), max(1, round(area.height() * scale)), QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(QColor(tint.canvas))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    scene.render(painter, QRectF(0, 0, image.width(), image.height()), area)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    atomic.write_bytes(path, bytes(buffer.data().data()))


_applications: list[QApplication] = []
"""Qt wants its application to live as long as the process."""
