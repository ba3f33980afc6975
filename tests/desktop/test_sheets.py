"""Sheets: what a view keeps between frames looks as if it were painted anew, whatever changed since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QStyleOptionGraphicsItem

from pypeline.canvas import carried, near, paint
from pypeline.core import events as e
from pypeline.core.watch import Watch
from tests.desktop.drawing import Board

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")
FLOW = {
    "modules": [{"id": "a", "name": "inline_source"}, {"id": "b", "name": "filter_mod"}, {"id": "c", "name": "log_sink"}],
    "connections": {"data": ["a.data - b.input", "b.output - c.input", "b.reject - c.input"]},
    "canvas": {"modules": {"a": [3, 5], "b": [260, 48], "c": [520, 8]}},
}


def watched() -> Watch:
    watch = Watch()
    common: dict[str, Any] = {"run": "r", "attempt": 1, "time": 1.0}
    watch.feed(
        [
            e.ModuleState(module="a", task="a", state="completed", rows_out={"data": 67_663}, seconds=1.5, **common),
            e.ModuleState(module="b", task="b", state="running", **common),
            e.LinkCount(link="a.data - b.input", rows=67_663, seconds=1.5, **common),
        ]
    )
    return watch


def painted(board: Board) -> QImage:
    """What the view shows, each thing painted by itself."""
    view = board.view
    image = QImage(view.viewport().size(), QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setTransform(view.viewportTransform())
    paint.grid(painter, board.scene.look, view.scale_now, view.seen())
    for item in board.scene.items(view.seen(), Qt.ItemSelectionMode.IntersectsItemBoundingRect, Qt.SortOrder.AscendingOrder):
        painter.save()
        painter.translate(item.pos())
        item.paint(painter, QStyleOptionGraphicsItem())
        painter.restore()
    painter.end()
    return image


def shown(board: Board) -> QImage:
    """What the view shows, with nothing left to paint."""
    for _ in range(20):
        image = board.view.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        if not board.view.owes:
            break
    return image


def look_from(board: Board, scale: float) -> None:
    board.view.zoom_to(scale)
    board.view.rest()


def differing(one: QImage, other: QImage) -> int:
    """How many pixels differ by more than the eye sees."""
    a, b = bytes(one.constBits()), bytes(other.constBits())
    return sum(1 for i in range(0, len(a), 4) if max(abs(a[i] - b[i]), abs(a[i + 1] - b[i + 1]), abs(a[i + 2] - b[i + 2])) > 24)


@pytest.mark.parametrize("scale", [0.4, 0.75, 1.0, 1.3])
def test_a_view_looks_like_its_items_painted_one_by_one(qtbot: Any, scale: float) -> None:
    board = Board(qtbot, FLOW)
    board.document.learn(watch=watched())
    board.document.select(["b"])
    look_from(board, scale)
    assert differing(shown(board), painted(board)) < 60


def test_a_view_follows_every_change_without_painting_all_anew(qtbot: Any) -> None:
    board = Board(qtbot, FLOW)
    look_from(board, 1.0)
    scene, view = board.scene, board.view
    shown(board)
    kept = scene.sheets.top.key
    steps: list[Callable[[], object]] = [
        lambda: view.pan_by(37, -12),
        lambda: view.pan_by(-300, 0),
        lambda: view.pan_by(250, 30),
        lambda: board.document.learn(frozenset({"a", "b", "a.data - b.input"}), watch=watched()),
        lambda: board.document.select(["a"], board.document.flow.connections.data[:1]),
        lambda: board.document.select(["c"]),
        lambda: scene.drag(["b"], 60, 35),
        lambda: scene.drag(["b"], 10, -20),
        lambda: scene.cards["c"].hover(True),
        lambda: scene.cards["a"].light({"out:data": "near"}),
        lambda: scene.link_items["b.output - c.input"].fade(True),
    ]
    for step in steps:
        step()
        assert differing(shown(board), painted(board)) < 60
        assert scene.sheets.top.key == kept, "the picture was kept"


@pytest.mark.parametrize("scale", [0.4, 1.0])
def test_what_is_dragged_looks_like_items_painted_one_by_one(qtbot: Any, scale: float) -> None:
    board = Board(qtbot, FLOW)
    board.document.learn(watch=watched())
    look_from(board, scale)
    scene, view = board.scene, board.view
    shown(board)
    kept = scene.sheets.ground.key, scene.sheets.top.key
    steps: list[Callable[[], object]] = [
        lambda: scene.drag(["c"], -235, 90),  # its links run below b, and c comes to lie on it
        lambda: view.pan_by(40, 15),
        lambda: scene.drag(["c"], -225, 30),
        lambda: scene.cards["c"].hover(True),
        lambda: board.document.learn(frozenset({"a", "b", "c", "b.output - c.input"}), watch=watched()),
        lambda: scene.drag(["a", "b"], 30, 60),
        lambda: scene.drag(["a", "b"], 0, 0),
    ]
    for step in steps:
        step()
        assert differing(shown(board), painted(board)) < 60
        assert (scene.sheets.ground.key, scene.sheets.top.key) == kept, "the pictures were kept"
    assert not scene.carried.cards


def test_many_cards_are_dragged_as_one_sees_few(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(qtbot, FLOW)
    look_from(board, 1.0)
    monkeypatch.setattr(carried, "MOST", 1)
    for offset in (40, 70, 0):
        board.scene.drag(["a", "b"], offset, offset)
        assert not board.scene.carried.cards
        assert differing(shown(board), painted(board)) < 60


def test_from_far_a_view_follows_states_selection_and_drags(qtbot: Any) -> None:
    board = Board(qtbot, FLOW)
    look_from(board, 0.2)
    shown(board)
    kept = board.scene.sheets.far.key
    board.document.learn(frozenset({"a", "b"}), watch=watched())
    board.document.select(["c"])
    board.scene.drag(["b"], 200, 120)
    followed = shown(board)
    assert board.scene.sheets.far.key == kept
    board.scene.sheets.drop()
    assert differing(followed, shown(board)) == 0


def test_while_one_zooms_the_picture_is_stretched_and_then_painted_anew(qtbot: Any) -> None:
    board = Board(qtbot, FLOW)
    look_from(board, 1.0)
    shown(board)
    kept = board.scene.sheets.top.key
    board.view.zoom_by(-1)
    shown(board)
    assert board.scene.sheets.top.key == kept
    board.view.rest()
    assert differing(shown(board), painted(board)) < 60
    board.view.zoom_by(8)
    before = board.scene.sheets.top.key
    shown(board)
    assert board.scene.sheets.top.key != before, "too far off to be stretched"


def test_cards_that_a_frame_had_no_time_for_are_painted_in_the_next(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(qtbot, FLOW)
    look_from(board, 1.0)
    monkeypatch.setattr(near, "CARD_SECONDS", 0.0)
    bodies = board.view.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    assert board.view.owes
    assert differing(bodies, painted(board)) > 60
    monkeypatch.undo()
    assert differing(shown(board), painted(board)) < 60
    assert not board.view.owes


def test_a_run_s_news_reach_a_card_when_it_is_painted(qtbot: Any) -> None:
    board = Board(qtbot, FLOW)
    watch = watched()
    board.document.learn(frozenset({"a", "b", "a.data - b.input"}), watch=watch)
    board.view.grab()
    assert board.scene.cards["a"].face.state == "completed"
    tag = board.scene.link_items["a.data - b.input"].tag
    assert tag is not None
    assert tag.text == "67,663"


def test_undo_in_the_middle_of_a_gesture_ends_it(qtbot: Any) -> None:
    board = Board(qtbot, {"modules": [], "connections": {}})
    board.editor.add("filter_mod", board.view.mapToScene(QPoint(300, 300)))
    (id,) = board.scene.cards
    start = board.at(board.port(id, "out", "output"))
    area = board.view.viewport()
    QTest.mousePress(area, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    QTest.mouseMove(area, start + QPoint(40, 40))
    QTest.mouseMove(area, start + QPoint(60, 60))
    assert board.editor.gesture is not None
    board.document.undo.undo()
    assert board.editor.gesture is None
    QTest.mouseMove(area, start + QPoint(80, 80))
    QTest.mouseRelease(area, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start + QPoint(80, 80))
    assert board.document.flow.modules == ()
    assert board.scene.over == []
