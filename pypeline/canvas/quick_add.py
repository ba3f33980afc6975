"""Quick add: type a few letters on the canvas, press Enter, and the module stands there."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout

from pypeline.canvas.icons import icon
from pypeline.canvas.view import FlowView
from pypeline.core.modules import ModuleDecl
from pypeline.core.search import rank
from pypeline.resources.icons import icon_of

_ROWS = 8


class QuickAdd(QFrame):
    """A search line over a list, at the pointer. ``chosen(type)`` when one is taken; Esc takes none."""

    chosen = Signal(str)

    def __init__(self, view: FlowView) -> None:
        super().__init__(view)
        self.setObjectName("quickAdd")
        self._view = view
        self._types: list[ModuleDecl] = []
        self.line = QLineEdit(self)
        self.line.setPlaceholderText("Add a module…")
        self.line.setClearButtonEnabled(False)
        self.list = QListWidget(self)
        self.list.setIconSize(QSize(18, 18))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 8, 8, 8)
        box.setSpacing(6)
        box.addWidget(self.line)
        box.addWidget(self.list)
        self.setFixedSize(300, 302)
        self.line.textChanged.connect(self._fill)
        self.line.installEventFilter(self)
        self.list.itemClicked.connect(self._take)
        self.hide()

    def ask(self, at: QPoint, catalogue: Mapping[str, ModuleDecl], side: str, text: str = "") -> None:
        """Open at a viewport point. ``side`` ``out`` offers what takes a table, ``in`` what gives one."""
        fits = [d for d in catalogue.values() if (d.input_ports if side == "out" else d.output_ports if side == "in" else True)]
        self._types = fits
        room = self._view.viewport().rect()
        self.move(min(max(8, at.x()), max(8, room.width() - self.width() - 8)), min(max(8, at.y()), max(8, room.height() - self.height() - 8)))
        self.line.setText(text)
        self._fill(text)
        self.show()
        self.raise_()
        self.line.setFocus()
        self.line.deselect()
        self.line.end(False)

    def _fill(self, text: str) -> None:
        self.list.clear()
        for decl in rank(text, self._types):
            row = QListWidgetItem(icon(icon_of(decl.name, decl.kind, decl.icon), decl.kind, self._view.flow_scene.look), decl.title or decl.name)
            row.setData(Qt.ItemDataRole.UserRole, decl.name)
            row.setToolTip(decl.description)
            self.list.addItem(row)
        if not self.list.count():
            nothing = QListWidgetItem("No module is called so")
            nothing.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(nothing)
        self.list.setCurrentRow(0)

    def _take(self, row: QListWidgetItem | None = None) -> None:
        row = row or self.list.currentItem()
        if row is None or not row.flags():
            return
        self.hide()
        self.chosen.emit(row.data(Qt.ItemDataRole.UserRole))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            key = event.key()
            if key in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab}:
                self._take()
                return True
            if key == Qt.Key.Key_Escape:
                self.hide()
                self._view.setFocus()
                return True
            if key in {Qt.Key.Key_Down, Qt.Key.Key_Up}:
                step = 1 if key == Qt.Key.Key_Down else -1
                self.list.setCurrentRow((self.list.currentRow() + step) % max(1, self.list.count()))
                return True
        elif event.type() == QEvent.Type.FocusOut:
            self.hide()
        return super().eventFilter(watched, event)
