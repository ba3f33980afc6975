"""The flow itself: its name, what it is for, and how it runs as a whole; shown while nothing is selected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from pypeline.app.desktop.forms import placing
from pypeline.app.desktop.forms.editor import UNSET
from pypeline.app.desktop.forms.form import Form
from pypeline.app.desktop.forms.labels import label, said
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.shapes import Field, Shape, fields
from pypeline.core import edits
from pypeline.schema import ids
from pypeline.schema.flow import Settings
from pypeline.schema.plain import model_data
from pypeline.schema.problems import Place, Problem, capital, sentence

_TEXT = Shape("text", nullable=True)
_HEAD = (
    Field("name", "Name", Shape("text"), "The flow's name: letters, digits, _ and -.", required=True),
    Field("description", "Description", Shape("multiline"), "What the flow is for.", "", True),
    Field("version", "Version", Shape("text"), "The version of this flow, yours to count.", "1.0.0", True),
)
_WORDS: Mapping[str, tuple[str, str]] = {
    "timeout": ("Time limit", "For the whole run; then it is stopped."),
    "fail_strategy": ("When a module fails", "halt: nothing new is started. continue: what does not depend on it goes on."),
    "execution_mode": ("Execution mode", "auto lets the planner choose for each task."),
    "threads": ("Threads", "Cores that the table engine may use; as many as the machine has by default."),
    "watch": ("Watch", "What a run tells while it runs: counts, previews of every link, or nothing."),
    "memory_limit": ("Memory limit", "Of the table engine, as in 4GiB."),
    "retries": ("Retries", "How often a failed module is tried again, unless it says so itself."),
    "retry": ("Patience", "How long to wait before the next try."),
    "on_halt": ("What runs when halting", "finish lets it end, interrupt stops it."),
    "cache": ("Reuse", "Whether results of earlier runs may be used again."),
    "checkpoint": ("Checkpoints", "Whether a failed run keeps what is done, to go on from there."),
    "keep": ("Keep checkpoints", "How long those of a failed run stay."),
    "invalidation": ("When something changed", "How strictly a change makes what was kept worthless."),
    "spill_threshold_rows": ("Spill from", "Tables of more rows go to disk between tasks."),
    "max_ram_share": ("Share of memory", "Of the machine's memory, for the table engine: 0.6 is 60 %."),
    "spill_dir": ("Spill folder", "Where tables go that do not fit into memory."),
    "engine": ("Engine", "Where tasks run."),
    "finally_timeout": ("Time for finally", "Limit of the sub flows named in finally."),
    "diagnostics": ("Diagnostics", "Whether a failure keeps a report for finding its cause."),
    "logging": ("Logging", "How loud the log is, and where it goes."),
}
_SHOWN = ("timeout", "fail_strategy", "execution_mode", "threads", "watch", "memory_limit")
_MORE = tuple(name for name in _WORDS if name not in _SHOWN)
_SHAPES = {
    "memory_limit": _TEXT, "spill_dir": replace(_TEXT, kind="path", mode="folder"),
    "cache": Shape("choice", options=("auto", "on", "off", "read_only"), others=(Shape("yaml"),)),
}  # fmt: skip
_UNITS = {
    "timeout": "seconds", "finally_timeout": "seconds", "keep": "days", "spill_threshold_rows": "rows", "delay": "seconds", "max_delay": "seconds",
}  # fmt: skip


@cache
def settings_fields(names: tuple[str, ...]) -> list[Field]:
    """Fields for keys of ``settings``, with titles for people."""
    known = {f.name: f for f in fields(Settings.model_json_schema())}
    made = []
    for name in names:
        title, description = _WORDS[name]
        shape = _SHAPES.get(name, known[name].shape)
        if name in _UNITS:
            shape = replace(shape, unit=_UNITS[name])
        default = "auto" if name == "cache" else known[name].default
        made.append(replace(known[name], title=title, description=description, shape=shape, default=default))
    return made


class FlowPage(QWidget):
    """Two forms: who the flow is, and how it runs."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self._room = room
        self._known: tuple[Problem, ...] | None = None
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 12, 12, 16)
        box.setSpacing(12)
        box.addWidget(label("Flow", "heading"))
        self.head = Form(room, _HEAD, (), self._head_values, lambda _: (), self._set_head, room.fix)
        box.addWidget(self.head)
        self.refusal = label("", "bad", wrap=True)
        self.refusal.hide()
        box.addWidget(self.refusal)
        box.addSpacing(4)
        box.addWidget(label("HOW IT RUNS", "group"))
        self.settings = Form(room, settings_fields(_SHOWN), settings_fields(_MORE), self._settings_values, self._problems, self._set, room.fix)
        box.addWidget(self.settings)
        box.addStretch(1)

    def _head_values(self) -> Mapping[str, Any]:
        return model_data(self._room.document.flow.flow)

    def _settings_values(self) -> Mapping[str, Any]:
        return model_data(self._room.document.flow.settings)

    def _problems(self, name: str) -> Sequence[Problem]:
        return placing.of_settings(self._room.document.knowledge.problems, name)

    def _set_head(self, field: Field, value: Any, typing: bool) -> None:
        if field.name == "name":
            wrong = ids.name_problems("" if value is UNSET else str(value), Place())
            said(self.refusal, f"{sentence(capital(wrong[0].message))} {wrong[0].mend}" if wrong else "", "bad")
            if wrong:
                return
        given = {field.name: field.default if value is UNSET else value}
        self._room.edit(f"Set {field.title} of the flow", lambda flow: edits.set_head(flow, **given), f"flow:{field.name}" if typing else "")

    def _set(self, field: Field, value: Any, typing: bool) -> None:
        given = {field.name: None if value is UNSET or value == {} else value}
        reason = self._room.edit(f"Set {field.title}", lambda flow: edits.set_settings(flow, **given), f"settings:{field.name}" if typing else "")
        said(self.refusal, f"{field.title}: {reason}" if reason else "", "bad")

    def refresh(self) -> None:
        """Show the flow as drawn."""
        self.head.refresh()
        self.settings.refresh()

    def learn(self) -> None:
        """Show problems as they are known now."""
        problems = self._room.document.knowledge.problems
        # a run tells something thirty times a second, and never problems
        if problems is not self._known:
            self._known = problems
            self.settings.refresh_problems()

    def focus_first(self) -> None:
        """Put the keyboard into the name."""
        self.head.focus_first()
