"""Painting: pure functions (painter, look, level of detail, shape, what to show); they decide nothing.

Canvas, minimap, image export and snapshots all paint through these. ``lod`` is the scale at which
things appear: below :data:`TEXT_FROM` no text, below :data:`FAR` the view paints the whole flow
itself with :func:`far` in a few calls. Shapes come from ``core/layout.py``, in scene pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Literal

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen, QPixmap

from pypeline.canvas import plates
from pypeline.canvas.look import Look, rect
from pypeline.core import geometry as g
from pypeline.core.figures import elide
from pypeline.core.layout import Card
from pypeline.resources import theme

FAR = 0.35
GRID_STEP = 24.0
FAR_TEXT = 20.0
TEXT_FROM = 0.5

Glow = Literal["", "fits", "near"]


@dataclass(frozen=True, slots=True)
class Face:
    """What a card says. ``foot`` is its one line, ``fraction`` 0..1 the progress of a running module,
    ``badge`` the number of problems and ``grave`` whether one of them is an error."""

    name: str
    type: str
    foot: str = ""
    state: str = ""
    reason: str = ""
    fraction: float | None = None
    badge: int = 0
    grave: bool = False
    enabled: bool = True
    bypass: bool = False


@dataclass(frozen=True, slots=True)
class Tag:
    """A count on a link: a strong first line and a quiet second one."""

    box: g.Box
    text: str
    note: str = ""


def card(
    painter: QPainter, look: Look, lod: float, shape: Card, face: Face, *, selected: bool = False, hover: bool = False, glow: Mapping[str, Glow] | None = None
) -> None:
    """A module's card at its box."""
    box = rect(shape.box)
    if lod < FAR:
        painter.fillRect(box, look.kind[shape.kind])
        return
    near, edge = lod >= TEXT_FROM, _edge(shape, face, selected=selected, hover=hover)
    painter.setOpacity(1.0 if face.enabled else 0.5)
    what = edge, near, face.name, face.type, face.state, face.reason
    plates.draw(painter, look, shape, what, lambda made: _still(made, look, edge, shape, face, near=near))
    if near:
        _foot(painter, look, shape, face)
    if face.fraction is not None or face.state == "running":
        _progress(painter, look, box, face.fraction)
    if glow:
        _ports(painter, look, shape, glow)
    if face.badge:
        _badge(painter, look, box, face)
    painter.setOpacity(1.0)


def body(painter: QPainter, look: Look, lod: float, shape: Card, face: Face, *, selected: bool = False, hover: bool = False) -> None:
    """The card's body alone, which many have alike."""
    _body(painter, look, _edge(shape, face, selected=selected, hover=hover), shape, near=lod >= TEXT_FROM)


def _body(painter: QPainter, look: Look, edge: str, shape: Card, *, near: bool) -> None:
    plates.draw(painter, look, shape, (edge, near), lambda made: plates.body(made, look, edge, shape, near=near))


def _edge(shape: Card, face: Face, *, selected: bool, hover: bool) -> str:
    """What a card's edge looks like."""
    if selected:
        return "selected"
    if face.state == "running":
        return "running"
    if face.state == "failed" or face.grave:
        return "failed"
    if hover:
        return shape.kind
    return "dashed" if shape.kind == "unknown" or not face.enabled else "line"


def _still(painter: QPainter, look: Look, edge: str, shape: Card, face: Face, *, near: bool) -> None:
    """All of a card that stays as it is while its module works."""
    _body(painter, look, edge, shape, near=near)
    if near:
        _head(painter, look, shape, face)
    else:
        _name(painter, look, shape, face)
    if face.state:
        plates.sign(painter, look, shape.box.x + g.SIGN[0], shape.box.y + g.SIGN[1], face.state, face.reason)


def _head(painter: QPainter, look: Look, shape: Card, face: Face) -> None:
    x, y = shape.box.x, shape.box.y
    painter.setPen(look.text)
    painter.setFont(look.name_font)
    room = g.NAME_ROOM if face.state else g.TYPE_ROOM
    painter.drawText(QPointF(x + g.TEXT_LEFT, y + g.NAME_BASE), elide(face.name, room, theme.TEXT_SIZE, strong=True))
    painter.setPen(look.muted)
    painter.setFont(look.type_font)
    painter.drawText(QPointF(x + g.TEXT_LEFT, y + g.TYPE_BASE), elide(face.type, g.TYPE_ROOM, theme.SMALL_SIZE))


def _name(painter: QPainter, look: Look, shape: Card, face: Face) -> None:
    """From a middle distance: beside the icon the name alone, large."""
    box = shape.box
    painter.setPen(QPen(look.failure) if face.state == "failed" else look.text)
    painter.setFont(look.far_font)
    place = QRectF(box.x + 50, box.y, box.width - 58, box.height)
    painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, elide(face.name, place.width(), FAR_TEXT, strong=True))


def _foot(painter: QPainter, look: Look, shape: Card, face: Face) -> None:
    x, bottom = shape.box.x, shape.box.bottom
    text = "bypassed" if face.bypass else "disabled" if not face.enabled else face.foot
    painter.setPen(QPen(look.failure) if face.state == "failed" else look.muted)
    painter.setFont(look.mono_font)
    painter.drawText(QPointF(x + 10, bottom - 6.5), elide(text, g.FOOT_ROOM, theme.SMALL_SIZE, mono=True))


