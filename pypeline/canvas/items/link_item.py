"""A data link on the canvas, with the count it carries."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QPainter, QPainterPath, QPainterPathStroker
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from pypeline.canvas import paint
from pypeline.canvas.items.module_item import ModuleItem
from pypeline.canvas.look import Look, curve_path, rect
from pypeline.canvas.paint import Tag
from pypeline.canvas.prints import Print, Prints
from pypeline.core import geometry as g
from pypeline.core.layout import LinkShape
from pypeline.core.picture import link_width
from pypeline.schema.flow import DataLink

_FAINT = 0.25
_LARGEST_PRINT = 160_000.0
"""Square pixels: a longer link costs less to stroke than to copy."""


def _tag_area(tag: Tag) -> QRectF:
    return rect(tag.box).adjusted(-2, -2, 2, 2)


class LinkItem(QGraphicsItem):
    """Shows ``link`` along ``shape.curve``; thicker the more ``rows`` it carried."""

    def __init__(self, link: DataLink, shape: LinkShape, source: ModuleItem, target: ModuleItem, look: Look) -> None:
        super().__init__()
        self.link = link
        self.look = look
        self.source, self.target = source, target
        self.rows: int | None = None
        self._width = link_width(None)
        self.tag: Tag | None = None
        self.chosen = False
        self._faint = False
        self._print, self._tag_print = Print(), Print()
        self._set_shape(shape)
        self.setZValue(1)
        source.links.append(self)
        target.links.append(self)

    def _set_shape(self, shape: LinkShape) -> None:
        self.shape_data = shape
        self.path = curve_path(shape.curve)
        self.line = QLineF(QPointF(*shape.curve[0]), QPointF(*shape.curve[-1]))
        self._box = self._bounds = rect(g.curve_box(shape.curve)).adjusted(-6, -6, 6, 6)

    def boundingRect(self) -> QRectF:
        return self._bounds

    def shape(self) -> QPainterPath:
        stroker = QPainterPathStroker()
        stroker.setWidth(12)
        outline = stroker.createStroke(self.path)
        if self.tag:
            outline.addRect(rect(self.tag.box))
        return outline

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        self._draw(painter, option.levelOfDetailFromTransform(painter.worldTransform()))

    def _draw(self, painter: QPainter, lod: float) -> None:
        self._draw_line(painter, lod)
        self._draw_tag(painter, lod)

    def _draw_line(self, painter: QPainter, lod: float) -> None:
        data = self.shape_data
        paint.link(painter, self.look, lod, self.path, data.kind, reject=data.reject, width=self._width, selected=self.chosen)

    def _draw_tag(self, painter: QPainter, lod: float) -> None:
        if self.tag is not None:
            paint.tag(painter, self.look, lod, self.tag)

    def is_plain(self, lod: float) -> bool:
        """Whether the line is nothing but thin, which costs less to stroke than to copy."""
        return self._width * lod <= 1.0 and not self.chosen and not self._faint

    @property
    def pen_key(self) -> tuple[str, bool, float]:
        """What the line's pen depends on: kind, reject and width."""
        return self.shape_data.kind, self.shape_data.reject, self._width

    def draw(self, painter: QPainter, prints: Prints, lod: float) -> None:
        """Paint the line from a print, unless it is long. The painter's world matrix is disabled."""
        if self._faint:
            painter.setOpacity(_FAINT)
        area = self._box.width() * self._box.height() * lod * lod
        if area > _LARGEST_PRINT or not prints.draw(painter, self._print, self._box, self._draw_line, exact=True):
            painter.setWorldMatrixEnabled(True)
            self._draw_line(painter, lod)
            painter.setWorldMatrixEnabled(False)
        if self._faint:
            painter.setOpacity(1.0)

    def draw_tag(self, painter: QPainter, prints: Prints, lod: float) -> None:
        """Paint the count, from a print once it stands still. The painter's world matrix is disabled."""
        if self.tag is None or lod < paint.TEXT_FROM:
            return
        if not prints.draw(painter, self._tag_print, _tag_area(self.tag), self._draw_tag, exact=True):
            painter.setWorldMatrixEnabled(True)
            self._draw_tag(painter, lod)
            painter.setWorldMatrixEnabled(False)

    def fade(self, faint: bool) -> None:
        """Step back, while its end is being taken elsewhere."""
        self._faint = faint
        self.update()

    def _changed(self) -> None:
        """Look different: paint again."""
        self._print.stale = self._tag_print.stale = True
        self.update()

    def show_shape(self, shape: LinkShape) -> None:
        """Run as ``shape`` says."""
        if shape.curve != self.shape_data.curve or shape.kind != self.shape_data.kind or shape.reject != self.shape_data.reject:
            self.prepareGeometryChange()
            self.tag = None
            self._set_shape(shape)
            self._changed()

    def follow(self) -> None:
        """Run between its two ends where they are now: called while they are dragged."""
        start = self.source.place_of("out", self.link.source_port)
        end = self.target.place_of("in", self.link.target_port)
        data = self.shape_data
        self.show_shape(LinkShape(data.id, data.source, data.target, g.link_curve(start, end), data.kind, data.reject))

    def show_rows(self, rows: int | None, tag: Tag | None) -> None:
        """Carry ``rows`` and say so in ``tag``: most often only the count is another."""
        if rows == self.rows and tag == self.tag:
            return
        before, self.rows, self.tag = self.tag, rows, tag
        width = round(link_width(rows) * 4) / 4
        if width != self._width:
            self._width = width
            self._print.stale = True
        self._tag_print.stale = True
        if before is None or tag is None or before.box != tag.box:
            self.prepareGeometryChange()
            self._bounds = self._box.united(_tag_area(tag)) if tag else self._box
        self.update()

    def choose(self, chosen: bool) -> None:
        """Be, or be no longer, among the selected."""
        if chosen != self.chosen:
            self.chosen = chosen
            self._changed()

    def show_look(self, look: Look) -> None:
        """Be painted in another look."""
        self.look = look
        self._changed()

    def leave(self) -> None:
        """Let go of both ends, before the item goes."""
        self.source.links.remove(self)
        self.target.links.remove(self)
