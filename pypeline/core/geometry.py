"""The shapes on a canvas: cards, ports, curves, tags, pills, frames; all sizes in pixels at 100 %.

Window, SVG and minimap only stroke what is computed here. Nothing depends on a font or on what a
flow means; a point is ``(x, y)`` with y downwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import inf
from typing import NamedTuple

Point = tuple[float, float]
Curve = tuple[Point, ...]
"""A start point, then three points for each cubic: two controls and an end."""

CARD_WIDTH = 168.0
CARD_HEIGHT = 64.0
FOOT_HEIGHT = 20.0
TILE = (10.0, 9.0, 26.0)
"""Left, top and size of the icon's tile in a card."""
TEXT_LEFT = 44.0
NAME_BASE = 20.5
TYPE_BASE = 34.5
SIGN_RADIUS = 7.5
SIGN = (CARD_WIDTH - 16.0, 17.0)
"""The middle of the state sign in a card."""
NAME_ROOM = CARD_WIDTH - TEXT_LEFT - 28.0
TYPE_ROOM = CARD_WIDTH - TEXT_LEFT - 12.0
FOOT_ROOM = CARD_WIDTH - 20.0

PORT_RADIUS = 4.5
PORT_FIRST = 24.0
PORT_STEP = 16.0

COLUMN_STEP = 240.0
"""From a column's left edge to the next one's: a card and room for links and their counts."""

FRAME_PAD = 24.0
FRAME_HEAD = 40.0
FRAME_GAP = 64.0
"""Between two rows of frames, with room for the pill of a control link; side by side it is half of it."""

TAG_HEIGHT = 16.0
PILL_HEIGHT = 20.0
LOOP_PAD = 16.0
LOOP_HEAD = 24.0
MARK_AT = 0.12
"""Where on a control link's curve the sign of an iterate or start link stands."""
MARK_RADIUS = 9.0
ARROW = 8.0


class Box(NamedTuple):
    """A rectangle by its left, top, width and height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2

    def grown(self, by: float) -> Box:
        """This box with ``by`` more on every side."""
        return Box(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)

    def meets(self, other: Box) -> bool:
        """Whether the two share an area."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom

    def holds(self, point: Point) -> bool:
        """Whether ``point`` lies inside."""
        return self.x < point[0] < self.right and self.y < point[1] < self.bottom


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box around all; an empty one at the origin for none."""
    left = top = inf
    right = bottom = -inf
    for box in boxes:
        left, top = min(left, box.x), min(top, box.y)
        right, bottom = max(right, box.right), max(bottom, box.bottom)
    return Box(0, 0, 0, 0) if left == inf else Box(left, top, right - left, bottom - top)


def card_height(inputs: int, outputs: int) -> float:
    """A card's height: it grows from the third port on one side on."""
    ports = max(inputs, outputs, 1)
    return max(CARD_HEIGHT, PORT_FIRST + PORT_STEP * (ports - 1) + 16.0)


def port_height(index: int) -> float:
    """How far below a card's top edge the ``index``-th port (from 0) of a side lies."""
    return PORT_FIRST + PORT_STEP * index


def link_curve(start: Point, end: Point, *, bend: float = 36.0) -> Curve:
    """From an output port to an input port: level at both ends, an S between, a loop when it leads back."""
    (x1, y1), (x2, y2) = start, end
    reach = (x2 - x1) / 2
    if reach < bend:
        reach = min(160.0, bend + abs(x2 - x1) / 2 + abs(y2 - y1) / 8)
    return (start, (x1 + reach, y1), (x2 - reach, y2), end)


def lane_curve(start: Point, end: Point, left: float, right: float, lane: float) -> Curve:
    """A link that runs level at height ``lane`` from x ``left`` to x ``right`` on its way."""
    a, b = (left, lane), (right, lane)
    return (*link_curve(start, a, bend=0), *_straight(a, b), *link_curve(b, end, bend=0)[1:])


def _straight(a: Point, b: Point) -> Curve:
    third = ((b[0] - a[0]) / 3, (b[1] - a[1]) / 3)
    return (a[0] + third[0], a[1] + third[1]), (b[0] - third[0], b[1] - third[1]), b


