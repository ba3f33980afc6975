"""What a hand carries: cards that are dragged, with their links. A view paints it anew in every frame, on what
it keeps of the rest."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QGraphicsItem

from pypeline.canvas.far import FarShapes
from pypeline.canvas.items.link_item import LinkItem
from pypeline.canvas.items.module_item import ModuleItem

MOST = 40
"""So many cards are carried; where more are dragged at once, it is cheaper to paint what they pass."""
_ABOVE, _AMONG = 4.0, 2.0
"""The height of a card that is carried, above control links, and of all others."""


class Carried:
    """The ``items`` that stand in no sheet; ``far`` has their shapes from far."""

    def __init__(self) -> None:
        self.cards: Sequence[ModuleItem] = ()
        self.links: Sequence[LinkItem] = ()
        self.far = FarShapes()
        self.items: frozenset[QGraphicsItem] = frozenset()

    def take(self, cards: Sequence[ModuleItem], links: Sequence[LinkItem]) -> None:
        """Carry these, and nothing else."""
        for card in self.cards:
            card.setZValue(_AMONG)
        for card in cards:
            card.setZValue(_ABOVE)
        self.cards, self.links, self.items = cards, links, frozenset((*cards, *links))
        self.far.clear()

    def within(self, area: QRectF) -> tuple[list[ModuleItem], list[LinkItem]]:
        """Cards and links of which an area of the scene shows something."""
        cards = [item for item in self.cards if item.sceneBoundingRect().intersects(area)]
        return cards, [item for item in self.links if item.boundingRect().intersects(area)]
