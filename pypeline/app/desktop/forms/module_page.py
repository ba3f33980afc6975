"""One module: who it is on top, and its pages below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QScrollArea, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from pypeline.app.desktop.forms.advanced_page import AdvancedPage
from pypeline.app.desktop.forms.editor import mark
from pypeline.app.desktop.forms.help_page import HelpPage
from pypeline.app.desktop.forms.labels import label, said
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.run_page import RunPage
from pypeline.app.desktop.forms.schema_page import SchemaPage
from pypeline.app.desktop.forms.settings_page import SettingsPage
from pypeline.canvas.document import Selection
from pypeline.canvas.icons import icon
from pypeline.core import edits
from pypeline.resources.icons import icon_of
from pypeline.schema import ids
from pypeline.schema.problems import Place, capital, sentence

_KINDS = {"source": "source", "mod": "transform", "sink": "sink", "solo": "solo"}


class Page(Protocol):
    """What a page can do."""

    def refresh(self) -> None: ...
    def learn(self) -> None: ...


_PAGES: dict[str, Callable[[Room], QWidget]] = {
    "Settings": SettingsPage, "Schema": SchemaPage, "Advanced": AdvancedPage, "Help": HelpPage, "Run": RunPage,
}  # fmt: skip


class ModuleHead(QWidget):
    """The icon, the name (typed over to rename), type and kind, and the state in the run."""

    renamed = Signal(str)

    def __init__(self, room: Room) -> None:
        super().__init__()
        self._room = room
        self._just_clicked = False
        self.tile = QLabel()
        self.tile.setFixedSize(32, 32)
        self.name = QLineEdit()
        self.name.setObjectName("name")
        self.name.setAccessibleName("Name of the module")
        self.name.textEdited.connect(lambda _: self._judge())
        self.name.editingFinished.connect(self._take)
        self.name.installEventFilter(self)
        self.kind = label("", "sub")
        self.kind.setContentsMargins(5, 0, 0, 0)
        self.chip = label("", "chip")
        self.note = label("", "bad", wrap=True)
        self.note.hide()
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.name)
        words.addWidget(self.kind)
        across = QHBoxLayout()
        across.setSpacing(4)
        across.addWidget(self.tile, 0, Qt.AlignmentFlag.AlignTop)
        across.addLayout(words, 1)
        across.addWidget(self.chip, 0, Qt.AlignmentFlag.AlignTop)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 12, 12, 4)
        box.setSpacing(4)
        box.addLayout(across)
        box.addWidget(self.note)
        self.refresh()
        self.learn()

    def refresh(self) -> None:
        """Show the module as drawn."""
        room, module, declaration = self._room, self._room.module, self._room.declaration
        if module is None:
            return
        kind = declaration.kind if declaration is not None else "unknown"
        self.tile.setPixmap(icon(icon_of(module.name, kind, declaration.icon if declaration else ""), kind, room.look).pixmap(QSize(32, 32)))
        if not self.name.hasFocus() or not self.name.isModified():
            self.name.setText(module.id)
            self.name.setCursorPosition(0)
        self.name.setToolTip(f"{module.id}\nThe module's id. Renaming follows it into links and variables.")
        away = " · disabled" if not module.enabled else " · bypassed" if module.bypass else ""
        self.kind.setText(f"{module.name} · {_KINDS.get(kind, 'unknown type')}{away}")

    def learn(self) -> None:
        """Show the state in the run."""
        watch = self._room.document.knowledge.watch
        seen = watch.modules.get(self._room.id) if watch is not None else None
        state = seen.state if seen is not None else "pending" if watch is not None and watch.state == "running" else ""
        shown = seen.reason.replace("_", " ") if seen is not None and seen.reason in {"reused", "not_needed"} else "waiting" if state == "pending" else state
        self.chip.setVisible(bool(shown))
        if self.chip.text() != shown or self.chip.property("state") != state:
            self.chip.setText(shown)
            self.chip.setProperty("state", state)
            self.chip.style().unpolish(self.chip)
            self.chip.style().polish(self.chip)

    def wrong(self, name: str) -> str:
        """What is wrong with ``name`` as an id here; empty when nothing."""
        others = [(m.id, Place()) for m in self._room.document.flow.modules if m.id != self._room.id]
        before = len(ids.id_problems(others))
        problems = ids.id_problems([*others, (name, Place())])[before:]
        return f"{capital(sentence(problems[0].message))} {problems[0].mend}" if problems else ""

    def _judge(self) -> None:
        reason = self.wrong(self.name.text().strip())
        mark(self.name, bool(reason))
        said(self.note, reason[:1].upper() + reason[1:], "bad")

    def _take(self) -> None:
        name = self.name.text().strip()
        if not self.wrong(name) and name != self._room.id:
            self.name.setModified(False)
            self.renamed.emit(name)

    def _back(self) -> None:
        self.name.setModified(False)
        self.name.setText(self._room.id)
        self._judge()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self._back()
            return True
        if event.type() == QEvent.Type.FocusIn and isinstance(event, QFocusEvent):
            self._just_clicked = event.reason() == Qt.FocusReason.MouseFocusReason
        elif event.type() == QEvent.Type.FocusOut and isinstance(event, QFocusEvent) and event.reason() != Qt.FocusReason.PopupFocusReason:
            # Enter leaves what was typed and why it cannot be; whoever goes elsewhere has given it up
            if self.wrong(self.name.text().strip()):
                self._back()
        elif event.type() == QEvent.Type.MouseButtonRelease and self._just_clicked:
            # who clicks a name types another one; a second click places the cursor
            self._just_clicked = False
            if not self.name.hasSelectedText():
                self.name.selectAll()
        return super().eventFilter(watched, event)


class ModulePage(QWidget):
    """Tabs are made when they are first looked at. ``turned(str)``: another tab was chosen."""

    turned = Signal(str)

    def __init__(self, room: Room, tab: str, quietly: Callable[[Callable[[], None]], None]) -> None:
        super().__init__()
        self.room = room
        self._quietly = quietly
        self.head = ModuleHead(room)
        self.head.renamed.connect(self._rename)
        self.tabs = QTabBar()
        self.tabs.setObjectName("pages")
        self.tabs.setAccessibleName("Pages of the module")
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(True)
        self.stack = QStackedWidget()
        self.pages: dict[str, QWidget] = {}
        for name in _PAGES:
            self.tabs.addTab(name)
            self.stack.addWidget(_scroll())
        rule = QFrame()
        rule.setObjectName("rule")
        rule.setFixedHeight(1)
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 0, 4, 0)
        bar.addWidget(self.tabs)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.head)
        box.addLayout(bar)
        box.addWidget(rule)
        box.addWidget(self.stack, 1)
        self.tabs.currentChanged.connect(self._turn)
        self.open(tab)
        self._turn(self.tabs.currentIndex())

    def open(self, tab: str) -> None:
        """Look at the page called ``tab``."""
        names = [*_PAGES]
        self.tabs.setCurrentIndex(names.index(tab) if tab in names else 0)

    def _turn(self, at: int) -> None:
        name = [*_PAGES][at]
        if name not in self.pages:
            page = _PAGES[name](self.room)
            self.pages[name] = page
            holder = self.stack.widget(at)
            if isinstance(holder, QScrollArea):
                holder.setWidget(page)
        self.stack.setCurrentIndex(at)
        self.turned.emit(name)

    def _rename(self, name: str) -> None:
        document, old = self.room.document, self.room.id
        if self.room.module is None:
            return

        def rename() -> None:
            chosen = document.selection
            modules = frozenset(name if id == old else id for id in chosen.modules)
            flow = edits.rename_module(document.flow, old, name)
            self.room.id = name
            document.apply(f"Rename {old} to {name}", flow, choose=Selection(modules, chosen.links))

        self._quietly(rename)

    def each(self) -> list[Page]:
        """The pages made so far."""
        return [self.head, *self.pages.values()]  # type: ignore[list-item]

    def refresh(self) -> None:
        """Show the flow as drawn."""
        for page in self.each():
            page.refresh()

    def learn(self) -> None:
        """Show what is known now."""
        for page in self.each():
            page.learn()

    def focus_first(self) -> None:
        """Put the keyboard into the first setting."""
        self.open("Settings")
        page = self.pages["Settings"]
        if isinstance(page, SettingsPage):
            page.focus_first()


def _scroll() -> QScrollArea:
    made = QScrollArea()
    made.setObjectName("panel")
    made.setWidgetResizable(True)
    made.setFrameShape(QFrame.Shape.NoFrame)
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return made
