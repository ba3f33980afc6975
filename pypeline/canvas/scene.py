"""The scene: items that follow the document. It decides nothing and edits nothing.

The flow's shapes come from ``core/layout.py``; the scene keeps one item per card, link, control
link and frame, and changes only those whose shape or look changed. Places of modules that the file
gives none are remembered, so that nothing jumps while one draws.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QLineF, QObject, QPointF, QRect, QRectF, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGraphicsScene

from pypeline.canvas import paint
from pypeline.canvas.document import Document, Link
from pypeline.canvas.faces import Faces, tag_text
from pypeline.canvas.items.control_item import ControlItem
from pypeline.canvas.items.frame_item import FrameItem
from pypeline.canvas.items.link_item import LinkItem
from pypeline.canvas.items.module_item import ModuleItem
from pypeline.canvas.look import Look, rect
from pypeline.canvas.paint import Tag
from pypeline.core import geometry as g
from pypeline.core import layout
from pypeline.core.figures import width
from pypeline.resources.theme import SMALL_SIZE

_MARGIN = 4000.0
"""Free canvas around the flow, so that one can always pan and drag outwards."""


@dataclass(frozen=True, slots=True)
class Hit:
    """What lies under a point: a module (and one of its ports), a link, a control link, a frame's head, or nothing."""

    kind: Literal["", "module", "port", "link", "control", "frame"] = ""
    module: str = ""
    side: str = ""
    port: str = ""
    link: Link | None = None
    members: tuple[str, ...] = ()


