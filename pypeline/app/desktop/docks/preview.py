"""The preview: the first rows of a port, typed, with nulls shown as what they are."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QLabel, QTableView, QVBoxLayout, QWidget

from pypeline.app.desktop.docks.arrow_table import ArrowTable, plain, shown
from pypeline.app.desktop.docks.column_header import ColumnHeader
from pypeline.app.desktop.docks.copying import Copying
from pypeline.app.desktop.session import Session
from pypeline.canvas.look import Look
from pypeline.core import figures
from pypeline.core.columns import Column
from pypeline.core.figures import width

_EMPTY = "Click a link to see the first rows it carries."
_NARROW, _WIDE = 72, 320


class PreviewPanel(QWidget):
    """Shows what the session fetched for ``port`` (``module.port``). Whoever holds the panel places ``title``."""

    def __init__(self, session: Session, look: Look) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground, True)
        self._session, self._look = session, look
        self.port = ""
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setObjectName("corner")
        self.title.setFixedHeight(32)
        self.table = QTableView()
        self.table.setAccessibleName("Preview")
        self.header = ColumnHeader(self.table)
        self.table.setHorizontalHeader(self.header)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(26)
        self.table.setAlternatingRowColors(True)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setSelectionMode(QTableView.SelectionMode.ContiguousSelection)
        self.table.setHorizontalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.copying = Copying(self.table, self._text_of)
        self.empty = QLabel(_EMPTY)
        self.empty.setObjectName("empty")
        self.empty.setTextFormat(Qt.TextFormat.PlainText)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.table, 1)
        box.addWidget(self.empty, 1)
        session.previewed.connect(self._show)
        session.preview_failed.connect(self._failed)
        self._say(_EMPTY)

    def show_look(self, look: Look) -> None:
        """Paint in this look."""
        self._look = look
        model = self.table.model()
        if isinstance(model, ArrowTable):
            model.look = look
            self.header.viewport().update()

    def wait_for(self, port: str) -> None:
        """Rows of ``port`` were asked for; what is shown stays until they come."""
        self.port = port
        self.title.setText(f"{port} · …")
        if not self.table.isVisible():
            self._say("Reading…")

    def forget(self, why: str = _EMPTY) -> None:
        """Look at nothing."""
        self.port = ""
        self.title.setText("")
        self._say(why)

    def _say(self, text: str) -> None:
        self.empty.setText(text)
        self.empty.show()
        self.table.hide()

    def _failed(self, port: str, message: str) -> None:
        if port == self.port:
            self.title.setText(port)
            self._say(message)

    def _show(self, port: str, path: Path) -> None:
        if port != self.port:
            return
        import pyarrow as pa

        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
        columns = {c.name: c for c in self._session.document.knowledge.schemas.get(port, ())}
        types = [columns.get(f.name, Column(f.name, str(f.type))).type for f in table.schema]
        old = self.table.model()
        self.header.forget()
        self.table.setModel(ArrowTable(table, types, self._look, self.table))
        if old is not None:
            old.deleteLater()
        self._fit_columns(table.num_rows)
        self.title.setText(f"{port} · {self._how_many(port, table.num_rows)}")
        self.empty.setVisible(table.num_columns == 0)
        self.table.show()
        if table.num_columns:
            self.empty.hide()

    def _text_of(self, index: QModelIndex) -> str:
        model = self.table.model()
        # a line is a row: what would break it is a space
        return " ".join(plain(model.value(index.row(), index.column())).split("\n")).replace("\t", " ") if isinstance(model, ArrowTable) else ""

    def _how_many(self, port: str, here: int) -> str:
        watch = self._session.watch
        module, _, name = port.rpartition(".")
        seen = watch.modules.get(module) if watch is not None else None
        total = seen.rows_out.get(name) if seen is not None else None
        if total is not None and total > here:
            return f"{here} of {figures.rows(total)}"
        return figures.rows(here) if here < 200 else f"first {figures.rows(here)}"

    def _fit_columns(self, rows: int) -> None:
        """Widths by name and first values, within bounds."""
        model = self.table.model()
        if not isinstance(model, ArrowTable):
            return
        for n, name in enumerate(model.table.column_names):
            texts = [shown(model.value(row, n)) for row in range(min(rows, 24))]
            mono = model.is_mono(n)
            wide = max([width(name, 12, strong=True), width(model.types[n], 10.5, mono=True), *(width(t, 12, mono=mono) for t in texts)])
            self.table.setColumnWidth(n, round(min(_WIDE, max(_NARROW, wide + 28))))
