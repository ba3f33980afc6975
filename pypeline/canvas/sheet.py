"""Sheets: what a view shows, kept as pictures between frames.

A frame is then a copy. Pictures reach a little beyond what is in sight, and panning moves them; only where
their edge comes into sight are they shifted, and strips painted. What looks different spoils an area of them,
and only spoilt areas are painted again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPixmap, QTransform

from pypeline.core.geometry import CARD_HEIGHT, CARD_WIDTH

_SPARE, _FAR_SPARE = CARD_WIDTH * CARD_HEIGHT, 100_000
"""Two spoilt areas are painted as one where no more of the scene (from far: pixels) is painted besides them: it costs about the same."""
MARGIN = 64
"""Pixels that a picture from near reaches beyond each edge of the view: wider strips, painted seldom, cost less than narrow ones in every frame."""
_STRETCH = 1.6
"""How far a picture may be stretched while one zooms, before it is painted again."""

Paint = Callable[[QPainter, QRectF], None]
"""Paints an area of the scene, to which the painter is clipped, in scene coordinates."""
_STRIDE = 32
"""So many pixels further right it is worth looking who lies too far left by now."""

_Box = tuple[int, int, int, int]
"""Left, top, right and lower edge."""


class Sheet:
    """One picture of one view at one scale. A ``clear`` one shows what lies below it where nothing is painted; in
    another one everything is painted. It reaches ``margin`` pixels beyond the view."""

    def __init__(self, *, clear: bool = False, spare: float = 0.0, margin: int = 0) -> None:
        self._clear, self._spare, self._margin = clear, spare, margin
        self._picture: QPixmap | None = None
        self._world = QTransform()
        self._ratio = 1.0
        self._number = 0
        self._spoilt: list[QRectF] = []

    @property
    def key(self) -> int:
        """Which picture this is: another one after all was painted anew; 0 if there is none."""
        return self._number if self._picture is not None else 0

    def spoil(self, area: QRectF, lod: float = 0.0) -> None:
        """This area of the scene looks different, to who looks from ``lod`` or nearer."""
        if self._picture is not None and self._world.m11() >= lod:
            self._spoilt.append(area)

    def drop(self) -> None:
        """All looks different, or is not looked at for a while."""
        self._picture = None
        self._spoilt.clear()

    @property
    def owes(self) -> bool:
        """Whether something is spoilt that the last frame had no time for."""
        return bool(self._spoilt)

    def show(self, painter: QPainter, room: QSize, world: QTransform, ratio: float, paint: Paint, spent: Callable[[], bool] = lambda: False) -> None:
        """Show on ``painter`` what a view of ``room`` pixels sees through ``world``, with ``ratio`` device pixels per pixel.
        What is spoilt stays so where the time is ``spent`` before its turn."""
        made = self._kept(room, world, ratio, paint, spent)
        painter.drawPixmap(QPointF(world.dx() - self._world.dx(), world.dy() - self._world.dy()), made)

    def _kept(self, room: QSize, world: QTransform, ratio: float, paint: Paint, spent: Callable[[], bool]) -> QPixmap:
        margin = self._margin
        whole = QRect(0, 0, room.width() + 2 * margin, room.height() + 2 * margin)
        boxes = self._follow(whole, world, ratio)
        made = self._picture
        if made is None:
            made = self._picture = QPixmap(whole.size() * ratio)
            self._number += 1
            made.setDevicePixelRatio(ratio)
            if self._clear:
                made.fill(Qt.GlobalColor.transparent)
            self._world, self._ratio = _moved(world, margin, margin), ratio
            boxes = [whole]
        world = self._world
        spare, fresh = max(self._spare, _SPARE * world.m11() ** 2), len(boxes)
        boxes += [QRect(left, top, right - left, lower - top) for left, top, right, lower in together(self._boxes(whole, world), spare)]
        # what is spoilt while painting is spoilt for the next frame
        self._spoilt = []
        if boxes:
            painter = QPainter(made)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            for n, box in enumerate(boxes):
                if n >= fresh and spent():
                    self._spoilt.append(world.inverted()[0].mapRect(QRectF(box)))
                    continue
                painter.resetTransform()
                painter.setClipRect(box)
                if self._clear:
                    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
                    painter.fillRect(box, Qt.GlobalColor.transparent)
                    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
                painter.setTransform(world)
                paint(painter, painter.clipBoundingRect())
            painter.end()
        return made

    def near(self, world: QTransform) -> bool:
        """Whether there is a picture that can be stretched to ``world``."""
        return self._picture is not None and 1 / _STRETCH < world.m11() / self._world.m11() < _STRETCH

    @property
    def area(self) -> QRectF:
        """The area of the scene that the picture shows."""
        if self._picture is None:
            return QRectF()
        size = QRectF(self._picture.rect()).size() / self._ratio
        return self._world.inverted()[0].mapRect(QRectF(0, 0, size.width(), size.height()))

    def stretch(self, painter: QPainter, world: QTransform) -> None:
        """Show the picture as ``world`` would show it, smaller or larger than it was painted."""
        if self._picture is None:
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
        painter.drawPixmap(world.mapRect(self.area), self._picture, QRectF(self._picture.rect()))

    def _follow(self, whole: QRect, world: QTransform, ratio: float) -> list[QRect]:
        """Shift the picture where the view has left it, so that it lies around the view again; what that brings onto
        the picture. A picture that cannot follow is dropped."""
        made, before, margin = self._picture, self._world, self._margin
        if made is None:
            return []
        across, down = (world.dx() + margin - before.dx()) * ratio, (world.dy() + margin - before.dy()) * ratio
        same = ratio == self._ratio and world.m11() == before.m11() and made.size() == whole.size() * ratio
        if not same or across % 1 or down % 1:
            self.drop()
            return []
        right, lower = (0 if abs(moved) <= margin * ratio else round(moved / ratio) for moved in (across, down))
        if not (right or lower):
            return []
        made.scroll(round(right * ratio), round(lower * ratio), made.rect())
        self._world = _moved(before, right, lower)
        width, height = whole.width(), whole.height()
        strips = [QRect(0 if right > 0 else width + right, 0, abs(right), height), QRect(0, 0 if lower > 0 else height + lower, width, abs(lower))]
        return [strip.intersected(whole) for strip in strips if not strip.isEmpty()]

    def _boxes(self, whole: QRect, world: QTransform) -> Iterable[_Box]:
        """The spoilt areas on the picture, in its whole pixels; what begins in one small part of the scene is one box."""
        scale, dx, dy, width, height = world.m11(), world.dx(), world.dy(), whole.width(), whole.height()
        boxes: dict[tuple[float, float], _Box] = {}
        for area in self._spoilt:
            x, y, across, down = cast("tuple[float, float, float, float]", area.getCoords())
            left, top = max(0, int(x * scale + dx) - 1), max(0, int(y * scale + dy) - 1)
            right, lower = min(width, int(across * scale + dx) + 2), min(height, int(down * scale + dy) + 2)
            if left < right and top < lower:
                part = x // CARD_WIDTH, y // CARD_HEIGHT
                known = boxes.get(part)
                if known is not None:
                    left, top, right, lower = min(left, known[0]), min(top, known[1]), max(right, known[2]), max(lower, known[3])
                boxes[part] = left, top, right, lower
        return boxes.values()


def together(boxes: Iterable[_Box], spare: float) -> list[_Box]:
    """Fewer boxes that hold all: two become one where that holds no more than ``spare`` besides them."""
    done: list[_Box] = []
    made: list[_Box] = []
    looked = 0
    for box in sorted(boxes):
        if box[0] >= looked + _STRIDE:
            # they come from left to right: to reach from there to here alone would hold too much
            looked = box[0]
            done += [each for each in made if (looked - each[2]) * (each[3] - each[1]) > spare]
            made = [each for each in made if (looked - each[2]) * (each[3] - each[1]) <= spare]
        grown = True
        while grown:
            grown = False
            left, top, right, lower = box
            own = (right - left) * (lower - top)
            for n, (x, y, across, down) in enumerate(made):
                # spelled out, for there are thousands of pairs in a frame: min and max take four times as long
                at, over = x if x < left else left, y if y < top else top
                end, under = across if across > right else right, down if down > lower else lower
                if (end - at) * (under - over) <= own + (across - x) * (down - y) + spare:
                    del made[n]
                    box, grown = (at, over, end, under), True
                    break
        made.append(box)
    return done + made


def _moved(world: QTransform, dx: float, dy: float) -> QTransform:
    return QTransform(world.m11(), 0, 0, world.m22(), world.dx() + dx, world.dy() + dy)


class Sheets:
    """A view's pictures: ``ground`` has grid, frames and lines, ``top`` what stands on them; ``far`` the flow from far."""

    def __init__(self) -> None:
        self.ground, self.top, self.far = Sheet(margin=MARGIN), Sheet(clear=True, margin=MARGIN), Sheet(spare=_FAR_SPARE)

    def spoil(self, area: QRectF) -> None:
        """Anything in this area of the scene may look different."""
        for sheet in (self.ground, self.top, self.far):
            sheet.spoil(area)

    def drop(self) -> None:
        """All looks different."""
        for sheet in (self.ground, self.top, self.far):
            sheet.drop()
