"""The palette: module types by category, searched by a few letters, dragged or double-clicked onto the canvas."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QMimeData, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeySequence, QShortcut, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QLabel, QLineEdit, QTreeView, QVBoxLayout, QWidget

from pypeline.canvas.editor import MIME
from pypeline.canvas.icons import icon, plain
from pypeline.canvas.look import Look
from pypeline.core.catalogue import Catalogue
from pypeline.core.modules import ModuleDecl
from pypeline.core.search import rank, shelves
from pypeline.resources.icons import icon_of

TYPE = Qt.ItemDataRole.UserRole


class _Types(QStandardItemModel):
    """Type rows under category rows; a drag carries the type's name."""

    def mimeTypes(self) -> list[str]:
        return [MIME]

    def mimeData(self, indexes: list[QModelIndex]) -> QMimeData:  # type: ignore[override]
        data = QMimeData()
        for index in indexes:
            name = index.data(TYPE)
            if name:
                data.setData(MIME, QByteArray(name.encode()))
        return data


class PalettePanel(QWidget):
    """``wanted(type)``: a type was double-clicked or Enter was pressed on it."""

    wanted = Signal(str)

    def __init__(self, catalogue: Catalogue, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground, True)
        self._catalogue, self._look = catalogue, look
        title = QLabel("Palette")
        title.setObjectName("heading")
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search modules")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Search modules")
        self._lens = self.search.addAction(plain("search", look, look.theme.muted), QLineEdit.ActionPosition.LeadingPosition)
        self.tree = QTreeView()
        self.tree.setAccessibleName("Module types")
        self._model = _Types(self)
        self.tree.setModel(self._model)
        self.tree.setHeaderHidden(True)
        self.tree.setRootIsDecorated(False)
        self.tree.setItemsExpandable(False)
        self.tree.setIndentation(0)
        self.tree.setIconSize(QSize(22, 22))
        self.tree.setDragEnabled(True)
        self.tree.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tree.doubleClicked.connect(self._take)
        # not "activated": that comes with a double click, too, and on some desktops with a single one
        enter = QShortcut(QKeySequence(Qt.Key.Key_Return), self.tree)
        enter.setContext(Qt.ShortcutContext.WidgetShortcut)
        enter.activated.connect(lambda: self._take(self.tree.currentIndex()))
        hint = QLabel("Drag onto the canvas, or type there")
        hint.setObjectName("sub")
        hint.setWordWrap(True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 12, 0, 12)
        box.setSpacing(8)
        for part in (title, self.search, self.tree, hint):
            # rows bring a margin of their own: their words stand below those of the heading
            side = 6 if part is self.tree else 12
            row = QHBoxLayout()
            row.setContentsMargins(side, 0, 2 if part is self.tree else side, 0)
            row.addWidget(part)
            box.addLayout(row, 1 if part is self.tree else 0)
        self.search.textChanged.connect(self.fill)
        self.search.returnPressed.connect(self._take_first)
        self.fill("")

    def show_catalogue(self, catalogue: Catalogue, look: Look) -> None:
        """List these types, in this look."""
        self._catalogue, self._look = catalogue, look
        self._lens.setIcon(plain("search", look, look.theme.muted))
        self.fill(self.search.text())

    def fill(self, text: str) -> None:
        """List the types that ``text`` finds, by category."""
        self._model.clear()
        groups = {} if text.strip() else shelves(self._catalogue.values())
        for decl in rank(text, self._catalogue.values()) if text.strip() else ():
            groups.setdefault(decl.category, []).append(decl)
        for category, types in groups.items():
            self._group(category)
            for decl in types:
                self._model.appendRow(self._row(decl))
        if not groups:
            nothing = QStandardItem(f"Nothing is called “{text[:18]}{'…' if len(text) > 18 else ''}”")
            nothing.setEnabled(False)
            self._model.appendRow(nothing)

    def _group(self, category: str) -> None:
        item = QStandardItem(category.upper())
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        made = self.font()
        made.setPixelSize(10)
        made.setBold(True)
        item.setFont(made)
        item.setForeground(QColor(self._look.theme.muted))
        item.setSizeHint(QSize(100, 30))
        self._model.appendRow(item)

    def _row(self, decl: ModuleDecl) -> QStandardItem:
        item = QStandardItem(icon(icon_of(decl.name, decl.kind, decl.icon), decl.kind, self._look), decl.name)
        item.setData(decl.name, TYPE)
        item.setToolTip(f"{decl.title or decl.name}: {decl.description}")
        item.setSizeHint(QSize(100, 32))
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled)
        return item

    def _take(self, index: QModelIndex | QPersistentModelIndex) -> None:
        name = index.data(TYPE)
        if name:
            self.wanted.emit(name)

    def _take_first(self) -> None:
        for row in range(self._model.rowCount()):
            name = self._model.item(row).data(TYPE)
            if name:
                self.wanted.emit(name)
                return
