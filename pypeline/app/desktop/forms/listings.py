"""Editors of lists, mappings and types of columns, each a kind of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PySide6.QtWidgets import QPushButton

from pypeline.app.desktop.forms.choices import ColumnLine
from pypeline.app.desktop.forms.editor import UNSET, Editor, mark
from pypeline.app.desktop.forms.lines import Line
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.rows import Make, Row, Rows
from pypeline.app.desktop.forms.shapes import Shape
from pypeline.schema.scalars import same


class ListRows(Rows):
    """A list, one row an item."""

    def value(self) -> Any:
        found = [row.value() for row in self.rows]
        found = [v for v in found if v is not UNSET]
        return found if found else UNSET

    def show_value(self, value: Any) -> None:
        if not same(value, self.value()):
            self._show_rows([("", v) for v in value] if isinstance(value, list | tuple) else [])


class MappingRows(Rows):
    """A mapping, one row a key. Keys are columns, new columns or any text. Two mappings are equal in any order,
    so rows are not moved: what needs an order is written as a list."""

    ordered = False

    def _key(self) -> Editor:
        if self._shape.keys == "column":
            key: Editor = ColumnLine(Shape("column", port=self._shape.port), self._room)
        else:
            key = Line(Shape("text"), self._room)
        key.show_hint("column" if self._shape.keys else "name")
        return key

    def _above(self, row: Row) -> list[str]:
        if self._item.kind == "aggregate":
            return []
        return [str(r.key.value()) for r in self.rows[: self.rows.index(row)] if r.key is not None and r.key.value() is not UNSET]

    def value(self) -> Any:
        found: dict[str, Any] = {}
        for row in self.rows:
            key, value = (row.key.value() if row.key is not None else UNSET), row.value()
            if key is not UNSET and value is not UNSET and key not in found:
                found[str(key)] = value
        return found or UNSET

    def _changed(self, *, typing: bool) -> None:
        seen: set[Any] = set()
        for row in self.rows:
            key = row.key.value() if row.key is not None else UNSET
            if row.key is not None:
                mark(row.key.target(), key is not UNSET and key in seen)
            seen.add(key)
        super()._changed(typing=typing)
        if self._item.kind == "expression":
            self.learn()

    def show_value(self, value: Any) -> None:
        if not same(value, self.value()):
            self._show_rows([(str(k), v) for k, v in value.items()] if isinstance(value, Mapping) else [])


class TypeRows(MappingRows):
    """Columns and their types, with a button that takes over what was found."""

    adding = "Add column"

    def __init__(self, shape: Shape, room: Room, make: Make) -> None:
        super().__init__(replace(shape, keys="column" if shape.port else "new_column"), room, make)
        self.found_button = QPushButton("Write down what was found")
        self.found_button.setObjectName("small")
        self.found_button.setAutoDefault(False)
        self.found_button.clicked.connect(lambda _=False: self.take_found())
        self._foot.insertWidget(1, self.found_button)
        self.learn()

    def _append(self, shape: Shape) -> Row:
        return super()._append(Shape("text", mode="type"))

    def learn(self) -> None:
        super().learn()
        self.found_button.setVisible(not self._shape.port and not self.rows and bool(self._found()))

    def _found(self) -> dict[str, str]:
        declaration = self._room.declaration
        ports = declaration.output_ports if declaration is not None else ()
        return {c.name: c.type for c in (self._room.output(ports[0]) or ())} if ports else {}

    def take_found(self) -> None:
        """Declare the columns that looking at the file gave."""
        found = self._found()
        self._show_rows([*found.items()])
        self._changed(typing=False)
        self.learn()

    def show_value(self, value: Any) -> None:
        super().show_value(value)
        self.learn()
