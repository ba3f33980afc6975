"""One module in the run that is watched: state, rows, time, memory, tries, and why it failed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from pypeline.app.desktop.forms.labels import label, said, selectable
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.texts import GrowingText
from pypeline.core import figures
from pypeline.core.watch import ModuleWatch, Watch
from pypeline.schema.problems import printable, sentence

_DETAIL = 8_000
_EMPTY = "Run the flow to see here what this module did."


class RunPage(QWidget):
    """Follows the run; a line whose text did not change is left alone."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self._room = room
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 12, 12, 16)
        box.setSpacing(12)
        self.empty = label(_EMPTY, "muted", wrap=True)
        box.addWidget(self.empty)
        self.error = selectable(label("", "bad", wrap=True))
        box.addWidget(self.error)
        body = QWidget()
        self._form = QFormLayout(body)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setHorizontalSpacing(16)
        self._form.setVerticalSpacing(8)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self.lines: dict[str, QLabel] = {}
        for name in ("State", "Rows in", "Rows out", "Rejected", "Time", "CPU", "Memory", "Tries", "Frames", "Task"):
            self.lines[name] = selectable(label("", wrap=True))
            self._form.addRow(label(name, "field"), self.lines[name])
        box.addWidget(body)
        self.detail = GrowingText(1, 16, code=True)
        self.detail.setReadOnly(True)
        self.detail.setAccessibleName("Details of the failure")
        self.detail.setFont(room.mono)
        self.detail.hide()
        self.detail_button = QToolButton()
        self.detail_button.setObjectName("fold")
        self.detail_button.setText("Details")
        self.detail_button.setCheckable(True)
        self.detail_button.toggled.connect(self.detail.setVisible)
        box.addWidget(self.detail_button)
        box.addWidget(self.detail)
        box.addStretch(1)
        self.learn()

    def refresh(self) -> None:
        """A run holds its own plan: edits change nothing here."""

    def learn(self) -> None:
        """Show the newest record."""
        watch = self._room.document.knowledge.watch
        seen = watch.modules.get(self._room.id) if watch is not None else None
        waits = watch is not None and seen is None and watch.state == "running"
        said(self.empty, "" if seen is not None else "Waits for its turn." if waits else _EMPTY, "muted")
        error = seen.error if seen is not None else None
        message = f"{sentence(error.message)} {error.mend}".strip() if error is not None else ""
        said(self.error, message[:1].upper() + message[1:], "bad")
        self.detail.show_text(printable(error.detail[-_DETAIL:]) if error is not None else "")
        told = error is not None and bool(error.detail)
        self.detail_button.setVisible(told)
        self.detail.setVisible(told and self.detail_button.isChecked())
        texts = _texts(self._room, watch, seen) if watch is not None and seen is not None else {}
        for name, line in self.lines.items():
            text = texts.get(name, "")
            self._form.setRowVisible(line, bool(text))
            if line.text() != text:
                line.setText(text)


def _texts(room: Room, watch: Watch, seen: ModuleWatch) -> dict[str, str]:
    # the code as reports and the log spell it, so that it can be looked for there
    reason = seen.reason
    into = [x for x in room.document.flow.connections.data if x.target == room.id and str(x) in watch.links]
    many = len(into) > 1
    rows_in = "\n".join((f"{x.target_port}  " if many else "") + figures.count(watch.links[str(x)].rows) for x in into)
    rows_out = "\n".join((f"{port}  " if len(seen.rows_out) > 1 else "") + figures.count(n) for port, n in seen.rows_out.items())
    so_far = f"{figures.count(seen.rows_so_far)} so far" if seen.state == "running" and seen.rows_so_far is not None else ""
    total = max(seen.rows_out.values(), default=0) or sum(watch.links[str(x)].rows for x in into)
    seconds = seen.seconds or (max(0.0, watch.now - seen.started) if seen.state == "running" and seen.started else 0.0)
    rate = figures.rate(total, seconds)
    return {
        "State": f"{seen.state} · {reason}" if reason and reason != "ok" else seen.state,
        "Rows in": rows_in,
        "Rows out": rows_out or so_far,
        "Rejected": figures.count(seen.rejected) if seen.rejected else "",
        "Time": " · ".join(x for x in (figures.duration(seconds) if seconds else "", rate) if x),
        "CPU": figures.duration(seen.cpu_seconds) if seen.cpu_seconds else "",
        "Memory": f"{figures.size(seen.peak_rss)} at most" if seen.peak_rss else "",
        "Tries": f"{seen.tries}, in {figures.duration(seen.waits)}" if seen.waits else str(seen.tries),
        "Frames": _frames(seen),
        "Task": seen.task,
    }


def _frames(seen: ModuleWatch) -> str:
    """How the passes of a loop went for this module; empty outside loops."""
    frames = seen.frames
    if frames.begun <= 1 and seen.frame == "0":
        return ""
    parts = [f"{n:,} {state}" for state, n in frames.counts().items() if n]
    parts += [f"{len(frames.under_way):,} running"] if frames.under_way else []
    return " · ".join(parts)
