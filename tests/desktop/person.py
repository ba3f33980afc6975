"""A person at a real window in tests: everything is done with mouse and key events, and waited for with a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QFileDialog, QLineEdit, QMenu, QMessageBox, QPushButton, QWidget

from pypeline.app.desktop import files, style
from pypeline.app.desktop.forms.column_list import ColumnList
from pypeline.app.desktop.forms.field_row import FieldRow
from pypeline.app.desktop.forms.lines import Line
from pypeline.app.desktop.forms.listings import MappingRows
from pypeline.app.desktop.forms.module_page import ModulePage
from pypeline.app.desktop.forms.objects import Pair
from pypeline.app.desktop.forms.rows import Rows
from pypeline.app.desktop.forms.settings_page import SettingsPage
from pypeline.app.desktop.forms.texts import Text
from pypeline.app.desktop.window import FlowWindow

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
SECONDS = 60


async def heard(signal: Any, accept: Callable[..., bool] = lambda *_: True) -> None:
    """Wait until ``signal`` comes with arguments that are accepted."""
    got: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def hear(*arguments: Any) -> None:
        if not got.done() and accept(*arguments):
            got.set_result(None)

    signal.connect(hear)
    try:
        await asyncio.wait_for(got, SECONDS)
    finally:
        signal.disconnect(hear)


async def turns() -> None:
    """Let Qt show and lay out what was made: a few turns of the one loop. A nested loop would enter a task inside another."""
    for _ in range(4):
        await asyncio.sleep(0)


class Person:
    """At one window on the flow at ``path``, or on an empty one; :meth:`come` shows it and waits until it is understood."""

    def __init__(self, path: Path | None = None, size: tuple[int, int] = (1440, 900)) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        style.apply(app, "light")
        self.window = FlowWindow(files.open_flow(path) if path is not None else files.new_flow(), "light")
        self.window.resize(*size)

    async def come(self) -> Person:
        """Show the window and wait until it has the keyboard."""
        understood = asyncio.ensure_future(heard(self.window.session.understood))
        self.window.show()
        await self._awake()
        self.window.board.view.start()
        await understood
        return self

    async def _awake(self) -> None:
        """The offscreen platform leaves no window active when a popup closes; a desktop gives it back."""
        async with asyncio.timeout(SECONDS):
            while QApplication.activeWindow() is None:
                self.window.activateWindow()
                await asyncio.sleep(0)

    # --- keys ------------------------------------------------------------------------------------------

    async def press(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE) -> None:
        """A key, wherever the keyboard is."""
        await self._awake()
        QTest.keyClick(self.window.focusWidget() or self.window, key, modifiers)

    def type(self, text: str) -> None:
        """Text, wherever the keyboard is."""
        QTest.keyClicks(self.window.focusWidget(), text)

    async def replace(self, widget: QWidget, text: str) -> None:
        """Click into a field and write ``text`` instead of what is there."""
        area = widget.viewport() if hasattr(widget, "viewport") else widget
        QTest.mouseClick(area, LEFT, NONE, QPoint(8, min(8, area.height() // 2)))
        assert self.window.focusWidget() in {widget, widget.focusProxy()}, f"{widget} did not take the keyboard"
        await self.press(Qt.Key.Key_A, CTRL)
        await self.press(Qt.Key.Key_Delete)
        self.type(text)

    def click(self, button: QWidget) -> None:
        """Press a button."""
        assert button.isVisible(), button
        assert button.isEnabled(), button
        QTest.mouseClick(button, LEFT)

    # --- the canvas --------------------------------------------------------------------------------------

    @property
    def area(self) -> QWidget:
        return self.window.board.view.viewport()

    def at(self, point: QPointF) -> QPoint:
        return self.window.board.view.mapFromScene(point)

    def card(self, id: str) -> QPointF:
        """The foot of a card."""
        box = self.window.board.scene.cards[id].card.box
        return QPointF(box.x + 90, box.bottom - 8)

    def port(self, id: str, side: str, name: str) -> QPointF:
        return QPointF(*self.window.board.scene.cards[id].place_of(side, name))

    async def choose(self, id: str, modifiers: Qt.KeyboardModifier = NONE) -> None:
        """Click a card's corner: a copy may lie on the rest of it."""
        box = self.window.board.scene.cards[id].card.box
        QTest.mouseClick(self.area, LEFT, modifiers, self.at(QPointF(box.x + 6, box.y + 6)))
        await turns()
        assert id in self.window.document.selection.modules

    def drag(self, start: QPointF, end: QPointF, modifiers: Qt.KeyboardModifier = NONE) -> None:
        """Press, move in steps, release."""
        a, b = self.at(start), self.at(end)
        assert self.area.rect().contains(a), "the start is out of sight"
        assert self.area.rect().contains(b), "the end is out of sight"
        QTest.mousePress(self.area, LEFT, modifiers, a)
        for step in range(1, 6):
            self.move(a + (b - a) * step / 5, LEFT, modifiers)
        QTest.mouseRelease(self.area, LEFT, modifiers, b)

    def move(self, at: QPoint, held: Qt.MouseButton = Qt.MouseButton.NoButton, modifiers: Qt.KeyboardModifier = NONE) -> None:
        """The pointer goes there. QTest's own move runs a nested loop, which would enter a task inside this one."""
        place = QPointF(self.area.mapToGlobal(at))
        QApplication.sendEvent(self.area, QMouseEvent(QEvent.Type.MouseMove, QPointF(at), place, Qt.MouseButton.NoButton, held, modifiers))

    def link(self, text: str) -> None:
        """Draw a data link from port to port: ``a.data - b.input``."""
        source, target = ((*end.rpartition("."),) for end in text.split(" - "))
        self.drag(self.port(source[0], "out", source[2]), self.port(target[0], "in", target[2]))
        assert text in data_links(self), f"{text} was not drawn: {self.window.board.said.text()}"

    async def add(self, type: str, point: QPointF, name: str = "") -> None:
        """Type a module's type on the canvas, press Enter, and name it."""
        view, quick = self.window.board.view, self.window.board.editor.quick_add
        assert self.area.rect().contains(self.at(point)), "the place is out of sight"
        self.move(self.at(point))
        if self.window.focusWidget() is not view:
            QTest.mouseClick(self.area, LEFT, NONE, self.at(point))
        await self._awake()
        assert self.window.focusWidget() is view
        QTest.keyClick(view, type[0])
        assert quick.isVisible()
        QTest.keyClicks(quick.line, type[1:])
        QTest.keyClick(quick.line, Qt.Key.Key_Return)
        (id,) = self.window.document.selection.modules
        assert self.window.document.flow.module(id).name == type
        await turns()
        if name and name != id:
            await self.rename(name)

    async def rename(self, name: str) -> None:
        """Type another name on top of the inspector."""
        page = self.window.inspector.page
        assert isinstance(page, ModulePage)
        await self.replace(page.head.name, name)
        await self.press(Qt.Key.Key_Return)
        assert self.window.document.selection.modules == {name}

    def drop(self, data: QMimeData, point: QPointF) -> None:
        """Something from outside is dropped on the canvas."""
        at = self.at(point)
        action = Qt.DropAction.CopyAction
        enter = QDragEnterEvent(at, action, data, LEFT, NONE)
        QApplication.sendEvent(self.area, enter)
        assert enter.isAccepted()
        QApplication.sendEvent(self.area, QDropEvent(QPointF(at), action, data, LEFT, NONE))

    def drop_files(self, paths: list[Path], point: QPointF) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(p)) for p in paths])
        self.drop(data, point)

    # --- the inspector --------------------------------------------------------------------------------------

    async def field(self, name: str) -> FieldRow:
        """A field of the selected module; opens "More" where it hides there."""
        page = self.window.inspector.page
        assert isinstance(page, ModulePage)
        settings = page.pages["Settings"]
        assert isinstance(settings, SettingsPage)
        if name not in settings.form.rows:
            await self.reach(settings.form.more_button)
            self.click(settings.form.more_button)
        row = settings.form.rows[name]
        await self.reach(row)
        return row

    async def reach(self, widget: QWidget) -> None:
        """Scroll the inspector until ``widget`` is in sight."""
        await turns()
        page = self.window.inspector.page
        assert isinstance(page, ModulePage)
        page.stack.currentWidget().ensureWidgetVisible(widget)

    async def write(self, name: str, value: Any) -> None:
        """Fill a field in as its editor wants it: typed, checked, row by row, or as YAML."""
        row = await self.field(name)
        editor = row.editor
        if isinstance(editor, Line):
            await self.replace(editor.line, str(value))
        elif isinstance(editor, Text):
            await self.replace(editor.area, str(value))
        elif isinstance(editor, ColumnList) and isinstance(value, list):
            for column in value:
                await self.check(editor, column)
        elif type(editor) is MappingRows and all(isinstance(v, str) for v in value.values()):
            for key, text in value.items():
                await self.add_row(editor, key, text)
        elif isinstance(editor, Rows) and isinstance(value, list) and all(isinstance(v, tuple) for v in value):
            for left, right in value:
                await self.add_pair(editor, left, right)
        else:
            await self.write_as_yaml(row, value)

    async def check(self, editor: ColumnList, column: str) -> None:
        """Click a column, which checks it."""
        if editor.line.isVisible():
            await self.replace(editor.line, column)
        (item,) = [item for n in range(editor.list.count()) if (item := editor.list.item(n)).text() == column]
        QTest.mouseClick(editor.list.viewport(), LEFT, NONE, editor.list.visualItemRect(item).center())
        if editor.line.isVisible():
            await self.replace(editor.line, "")

    async def add_row(self, editor: Rows, key: str, text: str) -> None:
        """Press Add and fill in the new row."""
        await self.reach(editor.add_button)
        self.click(editor.add_button)
        row = editor.rows[-1]
        await self.reach(row.frame)
        assert row.key is not None
        await self.replace(row.key.target(), key)
        await self.replace(row.editor.target(), text)

    async def add_pair(self, editor: Rows, left: str, right: str) -> None:
        """Press Add and type a column of each input."""
        await self.reach(editor.add_button)
        self.click(editor.add_button)
        pair = editor.rows[-1].editor
        assert isinstance(pair, Pair)
        for side, name in zip(pair.sides, (left, right), strict=True):
            await self.reach(side)
            assert side.box.findText(name) >= 0, f"{name} is not offered"
            await self.replace(side.line, name)

    async def write_as_yaml(self, row: FieldRow, value: Any) -> None:
        """Choose "Write as YAML" in the field's menu and type the value."""
        text = value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False).strip()
        self.click(row.menu_button)
        menu = row.findChild(QMenu)
        assert menu is not None
        for _ in menu.actions():
            QTest.keyClick(menu, Qt.Key.Key_Down)
            active = menu.activeAction()
            if active is not None and active.text() == "Write as YAML":
                break
        QTest.keyClick(menu, Qt.Key.Key_Return)
        editor = row.editor
        assert isinstance(editor, Text)
        await self.reach(row)
        await self.replace(editor.area, text)

    # --- dialogs ---------------------------------------------------------------------------------------------

    def dialog(self) -> QDialog:
        """The dialog that is open."""
        (found,) = [d for d in self.window.findChildren(QDialog) if d.isVisible()]
        return found

    def answer(self, text: str) -> str:
        """Press a button of the message that is open; what the message said."""
        box = self.dialog()
        assert isinstance(box, QMessageBox)
        said = f"{box.text()}\n{box.informativeText()}"
        (button,) = [b for b in box.findChildren(QPushButton) if b.text().replace("&", "") == text]
        self.click(button)
        return said

    async def name_file(self, path: Path) -> None:
        """Type a path into the file dialog that is open, and take it."""
        await turns()
        dialog = self.dialog()
        assert isinstance(dialog, QFileDialog)
        line, box = dialog.findChild(QLineEdit, "fileNameEdit"), dialog.findChild(QDialogButtonBox)
        assert line is not None
        assert box is not None
        line.selectAll()
        QTest.keyClicks(line, str(path))
        assert line.text() == str(path)
        (button,) = [b for b in box.buttons() if box.buttonRole(b) == QDialogButtonBox.ButtonRole.AcceptRole]
        self.click(button)
        await turns()

    # --- waiting ------------------------------------------------------------------------------------------------

    async def until(self, holds: Callable[[], bool]) -> None:
        """Until something is true that has no signal."""
        async with asyncio.timeout(SECONDS):
            while not holds():
                await asyncio.sleep(0)

    async def understood(self) -> None:
        """Until problems and columns are those of the flow as drawn."""
        await heard(self.window.session.understood)

    async def ran(self) -> None:
        """Until the run has ended."""
        if self.window.session.running:
            await heard(self.window.session.run_changed, lambda: not self.window.session.running)

    async def leave(self) -> None:
        """Close the window without a question."""
        window = self.window
        window.close_at_once()
        await heard(window.closed)
        window.deleteLater()


def data_links(person: Person) -> list[str]:
    return [str(link) for link in person.window.document.flow.connections.data]
