"""The editor of an expression: completion, colours, and a judgement with every key.

The judgement is the core's own: syntax and functions, then the columns of the real input. Types are
the engine's business; what it finds stands below the field as a problem of the document.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton

from pypeline.app.desktop.forms.completion import Completion
from pypeline.app.desktop.forms.editor import mark
from pypeline.app.desktop.forms.labels import said
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.shapes import Shape
from pypeline.app.desktop.forms.texts import GrowingText, Text
from pypeline.core import expressions
from pypeline.core.functions import FUNCTIONS
from pypeline.core.relation import col, quote
from pypeline.schema.problems import capital, sentence

_JUDGE_MS = 60
_MEANT = re.compile(r"[Dd]id you mean `([^`]+)`\?")


class ExpressionText(Text):
    """One expression over the columns of a port. ``more`` names columns that the module itself adds
    before this one; ``quiet`` leaves out the word that all is well."""

    def __init__(self, shape: Shape, room: Room, *, most: int = 10, quiet: bool = False) -> None:
        super().__init__(shape, room, "expression", GrowingText(1, most))
        self._room, self._port, self._aggregates, self._quiet = room, shape.port, shape.kind == "aggregate", quiet
        self.more: Callable[[], list[str]] = list
        self._error: expressions.ExpressionError | None = None
        self.completion = Completion(self.area, self._words)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.fix_button = QToolButton()
        self.fix_button.setObjectName("link")
        self.fix_button.setText("Fix")
        self.fix_button.clicked.connect(lambda _=False: self.fix())
        below = QHBoxLayout()
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(8)
        below.addWidget(self.note, 1)
        below.addWidget(self.fix_button)
        self._rows.addLayout(below)
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(_JUDGE_MS)
        self._wait.timeout.connect(self.judge)
        self.note.hide()
        self.fix_button.hide()

    def _typed(self) -> None:
        super()._typed()
        self._wait.start()

    def show_value(self, value: Any) -> None:
        super().show_value(value)
        self.judge()

    def learn(self) -> None:
        self.judge()

    def says(self) -> tuple[str, ...]:
        return (self._error.message,) if self._error is not None else ()

    def judge(self) -> None:
        """Hold the text against the language and the columns, and say what comes of it."""
        self._wait.stop()
        text = self.area.toPlainText()
        self._error = _wrong(text, self._columns(), aggregates=self._aggregates) if text.strip() else None
        mark(self.area, self._error is not None)
        if self._error is not None:
            meant = _MEANT.search(self._error.mend)
            said(self.note, sentence(capital(self._error.message)) + (f" {self._error.mend}" if self._error.mend else ""), "bad")
            self.fix_button.setVisible(meant is not None)
            self.fix_button.setAccessibleName(f"Fix: write {meant[1]}" if meant else "Fix")
            return
        self.fix_button.hide()
        columns = self._columns()
        well = bool(text.strip()) and columns is not None and not self._quiet
        number = len(columns or ())
        said(self.note, f"ok · checked against {number} column{'' if number == 1 else 's'}" if well else "", "good")

    def fix(self) -> None:
        """Write what was probably meant."""
        error, text = self._error, self.area.toPlainText()
        meant = _MEANT.search(error.mend) if error is not None else None
        if error is None or meant is None:
            return
        wrong = re.match(r"unknown column `(.+)`", error.message)
        if wrong is not None:
            fixed = expressions.rename(text, wrong[1], meant[1])
        else:
            word = re.compile(r"\w+").match(text, error.offset)
            fixed = text[: error.offset] + meant[1] + text[word.end() if word else error.offset :]
        self.area.setPlainText(fixed)
        self.judge()

    def _columns(self) -> list[str] | None:
        """The columns that may be read; None while they are not known."""
        if not self._port:
            return None
        schema = self._room.schema(self._port)
        return None if schema is None else [*(c.name for c in schema), *self.more()]

    def _words(self) -> list[tuple[str, str]]:
        columns = [(c.name, c.type) for c in self._room.columns(self._port)] + [(name, "above") for name in self.more()]
        words = [(name if re.fullmatch(r"[^\W\d]\w*", name) else quote(name), type) for name, type in columns]
        functions = [(f"{f.name}(", f.line) for f in FUNCTIONS.values() if self._aggregates or f.group != "aggregate"]
        return [*words, *functions, *(("{{" + v + "}}", "variable") for v in self._room.variable_names())]


def _wrong(text: str, columns: list[str] | None, *, aggregates: bool) -> expressions.ExpressionError | None:
    """What is wrong with ``text``; columns count only when they are known."""
    error = expressions.check(text, aggregates=aggregates)
    if error is not None or columns is None:
        return error
    nothing = {reference.key: None for reference in expressions.references(text)}
    try:
        expressions.compile(text, {name: col("input", name) for name in columns}, nothing, aggregates=aggregates)
    except expressions.ExpressionError as found:
        return found
    return None