def _progress(painter: QPainter, look: Look, box: QRectF, fraction: float | None) -> None:
    width = box.width() - 16
    share = 0.35 if fraction is None else min(1.0, max(0.02, fraction))
    painter.fillRect(QRectF(box.x() + 8, box.bottom() - 2.5, width * share, 2.5), look.accent)


def _ports(painter: QPainter, look: Look, shape: Card, glow: Mapping[str, Glow]) -> None:
    """The ports that a link may end at, lit."""
    for port, side in [*((p, "in") for p in shape.inputs), *((p, "out") for p in shape.outputs)]:
        lit = glow.get(f"{side}:{port.name}", "")
        if not lit:
            continue
        colour = look.failure if port.reject else look.kind[shape.kind]
        radius = g.PORT_RADIUS + (2.0 if lit == "near" else 1.0)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QBrush(look.soft(colour, 0.28)))
        painter.drawEllipse(QPointF(*port.at), radius + 5.0, radius + 5.0)
        painter.setPen(QPen(colour, 1.8))
        painter.setBrush(QBrush(colour))
        painter.drawEllipse(QPointF(*port.at), radius, radius)
    painter.setBrush(look.panel)


def _badge(painter: QPainter, look: Look, box: QRectF, face: Face) -> None:
    colour = look.failure if face.grave else look.kind["sink"]
    painter.setPen(QPen(look.panel.color(), 1.5))
    painter.setBrush(QBrush(colour))
    spot = QRectF(box.right() - 9, box.y() - 8, 17, 17)
    painter.drawEllipse(spot)
    painter.setPen(QPen(look.panel.color()))
    painter.setFont(look.title_font)
    painter.drawText(spot, Qt.AlignmentFlag.AlignCenter, str(face.badge) if face.badge < 10 else "9+")


def link(
    painter: QPainter,
    look: Look,
    lod: float,
    path: QPainterPath,
    kind: str,
    *,
    reject: bool = False,
    width: float = 1.8,
    selected: bool = False,
    faded: bool = False,
) -> None:
    """A data link's curve in the colour of what flows."""
    if lod < FAR:
        painter.setPen(look.far_link)
        painter.drawLine(QLineF(path.pointAtPercent(0), path.pointAtPercent(1)))
        return
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if selected:
        painter.setPen(QPen(look.halo.color(), width + 6))
        painter.drawPath(path)
    painter.setPen(look.link_pen(kind, width, reject=reject, faded=faded))
    painter.drawPath(path)


def tag(painter: QPainter, look: Look, lod: float, shape: Tag) -> None:
    """The count on a link."""
    if lod < TEXT_FROM:
        return
    box = rect(shape.box)
    painter.setPen(look.line)
    painter.setBrush(look.panel)
    painter.drawRoundedRect(box, 5, 5)
    painter.setFont(look.mono_font)
    painter.setPen(look.text)
    if shape.note:
        half = box.height() / 2
        _mono(painter, look, box.center().x(), box.y() + 1 + half / 2, shape.text)
        painter.setPen(look.muted)
        _mono(painter, look, box.center().x(), box.y() - 1 + half * 1.5, shape.note)
    else:
        _mono(painter, look, box.center().x(), box.center().y(), shape.text)


def _mono(painter: QPainter, look: Look, x: float, y: float, text: str) -> None:
    """Figures around x, y; said where they begin, they take two thirds of the time that centring them takes."""
    painter.drawText(QPointF(x - len(text) * look.mono_wide / 2, y + look.mono_drop), text)


def grid(painter: QPainter, look: Look, lod: float, exposed: QRectF) -> None:
    """The dotted background, one tile repeated; gone where dots would run together."""
    if lod < 0.6:
        painter.fillRect(exposed, look.canvas)
        return
    # one row of dots is made and then repeated; dots lie on whole device pixels, so that they stay sharp
    transform, ratio = painter.transform(), painter.device().devicePixelRatio()
    step = GRID_STEP * transform.m11()
    area = transform.mapRect(exposed).toAlignedRect()
    dot = look.dot_print(ratio)
    size = dot.width() / ratio
    row = QPixmap(ceil(area.width() * ratio), dot.height())
    row.setDevicePixelRatio(ratio)
    row.fill(look.canvas)
    across = QPainter(row)
    for n in range(floor((area.left() - transform.dx() - size) / step), ceil((area.right() + 1 - transform.dx()) / step) + 1):
        across.drawPixmap(QPointF(round((n * step + transform.dx() - area.left()) * ratio) / ratio, 0), dot)
    across.end()
    painter.save()
    painter.resetTransform()
    painter.fillRect(area, look.canvas)
    for n in range(floor((area.top() - transform.dy() - size) / step), ceil((area.bottom() + 1 - transform.dy()) / step) + 1):
        painter.drawPixmap(QPointF(area.left(), round((n * step + transform.dy()) * ratio) / ratio), row)
    painter.restore()


def far(
    painter: QPainter,
    look: Look,
    frames: Iterable[QRectF],
    lines: Iterable[tuple[str, QPainterPath]],
    cards: Iterable[tuple[str, Sequence[QRectF]]],
    marked: Iterable[QRectF] = (),
) -> None:
    """A whole flow seen from far, in a handful of calls: ``lines`` and ``cards`` with the names of their colours."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(look.frame)
    painter.drawRects(list(frames))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for name, path in lines:
        painter.setPen(QPen(QColor(name), 0))
        painter.drawPath(path)
    painter.setPen(Qt.PenStyle.NoPen)
    for name, boxes in cards:
        painter.setBrush(QBrush(QColor(name)))
        painter.drawRects(boxes)
    painter.setPen(QPen(look.accent, 0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRects(list(marked))
