"""A control link on the canvas: dotted, with its valve in a pill."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPainterPath, QPainterPathStroker
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from pypeline.canvas import paint_control
from pypeline.canvas.items.spoiling import spoil
from pypeline.canvas.look import Look, curve_path, rect
from pypeline.core import geometry as g
from pypeline.core.control_shapes import NOTE_ROOM, ControlShape, Note
from pypeline.schema.flow import ControlLink


class ControlItem(QGraphicsItem):
    """Shows ``link`` as ``data`` says; ``state`` is '', 'open' or 'closed' in the run being watched."""

    def __init__(self, link: ControlLink, data: ControlShape, look: Look) -> None:
        super().__init__()
        self.link = link
        self.look = look
        self.chosen = False
        self.state = ""
        self.note: Note | None = None
        self._set_shape(data)
        self.setZValue(3)

    def _set_shape(self, data: ControlShape) -> None:
        self.data_shape = data
        self.path = curve_path(data.curve)
        around = rect(data.pill).adjusted(-NOTE_ROOM - 20, -g.PILL_HEIGHT, NOTE_ROOM + 20, g.PILL_HEIGHT)
        self._box = rect(g.curve_box(data.curve)).united(around).adjusted(-10, -10, 10, 10)

    def boundingRect(self) -> QRectF:
        return self._box

    def shape(self) -> QPainterPath:
        stroker = QPainterPathStroker()
        stroker.setWidth(12)
        outline = stroker.createStroke(self.path)
        outline.addRect(rect(self.data_shape.pill))
        return outline

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        self.draw(painter)
        self.draw_mark(painter)

    def draw_mark(self, painter: QPainter) -> None:
        """Paint the sign where the link leaves."""
        paint_control.control_mark(painter, self.look, painter.worldTransform().m11(), self.data_shape, state=self.state)

    def draw(self, painter: QPainter) -> None:
        """Paint in scene coordinates."""
        paint_control.control(
            painter, self.look, painter.worldTransform().m11(), self.data_shape, self.path, selected=self.chosen, state=self.state, note=self.note
        )

    def show_look(self, look: Look) -> None:
        """Be painted in another look."""
        self.look = look

    def show_shape(self, link: ControlLink, data: ControlShape) -> None:
        """Run as ``data`` says, for ``link``."""
        self.link = link
        if data != self.data_shape:
            spoil(self, self._box)
            self.prepareGeometryChange()
            self._set_shape(data)
            spoil(self, self._box)

    def show_state(self, state: str, reason: str = "", note: Note | None = None) -> None:
        """Look open, closed or undecided; say why it stayed closed, by ``note`` where there is room for it."""
        if (state, note) != (self.state, self.note):
            self.state, self.note = state, note
            self.setToolTip(f"{self.data_shape.text}  {state}{': ' + reason.replace('_', ' ') if reason else ''}" if state else self.data_shape.text)
            spoil(self, self._box)

    def choose(self, chosen: bool) -> None:
        """Be, or be no longer, among the selected."""
        if chosen != self.chosen:
            self.chosen = chosen
            spoil(self, self._box)
