"""Editors of several values: a list, a mapping, types of columns; a row for each.

A row that is not complete yet (no name, no value) stays on the screen and out of the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from pypeline.app.desktop.forms.editor import UNSET, Editor
from pypeline.app.desktop.forms.expression import ExpressionText
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.shapes import Shape
from pypeline.schema.scalars import same

Make = Callable[[Shape, Room], Editor]
_KEY_SHARE, _VALUE_SHARE = 2, 3
_WIDE = frozenset({"grid", "object", "list", "columns", "types", "mapping"})


@dataclass
class Row:
    frame: QWidget
    key: Editor | None
    editor: Editor
    shape: Shape
    given: Any = UNSET

    def value(self) -> Any:
        """The row's value. A line that was empty in the file is an empty text; a fresh one is nothing yet."""
        value = self.editor.value()
        return "" if value is UNSET and self.given == "" else value


class Rows(Editor):
    """Rows with a button that adds one; Alt+Up and Alt+Down move the row of the focus."""

    adding = "Add"
    ordered = True
    """Whether the order of the rows is part of the value."""

    def __init__(self, shape: Shape, room: Room, make: Make) -> None:
        super().__init__()
        self._shape, self._room, self._make = shape, room, make
        self._item = shape.item or Shape("text")
        self._name = shape.title
        self.rows: list[Row] = []
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(4)
        self.add_button = QPushButton(self.adding)
        self.add_button.setObjectName("small")
        self.add_button.setAutoDefault(False)
        self.add_button.clicked.connect(lambda _=False: self.add())
        self._foot = QHBoxLayout()
        self._foot.setContentsMargins(0, 0, 0, 0)
        self._foot.setSpacing(8)
        self._foot.addWidget(self.add_button)
        self._foot.addStretch(1)
        self._box.addLayout(self._foot)
        self.setFocusProxy(self.add_button)

    def add(self) -> None:
        """One more row, ready to be filled in."""
        row = self._append(self._item)
        first = row.key or row.editor
        first.target().setFocus()
        if row.key is None and row.editor.value() is not UNSET:
            self._changed(typing=False)

    def show_name(self, title: str, description: str = "") -> None:
        self._name = title
        self.add_button.setAccessibleName(f"Add to {title}")
        self.add_button.setToolTip(description)
        for row in self.rows:
            self._name_row(row)

    def _name_row(self, row: Row) -> None:
        if row.key is not None:
            row.key.show_name(f"{self._name}, {'column' if self._shape.keys else 'name'}")
        row.editor.show_name(f"{self._name}, value")

    def learn(self) -> None:
        for row in self.rows:
            for editor in (row.key, row.editor):
                if editor is not None:
                    editor.learn()

    def says(self) -> tuple[str, ...]:
        return tuple(said for row in self.rows for said in row.editor.says())

    def target(self) -> QWidget:
        first = self.rows[0] if self.rows else None
        return self.add_button if first is None else (first.key or first.editor).target()

    # --- rows -------------------------------------------------------------------------------------

    def _append(self, shape: Shape) -> Row:
        frame = QWidget()
        rows = QVBoxLayout(frame)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(4)
        line = QHBoxLayout()
        line.setSpacing(4)
        rows.addLayout(line)
        key = self._key()
        row = Row(frame, key, self._editor(shape), shape)
        if key is not None:
            key.edited.connect(lambda _, typing: self._changed(typing=typing))
            line.addWidget(key, _KEY_SHARE, Qt.AlignmentFlag.AlignTop)
        if key is not None and shape.kind in _WIDE:
            # an object takes a line of its own below its name
            row.editor.setContentsMargins(12, 0, 0, 4)
            rows.addWidget(row.editor)
        else:
            line.addWidget(row.editor, _VALUE_SHARE)
        buttons = QHBoxLayout()
        buttons.setSpacing(0)
        buttons.addWidget(self._room.button("close", "Remove this row", lambda: self._remove(row)))
        if self.ordered or self._item.others:
            menu = QToolButton()
            menu.setObjectName("quiet")
            menu.setText("⋮")
            menu.setFixedSize(16, 28)
            menu.setAccessibleName("More for this row")
            menu.clicked.connect(lambda _=False: self._menu(row, menu))
            buttons.addWidget(menu)
        line.addLayout(buttons)
        line.setAlignment(buttons, Qt.AlignmentFlag.AlignTop)
        for keys, step in () if not self.ordered else (("Alt+Up", -1), ("Alt+Down", 1)):
            shortcut = QShortcut(QKeySequence(keys), frame)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(lambda step=step: self._move(row, step))
        self.rows.append(row)
        self._box.insertWidget(self._box.count() - 1, frame)
        self._name_row(row)
        if isinstance(row.editor, ExpressionText):
            row.editor.more = lambda: self._above(row)
        return row

    def _editor(self, shape: Shape) -> Editor:
        editor = self._make(shape, self._room)
        editor.edited.connect(lambda _, typing: self._changed(typing=typing))
        editor.refused.connect(self.refused)
        return editor

    def _menu(self, row: Row, button: QToolButton) -> None:
        menu = QMenu(button)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, True)
        at = self.rows.index(row)
        if self.ordered:
            up, down = menu.addAction("Move up\tAlt+Up"), menu.addAction("Move down\tAlt+Down")
            up.setEnabled(at > 0)
            down.setEnabled(at + 1 < len(self.rows))
            up.triggered.connect(lambda _=False: self._move(row, -1))
            down.triggered.connect(lambda _=False: self._move(row, 1))
        for shape in (self._item, *self._item.others):
            if shape.kind != row.shape.kind:
                way = menu.addAction(f"Write as {(shape.title or shape.kind).lower()}")
                way.triggered.connect(lambda _=False, shape=shape: self._rewrite(row, shape))
        menu.popup(button.mapToGlobal(button.rect().bottomLeft()))

    def _rewrite(self, row: Row, shape: Shape) -> None:
        """Another editor in this row's place; the file keeps the old value until the new one is complete."""
        at = self.rows.index(row)
        key = row.key.value() if row.key is not None else UNSET
        self.rows.remove(row)
        self._drop(row)
        new = self._append(shape)
        self.rows.insert(at, self.rows.pop())
        self._box.removeWidget(new.frame)
        self._box.insertWidget(at, new.frame)
        if new.key is not None:
            new.key.show_value(key)
        new.editor.target().setFocus()

    def _key(self) -> Editor | None:
        return None

    def _above(self, row: Row) -> list[str]:
        return []

    def _remove(self, row: Row) -> None:
        if row in self.rows:
            self.rows.remove(row)
            self._drop(row)
            self._changed(typing=False)
            self.target().setFocus()

    def _drop(self, row: Row) -> None:
        self._box.removeWidget(row.frame)
        row.frame.hide()
        row.frame.deleteLater()

    def _move(self, row: Row, step: int) -> None:
        at = self.rows.index(row)
        to = at + step
        if 0 <= to < len(self.rows):
            focus = self.window().focusWidget()
            self.rows.insert(to, self.rows.pop(at))
            self._box.removeWidget(row.frame)
            self._box.insertWidget(to, row.frame)
            if focus is not None:
                focus.setFocus()
            self._changed(typing=False)

    def _changed(self, *, typing: bool) -> None:
        self.edited.emit(self.value(), typing)

    def _show_rows(self, wanted: list[tuple[str, Any]]) -> None:
        """Rows for these keys and values; rows that are right already stay, with their cursor."""
        shapes = [self._item.for_value(value) for _, value in wanted]
        keep = len(wanted) == len(self.rows) and all(row.shape == shape for row, shape in zip(self.rows, shapes, strict=True))
        if not keep:
            for row in self.rows:
                self._drop(row)
            self.rows = []
            for shape in shapes:
                self._append(shape)
        for row, (key, value) in zip(self.rows, wanted, strict=True):
            if row.key is not None:
                row.key.show_value(key)
            row.given = value
            if value == "":
                row.editor.show_hint("empty text")
            if keep is False or not same(row.editor.value(), value):
                row.editor.show_value(value)
