"""The command list (Ctrl+K): every action, or every module, by a few letters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

_WIDTH, _HEIGHT = 520, 380


class CommandList(QFrame):
    """A search line over a list, at the top of the window. Enter takes, Esc takes nothing."""

    def __init__(self, parent: QWidget, actions: Mapping[str, QAction]) -> None:
        super().__init__(parent)
        self.setObjectName("quickAdd")
        self._actions = actions
        self._rows: list[tuple[str, str, bool, Callable[[], object]]] = []
        self.line = QLineEdit(self)
        self.list = QListWidget(self)
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        box = QVBoxLayout(self)
        box.setContentsMargins(10, 10, 10, 10)
        box.addWidget(self.line)
        box.addWidget(self.list)
        self.line.textChanged.connect(self._fill)
        self.line.installEventFilter(self)
        self.list.itemClicked.connect(lambda _: self._take())
        self.hide()

    def ask_actions(self) -> None:
        """Offer every action with its keys."""
        rows: list[tuple[str, str, bool, Callable[[], object]]] = []
        for action in self._actions.values():
            keys = ", ".join(k.toString(QKeySequence.SequenceFormat.NativeText) for k in action.shortcuts())
            rows.append((action.text(), keys, action.isEnabled(), action.trigger))
        self._ask("Do what?", rows)

    def ask_modules(self, ids: Sequence[str], go: Callable[[str], object]) -> None:
        """Offer every module of the flow."""
        self._ask("Find which module?", [(id, "", True, partial(go, id)) for id in ids])

    def _ask(self, prompt: str, rows: list[tuple[str, str, bool, Callable[[], object]]]) -> None:
        self._rows = rows
        self.line.setPlaceholderText(prompt)
        self.line.clear()
        self._fill("")
        above = self.parentWidget()
        area = above.rect() if above is not None else self.rect()
        self.setGeometry((area.width() - _WIDTH) // 2, 64, _WIDTH, _HEIGHT)
        self.show()
        self.raise_()
        self.line.setFocus()

    def _fill(self, text: str) -> None:
        words = text.casefold().split()
        self.list.clear()
        for n, (title, keys, enabled, _) in enumerate(self._rows):
            if all(word in title.casefold() for word in words):
                item = QListWidgetItem(f"{title}    {keys}" if keys else title)
                item.setData(Qt.ItemDataRole.UserRole, n)
                if not enabled:
                    item.setFlags(Qt.ItemFlag.NoItemFlags)
                self.list.addItem(item)
        self._step(0, start=-1)

    def _step(self, by: int, start: int | None = None) -> None:
        """Go to the next row that can be taken."""
        row = self.list.currentRow() if start is None else start
        for _ in range(self.list.count()):
            row = (row + (by or 1)) % self.list.count()
            if self.list.item(row).flags() & Qt.ItemFlag.ItemIsEnabled:
                self.list.setCurrentRow(row)
                return

    def _take(self) -> None:
        item = self.list.currentItem()
        self.hide()
        if item is not None and item.flags() & Qt.ItemFlag.ItemIsEnabled:
            self._rows[item.data(Qt.ItemDataRole.UserRole)][3]()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            key = event.key()
            if key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
                self._take()
                return True
            if key == Qt.Key.Key_Escape:
                self.hide()
                return True
            if key in {Qt.Key.Key_Down, Qt.Key.Key_Up}:
                self._step(1 if key == Qt.Key.Key_Down else -1)
                return True
        elif event.type() == QEvent.Type.FocusOut:
            self.hide()
        return super().eventFilter(watched, event)
