"""The near painter: everything of a scene that an area shows, in a view's own paint event.

One pass over what can be seen instead of a call from Qt for each item: frames, links, their counts,
cards, control links, and on top what a gesture shows. Cards and thick links come from prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem

from pypeline.canvas import paint
from pypeline.canvas.items.control_item import ControlItem
from pypeline.canvas.items.frame_item import FrameItem
from pypeline.canvas.items.link_item import LinkItem
from pypeline.canvas.items.module_item import ModuleItem
from pypeline.canvas.scene import FlowScene

LINK_SECONDS, CARD_SECONDS = 0.002, 0.004
"""Time for making prints in one frame: a link can do without, a card is only a body without its print."""


def paint_near(painter: QPainter, scene: FlowScene, area: QRectF) -> None:
    """Paint what ``area`` (scene coordinates) shows; the painter's transform is the view's."""
    paint.grid(painter, scene.look, painter.worldTransform().m11(), area)
    prints = scene.prints
    frames: list[FrameItem] = []
    links: list[LinkItem] = []
    cards: list[ModuleItem] = []
    controls: list[ControlItem] = []
    for item in scene.items(area, Qt.ItemSelectionMode.IntersectsItemBoundingRect, Qt.SortOrder.AscendingOrder):
        if isinstance(item, LinkItem):
            links.append(item)
        elif isinstance(item, ModuleItem):
            cards.append(item)
        elif isinstance(item, FrameItem):
            frames.append(item)
        elif isinstance(item, ControlItem):
            controls.append(item)
    scene.take_news([*(link.shape_data.id for link in links), *(card.card.id for card in cards)])
    for frame in frames:
        frame.draw(painter)
    prints.allow(LINK_SECONDS)
    _paint_links(painter, scene, links)
    prints.allow(CARD_SECONDS)
    painter.setWorldMatrixEnabled(False)
    for card in cards:
        card.draw(painter, prints)
    painter.setWorldMatrixEnabled(True)
    for control in controls:
        control.draw(painter)
    for control in controls:
        control.draw_mark(painter)


def _paint_links(painter: QPainter, scene: FlowScene, links: Sequence[LinkItem]) -> None:
    """Thin ones of one look as a single path; the others from prints, or each by itself."""
    lod = painter.worldTransform().m11()
    thin: dict[tuple[str, bool, float], QPainterPath] = {}
    rest: list[LinkItem] = []
    for link in links:
        if not link.is_plain(lod):
            rest.append(link)
            continue
        path = thin.get(link.pen_key)
        if path is None:
            path = thin[link.pen_key] = QPainterPath()
        path.addPath(link.path)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for (kind, reject, width), path in thin.items():
        painter.setPen(scene.look.link_pen(kind, width, reject=reject))
        painter.drawPath(path)
    painter.setWorldMatrixEnabled(False)
    for link in rest:
        link.draw(painter, scene.prints, lod)
    for link in links:
        link.draw_tag(painter, scene.prints, lod)
    painter.setWorldMatrixEnabled(True)


def paint_over(painter: QPainter, items: Iterable[QGraphicsItem]) -> None:
    """Paint what a gesture shows, from any distance."""
    option = QStyleOptionGraphicsItem()
    for item in items:
        item.paint(painter, option)
