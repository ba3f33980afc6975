"""The line at the bottom: the file, how the run goes, problems, and what the machine gives."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QWidget

from pypeline.app.desktop.session import Session
from pypeline.canvas.document import Document
from pypeline.core import figures
from pypeline.runner.engines import machine
from pypeline.schema.problems import errors

_AGAIN_MS = 200
"""A run's figures are shown anew this often: a progress bar repaints at once when it is set, and nobody reads faster."""

_STOPPING = {"polite": "stopping, and tidying up what finally says · Stop again ends it at once", "hard": "ending at once"}


class StatusBar(QWidget):
    """Follows the document and its session."""

    def __init__(self, document: Document, session: Session) -> None:
        super().__init__()
        self.setObjectName("statusbar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground, True)
        self.setFixedHeight(26)
        self._document, self._session = document, session
        self.file, self.run, self.problems, self.machine = (QLabel() for _ in range(4))
        for label in (self.file, self.run, self.problems, self.machine):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(160, 6)
        self.bar.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 0, 14, 0)
        row.setSpacing(24)
        for part in (self.file, self.run, self.bar, self.problems):
            row.addWidget(part)
        row.addStretch(1)
        row.addWidget(self.machine)
        self.machine.setText(f"{machine.cpus()} cpus · {figures.size(machine.memory())}")
        document.knowledge_changed.connect(lambda _: self._show_problems())
        session.run_changed.connect(self._show_run)
        session.stop_wished.connect(self._show_run)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_AGAIN_MS)
        self._soon.timeout.connect(self._show_run)
        session.progressed.connect(lambda: self._soon.isActive() or self._soon.start())
        self._show_problems()
        self._show_run()

    def show_file(self, name: str, *, saved: bool, new: bool = False) -> None:
        """Say which file is open and whether it is saved; ``new`` for a flow that has no file yet."""
        self.file.setText(f"{name} · {'not saved' if not saved else 'new' if new else 'saved'}")

    def _show_problems(self) -> None:
        found = self._document.knowledge.problems
        bad = len(errors(found))
        text = f"{len(found)} problem{'s' if len(found) != 1 else ''}" if found else ""
        self.problems.setText(text)
        if self.problems.property("bad") != bool(bad):
            self.problems.setProperty("bad", bool(bad))
            self.problems.style().polish(self.problems)

    def _show_run(self) -> None:
        watch = self._session.watch
        if watch is None:
            self.run.setText("not run yet")
            self.bar.hide()
            return
        tally = watch.tally()
        done, failed = tally.get("completed", 0), tally.get("failed", 0)
        total = watch.total or len(watch.modules)
        parts = [f"attempt {watch.attempt}" if watch.attempt else "", f"{done} done"]
        if failed:
            parts.append(f"{failed} failed")
        if self._session.stopping:
            parts.append(_STOPPING[self._session.stopping])
        elif self._session.running:
            parts += [f"{tally.get('running', 0)} running", f"{max(0, total - sum(tally.values()) + tally.get('pending', 0))} waiting"]
        else:
            parts += [watch.state, figures.duration(watch.seconds)]
        self.run.setText(" · ".join(p for p in parts if p))
        self.bar.setVisible(True)
        if self.bar.maximum() != max(1, total):
            self.bar.setRange(0, max(1, total))
        self.bar.setValue(done + failed + tally.get("cancelled", 0))
        state = watch.state if watch.state in {"failed", "completed"} else "running"
        if self.bar.property("state") != state:
            self.bar.setProperty("state", state)
            self.bar.style().polish(self.bar)
