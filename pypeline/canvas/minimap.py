"""The minimap: the whole flow small, and the part in sight; press to look there."""

from __future__ import annotations

from time import thread_time

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QBrush, QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from pypeline.canvas.look import Look
from pypeline.canvas.view import FlowView

WIDTH, HEIGHT = 136, 84
_LATER, _REST = 120, 30.0
"""Before the shapes are painted again: milliseconds at least, and how many times as long as painting them took."""


class Minimap(QWidget):
    """Stands in a corner of the view; hidden while all of the flow is in sight anyway."""

    def __init__(self, view: FlowView) -> None:
        super().__init__(view)
        self._view = view
        self.setFixedSize(WIDTH, HEIGHT)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        # nothing shines through it, so that the view below need not be painted with it
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent, True)
        # shapes change with every event of a run; the small picture of them need not
        self._picture: QPixmap | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_LATER)
        self._soon.timeout.connect(self._draw_again)
        view.looked.connect(self.refresh)
        view.flow_scene.shapes_changed.connect(self._changed)
        view.flow_scene.touched.connect(self._changed)
        view.flow_scene.news.connect(self._changed)

    def refresh(self) -> None:
        """Stand in the corner and paint again, if it is of use."""
        area = self._view.flow_scene.flow_box()
        self.setVisible(not area.isEmpty() and not self._view.seen().contains(area))
        self.move(self._view.width() - WIDTH - 16, self._view.height() - HEIGHT - 16)
        self.update()

    def _changed(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _draw_again(self) -> None:
        self._picture = None
        self.refresh()

    def _fit(self) -> tuple[float, QPointF]:
        """The scale, and where the flow's top left is painted."""
        area = self._view.flow_scene.flow_box()
        scale = min((WIDTH - 16) / max(1.0, area.width()), (HEIGHT - 16) / max(1.0, area.height()))
        left = (WIDTH - area.width() * scale) / 2 - area.x() * scale
        top = (HEIGHT - area.height() * scale) / 2 - area.y() * scale
        return scale, QPointF(left, top)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = self._view.flow_scene.look
        if self._picture is None:
            began = thread_time()
            self._picture = self._draw(look)
            self._soon.setInterval(max(_LATER, round(1000 * _REST * (thread_time() - began))))
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        scale, origin = self._fit()
        painter.setClipRect(QRectF(4, 4, WIDTH - 8, HEIGHT - 8))
        painter.translate(origin)
        painter.scale(scale, scale)
        tint = QColor(look.accent)
        tint.setAlphaF(0.08)
        painter.setPen(QPen(look.accent, 0))
        painter.setBrush(QBrush(tint))
        painter.drawRect(self._view.seen())
        painter.end()

    def _draw(self, look: Look) -> QPixmap:
        """The frame and all shapes, without the part in sight."""
        ratio = self.devicePixelRatioF()
        made = QPixmap(round(WIDTH * ratio), round(HEIGHT * ratio))
        made.setDevicePixelRatio(ratio)
        made.fill(look.canvas)
        painter = QPainter(made)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(look.line)
        painter.setBrush(look.panel)
        painter.drawRoundedRect(QRectF(0.5, 0.5, WIDTH - 1, HEIGHT - 1), 8, 8)
        scale, origin = self._fit()
        painter.setClipRect(QRectF(4, 4, WIDTH - 8, HEIGHT - 8))
        painter.translate(origin)
        painter.scale(scale, scale)
        scene = self._view.flow_scene
        for shapes in (scene.far_now(), scene.carried.far):
            shapes.paint(painter, look, scene.flow_box(), lines=False)
        painter.end()
        return made

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._look_at(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._look_at(event)

    def _look_at(self, event: QMouseEvent) -> None:
        scale, origin = self._fit()
        point = (event.position() - origin) / scale
        self._view.centerOn(point)
        self._view.looked.emit()
