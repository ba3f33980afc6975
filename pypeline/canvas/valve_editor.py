"""A valve edited where it stands: order, trigger and condition as one short text, checked as one types."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit

from pypeline.canvas.document import Selection
from pypeline.canvas.view import FlowView
from pypeline.core import edits, valves
from pypeline.core.geometry import Box
from pypeline.schema.flow import ControlLink


class ValveEditor(QLineEdit):
    """A line over the pill; Enter takes the text if it is a valve, Esc leaves all as it was."""

    def __init__(self, view: FlowView) -> None:
        super().__init__(view)
        self.setObjectName("valveEditor")
        self.setPlaceholderText("1|ok")
        self._view = view
        self._link: ControlLink | None = None
        self.textEdited.connect(self._judge)
        self.returnPressed.connect(self._take)
        self.installEventFilter(self)
        self.hide()

    def edit(self, link: ControlLink, pill: Box) -> None:
        """Begin to edit ``link``; ``pill`` is its box on the scene."""
        self._link = link
        middle = self._view.mapFromScene(*pill.middle)
        width = max(180, round(pill.width * self._view.scale_now) + 40)
        self.setGeometry(middle.x() - width // 2, middle.y() - 14, width, 28)
        self.setText(link.valve)
        self._judge(link.valve)
        self.show()
        self.raise_()
        self.setFocus()
        self.selectAll()

    def problem(self, text: str) -> str:
        """What is wrong with ``text`` as a valve; empty if nothing."""
        try:
            wrong = valves.check_condition(valves.parse(text))
        except valves.ValveError as error:
            return f"{error.message}. {error.mend}".strip()
        return f"{wrong.message}. {wrong.mend}".strip() if wrong is not None else ""

    def _judge(self, text: str) -> None:
        reason = self.problem(text)
        self.setProperty("bad", bool(reason))
        self.style().unpolish(self)
        self.style().polish(self)
        self._view.say(reason or valves.meaning(valves.parse(text)), bad=bool(reason))

    def _take(self) -> None:
        text, link = self.text().strip(), self._link
        if link is None or self.problem(text):
            return
        self._close()
        new = ControlLink(source=link.source, valve=text, target=link.target)
        document = self._view.flow_scene.document
        document.apply(f"Set the valve to ({text})", edits.replace_link(document.flow, link, new), choose=Selection(links=frozenset([new])))

    def _close(self) -> None:
        self._link = None
        self.hide()
        self._view.say("")
        self._view.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self._close()
            return True
        if event.type() == QEvent.Type.FocusOut and self.isVisible():
            self._link = None
            self.hide()
            self._view.say("")
        return super().eventFilter(watched, event)