def point_at(curve: Curve, share: float) -> Point:
    """The point of ``curve`` at ``share`` (0..1) of its parameter."""
    pieces = (len(curve) - 1) // 3
    piece = min(pieces - 1, int(share * pieces))
    t = share * pieces - piece
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = curve[piece * 3 : piece * 3 + 4]
    u = 1 - t
    a, b, c, d = u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t
    return a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3


def curve_box(curve: Curve) -> Box:
    """A box that holds all of ``curve`` (its control polygon's)."""
    xs, ys = [p[0] for p in curve], [p[1] for p in curve]
    return Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))


def control_curve(source: Box, target: Box, start_x: float, end_x: float) -> tuple[Curve, tuple[float, float]]:
    """From one frame's edge to another's, and the direction of the arrow at its end.

    ``start_x`` and ``end_x`` are where it would like to leave and arrive; they are kept on the edges.
    Downwards if there is room, else sideways, else from the nearer upper and lower edge.
    """
    x1 = min(max(start_x, source.x + 16), source.right - 16)
    x2 = min(max(end_x, target.x + 16), target.right - 16)
    if target.y >= source.bottom:
        if source.x + 16 <= x2 <= source.right - 16:
            x1 = x2
        return _toward((x1, source.bottom), (x2, target.y), (0.0, 1.0))
    if target.x >= source.right:
        return _toward((source.right, source.middle[1]), (target.x, target.middle[1]), (1.0, 0.0))
    if source.x >= target.right:
        return _toward((source.x, source.middle[1]), (target.right, target.middle[1]), (-1.0, 0.0))
    return _toward((x1, source.y), (x2, target.bottom), (0.0, -1.0))


def _toward(start: Point, end: Point, way: tuple[float, float]) -> tuple[Curve, tuple[float, float]]:
    dx, dy = way
    end = (end[0] - dx * 1.0, end[1] - dy * 1.0)
    reach = max(12.0, abs((end[0] - start[0]) * dx + (end[1] - start[1]) * dy) / 2)
    return (start, (start[0] + dx * reach, start[1] + dy * reach), (end[0] - dx * reach, end[1] - dy * reach), end), way


def arrow_head(end: Point, way: tuple[float, float]) -> tuple[Point, Point, Point]:
    """The triangle whose tip is ``end`` and that points ``way`` (a unit vector along an axis)."""
    (x, y), (dx, dy) = end, way
    back = (x - dx * ARROW, y - dy * ARROW)
    half = ARROW * 0.55
    return end, (back[0] - dy * half, back[1] + dx * half), (back[0] + dy * half, back[1] - dx * half)


