"""The flow as seen from far: rectangles and lines by colour, kept up to date card by card.

Below the scale at which single cards can be read, the view paints from here in a few calls. Shapes
stand in bundles, each ready for one call: a state change or a drag makes only its bundles anew, and
only those in sight are painted, so that ten thousand cards cost little more than a hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QPainter, QPainterPath

from pypeline.canvas import paint
from pypeline.canvas.look import Look

_BUNDLE = 256

Shape = TypeVar("Shape")
Ready = TypeVar("Ready")


class _Bundles(Generic[Shape, Ready]):
    """Shapes by id, in bundles of one colour; ``tie`` makes a bundle ready and says where it stands."""

    def __init__(self, tie: Callable[[Iterable[Shape]], tuple[Ready, QRectF]]) -> None:
        self._tie = tie
        self._number: dict[str, int] = {}
        self._colour: dict[str, str] = {}
        self._shapes: dict[tuple[int, str], dict[str, Shape]] = {}
        self._ready: dict[tuple[int, str], tuple[Ready, QRectF]] = {}

    def put(self, id: str, colour: str, shape: Shape) -> None:
        number = self._number.setdefault(id, len(self._number) // _BUNDLE)
        old = self._colour.get(id, colour)
        if old != colour:
            self._shapes[number, old].pop(id, None)
            self._ready.pop((number, old), None)
        self._colour[id] = colour
        self._shapes.setdefault((number, colour), {})[id] = shape
        self._ready.pop((number, colour), None)

    def take(self, id: str) -> None:
        key = self._number[id], self._colour[id]
        self._shapes[key].pop(id, None)
        self._ready.pop(key, None)

    def clear(self) -> None:
        for kept in (self._number, self._colour, self._shapes, self._ready):
            kept.clear()

    def within(self, area: QRectF) -> Iterator[tuple[str, Ready]]:
        """Colour and shapes of the bundles that an area shows something of."""
        for key, shapes in self._shapes.items():
            if not shapes:
                continue
            found = self._ready.get(key)
            if found is None:
                found = self._ready[key] = self._tie(shapes.values())
            if found[1].intersects(area):
                yield key[1], found[0]


def _path(lines: Iterable[QLineF]) -> tuple[QPainterPath, QRectF]:
    """A path is taken over by Qt as it is; a list of lines would be read line by line."""
    path = QPainterPath()
    for line in lines:
        path.moveTo(line.p1())
        path.lineTo(line.p2())
    # a line that runs straight across would have an empty rectangle, which intersects nothing
    return path, path.controlPointRect().adjusted(-1, -1, 1, 1)


def _list(boxes: Iterable[QRectF]) -> tuple[list[QRectF], QRectF]:
    made, around = list(boxes), QRectF()
    for box in made:
        around |= box
    return made, around


class FarShapes:
    """Cards and links by id, and colours as ``#rrggbb``."""

    def __init__(self) -> None:
        self.frames: list[QRectF] = []
        self.chosen: dict[str, QRectF] = {}
        self._cards = _Bundles[QRectF, list[QRectF]](_list)
        self._lines = _Bundles[QLineF, QPainterPath](_path)

    def put_card(self, id: str, colour: str, box: QRectF, *, chosen: bool) -> None:
        """Show a card, or show it in another place or colour."""
        self._cards.put(id, colour, box)
        if chosen:
            self.chosen[id] = box
        else:
            self.chosen.pop(id, None)

    def put_line(self, id: str, colour: str, line: QLineF) -> None:
        """Show a link, or show it elsewhere."""
        self._lines.put(id, colour, line)

    def take(self, cards: Iterable[str], links: Iterable[str]) -> None:
        """Show these no longer, until they are put again."""
        for card in cards:
            self._cards.take(card)
            self.chosen.pop(card, None)
        for link in links:
            self._lines.take(link)

    def clear(self) -> None:
        """Begin again."""
        self.frames = []
        self.chosen.clear()
        self._cards.clear()
        self._lines.clear()

    def paint(self, painter: QPainter, look: Look, area: QRectF, *, lines: bool = True) -> None:
        """Paint what ``area`` shows, in scene coordinates."""
        paint.far(painter, look, self.frames, self._lines.within(area) if lines else (), self._cards.within(area), self.chosen.values())
