"""Editors that offer what there is: a check box, a choice, a column, a type."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QCompleter, QHBoxLayout

from pypeline.app.desktop.forms.check_box import CheckBox
from pypeline.app.desktop.forms.combo import Combo
from pypeline.app.desktop.forms.editor import UNSET, Editor, mark
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.shapes import Shape
from pypeline.core.columns import SIMPLE
from pypeline.schema.scalars import resolve

_SHOWN = {" ": "blank", "": "none"}


class Check(Editor):
    """Yes or no; the field's title stands beside the box."""

    def __init__(self, shape: Shape, room: Room) -> None:
        super().__init__()
        self.box = CheckBox(room.look)
        self._default = False
        self.box.clicked.connect(lambda on: self.edited.emit(bool(on), False))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.box)
        self.setFocusProxy(self.box)

    def show_value(self, value: Any) -> None:
        self.box.setChecked(self._default if value is UNSET else bool(value))

    def value(self) -> Any:
        return self.box.isChecked()

    def show_default(self, value: Any) -> None:
        """What an unwritten field means."""
        self._default = bool(value)

    def target(self) -> CheckBox:
        return self.box


class Choice(Editor):
    """One of a few; where the type allows it, something else may be typed."""

    def __init__(self, shape: Shape, room: Room) -> None:
        super().__init__()
        self.box = Combo(editable=shape.free)
        self._none = shape.nullable
        self._default: Any = UNSET
        if self._none:
            self.box.addItem("–", UNSET)
        for option in shape.options:
            self.box.addItem(_SHOWN.get(option, str(option)), option)
        self.box.activated.connect(lambda _: self.edited.emit(self.value(), False))
        line = self.box.lineEdit()
        if line is not None:
            line.textEdited.connect(lambda _: self.edited.emit(self.value(), True))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.box)
        self.setFocusProxy(self.box)

    def show_default(self, value: Any) -> None:
        """What an unwritten field means."""
        self._default = value

    def show_value(self, value: Any) -> None:
        if value is UNSET or value is None:
            value = self._default
        for n in range(self.box.count()):
            if self.box.itemData(n) == value and type(self.box.itemData(n)) is type(value):
                self.box.setCurrentIndex(n)
                return
        if self.box.isEditable():
            if self.box.currentText() != str(value):
                self.box.setEditText("" if value is UNSET or value is None else str(value))
        else:
            self.box.setCurrentIndex(0 if self._none else -1)

    def value(self) -> Any:
        at = self.box.currentIndex()
        if not self.box.isEditable() or (at >= 0 and self.box.itemText(at) == self.box.currentText()):
            return UNSET if at < 0 else self.box.itemData(at)
        text = self.box.currentText().strip()
        return resolve(text) if text else UNSET

    def target(self) -> QComboBox:
        return self.box


class ColumnLine(Editor):
    """The name of a column, offered from what is known at the port, or a type from the vocabulary."""

    def __init__(self, shape: Shape, room: Room, *, types: bool = False) -> None:
        super().__init__()
        self._room, self._port, self._types = room, shape.port, types
        self.box = Combo(editable=True)
        line = self.box.lineEdit()
        assert line is not None
        self.line = line
        if types:
            self.line.setFont(room.mono)
        completer = self.box.completer()
        if completer is not None:
            completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.line.textEdited.connect(lambda _: self._said(True))
        self.box.activated.connect(lambda _: self._said(False))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.box)
        self.setFocusProxy(self.box)
        self.learn()

    def _said(self, typing: bool) -> None:
        self._judge()
        self.edited.emit(self.value(), typing)

    def show_value(self, value: Any) -> None:
        text = "" if value is UNSET or value is None else str(value)
        if self.box.currentText() != text:
            at = self.line.cursorPosition()
            self.box.setEditText(text)
            self.line.setCursorPosition(min(at, len(text)) if self.line.hasFocus() else 0)
        self._judge()

    def value(self) -> Any:
        return self.box.currentText() or UNSET

    def show_hint(self, text: str) -> None:
        self.line.setPlaceholderText(text)

    def learn(self) -> None:
        columns = () if self._types else self._room.columns(self._port)
        names = [*_TYPES] if self._types else [c.name for c in columns]
        if names != [self.box.itemText(n) for n in range(self.box.count())]:
            text = self.box.currentText()
            self.box.clear()
            self.box.addItems(names)
            for n, column in enumerate(columns):
                self.box.setItemData(n, column.type, Qt.ItemDataRole.ToolTipRole)
            self.box.setEditText(text)
            self.line.setCursorPosition(0)
        self._judge()

    def _judge(self) -> None:
        text = self.box.currentText()
        known = [self.box.itemText(n) for n in range(self.box.count())]
        mark(self.box, not self._types and bool(text and known) and text not in known and "{{" not in text)

    def target(self) -> QComboBox:
        return self.box


_USUAL = ("string", "int64", "double", "decimal(18,2)", "bool", "date", "timestamp")
_TYPES = (*_USUAL, *(name for name in SIMPLE if name not in _USUAL))
