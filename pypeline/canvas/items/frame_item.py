"""A sub flow's frame on the canvas."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPainterPath
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from pypeline.canvas import paint_control
from pypeline.canvas.items.spoiling import spoil
from pypeline.canvas.look import Look, rect
from pypeline.core.layout import Frame, Loop


class FrameItem(QGraphicsItem):
    """Shows ``frame``, of a sub flow or of a loop, with its title; only its head line can be pressed, so that
    clicks inside reach the canvas."""

    HEAD = 32.0

    def __init__(self, frame: Frame | Loop, look: Look) -> None:
        super().__init__()
        self.frame = frame
        self.look = look
        self.note = ""
        self.state = ""
        self.setZValue(0 if isinstance(frame, Frame) else -1)

    def boundingRect(self) -> QRectF:
        return rect(self.frame.box).adjusted(-2, -2, 2, 2)

    def shape(self) -> QPainterPath:
        path = QPainterPath()
        box = self.frame.boxes[0] if isinstance(self.frame, Loop) else self.frame.box
        path.addRect(QRectF(box.x, box.y, box.width, self.HEAD))
        return path

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        self.draw(painter)

    def draw(self, painter: QPainter) -> None:
        """Paint in scene coordinates."""
        lod = painter.worldTransform().m11()
        if isinstance(self.frame, Loop):
            paint_control.loop(painter, self.look, lod, self.frame, self.note, self.state)
        else:
            paint_control.frame(painter, self.look, lod, self.frame, self.note, self.state)

    def show_look(self, look: Look) -> None:
        """Be painted in another look."""
        self.look = look

    def show_frame(self, frame: Frame | Loop) -> None:
        """Stand as ``frame`` says."""
        if frame != self.frame:
            spoil(self, self.boundingRect(), ground=True)
            self.prepareGeometryChange()
            self.frame = frame
            spoil(self, self.boundingRect(), ground=True)

    def show_state(self, state: str, note: str) -> None:
        """Say how the sub flow is doing."""
        if (state, note) != (self.state, self.note):
            self.state, self.note = state, note
            spoil(self, self.boundingRect(), ground=True)
