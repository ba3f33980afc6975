"""Keeps the items of a scene equal to a drawing: makes what is new, moves what moved, drops what is gone."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QGraphicsScene

from pypeline.canvas.items.control_item import ControlItem
from pypeline.canvas.items.frame_item import FrameItem
from pypeline.canvas.items.link_item import LinkItem
from pypeline.canvas.items.module_item import ModuleItem
from pypeline.canvas.look import Look
from pypeline.canvas.paint import Face, Tag
from pypeline.canvas.standing import Standing
from pypeline.core import geometry as g
from pypeline.core.control_shapes import Notes
from pypeline.core.layout import Drawing, Frame, Loop
from pypeline.schema.flow import Flow


class Keeper:
    """The items by id. ``keep`` after every change of the flow; what new cards say is shown by who watches."""

    def __init__(self, scene: QGraphicsScene, look: Look) -> None:
        self._scene, self.look = scene, look
        self.cards: dict[str, ModuleItem] = {}
        self.links: dict[str, LinkItem] = {}
        self.controls: list[ControlItem] = []
        self.frames: list[FrameItem] = []
        self.loops: list[FrameItem] = []
        self._taken: g.Grid | None = None
        self._standing: Standing | None = None
        self._notes: Notes | None = None

    @property
    def taken(self) -> g.Grid:
        """Where no count may stand: cards with their ports, and the counts that are shown. Who shows or
        moves a count keeps it right."""
        if self._taken is None:
            cards = (item.card.box.grown(g.PORT_RADIUS + 1) for item in self.cards.values())
            self._taken = g.Grid([*cards, *(item.tag.box for item in self.links.values() if item.tag)])
        return self._taken

    @property
    def standing(self) -> Standing:
        """What stands where. Made when first asked for; who moves something keeps it right."""
        if self._standing is None:
            made = self._standing = Standing()
            for card in self.cards.values():
                made.put_card(card)
            for link in self.links.values():
                made.put_link(link)
            self._stand_others(made)
        return self._standing

    def _stand_others(self, standing: Standing) -> None:
        for n, frame in enumerate((*self.loops, *self.frames)):
            standing.frames.put(n, frame, frame.boundingRect())
        for n, control in enumerate(self.controls):
            standing.controls.put(n, control, control.boundingRect())

    @property
    def notes(self) -> Notes:
        """Where what a run says of valves may stand."""
        if self._notes is None:
            frames = [item.frame for item in self.frames if isinstance(item.frame, Frame)]
            loops = [item.frame for item in self.loops if isinstance(item.frame, Loop)]
            self._notes = Notes([item.data_shape for item in self.controls], frames, loops)
        return self._notes

    @property
    def noted(self) -> bool:
        """Whether notes were placed since the drawing changed."""
        return self._notes is not None

    def forget_notes(self) -> None:
        """Let every note be placed anew."""
        self._notes = None

    def show_count(self, link: LinkItem, rows: int | None, tag: Tag | None) -> None:
        """Have ``link`` carry ``rows`` and say so in ``tag``."""
        before = link.tag_area
        link.show_rows(rows, tag)
        if self._standing is not None and link.tag_area is not before:
            self._standing.put_tag(link)

    def keep(self, flow: Flow, drawing: Drawing, only: frozenset[str] | None = None) -> None:
        """Show ``drawing`` of ``flow``; with ``only`` nothing but these modules moved, and no item comes or goes."""
        self._taken = self._notes = None
        if only is not None:
            self._move(drawing, only)
        else:
            self._standing = None
            self._keep_cards(drawing)
            self._keep_links(flow, drawing)
        self._keep_controls(flow, drawing)
        self._keep_frames(self.frames, drawing.frames)
        self._keep_frames(self.loops, drawing.loops)
        if self._standing is not None:
            self._stand_others(self._standing)

    def forget(self) -> None:
        """Know no item any more: the scene is about to delete them all."""
        self._standing = None
        for card in self.cards.values():
            card.links.clear()
        self.cards.clear()
        self.links.clear()
        self.controls.clear()
        self.frames.clear()
        self.loops.clear()

    def show_look(self, look: Look) -> None:
        """Paint every item in this look."""
        self.look = look
        for group in (self.cards.values(), self.links.values(), self.controls, self.frames, self.loops):
            for item in group:
                item.show_look(look)

    def _move(self, drawing: Drawing, ids: frozenset[str]) -> None:
        touched: set[str] = set()
        for id in ids:
            item = self.cards[id]
            item.setPos(0, 0)
            item.show_card(drawing.cards[id])
            self.standing.put_card(item)
            touched.update(link.shape_data.id for link in item.links)
        for shape in drawing.links:
            if shape.id in touched:
                self.links[shape.id].show_shape(shape)
                self.standing.put_link(self.links[shape.id])

    def _keep_cards(self, drawing: Drawing) -> None:
        for id in [id for id in self.cards if id not in drawing.cards]:
            self._scene.removeItem(self.cards.pop(id))
        for id, card in drawing.cards.items():
            item = self.cards.get(id)
            if item is None:
                item = self.cards[id] = ModuleItem(card, Face(id, card.type), self.look)
                self._scene.addItem(item)
            else:
                item.setPos(0, 0)
                item.show_card(card)

    def _keep_links(self, flow: Flow, drawing: Drawing) -> None:
        shapes = {shape.id: shape for shape in drawing.links}
        for id, item in list(self.links.items()):
            # an end that was removed and came back under the same name is another item
            ends_here = item.source is self.cards.get(item.link.source) and item.target is self.cards.get(item.link.target)
            if id not in shapes or not ends_here:
                item.leave()
                self._scene.removeItem(self.links.pop(id))
        links = {str(link): link for link in flow.connections.data}
        for id, shape in shapes.items():
            known = self.links.get(id)
            if known is None:
                made = self.links[id] = LinkItem(links[id], shape, self.cards[shape.source], self.cards[shape.target], self.look)
                self._scene.addItem(made)
            else:
                known.show_shape(shape)

    def _keep_controls(self, flow: Flow, drawing: Drawing) -> None:
        links = flow.connections.control
        while len(self.controls) > len(drawing.controls):
            self._scene.removeItem(self.controls.pop())
        for n, shape in enumerate(drawing.controls):
            if n < len(self.controls):
                self.controls[n].show_shape(links[shape.index], shape)
            else:
                item = ControlItem(links[shape.index], shape, self.look)
                self.controls.append(item)
                self._scene.addItem(item)

    def _keep_frames(self, items: list[FrameItem], shapes: Sequence[Frame | Loop]) -> None:
        while len(items) > len(shapes):
            self._scene.removeItem(items.pop())
        for n, shape in enumerate(shapes):
            if n < len(items):
                items[n].show_frame(shape)
            else:
                item = FrameItem(shape, self.look)
                items.append(item)
                self._scene.addItem(item)
