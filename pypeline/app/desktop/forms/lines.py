"""Editors of one line: text, number, choice, check box, path, column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit

from pypeline.app.desktop import asking
from pypeline.app.desktop.forms.editor import UNSET, Editor, mark
from pypeline.app.desktop.forms.labels import label
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.shapes import Shape
from pypeline.schema.scalars import resolve, text_of

_TAB = "\\t"


def set_text(line: QLineEdit, text: str) -> None:
    """Show ``text``, the cursor where it was."""
    if line.text() != text:
        at = line.cursorPosition()
        line.setText(text)
        line.setCursorPosition(min(at, len(text)) if line.hasFocus() else 0)


class Line(Editor):
    """A text. A field of a few characters shows a tab as ``\\t``."""

    def __init__(self, shape: Shape, room: Room) -> None:
        super().__init__()
        self._short = shape.length is not None and shape.length <= 4
        self.line = QLineEdit()
        self.line.setMinimumWidth(36)
        self.line.textEdited.connect(self._typed)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(4)
        self._row.addWidget(self.line)
        self.setFocusProxy(self.line)

    def _typed(self, text: str) -> None:
        self.edited.emit(self.value(), True)

    def show_value(self, value: Any) -> None:
        text = "" if value is UNSET or value is None else str(value)
        set_text(self.line, text.replace("\t", _TAB) if self._short else text)

    def value(self) -> Any:
        text = self.line.text()
        if self._short:
            text = text.replace(_TAB, "\t")
        return text if text else UNSET

    def show_hint(self, text: str) -> None:
        self.line.setPlaceholderText(text.replace("\t", _TAB))

    def target(self) -> QLineEdit:
        return self.line


class Secret(Line):
    """A reference to a secret; a plain value is told off, because the file would keep it."""

    def __init__(self, shape: Shape, room: Room) -> None:
        super().__init__(shape, room)
        self.line.setFont(room.mono)

    def _typed(self, text: str) -> None:
        plain = bool(text) and not text.startswith("{{")
        mark(self.line, plain)
        self.refused.emit("A secret is never written into a flow: refer to it as {{vault:path#key}} or {{env.NAME}}." if plain else "")
        if not plain:
            super()._typed(text)

    def show_hint(self, text: str) -> None:
        self.line.setPlaceholderText("{{vault:path#key}} or {{env.NAME}}")


class Number(Line):
    """A number, whole or not, with its unit beside it."""

    def __init__(self, shape: Shape, room: Room) -> None:
        super().__init__(shape, room)
        self._whole = shape.kind == "whole"
        if shape.unit:
            unit = label(shape.unit, "sub")
            self._row.addWidget(unit)
            self.line.setAccessibleDescription(shape.unit)

    def _typed(self, text: str) -> None:
        found = self.value()
        right = found is UNSET or (isinstance(found, int | float) and not isinstance(found, bool) and not (self._whole and isinstance(found, float)))
        right = right or "{{" in text
        mark(self.line, not right)
        self.refused.emit("" if right else f"This is no {'whole ' if self._whole else ''}number.")
        if right:
            self.edited.emit(found, True)

    def show_value(self, value: Any) -> None:
        if value is UNSET or value is None:
            # what is no number yet stays while it is being typed
            if self.line.hasFocus() and self.line.property("bad"):
                return
            set_text(self.line, "")
        elif self.value() != value:
            set_text(self.line, str(text_of(value)))
        mark(self.line, False)

    def value(self) -> Any:
        text = self.line.text().strip().replace("_", "")
        return resolve(text) if text else UNSET


class PathLine(Line):
    """A path with a button that opens a file dialog."""

    def __init__(self, shape: Shape, room: Room) -> None:
        super().__init__(shape, room)
        self._room, self._shape = room, shape
        self.browse_button = room.button("folder", "Browse", self.browse)
        self._row.addWidget(self.browse_button)

    def browse(self) -> QFileDialog:
        """Ask for a path; the answer arrives as an edit."""
        mode = self._shape.mode
        title = "Choose a folder" if mode == "folder" else "Choose a file"
        dialog = QFileDialog(self, title, str(self._start()), _FILTERS.get(self._shape.format or mode, "All files (*)"))
        if mode == "folder":
            dialog.setFileMode(QFileDialog.FileMode.Directory)
        elif mode == "save":
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            # choosing a file writes nothing yet
            dialog.setOption(QFileDialog.Option.DontConfirmOverwrite, True)
        else:
            dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self._take)
        asking.show(dialog)
        return dialog

    def _start(self) -> Path:
        named = Path(self._room.folder, self.line.text())
        return next((p for p in (named, *named.parents) if p.is_dir()), self._room.folder)

    def _take(self, path: str) -> None:
        self.line.setText(self._room.shown_path(path))
        self.edited.emit(self.value(), False)


_FILTERS = {
    "csv": "Text tables (*.csv *.tsv *.txt *.dat *.gz);;All files (*)",
    "parquet": "Parquet (*.parquet *.pq);;All files (*)",
    "code": "Python (*.py);;All files (*)",
}
