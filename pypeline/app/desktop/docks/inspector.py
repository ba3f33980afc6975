"""The inspector: what is selected, seen and set. It picks the page; the pages are in ``forms``."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from pypeline.app.desktop.forms.flow_page import FlowPage
from pypeline.app.desktop.forms.link_page import ControlLinkPage, DataLinkPage
from pypeline.app.desktop.forms.module_page import ModulePage
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.several_page import SeveralPage
from pypeline.app.desktop.session import Session
from pypeline.canvas.document import Document
from pypeline.canvas.look import Look
from pypeline.schema.flow import ControlLink, DataLink

Page = ModulePage | FlowPage | DataLinkPage | ControlLinkPage | SeveralPage
_WIDTH = 280


class InspectorPanel(QWidget):
    """Shows the flow, a module, a link, or how many are selected; every edit goes through the document."""

    def __init__(self, document: Document, session: Session, look: Look) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground, True)
        self.setMinimumWidth(_WIDTH)
        self.setAccessibleName("Inspector")
        self._document, self._session, self._look = document, session, look
        self._tab = "Settings"
        self._busy = False
        self._subject: object = None
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._holder: QWidget | None = None
        self.page: Page
        self._show_subject()
        document.selection_changed.connect(self._show_subject)
        document.flow_changed.connect(self._refresh)
        document.knowledge_changed.connect(self._learn)

    # --- what the window asks for ------------------------------------------------------------------------

    def show_look(self, look: Look) -> None:
        """Paint in this look."""
        self._look = look
        self._subject = None
        self._show_subject()

    def show_settings(self) -> None:
        """Turn to the settings of what is selected."""
        self._tab = "Settings"
        if isinstance(self.page, ModulePage):
            self.page.open("Settings")

    def focus_first(self) -> None:
        """Put the keyboard into the first field of what is selected."""
        self.setVisible(True)
        if not isinstance(self.page, DataLinkPage | SeveralPage):
            self.page.focus_first()

    # --- following ---------------------------------------------------------------------------------------

    def _show_subject(self) -> None:
        """Show the page of what is selected, if it is not shown already."""
        if self._busy:
            return
        chosen = self._document.selection
        subject: object = "flow"
        if len(chosen.modules) + len(chosen.links) > 1:
            subject = "several"
        elif chosen.modules:
            subject = next(iter(chosen.modules)), self._type(next(iter(chosen.modules)))
        elif chosen.links:
            subject = next(iter(chosen.links))
        if subject == self._subject:
            self.page.refresh()
            return
        self._subject = subject
        self._take(self._make(subject))

    def _type(self, id: str) -> str:
        return next((m.name for m in self._document.flow.modules if m.id == id), "")

    def _make(self, subject: object) -> Page:
        room = Room(self._document, self._session, self._look, subject[0] if isinstance(subject, tuple) else "")
        if isinstance(subject, tuple):
            page = ModulePage(room, self._tab, self._quietly)
            page.turned.connect(self._turned)
            return page
        if isinstance(subject, ControlLink):
            return ControlLinkPage(room, subject, self._quietly)
        if isinstance(subject, DataLink):
            return DataLinkPage(room, subject)
        return SeveralPage(room) if subject == "several" else FlowPage(room)

    def _turned(self, tab: str) -> None:
        self._tab = tab

    def _take(self, page: Page) -> None:
        old, self.page = self._holder, page
        holder: QWidget = page
        if isinstance(page, FlowPage | ControlLinkPage | SeveralPage):
            area = QScrollArea()
            area.setObjectName("panel")
            area.setWidgetResizable(True)
            area.setFrameShape(QFrame.Shape.NoFrame)
            area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            area.setWidget(page)
            holder = area
        self._holder = holder
        self._box.addWidget(holder)
        if old is not None:
            self._box.removeWidget(old)
            old.hide()
            old.deleteLater()

    def _quietly(self, run: Callable[[], None]) -> None:
        """Run an edit that changes what the subject is called, without another page in between."""
        self._busy = True
        try:
            run()
        finally:
            self._busy = False
        chosen = self._document.selection
        if len(chosen.modules) == 1:
            id = next(iter(chosen.modules))
            self._subject = id, self._type(id)
        elif len(chosen.links) == 1:
            self._subject = next(iter(chosen.links))
        self.page.refresh()

    def _refresh(self, *_: object) -> None:
        if self._busy:
            return
        if isinstance(self._subject, tuple) and self._type(self._subject[0]) != self._subject[1]:
            # another type; or the module is gone, and the selection with it
            self._show_subject()
        else:
            self.page.refresh()

    def _learn(self, changed: frozenset[str]) -> None:
        if isinstance(self.page, ModulePage) and changed and self.page.room.id not in changed:
            # a run's events name what changed; rows that come in are told by the links
            links = self._document.flow.connections.data
            if not any(link.target == self.page.room.id and str(link) in changed for link in links):
                return
        self.page.learn()
