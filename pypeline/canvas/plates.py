"""Plates: what is seen again and again, painted once for a scale and then copied: cards with all that changes seldom."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from math import ceil

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPen, QPixmap

from pypeline.canvas.look import Look, icon_path, rect
from pypeline.core import geometry as g
from pypeline.core.layout import Card
from pypeline.resources import icons

MARGIN = 8.0
"""Around the body, for shadow, halo and ports."""


def draw(painter: QPainter, look: Look, shape: Card, what: Hashable, paint: Callable[[QPainter], None]) -> None:
    """Show what ``paint`` paints of a card where it stands. ``what`` says all that makes it differ from another card's,
    apart from its size, kind, icon and ports."""
    x, y, width, height = shape.box
    ports = tuple((port.at[0] - x, port.at[1] - y, port.reject) for port in (*shape.inputs, *shape.outputs))
    world, ratio = painter.worldTransform(), painter.device().devicePixelRatio()
    scale = world.m11()
    key = what, width, height, shape.kind, shape.icon, ports, round(scale * ratio, 4)
    made = look.plates.get(key)
    if made is None:
        # a little larger, since it is copied to whole pixels: stretching it there would take twice as long and look worse
        made = QPixmap(ceil((width + 2 * MARGIN) * scale * ratio), ceil((height + 2 * MARGIN) * scale * ratio))
        made.setDevicePixelRatio(ratio)
        made.fill(Qt.GlobalColor.transparent)
        own = QPainter(made)
        own.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        own.scale(scale, scale)
        own.translate(MARGIN - x, MARGIN - y)
        paint(own)
        own.end()
        look.plates.keep(key, made)
    left, top = round(((x - MARGIN) * scale + world.dx()) * ratio), round(((y - MARGIN) * scale + world.dy()) * ratio)
    painter.setWorldMatrixEnabled(False)
    painter.drawPixmap(QPointF(left / ratio, top / ratio), made)
    painter.setWorldMatrixEnabled(True)


def body(painter: QPainter, look: Look, edge: str, shape: Card, *, near: bool) -> None:
    """A card's body with its icon and ports; with all its parts as seen from ``near``, else little more than the
    icon, and that large."""
    x, y, _, height = shape.box
    _panel(painter, look, edge, rect(shape.box), shape.kind, near=near)
    if near:
        left, top, size = g.TILE
        _icon(painter, shape.icon, x + left + size / 2, y + top + size / 2, 1.0, look.icon_pen[shape.kind])
    else:
        size = min(height - 24, 30.0)
        _icon(painter, shape.icon, x + 12 + size / 2, y + height / 2, size / icons.SIZE, look.icon_pen[shape.kind])
    for port in (*shape.inputs, *shape.outputs):
        painter.setPen(QPen(look.failure if port.reject else look.kind[shape.kind], 1.8))
        painter.setBrush(look.panel)
        painter.drawEllipse(QPointF(*port.at), g.PORT_RADIUS, g.PORT_RADIUS)


def _panel(painter: QPainter, look: Look, edge: str, box: QRectF, kind: str, *, near: bool) -> None:
    if near:
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
    if near:
        left, top, size = g.TILE
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.tile[kind])
        painter.drawRoundedRect(QRectF(box.x() + left, box.y() + top, size, size), 6, 6)
        painter.setPen(look.line)
        foot = box.bottom() - g.FOOT_HEIGHT
        painter.drawLine(QLineF(box.left() + 1, foot, box.right() - 1, foot))


def sign(painter: QPainter, look: Look, x: float, y: float, state: str, reason: str) -> None:
    """A state's sign around x, y: colour *and* shape."""
    colour = look.state_colour(state, reason)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(look.soft(colour, 0.18)))
    painter.drawEllipse(QPointF(x, y), g.SIGN_RADIUS, g.SIGN_RADIUS)
    fill = QBrush(colour) if state == "running" else QBrush(Qt.BrushStyle.NoBrush)
    stroke = QPen(colour, 1.9, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    _icon(painter, icons.sign_of(state, reason), x, y, 0.8, stroke, fill)


def _icon(painter: QPainter, name: str, x: float, y: float, scale: float, stroke: QPen, fill: QBrush | Qt.BrushStyle = Qt.BrushStyle.NoBrush) -> None:
    """An icon around x, y."""
    painter.save()
    painter.translate(x - icons.SIZE * scale / 2, y - icons.SIZE * scale / 2)
    painter.scale(scale, scale)
    painter.setPen(stroke)
    painter.setBrush(fill)
    painter.drawPath(icon_path(name))
    painter.restore()
