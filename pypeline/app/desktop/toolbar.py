"""The toolbar: brand, the file, the context, quiet buttons, and one loud one: Run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QWidget

from pypeline.app.desktop.forms.combo import Combo
from pypeline.canvas.icons import brand, plain
from pypeline.canvas.look import Look

_LEFT = 186
"""The brand's width: the file's tab begins where the canvas does."""
_LONGEST = 44
"""Letters of a file's name that are shown."""


class Toolbar(QWidget):
    """Made from the window's actions; shows the file's name and whether it is saved."""

    def __init__(self, actions: Mapping[str, QAction], menu: QMenu, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("toolbar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground, True)
        self.setFixedHeight(52)
        self._actions = actions
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 8, 12, 8)
        row.setSpacing(4)
        self.brand = QToolButton()
        # Qt leaves no room between an icon and its text
        self.brand.setText(" PYpeline")
        self.brand.setObjectName("brandButton")
        self.brand.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.brand.setIconSize(QSize(22, 22))
        self.brand.setMinimumWidth(_LEFT)
        self.brand.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.brand.setMenu(menu)
        self.brand.setAccessibleName("Menu")
        row.addWidget(self.brand)
        row.addSpacing(20)
        self.file = QLabel()
        self.file.setTextFormat(Qt.TextFormat.PlainText)
        self.file.setObjectName("file")
        row.addWidget(self.file)
        row.addStretch(1)
        self._quiet: dict[str, QToolButton] = {}
        for id in ("edit.undo", "edit.redo", "view.layout"):
            row.addWidget(self._button(id))
        self.context = Combo()
        self.context.setAccessibleName("Context")
        self.context.setFixedWidth(164)
        self._chosen: Callable[[str], None] = lambda _: None
        self.context.activated.connect(lambda n: self._chosen(self.context.itemData(n)))
        row.addSpacing(6)
        row.addWidget(self.context)
        row.addSpacing(6)
        row.addWidget(self._button("run.validate", text=True))
        row.addWidget(self._button("run.report", text=True))
        self.run = self._push("run.run", "run")
        self.stop = self._push("run.stop", "stop")
        row.addSpacing(8)
        row.addWidget(self.run)
        row.addSpacing(4)
        row.addWidget(self.stop)
        row.addSpacing(8)
        self.search = self._push("edit.commands", "searchBox")
        self.search.setText("Ctrl K")
        self.search.setAccessibleName("All commands")
        row.addWidget(self.search)
        self.show_look(look)

    def _button(self, id: str, *, text: bool = False) -> QToolButton:
        made = QToolButton()
        made.setDefaultAction(self._actions[id])
        made.setIconSize(QSize(16, 16))
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon if text else Qt.ToolButtonStyle.ToolButtonIconOnly)
        self._quiet[id] = made
        return made

    def _push(self, id: str, name: str) -> QPushButton:
        action = self._actions[id]
        made = QPushButton(action.text())
        made.setObjectName(name)
        made.setToolTip(action.toolTip())
        made.setIconSize(QSize(14, 14))
        made.setEnabled(action.isEnabled())
        made.clicked.connect(action.trigger)
        action.enabledChanged.connect(made.setEnabled)
        return made

    def show_look(self, look: Look) -> None:
        """Tint the icons for this look."""
        t = look.theme
        self.brand.setIcon(brand(look))
        self.search.setIcon(plain("search", look, t.muted))
        self.run.setIcon(plain("run", look, t.on_accent))
        self.stop.setIcon(plain("stop", look, t.failure))

    def show_stopping(self, how: str) -> None:
        """What Stop does now: ``how`` the run was asked to stop already."""
        self.stop.setText("Stop now" if how else self._actions["run.stop"].text())

    def show_file(self, name: str, *, saved: bool, folder: str) -> None:
        """Say which file is open, with a dot while it is not saved."""
        short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 12]}…{name[-11:]}"
        self.file.setText(short if saved else f"{short}  ●")
        self.file.setToolTip(f"{name}\n{folder}")

    def contexts(self) -> list[str]:
        """Those that are offered."""
        return [self.context.itemData(n) for n in range(self.context.count())]

    def show_contexts(self, names: list[str], chosen: str, changed: Callable[[str], None]) -> None:
        """Offer these contexts."""
        self.context.blockSignals(True)
        self.context.clear()
        for name in names:
            self.context.addItem(f"context {name}", name)
        self.context.setCurrentIndex(max(0, self.context.findData(chosen)))
        self.context.blockSignals(False)
        self._chosen = changed
