"""Colours in small languages: expressions, SQL, Python, YAML. Patterns only; knows no meaning."""

from __future__ import annotations

import keyword
import re

from PySide6.QtGui import QColor, QFont, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from pypeline.canvas.look import Look
from pypeline.core.functions import FUNCTIONS

_SQL = (
    "select from where group by order having join left right full inner outer cross semi anti on using as with union all except intersect "
    "case when then else end distinct limit offset and or not in is null between like ilike true false cast asc desc nulls first last over partition filter"
)
_WORDS = {
    "expression": "and or not in is null between like ilike case when then else end true false cast as distinct filter where",
    "sql": _SQL,
    "python": " ".join(keyword.kwlist),
    "yaml": "true false null",
}
_TEXTS = {"python": r"\"\"\"|'''|\"(?:\\.|[^\"\\])*\"?|'(?:\\.|[^'\\])*'?", "expression": r"'(?:''|[^'])*'?", "sql": r"'(?:''|[^'])*'?"}
_REMARKS = {"python": r"#.*", "sql": r"--.*", "yaml": r"(?:^|(?<=\s))#.*"}


class Highlighter(QSyntaxHighlighter):
    """Colours ``document`` as ``language``."""

    def __init__(self, document: QTextDocument, look: Look, language: str) -> None:
        super().__init__(document)
        t = look.theme
        flags = 0 if language == "python" else re.IGNORECASE
        parts = {
            "remark": _REMARKS.get(language, ""),
            "variable": r"\{\{[^}]*\}?\}?",
            "text": _TEXTS.get(language, r"\"(?:\\.|[^\"\\])*\"?|'(?:''|[^'])*'?"),
            "word": r"\b(?:" + "|".join(_WORDS[language].split()) + r")\b",
            "function": r"\b(?:" + "|".join(sorted(FUNCTIONS, key=len, reverse=True)) + r")(?=\s*\()" if language in {"expression", "sql"} else r"(?<=def )\w+",
            "number": r"(?<![\w.])\d+(?:\.\d+)?(?:[eE][-+]?\d+)?\b",
            "key": r"^[\s-]*[^\s:#][^:#]*(?=:(?:\s|$))" if language == "yaml" else "",
        }
        self._pattern = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in parts.items() if pattern), flags)
        self._formats = {
            "remark": _format(t.muted, italic=True),
            "variable": _format(t.solo_text),
            "text": _format(t.source_text),
            "word": _format(t.accent_text, strong=True),
            "function": _format(t.accent_text),
            "number": _format(t.sink_text),
            "key": _format(t.accent_text),
        }

    def highlightBlock(self, text: str) -> None:
        for found in self._pattern.finditer(text):
            self.setFormat(found.start(), found.end() - found.start(), self._formats[found.lastgroup or "text"])


def _format(colour: str, *, strong: bool = False, italic: bool = False) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setForeground(QColor(colour))
    made.setFontItalic(italic)
    if strong:
        made.setFontWeight(QFont.Weight.DemiBold)
    return made
