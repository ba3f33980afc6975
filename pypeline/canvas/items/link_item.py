"""A data link on the canvas, with the count it carries."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QPainter, QPainterPath, QPainterPathStroker
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from pypeline.canvas import paint
from pypeline.canvas.items.module_item import ModuleItem
from pypeline.canvas.items.spoiling import spoil
from pypeline.canvas.look import Look, curve_path, rect
from pypeline.canvas.paint import Tag
from pypeline.core import geometry as g
from pypeline.core.layout import LinkShape
from pypeline.core.picture import link_width
from pypeline.schema.flow import DataLink

_FAINT = 0.25


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
        self._set_shape(shape)
        self.setZValue(1)
        source.links.append(self)
        target.links.append(self)

    def _set_shape(self, shape: LinkShape) -> None:
        self.shape_data = shape
        self.path = curve_path(shape.curve)
        self.line = QLineF(QPointF(*shape.curve[0]), QPointF(*shape.curve[-1]))
        self.tag_area = QRectF()
        self.line_area = self._bounds = rect(g.curve_box(shape.curve)).adjusted(-6, -6, 6, 6)

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
        lod = option.levelOfDetailFromTransform(painter.worldTransform())
        self.draw(painter, lod)
        self.draw_tag(painter, lod)

    def is_plain(self, lod: float) -> bool:
        """Whether the line is nothing but thin, which many of a look can be stroked with at once."""
        return self._width * lod <= 1.0 and not self.chosen and not self._faint

    @property
    def pen_key(self) -> tuple[str, bool, float]:
        """What the line's pen depends on: kind, reject and width."""
        return self.shape_data.kind, self.shape_data.reject, self._width

    def draw(self, painter: QPainter, lod: float) -> None:
        """Paint the line."""
        if self._faint:
            painter.setOpacity(_FAINT)
        data = self.shape_data
        paint.link(painter, self.look, lod, self.path, data.kind, reject=data.reject, width=self._width, selected=self.chosen)
        if self._faint:
            painter.setOpacity(1.0)

    def draw_tag(self, painter: QPainter, lod: float) -> None:
        """Paint the count, if there is one."""
        if self.tag is not None:
            paint.tag(painter, self.look, lod, self.tag)

    def fade(self, faint: bool) -> None:
        """Step back, while its end is being taken elsewhere."""
        self._faint = faint
        self._changed()

    def _changed(self) -> None:
        """Run or look different: paint the line again."""
        spoil(self, self.line_area, ground=True)

    def show_shape(self, shape: LinkShape) -> None:
        """Run as ``shape`` says."""
        if shape.curve != self.shape_data.curve or shape.kind != self.shape_data.kind or shape.reject != self.shape_data.reject:
            self._changed()
            self.prepareGeometryChange()
            self._show_tag(None)
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
        self.rows = rows
        width = round(link_width(rows) * 4) / 4
        if width != self._width:
            self._width = width
            self._changed()
        self._show_tag(tag)

    def _show_tag(self, tag: Tag | None) -> None:
        before, self.tag = self.tag, tag
        if before is None or tag is None or before.box != tag.box:
            spoil(self, self.tag_area, lod=paint.TEXT_FROM)
            self.tag_area = rect(tag.box).adjusted(-2, -2, 2, 2) if tag else QRectF()
            bounds = self.line_area.united(self.tag_area)
            if bounds != self._bounds:
                self.prepareGeometryChange()
                self._bounds = bounds
        spoil(self, self.tag_area, lod=paint.TEXT_FROM)

    def choose(self, chosen: bool) -> None:
        """Be, or be no longer, among the selected."""
        if chosen != self.chosen:
            self.chosen = chosen
            self._changed()

    def show_look(self, look: Look) -> None:
        """Be painted in another look."""
        self.look = look

    def leave(self) -> None:
        """Let go of both ends, before the item goes."""
        self.source.links.remove(self)
        self.target.links.remove(self)