class FlowScene(QGraphicsScene):
    """Shows a document. ``shapes_changed`` fires when the far view must be made again."""

    shapes_changed = Signal()

    def __init__(self, document: Document, look: Look, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.look = look
        self.cards: dict[str, ModuleItem] = {}
        self.link_items: dict[str, LinkItem] = {}
        self.control_items: list[ControlItem] = []
        self.frame_items: list[FrameItem] = []
        self._places: dict[str, layout.Place] = {}
        self._faces = Faces(document)
        self._sync()
        document.flow_changed.connect(self._flow_changed)
        document.selection_changed.connect(self._choose)
        document.knowledge_changed.connect(self._learn)

    # --- following the document ------------------------------------------------------------------

    def _flow_changed(self) -> None:
        self._sync()
        self._choose()

    def _sync(self) -> None:
        flow, catalogue = self.document.flow, self.document.catalogue
        given = layout.given_places(flow)
        known = {m.id: given.get(m.id) or self._places.get(m.id) for m in flow.modules}
        if all(known.values()):
            self._places = {id: place for id, place in known.items() if place}
        else:
            made = layout.positions(flow, catalogue)
            self._places = {id: place or made[id] for id, place in known.items()}
        drawing = layout.draw(flow, catalogue, self._places)
        self._faces.forget()
        self._sync_cards(drawing)
        self._sync_links(drawing)
        self._sync_controls(drawing)
        self._sync_frames(drawing)
        self.setSceneRect(rect(drawing.box.grown(_MARGIN)))
        self._learn(frozenset())
        self.shapes_changed.emit()

    def _sync_cards(self, drawing: layout.Drawing) -> None:
        for id in [id for id in self.cards if id not in drawing.cards]:
            self.removeItem(self.cards.pop(id))
        for id, card in drawing.cards.items():
            item = self.cards.get(id)
            if item is None:
                item = self.cards[id] = ModuleItem(card, self._faces.of(id), self.look)
                self.addItem(item)
            else:
                item.setPos(0, 0)
                item.show_card(card)

    def _sync_links(self, drawing: layout.Drawing) -> None:
        shapes = {shape.id: shape for shape in drawing.links}
        for id, item in list(self.link_items.items()):
            # an end that was removed and came back under the same name is another item
            ends_here = item.source is self.cards.get(item.link.source) and item.target is self.cards.get(item.link.target)
            if id not in shapes or not ends_here:
                item.leave()
                self.removeItem(self.link_items.pop(id))
        links = {str(link): link for link in self.document.flow.connections.data}
        for id, shape in shapes.items():
            known = self.link_items.get(id)
            if known is None:
                made = self.link_items[id] = LinkItem(links[id], shape, self.cards[shape.source], self.cards[shape.target], self.look)
                self.addItem(made)
            else:
                known.show_shape(shape)

    def _sync_controls(self, drawing: layout.Drawing) -> None:
        links = self.document.flow.connections.control
        while len(self.control_items) > len(drawing.controls):
            self.removeItem(self.control_items.pop())
        for n, shape in enumerate(drawing.controls):
            if n < len(self.control_items):
                self.control_items[n].show_shape(links[shape.index], shape)
            else:
                item = ControlItem(links[shape.index], shape, self.look)
                self.control_items.append(item)
                self.addItem(item)

    def _sync_frames(self, drawing: layout.Drawing) -> None:
        while len(self.frame_items) > len(drawing.frames):
            self.removeItem(self.frame_items.pop())
        for n, frame in enumerate(drawing.frames):
            if n < len(self.frame_items):
                self.frame_items[n].show_frame(frame)
            else:
                item = FrameItem(frame, self.look)
                self.frame_items.append(item)
                self.addItem(item)

    def _choose(self) -> None:
        chosen = self.document.selection
        for id, item in self.cards.items():
            item.choose(id in chosen.modules)
        for link in self.link_items.values():
            link.choose(link.link in chosen.links)
        for control in self.control_items:
            control.choose(control.link in chosen.links)
        self.shapes_changed.emit()

    def _learn(self, changed: frozenset[str]) -> None:
        """Take over what the document learned; ``changed`` empty means everything."""
        for id in changed or self.cards:
            item = self.cards.get(id)
            if item is not None:
                item.show_face(self._faces.of(id))
        watch = self.document.knowledge.watch
        if watch is None:
            for link in self.link_items.values():
                link.show_rows(None, None)
        elif not changed or any(id in self.link_items for id in changed):
            self._show_counts(changed or self.link_items)
        self._show_control()
        if not changed or any(id in self.cards for id in changed):
            self.shapes_changed.emit()

    def _show_counts(self, ids: Iterable[str]) -> None:
        watch = self.document.knowledge.watch
        taken: g.Grid | None = None
        for id in ids:
            item = self.link_items.get(id)
            seen = watch.links.get(id) if watch else None
            if item is None:
                continue
            if seen is None:
                item.show_rows(None, None)
                continue
            text, note = tag_text(seen, item.shape_data.reject)
            wide = max(width(text, SMALL_SIZE, mono=True), width(note, SMALL_SIZE, mono=True)) + 12
            box = item.tag.box if item.tag else None
            if box is None or abs(box.width - wide) > 0.5 or (box.height > g.TAG_HEIGHT) != bool(note):
                if taken is None:
                    taken = self._taken()
                box = g.tag_place(item.shape_data.curve, wide, taken, g.TAG_HEIGHT * (1.7 if note else 1.0))
                taken.add(box)
            item.show_rows(seen.rows, Tag(box, text, note))

    def _taken(self) -> g.Grid:
        cards = (item.card.box.grown(g.PORT_RADIUS + 1) for item in self.cards.values())
        tags = (item.tag.box for item in self.link_items.values() if item.tag)
        return g.Grid([*cards, *tags])

    def _show_control(self) -> None:
        watch = self.document.knowledge.watch
        links = list(self.document.flow.connections.control)
        for control in self.control_items:
            seen = watch.valves.get(links.index(control.link)) if watch and watch.valves else None
            control.show_state("" if seen is None else "open" if seen[0] else "closed")
        for n, frame in enumerate(self.frame_items):
            state, reason = watch.sub_flows.get(n, ("", "")) if watch else ("", "")
            frame.show_state(state, reason if state == "cancelled" and reason else state)

    # --- for views and gestures ---------------------------------------------------------------------

    def hit(self, point: QPointF) -> Hit:
        """What lies under a scene point, topmost first."""
        for item in self.items(point):
            if isinstance(item, ModuleItem):
                found = item.port_at(point)
                if found:
                    return Hit("port", item.card.id, found[0], found[1].name)
                if rect(item.card.box).translated(item.pos()).contains(point):
                    return Hit("module", item.card.id)
            elif isinstance(item, LinkItem):
                return Hit("link", link=item.link)
            elif isinstance(item, ControlItem):
                return Hit("control", link=item.link)
            elif isinstance(item, FrameItem):
                return Hit("frame", members=item.frame.modules)
        return Hit()

    def drag(self, ids: Iterable[str], dx: float, dy: float) -> None:
        """Show these cards moved by an offset, with their links; the document is not touched."""
        links: set[LinkItem] = set()
        for id in ids:
            item = self.cards[id]
            item.setPos(dx, dy)
            links.update(item.links)
        for link in links:
            link.follow()
        self.shapes_changed.emit()

    def place(self, id: str) -> layout.Place:
        """Where a card's top left stands in the document."""
        return self._places[id]

    def flow_box(self) -> QRectF:
        """The rectangle around everything drawn."""
        boxes = [rect(f.frame.box) for f in self.frame_items]
        whole = QRectF()
        for box in boxes:
            whole = whole.united(box)
        return whole

    def within(self, area: QRectF) -> frozenset[str]:
        """The modules whose cards an area touches."""
        return frozenset(item.card.id for item in self.items(area) if isinstance(item, ModuleItem) and rect(item.card.box).intersects(area))

    def set_look(self, look: Look) -> None:
        """Paint everything in another look."""
        self.look = look
        for group in (self.cards.values(), self.link_items.values(), self.control_items, self.frame_items):
            for item in group:
                item.look = look
        self.update()
        self.shapes_changed.emit()

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        paint.grid(painter, self.look, painter.worldTransform().m11(), QRectF(rect))

    def far_shapes(self) -> tuple[list[QRectF], dict[str, list[QLineF]], dict[str, list[QRectF]], list[QRectF]]:
        """Frames, lines by colour, cards by colour and selected cards, for :func:`paint.far`."""
        frames = [rect(item.frame.box) for item in self.frame_items]
        lines: dict[str, list[QLineF]] = {}
        for link in self.link_items.values():
            name = self.look.theme.failure if link.shape_data.reject else self.look.far_link.color().name()
            lines.setdefault(name, []).append(link.line)
        for control in self.control_items:
            ends = QLineF(control.path.pointAtPercent(0), control.path.pointAtPercent(1))
            lines.setdefault(self.look.theme.failure if control.data_shape.error else self.look.theme.solo, []).append(ends)
        cards: dict[str, list[QRectF]] = {}
        chosen: list[QRectF] = []
        for item in self.cards.values():
            box = rect(item.card.box).translated(item.pos())
            cards.setdefault(self._faces.far_colour(item.face, item.card.kind, self.look), []).append(box)
            if item.chosen:
                chosen.append(box)
        return frames, lines, cards, chosen
