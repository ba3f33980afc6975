"""Sheets: what a view shows, kept as one picture between frames.

A frame is then a copy. Panning shifts the picture and paints the strips that come into sight; what
looks different spoils an area of it, and only spoilt areas are painted again.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRect, QRectF, QSize
from PySide6.QtGui import QPainter, QPixmap, QTransform

_NEAR = 24
"""Pixels between spoilt areas that are painted as one."""
_STRETCH = 1.6
"""How far a picture may be stretched while one zooms, before it is painted again."""

Paint = Callable[[QPainter, QRectF], None]
"""Paints an area of the scene, to which the painter is clipped, in scene coordinates."""


class Sheet:
    """The picture of one view at one scale."""

    def __init__(self) -> None:
        self._picture: QPixmap | None = None
        self._world = QTransform()
        self._ratio = 1.0
        self._number = 0
        self._spoilt: list[QRectF] = []

    @property
    def key(self) -> int:
        """Which picture this is: another one after all was painted anew; 0 if there is none."""
        return self._number if self._picture is not None else 0

    def spoil(self, area: QRectF) -> None:
        """This area of the scene looks different."""
        if self._picture is not None:
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
            boxes = [whole]
        boxes += self._boxes(whole, world)
        # what is spoilt while painting is spoilt for the next frame
        self._spoilt = []
        if boxes:
            painter = QPainter(made)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            for box in boxes:
                painter.resetTransform()
                painter.setClipRect(box)
                painter.setTransform(world)
                paint(painter, painter.clipBoundingRect())
            painter.end()
        return made

    def stretched(self, painter: QPainter, world: QTransform, needed: QRectF, around: Callable[[], None]) -> bool:
        """Show the picture as ``world`` would show it, smaller or larger than it was painted; ``around`` paints first
        where it lacks something of the scene's area ``needed``. False, and nothing is shown, if that is too far off."""
        if self._picture is None:
            return False
        factor = world.m11() / self._world.m11()
        if not 1 / _STRETCH < factor < _STRETCH:
            return False
        size = QRectF(self._picture.rect()).size() / self._ratio
        shown = self._world.inverted()[0].mapRect(QRectF(0, 0, size.width(), size.height()))
        if not shown.contains(needed):
            around()
        painter.save()
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
        painter.drawPixmap(world.mapRect(shown), self._picture, QRectF(self._picture.rect()))
        painter.restore()
        return True

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

    def _boxes(self, whole: QRect, world: QTransform) -> list[QRect]:
        """The spoilt areas in sight. Those that lie near each other are one: to heed a region of many small
        parts costs Qt more than painting all of what lies around them."""
        boxes: list[QRect] = []
        for area in self._spoilt:
            box = world.mapRect(area).toAlignedRect().adjusted(-1, -1, 1, 1).intersected(whole)
            while not box.isEmpty():
                around = box.adjusted(-_NEAR, -_NEAR, _NEAR, _NEAR)
                touching = [other for other in boxes if other.intersects(around)]
                if not touching:
                    boxes.append(box)
                    break
                for other in touching:
                    boxes.remove(other)
                    box = box.united(other)
        return boxes


class Sheets:
    """A view's pictures: ``ground`` has grid, frames and lines, ``top`` also what stands on them; ``far`` the flow from far."""

    def __init__(self) -> None:
        self.ground, self.top, self.far = Sheet(), Sheet(), Sheet()

    def spoil(self, area: QRectF) -> None:
        """Anything in this area of the scene may look different."""
        for sheet in (self.ground, self.top, self.far):
            sheet.spoil(area)

    def drop(self) -> None:
        """All looks different."""
        for sheet in (self.ground, self.top, self.far):
            sheet.drop()