class Grid:
    """Boxes by the cells they touch: what lies near a box, without asking all."""

    _CELL = 256.0

    def __init__(self, boxes: Iterable[Box] = ()) -> None:
        self._cells: dict[tuple[int, int], list[Box]] = {}
        for box in boxes:
            self.add(box)

    def add(self, box: Box) -> None:
        """Put ``box`` in."""
        for cell in self._touched(box):
            self._cells.setdefault(cell, []).append(box)

    def remove(self, box: Box) -> None:
        """Take out ``box``, the very one that was put in."""
        for cell in self._touched(box):
            self._cells[cell] = [other for other in self._cells[cell] if other is not box]

    def near(self, box: Box) -> list[Box]:
        """The boxes that share an area with ``box``, each once, in the order they came in per cell."""
        found: dict[int, Box] = {}
        left, top, right, bottom = box.x, box.y, box.right, box.bottom
        for cell in self._touched(box):
            for other in self._cells.get(cell, ()):
                x, y, width, height = other
                if x < right and left < x + width and y < bottom and top < y + height:
                    found[id(other)] = other
        return list(found.values())

    def covers(self, point: Point, by: float = 0.0) -> bool:
        """Whether ``point`` lies in a box, or nearer than ``by`` to one in the same cell."""
        x, y = point
        for left, top, width, height in self._cells.get((int(x // self._CELL), int(y // self._CELL)), ()):
            if left - by < x < left + width + by and top - by < y < top + height + by:
                return True
        return False

    def free(self, box: Box) -> bool:
        """Whether nothing shares an area with ``box``."""
        left, top, right, bottom = box.x, box.y, box.right, box.bottom
        for cell in self._touched(box):
            for x, y, width, height in self._cells.get(cell, ()):
                if x < right and left < x + width and y < bottom and top < y + height:
                    return False
        return True

    def _touched(self, box: Box) -> Iterable[tuple[int, int]]:
        size = self._CELL
        for column in range(int(box.x // size), int(box.right // size) + 1):
            for row in range(int(box.y // size), int(box.bottom // size) + 1):
                yield column, row


_LANES = 6
"""How many ways round are tried before a link runs straight through."""


def route(start: Point, end: Point, cards: Grid) -> Curve:
    """A link's curve that runs between cards where it can: the plain one, else the nearest free lane."""
    plain = link_curve(start, end)
    if end[0] - start[0] < COLUMN_STEP - CARD_WIDTH + 16:  # neighbours, or leading back: nothing can stand between
        return plain
    top = min(start[1], end[1])
    # the curve stays between its ends, so what is free there cannot be hit
    if cards.free(Box(start[0], top - 8, end[0] - start[0], abs(end[1] - start[1]) + 16)) or not _hits(plain, start, end, cards):
        return plain
    for lane in _lanes(start, end, cards):
        curve = lane_curve(start, end, start[0] + 72, end[0] - 72, lane)
        if not _hits(curve, start, end, cards):
            return curve
    return plain


def _lanes(start: Point, end: Point, cards: Grid) -> list[float]:
    """Heights just above and below the cards between two columns, the shortest way round first."""
    top, bottom = min(start[1], end[1]), max(start[1], end[1])
    between = cards.near(Box(start[0] + 8, top - 160, end[0] - start[0] - 16, bottom - top + 320))
    edges = {edge for card in between for edge in (card.y - 12, card.bottom + 12)} | {start[1], end[1]}
    return sorted(edges, key=lambda lane: (abs(lane - start[1]) + abs(lane - end[1]), lane))[:_LANES]


def _hits(curve: Curve, start: Point, end: Point, cards: Grid) -> bool:
    """Whether ``curve`` runs through a card, its two ends left out."""
    pieces = (len(curve) - 1) // 3
    shares = _shares(max(10, min(48, round((end[0] - start[0]) / pieces / 20))))
    left, right = start[0] + 4, end[0] - 4
    for piece in range(0, 3 * pieces, 3):
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = curve[piece : piece + 4]
        for a, b, c, d in shares:
            x = a * x0 + b * x1 + c * x2 + d * x3
            if left < x < right and cards.covers((x, a * y0 + b * y1 + c * y2 + d * y3), 4):
                return True
    return False


@lru_cache(maxsize=64)
def _shares(steps: int) -> Sequence[tuple[float, float, float, float]]:
    """How much each point of a cubic counts at so many steps from its start on."""
    return tuple(((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t * t, t**3) for t in (i / steps for i in range(steps)))


def tag_place(curve: Curve, width: float, taken: Grid, height: float = TAG_HEIGHT) -> Box:
    """Where a count may stand on its link: in the middle or as near to it as nothing is covered.

    ``taken`` holds cards (with their ports) and earlier tags; the caller adds the answer to it.
    """
    shares: Sequence[float] = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82)
    middle = point_at(curve, 0.5)
    first = Box(middle[0] - width / 2, middle[1] - height / 2, width, height)
    (x1, y1), (x2, y2) = curve[0], curve[-1]
    if x2 - x1 < width + 48.0 and abs(y2 - y1) < 2 * height:
        # a short flat link would vanish below its own count: there it stands beyond the end it leads to
        beside = Box(middle[0] - width / 2, y2 + 4.0 if y2 > y1 + 4.0 else y2 - height - 4.0, width, height)
        if taken.free(beside.grown(1)):
            return beside
    for lift in (0.0, -height, height, -1.6 * height, 1.6 * height):
        for share in shares:
            x, y = point_at(curve, share)
            box = Box(x - width / 2, y - height / 2 + lift, width, height)
            if taken.free(box.grown(1)):
                return box
    return first
