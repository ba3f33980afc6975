"""What control looks like: valves on their links, frames of sub flows and loops. Pure functions of what they are given."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen, QPolygonF

from pypeline.canvas.look import Look, icon_path, rect
from pypeline.canvas.paint import FAR, TEXT_FROM
from pypeline.core import geometry as g
from pypeline.core.control_shapes import Note
from pypeline.core.figures import elide, width
from pypeline.core.layout import ControlShape, Frame, Loop
from pypeline.resources import icons, theme

_DASHES = {"iterate": [3.0, 1.6, 0.2, 1.6], "start": [5.0, 2.4]}
_MARKS = {"iterate": "reused", "start": "run"}


def control(
    painter: QPainter, look: Look, lod: float, shape: ControlShape, path: QPainterPath, *, selected: bool = False, state: str = "", note: Note | None = None
) -> None:
    """A control link: dotted, with an arrow and the valve in a pill; where it starts its target for every row,
    or without waiting for it, dashed and with a sign where it leaves. ``state`` is '', 'open' or 'closed', and
    ``note`` what a run says of it."""
    colour = look.failure if shape.error else look.kind["solo"]
    if state == "closed":
        colour = QColor(look.theme.muted)
    made = QPen(colour, 2.4 if state == "open" else 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
    if lod < FAR:
        made.setWidth(0)
        painter.setPen(made)
        painter.drawLine(QLineF(path.pointAtPercent(0), path.pointAtPercent(1)))
        return
    # the way that a run took is drawn through; what it did not take stays dotted or dashed
    if state == "open":
        made.setStyle(Qt.PenStyle.SolidLine)
    else:
        made.setDashPattern(_DASHES.get(shape.trigger, [0.2, 2.2]))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(made)
    painter.drawPath(path)
    end = path.pointAtPercent(1)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(colour))
    painter.drawPolygon(QPolygonF([QPointF(*p) for p in g.arrow_head((end.x(), end.y()), shape.way)]))
    box = rect(shape.pill)
    if selected:
        painter.setPen(look.halo)
        painter.drawRoundedRect(box, 10, 10)
    painter.setPen(QPen(colour, 1.4))
    painter.setBrush(look.panel if lod >= TEXT_FROM else QBrush(look.soft(colour, 0.35)))
    painter.drawRoundedRect(box, 10, 10)
    if lod >= TEXT_FROM:
        painter.setFont(look.mono_font)
        painter.setPen(QPen(colour))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, elide(shape.text, shape.pill.width - 10, theme.SMALL_SIZE, mono=True))
        if note is not None:
            painter.setPen(look.muted)
            painter.setFont(look.type_font)
            painter.drawText(rect(note.box), Qt.AlignmentFlag.AlignCenter, note.text)


def control_mark(painter: QPainter, look: Look, lod: float, shape: ControlShape, *, state: str = "") -> None:
    """The sign of an iterate or start link where it leaves its source; painted after all links."""
    name = _MARKS.get(shape.trigger)
    if name is None or lod < FAR:
        return
    middle, colour = QPointF(*shape.mark), QColor(look.theme.muted) if state == "closed" else look.kind["solo"]
    painter.setPen(QPen(colour, 1.4))
    painter.setBrush(look.panel)
    painter.drawEllipse(middle, g.MARK_RADIUS, g.MARK_RADIUS)
    painter.save()
    painter.translate(middle.x() - icons.SIZE * 0.35, middle.y() - icons.SIZE * 0.35)
    painter.scale(0.7, 0.7)
    painter.setPen(QPen(colour, 2.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(icon_path(name))
    painter.restore()


def loop(painter: QPainter, look: Look, lod: float, shape: Loop, note: str = "", state: str = "") -> None:
    """The dashed frame of what an iterate link runs for every row, with how many passes are over."""
    colour = look.failure if state == "failed" else look.accent if state == "running" else look.kind["solo"]
    edge = QPen(colour, 1.4)
    edge.setDashPattern([6.0, 4.0])
    painter.setPen(edge if lod >= FAR else Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(look.soft(look.kind["solo"], 0.05)))
    for part in shape.boxes:
        painter.drawRoundedRect(rect(part), 14, 14)
    if lod < TEXT_FROM:
        return
    box = rect(shape.boxes[0])
    line = QRectF(box.x() + 16, box.y() + 4, box.width() - 32, 18)
    painter.setFont(look.title_font)
    painter.setPen(QPen(colour))
    note = elide(note, line.width() * 0.5, theme.SMALL_SIZE, mono=True)
    title = elide(shape.title, line.width() - (width(note, theme.SMALL_SIZE, mono=True) + 12 if note else 0), 11.0, strong=True)
    painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
    painter.setFont(look.mono_font)
    painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, note)


def frame(painter: QPainter, look: Look, lod: float, shape: Frame, note: str = "", state: str = "") -> None:
    """A sub flow's soft frame with number, title and what it is doing."""
    box = rect(shape.box)
    edge = QPen(look.failure, 1.2) if state == "failed" else look.selected if state == "running" else look.frame_line
    painter.setPen(edge if lod >= FAR else Qt.PenStyle.NoPen)
    painter.setBrush(look.frame)
    painter.drawRoundedRect(box, 10, 10)
    if lod < TEXT_FROM:
        return
    painter.setFont(look.title_font)
    painter.setPen(look.muted)
    line = QRectF(box.x() + 14, box.y() + 8, box.width() - 28, 18)
    # the title has what the words at the right leave
    note = elide(note, line.width() * 0.5, theme.SMALL_SIZE)
    room = line.width() - (width(note, theme.SMALL_SIZE) + 12 if note else 0)
    title = elide(f"{shape.number}  {shape.title}", room, 11.0, strong=True)
    painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
    painter.setFont(look.type_font)
    painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, note)
