"""Labels of a form. Text that comes from data is never read as markup."""

from __future__ import annotations

import re
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSizePolicy

from pypeline.schema.problems import printable

_LONG = 24
_BREAK = "\u200b"


def breakable(text: str) -> str:
    """``text`` safe to show, with places to break in words too long for a narrow panel (paths, ids)."""
    return re.sub(rf"\S{{{_LONG},}}", lambda word: re.sub(r"([/\\._,:-]|.{16})", rf"\1{_BREAK}", word[0]), printable(text))


def tip(text: str) -> str:
    """``text`` as a tool tip that is never read as markup, and breaks its lines."""
    return f"<qt>{escape(breakable(text)).replace(chr(10), '<br>')}</qt>" if text else ""


def label(text: str, name: str = "", *, wrap: bool = False) -> QLabel:
    """A plain label in the style called ``name``."""
    made = QLabel(breakable(text) if wrap else printable(text))
    made.setTextFormat(Qt.TextFormat.PlainText)
    if name:
        made.setObjectName(name)
    if wrap:
        made.setWordWrap(True)
        made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    return made


def said(note: QLabel, text: str, name: str) -> None:
    """Let ``note`` say ``text`` in the style called ``name``; nothing hides it."""
    note.setTextFormat(Qt.TextFormat.PlainText)
    note.setText(breakable(text))
    if note.objectName() != name:
        note.setObjectName(name)
        note.style().unpolish(note)
        note.style().polish(note)
    note.setVisible(bool(text))


def selectable(made: QLabel) -> QLabel:
    """``made``, whose text can be marked and copied."""
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made
