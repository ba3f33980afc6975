"""Editors of several lines: plain text, code, SQL, and any value as YAML."""

from __future__ import annotations

from typing import Any

import yaml
from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QTextCursor
from PySide6.QtWidgets import QAbstractItemView, QPlainTextEdit, QSizePolicy, QVBoxLayout

from pypeline.app.desktop.forms.editor import UNSET, Editor, mark
from pypeline.app.desktop.forms.highlight import Highlighter
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.shapes import Shape
from pypeline.schema import yamltext
from pypeline.schema.scalars import same
from pypeline.schema.yamltext import Limits

_EDGE = 12
_INDENT = "    "
_LIST_KEYS = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Escape})


class GrowingText(QPlainTextEdit):
    """A text area as high as its text, between ``least`` and ``most`` lines. Tab goes on to the next
    field unless ``code``, where it indents and Esc lets the next Tab go on.

    Signals: ``struck()`` a key changed the text; ``asked()`` Ctrl+Space was pressed.
    """

    struck = Signal()
    asked = Signal()

    def __init__(self, least: int = 1, most: int = 8, *, code: bool = False) -> None:
        super().__init__()
        self.completing: QAbstractItemView | None = None
        self._least, self._most, self._code = least, most, code
        self._leaving = False
        self.setTabChangesFocus(not code)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded if code else Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(0)
        if code:
            self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
            self.setTabStopDistance(4 * QFontMetricsF(self.font()).horizontalAdvance(" "))
        self.document().documentLayout().documentSizeChanged.connect(lambda _: self._fit())
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def _fit(self) -> None:
        # the layout of a plain text counts its height in lines
        lines = max(self._least, round(self.document().size().height()))
        full = lines > self._most
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded if full else Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        bar = self.horizontalScrollBar().sizeHint().height() if self._code and self.horizontalScrollBar().maximum() > 0 else 0
        height = round(min(lines, self._most) * QFontMetricsF(self.font()).lineSpacing()) + _EDGE + bar
        if height != self.height():
            self.setFixedHeight(height)

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._fit()

    def sizeHint(self) -> QSize:
        return QSize(120, self.minimumHeight())

    def minimumSizeHint(self) -> QSize:
        return QSize(60, self.minimumHeight())

    def show_text(self, text: str) -> None:
        """Show ``text``, the cursor where it was; undone by the document, not here."""
        if self.toPlainText() == text:
            return
        at = self.textCursor().position()
        self.blockSignals(True)
        self.setPlainText(text)
        self.blockSignals(False)
        cursor = self.textCursor()
        cursor.setPosition(min(at, len(text)))
        self.setTextCursor(cursor)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.completing is not None and self.completing.isVisible() and event.key() in _LIST_KEYS:
            # the list takes these
            event.ignore()
            return
        if event.key() == Qt.Key.Key_Space and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.asked.emit()
            return
        before = self.document().revision()
        self._take_key(event)
        if self.document().revision() != before:
            self.struck.emit()

    def _take_key(self, event: QKeyEvent) -> None:
        if self._code and event.key() == Qt.Key.Key_Escape:
            self._leaving = True
            event.accept()
            return
        leaving, self._leaving = self._leaving, False
        if self._code and event.key() == Qt.Key.Key_Tab and not event.modifiers():
            if leaving:
                self.focusNextChild()
            else:
                self._indent()
        elif self._code and event.key() == Qt.Key.Key_Backtab and self.textCursor().hasSelection():
            self._indent(back=True)
        elif self._code and event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and not event.modifiers():
            self._new_line()
        else:
            super().keyPressEvent(event)

    def _indent(self, *, back: bool = False) -> None:
        cursor = self.textCursor()
        if not cursor.hasSelection():
            cursor.insertText(_INDENT[cursor.positionInBlock() % 4 :])
            return
        first, last = self.document().findBlock(cursor.selectionStart()), self.document().findBlock(cursor.selectionEnd())
        cursor.beginEditBlock()
        block = first
        while block.isValid():
            line = QTextCursor(block)
            if not back:
                line.insertText(_INDENT)
            elif block.text().startswith(" "):
                blanks = len(block.text()) - len(block.text().lstrip(" "))
                line.movePosition(QTextCursor.MoveOperation.Right, QTextCursor.MoveMode.KeepAnchor, min(4, blanks))
                line.removeSelectedText()
            if block == last:
                break
            block = block.next()
        cursor.endEditBlock()

    def _new_line(self) -> None:
        cursor = self.textCursor()
        before = cursor.block().text()[: cursor.positionInBlock()]
        indent = before[: len(before) - len(before.lstrip(" "))] + (_INDENT if before.rstrip().endswith(":") else "")
        cursor.insertText("\n" + indent)
        self.ensureCursorVisible()


