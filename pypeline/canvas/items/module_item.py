"""A module's card on the canvas: one item that paints itself, without child items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter, QPainterPath
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from pypeline.canvas import paint
from pypeline.canvas.items.spoiling import spoil
from pypeline.canvas.look import Look, rect
from pypeline.canvas.paint import Face, Glow
from pypeline.core import geometry as g
from pypeline.core.layout import Card, Port

if TYPE_CHECKING:
    from pypeline.canvas.items.link_item import LinkItem

_REACH = 10.0
"""How far from a port's middle a press still means the port."""


class ModuleItem(QGraphicsItem):
    """Shows ``card`` with ``face``. Its position is (0, 0) except while it is dragged; then it is the
    offset from where the document says the card stands. ``links`` are the link items that hang on it."""

    def __init__(self, card: Card, face: Face, look: Look) -> None:
        super().__init__()
        self.card = card
        self.face = face
        self.look = look
        self.links: list[LinkItem] = []
        self.chosen = False
        self.glow: dict[str, Glow] = {}
        self.hovered = False
        self._bounds = rect(card.box).adjusted(-12, -12, 12, 12)
        self.setAcceptHoverEvents(False)
        self.setZValue(2)

    def boundingRect(self) -> QRectF:
        return self._bounds

    def shape(self) -> QPainterPath:
        path = QPainterPath()
        path.addRect(rect(self.card.box).adjusted(-_REACH, 0, _REACH, 0))
        return path

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        self.draw(painter, option.levelOfDetailFromTransform(painter.worldTransform()))

    def draw(self, painter: QPainter, lod: float) -> None:
        """Paint the card where the document says that it stands."""
        paint.card(painter, self.look, lod, self.card, self.face, selected=self.chosen, hover=self.hovered, glow=self.glow)

    def draw_body(self, painter: QPainter, lod: float) -> None:
        """Paint only the body."""
        paint.body(painter, self.look, lod, self.card, self.face, selected=self.chosen, hover=self.hovered)

    def _changed(self) -> None:
        """Look different: paint again."""
        spoil(self, self.sceneBoundingRect())

    def show_card(self, card: Card) -> None:
        """Stand and look as ``card`` says."""
        if card != self.card:
            self._changed()
            self.prepareGeometryChange()
            self.card = card
            self._bounds = rect(card.box).adjusted(-12, -12, 12, 12)
            self._changed()

    def show_face(self, face: Face) -> None:
        """Say what ``face`` says."""
        if face != self.face:
            self.face = face
            self._changed()

    def choose(self, chosen: bool) -> None:
        """Be, or be no longer, among the selected."""
        if chosen != self.chosen:
            self.chosen = chosen
            self._changed()

    def hover(self, hovered: bool) -> None:
        """Be, or be no longer, under the pointer."""
        if hovered != self.hovered:
            self.hovered = hovered
            self._changed()

    def show_look(self, look: Look) -> None:
        """Be painted in another look."""
        self.look = look

    def light(self, glow: dict[str, Glow]) -> None:
        """Light the ports a dragged link may end at, by ``in:name`` or ``out:name``."""
        if glow != self.glow:
            self.glow = glow
            self._changed()

    def port_at(self, point: QPointF) -> tuple[str, Port] | None:
        """The side (``in`` or ``out``) and port under a scene point."""
        here = point - self.pos()
        for side, ports in (("in", self.card.inputs), ("out", self.card.outputs)):
            for port in ports:
                if abs(here.x() - port.at[0]) <= _REACH and abs(here.y() - port.at[1]) <= _REACH * 0.85:
                    return side, port
        return None

    def place_of(self, side: str, name: str) -> g.Point:
        """The scene point of a port, with a drag's offset."""
        ports = self.card.inputs if side == "in" else self.card.outputs
        found = next((p for p in ports if p.name == name), None)
        x, y = found.at if found else (self.card.box.x, self.card.box.middle[1])
        return x + self.pos().x(), y + self.pos().y()
