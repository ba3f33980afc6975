"""The editor of a list of columns: all columns of a port with check marks; chosen ones first, in their order."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QColor, QKeySequence, QMouseEvent, QPainter, QPen, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from pypeline.app.desktop.forms.check_box import paint_check
from pypeline.app.desktop.forms.editor import UNSET, Editor
from pypeline.app.desktop.forms.labels import label
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.shapes import Shape
from pypeline.canvas.look import font
from pypeline.resources import theme
from pypeline.schema.problems import printable

_NAME = Qt.ItemDataRole.UserRole
_TYPE = Qt.ItemDataRole.UserRole + 1
_ROW, _MOST = 24, 8
_FILTER_FROM = 10


class _ColumnPainter(QStyledItemDelegate):
    """Paints a column with its check box, and its type at the right."""

    def __init__(self, room: Room, parent: QListWidget) -> None:
        super().__init__(parent)
        self._look = room.look
        self._font = font(theme.MONO_FONTS, 10.5)
        self._pen = QPen(QColor(room.look.theme.muted))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        self.initStyleOption(option, index)
        style = option.widget.style()
        square = style.subElementRect(QStyle.SubElement.SE_ItemViewItemCheckIndicator, option, option.widget)
        words = option.rect.adjusted(square.right() + 8 - option.rect.left(), 0, -6, 0)
        painter.save()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        paint_check(painter, square, self._look, on=index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked.value)
        type = index.data(_TYPE)
        if type:
            painter.setFont(self._font)
            painter.setPen(self._pen)
            text = painter.fontMetrics().elidedText(type, Qt.TextElideMode.ElideRight, words.width() // 2)
            painter.drawText(words, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
            words.setRight(words.right() - painter.fontMetrics().horizontalAdvance(text) - 8)
        painter.setFont(option.font)
        colour = index.data(Qt.ItemDataRole.ForegroundRole)
        painter.setPen(colour.color() if colour is not None else QColor(self._look.theme.text))
        text = painter.fontMetrics().elidedText(option.text, Qt.TextElideMode.ElideMiddle, words.width())
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()

    def editorEvent(self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> bool:
        """A click anywhere on a row checks it, as one on its box does."""
        if not isinstance(event, QMouseEvent):
            return super().editorEvent(event, model, option, index)
        if event.type() == QEvent.Type.MouseButtonRelease and event.button() == Qt.MouseButton.LeftButton:
            on = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked.value
            return model.setData(index, Qt.CheckState.Unchecked if on else Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole)
        return False


class ColumnList(Editor):
    """Space checks, dragging or Alt+Up and Alt+Down order what is checked. While no columns are known,
    names are typed into the line."""

    def __init__(self, shape: Shape, room: Room) -> None:
        super().__init__()
        self._room, self._port = room, shape.port
        self._chosen: list[str] = []
        self._offered: list[tuple[str, str]] = []
        self.line = QLineEdit()
        self.line.setAccessibleName("Find or add a column")
        self.line.textChanged.connect(lambda _: self._fill())
        self.line.returnPressed.connect(self._take_line)
        self.list = QListWidget()
        self.list.setObjectName("columns")
        self.list.setItemDelegate(_ColumnPainter(room, self.list))
        self.list.setAccessibleName("Columns")
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.itemChanged.connect(self._checked)
        self.list.model().rowsMoved.connect(lambda *_: self._reordered())
        for keys, step in (("Alt+Up", -1), ("Alt+Down", 1)):
            shortcut = QShortcut(QKeySequence(keys), self.list)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(lambda step=step: self._shift(step))
        self.empty = label("No columns are known here yet.", "sub", wrap=True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addWidget(self.line)
        box.addWidget(self.list)
        box.addWidget(self.empty)
        self.setFocusProxy(self.list)
        self.learn()

    def show_value(self, value: Any) -> None:
        chosen = [str(v) for v in value] if isinstance(value, list | tuple) else []
        if chosen != self._chosen:
            self._chosen = chosen
            self._fill()

    def value(self) -> Any:
        return list(self._chosen) if self._chosen else UNSET

    def learn(self) -> None:
        offered = [(c.name, c.type) for c in self._room.columns(self._port)]
        if offered != self._offered or not self.list.count():
            self._offered = offered
            self._fill()

    def target(self) -> QWidget:
        return self.list if self._offered or self._chosen else self.line

    def _fill(self) -> None:
        types = dict(self._offered)
        wanted = self.line.text().casefold()
        current = self.list.currentItem()
        name = current.data(_NAME) if current is not None else None
        scrolled = self.list.verticalScrollBar().value()
        self.list.blockSignals(True)
        self.list.clear()
        for column in [*self._chosen, *(n for n in types if n not in self._chosen)]:
            if wanted and wanted not in column.casefold():
                continue
            item = QListWidgetItem(printable(column))
            item.setData(_NAME, column)
            item.setData(_TYPE, types.get(column, ""))
            item.setSizeHint(QSize(60, _ROW))
            on = column in self._chosen
            moves = Qt.ItemFlag.ItemIsDragEnabled if on and not wanted else Qt.ItemFlag.NoItemFlags
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable | moves)
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            if types and column not in types:
                item.setForeground(QColor(self._room.look.theme.failure_text))
                item.setToolTip("The input has no such column.")
            self.list.addItem(item)
            if column == name:
                self.list.setCurrentItem(item)
        self.list.blockSignals(False)
        self.list.verticalScrollBar().setValue(scrolled)
        rows = self.list.count()
        self.list.setFixedHeight(min(max(rows, 1), _MOST) * _ROW + 10)
        self.list.setVisible(rows > 0)
        self.empty.setVisible(not self._offered and not self._chosen)
        self.line.setVisible(len(types) >= _FILTER_FROM or not types)
        self.line.setPlaceholderText("Find a column" if types else "Type a name, press Enter")

    def _checked(self, item: QListWidgetItem) -> None:
        name = item.data(_NAME)
        if item.checkState() == Qt.CheckState.Checked:
            if name not in self._chosen:
                self._chosen.append(name)
        elif name in self._chosen:
            self._chosen.remove(name)
        self._say()

    def _say(self) -> None:
        self._fill()
        self.edited.emit(self.value(), False)

    def _reordered(self) -> None:
        order = [self.list.item(n).data(_NAME) for n in range(self.list.count())]
        self._chosen.sort(key=order.index)
        self._say()

    def _take_line(self) -> None:
        """Check the one column that is found; add the name while none is known."""
        text = self.line.text().strip()
        found = [self.list.item(n).data(_NAME) for n in range(self.list.count())]
        name = text if not self._offered else text if text in found else found[0] if len(found) == 1 else ""
        if name and name not in self._chosen:
            self._chosen.append(name)
            self.line.clear()
            self._say()

    def _shift(self, step: int) -> None:
        """Move the current column, if it is chosen, in the order of the chosen ones."""
        item = self.list.currentItem()
        if item is None or item.data(_NAME) not in self._chosen:
            return
        at = self._chosen.index(item.data(_NAME))
        if 0 <= at + step < len(self._chosen):
            self._chosen.insert(at + step, self._chosen.pop(at))
            self._say()
