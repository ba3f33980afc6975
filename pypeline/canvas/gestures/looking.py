"""Gestures that change what one sees or has selected, not the flow."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtWidgets import QGraphicsRectItem

from pypeline.canvas.gestures.gesture import NO_MODIFIER, Gesture
from pypeline.canvas.look import pen
from pypeline.canvas.view import FlowView


class Pan(Gesture):
    """Take the canvas by the hand: Space or the middle button."""

    cursor = Qt.CursorShape.ClosedHandCursor

    def __init__(self, view: FlowView, start: QPointF) -> None:
        super().__init__(view, start)
        self._last = view.mapFromScene(start)

    def move(self, point: QPointF, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
        here = self.view.mapFromScene(point)
        self.view.pan_by(here.x() - self._last.x(), here.y() - self._last.y())
        self._last = here


class Band(Gesture):
    """A rubber band selects what it touches; Shift adds to what is selected."""

    def __init__(self, view: FlowView, start: QPointF, add: bool) -> None:
        super().__init__(view, start)
        self._before = self.document.selection.modules if add else frozenset()
        self._item = QGraphicsRectItem()
        accent = self.scene.look.accent
        self._item.setPen(pen(accent.name(), 0))
        fill = self.scene.look.accent.toRgb()
        fill.setAlphaF(0.08)
        self._item.setBrush(fill)
        self._item.setZValue(10)
        self.scene.lay_over(self._item)

    def move(self, point: QPointF, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
        area = QRectF(self.start, point).normalized()
        self._item.setRect(area)
        self.scene.over_moved()
        self.document.select(self._before | self.scene.within(area))

    def end(self, point: QPointF, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
        self.move(point)
        self.scene.take_off(self._item)

    def cancel(self, reason: str) -> None:
        self.scene.take_off(self._item)
        self.document.select(self._before)
