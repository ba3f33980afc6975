"""One field of a form: its title, its editor, what is wrong with it, and a menu for other ways to write it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from pypeline.app.desktop.forms.choices import Check, Choice
from pypeline.app.desktop.forms.editor import UNSET, Editor
from pypeline.app.desktop.forms.labels import label, said
from pypeline.app.desktop.forms.making import make
from pypeline.app.desktop.forms.placing import is_missing
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.shapes import TEXTS, YAML, Field, Shape, converted
from pypeline.app.desktop.forms.texts import to_yaml
from pypeline.schema.problems import Fix, Problem, capital, sentence
from pypeline.schema.scalars import same

Commit = Callable[[Field, Any, bool], None]
"""Writes a field's value (:data:`UNSET` takes it away); the last says whether typing goes on."""
_VARIABLE = Shape("text", "variable")


class FieldRow(QWidget):
    """``commit`` is called with every edit; ``apply_fix`` with a fix that was clicked."""

    def __init__(self, field: Field, room: Room, commit: Commit, apply_fix: Callable[[Fix], None]) -> None:
        super().__init__()
        self.field = field
        self._room, self._commit, self._apply_fix = room, commit, apply_fix
        self._value: Any = UNSET
        self._refusal = ""
        self._problems: tuple[Problem, ...] = ()
        self._shape = field.shape
        self.title = label(field.title + (" *" if field.required else ""), "field")
        self.title.setToolTip(field.description)
        self.menu_button = QToolButton()
        self.menu_button.setObjectName("quiet")
        self.menu_button.setText("⋯")
        self.menu_button.setFixedSize(22, 16)
        self.menu_button.setAccessibleName(f"Other ways to write {field.title}")
        self.menu_button.clicked.connect(lambda _=False: self.open_menu())
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.fixes = QHBoxLayout()
        self.fixes.setSpacing(4)
        self._head = QHBoxLayout()
        self._head.setContentsMargins(0, 0, 0, 0)
        self._head.setSpacing(4)
        self._head.addWidget(self.title, 1)
        self._head.addWidget(self.menu_button)
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(2)
        self._box.addLayout(self._head)
        self.editor = self._make_editor(self._shape)
        self._box.addWidget(self.note)
        self._box.addLayout(self.fixes)
        self.note.hide()
        self._show()

    # --- the editor -----------------------------------------------------------------------------------

    def _make_editor(self, shape: Shape) -> Editor:
        editor = make(shape, self._room)
        field = self.field
        if isinstance(editor, Check | Choice):
            editor.show_default(field.default if field.has_default else UNSET)
        editor.show_hint(self._hint())
        editor.show_name(field.title, field.description)
        if isinstance(editor, Check):
            # the box says the title itself, on the line of the menu
            editor.box.setText(field.title)
            self.title.hide()
            self._head.insertWidget(0, editor, 1)
        else:
            self.title.show()
            self.title.setBuddy(editor.target())
            self._box.insertWidget(1, editor)
        editor.edited.connect(self._edited)
        editor.refused.connect(self._refused)
        return editor

    def _hint(self) -> str:
        field = self.field
        if field.has_default and field.default not in (None, "", [], {}):
            return field.default if isinstance(field.default, str) else to_yaml(field.default, one_line=True)
        if field.examples:
            example = field.examples[0]
            return example if isinstance(example, str) else ""
        return "not set" if field.has_default and self._shape.nullable else ""

    def show_value(self, value: Any) -> None:
        """Show what the field holds now (:data:`UNSET` where it is not written)."""
        self._value = value
        shape = self._shape_for(value)
        if shape != self._shape and not (value is UNSET and self._shape in self._ways()):
            self._take_shape(shape)
        self._show()

    def _show(self) -> None:
        value = self._value
        if value is UNSET and self.field.has_default and self._shape.kind == "list":
            value = self.field.default
        self.editor.show_value(value)

    def _shape_for(self, value: Any) -> Shape:
        if value is UNSET:
            return self.field.shape
        if self._shape != self.field.shape and self._shape in self._ways() and self._shape.holds(value):
            return self._shape
        if isinstance(value, str) and "{{" in value and self.field.shape.kind not in TEXTS:
            return _VARIABLE
        return self.field.shape.for_value(value)

    def _ways(self) -> tuple[Shape, ...]:
        shape = self.field.shape
        variable = () if shape.kind in TEXTS or shape.kind == "yaml" else (_VARIABLE,)
        return (shape, *shape.others, *variable, YAML)

    def _take_shape(self, shape: Shape) -> None:
        old = self.editor
        self._shape = shape
        self._refusal = ""
        self._head.removeWidget(old)
        self._box.removeWidget(old)
        old.hide()
        old.deleteLater()
        self.editor = self._make_editor(shape)

    # --- other ways to write it -----------------------------------------------------------------------

    def open_menu(self) -> QMenu:
        """Offer the default and the other ways."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, True)
        if not self.field.required:
            back = menu.addAction("Back to the default")
            back.setEnabled(self._value is not UNSET)
            back.triggered.connect(lambda _=False: self.take_back())
        if self.field.shape.nullable and self.field.default is not None:
            menu.addAction("None").triggered.connect(lambda _=False: self._commit(self.field, None, False))
        menu.addSeparator()
        for shape in self._ways():
            if shape != self._shape:
                way = menu.addAction(f"Write as {_way(shape)}")
                way.triggered.connect(lambda _=False, shape=shape: self.write_as(shape))
        menu.popup(self.menu_button.mapToGlobal(self.menu_button.rect().bottomLeft()))
        return menu

    def take_back(self) -> None:
        """Write nothing: the default counts."""
        self._refusal = ""
        self._take_shape(self.field.shape)
        self._commit(self.field, UNSET, False)
        self._show()

    def write_as(self, shape: Shape) -> None:
        """Edit the value in another way. Where that way can say the same, it is written at once; where not, the
        file changes with the first edit."""
        self._take_shape(shape)
        value = None if self._value is UNSET else converted(self._value, shape)
        self.editor.show_value(UNSET if value is None else value)
        self.editor.target().setFocus()
        if value is not None and not same(value, self._value):
            self._edited(value, False)

    # --- edits and what is wrong with them ---------------------------------------------------------------

    def _edited(self, value: Any, typing: bool) -> None:
        self._refused("")
        default = self.field.has_default and value is not UNSET and same(value, self.field.default)
        written = UNSET if default else value
        self._value = written
        self._commit(self.field, written, typing)

    def _refused(self, reason: str) -> None:
        self._refusal = reason
        self._say()

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Show what the document finds wrong here."""
        self._problems = tuple(problems)
        self._say()

    def _say(self) -> None:
        own = self.editor.says()
        problems = [p for p in self._problems if not p.message.startswith(own)]
        while self.fixes.count():
            item = self.fixes.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        if self._refusal or not problems:
            said(self.note, self._refusal, "bad")
            return
        grave = any(p.severity == "error" for p in problems)
        said(self.note, "\n".join(self._words(p) for p in problems[:3]), "bad" if grave else "sub")
        for fix in [fix for p in problems for fix in p.fixes][:2]:
            button = QPushButton(fix.title)
            button.setObjectName("small")
            button.clicked.connect(lambda _=False, fix=fix: self._apply_fix(fix))
            self.fixes.addWidget(button)
        if self.fixes.count():
            self.fixes.addStretch(1)

    def _words(self, problem: Problem) -> str:
        # where to write it, and an example, is what the field itself shows
        return "This is needed." if is_missing(problem) else f"{capital(sentence(problem.message))} {problem.mend}".rstrip()

    def learn(self) -> None:
        """Columns may be others now."""
        self.editor.learn()


def _way(shape: Shape) -> str:
    return {"mapping": "a mapping", "list": "a list", "columns": "a list", "yaml": "YAML", "whole": "a number"}.get(
        shape.kind, "a variable" if shape is _VARIABLE else shape.kind
    )
