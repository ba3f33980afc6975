"""Plates: what many cards have alike, painted once for a scale and then copied: bodies with their ports, and signs."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPen, QPixmap

from pypeline.canvas.look import Look, icon_path
from pypeline.core import geometry as g
from pypeline.core.layout import Card
from pypeline.resources import icons

MARGIN = 8.0
"""Around the body, for shadow, halo and ports."""
_MOST = 512
_SIGN = g.SIGN_RADIUS + 0.5


def draw_body(painter: QPainter, look: Look, edge: str, shape: Card, *, near: bool) -> None:
    """The body of a card with its icon and ports, where it stands; with all its parts as seen from ``near``, else
    little more than the icon, and that large."""
    x, y, width, height = shape.box.x, shape.box.y, shape.box.width, shape.box.height
    ports = tuple((port.at[0] - x, port.at[1] - y, port.reject) for port in (*shape.inputs, *shape.outputs))

    def paint(made: QPainter) -> None:
        _body(made, look, edge, width, height, shape.kind, near=near)
        if near:
            left, top, size = g.TILE
            _icon(made, shape.icon, left + size / 2, top + size / 2, 1.0, look.icon_pen[shape.kind])
        else:
            size = min(height - 24, 30.0)
            _icon(made, shape.icon, 12 + size / 2, height / 2, size / icons.SIZE, look.icon_pen[shape.kind])
        for left, top, reject in ports:
            made.setPen(QPen(look.failure if reject else look.kind[shape.kind], 1.8))
            made.setBrush(look.panel)
            made.drawEllipse(QPointF(left, top), g.PORT_RADIUS, g.PORT_RADIUS)

    area = QRectF(-MARGIN, -MARGIN, width + 2 * MARGIN, height + 2 * MARGIN)
    _copy(painter, look, (edge, width, height, shape.kind, shape.icon, ports, near), x, y, area, paint)


def draw_sign(painter: QPainter, look: Look, x: float, y: float, state: str, reason: str) -> None:
    """A state's sign around x, y: colour *and* shape."""
    area = QRectF(-_SIGN, -_SIGN, 2 * _SIGN, 2 * _SIGN)
    _copy(painter, look, (state, reason), x, y, area, lambda made: _sign(made, look, state, reason))


def _copy(painter: QPainter, look: Look, what: Hashable, x: float, y: float, area: QRectF, paint: Callable[[QPainter], None]) -> None:
    """Copy to x, y what ``paint`` paints around the origin, within ``area``."""
    scale = round(painter.worldTransform().m11() * painter.device().devicePixelRatio(), 4)
    key = what, scale
    made = look.plates.get(key)
    if made is None:
        if len(look.plates) >= _MOST:
            look.plates.clear()
        made = look.plates[key] = QPixmap(max(1, round(area.width() * scale)), max(1, round(area.height() * scale)))
        made.fill(Qt.GlobalColor.transparent)
        own = QPainter(made)
        own.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        own.scale(made.width() / area.width(), made.height() / area.height())
        own.translate(-area.topLeft())
        paint(own)
        own.end()
    painter.drawPixmap(area.translated(x, y), made, QRectF(made.rect()))


def _body(painter: QPainter, look: Look, edge: str, width: float, height: float, kind: str, *, near: bool) -> None:
    """A card's body at the origin."""
    box = QRectF(0, 0, width, height)
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
        painter.drawRoundedRect(QRectF(left, top, size, size), 6, 6)
        painter.setPen(look.line)
        painter.drawLine(QLineF(1, height - g.FOOT_HEIGHT, width - 1, height - g.FOOT_HEIGHT))


def _sign(painter: QPainter, look: Look, state: str, reason: str) -> None:
    """A state's sign around the origin."""
    colour = look.state_colour(state, reason)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(look.soft(colour, 0.18)))
    painter.drawEllipse(QPointF(0, 0), g.SIGN_RADIUS, g.SIGN_RADIUS)
    fill = QBrush(colour) if state == "running" else QBrush(Qt.BrushStyle.NoBrush)
    stroke = QPen(colour, 1.9, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    _icon(painter, icons.sign_of(state, reason), 0, 0, 0.8, stroke, fill)


def _icon(painter: QPainter, name: str, x: float, y: float, scale: float, stroke: QPen, fill: QBrush | Qt.BrushStyle = Qt.BrushStyle.NoBrush) -> None:
    """An icon around x, y."""
    painter.save()
    painter.translate(x - icons.SIZE * scale / 2, y - icons.SIZE * scale / 2)
    painter.scale(scale, scale)
    painter.setPen(stroke)
    painter.setBrush(fill)
    painter.drawPath(icon_path(name))
    painter.restore()
