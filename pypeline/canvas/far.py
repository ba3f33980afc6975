"""The flow as seen from far: rectangles and lines by colour, kept up to date card by card.

Below the scale at which single cards can be read, the view paints from here in a few calls. A state
change or a drag touches only what it changes, so that ten thousand cards cost no more than a hundred.
"""

from __future__ import annotations

from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QPainter

from pypeline.canvas import paint
from pypeline.canvas.look import Look


class FarShapes:
    """Cards and links by id; each stands in the group of its colour (``#rrggbb``)."""

    def __init__(self) -> None:
        self.frames: list[QRectF] = []
        self.chosen: dict[str, QRectF] = {}
        self._cards: dict[str, dict[str, QRectF]] = {}
        self._lines: dict[str, dict[str, QLineF]] = {}
        self._colour_of: dict[str, str] = {}

    def put_card(self, id: str, colour: str, box: QRectF, *, chosen: bool) -> None:
        """Show a card, or show it in another place or colour."""
        old = self._colour_of.get(id)
        if old is not None and old != colour:
            self._cards[old].pop(id, None)
        self._colour_of[id] = colour
        self._cards.setdefault(colour, {})[id] = box
        if chosen:
            self.chosen[id] = box
        else:
            self.chosen.pop(id, None)

    def put_line(self, id: str, colour: str, line: QLineF) -> None:
        """Show a link, or show it elsewhere."""
        self._lines.setdefault(colour, {})[id] = line

    def drop_card(self, id: str) -> None:
        """Show a card no longer."""
        colour = self._colour_of.pop(id, None)
        if colour is not None:
            self._cards[colour].pop(id, None)
        self.chosen.pop(id, None)

    def drop_lines(self) -> None:
        """Show no link, before all are put again."""
        self._lines.clear()

    def drop_line(self, id: str) -> None:
        """Show a link no longer."""
        for group in self._lines.values():
            group.pop(id, None)

    def clear(self) -> None:
        """Begin again."""
        self.frames = []
        self.chosen.clear()
        self._cards.clear()
        self._lines.clear()
        self._colour_of.clear()

    def paint(self, painter: QPainter, look: Look, *, lines: bool = True) -> None:
        """Paint everything in scene coordinates."""
        groups = {colour: group.values() for colour, group in self._lines.items()} if lines else {}
        paint.far(painter, look, self.frames, groups, {colour: group.values() for colour, group in self._cards.items()}, self.chosen.values())
