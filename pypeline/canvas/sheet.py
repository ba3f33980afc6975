"""Sheets: what a view shows, kept as pictures between frames.

A frame is then a copy. Panning shifts the pictures and paints the strips that come into sight; what
looks different spoils an area of them, and only spoilt areas are painted again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import ceil, floor

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPixmap, QTransform

from pypeline.core.geometry import CARD_HEIGHT, CARD_WIDTH

_SPARE, _FAR_SPARE = 2 * CARD_WIDTH * CARD_HEIGHT, 100_000
"""Two spoilt areas are painted as one where no more of the scene (from far: pixels) is painted besides them: it costs about the same."""
_STRETCH = 1.6
"""How far a picture may be stretched while one zooms, before it is painted again."""

Paint = Callable[[QPainter, QRectF], None]
"""Paints an area of the scene, to which the painter is clipped, in scene coordinates."""
_Box = tuple[int, int, int, int]
"""Left, top, right and lower edge."""


class Sheet:
    """One picture of one view at one scale. A ``clear`` one shows what lies below it where nothing is painted; in
    another one everything is painted."""

    def __init__(self, *, clear: bool = False, spare: float = 0.0) -> None:
        self._clear, self._spare = clear, spare
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

    def picture(self, room: QSize, world: QTransform, ratio: float, paint: Paint) -> QPixmap:
        """What a view of ``room`` pixels shows through ``world``, with ``ratio`` device pixels per pixel."""
        whole = QRect(0, 0, room.width(), room.height())
        boxes = self._shift(whole, world, ratio)
        made, self._world, self._ratio = self._picture, world, ratio
        if made is None:
            made = self._picture = QPixmap(room * ratio)
            self._number += 1
            made.setDevicePixelRatio(ratio)
            if self._clear:
                made.fill(Qt.GlobalColor.transparent)
            boxes = [whole]
        spare = max(self._spare, _SPARE * world.m11() ** 2)
        boxes += [QRect(left, top, right - left, lower - top) for left, top, right, lower in together(self._boxes(whole, world), spare)]
        # what is spoilt while painting is spoilt for the next frame
        self._spoilt = []
        if boxes:
            painter = QPainter(made)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            for box in boxes:
                painter.resetTransform()
                painter.setClipRect(box)
                if self._clear:
                    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Clear)
                    painter.fillRect(whole, Qt.GlobalColor.transparent)
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

    def _shift(self, whole: QRect, world: QTransform, ratio: float) -> list[QRect]:
        """Follow a pan; what it brings into sight. A picture that cannot follow is dropped."""
        made, before = self._picture, self._world
        if made is None:
            return []
        across, down = (world.dx() - before.dx()) * ratio, (world.dy() - before.dy()) * ratio
        same = ratio == self._ratio and world.m11() == before.m11() and made.size() == whole.size() * ratio
        if not same or across % 1 or down % 1:
            self.drop()
            return []
        if across or down:
            made.scroll(round(across), round(down), made.rect())
        right, lower = round(across / ratio), round(down / ratio)
        width, height = whole.width(), whole.height()
        strips = [QRect(0 if right > 0 else width + right, 0, abs(right), height), QRect(0, 0 if lower > 0 else height + lower, width, abs(lower))]
        return [strip.intersected(whole) for strip in strips if not strip.isEmpty()]

    def _boxes(self, whole: QRect, world: QTransform) -> set[_Box]:
        """The spoilt areas in sight, in whole pixels."""
        scale, dx, dy, width, height = world.m11(), world.dx(), world.dy(), whole.width(), whole.height()
        boxes: set[_Box] = set()
        for area in self._spoilt:
            left, top = max(0, floor(area.left() * scale + dx) - 1), max(0, floor(area.top() * scale + dy) - 1)
            right, lower = min(width, ceil(area.right() * scale + dx) + 1), min(height, ceil(area.bottom() * scale + dy) + 1)
            if left < right and top < lower:
                boxes.add((left, top, right, lower))
        return boxes


def together(boxes: Iterable[_Box], spare: float) -> list[_Box]:
    """Fewer boxes that hold all: two become one where that holds no more than ``spare`` besides them."""
    made: list[_Box] = []
    for box in sorted(boxes):
        grown = True
        while grown:
            grown = False
            left, top, right, lower = box
            own = (right - left) * (lower - top)
            for n, (x, y, across, down) in enumerate(made):
                around = min(left, x), min(top, y), max(right, across), max(lower, down)
                other = (across - x) * (down - y)
                if (around[2] - around[0]) * (around[3] - around[1]) <= own + other + spare:
                    del made[n]
                    box, grown = around, True
                    break
        made.append(box)
    return made


class Sheets:
    """A view's pictures: ``ground`` has grid, frames and lines, ``top`` what stands on them; ``far`` the flow from far."""

    def __init__(self) -> None:
        self.ground, self.top, self.far = Sheet(), Sheet(clear=True), Sheet(spare=_FAR_SPARE)

    def spoil(self, area: QRectF) -> None:
        """Anything in this area of the scene may look different."""
        for sheet in (self.ground, self.top, self.far):
            sheet.spoil(area)

    def drop(self) -> None:
        """All looks different."""
        for sheet in (self.ground, self.top, self.far):
            sheet.drop()
