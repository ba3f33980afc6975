"""The view: where one looks. Zoom, pan, fit, the far painter; events go to the gesture in charge."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter, thread_time

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QGraphicsView, QWidget

from pypeline.canvas import near, paint
from pypeline.canvas.hand import Hand
from pypeline.canvas.scene import FlowScene
from pypeline.canvas.sheet import Paint, Sheet

SMALLEST, LARGEST = 0.02, 4.0
_STEP = 1.15
_FIT_MARGIN = 40.0
_REST, _LONGEST = 5.0, 0.05
"""A run's news wait till the view has rested so many times as long as painting the last took, but never longer than these seconds."""
_PAUSE, _SHORT_REST = 15, 2.0
"""Before a frame paints what an earlier one owes: milliseconds at least, and how many times as long as that one took."""
_PORTION = 160
"""So many cards that a frame had no time for are tried in the next."""
_READABLE, _START = 0.6, 0.75


class FlowView(QGraphicsView):
    """A look at a :class:`FlowScene`. ``zoom_changed(scale)`` tells the zoom control; ``looked`` that
    another part is seen (for the minimap), ``said`` a word about what the hand is doing, and whether it is a refusal."""

    zoom_changed = Signal(float)
    looked = Signal()
    said = Signal(str, bool)

    def __init__(self, scene: FlowScene, parent: QWidget | None = None) -> None:
        super().__init__(scene, parent)
        self.flow_scene = scene
        self.hand = Hand()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.MinimalViewportUpdate)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontAdjustForAntialiasing, True)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setDragMode(QGraphicsView.DragMode.NoDrag)
        self.setAcceptDrops(True)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        # while one zooms a picture is stretched; it is painted anew when the zoom has come to rest
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(120)
        self._rest.timeout.connect(self.rest)
        # cards that a frame had no time for are painted in the next
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.timeout.connect(self._paint_all)
        self._owed: list[QRectF] = []
        # a run says something thirty times a second: where painting takes long, not all of it is painted
        self._fresh = QTimer(self)
        self._fresh.setSingleShot(True)
        self._fresh.timeout.connect(self._paint_news)
        self._telling = False
        self._took = self._told = self._told_at = 0.0
        scene.shapes_changed.connect(self._paint_all)
        scene.news.connect(self._paint_soon)
        scene.touched.connect(self._paint_all)

    @property
    def scale_now(self) -> float:
        """Pixels per scene pixel."""
        return self.transform().m11()

    def zoom_to(self, scale: float, at: QPointF | None = None) -> None:
        """Zoom to ``scale``, keeping the viewport point ``at`` (default: the middle) where it is."""
        scale = min(LARGEST, max(SMALLEST, scale))
        point = at if at is not None else QPointF(self.viewport().rect().center())
        before = self.mapToScene(point.toPoint())
        self._rest.start()
        self.setTransform(QTransform.fromScale(scale, scale))
        after = self.mapToScene(point.toPoint())
        self._scroll((before.x() - after.x()) * scale, (before.y() - after.y()) * scale)
        self.zoom_changed.emit(scale)
        self.looked.emit()

    def zoom_by(self, steps: float, at: QPointF | None = None) -> None:
        """Zoom in (positive) or out by notches."""
        self.zoom_to(self.scale_now * _STEP**steps, at)

    def pan_by(self, dx: float, dy: float) -> None:
        """Move what is seen by viewport pixels."""
        self._scroll(-dx, -dy)
        self.looked.emit()

    def _scroll(self, dx: float, dy: float) -> None:
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        across.setValue(across.value() + round(dx))
        down.setValue(down.value() + round(dy))

    def fit(self, box: QRectF | None = None, largest: float = 1.0) -> None:
        """See all of ``box`` (default: the whole flow), never larger than ``largest``."""
        area = box if box is not None else self.flow_scene.flow_box()
        if area.isEmpty():
            self.zoom_to(1.0)
            self.centerOn(0, 0)
            return
        room = self.viewport().rect()
        scale = min((room.width() - _FIT_MARGIN) / area.width(), (room.height() - _FIT_MARGIN) / area.height(), largest)
        self.zoom_to(max(scale, SMALLEST))
        self.centerOn(area.center())
        self.looked.emit()

    def start(self) -> None:
        """See all of the flow where it can be read so, else its beginning at a readable size."""
        area = self.flow_scene.flow_box()
        room = self.viewport().rect()
        whole = min((room.width() - _FIT_MARGIN) / max(1.0, area.width()), (room.height() - _FIT_MARGIN) / max(1.0, area.height()))
        if area.isEmpty() or whole >= _READABLE:
            self.fit()
            return
        self.zoom_to(_START)
        seen = self.seen()
        self.centerOn(area.left() + (seen.width() - _FIT_MARGIN) / 2, area.top() + (seen.height() - _FIT_MARGIN) / 2)
        self.looked.emit()

    def show_module(self, id: str) -> None:
        """Bring a module into sight."""
        x, y = self.flow_scene.place(id)
        self.ensureVisible(QRectF(x, y, 180, 80), 60, 60)
        self.looked.emit()

    def say(self, text: str, *, bad: bool = True) -> None:
        """Tell the person at the pointer something, ``bad`` if it is why something cannot be; empty takes it back."""
        self.said.emit(text, bad)

    def seen(self) -> QRectF:
        """The part of the scene in sight."""
        return self.mapToScene(self.viewport().rect()).boundingRect()

    @property
    def owes(self) -> bool:
        """Whether the last frame had no time for some cards, so that another one comes."""
        return self._more.isActive()

    def rest(self) -> None:
        """The zoom has come to rest: paint what was stretched."""
        self._rest.stop()
        self.flow_scene.sheets.drop()
        self._paint_all()

    def _paint_all(self) -> None:
        self.viewport().update()

    def _paint_soon(self) -> None:
        if not self._fresh.isActive():
            rested = perf_counter() - self._told_at
            self._fresh.start(round(1000 * min(_LONGEST, max(0.0, self._told * _REST - rested))))

    def _paint_news(self) -> None:
        self._telling = True
        self._paint_all()

    def paintEvent(self, event: QPaintEvent) -> None:
        # the view paints the flow itself: Qt's way, a call for every item, takes several times as long
        scene, began = self.flow_scene, thread_time()
        painter = QPainter(self.viewport())
        if self.scale_now < paint.FAR:
            self._show_far(painter)
        else:
            self._show_near(painter)
        painter.setTransform(self.viewportTransform())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        near.paint_over(painter, scene.over)
        painter.end()
        self._took = thread_time() - began
        if self._telling:
            self._telling, self._told, self._told_at = False, self._took, perf_counter()

    def _show_far(self, painter: QPainter) -> None:
        """The flow from far."""
        scene, sheets = self.flow_scene, self.flow_scene.sheets
        scene.far_now()
        if not self._rest.isActive():
            sheets.ground.drop()
            sheets.top.drop()
        if not self._stretched(painter, sheets.far):
            self._show(painter, sheets.far, self._paint_far)
        self._lay(painter, lambda area: scene.carried.far.paint(painter, scene.look, area))

    def _show_near(self, painter: QPainter) -> None:
        """The flow from near: its ground, and on it the rest; between and above them what is carried."""
        scene, sheets = self.flow_scene, self.flow_scene.sheets
        scene.take_news(self.seen())
        world, owed = self.viewportTransform(), list[QRectF]()
        kept = sheets.top.key
        stretched = sheets.top.near(world) and self._stretched(painter, sheets.ground)
        if not stretched:
            spent = near.Budget(near.GROUND_SECONDS).spent
            self._show(painter, sheets.ground, lambda made, area: near.paint_ground(made, scene, area), spent)
        self._lay(painter, lambda area: near.paint_carried_links(painter, scene, area))
        if stretched:
            sheets.top.stretch(painter, world)
        else:
            budget = near.card_budget()
            self._show(painter, sheets.top, lambda made, area: owed.extend(near.paint_top(made, scene, area, budget)))
        self._lay(painter, lambda area: near.paint_carried_cards(painter, scene, area))
        if stretched:
            return
        if not self._rest.isActive():
            sheets.far.drop()
        self._owe(owed, anew=sheets.top.key != kept)

    def _owe(self, areas: list[QRectF], *, anew: bool) -> None:
        """Paint what stands in these areas in the next frames; ``anew`` if nothing else is left to paint."""
        self._owed = areas if anew else self._owed + areas
        if self._owed or self.flow_scene.sheets.ground.owes:
            # as after a run's news: a frame that took long is followed by a rest, the longer if only lines' widths are owed
            self._more.start(max(_PAUSE, round(1000 * self._took * (_SHORT_REST if self._owed else _REST))))
        else:
            self._more.stop()
        for area in self._owed[:_PORTION]:
            self.flow_scene.sheets.top.spoil(area)
        del self._owed[:_PORTION]

    def _show(self, painter: QPainter, sheet: Sheet, paint: Paint, spent: Callable[[], bool] = lambda: False) -> None:
        sheet.show(painter, self.viewport().size(), self.viewportTransform(), self.devicePixelRatioF(), paint, spent)

    def _lay(self, painter: QPainter, show: Callable[[QRectF], None]) -> None:
        """Paint something carried on what is shown already, in scene coordinates."""
        if self.flow_scene.carried.cards:
            painter.save()
            painter.setTransform(self.viewportTransform())
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, self.scale_now >= paint.FAR)
            show(self.seen())
            painter.restore()

    def _stretched(self, painter: QPainter, sheet: Sheet) -> bool:
        """While one zooms a picture of another scale does, on the flow as it looks from far."""
        world, seen = self.viewportTransform(), self.seen()
        if not self._rest.isActive() or not sheet.near(world):
            return False
        painter.fillRect(self.viewport().rect(), self.flow_scene.look.canvas)
        if not sheet.area.contains(seen.intersected(self.flow_scene.flow_box())):
            painter.save()
            painter.setTransform(world)
            self._paint_far(painter, seen)
            painter.restore()
        sheet.stretch(painter, world)
        return True

    def _paint_far(self, painter: QPainter, area: QRectF) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.fillRect(area, self.flow_scene.look.canvas)
        self.flow_scene.far.paint(painter, self.flow_scene.look, area)

    # --- wheel and touchpad: the same whatever gesture is in charge -----------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier or (not event.pixelDelta().isNull() and event.modifiers()):
            self.zoom_by(event.angleDelta().y() / 120, event.position())
        elif not event.pixelDelta().isNull():
            self.pan_by(event.pixelDelta().x(), event.pixelDelta().y())
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.pan_by(event.angleDelta().y() / 2, event.angleDelta().x() / 2)
        else:
            self.zoom_by(event.angleDelta().y() / 120, event.position())
        event.accept()

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.NativeGesture:
            kind = getattr(event, "gestureType", lambda: None)()
            if kind == Qt.NativeGestureType.ZoomNativeGesture:
                self.zoom_to(self.scale_now * (1 + event.value()), event.position())  # type: ignore[attr-defined]
                return True
        return super().viewportEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.looked.emit()

    # --- the rest goes to the hand ------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.hand.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.hand.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.hand.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.hand.double(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.hand.key(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        self.hand.key_up(event)

    def focusNextPrevChild(self, next: bool) -> bool:
        # Tab asks for a module here instead of leaving the canvas
        return False

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.hand.lost_focus()
        super().focusOutEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self.hand.left()
        super().leaveEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.hand.menu(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self.hand.drag_over(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        self.hand.drag_over(event)

    def dropEvent(self, event: QDropEvent) -> None:
        self.hand.drop(event)
