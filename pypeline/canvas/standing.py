"""What stands where: the items of an area, found without asking Qt, which calls every item it considers."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar, cast

from PySide6.QtCore import QRectF

from pypeline.canvas.items.control_item import ControlItem
from pypeline.canvas.items.frame_item import FrameItem
from pypeline.canvas.items.link_item import LinkItem
from pypeline.canvas.items.module_item import ModuleItem

_CELL = 512
_MOST = 64
"""What touches more cells than that is asked itself, wherever one looks."""

Item = TypeVar("Item")


class Cells(Generic[Item]):
    """Items with their ids by the cells of a grid that their areas touch, in the order in which they first came."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], dict[Hashable, tuple[int, float, float, float, float, Item]]] = {}
        self._wide: dict[Hashable, tuple[int, float, float, float, float, Item]] = {}
        self._touched: dict[Hashable, list[tuple[int, int]]] = {}
        self._numbers: dict[Hashable, int] = {}

    def put(self, id: Hashable, item: Item, area: QRectF) -> None:
        """Have ``item`` stand in ``area``, and no longer where it stood; nowhere if that is empty."""
        for cell in self._touched.pop(id, ()):
            del self._cells[cell][id]
        self._wide.pop(id, None)
        if area.isEmpty():
            return
        edges = _edges(area)
        lies = self._numbers.setdefault(id, len(self._numbers)), *edges, item
        touched = _touched(edges)
        if len(touched) > _MOST:
            self._wide[id] = lies
            return
        self._touched[id] = touched
        for cell in touched:
            lying = self._cells.get(cell)
            if lying is None:
                lying = self._cells[cell] = {}
            lying[id] = lies

    def within(self, area: QRectF) -> list[Item]:
        """The items that an area touches, in order."""
        found: dict[int, Item] = {}
        edges = left, top, right, lower = _edges(area)
        for lying in (self._wide, *(self._cells[cell] for cell in _touched(edges) if cell in self._cells)):
            for number, x, y, across, down, item in lying.values():
                if x < right and left < across and y < lower and top < down:
                    found[number] = item
        return [found[number] for number in sorted(found)]

    def about(self, area: QRectF) -> set[Hashable]:
        """The ids of all items that an area touches, and some that stand near it: much quicker than :meth:`within` where they are many."""
        return set(self._wide).union(*(self._cells[cell] for cell in _touched(_edges(area)) if cell in self._cells))


def _edges(area: QRectF) -> tuple[float, float, float, float]:
    """Left, top, right and lower edge, in one call."""
    return cast("tuple[float, float, float, float]", area.getCoords())


def _touched(edges: tuple[float, float, float, float]) -> list[tuple[int, int]]:
    """The cells that an area touches."""
    left, top, right, lower = (int(edge // _CELL) for edge in edges)
    if left == right and top == lower:
        return [(left, top)]
    return [(column, row) for column in range(left, right + 1) for row in range(top, lower + 1)]


class Standing:
    """Frames, lines and counts of links, cards and control links by where they stand, each kind in its order."""

    def __init__(self) -> None:
        self.frames, self.lines, self.tags = Cells[FrameItem](), Cells[LinkItem](), Cells[LinkItem]()
        self.cards, self.controls = Cells[ModuleItem](), Cells[ControlItem]()

    def put_card(self, card: ModuleItem) -> None:
        """Have a card stand where it is now."""
        self.cards.put(card.card.id, card, card.sceneBoundingRect())

    def put_link(self, link: LinkItem) -> None:
        """Have a link, and its count, stand where they are now."""
        self.lines.put(link.shape_data.id, link, link.line_area)
        self.put_tag(link)

    def put_tag(self, link: LinkItem) -> None:
        """Have a link's count stand where it is now."""
        self.tags.put(link.shape_data.id, link, link.tag_area)
