"""The near painter: what an area of a scene shows, in one pass instead of a call from Qt for each item.

The ground is what seldom looks different: grid, frames and links. On top stand counts, cards and control links.
What is carried stands in neither: its links are painted between them, its cards above them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import thread_time

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem

from pypeline.canvas import paint
from pypeline.canvas.items.link_item import LinkItem
from pypeline.canvas.items.module_item import ModuleItem
from pypeline.canvas.scene import FlowScene

GROUND_SECONDS = 0.004
"""Time for painting in one frame what is spoilt of the ground; the rest of it waits for the next."""
CARD_SECONDS = 0.012
"""Time for painting cards in one frame; of those that come after it only bodies are painted."""
_ASKED = 8
"""So many cards are painted between two looks at the clock of the thread, which costs as much as painting one."""
_HALO = 8.0
"""How far a line's stroke may reach from its middle."""


class Budget:
    """The time of this thread that one frame has for something; the clock is looked at every ``asked``-th time."""

    def __init__(self, seconds: float, asked: int = 1) -> None:
        self._until, self._every = thread_time() + seconds, asked
        self._asked = 0
        self._spent = False

    def spent(self) -> bool:
        """Whether nothing is left."""
        if not (self._spent or self._asked % self._every):
            self._spent = thread_time() >= self._until
        self._asked += 1
        return self._spent


def card_budget() -> Budget:
    """The time of a frame for cards."""
    return Budget(CARD_SECONDS, _ASKED)


def paint_ground(painter: QPainter, scene: FlowScene, area: QRectF) -> None:
    """Paint the ground of an area (scene coordinates): grid, frames and links. Thin lines of one look are
    stroked as a single path, each other one by itself."""
    lod = painter.worldTransform().m11()
    paint.grid(painter, scene.look, lod, area)
    wide = area.adjusted(-_HALO, -_HALO, _HALO, _HALO)
    thin: dict[tuple[str, bool, float], QPainterPath] = {}
    rest: list[LinkItem] = []
    for frame in scene.standing.frames.within(area):
        frame.draw(painter)
    for link in scene.standing.lines.within(area):
        # a long curve costs much wherever it is clipped; most only pass by
        if link.path.intersects(wide) and link not in scene.carried.items:
            if link.is_plain(lod):
                thin.setdefault(link.pen_key, QPainterPath()).addPath(link.path)
            else:
                rest.append(link)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for (kind, reject, width), path in thin.items():
        painter.setPen(scene.look.link_pen(kind, width, reject=reject))
        painter.drawPath(path)
    for link in rest:
        link.draw(painter, lod)


def paint_top(painter: QPainter, scene: FlowScene, area: QRectF, budget: Budget) -> Sequence[QRectF]:
    """Paint what stands on the ground of an area: counts, cards, control links. Cards beyond the
    ``budget`` are painted as bodies only; the areas where they stand are returned."""
    lod = painter.worldTransform().m11()
    carried = scene.carried.items
    if lod >= paint.TEXT_FROM:
        for link in scene.standing.tags.within(area):
            if link not in carried:
                link.draw_tag(painter, lod)
    owed = _cards(painter, lod, [card for card in scene.standing.cards.within(area) if card not in carried], budget)
    controls = scene.standing.controls.within(area)
    for control in controls:
        control.draw(painter)
    for control in controls:
        control.draw_mark(painter)
    return owed


def paint_carried_links(painter: QPainter, scene: FlowScene, area: QRectF) -> None:
    """Paint the carried links of an area."""
    for link in scene.carried.within(area)[1]:
        link.draw(painter, painter.worldTransform().m11())


def paint_carried_cards(painter: QPainter, scene: FlowScene, area: QRectF) -> None:
    """Paint the carried cards of an area, and the counts of the links that are carried with them."""
    lod = painter.worldTransform().m11()
    cards, links = scene.carried.within(area)
    for link in links:
        link.draw_tag(painter, lod)
    _cards(painter, lod, cards, card_budget())


def _cards(painter: QPainter, lod: float, cards: Iterable[ModuleItem], budget: Budget) -> list[QRectF]:
    """Paint cards, each whole within the ``budget``; where those stand of which only the body is painted."""
    owed: list[QRectF] = []
    for card in cards:
        offset = card.pos()
        painter.translate(offset)
        if not budget.spent():
            card.draw(painter, lod)
        else:
            card.draw_body(painter, lod)
            owed.append(card.sceneBoundingRect())
        painter.translate(-offset)
    return owed


def paint_over(painter: QPainter, items: Iterable[QGraphicsItem]) -> None:
    """Paint what a gesture shows, from any distance."""
    option = QStyleOptionGraphicsItem()
    for item in items:
        item.paint(painter, option)
