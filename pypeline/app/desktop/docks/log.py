"""The log: what the run said, newest last, tied to the modules that said it."""

from __future__ import annotations

import time
from datetime import datetime

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QColor, QFont, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QLabel, QListView, QVBoxLayout, QWidget

from pypeline.app.desktop.docks.copying import Copying
from pypeline.app.desktop.forms.labels import tip
from pypeline.app.desktop.session import Session
from pypeline.canvas.look import Look
from pypeline.core import figures
from pypeline.core.events import Log, Retry
from pypeline.schema.problems import printable

_MOST = 5_000


class LogPanel(QWidget):
    """``chosen(module)`` when a line is clicked. Keeps the newest 5,000 lines; the run folder keeps all."""

    chosen = Signal(str)

    def __init__(self, session: Session, look: Look) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground, True)
        self._session, self._look = session, look
        self._model = QStandardItemModel(self)
        self.list = QListView()
        self.list.setAccessibleName("Log")
        self.list.setModel(self._model)
        self.list.setUniformItemSizes(True)
        self.list.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.list.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.list.setTextElideMode(Qt.TextElideMode.ElideNone)
        self.copying = Copying(self.list, lambda index: str(index.data()))
        self.list.clicked.connect(self._click)
        self.empty = QLabel("Nothing yet: the log fills while a flow runs.")
        self.empty.setObjectName("empty")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 8, 8, 8)
        box.addWidget(self.list)
        box.addWidget(self.empty)
        session.logged.connect(self.add)
        session.run_changed.connect(self._run_changed)
        self.show_look(look)
        self._show_empty()

    def show_look(self, look: Look) -> None:
        """Paint in this look."""
        self._look = look
        self.list.setFont(QFont(look.mono_font))

    def _run_changed(self) -> None:
        if self._session.running:
            self._model.clear()
        elif (summary := self._session.summary) is not None:
            told = {line.message for line in self._session.watch.logs} if self._session.watch is not None else set()
            for id, state in summary.modules.items():
                # most failures are lines of the run's own log
                if (error := state.error) is not None and (line := error.line()) not in told:
                    told.add(line)
                    self._append("ERROR", id, line, state.time)
            why = "" if summary.reason == "ok" else f" ({summary.reason.replace('_', ' ')})"
            ended = f"run {summary.run_id} {summary.state}{why}, {figures.duration(summary.seconds)}"
            self._append("ERROR" if summary.state == "failed" else "INFO", "", ended, time.time())
        self._show_empty()

    def add(self, lines: list[Log | Retry]) -> None:
        """Append these lines, and what is tried again."""
        bar = self.list.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 4
        for line in lines[-_MOST:]:
            if isinstance(line, Retry):
                self._append("INFO", line.task, f"try {line.attempt_no} in {figures.duration(line.delay)}", line.time)
            else:
                self._append(line.level, line.node_id.partition("#")[0], line.message, line.time)
        if self._model.rowCount() > _MOST:
            self._model.removeRows(0, self._model.rowCount() - _MOST)
        self._show_empty()
        if at_end:
            self.list.scrollToBottom()

    def _append(self, level: str, module: str, message: str, at: float) -> None:
        clock = datetime.fromtimestamp(at).strftime("%H:%M:%S") if at else "        "
        text = printable(message).replace("\n", "\n" + " " * 33)
        for n, part in enumerate(text.splitlines() or [""]):
            item = QStandardItem(f"{clock}  {level:<5}  {module:<16.16} {part}" if n == 0 else part)
            item.setToolTip(tip(part) if len(part) > 80 else "")
            item.setData(module, Qt.ItemDataRole.UserRole)
            t = self._look.theme
            colour = {"ERROR": t.failure_text, "WARN": t.sink_text, "DEBUG": t.muted}.get(level)
            if colour:
                item.setForeground(QColor(colour))
            self._model.appendRow(item)

    def _show_empty(self) -> None:
        some = self._model.rowCount() > 0
        self.list.setVisible(some)
        self.empty.setVisible(not some)

    def _click(self, index: QModelIndex) -> None:
        module = index.data(Qt.ItemDataRole.UserRole)
        if module:
            self.chosen.emit(module)
