"""Control on the canvas: loops counted, closed valves with their reason, gates, waits; as drawn and in a run."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from pypeline.canvas.items.frame_item import FrameItem
from pypeline.core import events as e
from pypeline.core.watch import Watch
from tests.desktop.drawing import Board

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")
FLOW = {
    "modules": [
        {"id": "files", "name": "inline_source"},
        {"id": "load", "name": "shell_solo", "retries": 2},
        {"id": "tidy", "name": "shell_solo"},
        {"id": "alarm", "name": "shell_solo"},
        {"id": "meet", "name": "sync_gate", "configs": {"optional": {"mode": "any"}}},
    ],
    "connections": {
        "control": ["files (1|iterate x4) load", "load (1|) tidy", "files (2|error) alarm", "files (3|) meet", "alarm (1|) meet"],
    },
}
AT: dict[str, Any] = {"run": "r", "attempt": 1, "time": 1.0}


def frame(at: str, state: Any, done: int) -> e.FrameState:
    return e.FrameState(source="files", frame=at, state=state, done=done, total=12, valve=0, **AT)


def loop_of(board: Board) -> FrameItem:
    (found,) = [item for item in board.scene.items() if isinstance(item, FrameItem) and item.frame.modules == ("load", "tidy")]
    return found


def fed(board: Board, *events: e.RunEvent) -> None:
    watch = board.document.knowledge.watch or Watch()
    changed = watch.feed(events)
    board.document.learn(changed, watch=watch)
    board.view.grab()


def test_a_loop_counts_its_passes(qtbot: Any) -> None:
    board = Board(qtbot, FLOW)
    fed(board, frame("0", "running", 0), frame("1", "running", 0), frame("0", "completed", 1))
    assert (loop_of(board).note, loop_of(board).state) == ("1 / 12 · 1 running", "running")
    fed(board, frame("1", "failed", 2))
    assert (loop_of(board).note, loop_of(board).state) == ("2 / 12 · 1 failed", "failed")


def test_the_head_of_a_loop_takes_hold_of_all_that_is_in_it(qtbot: Any) -> None:
    board = Board(qtbot, FLOW)
    box = loop_of(board).frame.box
    board.click(QPointF(box.right - 20, box.y + 8))
    assert board.document.selection.modules == {"load", "tidy"}
    flow = board.document.flow
    without = flow.connections.model_copy(update={"control": ()})
    board.document.apply("No control", flow.model_copy(update={"connections": without}))
    assert not [item for item in board.scene.items() if isinstance(item, FrameItem) and len(item.frame.modules) > 1]


def test_a_valve_that_stayed_closed_says_why(qtbot: Any) -> None:
    board = Board(qtbot, FLOW)
    valve = {"valve": 2, "source": "files", "target": "alarm", **AT}
    fed(board, e.ValveResolved(open=False, reason="nothing_failed", **valve))
    (item,) = [c for c in board.scene.control_items if c.link.target == "alarm"]
    assert item.note is not None
    assert (item.state, item.note.text) == ("closed", "nothing failed")
    others = [*(c.data_shape.pill for c in board.scene.control_items), *(f.frame.box for f in board.scene.frame_items)]
    assert not any(item.note.box.meets(other) for other in others)
    before = item.note.box
    board.drag(board.card("alarm"), board.card("alarm") + QPointF(160, 160))
    assert item.note is not None
    assert item.note.box != before
    assert item.toolTip().endswith("closed: nothing failed")


def test_a_gate_says_how_many_of_its_links_opened(qtbot: Any) -> None:
    board = Board(qtbot, FLOW)
    assert board.scene.cards["meet"].face.foot == "any · 0 of 2 open"
    fed(board, e.ValveResolved(valve=3, source="files", target="meet", open=True, **AT))
    assert board.scene.cards["meet"].face.foot == "any · 1 of 2 open"


def test_a_card_says_that_it_waits_for_its_next_try(qtbot: Any) -> None:
    board = Board(qtbot, FLOW)
    running = e.ModuleState(module="load", task="load", state="running", **AT)
    fed(board, running, e.Retry(task="load", attempt_no=2, delay=4.0, **AT))
    assert board.scene.cards["load"].face.foot == "try 2 of 3 in 4.0 s"
    fed(board, e.ModuleState(module="load", task="load", state="running", attempt_no=2, **AT))
    assert board.scene.cards["load"].face.foot == "try 2 of 3"


def test_the_valve_editor_says_what_a_valve_means_and_refuses_columns(qtbot: Any) -> None:
    board = Board(qtbot, FLOW)
    (link,) = [c for c in board.document.flow.connections.control if c.valve == "1|iterate x4"]
    board.editor.edit_valve(link)
    editor = board.editor.valve_editor
    assert board.said[-1] == "The target runs once for every row of the source, up to 4 rows at a time."
    editor.selectAll()
    QTest.keyClicks(editor, "1|ok if amount > 1")
    assert editor.property("bad")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert link in board.document.flow.connections.control
    editor.selectAll()
    QTest.keyClicks(editor, "1|start")
    assert board.said[-1] == "The target starts when the source's sub flow went well, and what comes next does not wait for it."
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert "files (1|start) load" in board.control()
    (link,) = [c for c in board.document.flow.connections.control if c.valve == "1|start"]
    board.editor.edit_valve(link)
    assert board.said[-1]
    QApplication.sendEvent(editor, QFocusEvent(QEvent.Type.FocusOut))
    assert not editor.isVisible()
    assert board.said[-1] == ""
