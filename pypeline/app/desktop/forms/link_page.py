"""A selected link: the columns and rows of a data link, the valve of a control link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from pypeline.app.desktop.forms.choices import Choice
from pypeline.app.desktop.forms.editor import UNSET
from pypeline.app.desktop.forms.expression import ExpressionText
from pypeline.app.desktop.forms.labels import label, said
from pypeline.app.desktop.forms.lines import Number
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.schema_page import SchemaTree
from pypeline.app.desktop.forms.shapes import Shape
from pypeline.canvas.document import Selection
from pypeline.core import edits, figures, valves
from pypeline.core.valves import TRIGGERS, ValveSpec, meaning
from pypeline.schema.flow import ControlLink, DataLink
from pypeline.schema.problems import capital, sentence


class DataLinkPage(QWidget):
    """What a data link carries."""

    def __init__(self, room: Room, link: DataLink) -> None:
        super().__init__()
        self._room, self._link = room, link
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 12, 12, 12)
        box.setSpacing(4)
        box.addWidget(label("Data link", "heading"))
        box.addWidget(label(f"{link.source}.{link.source_port} → {link.target}.{link.target_port}", "sub", wrap=True))
        self.count = label("", wrap=True)
        box.addWidget(self.count)
        box.addSpacing(8)
        self.tree = SchemaTree(room)
        box.addWidget(self.tree, 1)
        self._shown: object = ()
        self.learn()

    def refresh(self) -> None:
        """Nothing of a data link is edited here."""

    def learn(self) -> None:
        """Show columns and rows as they are known now."""
        knowledge = self._room.document.knowledge
        seen = knowledge.watch.links.get(str(self._link)) if knowledge.watch is not None else None
        rate = figures.rate(seen.rows, seen.seconds) if seen is not None else ""
        said(self.count, " · ".join(x for x in (figures.rows(seen.rows), rate, "" if seen.final else "so far") if x) if seen is not None else "", "")
        schema = knowledge.schemas.get(f"{self._link.source}.{self._link.source_port}")
        if schema != self._shown:
            self._shown = schema
            self.tree.clear()
            self.tree.columns("Carries", "", schema)


class ControlLinkPage(QWidget):
    """A valve in its parts; every part is checked as one types, and only a valve is written."""

    def __init__(self, room: Room, link: ControlLink, quietly: Callable[[Callable[[], None]], None]) -> None:
        super().__init__()
        self._room, self.link, self._quietly = room, link, quietly
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 12, 12, 16)
        box.setSpacing(4)
        box.addWidget(label("Control link", "heading"))
        self.ends = label("", "sub", wrap=True)
        box.addWidget(self.ends)
        self.order = Choice(Shape("choice", options=(1, 2, 3, "Last"), free=True), room)
        self.trigger = Choice(Shape("choice", options=TRIGGERS), room)
        self.parallel = Number(Shape("whole"), room)
        self.parallel.show_hint("1")
        self.condition = ExpressionText(Shape("expression"), room, quiet=True)
        self.condition.show_hint("{{orders__row_count}} > 0")
        self._labels = {}
        for title, editor in (("Order", self.order), ("Trigger", self.trigger), ("Frames side by side", self.parallel), ("Only if", self.condition)):
            box.addSpacing(8)
            name = label(title, "field")
            name.setBuddy(editor.target())
            editor.target().setAccessibleName(title)
            self._labels[title] = name
            box.addWidget(name)
            box.addWidget(editor)
            editor.edited.connect(self._edited)
        self.means = label("", "sub", wrap=True)
        self.note = label("", "bad", wrap=True)
        self.note.hide()
        box.addSpacing(8)
        box.addWidget(self.note)
        box.addWidget(self.means)
        box.addStretch(1)
        self.refresh()

    def refresh(self) -> None:
        """Show the valve as drawn."""
        self.ends.setText(f"{self.link.source} → {self.link.target}")
        try:
            spec = valves.parse(self.link.valve)
        except valves.ValveError as error:
            said(self.note, f"{capital(sentence(error.message))} {error.mend}", "bad")
            spec = ValveSpec()
        else:
            self._judge(spec)
        self.order.show_value(spec.order)
        self.trigger.show_value(spec.trigger)
        self.parallel.show_value(UNSET if spec.parallel is None else spec.parallel)
        self.condition.show_value(UNSET if spec.condition is None else spec.condition)
        self._show_parallel(spec)

    def learn(self) -> None:
        """Nothing known changes a valve."""

    def _show_parallel(self, spec: ValveSpec) -> None:
        self.parallel.setVisible(spec.trigger == "iterate")
        self._labels["Frames side by side"].setVisible(spec.trigger == "iterate")
        self.means.setText(meaning(spec))

    def _judge(self, spec: ValveSpec) -> bool:
        wrong = valves.check_condition(spec)
        self.condition.judge()
        own = self.condition.says()
        said(self.note, f"{capital(sentence(wrong.message))} {wrong.mend}" if wrong is not None and not own else "", "bad")
        return wrong is None

    def _edited(self, _: Any, typing: bool) -> None:
        trigger = self.trigger.value()
        parallel = self.parallel.value()
        condition = self.condition.value()
        text = f"{self.order.value()}|{trigger}"
        text += f" x{parallel}" if trigger == "iterate" and parallel is not UNSET else ""
        text += f" if {condition}" if condition is not UNSET and str(condition).strip() else ""
        try:
            spec = valves.parse(text)
        except valves.ValveError as error:
            said(self.note, f"{capital(sentence(error.message))} {error.mend}", "bad")
            return
        self._judge(spec)
        self._show_parallel(spec)
        self._write(ControlLink(source=self.link.source, valve=valves.format(spec), target=self.link.target), typing)

    def _write(self, new: ControlLink, typing: bool) -> None:
        document, old = self._room.document, self.link

        def write() -> None:
            self.link = new
            merge = f"valve:{new.source}:{new.target}" if typing else ""
            document.apply(f"Set the valve to ({new.valve})", edits.replace_link(document.flow, old, new), merge, Selection(links=frozenset([new])))

        if new != old:
            self._quietly(write)

    def focus_first(self) -> None:
        """Put the keyboard into the order."""
        self.order.target().setFocus()
