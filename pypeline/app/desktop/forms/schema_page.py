"""The columns at every port of a module, and what becomes of them on the way through."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from pypeline.app.desktop.forms.labels import label
from pypeline.app.desktop.forms.room import Room
from pypeline.canvas.look import font
from pypeline.core.columns import Schema
from pypeline.core.layout import ports
from pypeline.resources import theme
from pypeline.schema.problems import printable

_ROW = 24


def along_the_way(inputs: Schema, output: Schema, renamed: Mapping[str, str]) -> list[tuple[str, str]]:
    """(column, what becomes of it) between all inputs and one output; nothing for what stays as it is."""
    before = {c.name: c.type for c in inputs}
    after = {c.name: c.type for c in output}
    moved = {old: new for old, new in renamed.items() if old in before and new in after and old not in after}
    found = [(f"{old} → {new}", "renamed here") for old, new in moved.items()]
    found += [(name, "added here") for name in after if name not in before and name not in moved.values()]
    found += [(name, "dropped here") for name in before if name not in after and name not in moved]
    found += [(name, f"{before[name]} → {type}") for name, type in after.items() if name in before and before[name] != type]
    return found


class SchemaTree(QTreeWidget):
    """Groups of columns with their types."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self._room = room
        self._mono = font(theme.MONO_FONTS, 10.5)
        self.setAccessibleName("Columns")
        self.setObjectName("schema")
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setIndentation(8)
        self.setItemsExpandable(True)
        self.setUniformRowHeights(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.header().setStretchLastSection(False)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.header().setMaximumSectionSize(160)

    def group(self, title: str, note: str = "") -> QTreeWidgetItem:
        """A heading; its columns are added to it."""
        item = QTreeWidgetItem([printable(title)])
        strong = self.font()
        strong.setBold(True)
        item.setFont(0, strong)
        item.setSizeHint(0, QSize(0, _ROW))
        self.addTopLevelItem(item)
        item.setFirstColumnSpanned(True)
        if note:
            below = QTreeWidgetItem(item, [printable(note)])
            below.setForeground(0, QColor(self._room.look.theme.muted))
            below.setToolTip(0, printable(note))
            below.setSizeHint(0, QSize(0, _ROW))
            below.setFirstColumnSpanned(True)
        item.setExpanded(True)
        return item

    def row(self, group: QTreeWidgetItem, name: str, what: str, colour: str = "") -> None:
        """One column of ``group``."""
        item = QTreeWidgetItem(group, [printable(name), printable(what)])
        item.setFont(1, self._mono)
        item.setForeground(1, QColor(colour or self._room.look.theme.muted))
        item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setToolTip(0, printable(f"{name}  {what}"))
        item.setSizeHint(0, QSize(0, _ROW))

    def columns(self, title: str, note: str, schema: Schema | None) -> None:
        """A group for a port."""
        if schema is None:
            self.group(title, f"{note}, not known yet".removeprefix(", "))
            return
        group = self.group(f"{title} · {len(schema)} column{'' if len(schema) == 1 else 's'}", note)
        for column in schema:
            self.row(group, column.name, column.type)


class SchemaPage(QWidget):
    """Inputs, outputs, and the difference between them."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self._room = room
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 8, 8, 8)
        self.tree = SchemaTree(room)
        self.empty = label("This module has no tables.", "muted", wrap=True)
        box.addWidget(self.empty)
        box.addWidget(self.tree, 1)
        self._shown: object = None
        self.learn()

    def refresh(self) -> None:
        """The flow changed: other links may feed the ports."""
        self.learn()

    def learn(self) -> None:
        """Show the columns as they are known now."""
        room, module = self._room, self._room.module
        if module is None:
            return
        inputs, outputs, rejects = ports(module, room.declaration, room.document.flow.connections.data)
        into = [(port, room.feeds(port), [room.document.knowledge.schemas.get(feed) for feed in room.feeds(port)]) for port in inputs]
        out = [(port, room.output(port)) for port in outputs]
        renames = module.configs.flat().get("rename", module.configs.flat().get("right_columns"))
        if (into, out, renames) == self._shown:
            return
        self._shown = (into, out, renames)
        self.tree.clear()
        for port, feeds, schemas in into:
            if not feeds:
                self.tree.group(port, "not linked")
            for feed, schema in zip(feeds, schemas, strict=True):
                self.tree.columns(port, f"from {feed}", schema)
        for port, schema in out:
            self.tree.columns(port, "", schema)
        known = [c for _, _, schemas in into for schema in schemas for c in schema or ()]
        main = next((schema for port, schema in out if port not in rejects and schema is not None), None)
        if known and main is not None:
            self._way(along_the_way(tuple(known), main, renames if isinstance(renames, Mapping) else {}))
        self.tree.setVisible(bool(into or out))
        self.empty.setVisible(not (into or out))

    def _way(self, changes: list[tuple[str, str]]) -> None:
        group = self.tree.group("Columns along the way", "" if changes else "all stay as they are")
        t = self._room.look.theme
        for name, what in changes:
            colour = {"added here": t.source_text, "dropped here": t.failure_text}.get(what, t.accent_text)
            self.tree.row(group, name, what, colour)
