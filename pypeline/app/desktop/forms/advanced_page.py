"""What every module can say besides its type's settings: whether and how often it runs, and with what."""

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
from pypeline.schema.flow import Module
from pypeline.schema.plain import model_data
from pypeline.schema.problems import Problem

_WORDS: Mapping[str, tuple[str, str]] = {
    "enabled": ("Enabled", "Off: this module and all that only it feeds are left out of a run."),
    "bypass": ("Bypass", "The input goes through unchanged, as if the module were not there."),
    "on_reject": ("Rejected rows without a link", "What becomes of rejected rows when no link takes them."),
    "retries": ("Retries", "How often the module is tried again after it failed."),
    "timeout": ("Time limit", "Then the module fails."),
    "resources": ("Resources", "Cores and memory that the module needs, as in 4 and 8GiB."),
    "note": ("Note", "Markdown, kept in the file."),
    "stage": ("Stage", "The stage of the flow that this module belongs to."),
    "retry": ("Patience", "How long to wait before the next try."),
    "cache": ("Reuse", "Whether results of an earlier run may stand in for this module."),
    "checkpoint": ("Checkpoint", "Whether a failed run keeps what this module gave, to go on from there."),
    "engine": ("Engine", "Where the module runs."),
}
_SHOWN = ("enabled", "bypass", "on_reject", "retries", "timeout", "resources", "note")
_MORE = ("stage", "retry", "cache", "checkpoint", "engine")
_SHAPES = {"note": Shape("multiline"), "memory": Shape("text", nullable=True), "time": Shape("text", nullable=True)}
_UNITS = {"timeout": "seconds", "delay": "seconds", "max_delay": "seconds"}


@cache
def module_fields(names: tuple[str, ...]) -> list[Field]:
    """Fields for keys of a module, with titles for people."""
    known = {f.name: f for f in fields(Module.model_json_schema())}
    return [_field(known[name]) for name in names]


def _field(field: Field) -> Field:
    title, description = _WORDS.get(field.name, (field.title, field.description))
    return replace(field, title=title, description=description, shape=_shape(field.name, field.shape))


def _shape(name: str, shape: Shape) -> Shape:
    if name in _SHAPES:
        return _SHAPES[name]
    if name in _UNITS:
        shape = replace(shape, unit=_UNITS[name])
    return replace(shape, fields=tuple(replace(f, shape=_shape(f.name, f.shape)) for f in shape.fields))


class AdvancedPage(QWidget):
    """Keys of the module itself; a value that the flow language refuses is said and not taken."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self._room = room
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 12, 12, 16)
        box.setSpacing(12)
        self.form = Form(room, module_fields(_SHOWN), module_fields(_MORE), self._values, self._problems, self._commit, room.fix)
        box.addWidget(self.form)
        self.refusal = label("", "bad", wrap=True)
        self.refusal.hide()
        box.addWidget(self.refusal)
        box.addStretch(1)

    def _values(self) -> Mapping[str, Any]:
        module = self._room.module
        return model_data(module) if module is not None else {}

    def _problems(self, name: str) -> Sequence[Problem]:
        return placing.of_key(self._room.document.problems_of(self._room.id), name)

    def _commit(self, field: Field, value: Any, typing: bool) -> None:
        id, given = self._room.id, {field.name: None if value is UNSET or value == {} else value}
        merge = f"module:{id}:{field.name}" if typing else ""
        reason = self._room.edit(f"Set {field.title} of {id}", lambda flow: edits.set_module(flow, id, **given), merge)
        said(self.refusal, f"{field.title}: {reason}" if reason else "", "bad")

    def refresh(self) -> None:
        """Show the values of the flow as drawn."""
        self.form.refresh()

    def learn(self) -> None:
        """Show problems as they are known now."""
        self.form.refresh_problems()

    def focus_first(self) -> None:
        """Put the keyboard into the first field."""
        self.form.focus_first()
