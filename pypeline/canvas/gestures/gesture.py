"""What all gestures share: a beginning, moves, and one of two ends."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt

from pypeline.canvas.document import Document
from pypeline.canvas.scene import FlowScene
from pypeline.canvas.view import FlowView

NO_MODIFIER = Qt.KeyboardModifier.NoModifier


class Gesture:
    """From press to release. Points are scene points. ``cursor`` is shown meanwhile.

    A gesture changes the document in :meth:`end` only, so that :meth:`cancel` (Esc, focus lost)
    needs to take back nothing but what is shown.
    """

    cursor: Qt.CursorShape | None = None

    def __init__(self, view: FlowView, start: QPointF) -> None:
        self.view = view
        self.scene: FlowScene = view.flow_scene
        self.document: Document = view.flow_scene.document
        self.start = start

    def move(self, point: QPointF, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
        """The pointer is at ``point`` now."""

    def end(self, point: QPointF, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
        """Released at ``point``: do it."""

    def cancel(self, reason: str) -> None:
        """Do nothing, and look as before. ``reason``: ``escape``, ``focus lost`` …"""
