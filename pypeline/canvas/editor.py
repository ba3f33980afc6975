"""The editor: which gesture a press begins, and what keys on the canvas mean.

It holds the one gesture in charge. Wishes that need more than the canvas (a menu, a preview, a
file's reader) go out as signals; the window answers them.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QDragMoveEvent, QDropEvent, QKeyEvent, QMouseEvent

from pypeline.canvas.document import Selection
from pypeline.canvas.gestures.gesture import Gesture
from pypeline.canvas.gestures.joining import Connect, Control
from pypeline.canvas.gestures.looking import Band, Pan
from pypeline.canvas.gestures.moving import Move
from pypeline.canvas.hand import Hand
from pypeline.canvas.hit import Hit
from pypeline.canvas.quick_add import QuickAdd
from pypeline.canvas.valve_editor import ValveEditor
from pypeline.canvas.view import FlowView
from pypeline.core import edits, joining
from pypeline.core.geometry import CARD_HEIGHT, CARD_WIDTH
from pypeline.schema.flow import ControlLink, DataLink, Flow

MIME = "application/x-pypeline-module"
"""What a drag from the palette carries: the module type's name as UTF-8."""
_SLOP = 4


class Editor(QObject, Hand):
    """The hand on a :class:`FlowView`.

    Signals: ``link_chosen(DataLink)`` a link was clicked (preview it); ``opened(str)`` a module was
    double-clicked; ``menu_wanted(QPoint, Hit)``; ``files_dropped(list[str], QPointF)``;
    ``added(str)`` a module was placed.
    """

    link_chosen = Signal(object)
    opened = Signal(str)
    menu_wanted = Signal(QPoint, object)
    files_dropped = Signal(list, QPointF)
    added = Signal(str)

    def __init__(self, view: FlowView) -> None:
        super().__init__(view)
        self.view = view
        self.scene = view.flow_scene
        self.document = view.flow_scene.document
        self.gesture: Gesture | None = None
        self._pressed: tuple[QPoint, QPointF, Hit, Qt.KeyboardModifier] | None = None
        self._space = False
        self.quick_add = QuickAdd(view)
        self.quick_add.chosen.connect(self._quick_chosen)
        self.valve_editor = ValveEditor(view)
        self._wire: tuple[str, str, str] | None = None
        self._spot = QPointF()
        self._pointer = QPointF()
        self._hovered = ""
        view.hand = self
        self.document.flow_changed.connect(self._flow_changed)

    def _flow_changed(self) -> None:
        """Undo or another's edit in the middle of a gesture: what it holds may be gone."""
        self._pressed = None
        if self.gesture is not None:
            self.stop("the flow changed")

    # --- mouse ------------------------------------------------------------------------------------

    def press(self, event: QMouseEvent) -> None:
        point = self.view.mapToScene(event.position().toPoint())
        self.view.setFocus()
        if event.button() == Qt.MouseButton.MiddleButton or (event.button() == Qt.MouseButton.LeftButton and self._space):
            self._begin(Pan(self.view, point))
            return
        hit = self.scene.hit(point)
        if event.button() == Qt.MouseButton.RightButton:
            self._choose(hit, event.modifiers(), keep=True)
            return
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._choose(hit, event.modifiers(), keep=True)
        self._pressed = (event.position().toPoint(), point, hit, event.modifiers())

    def move(self, event: QMouseEvent) -> None:
        here = event.position().toPoint()
        point = self.view.mapToScene(here)
        self._pointer = point
        if self.gesture is not None:
            self.gesture.move(point, event.modifiers())
            return
        if self._pressed is None:
            self._hover(point)
            return
        if (here - self._pressed[0]).manhattanLength() >= _SLOP:
            _, start, hit, modifiers = self._pressed
            self._begin(self._gesture_for(start, hit, modifiers))
            if self.gesture is not None:
                self.gesture.move(point, event.modifiers())

    def release(self, event: QMouseEvent) -> None:
        point = self.view.mapToScene(event.position().toPoint())
        pressed, self._pressed = self._pressed, None
        if self.gesture is not None:
            gesture, self.gesture = self.gesture, None
            self.view.unsetCursor()
            gesture.end(point, event.modifiers())
        elif pressed is not None and event.button() == Qt.MouseButton.LeftButton:
            self._choose(pressed[2], pressed[3], keep=False)
            if isinstance(pressed[2].link, DataLink):
                self.link_chosen.emit(pressed[2].link)

    def double(self, event: QMouseEvent) -> None:
        point = self.view.mapToScene(event.position().toPoint())
        hit = self.scene.hit(point)
        if hit.kind == "control" and isinstance(hit.link, ControlLink):
            self.edit_valve(hit.link)
        elif hit.kind in {"module", "port"}:
            self.opened.emit(hit.module)
        elif hit.kind in {"", "frame"}:
            self.ask_for_module(point)

    def menu(self, event: QContextMenuEvent) -> None:
        point = self.view.mapToScene(event.pos())
        self._spot = point
        self.menu_wanted.emit(event.globalPos(), self.scene.hit(point))

    def _gesture_for(self, start: QPointF, hit: Hit, modifiers: Qt.KeyboardModifier) -> Gesture:
        if hit.kind == "port":
            return self._from_port(start, hit)
        if hit.kind == "module":
            # Alt alone is not enough: many desktops move the window with it
            if modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
                return Control(self.view, start, hit.module, self.edit_valve)
            return Move(self.view, start, self.document.selection.modules | {hit.module})
        if hit.kind == "frame":
            return Move(self.view, start, frozenset(hit.members))
        return Band(self.view, start, bool(modifiers & Qt.KeyboardModifier.ShiftModifier))

    def _from_port(self, start: QPointF, hit: Hit) -> Gesture:
        """A new link; from a fed single input the link's end is taken up instead."""
        flow = self.document.flow
        decl = self.document.catalogue.get(flow.module(hit.module).name)
        many = decl is not None and decl.port_rules.get(hit.port) == "many"
        if hit.side == "in" and not many:
            for link in flow.connections.data:
                if link.target == hit.module and link.target_port == hit.port:
                    return Connect(self.view, start, link.source, "out", link.source_port, self._dropped, link)
        return Connect(self.view, start, hit.module, hit.side, hit.port, self._dropped)

    def _begin(self, gesture: Gesture) -> None:
        self.gesture = gesture
        self._pressed = None
        if gesture.cursor is not None:
            self.view.setCursor(gesture.cursor)

    def _hover(self, point: QPointF) -> None:
        hit = self.scene.hit(point)
        if hit.module != self._hovered:
            self._light_up(hit.module)

    def _light_up(self, module: str) -> None:
        """The card of this module, and no other, lies under the pointer."""
        for id in {self._hovered, module}:
            item = self.scene.cards.get(id)
            if item is not None:
                item.hover(id == module)
        self._hovered = module

    def _choose(self, hit: Hit, modifiers: Qt.KeyboardModifier, *, keep: bool) -> None:
        """Select what was hit. ``keep`` (on press) leaves a group selected, so that it can be dragged."""
        chosen = self.document.selection
        toggle = bool(modifiers & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier))
        if hit.module:
            if toggle:
                if not keep:
                    self.document.select(chosen.modules ^ {hit.module}, chosen.links)
            elif not (keep and hit.module in chosen.modules):
                self.document.select([hit.module])
        elif hit.link is not None:
            self.document.select((), (chosen.links ^ {hit.link}) if toggle else [hit.link])
        elif hit.kind == "frame":
            self.document.select(hit.members)
        elif not toggle:
            self.document.select()

    # --- keys ---------------------------------------------------------------------------------------

    def key(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.stop("escape")
        elif event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = True
            self.view.setCursor(Qt.CursorShape.OpenHandCursor)
        elif event.key() == Qt.Key.Key_Tab:
            self.ask_for_module(self._pointer)
        elif event.key() in _STEPS and self.document.selection.modules:
            self._nudge(event)
        elif event.text().isalnum() and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.ask_for_module(self._pointer, text=event.text())
        else:
            event.ignore()

    def key_up(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
            if self.gesture is None:
                self.view.unsetCursor()

    def _nudge(self, event: QKeyEvent) -> None:
        dx, dy = _STEPS[Qt.Key(event.key())]
        far = 5 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        ids = self.document.selection.modules
        places = {id: self.scene.place(id) for id in ids}
        moved = edits.move(self.document.flow, {id: (x + dx * far * edits.GRID, y + dy * far * edits.GRID) for id, (x, y) in places.items()})
        self.document.apply("Move by keys", moved, merge=f"nudge:{sorted(ids)}")

    def lost_focus(self) -> None:
        # a popup of ours takes the focus without ending what the hand does
        if self.gesture is not None and not self.quick_add.isVisible():
            self.stop("focus lost")

    def left(self) -> None:
        # the pointer is elsewhere: nothing lies under it
        self._light_up("")

    def stop(self, reason: str) -> None:
        """End the gesture in charge without doing anything; with none, select nothing."""
        self._pressed = None
        if self.gesture is None:
            self.document.select()
            return
        gesture, self.gesture = self.gesture, None
        self.view.unsetCursor()
        gesture.cancel(reason)

    # --- adding modules -----------------------------------------------------------------------------

    def ask_for_module(self, point: QPointF, wire: tuple[str, str, str] | None = None, text: str = "") -> None:
        """Open the quick-add list at a scene point; ``wire`` (module, side, port) is joined to the choice."""
        self._wire, self._spot = wire, point
        source_side = wire[1] if wire else ""
        self.quick_add.ask(self.view.mapFromScene(point), self.document.catalogue, source_side, text)

    def add(self, type: str, point: QPointF, wire: tuple[str, str, str] | None = None) -> str:
        """Place a module with its middle at ``point``, joined to ``wire`` in the same undo step; its id."""
        decl = self.document.catalogue[type]
        if wire is not None and all(m.id != wire[0] for m in self.document.flow.modules):
            wire = None  # undone while the list was open
        place = (point.x() - CARD_WIDTH / 2, point.y() - CARD_HEIGHT / 2)
        if wire is not None:
            place = (point.x() if wire[1] == "out" else point.x() - CARD_WIDTH, point.y() - 24)
        flow, id = edits.add_module(self.document.flow, decl, place)
        if wire is not None:
            fit = joining.first_fit if wire[1] == "out" else joining.first_feed
            link = fit(flow, self.document.catalogue, wire[0], wire[2], id)
            flow = edits.connect(flow, link) if link else flow
        else:
            flow = self._into_link(flow, id, point)
        self.document.apply(f"Add {id}", flow, choose=Selection(frozenset([id])))
        # placed at an edge of the view, it comes whole into sight
        self.view.show_module(id)
        self.added.emit(id)
        return id

    def _into_link(self, flow: Flow, id: str, point: QPointF) -> Flow:
        """``flow`` with module ``id`` put into the link under ``point``, where it fits."""
        hit = self.scene.hit(point)
        decl = self.document.catalogue[flow.module(id).name]
        if isinstance(hit.link, DataLink) and decl.kind == "mod" and decl.input_ports and decl.output_ports:
            return edits.insert_on_link(flow, hit.link, id, decl.input_ports[0], decl.output_ports[0])
        return flow

    def _dropped(self, point: QPointF, module: str, side: str, port: str) -> None:
        self.ask_for_module(point, (module, side, port))

    def _quick_chosen(self, type: str) -> None:
        self.add(type, self._spot, self._wire)
        self.view.setFocus()

    def edit_valve(self, link: ControlLink) -> None:
        """Edit a control link's valve where it stands."""
        item = next((c for c in self.scene.control_items if c.link == link), None)
        if item is not None:
            self.valve_editor.edit(link, item.data_shape.pill)

    # --- drops from outside ---------------------------------------------------------------------------

    def drag_over(self, event: QDragMoveEvent) -> None:
        if event.mimeData().hasFormat(MIME) or event.mimeData().hasUrls():
            event.acceptProposedAction()

    def drop(self, event: QDropEvent) -> None:
        point = self.view.mapToScene(event.position().toPoint())
        data = event.mimeData()
        if data.hasFormat(MIME):
            type = bytes(data.data(MIME).data()).decode()
            if type in self.document.catalogue:
                self.add(type, point)
                event.acceptProposedAction()
        elif data.hasUrls():
            self.files_dropped.emit([u.toLocalFile() for u in data.urls() if u.isLocalFile()], point)
            event.acceptProposedAction()


_STEPS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
