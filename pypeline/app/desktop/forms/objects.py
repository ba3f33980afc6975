"""Editors of small objects in a row: a sort key, a measure, a pair of columns to join by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QVBoxLayout, QWidget

from pypeline.app.desktop.forms.choices import Check, Choice, ColumnLine
from pypeline.app.desktop.forms.editor import UNSET, Editor
from pypeline.app.desktop.forms.labels import label
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.shapes import Field, Shape
from pypeline.schema.scalars import same

Make = Callable[[Shape, Room], Editor]
_INLINE = frozenset({"column", "choice", "text", "new_column", "whole", "number"})


class Pair(Editor):
    """Two columns that must be equal, one of each input. Equal names are written once."""

    def __init__(self, shape: Shape, room: Room) -> None:
        super().__init__()
        ports = (*room.input_ports, "", "")[:2]
        self.sides = [ColumnLine(Shape("column", port=port), room) for port in ports]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for n, side in enumerate(self.sides):
            if n:
                row.addWidget(label("="))
            row.addWidget(side, 1)
            side.show_hint(ports[n] or "column")
            side.target().setAccessibleName(f"Column of {ports[n]}" if ports[n] else "Column")
            side.edited.connect(self._edited)
        self.setFocusProxy(self.sides[0])

    def _edited(self, _: Any, typing: bool) -> None:
        left, right = self.sides
        if not typing and left.value() is not UNSET and right.value() is UNSET:
            # the same name on the other side is what is mostly meant
            other = {right.box.itemText(n) for n in range(right.box.count())}
            if left.value() in other:
                right.show_value(left.value())
        self.edited.emit(self.value(), typing)

    def show_name(self, title: str, description: str = "") -> None:
        """The two sides have names of their own."""

    def show_value(self, value: Any) -> None:
        if value is UNSET or value is None:
            value = (UNSET, UNSET)
        both = (value, value) if isinstance(value, str) else tuple(value)
        for side, name in zip(self.sides, both, strict=True):
            side.show_value(name)

    def value(self) -> Any:
        left, right = (side.value() for side in self.sides)
        if left is UNSET or right is UNSET:
            return UNSET
        return left if left == right else [left, right]

    def learn(self) -> None:
        for side in self.sides:
            side.learn()

    def target(self) -> QWidget:
        return self.sides[0].target()


class Object(Editor):
    """An object's first fields in one line, the rest below, opened when they say something. With a
    short form, an object that says nothing else is written as that one text."""

    def __init__(self, shape: Shape, room: Room, make: Make) -> None:
        super().__init__()
        self._shape, self._room, self._make = shape, room, make
        inline = [f for f in shape.fields if f.shape.kind in _INLINE][:2]
        self._below = [f for f in shape.fields if f not in inline]
        open_below = [f for f in self._below if f.required]
        self.editors: dict[str, Editor] = {}
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for n, field in enumerate(inline):
            row.addWidget(self._editor(field), 3 if n == 0 else 2)
        box.addLayout(row)
        for field in open_below:
            box.addWidget(self._editor(field))
        self._more = QWidget()
        self._form = QFormLayout(self._more)
        self._form.setContentsMargins(8, 0, 0, 4)
        self._form.setSpacing(4)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for field in self._below:
            if field not in open_below:
                editor = self._editor(field)
                name = label(field.title, "field")
                name.setToolTip(field.description)
                name.setBuddy(editor.target())
                self._form.addRow(name, editor)
        self._more.hide()
        box.addWidget(self._more)
        if self._form.rowCount():
            self.more_button = room.button("down", "More about this", lambda: self._more.setVisible(self._more.isHidden()))
            row.addWidget(self.more_button)
        if self.editors:
            self.setFocusProxy(next(iter(self.editors.values())))

    def _editor(self, field: Field) -> Editor:
        editor = self._make(field.shape, self._room)
        editor.show_hint(str(field.default) if field.has_default and field.default not in (None, [], {}) else field.title.lower())
        if isinstance(editor, Choice | Check) and field.has_default:
            editor.show_default(field.default)
        editor.show_name(field.title, field.description)
        editor.edited.connect(lambda _, typing: self.edited.emit(self.value(), typing))
        editor.refused.connect(self.refused)
        editor.show_value(UNSET)
        self.editors[field.name] = editor
        return editor

    def show_name(self, title: str, description: str = "") -> None:
        """The fields have names of their own."""

    def show_value(self, value: Any) -> None:
        given: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
        if isinstance(value, str) and self._shape.short:
            given = {self._shape.short: value}
        for name, editor in self.editors.items():
            editor.show_value(given.get(name, UNSET))
        if any(f.name in given and not f.required for f in self._below):
            self._more.show()

    def value(self) -> Any:
        found: dict[str, Any] = {}
        for field in self._shape.fields:
            value = self.editors[field.name].value()
            if value is UNSET:
                if field.required:
                    return UNSET
            elif not (field.has_default and same(value, field.default)):
                found[field.name] = value
        return found[self._shape.short] if self._shape.short and list(found) == [self._shape.short] else found

    def says(self) -> tuple[str, ...]:
        return tuple(said for editor in self.editors.values() for said in editor.says())

    def learn(self) -> None:
        for editor in self.editors.values():
            editor.learn()

    def target(self) -> QWidget:
        return next(iter(self.editors.values())).target()
