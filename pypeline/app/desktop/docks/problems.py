"""The problems list: what is wrong, where, how to mend it, and a button where a program can."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from pypeline.app.desktop.fixing import with_fix
from pypeline.app.desktop.forms.labels import tip
from pypeline.canvas.document import Document, Link
from pypeline.canvas.icons import plain
from pypeline.canvas.look import Look
from pypeline.schema.problems import Fix, Problem, capital, printable, sentence

_ROW = 48


class ProblemsPanel(QWidget):
    """``chosen(module)`` or ``link_chosen(link)`` when a problem is clicked."""

    chosen = Signal(str)
    link_chosen = Signal(object)

    def __init__(self, document: Document, look: Look) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground, True)
        self._document, self._look = document, look
        self._shown: tuple[Problem, ...] | None = None
        self.list = QListWidget()
        self.list.setAccessibleName("Problems")
        self.list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.list.itemClicked.connect(self._click)
        self.list.verticalScrollBar().valueChanged.connect(lambda _: self._make_rows())
        self.empty = QLabel("No problems: this flow can run.")
        self.empty.setObjectName("empty")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 8, 8, 8)
        box.addWidget(self.list)
        box.addWidget(self.empty)
        document.knowledge_changed.connect(lambda _: self.refresh())
        self.refresh()

    def show_look(self, look: Look) -> None:
        """Paint in this look."""
        self._look = look
        self._shown = None
        self.refresh()

    def refresh(self) -> None:
        """List the document's problems, if they are others than those listed."""
        problems = self._document.knowledge.problems
        if problems is self._shown or problems == self._shown:
            return
        self._shown = problems
        self.list.clear()
        for problem in problems:
            item = QListWidgetItem(self.list)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, printable(problem.message))
            item.setSizeHint(QSize(0, _ROW))
        self.list.setVisible(bool(problems))
        self.empty.setVisible(not problems)
        self._make_rows()

    def _make_rows(self) -> None:
        """Make the rows that are in sight and not made yet: there may be thousands of problems, at every key."""
        if not self._shown or not self.isVisible():
            return
        first = self.list.verticalScrollBar().value() // _ROW
        for n in range(first, min(len(self._shown), first + self.list.viewport().height() // _ROW + 2)):
            item = self.list.item(n)
            if self.list.itemWidget(item) is None:
                self.list.setItemWidget(item, self._row(self._shown[n]))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._make_rows()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_rows()

    def _row(self, problem: Problem) -> QWidget:
        row = QWidget()
        grave = problem.severity == "error"
        sign = QLabel()
        t = self._look.theme
        sign.setPixmap(plain("error" if grave else "warning", self._look, t.failure if grave else t.sink).pixmap(16, 16))
        text = QLabel(printable(capital(problem.message)))
        text.setTextFormat(Qt.TextFormat.PlainText)
        where = problem.place.module or str(self._link(problem) or "flow")
        # lines are those of the file, which an unsaved flow is no longer
        line = f" · line {problem.place.line}" if problem.place.line and self._document.undo.isClean() else ""
        mend = capital(problem.mend)
        note = QLabel(printable(f"{where} · {problem.code}{line}   {mend}"))
        note.setTextFormat(Qt.TextFormat.PlainText)
        note.setObjectName("sub")
        # a row has one height, and may be narrower than its words
        row.setToolTip(tip(f"{capital(sentence(problem.message))}\n{mend}".rstrip()))
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(text)
        words.addWidget(note)
        across = QHBoxLayout(row)
        across.setContentsMargins(6, 4, 6, 4)
        across.setSpacing(10)
        across.addWidget(sign)
        across.addLayout(words, 1)
        for fix in problem.fixes[:2]:
            button = QPushButton(fix.title)
            button.clicked.connect(lambda _=False, fix=fix: self.apply(fix))
            across.addWidget(button)
        return row

    def apply(self, fix: Fix) -> None:
        """Do what the fix says, as an undo step."""
        fixed = with_fix(self._document.flow, fix)
        if fixed is not None:
            self._document.apply(fix.title, fixed)

    def _click(self, item: QListWidgetItem) -> None:
        row = self.list.row(item)
        if self._shown is None or row >= len(self._shown):
            return
        problem = self._shown[row]
        if problem.place.module:
            self.chosen.emit(problem.place.module)
        elif (link := self._link(problem)) is not None:
            self.link_chosen.emit(link)

    def _link(self, problem: Problem) -> Link | None:
        """The link that a problem stands at."""
        drawn = self._document.flow.connections
        match problem.place.path:
            case ("connections", "data", int(n), *_) if n < len(drawn.data):
                return drawn.data[n]
            case ("connections", "control", int(n), *_) if n < len(drawn.control):
                return drawn.control[n]
        links: tuple[Link, ...] = (*drawn.data, *drawn.control)
        return next((link for link in links if str(link) == problem.place.link), None)
