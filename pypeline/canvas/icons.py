"""Icons for widgets: our path data stroked in one colour, sharp at every scale."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QIcon, QIconEngine, QPainter, QPen, QPixmap

from pypeline.canvas.look import Look, icon_path
from pypeline.resources import icons


class _Engine(QIconEngine):
    """Paints an icon, on its tile if it has one, at whatever size is asked for."""

    def __init__(self, name: str, colour: QColor, tile: QColor | None, off: QColor) -> None:
        super().__init__()
        self.name, self.colour, self.tile, self.off = name, colour, tile, off
        self._made: dict[tuple[int, int, QIcon.Mode], QPixmap] = {}

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        inset = 0.0
        if self.tile is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QBrush(self.tile))
            painter.drawRoundedRect(QRectF(rect), rect.width() * 0.25, rect.width() * 0.25)
            inset = rect.width() * 0.17
        scale = (rect.width() - 2 * inset) / icons.SIZE
        painter.translate(rect.x() + inset, rect.y() + inset)
        painter.scale(scale, scale)
        colour = self.off if mode == QIcon.Mode.Disabled else self.colour
        painter.setPen(QPen(colour, icons.STROKE, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(icon_path(self.name))
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        # what floats over the canvas is painted with every frame of it
        key = size.width(), size.height(), mode
        made = self._made.get(key)
        if made is not None:
            return made
        made = self._made[key] = QPixmap(size)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return made

    def clone(self) -> QIconEngine:
        return _Engine(self.name, self.colour, self.tile, self.off)


def icon(name: str, kind: str, look: Look) -> QIcon:
    """A module type's icon on its tile in the colour of its kind."""
    return QIcon(_Engine(name, look.kind[kind], look.tile[kind].color(), QColor(look.theme.muted)))


def brand(look: Look) -> QIcon:
    """The project's sign: white on a tile in the accent colour."""
    return QIcon(_Engine("logo", QColor(look.theme.on_accent), QColor(look.theme.accent), QColor(look.theme.on_accent)))


def plain(name: str, look: Look, colour: str = "") -> QIcon:
    """An icon without a tile, in the text colour or another."""
    return QIcon(_Engine(name, QColor(colour or look.theme.text), None, QColor(look.theme.muted)))
