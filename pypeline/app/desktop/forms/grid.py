"""The editor of a small table written in the flow: a cell for each value, pasted into from a spreadsheet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QPushButton, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from pypeline.app.desktop.docks.arrow_table import is_number
from pypeline.app.desktop.forms.editor import UNSET, Editor
from pypeline.app.desktop.forms.labels import label
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.shapes import Shape
from pypeline.schema.problems import printable
from pypeline.schema.scalars import resolve, same, text_of

_ROW, _MOST, _HEAD = 26, 10, 28
_SPELLED = ("date", "time", "decimal", "string", "blob", "json", "interval")
"""Types whose values the file holds as text."""


class Grid(Editor):
    """Rows under the columns that the module's ``columns`` names. An empty cell is null."""

    def __init__(self, shape: Shape, room: Room) -> None:
        super().__init__()
        self._room = room
        self._rows: list[list[Any]] = []
        self._types: dict[str, str] = {}
        self._given: Any = UNSET
        self.table = QTableWidget()
        self.table.setObjectName("grid")
        self.table.setAccessibleName("Rows")
        self.table.setAlternatingRowColors(True)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(_ROW)
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.setTabKeyNavigation(False)
        self.table.itemChanged.connect(self._cell)
        self.empty = label("Name the columns first.", "sub", wrap=True)
        self.add_button, self.remove_button = QPushButton("Add row"), QPushButton("Remove row")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button, run in ((self.add_button, self.add), (self.remove_button, self.remove)):
            button.setObjectName("small")
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, run=run: run())
            buttons.addWidget(button)
        buttons.addStretch(1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addWidget(self.empty)
        box.addWidget(self.table)
        box.addLayout(buttons)
        paste = QShortcut(QKeySequence.StandardKey.Paste, self.table)
        paste.setContext(Qt.ShortcutContext.WidgetShortcut)
        paste.activated.connect(self.paste)
        self.setFocusProxy(self.table)

    def show_value(self, value: Any) -> None:
        module = self._room.module
        columns = module.configs.flat().get("columns") if module is not None else None
        types = {str(k): str(v) for k, v in columns.items()} if isinstance(columns, Mapping) else {}
        if types == self._types and (same(value, self._given) or same(value, self.value())):
            return
        self._types, self._given = types, value
        rows = value if isinstance(value, list | tuple) else []
        self._rows = [[row.get(c) for c in types] if isinstance(row, Mapping) else _fitted(row, len(types)) for row in rows]
        self._fill()

    def value(self) -> Any:
        return [list(row) for row in self._rows] if self._rows else UNSET

    def _fill(self) -> None:
        self.table.blockSignals(True)
        self.table.setColumnCount(len(self._types))
        self.table.setHorizontalHeaderLabels([printable(name) for name in self._types])
        self.table.setRowCount(len(self._rows))
        for y, row in enumerate(self._rows):
            for x, (cell, type) in enumerate(zip(row, self._types.values(), strict=True)):
                item = QTableWidgetItem("" if cell is None else str(text_of(cell)))
                side = Qt.AlignmentFlag.AlignRight if is_number(type) else Qt.AlignmentFlag.AlignLeft
                item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(y, x, item)
        self.table.blockSignals(False)
        self.table.setFixedHeight(min(max(len(self._rows), 1), _MOST) * _ROW + _HEAD + 14)
        self.table.setVisible(bool(self._types))
        self.empty.setVisible(not self._types)
        self.add_button.setEnabled(bool(self._types))
        self.remove_button.setEnabled(bool(self._rows))

    def _cell(self, item: QTableWidgetItem) -> None:
        self._rows[item.row()][item.column()] = self._typed(item.text(), item.column())
        self._say(typing=False)

    def _typed(self, text: str, column: int) -> Any:
        """What ``text`` means in this column."""
        type = [*self._types.values()][column]
        if not text:
            return None
        return text if type.startswith(_SPELLED) else resolve(text)

    def _say(self, *, typing: bool) -> None:
        self._given = self.value()
        self.edited.emit(self.value(), typing)

    def add(self) -> None:
        """One more row of nulls."""
        self._rows.append([None] * len(self._types))
        self._fill()
        self._say(typing=False)
        self.table.setFocus()
        self.table.setCurrentCell(len(self._rows) - 1, 0)

    def remove(self) -> None:
        """Take the current row out, or the last."""
        at = self.table.currentRow()
        del self._rows[at if at >= 0 else -1]
        self._fill()
        self._say(typing=False)

    def paste(self) -> None:
        """Put cells copied from a spreadsheet in, from the current cell on; rows are added as needed."""
        lines = QGuiApplication.clipboard().text().rstrip("\r\n").splitlines()
        top, left = max(self.table.currentRow(), 0), max(self.table.currentColumn(), 0)
        if not lines or not self._types:
            return
        for y, line in enumerate(lines, start=top):
            if y == len(self._rows):
                self._rows.append([None] * len(self._types))
            for x, text in enumerate(line.split("\t")[: len(self._types) - left], start=left):
                self._rows[y][x] = self._typed(text, x)
        self._fill()
        self._say(typing=False)

    def target(self) -> QWidget:
        return self.table if self._types else self.add_button


def _fitted(row: Any, width: int) -> list[Any]:
    """A row as long as there are columns."""
    cells = list(row) if isinstance(row, list | tuple) else []
    return [*cells, *[None] * width][:width]
