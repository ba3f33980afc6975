"""A form: fields one below the other, the less used ones behind "More"; follows the document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from pypeline.app.desktop.forms.editor import UNSET
from pypeline.app.desktop.forms.field_row import Commit, FieldRow
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.shapes import Field
from pypeline.canvas.icons import plain
from pypeline.schema.problems import Fix, Problem

Values = Callable[[], Mapping[str, Any]]
Problems = Callable[[str], Sequence[Problem]]


class Form(QWidget):
    """``fields`` shown at once and ``more`` behind a button, made when they are first wanted.
    ``values`` and ``problems`` are asked whenever :meth:`refresh` is called."""

    def __init__(
        self, room: Room, fields: Sequence[Field], more: Sequence[Field], values: Values, problems: Problems, commit: Commit, fix: Callable[[Fix], None]
    ) -> None:
        super().__init__()
        self._room, self._values, self._problems, self._commit, self._fix = room, values, problems, commit, fix
        self._waiting = list(more)
        self.rows: dict[str, FieldRow] = {}
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(12)
        for field in fields:
            self._add(field, self._box)
        self.more_button = QToolButton()
        self.more_button.setObjectName("fold")
        self.more_button.setCheckable(True)
        self.more_button.setText(f"More ({len(self._waiting)})")
        self.more_button.setIconSize(QSize(12, 12))
        self.more_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more_button.setIcon(plain("right", room.look, room.look.theme.muted))
        self.more_button.toggled.connect(self._fold)
        self._box.addWidget(self.more_button)
        self._rest = QWidget()
        self._rest_box = QVBoxLayout(self._rest)
        self._rest_box.setContentsMargins(0, 0, 0, 0)
        self._rest_box.setSpacing(12)
        self._box.addWidget(self._rest)
        self._rest.hide()
        self.more_button.setVisible(bool(self._waiting))
        self.refresh()

    def _add(self, field: Field, box: QVBoxLayout) -> None:
        row = FieldRow(field, self._room, self._commit, self._fix)
        self.rows[field.name] = row
        box.addWidget(row)

    def _fold(self, shown: bool) -> None:
        self.more_button.setIcon(plain("down" if shown else "right", self._room.look, self._room.look.theme.muted))
        for field in self._waiting:
            self._add(field, self._rest_box)
        self._waiting = []
        self._rest.setVisible(shown)
        self.refresh()

    def refresh(self) -> None:
        """Show values and problems as they are now."""
        values = self._values()
        for name, row in self.rows.items():
            row.show_value(values.get(name, UNSET))
        self.refresh_problems()

    def refresh_problems(self) -> None:
        """Show problems as they are now; opens "More" when an error hides there."""
        for field in self._waiting:
            if any(p.severity == "error" for p in self._problems(field.name)):
                self.more_button.setChecked(True)
                return
        for name, row in self.rows.items():
            row.show_problems(self._problems(name))

    def learn(self) -> None:
        """Columns may be others now."""
        for row in self.rows.values():
            row.learn()
        self.refresh_problems()

    def focus_first(self) -> None:
        """Put the keyboard into the first field."""
        for row in self.rows.values():
            row.editor.target().setFocus()
            return
