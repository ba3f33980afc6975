"""A table model over an Arrow table that converts one page at a time."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont

from pypeline.app.desktop.forms.labels import tip
from pypeline.canvas.look import Look
from pypeline.schema.problems import printable

if TYPE_CHECKING:
    import pyarrow as pa

PAGE = 256
PAGES = 64
NULL = "∅"
_MONO_SIZE = 12
Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class ArrowTable(QAbstractTableModel):
    """Rows of ``table``; numbers to the right in monospace, null as ∅, long texts cut."""

    def __init__(self, table: pa.Table, types: list[str], look: Look, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.table, self.types, self.look = table, types, look
        self._pages: dict[int, list[list[Any]]] = {}
        self._mono = QFont(look.mono_font)
        self._mono.setPixelSize(_MONO_SIZE)

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else self.table.num_rows

    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else self.table.num_columns

    def value(self, row: int, column: int) -> Any:
        """The Python value of a cell."""
        page, at = divmod(row, PAGE)
        found = self._pages.get(page)
        if found is None:
            if len(self._pages) >= PAGES:
                self._pages.clear()
            found = self._pages[page] = [c.to_pylist() for c in self.table.slice(page * PAGE, PAGE).columns]
        return found[column][at]

    def is_mono(self, column: int) -> bool:
        """Whether a column is written in monospace: numbers and times."""
        type = self.types[column]
        return is_number(type) or type.startswith(("date", "time"))

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return shown(self.value(index.row(), index.column()))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if is_number(self.types[index.column()]) else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.FontRole:
            return self._mono if self.is_mono(index.column()) else None
        if role == Qt.ItemDataRole.ForegroundRole and self.value(index.row(), index.column()) is None:
            return QColor(self.look.theme.muted)
        if role == Qt.ItemDataRole.ToolTipRole:
            whole = plain(self.value(index.row(), index.column()))
            return tip(whole[:2000]) if len(whole) > 40 or whole.strip() != shown(self.value(index.row(), index.column())) else None
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return printable(self.table.column_names[section]) if orientation == Qt.Orientation.Horizontal else section + 1
        return None


def is_number(type: str) -> bool:
    """Whether a column of this type is written to the right."""
    return type.startswith(("int", "uint", "float", "double", "decimal"))


def plain(value: Any) -> str:
    """A value as text for other programs: exact, without thousands separators, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)


def shown(value: Any) -> str:
    """A value as a cell shows it: one line, control characters as escapes."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) >= 1e15 or 0 < abs(value) < 1e-4 else f"{value:,.4f}".rstrip("0").rstrip(".")
    if isinstance(value, int | Decimal):
        return f"{value:,}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="auto")
    text = str(value)
    return printable(text[:200].replace("\n", "⏎").replace("\t", "⇥")) + ("…" if len(text) > 200 else "")
