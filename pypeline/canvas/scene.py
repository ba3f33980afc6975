"""The scene: items that follow the document. It decides nothing and edits nothing.

The flow's shapes come from ``core/layout.py``; the scene keeps one item per card, link, control
link and frame, and changes only those whose shape or look changed. Places of modules that the file
gives none are remembered, so that nothing jumps while one draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from PySide6.QtCore import QLineF, QObject, QPointF, QRect, QRectF, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGraphicsItem, QGraphicsScene

from pypeline.canvas import carried, paint, run_marks
from pypeline.canvas.document import Document, Selection, only_moved
from pypeline.canvas.faces import Faces
from pypeline.canvas.far import FarShapes
from pypeline.canvas.hit import Hit
from pypeline.canvas.items.control_item import ControlItem
from pypeline.canvas.items.frame_item import FrameItem
from pypeline.canvas.items.keeper import Keeper
from pypeline.canvas.items.link_item import LinkItem
from pypeline.canvas.items.module_item import ModuleItem
from pypeline.canvas.look import Look, rect
from pypeline.canvas.sheet import Sheets
from pypeline.canvas.standing import Standing
from pypeline.core import layout
from pypeline.schema.flow import Flow

_MARGIN = 4000.0
"""Free canvas around the flow, so that one can always pan and drag outwards."""


class FlowScene(QGraphicsScene):
    """Shows a document. ``shapes_changed()`` fires when it looks different anywhere, ``touched()`` when
    it does in the areas that were spoilt only, ``news()`` when a run said something of modules and links."""

    shapes_changed = Signal()
    touched = Signal()
    news = Signal()

    def __init__(self, document: Document, look: Look, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.look = look
        self.far = FarShapes()
        self.sheets = Sheets()
        self._taking_news = False
        self.over: list[QGraphicsItem] = []
        self.carried = carried.Carried()
        self._places: dict[str, layout.Place] = {}
        self._faces = Faces(document)
        self._chosen = Selection()
        # what changed in a run but was not in sight since
        self._news: set[str] = set()
        self._far_news: set[str] = set()
        self._kept = Keeper(self, look)
        self._sync()
        self.shapes_changed.connect(self.sheets.drop)
        document.flow_changed.connect(self._flow_changed)
        document.selection_changed.connect(self._choose)
        document.knowledge_changed.connect(self._learn)

    def dispose(self) -> None:
        """Let go of every item, once nobody looks any more: before the scene goes, whatever Python collects when.
        The document goes as well, so that nothing is drawn again."""
        self._news.clear()
        self._far_news.clear()
        self._kept.forget()
        self.over.clear()
        self.clear()

    @property
    def cards(self) -> Mapping[str, ModuleItem]:
        """The card items by module id."""
        return self._kept.cards

    @property
    def link_items(self) -> Mapping[str, LinkItem]:
        """The data link items by the link's text."""
        return self._kept.links

    @property
    def control_items(self) -> Sequence[ControlItem]:
        """The control link items, in file order."""
        return self._kept.controls

    @property
    def frame_items(self) -> Sequence[FrameItem]:
        """The frame items, in file order of their sub flows."""
        return self._kept.frames

    @property
    def standing(self) -> Standing:
        """What stands where."""
        return self._kept.standing

    # --- following the document ------------------------------------------------------------------

    def _flow_changed(self, old: Flow, new: Flow) -> None:
        self._put_down()
        moved = only_moved(old, new) if self._catalogue is self.document.catalogue else None
        if moved is not None and moved <= self.cards.keys():
            self._follow_move(moved)
        else:
            self._sync()
            self._choose()

    def _sync(self) -> None:
        """Draw the whole flow anew; items that look the same stay as they are."""
        flow, catalogue = self.document.flow, self.document.catalogue
        self._catalogue = catalogue
        given = layout.given_places(flow)
        known = {m.id: given.get(m.id) or self._places.get(m.id) for m in flow.modules}
        if all(known.values()):
            self._places = {id: place for id, place in known.items() if place}
        else:
            made = layout.positions(flow, catalogue)
            self._places = {id: place or made[id] for id, place in known.items()}
        self._drawing = layout.draw(flow, catalogue, self._places)
        self._faces.forget()
        self._kept.keep(flow, self._drawing)
        self.setSceneRect(rect(self._drawing.box.grown(_MARGIN)))
        self._show_marks()
        self._see_far()

    def _follow_move(self, ids: frozenset[str]) -> None:
        """Only these cards stand elsewhere."""
        flow = self.document.flow
        given = layout.given_places(flow)
        self._places.update({id: given[id] for id in ids if id in given})
        self._drawing = layout.moved(self._drawing, flow, self._places, ids)
        self._kept.keep(flow, self._drawing, ids)
        self.setSceneRect(self.sceneRect().united(rect(self._drawing.box.grown(_MARGIN))))
        touched = {link.shape_data.id for id in ids for link in self.cards[id].links}
        run_marks.show(self._kept, self._faces, self.document.knowledge.watch, frozenset(touched | ids))
        self._put_far_moved(self.cards[id] for id in ids)
        self.far.frames = [rect(item.frame.box) for item in self.frame_items]
        self.shapes_changed.emit()

    def _choose(self) -> None:
        chosen, before = self.document.selection, self._chosen
        self._chosen = chosen
        # an item may be new although its id is not: those that should look selected are asked themselves
        for id in chosen.modules | before.modules:
            item = self.cards.get(id)
            if item is not None and item.chosen != (id in chosen.modules):
                item.choose(id in chosen.modules)
                self._put_far_card(item)
        for link in chosen.links | before.links:
            if str(link) in self.link_items:
                self.link_items[str(link)].choose(link in chosen.links)
        for control in self.control_items:
            control.choose(control.link in chosen.links)
        self.touched.emit()

    def _learn(self, changed: frozenset[str]) -> None:
        """Take over what the document learned; ``changed`` empty means everything. A run may change
        thousands of looks a second: cards and links take theirs over when they are painted."""
        cards = changed & self.cards.keys() if changed else self.cards.keys()
        if changed:
            links = changed & self.link_items.keys()
            self._news |= cards | links
            rest = changed - cards - links
            if rest:
                self._show_news(rest)
        else:
            self._show_marks()
        self._far_news.update(cards)
        if changed:
            self.news.emit()
        else:
            self.shapes_changed.emit()

    def _show_marks(self) -> None:
        """Show everything that the watched run says."""
        self._news.clear()
        self._show_news(frozenset())

    def take_news(self, area: QRectF | None = None) -> None:
        """Let modules and links in this area look as the document knows them now; all of them by default."""
        now = frozenset(self._news)
        if area is not None and now:
            # few are in sight, where thousands may have news
            standing = self.standing
            now &= standing.cards.about(area) | standing.lines.about(area) | standing.tags.about(area)
        if now:
            self._news -= now
            self._show_news(now)

    def _show_news(self, changed: frozenset[str]) -> None:
        """Show what a run says, and leave it to whoever told or paints it that a view paints it."""
        self._taking_news = True
        run_marks.show(self._kept, self._faces, self.document.knowledge.watch, changed)
        self._taking_news = False

    def spoil(self, item: QGraphicsItem, area: QRectF, *, ground: bool = False, lod: float = 0.0) -> None:
        """``item`` looks different in ``area``, to who looks from ``lod`` or nearer: on top, or on the ``ground``."""
        if item not in self.carried.items:
            (self.sheets.ground if ground else self.sheets.top).spoil(area, lod)
        if not self._taking_news:
            self.touched.emit()

    # --- the far view ---------------------------------------------------------------------------------

    def far_now(self) -> FarShapes:
        """The far view as the document stands now."""
        for id in self._far_news & self.cards.keys():
            self._put_far_card(self.cards[id])
        self._far_news.clear()
        return self.far

    def _see_far(self) -> None:
        self.far.clear()
        for item in self.cards.values():
            self._put_far_card(item)
        for link in self.link_items.values():
            self._put_far_line(link)
        for n, control in enumerate(self.control_items):
            ends = QLineF(control.path.pointAtPercent(0), control.path.pointAtPercent(1))
            self.far.put_line(f"control {n}", self.look.theme.failure if control.data_shape.error else self.look.theme.solo, ends)
        self.far.frames = [rect(item.frame.box) for item in self.frame_items]
        self.shapes_changed.emit()

    def _put_far_moved(self, cards: Iterable[ModuleItem]) -> None:
        for item in cards:
            self._put_far_card(item)
            for link in item.links:
                self._put_far_line(link)

    def _put_far_card(self, item: ModuleItem) -> None:
        colour = self._faces.far_colour(item.card.id, item.card.kind, self.look)
        box = rect(item.card.box).translated(item.pos())
        lifted = item in self.carried.items
        (self.carried.far if lifted else self.far).put_card(item.card.id, colour, box, chosen=item.chosen)
        if not lifted:
            self.sheets.far.spoil(box)

    def _put_far_line(self, link: LinkItem) -> None:
        colour = self.look.theme.failure if link.shape_data.reject else self.look.far_link.color().name()
        (self.carried.far if link in self.carried.items else self.far).put_line(link.shape_data.id, colour, link.line)

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
        cards = [self.cards[id] for id in ids if id in self.cards]
        links = list(dict.fromkeys(link for item in cards for link in item.links))
        if (dx or dy) and len(cards) <= carried.MOST:
            self._carry(cards, links)
        else:
            self._put_down()
        for item in (*cards, *links):
            self._spoil_all(item)
        for item in cards:
            item.setPos(dx, dy)
            self.standing.put_card(item)
        for link in links:
            link.follow()
            self.standing.put_link(link)
        self._put_far_moved(cards)
        for item in (*cards, *links):
            self._spoil_all(item)
        self.touched.emit()

    def _carry(self, cards: Sequence[ModuleItem], links: Sequence[LinkItem]) -> None:
        """Take these cards and links out of the sheets."""
        if cards == self.carried.cards:
            return
        self._put_down()
        for item in (*cards, *links):
            self._spoil_all(item)
        self.far.take((item.card.id for item in cards), (link.shape_data.id for link in links))
        self.carried.take(cards, links)

    def _put_down(self) -> None:
        """What was carried stands in the sheets again."""
        cards, links = self.carried.cards, self.carried.links
        self.carried.take((), ())
        self._put_far_moved(cards)
        for item in (*cards, *links):
            self._spoil_all(item)

    def _spoil_all(self, item: QGraphicsItem) -> None:
        """Something looks different from near and far, unless it is carried."""
        if item not in self.carried.items:
            self.sheets.spoil(item.sceneBoundingRect())

    def lay_over(self, item: QGraphicsItem) -> None:
        """Show ``item`` above everything: a rubber band, a link that is being drawn."""
        self.addItem(item)
        self.over.append(item)
        self.touched.emit()

    def take_off(self, item: QGraphicsItem) -> None:
        """Show what :meth:`lay_over` laid there no longer."""
        self.over.remove(item)
        self.removeItem(item)
        self.touched.emit()

    def over_moved(self) -> None:
        """What lies above everything has another shape."""
        self.touched.emit()

    def place(self, id: str) -> layout.Place:
        """Where a card's top left stands in the document."""
        return self._places[id]

    def flow_box(self) -> QRectF:
        """The rectangle around everything drawn."""
        return rect(self._drawing.box) if self.cards else QRectF()

    def within(self, area: QRectF) -> frozenset[str]:
        """The modules whose cards an area touches."""
        return frozenset(item.card.id for item in self.items(area) if isinstance(item, ModuleItem) and rect(item.card.box).intersects(area))

    def set_look(self, look: Look) -> None:
        """Paint everything in another look."""
        if look is self.look:
            return
        self.look = look
        self._kept.show_look(look)
        self._see_far()
        self.update()

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        paint.grid(painter, self.look, painter.worldTransform().m11(), QRectF(rect))
