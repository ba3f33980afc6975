"""The window: one flow, its canvas and panels, and every action of the table as a method.

It joins document, session and panels and holds no logic of its own: edits are made by
``core.edits`` through the document, everything that takes time by the session. No dialog is ever
opened with ``exec()``.
"""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QSplitter, QTabWidget, QVBoxLayout, QWidget

from pypeline import __version__
from pypeline.app.desktop import asking, files, loop, style
from pypeline.app.desktop.actions import ACTIONS, MENUS, When
from pypeline.app.desktop.board import Board
from pypeline.app.desktop.command_list import CommandList
from pypeline.app.desktop.docks.inspector import InspectorPanel
from pypeline.app.desktop.docks.log import LogPanel
from pypeline.app.desktop.docks.palette import PalettePanel
from pypeline.app.desktop.docks.preview import PreviewPanel
from pypeline.app.desktop.docks.problems import ProblemsPanel
from pypeline.app.desktop.editing import Editing
from pypeline.app.desktop.files import OpenFile
from pypeline.app.desktop.filing import Filing
from pypeline.app.desktop.looking import Looking
from pypeline.app.desktop.running import Running
from pypeline.app.desktop.session import Session
from pypeline.app.desktop.statusbar import StatusBar
from pypeline.app.desktop.toolbar import Toolbar
from pypeline.canvas.document import Document, Link
from pypeline.canvas.hit import Hit
from pypeline.canvas.icons import plain
from pypeline.canvas.look import look
from pypeline.runner.registry import load