class Text(Editor):
    """Several lines; ``language`` colours them and says what Tab does."""

    def __init__(self, shape: Shape, room: Room, language: str = "", area: GrowingText | None = None) -> None:
        super().__init__()
        self.area = area or (GrowingText(4, 24, code=True) if language == "python" else GrowingText(3, 12))
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(4)
        self._rows.addWidget(self.area)
        if language:
            self.area.setFont(room.mono)
            self.area.setTabStopDistance(4 * QFontMetricsF(room.mono).horizontalAdvance(" "))
            self.highlighter = Highlighter(self.area.document(), room.look, language)
        self.area.textChanged.connect(self._typed)
        self.setFocusProxy(self.area)

    def _typed(self) -> None:
        self.edited.emit(self.value(), True)

    def show_value(self, value: Any) -> None:
        self.area.show_text("" if value is UNSET or value is None else str(value))

    def value(self) -> Any:
        return self.area.toPlainText() or UNSET

    def show_hint(self, text: str) -> None:
        self.area.setPlaceholderText(text)

    def target(self) -> QPlainTextEdit:
        return self.area


_LIMITS = Limits(flow_bytes=1024 * 1024, depth=60, nodes=200_000)


def from_yaml(text: str) -> tuple[Any, str]:
    """The value that ``text`` spells by the flow file's rules, and what is wrong with it."""
    loaded = yamltext.load(text, "", _LIMITS)
    if loaded.problems:
        problem = loaded.problems[0]
        return UNSET, f"Line {problem.place.line}: {problem.message}" if problem.place.line else problem.message
    return loaded.data, ""


def to_yaml(value: Any, *, one_line: bool = False) -> str:
    """``value`` as YAML that :func:`from_yaml` gives back."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=one_line or None, width=10_000 if one_line else 60)
    text = text.removesuffix("...\n").strip("\n")
    if same(from_yaml(text)[0], value):
        return text
    # a text that our rules read otherwise stands in quotes
    quoted: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_style='"', default_flow_style=True, width=10_000)
    return quoted.strip("\n")


class _Dumper(yaml.SafeDumper):
    """PyYAML's, without the anchors that our reader refuses."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class YamlText(Text):
    """Any value as YAML; what cannot be read is said and not taken."""

    def __init__(self, shape: Shape, room: Room, *, one_line: bool = False) -> None:
        super().__init__(shape, room, "yaml", GrowingText(1, 16))
        self._value: Any = UNSET
        self._wrong = ""
        self._one_line = one_line

    def _typed(self) -> None:
        text = self.area.toPlainText()
        value, self._wrong = from_yaml(text) if text.strip() else (UNSET, "")
        mark(self.area, bool(self._wrong))
        self.refused.emit(self._wrong)
        if not self._wrong and not same(value, self._value):
            self._value = value
            self.edited.emit(UNSET if value is None else value, True)

    def show_value(self, value: Any) -> None:
        if self._wrong and self.area.hasFocus():
            return
        if not same(value, self._value) or self._wrong:
            self._value, self._wrong = value, ""
            self.area.show_text("" if value is UNSET or value is None else to_yaml(value, one_line=self._one_line))
            mark(self.area, False)

    def value(self) -> Any:
        return self._value
