"""Plates: a card's body, painted once for a kind, an edge and a scale, and then copied."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPen, QPixmap

from pypeline.canvas.look import Look, icon_path
from pypeline.core import geometry as g
from pypeline.resources import icons

MARGIN = 8.0
"""Around the body, for shadow and halo."""
_MOST = 512


def plate(look: Look, edge: str, width: float, height: float, scale: float, kind: str, icon: str) -> QPixmap:
    """The body of a card at ``scale`` device pixels per scene pixel, with a margin around it."""
    key = (edge, width, height, scale, kind, icon)
    made = look.plates.get(key)
    if made is None:
        if len(look.plates) >= _MOST:
            look.plates.clear()
        made = look.plates[key] = QPixmap(max(1, round((width + 2 * MARGIN) * scale)), max(1, round((height + 2 * MARGIN) * scale)))
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.scale(made.width() / (width + 2 * MARGIN), made.height() / (height + 2 * MARGIN))
        painter.translate(MARGIN, MARGIN)
        _paint(painter, look, edge, width, height, kind, icon)
        painter.end()
    return made


def _paint(painter: QPainter, look: Look, edge: str, width: float, height: float, kind: str, name: str) -> None:
    """A card's body at the origin, with the icon ``name`` on its tile if given."""
    box = QRectF(0, 0, width, height)
    if name:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QBrush(look.shadow))
        painter.drawRoundedRect(box.translated(0, 2), 9, 9)
    if edge == "selected":
        painter.setPen(look.halo)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box, 9, 9)
    edges = {"line": look.line, "selected": look.selected, "running": look.selected, "failed": look.failed, "dashed": look.dashed}
    painter.setPen(edges.get(edge) or look.kind_pen[edge])
    painter.setBrush(look.panel)
    painter.drawRoundedRect(box, 8, 8)
    if name:
        left, top, size = g.TILE
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.tile[kind])
        painter.drawRoundedRect(QRectF(left, top, size, size), 6, 6)
        painter.setPen(look.line)
        painter.drawLine(QLineF(1, height - g.FOOT_HEIGHT, width - 1, height - g.FOOT_HEIGHT))
        _icon(painter, name, left + (size - icons.SIZE) / 2, top + (size - icons.SIZE) / 2, look.icon_pen[kind])


def _icon(painter: QPainter, name: str, x: float, y: float, stroke: QPen) -> None:
    """An icon with its top left at x, y."""
    painter.save()
    painter.translate(x, y)
    painter.setPen(stroke)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(icon_path(name))
    painter.restore()
