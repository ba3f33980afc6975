"""What a person does to the drawing with menus and keys: each is one undo step at most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPointF
from PySide6.QtGui import QGuiApplication

from pypeline.app.desktop import files
from pypeline.app.desktop.board import Board
from pypeline.canvas.document import Document, Selection
from pypeline.core import edits, layout
from pypeline.schema.flow import Flow
from pypeline.schema.reader import read
from pypeline.schema.writer import dump


class Editing:
    """The actions of the menu Edit, and Arrange, on one document and the board that shows it."""

    def __init__(self, document: Document, board: Board) -> None:
        self._document, self._board = document, board

    def undo(self) -> None:
        """Take back the last edit."""
        self._document.undo.undo()

    def redo(self) -> None:
        """Do it again."""
        self._document.undo.redo()

    def copy(self) -> None:
        """Put the selected modules on the clipboard as a flow file of their own."""
        piece = edits.part(self._placed_flow(), self._document.selection.modules)
        QGuiApplication.clipboard().setText(dump(piece))

    def cut(self) -> None:
        """Copy and delete."""
        self.copy()
        self.delete()

    def paste(self) -> None:
        """Add the modules of the flow file on the clipboard."""
        text = QGuiApplication.clipboard().text()
        result = read(text, "clipboard") if text.strip() else None
        if result is None or result.flow is None:
            self._board.view.say("the clipboard holds no modules" if result is None or not result.problems else str(result.problems[0]))
            return
        self._paste(result.flow)

    def duplicate(self) -> None:
        """A second one of each selected module."""
        self._paste(edits.part(self._placed_flow(), self._document.selection.modules))

    def delete(self) -> None:
        """Delete what is selected."""
        chosen = self._document.selection
        if chosen:
            self._document.apply("Delete", edits.remove(self._document.flow, chosen.modules, chosen.links))

    def select_all(self) -> None:
        """Select every module."""
        self._document.select(m.id for m in self._document.flow.modules)

    def detach(self) -> None:
        """Take the selected modules out of their lines."""
        flow = self._document.flow
        for id in sorted(self._document.selection.modules):
            flow = edits.detach(flow, id)
        self._document.apply("Detach", flow)

    def toggle_enabled(self) -> None:
        """Disable the selected modules, or enable them if all are disabled."""
        flow, ids = self._document.flow, sorted(self._document.selection.modules)
        enabled = not any(flow.module(id).enabled for id in ids)
        for id in ids:
            flow = edits.set_module(flow, id, enabled=enabled)
        self._document.apply("Enable" if enabled else "Disable", flow)

    def arrange(self) -> None:
        """Place all modules neatly, or the selected ones among themselves."""
        flow, chosen = self._document.flow, self._document.selection.modules
        if len(chosen) > 1:
            made = layout.auto(edits.part(flow, chosen), self._document.catalogue)
            now = {id: self._board.scene.place(id) for id in chosen}
            dx = min(x for x, _ in now.values()) - min(x for x, _ in made.values())
            dy = min(y for _, y in now.values()) - min(y for _, y in made.values())
            places = {id: (x + dx, y + dy) for id, (x, y) in made.items()}
        else:
            places = layout.auto(flow, self._document.catalogue)
        self._document.apply("Arrange", edits.move(flow, places))
        if len(chosen) <= 1:
            self._board.view.fit()

    def _paste(self, piece: Flow) -> None:
        flow, ids = edits.paste(self._document.flow, piece)
        self._document.apply("Paste " + (ids[0] if len(ids) == 1 else f"{len(ids)} modules"), flow, choose=Selection(frozenset(ids)))

    def _placed_flow(self) -> Flow:
        """The flow with the places that are shown, also those the file does not give."""
        return edits.move(self._document.flow, {m.id: self._board.scene.place(m.id) for m in self._document.flow.modules})

    def add_in_middle(self, type: str) -> None:
        """Place a module in the middle of what is seen, a little aside of what stands there."""
        point = self._board.view.seen().center()
        while self._board.scene.hit(point).kind in {"module", "port"}:
            point += QPointF(32, 32)
        self._board.editor.add(type, point)

    def add_readers(self, paths: Sequence[Path], folder: Path, point: QPointF) -> None:
        """Place a reader for each of the data files, one below the other from ``point``; they are named as seen from ``folder``."""
        for n, path in enumerate(paths):
            found = files.reader_for(path, folder)
            if found is None:
                self._board.view.say(f"no module reads {path.name}")
                continue
            decl, place = self._document.catalogue[found[0]], (point.x(), point.y() + n * 96)
            flow, id = edits.add_module(self._document.flow, decl, place, id=path.stem.split(".")[0], configs=found[1])
            self._document.apply(f"Read {path.name}", flow, choose=Selection(frozenset([id])))
