"""The flow's file: new, open, save, build, register; and the way into child flows and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from pypeline.app.desktop import asking, files
from pypeline.app.desktop.files import OpenFile, Recent
from pypeline.app.desktop.session import Session
from pypeline.canvas.document import Document
from pypeline.core.tasks import FLOW
from pypeline.core.variables_context import known_now
from pypeline.runner import children
from pypeline.runner.registry import load
from pypeline.schema.problems import Problem, PypeError


class Filing(QObject):
    """The actions of the menu File, on the document and session that ``serve`` names.

    ``opened`` when another file is to be shown, ``written`` when the shown one has a new name or state on disk,
    ``moved`` when it stands in another folder, ``registered`` when module types were learnt.
    """

    opened = Signal()
    written = Signal()
    moved = Signal()
    registered = Signal()

    document: Document
    session: Session

    def __init__(self, window: QWidget, file: OpenFile) -> None:
        super().__init__(window)
        self.file = file
        self.recent = Recent()
        self._window = window
        # the flows from which children were opened, the outermost first
        self._outer: list[Path] = []

    def serve(self, document: Document, session: Session) -> None:
        """Act on what is shown from now on."""
        self.document, self.session = document, session
        if self.file.path is not None:
            self.recent.add(self.file.path)

    # --- what holds now -------------------------------------------------------------------------

    @property
    def unsaved(self) -> bool:
        """Whether closing now would lose edits."""
        return not self.document.undo.isClean()

    @property
    def entered(self) -> bool:
        """Whether this flow was opened from one that runs it."""
        return bool(self._outer)

    @property
    def name(self) -> str:
        """What the flow's file is called, or will be."""
        return self.file.path.name if self.file.path else f"{self.document.flow.flow.name}.yaml"

    def child(self) -> Path | None:
        """The file of the flow that the one selected module runs."""
        chosen = self.document.selection.modules
        if len(chosen) != 1 or self.file.path is None:
            return None
        flow, folder = self.document.flow, self.session.folder
        module = flow.module(next(iter(chosen)))
        if module.name != FLOW:
            return None
        try:
            return children.path_of(module, folder, known_now(self.session.answers.values(flow, folder)))
        except PypeError:
            return None

    # --- opening --------------------------------------------------------------------------------

    def new(self) -> None:
        """Start an empty flow here."""
        self.leave_then(lambda: self._take(files.new_flow(), []))

    def open_dialog(self) -> None:
        """Ask for a flow file."""
        dialog = QFileDialog(self._window, "Open a flow", str(self.session.folder), "Flow files (*.yaml *.yml);;All files (*)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda name: self.open(Path(name)))
        asking.show(dialog)

    def open(self, path: Path, *, outer: Sequence[Path] = ()) -> None:
        """Open the flow file at ``path`` here; ``outer`` are the flows through which one came to it."""
        self.leave_then(lambda: self._read(path, outer))

    def _read(self, path: Path, outer: Sequence[Path]) -> None:
        try:
            found = files.open_flow(path)
        except PypeError as error:
            asking.tell(self._window, f"{path.name} cannot be opened", listed(error.problems))
            return
        self._take(found, outer)

    def _take(self, file: OpenFile, outer: Sequence[Path]) -> None:
        self.file, self._outer = file, [*outer]
        self.opened.emit()

    def enter_child(self) -> None:
        """Open the flow that the selected module runs."""
        path, outer = self.child(), self.file.path
        if path is not None and outer is not None:
            self.open(path, outer=[*self._outer, outer])

    def leave_child(self) -> None:
        """Open the flow again from which this one was opened."""
        if self._outer:
            self.open(self._outer[-1], outer=self._outer[:-1])

    # --- writing --------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the flow; asks for a name the first time."""
        if self.file.path is None:
            self.save_dialog()
        else:
            self.save_to(self.file.path)

    def save_dialog(self, then: Callable[[], None] | None = None) -> None:
        """Ask where to write the flow; ``then`` goes on once it is written."""
        start = self.file.path or self.session.folder / self.name
        dialog = QFileDialog(self._window, "Save the flow", str(start), "Flow files (*.yaml *.yml)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("yaml")
        dialog.selectFile(start.name)
        dialog.fileSelected.connect(lambda name: self.save_to(Path(name), then=then))
        asking.show(dialog)

    def save_to(self, path: Path, *, force: bool = False, then: Callable[[], None] | None = None) -> bool:
        """Write the flow to ``path``, and go on with ``then``; False if it was not written."""
        try:
            saved = files.save(self.file, self.document.flow, path, force=force)
        except PypeError as error:
            if any(p.code == "PYE494" for p in error.problems):
                asking.choose(
                    self._window,
                    f"{path.name} was changed on disk",
                    "Somebody else wrote this file since it was opened here. To overwrite it loses what they wrote, to reload it loses your edits.",
                    {
                        "Save as…": lambda: self.save_dialog(then),
                        "Overwrite it": lambda: self.save_to(path, force=True, then=then),
                        "Reload it": lambda: self._read(path, self._outer),
                    },
                )
            else:
                asking.tell(self._window, "Not saved", listed(error.problems))
            return False
        elsewhere = self.file.path is None or path.resolve() != self.file.path.resolve()
        self.file = saved
        if saved.flow != self.document.flow:
            self.document.show(saved.flow)
        else:
            self.document.flow.with_marks(saved.flow.marks)
        self.document.undo.setClean()
        self.recent.add(path)
        if elsewhere:
            self.session.move_to(path.resolve().parent)
            self.moved.emit()
        self.written.emit()
        if then is not None:
            then()
        return True

    def leave_then(self, go_on: Callable[[], None]) -> None:
        """Go on at once, or after asking what becomes of unsaved edits."""
        if not self.unsaved:
            go_on()
            return

        def save_then() -> None:
            if self.file.path is None:
                self.save_dialog(go_on)
            else:
                self.save_to(self.file.path, then=go_on)

        name = self.file.path.name if self.file.path else "this flow"
        asking.choose(self._window, f"Save {name}?", "Your edits are not saved yet.", {"Save": save_then, "Do not save": go_on})

    # --- jobs and modules -----------------------------------------------------------------------

    def build(self) -> None:
        """Make a job folder of the saved flow."""
        if self.file.path is None or not self.save_to(self.file.path):
            return
        from pypeline.runner.build import build

        try:
            made = build(self.document.flow, self.file.path, self.document.catalogue, self.session.folder / "jobs")
        except PypeError as error:
            asking.tell(self._window, "Not built", listed(error.problems))
            return
        asking.tell(self._window, "Built", f"{made}\n\nRun it with:  pype run jobs/{made.name}")

    def register_dialog(self) -> None:
        """Ask for a folder with modules of one's own."""
        dialog = QFileDialog(self._window, "Register a folder of modules", str(self.session.folder))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(lambda name: self.register(Path(name)))
        asking.show(dialog)

    def register(self, folder: Path) -> None:
        """Import the modules of ``folder`` once, which trusts them, after asking."""
        question = "Registering runs the Python files of this folder once."
        asking.choose(self._window, f"Trust the code in {folder.name}?", question, {"Register": lambda: self._register(folder)})

    def _register(self, folder: Path) -> None:
        from pypeline.runner.registry import auto_register

        try:
            made, problems = auto_register(self.session.folder, [folder])
        except PypeError as error:
            asking.tell(self._window, "Not registered", listed(error.problems))
            return
        self.document.learn_types(load(self.session.folder))
        self.registered.emit()
        self.session.understand()
        told = [*(f"{decl.name}  {decl.description}" for decl in made), *([""] if made and problems else []), listed(problems)]
        title = ("Registered, but not all" if problems else "Registered") if made else "Nothing registered"
        asking.tell(self._window, title, "\n".join(told).strip() or "No module was found in this folder.")


def listed(problems: Sequence[Problem]) -> str:
    """Problems as a message tells them, a gap between; the first of very many."""
    return "\n\n".join(str(p) for p in problems[:12])
