"""Running a flow and looking at what its links carry."""

from __future__ import annotations

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QTabWidget

from pypeline.app.desktop import asking
from pypeline.app.desktop.answers import GoOn
from pypeline.app.desktop.board import Board
from pypeline.app.desktop.docks.preview import PreviewPanel
from pypeline.app.desktop.docks.problems import ProblemsPanel
from pypeline.app.desktop.questions import Questions
from pypeline.app.desktop.session import Session
from pypeline.canvas.document import Document
from pypeline.runner.variables import Question
from pypeline.schema.flow import DataLink


class Running:
    """The actions of the menu Run, on one session; what they show comes to the front of ``tabs``."""

    def __init__(self, document: Document, session: Session, board: Board, tabs: QTabWidget, preview: PreviewPanel, problems: ProblemsPanel) -> None:
        self._document, self._session, self._board = document, session, board
        self._tabs, self._preview, self._problems = tabs, preview, problems
        session.ask = self._ask

    def run(self) -> None:
        """Run the flow as drawn."""
        self._run(None)

    def run_to(self) -> None:
        """Run what leads to the selected module."""
        chosen = self._document.selection.modules
        if len(chosen) == 1:
            (id,) = chosen
            self._run(id)
            if self._session.running:
                # its rows are what one runs to it for; they come when it has ended
                self.preview_module(id)

    def stop(self) -> None:
        """Stop the run: politely, then at once."""
        self._session.stop()

    def validate(self) -> None:
        """Check the flow and show what is wrong."""
        self._session.understand()
        self._tabs.setCurrentWidget(self._problems)

    def open_report(self) -> None:
        """Open the last run's report in the browser."""
        summary = self._session.summary
        report = summary.bundle / "report.html" if summary is not None else None
        if report is None or not report.exists():
            self._board.view.say("no run of this window has a report yet")
        else:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(report)))

    def show_link(self, link: DataLink) -> None:
        """Show the first rows of a data link."""
        self.show_port(f"{link.source}.{link.source_port}")

    def preview_module(self, id: str) -> None:
        """Show the first rows of a module's first output, or of what a sink gets."""
        card = self._board.scene.cards.get(id)
        if card is None:
            return
        if card.card.outputs:
            self.show_port(f"{id}.{card.card.outputs[0].name}")
        else:
            for link in self._document.flow.connections.data:
                if link.target == id:
                    self.show_port(f"{link.source}.{link.source_port}")
                    return
            self._preview.forget(f"No link leads to {id} yet." if card.card.inputs else f"{id} works without rows.")

    def show_port(self, port: str) -> None:
        """Show the first rows of ``module.port``."""
        self._preview.wait_for(port)
        self._tabs.setCurrentWidget(self._preview)
        self._session.preview(port)

    def _run(self, to: str | None) -> None:
        if not self._document.flow.modules:
            self._board.view.say("there is nothing to run yet")
            return
        self._board.view.say("")
        if self._session.run(to):
            self._tabs.setCurrentWidget(self._problems)

    def _ask(self, questions: tuple[Question, ...], go_on: GoOn) -> None:
        def given_up() -> None:
            self._board.view.say("not run: what it asks for was not answered")

        asking.show(Questions(self._board.window(), questions, self._session.answers.context_name, go_on, given_up))
