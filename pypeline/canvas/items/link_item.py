"""A data link on the canvas, with the count it carries."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QPainter, QPainterPath, QPainterPathStroker
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from pypeline.canvas import paint
from pypeline.canvas.items.module_item import ModuleItem
from pypeline.canvas.look import Look, curve_path, rect
from pypeline.canvas.paint import Tag
from pypeline.core import geometry as g
from pypeline.core.layout import LinkShape
from pypeline.core.picture import link_width
from pypeline.schema.flow import DataLink


class LinkItem(QGraphicsItem):
    """Shows ``link`` along ``shape.curve``; thicker the more ``rows`` it carried."""

    def __init__(self, link: DataLink, shape: LinkShape, source: ModuleItem, target: ModuleItem, look: Look) -> None:
        super().__init__()
        self.link = link
        self.look = look
        self.source, self.target = source, target
        self.rows: int | None = None
        self.tag: Tag | None = None
        self.chosen = False
        self.hovered = False
        self._set_shape(shape)
        self.setZValue(1)
        source.links.append(self)
        target.links.append(self)

    def _set_shape(self, shape: LinkShape) -> None:
        self.shape_data = shape
        self.path = curve_path(shape.curve)
        self.line = QLineF(QPointF(*shape.curve[0]), QPointF(*shape.curve[-1]))
        self._box = rect(g.curve_box(shape.curve)).adjusted(-6, -6, 6, 6)

    def boundingRect(self) -> QRectF:
        return self._box.united(rect(self.tag.box).adjusted(-2, -2, 2, 2)) if self.tag else self._box

    def shape(self) -> QPainterPath:
        stroker = QPainterPathStroker()
        stroker.setWidth(12)
        outline = stroker.createStroke(self.path)
        if self.tag:
            outline.addRect(rect(self.tag.box))
        return outline

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        lod = option.levelOfDetailFromTransform(painter.worldTransform())
        width = link_width(self.rows) + (0.8 if self.hovered else 0.0)
        data = self.shape_data
        paint.link(painter, self.look, lod, self.path, data.kind, reject=data.reject, width=width, selected=self.chosen)
        if self.tag is not None:
            paint.tag(painter, self.look, lod, self.tag)

    def show_shape(self, shape: LinkShape) -> None:
        """Run as ``shape`` says."""
        if shape.curve != self.shape_data.curve or shape.kind != self.shape_data.kind or shape.reject != self.shape_data.reject:
            self.prepareGeometryChange()
            self.tag = None
            self._set_shape(shape)
            self.update()

    def follow(self) -> None:
        """Run between its two ends where they are now: called while they are dragged."""
        start = self.source.place_of("out", self.link.source_port)
        end = self.target.place_of("in", self.link.target_port)
        data = self.shape_data
        self.show_shape(LinkShape(data.id, data.source, data.target, g.link_curve(start, end), data.kind, data.reject))

    def show_rows(self, rows: int | None, tag: Tag | None) -> None:
        """Carry ``rows`` and say so in ``tag``."""
        if rows != self.rows or tag != self.tag:
            self.prepareGeometryChange()
            self.rows, self.tag = rows, tag
            self.update()

    def choose(self, chosen: bool) -> None:
        """Be, or be no longer, among the selected."""
        if chosen != self.chosen:
            self.chosen = chosen
            self.update()

    def leave(self) -> None:
        """Let go of both ends, before the item goes."""
        self.source.links.remove(self)
        self.target.links.remove(self)