class FlowWindow(QMainWindow):
    """One window on one flow. ``closed`` when it is gone for good."""

    closed = Signal()

    def __init__(self, file: OpenFile, theme: str = "light", settings: QSettings | None = None) -> None:
        super().__init__()
        self.theme = theme
        self.settings = settings
        self.filing = Filing(self, file)
        self._really_close = False
        self._folder = Path.cwd()
        self.document: Document
        self.session: Session
        self.actions_by_id: dict[str, QAction] = {}
        self._make_actions()
        self._make_document()
        self._make_body()
        self.command_list = CommandList(self, self.actions_by_id)
        self.resize(1440, 900)
        self.filing.opened.connect(self._show_flow)
        self.filing.written.connect(self._show_file)
        self.filing.written.connect(self._refresh_actions)
        self.filing.moved.connect(self._moved)
        self.filing.registered.connect(lambda: self.palette_panel.show_catalogue(self.document.catalogue, look(self.theme)))
        self._follow()
        self._refresh_actions()

    # --- making ---------------------------------------------------------------------------------

    def _make_actions(self) -> None:
        for entry in ACTIONS:
            action = QAction(entry.title, self)
            if entry.short:
                action.setIconText(entry.short)
            action.setShortcuts([QKeySequence(k) for k in entry.keys])
            keys = f"  ({QKeySequence(entry.keys[0]).toString()})" if entry.keys else ""
            action.setToolTip(f"{entry.hint or entry.title}{keys}")
            # found when it is wanted: another document has other hands
            action.triggered.connect(lambda _=False, run=attrgetter(entry.run): run(self)())
            # keys of one letter must not steal typing in a field
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            self.actions_by_id[entry.id] = action
            self.addAction(action)

    def _make_document(self) -> None:
        file = self.filing.file
        # a new flow belongs where one was working
        folder = file.path.resolve().parent if file.path else self._folder
        self._folder = folder
        self.document = Document(file.flow, load(folder), self)
        self.session = Session(self.document, folder, self)
        self.filing.serve(self.document, self.session)

    def _make_body(self) -> None:
        tint = look(self.theme)
        self.main_menu = QMenu(self)
        self._fill_menu(self.main_menu)
        self.toolbar = Toolbar(self.actions_by_id, self.main_menu, tint)
        self.palette_panel = PalettePanel(self.document.catalogue, tint)
        self.board = Board(self.document, tint)
        self.inspector = InspectorPanel(self.document, self.session, tint)
        self.preview = PreviewPanel(self.session, tint)
        self.problems = ProblemsPanel(self.document, tint)
        self.log = LogPanel(self.session, tint)
        self.status = StatusBar(self.document, self.session)
        self.tabs = QTabWidget()
        self.tabs.setObjectName("dock")
        self.tabs.setAttribute(Qt.WidgetAttribute.WA_StyledBackground, True)
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.preview, "Preview")
        self.tabs.addTab(self.problems, "Problems")
        self.tabs.addTab(self.log, "Log")
        self.tabs.setCornerWidget(self.preview.title)
        self.tabs.currentChanged.connect(lambda _: self._tab_turned())
        self.middle = QSplitter(Qt.Orientation.Vertical)
        self.middle.addWidget(self.board)
        self.middle.addWidget(self.tabs)
        self.middle.setStretchFactor(0, 1)
        self.middle.setSizes([560, 260])
        self.middle.setCollapsible(0, False)
        self.across = QSplitter(Qt.Orientation.Horizontal)
        for part in (self.palette_panel, self.middle, self.inspector):
            self.across.addWidget(part)
        self.across.setStretchFactor(1, 1)
        self.across.setSizes([212, 900, 328])
        self.across.setCollapsible(1, False)
        centre = QWidget()
        centre.setObjectName("centre")
        box = QVBoxLayout(centre)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.toolbar)
        box.addWidget(self.across, 1)
        box.addWidget(self.status)
        self.setCentralWidget(centre)
        self.editing = Editing(self.document, self.board)
        self.looking = Looking(self.board.view)
        self.running = Running(self.document, self.session, self.board, self.tabs, self.preview, self.problems)
        self._tint_actions()
        # whoever points at the canvas and types, adds a module
        self.board.view.setFocus()

    def _fill_menu(self, menu: QMenu) -> None:
        for name in MENUS:
            part = menu.addMenu(name)
            for entry in ACTIONS:
                if entry.menu == name:
                    part.addAction(self.actions_by_id[entry.id])
                    if entry.id == "file.open":
                        self.recent_menu = part.addMenu("Open recent")
                        self.recent_menu.aboutToShow.connect(self._fill_recent)

    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        for path in self.filing.recent.files():
            self.recent_menu.addAction(f"{path.name}   {path.parent}", partial(self.filing.open, path))
        if self.recent_menu.isEmpty():
            self.recent_menu.addAction("Nothing yet").setEnabled(False)

    def _follow(self) -> None:
        """Connect what was made for this document."""
        document, session, board = self.document, self.session, self.board
        document.flow_changed.connect(self._refresh_actions)
        document.selection_changed.connect(self._selection_changed)
        document.clean_changed.connect(lambda _: self._show_file())
        document.knowledge_changed.connect(lambda _: self._count_problems())
        # the flow's name may be another, and somebody may have written a context file
        session.understood.connect(self._show_contexts)
        session.run_changed.connect(self._run_changed)
        session.stop_wished.connect(self._refresh_actions)
        session.understood.connect(self._look_again)
        self.palette_panel.wanted.connect(self.editing.add_in_middle)
        board.editor.link_chosen.connect(self.running.show_link)
        board.editor.opened.connect(lambda _: self.filing.enter_child() if self.filing.child() is not None else self.inspector.focus_first())
        board.editor.menu_wanted.connect(self._context_menu)
        board.editor.files_dropped.connect(self.drop_files)
        board.editor.added.connect(lambda _: self.inspector.show_settings())
        self.problems.chosen.connect(self.go_to)
        self.problems.link_chosen.connect(self.go_to_link)
        self.log.chosen.connect(self.go_to)
        self._show_file()
        self._show_contexts()
        self._count_problems()

    def _tint_actions(self) -> None:
        tint = look(self.theme)
        for entry in ACTIONS:
            if entry.icon:
                self.actions_by_id[entry.id].setIcon(plain(entry.icon, tint, tint.theme.muted))

    # --- what may be done now -------------------------------------------------------------------------

    def _holds(self, when: When) -> bool:
        chosen = self.document.selection
        truths: dict[str, bool] = {
            "always": True,
            "saved": self.filing.file.path is not None,
            "selection": bool(chosen),
            "modules": bool(chosen.modules),
            "one": len(chosen.modules) == 1 and not self.session.running,
            "undo": self.document.undo.canUndo(),
            "redo": self.document.undo.canRedo(),
            "child": self.filing.child() is not None,
            "entered": self.filing.entered,
            "idle": not self.session.running,
            "running": self.session.running and self.session.stopping != "hard",
        }
        return truths[when]

    def _refresh_actions(self) -> None:
        for entry in ACTIONS:
            self.actions_by_id[entry.id].setEnabled(self._holds(entry.when))
        self.toolbar.show_stopping(self.session.stopping)
        undo, redo = self.document.undo.undoText(), self.document.undo.redoText()
        self.actions_by_id["edit.undo"].setText(f"Undo {undo}" if undo else "Undo")
        self.actions_by_id["edit.redo"].setText(f"Redo {redo}" if redo else "Redo")

    def _selection_changed(self) -> None:
        self._refresh_actions()
        chosen = self.document.selection
        if len(chosen.modules) == 1 and self.tabs.currentWidget() is self.preview:
            self.running.preview_module(next(iter(chosen.modules)))

    def _run_changed(self) -> None:
        self._refresh_actions()
        if self.session.running:
            return
        summary = self.session.summary
        if summary is None:
            self.tabs.setCurrentWidget(self.problems)
        elif summary.state != "completed":
            self.tabs.setCurrentWidget(self.log)
        elif self.preview.port:
            self.session.preview(self.preview.port)

    def _tab_turned(self) -> None:
        ahead = self.tabs.currentWidget() is self.preview
        self.preview.title.setVisible(ahead)
        if ahead:
            self._look_again()

    def _look_again(self) -> None:
        """What is looked at may have other rows now, another name, or be gone."""
        if self.tabs.currentWidget() is not self.preview or self.session.running:
            return
        chosen, module = self.document.selection.modules, self.preview.port.rpartition(".")[0]
        if any(m.id == module for m in self.document.flow.modules):
            self.session.preview(self.preview.port)
        elif len(chosen) == 1:
            self.running.preview_module(next(iter(chosen)))
        else:
            self.preview.forget()

    def _show_file(self) -> None:
        filing, name = self.filing, self.filing.name
        saved = not filing.unsaved and (filing.file.path is not None or not self.document.flow.modules)
        self.toolbar.show_file(name, saved=saved, folder=str(self.session.folder))
        self.status.show_file(name, saved=saved, new=filing.file.path is None)
        self.setWindowTitle(f"{name}{'' if saved else ' •'} — PYpeline")

    def _show_contexts(self) -> None:
        chosen = self.session.answers.context_name
        names = files.contexts(self.session.folder, self.document.flow)
        names += [chosen] if chosen not in names else []
        if names == self.toolbar.contexts() and chosen == self.toolbar.context.currentData():
            return
        self.toolbar.show_contexts(names, chosen, self.session.set_context)

    def _moved(self) -> None:
        self._show_contexts()
        self.board.view.say(f"relative paths start at {self.session.folder} now", bad=False)

    def _count_problems(self) -> None:
        number = len(self.document.knowledge.problems)
        self.tabs.setTabText(self.tabs.indexOf(self.problems), f"Problems {number}" if number else "Problems")

    def _show_flow(self) -> None:
        """Show the flow that was opened, in a body of its own."""
        old_session, old_document, old_scene = self.session, self.document, self.board.scene
        self._make_document()
        self._make_body()
        self._follow()
        self._refresh_actions()
        old_scene.dispose()
        old_document.deleteLater()
        loop.start(old_session.close())
        # once the new body has its size
        QTimer.singleShot(0, self.board.view, self.board.view.start)

    # --- Edit ---------------------------------------------------------------------------------------------

    def find_module(self) -> None:
        """Find a module by its name."""
        self.command_list.ask_modules([m.id for m in self.document.flow.modules], self.go_to)

    def command_palette(self) -> None:
        """Every action by a few letters."""
        self.command_list.ask_actions()

    def drop_files(self, names: list[str], point: QPointF) -> None:
        """Open a dropped flow, or put a reader for each dropped file."""
        paths = [Path(name) for name in names]
        flows = [path for path in paths if path.suffix.lower() in {".yaml", ".yml"}]
        if flows:
            self.filing.open(flows[0])
        else:
            self.editing.add_readers(paths, self.session.folder, point)

    def go_to(self, module: str) -> None:
        """Select a module and bring it into sight."""
        if any(m.id == module for m in self.document.flow.modules):
            self.document.select([module])
            self.board.view.show_module(module)

    def go_to_link(self, link: Link) -> None:
        """Select a link and bring its source into sight."""
        self.go_to(link.source)
        self.document.select(links=[link])

    # --- View ----------------------------------------------------------------------------------------------

    def toggle_theme(self) -> None:
        """The other look."""
        self.set_theme("dark" if self.theme == "light" else "light")

    def set_theme(self, name: str) -> None:
        """Show everything in the look called ``light`` or ``dark``."""
        from PySide6.QtWidgets import QApplication

        self.theme = name
        app = QApplication.instance()
        if isinstance(app, QApplication):
            style.apply(app, name)
        tint = look(name)
        self.toolbar.show_look(tint)
        self.palette_panel.show_catalogue(self.document.catalogue, tint)
        for part in (self.board, self.inspector, self.preview, self.problems, self.log):
            part.show_look(tint)
        self._tint_actions()
        if self.settings is not None:
            self.settings.setValue("theme", name)

    def toggle_palette(self) -> None:
        """Show or hide the palette."""
        self.palette_panel.setVisible(not self.palette_panel.isVisible())

    def toggle_dock(self) -> None:
        """Show or hide the panels below."""
        self.tabs.setVisible(not self.tabs.isVisible())

    def toggle_inspector(self) -> None:
        """Show or hide the inspector."""
        self.inspector.setVisible(not self.inspector.isVisible())

    # --- Help ----------------------------------------------------------------------------------------------

    def show_keys(self) -> None:
        """All actions with their keys."""
        self.command_list.ask_actions()

    def about(self) -> None:
        """What this is."""
        asking.tell(self, f"PYpeline {__version__}", "Draw data flows, keep them as YAML, run them anywhere.\nApache License 2.0.")

    def _context_menu(self, at: QPoint, hit: Hit) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, True)
        inside = ["edit.child"] if self.filing.child() is not None else []
        wanted = [
            *inside,
            "run.to",
            "",
            "edit.copy",
            "edit.duplicate",
            "edit.detach",
            "edit.enable",
            "",
            "edit.delete",
        ]
        if not hit.module:
            wanted = ["edit.delete"] if hit.link is not None else ["edit.paste", "edit.select_all", "", "view.fit", "view.layout"]
        for id in wanted:
            if id:
                menu.addAction(self.actions_by_id[id])
            else:
                menu.addSeparator()
        menu.popup(at)

    # --- closing ---------------------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        # a close within a close does nothing: what needs no question is accepted here
        if self._really_close or not (self.session.running or self.filing.unsaved):
            event.accept()
            loop.start(self._end())
            return
        event.ignore()
        if self.session.running:
            asking.choose(
                self,
                "A run is going on",
                "Closing the window stops it.",
                {"Stop it and close": lambda: self.filing.leave_then(self._close_now)},
            )
        else:
            self.filing.leave_then(self._close_now)

    def close_at_once(self) -> None:
        """Close without asking: the process was told to end."""
        self._close_now()

    def _close_now(self) -> None:
        self._really_close = True
        self.close()

    async def _end(self) -> None:
        await self.session.close()
        self.closed.emit()
