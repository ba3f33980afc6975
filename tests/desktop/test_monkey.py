"""A monkey at a window: random mouse, keys, wheel, drops, menus and undo on a flow of 200 modules.

It ends without a crash, a failure in a slot, a Qt warning or a leak; undoing everything gives the
flow of the beginning, doing it again that of the end. ``PYPELINE_SEED`` repeats a failure.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QContextMenuEvent, QDragEnterEvent, QDragMoveEvent, QDropEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from benchmarks.heartbeat import resident
from pypeline.app.desktop import files
from pypeline.app.desktop.window import FlowWindow
from pypeline.canvas.editor import MIME

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")
SEED = int(os.environ.get("PYPELINE_SEED", "20260"))
MODULES = 200
GROWTH = 50 * 2**20
A_MODULE = 200 * 2**10
"""What a module more than before may take: its card, its prints, its problems in their list."""
LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
NONE, SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)
KEYS = [Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Tab, Qt.Key.Key_F, Qt.Key.Key_S, Qt.Key.Key_Space]
ACTIONS = (
    "edit.undo", "edit.undo", "edit.undo", "edit.redo", "edit.redo", "edit.copy", "edit.cut", "edit.paste", "edit.duplicate", "edit.delete",
    "edit.detach", "edit.enable", "edit.select_all", "view.fit", "view.layout", "view.in", "view.out", "view.actual", "view.theme",
)  # fmt: skip


def project(folder: Path) -> Path:
    """A flow of 200 modules in 40 lines, two of them started by control links, and a table to read."""
    (folder / "cities.csv").write_text("id,city\n1,Köln\n2,Lyon\n", "utf-8")
    modules: list[dict[str, Any]] = []
    data, control = [], []
    for line in range(MODULES // 5):
        rows = [{"a": line, "b": "x"}]
        modules.append({"id": f"from_{line}", "name": "inline_source", "configs": {"required": {"rows": rows}}})
        modules.append({"id": f"keep_{line}", "name": "filter_mod", "configs": {"required": {"condition": "a >= 0"}}})
        modules.append({"id": f"all_{line}", "name": "union_mod"})
        modules.append({"id": f"sort_{line}", "name": "sort_mod", "configs": {"required": {"keys": [{"column": "a"}]}}})
        modules.append({"id": f"log_{line}", "name": "log_sink"})
        names = [m["id"] for m in modules[-5:]]
        data += [f"{names[0]}.data - {names[1]}.input", f"{names[1]}.output - {names[2]}.input"]
        data += [f"{names[2]}.output - {names[3]}.input", f"{names[3]}.output - {names[4]}.input"]
        if line in {3, 7}:
            control.append(f"from_{line - 1} (1|) from_{line}")
    path = folder / "monkey.yaml"
    path.write_text(json.dumps({"flow": {"name": "monkey"}, "modules": modules, "connections": {"data": data, "control": control}}), "utf-8")
    return path


class Monkey:
    """Hands on one window; every choice comes from the seed."""

    def __init__(self, window: FlowWindow, seed: int, table: Path) -> None:
        self.window, self.table = window, table
        self.random = random.Random(seed)
        self.done = 0
        self.types = sorted(window.document.catalogue)

    @property
    def area(self) -> QWidget:
        return self.window.board.view.viewport()

    def point(self) -> QPoint:
        """Somewhere on the canvas, more often on a card or one of its ports."""
        scene, view = self.window.board.scene, self.window.board.view
        if scene.cards and self.random.random() < 0.7:
            item = scene.cards[self.random.choice(sorted(scene.cards))]
            box = item.card.box
            spots = [QPointF(box.x + 90, box.y + 30), *(QPointF(*port.at) for port in (*item.card.inputs, *item.card.outputs))]
            found = view.mapFromScene(self.random.choice(spots))
            if self.area.rect().contains(found):
                return found
        return QPoint(self.random.randrange(self.area.width()), self.random.randrange(self.area.height()))

    def act(self) -> None:
        """One thing."""
        self.done += 1
        popup = QApplication.activePopupWidget()
        if popup is not None and self.random.random() < 0.5:
            popup.close()
        acts = [
            self.click,
            self.click,
            self.drag,
            self.drag,
            self.drag,
            self.wheel,
            self.wheel,
            self.key,
            self.key,
            self.drop,
            self.menu,
            self.action,
            self.action,
        ]
        self.random.choice(acts)()

    def modifiers(self) -> Qt.KeyboardModifier:
        return self.random.choice([NONE, NONE, NONE, SHIFT, CTRL, ALT])

    def click(self) -> None:
        if self.random.random() < 0.2:
            QTest.mouseDClick(self.area, LEFT, NONE, self.point())
        else:
            QTest.mouseClick(self.area, self.random.choice([LEFT, LEFT, LEFT, RIGHT]), self.modifiers(), self.point())

    def drag(self) -> None:
        button, modifiers = self.random.choice([LEFT, LEFT, LEFT, MIDDLE]), self.modifiers()
        start, end = self.point(), self.point()
        QTest.mousePress(self.area, button, modifiers, start)
        for step in range(1, 5):
            QTest.mouseMove(self.area, start + (end - start) * step / 4)
            if self.random.random() < 0.05:
                QTest.keyClick(self.window.board.view, Qt.Key.Key_Escape)
            if self.random.random() < 0.03:
                self.window.actions_by_id[self.random.choice(["edit.undo", "edit.redo", "edit.delete"])].trigger()
        QTest.mouseRelease(self.area, button, modifiers, end)

    def wheel(self) -> None:
        at = QPointF(self.point())
        turn = QPoint(0, self.random.choice([-240, -120, 120, 240]))
        glide = QPoint(self.random.randrange(-60, 60), self.random.randrange(-60, 60)) if self.random.random() < 0.4 else QPoint()
        modifiers = self.random.choice([NONE, CTRL, SHIFT])
        where = QPointF(self.area.mapToGlobal(at.toPoint()))
        event = QWheelEvent(at, where, glide, turn, Qt.MouseButton.NoButton, modifiers, Qt.ScrollPhase.NoScrollPhase, False)
        QApplication.sendEvent(self.area, event)

    def key(self) -> None:
        focus = self.window.focusWidget() or self.window.board.view
        if self.random.random() < 0.3:
            QTest.keyClick(focus, Qt.Key.Key_Escape)
        else:
            QTest.keyClick(focus, self.random.choice(KEYS), self.random.choice([NONE, NONE, SHIFT]))

    def drop(self) -> None:
        mime = QMimeData()
        if self.random.random() < 0.3:
            mime.setUrls([QUrl.fromLocalFile(str(self.table))])
        else:
            mime.setData(MIME, self.random.choice(self.types).encode())
        at, copy = self.point(), Qt.DropAction.CopyAction
        QApplication.sendEvent(self.area, QDragEnterEvent(at, copy, mime, LEFT, NONE))
        QApplication.sendEvent(self.area, QDragMoveEvent(at, copy, mime, LEFT, NONE))
        QApplication.sendEvent(self.area, QDropEvent(QPointF(at), copy, mime, LEFT, NONE))

    def menu(self) -> None:
        at = self.point()
        QApplication.sendEvent(self.area, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, self.area.mapToGlobal(at)))

    def action(self) -> None:
        self.window.actions_by_id[self.random.choice(ACTIONS)].trigger()


async def play(folder: Path, seconds: float, seed: int) -> None:
    """Let a monkey at a window for so long, then look at what it left."""
    import pyarrow  # noqa: F401 - the first preview loads it: 50 MB that are no leak

    window = FlowWindow(files.open_flow(project(folder)), "light")
    window.show()
    window.board.view.start()
    start = window.document.flow
    monkey = Monkey(window, seed, folder / "cities.csv")
    began = time.perf_counter()
    before = modules = 0
    while time.perf_counter() - began < seconds:
        monkey.act()
        await asyncio.sleep(0)
        if not before and time.perf_counter() - began > seconds / 3:
            gc.collect()
            before, modules = resident(), len(window.document.flow.modules)
    QTest.keyClick(window.board.view, Qt.Key.Key_Escape)
    popup = QApplication.activePopupWidget()
    if popup is not None:
        popup.close()
    await asyncio.sleep(0)
    gc.collect()
    grown = resident() - before
    where = f"seed {seed}, {monkey.done} acts"
    assert monkey.done > 50, where
    more = max(0, len(window.document.flow.modules) - modules)
    assert grown < GROWTH + more * A_MODULE, f"{where}: memory grew by {grown / 2**20:.0f} MB"
    undo = window.document.undo
    end, at = window.document.flow, undo.index()
    while undo.canUndo():
        undo.undo()
    assert window.document.flow == start, f"{where}: undoing all does not give the first flow"
    while undo.index() < at:
        undo.redo()
    assert window.document.flow == end, f"{where}: doing all again does not give the last flow"
    assert window.board.scene.cards.keys() == {m.id for m in end.modules}, where
    window.close_at_once()
    await window.session.close()


def test_twenty_seconds_of_a_monkey(on_loop: Any, tmp_path: Path) -> None:
    try:
        on_loop(lambda: play(tmp_path, 20, SEED))
    except BaseException:
        print(f"PYPELINE_SEED={SEED}")
        raise


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_a_minute_of_a_monkey(on_loop: Any, tmp_path: Path, seed: int) -> None:
    try:
        on_loop(lambda: play(tmp_path, 70, SEED + seed))
    except BaseException:
        print(f"PYPELINE_SEED={SEED + seed}")
        raise
