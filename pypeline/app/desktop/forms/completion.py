"""Completion in a text area: a list under the cursor while a word is typed, or on Ctrl+Space."""

from __future__ import annotations

import re
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel, QTextCursor
from PySide6.QtWidgets import QCompleter, QListView

from pypeline.app.desktop.forms.texts import GrowingText

Words = Callable[[], list[tuple[str, str]]]
"""What may stand here: (word, what it is)."""
_WORD = re.compile(r"(?:\{\{[^{}]*|\"[^\"]*|[^\W\d]\w*)\Z")
_LEAST = 1


class Completion(QObject):
    """Offers ``words`` in ``area``: columns by name, functions with their bracket, variables in braces."""

    def __init__(self, area: GrowingText, words: Words) -> None:
        super().__init__(area)
        self._area, self._words = area, words
        self._model = QStandardItemModel(self)
        self.completer = QCompleter(self._model, self)
        self.completer.setWidget(area)
        self.completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.completer.setFilterMode(Qt.MatchFlag.MatchStartsWith)
        self.completer.setCompletionRole(Qt.ItemDataRole.UserRole)
        self.completer.setMaxVisibleItems(10)
        self.completer.activated.connect(self._take)
        self.list = QListView()
        self.list.setObjectName("completion")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.completer.setPopup(self.list)
        area.completing = self.list
        area.struck.connect(self._struck)
        area.asked.connect(lambda: self.offer(least=0))

    def _struck(self) -> None:
        if self.prefix() or self.list.isVisible():
            self.offer()

    def prefix(self) -> str:
        """The word before the cursor."""
        cursor = self._area.textCursor()
        found = _WORD.search(cursor.block().text()[: cursor.positionInBlock()])
        return found[0] if found else ""

    def offer(self, least: int = _LEAST) -> None:
        """Show what begins with the word at the cursor, if anything does."""
        prefix = self.prefix()
        if len(prefix) < least:
            self.list.hide()
            return
        self._fill()
        self.completer.setCompletionPrefix(prefix)
        count = self.completer.completionCount()
        if count == 0 or (count == 1 and self.completer.currentCompletion() == prefix):
            self.list.hide()
            return
        self.list.setCurrentIndex(self.completer.completionModel().index(0, 0))
        box = self._area.cursorRect()
        box.translate(self._area.viewport().x(), self._area.viewport().y())
        box.setWidth(min(320, max(180, self.list.sizeHintForColumn(0) + 32)))
        self.completer.complete(box)

    def _fill(self) -> None:
        self._model.clear()
        for word, what in self._words():
            item = QStandardItem(f"{word}   {what}" if what else word)
            item.setData(word, Qt.ItemDataRole.UserRole)
            self._model.appendRow(item)

    def _take(self, word: str) -> None:
        cursor = self._area.textCursor()
        cursor.movePosition(QTextCursor.MoveOperation.Left, QTextCursor.MoveMode.KeepAnchor, len(self.prefix()))
        cursor.insertText(word)
        self._area.setTextCursor(cursor)
