"""What stands where: the items of an area, found without asking Qt, which calls every item it considers."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar, cast

from PySide6.QtCore import QRectF

from pypeline.canvas.items.control_item import ControlItem
from pypeline.canvas.items.frame_item import FrameItem
from pypeline.canvas.items.link_item import LinkItem
from pypeline.canvas.items.module_item import ModuleItem

_CELL = 512.0

Item = TypeVar("Item", bound=Hashable)


def _edges(area: QRectF) -> tuple[float, float, float, float]:
    """Left, top, right and lower edge, in one call."""
    return cast("tuple[float, float, float, float]", area.getCoords())


class Cells(Generic[Item]):
    """Items by the cells of a grid that their areas touch, in the order in which they first came."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], dict[Item, tuple[int, float, float, float, float]]] = {}
        self._touched: dict[Item, list[tuple[int, int]]] = {}
        self._numbers: dict[Item, int] = {}

    def put(self, item: Item, area: QRectF) -> None:
        """Have ``item`` stand in ``area``, and no longer where it stood; nowhere if that is empty."""
        for cell in self._touched.pop(item, ()):
            del self._cells[cell][item]
        left, top, right, lower = _edges(area)
        if left >= right or top >= lower:
            return
        lies = self._numbers.setdefault(item, len(self._numbers)), left, top, right, lower
        columns, rows = range(int(left // _CELL), int(right // _CELL) + 1), range(int(top // _CELL), int(lower // _CELL) + 1)
        touched = self._touched[item] = [(column, row) for column in columns for row in rows]
        for cell in touched:
            self._cells.setdefault(cell, {})[item] = lies

    def within(self, area: QRectF) -> list[Item]:
        """The items that an area touches, in order."""
        found: dict[int, Item] = {}
        left, top, right, lower = _edges(area)
        for column in range(int(left // _CELL), int(right // _CELL) + 1):
            for row in range(int(top // _CELL), int(lower // _CELL) + 1):
                for item, (number, x, y, across, down) in self._cells.get((column, row), {}).items():
                    if x < right and left < across and y < lower and top < down:
                        found[number] = item
        return [found[number] for number in sorted(found)]


class Standing:
    """Frames, lines and counts of links, cards and control links by where they stand, each kind in its order."""

    def __init__(self) -> None:
        self.frames, self.lines, self.tags = Cells[FrameItem](), Cells[LinkItem](), Cells[LinkItem]()
        self.cards, self.controls = Cells[ModuleItem](), Cells[ControlItem]()

    def put_card(self, card: ModuleItem) -> None:
        """Have a card stand where it is now."""
        self.cards.put(card, card.sceneBoundingRect())

    def put_link(self, link: LinkItem) -> None:
        """Have a link, and its count, stand where they are now."""
        self.lines.put(link, link.line_area)
        self.tags.put(link, link.tag_area)
