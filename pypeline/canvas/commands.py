"""The undo step: one flow swapped for another. What differs between edits is made by ``core.edits``."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtGui import QUndoCommand

from pypeline.schema.flow import Flow

MERGING = 1


class Puts(Protocol):
    """What a command needs of the document."""

    def put(self, flow: Flow) -> None: ...


class Swap(QUndoCommand):
    """From ``before`` to ``after``; a following step with the same ``merge`` key grows this one."""

    def __init__(self, document: Puts, label: str, before: Flow, after: Flow, merge: str) -> None:
        super().__init__(label)
        self._document = document
        self._before, self._after, self._merge = before, after, merge

    def id(self) -> int:
        return MERGING if self._merge else -1

    def redo(self) -> None:
        self._document.put(self._after)

    def undo(self) -> None:
        self._document.put(self._before)

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, Swap) or other._merge != self._merge:
            return False
        self._after = other._after
        # a drag that ends where it began leaves nothing to undo
        self.setObsolete(self._after == self._before)
        return True
