"""Prints: what was painted once, kept as pixmaps and copied into the next frames.

Painting a card takes some thirty calls with antialiasing, copying its print one. A print is made at
the very pixels where it is shown, so that a copy looks like the painting. While one zooms, prints
of another scale are stretched; what is missing or out of date is made within a few milliseconds of
each frame, the rest in the frames after it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from math import ceil, floor
from time import thread_time

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap, QTransform

MOST_BYTES = 96 * 2**20
_SAME = 1 / 64
"""Positions within a pixel that nobody can tell apart."""

Paint = Callable[[QPainter, float], None]
"""Paints in scene coordinates at a level of detail."""


class Print:
    """The print of one thing; ``stale`` when the thing looks different now."""

    __slots__ = ("frame", "inset", "pixmap", "scale", "stale")

    def __init__(self) -> None:
        self.pixmap: QPixmap | None = None
        self.scale = 0.0
        self.inset = (0.0, 0.0)
        self.stale = True
        self.frame = 0


class Prints:
    """All prints of one scene. Between :meth:`begin` and :meth:`end` lies one frame; :meth:`allow` gives it time."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Print, int] = OrderedDict()
        self._bytes = 0
        self._frame = 0
        self._left = 0.0
        self._calm = True
        self._lod = 1.0
        self._dx = self._dy = 0.0
        self._ratio = 1.0
        self._owed = False

    def begin(self, world: QTransform, *, calm: bool, ratio: float) -> None:
        """A frame begins. ``world`` is the view's transform, ``calm`` is False while one zooms; ``ratio`` is
        device pixels per pixel."""
        self._frame += 1
        self._lod, self._dx, self._dy = world.m11(), world.dx(), world.dy()
        self._calm, self._ratio, self._owed, self._left = calm, ratio, False, 0.0

    def allow(self, seconds: float) -> None:
        """From here on this frame may spend so much of this thread's time on making prints."""
        self._left = seconds

    def end(self) -> bool:
        """The frame is painted. True if another one is needed to bring all prints up to date."""
        while self._bytes > MOST_BYTES:
            oldest = next(iter(self._kept))
            if oldest.frame == self._frame:
                break
            self._bytes -= self._kept.pop(oldest)
            oldest.pixmap, oldest.stale = None, True
        return self._owed

    def draw(self, painter: QPainter, own: Print, box: QRectF, paint: Paint, x: float = 0.0, y: float = 0.0, *, exact: bool = False) -> bool:
        """Copy the print of the scene's ``box``, made by ``paint`` if it must be; False if there is none yet.

        The painter's world matrix is disabled. ``x`` and ``y`` are how far the thing has been dragged. With
        ``exact`` a print that is out of date is not copied and not owed: the caller paints the thing itself.
        """
        lod, ratio = self._lod, self._ratio
        scale = lod * ratio
        left, top = ((box.x() + x) * lod + self._dx) * ratio, ((box.y() + y) * lod + self._dy) * ratio
        column, row = floor(left), floor(top)
        inset = own.inset
        if own.stale or own.scale != scale or abs(inset[0] - left + column) > _SAME or abs(inset[1] - top + row) > _SAME:
            # a print that only lacks the right scale does as long as one zooms
            if self._left > 0 and (self._calm or own.stale):
                began = thread_time()
                self._make(own, box, paint, lod, (left - column, top - row))
                self._left -= thread_time() - began
            elif exact and (self._calm or own.stale):
                return False
            elif self._calm:
                self._owed = True
        pixmap = own.pixmap
        if pixmap is None:
            return False
        own.frame = self._frame
        self._kept.move_to_end(own)
        if own.scale == scale:
            painter.drawPixmap(QPointF(column / ratio, row / ratio), pixmap)
        else:
            factor = scale / own.scale
            size = pixmap.rect()
            stretched = QRectF(left / ratio, top / ratio, size.width() * factor / ratio, size.height() * factor / ratio)
            painter.drawPixmap(stretched, pixmap, QRectF(size))
        return True

    def _make(self, own: Print, box: QRectF, paint: Paint, lod: float, inset: tuple[float, float]) -> None:
        scale = lod * self._ratio
        width, height = ceil(box.width() * scale + inset[0]), ceil(box.height() * scale + inset[1])
        made = own.pixmap
        if made is None or made.width() != width or made.height() != height:
            made = QPixmap(max(1, width), max(1, height))
        else:
            made.setDevicePixelRatio(1.0)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setTransform(QTransform(scale, 0, 0, scale, inset[0] - box.x() * scale, inset[1] - box.y() * scale))
        paint(painter, lod)
        painter.end()
        made.setDevicePixelRatio(self._ratio)
        own.pixmap, own.scale, own.inset, own.stale = made, scale, inset, False
        self._bytes += width * height * 4 - self._kept.get(own, 0)
        self._kept[own] = width * height * 4
