"""Check boxes in the colours of the look: the base style's are hardly seen on a dark panel."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QCheckBox, QStyle, QStyleOptionButton

from pypeline.canvas.look import Look
from pypeline.resources import theme

SIZE = 14


def paint_check(painter: QPainter, box: QRect, look: Look, *, on: bool, focus: bool = False) -> None:
    """A check box of :data:`SIZE` in the middle of ``box``."""
    t = look.theme
    square = QRectF(0, 0, SIZE, SIZE)
    square.moveCenter(QRectF(box).center())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    edge = t.accent if on or focus else theme.mix(t.muted, t.panel, 0.7)
    painter.setPen(QPen(QColor(edge), 1.5 if focus else 1.0))
    painter.setBrush(QColor(t.accent if on else t.panel))
    painter.drawRoundedRect(square, 3.5, 3.5)
    if on:
        painter.setPen(QPen(QColor(t.on_accent), 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        at = square.topLeft()
        painter.drawPolyline(QPolygonF([at + QPointF(3.4, 7.2), at + QPointF(6.0, 9.8), at + QPointF(10.6, 4.6)]))
    painter.restore()


class CheckBox(QCheckBox):
    """A check box painted with :func:`paint_check`."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionButton()
        self.initStyleOption(option)
        square = self.style().subElementRect(QStyle.SubElement.SE_CheckBoxIndicator, option, self)
        words = self.style().subElementRect(QStyle.SubElement.SE_CheckBoxContents, option, self)
        painter = QPainter(self)
        paint_check(painter, square, self._look, on=self.isChecked(), focus=self.hasFocus())
        painter.setPen(QColor(self._look.theme.text if self.isEnabled() else self._look.theme.muted))
        text = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, words.width())
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()
