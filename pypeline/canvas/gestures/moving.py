"""Move: selected cards follow the pointer; on release they stand on the grid."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt

from pypeline.canvas.gestures.gesture import NO_MODIFIER, Gesture
from pypeline.canvas.view import FlowView
from pypeline.core import edits


class Move(Gesture):
    """Drag cards. A single module dropped on a link is put into it (with Alt held it is not)."""

    cursor = Qt.CursorShape.SizeAllCursor

    def __init__(self, view: FlowView, start: QPointF, ids: frozenset[str]) -> None:
        super().__init__(view, start)
        self.ids = ids

    def move(self, point: QPointF, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
        offset = point - self.start
        dx, dy = edits.snap((offset.x(), offset.y()))
        self.scene.drag(self.ids, dx, dy)

    def end(self, point: QPointF, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
        offset = point - self.start
        dx, dy = edits.snap((offset.x(), offset.y()))
        self.scene.drag(self.ids, 0, 0)
        if not dx and not dy:
            return
        places = {id: self.scene.place(id) for id in self.ids}
        moved = edits.move(self.document.flow, {id: (x + dx, y + dy) for id, (x, y) in places.items()})
        what = next(iter(self.ids)) if len(self.ids) == 1 else f"{len(self.ids)} modules"
        self.document.apply(f"Move {what}", moved)

    def cancel(self, reason: str) -> None:
        self.scene.drag(self.ids, 0, 0)
