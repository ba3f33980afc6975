"""The settings of one module: a form made from its type's JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from pypeline.app.desktop.forms import placing
from pypeline.app.desktop.forms.editor import UNSET
from pypeline.app.desktop.forms.form import Form
from pypeline.app.desktop.forms.labels import label, said
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.shapes import YAML, Field, Shape, fields
from pypeline.core import edits
from pypeline.schema.flow import Flow
from pypeline.schema.problems import Problem, sentence

_FEW = 8
_SHOWN = 6
_TELLING = frozenset({"expression", "aggregate", "sql", "code", "columns", "types"})


class SettingsPage(QWidget):
    """Every edit is one undo step; what is wrong with a field stands under it."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self._room = room
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 12, 12, 16)
        box.setSpacing(12)
        self.note = label("", "bad", wrap=True)
        box.addWidget(self.note)
        shown, more = self._fields()
        self._names = [f.name for f in (*shown, *more)]
        written = [f.name for f in (*shown, *more) if _is_language(f.shape)]
        self._language = written[0] if len(written) == 1 else ""
        self.form = Form(room, shown, more, self._values, self._problems, self._commit, room.fix)
        box.addWidget(self.form)
        if not self._names:
            box.addWidget(label("There is nothing to set here.", "muted", wrap=True))
        box.addStretch(1)
        self._say()

    def _fields(self) -> tuple[list[Field], list[Field]]:
        """The fields shown at once, and those behind "More"."""
        declaration, module = self._room.declaration, self._room.module
        given = module.configs.flat() if module is not None else {}
        if declaration is None:
            return [Field(name, name, YAML) for name in given], []
        known = fields(declaration.json_schema) if declaration.json_schema is not None else ()
        needed = set(declaration.required)
        known = tuple(sorted(known, key=lambda f: f.name not in needed))
        strange = [Field(name, name, YAML, "The type has no such field.") for name in given if name not in {f.name for f in known}]
        if len(known) <= _FEW:
            return [*known, *strange], []
        shown = [f for f in known if f.name in needed or f.name in given]
        for pick in ([f for f in known if f.shape.kind in _TELLING], known):
            shown += [f for f in pick if f not in shown][: max(0, _SHOWN - len(shown))]
        shown.sort(key=known.index)
        return [*shown, *strange], [f for f in known if f not in shown]

    def _values(self) -> Mapping[str, Any]:
        module = self._room.module
        return module.configs.flat() if module is not None else {}

    def _problems(self, name: str) -> Sequence[Problem]:
        return placing.of_config(self._room.document.problems_of(self._room.id), name, self._language)

    def _commit(self, field: Field, value: Any, typing: bool) -> None:
        id, declaration = self._room.id, self._room.declaration

        def made(flow: Flow) -> Flow:
            if value is UNSET:
                return edits.unset_config(flow, id, field.name)
            required = field.name in (declaration.required if declaration is not None else flow.module(id).configs.required)
            return edits.set_config(flow, id, field.name, value, required=required, keep_null=True)

        self._room.edit(f"Set {field.title} of {id}", made, f"config:{id}:{field.name}" if typing else "")

    def _say(self) -> None:
        """Say what is wrong with the module and no field of it."""
        problems = placing.elsewhere(self._room.document.problems_of(self._room.id), self._names, self._language)
        text = "\n".join(f"{sentence(p.message)} {p.mend}".strip() for p in problems[:3])
        said(self.note, text[:1].upper() + text[1:], "bad" if any(p.severity == "error" for p in problems) else "sub")

    def refresh(self) -> None:
        """Show the values of the flow as drawn."""
        self.form.refresh()
        self._say()

    def learn(self) -> None:
        """Show problems and offer columns as they are known now."""
        self.form.learn()
        self._say()

    def focus_first(self) -> None:
        """Put the keyboard into the first field."""
        self.form.focus_first()


def _is_language(shape: Shape) -> bool:
    """Whether something is written in such a field that the engine reads."""
    return shape.kind in {"expression", "aggregate", "sql"} or (shape.item is not None and shape.item.kind in {"expression", "aggregate"})
