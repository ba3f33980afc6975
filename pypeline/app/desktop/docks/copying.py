"""Ctrl+C in a list or a table copies what is marked there, though the window's own Ctrl+C copies modules."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QModelIndex, QObject
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView


class Copying(QObject):
    """Watches ``view``; ``text_of`` says what a marked cell is as text. Cells of a row are parted by tabs."""

    def __init__(self, view: QAbstractItemView, text_of: Callable[[QModelIndex], str]) -> None:
        super().__init__(view)
        self._view, self._text_of = view, text_of
        view.installEventFilter(self)

    def text(self) -> str:
        """What is marked, row by row as shown; columns that were moved stay moved."""
        rows: dict[int, list[QModelIndex]] = {}
        for index in self._view.selectedIndexes():
            rows.setdefault(index.row(), []).append(index)
        across = [sorted(rows[row], key=lambda index: self._view.visualRect(index).x()) for row in sorted(rows)]
        return "\n".join("\t".join(self._text_of(index) for index in cells) for cells in across)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.matches(QKeySequence.StandardKey.Copy):
            if event.type() == QEvent.Type.ShortcutOverride:
                # the key comes here, and not to the window
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                if text := self.text():
                    QGuiApplication.clipboard().setText(text)
                return True
        return super().eventFilter(watched, event)
