"""Drawing by hand: every gesture with real events, each one undo step."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from pypeline.canvas.document import Selection
from pypeline.core import edits
from tests.desktop.drawing import Board

THREE = {
    "modules": [{"id": "a", "name": "inline_source"}, {"id": "b", "name": "filter_mod"}, {"id": "c", "name": "log_sink"}, {"id": "s", "name": "shell_solo"}],
    "connections": {"data": ["a.data - b.input"]},
    "canvas": {"modules": {"a": [0, 0], "b": [280, 0], "c": [560, 0], "s": [0, 240]}},
}


@pytest.fixture
def board(qtbot: Any) -> Board:
    return Board(qtbot, THREE)


def test_a_link_is_drawn_from_port_to_port(board: Board) -> None:
    board.drag(board.port("b", "out", "output"), board.port("c", "in", "input"))
    assert board.data() == ["a.data - b.input", "b.output - c.input"]
    assert board.document.undo.count() == 1
    board.document.undo.undo()
    assert board.data() == ["a.data - b.input"]
    assert set(board.scene.link_items) == {"a.data - b.input"}


def test_a_link_dropped_on_a_body_takes_the_port_that_fits(board: Board) -> None:
    board.drag(board.port("b", "out", "reject"), board.card("c"))
    assert board.data()[-1] == "b.reject - c.input"


def test_what_was_selected_looks_so_no_longer_when_an_edit_selects_something_else(board: Board) -> None:
    board.document.select(["a"], [board.document.flow.connections.data[0]])
    flow, id = edits.add_module(board.document.flow, board.document.catalogue["filter_mod"], (280, 240))
    board.document.apply("Add", flow, choose=Selection(frozenset([id])))
    assert [name for name, item in board.scene.cards.items() if item.chosen] == [id]
    assert not any(item.chosen for item in board.scene.link_items.values())
    board.document.undo.undo()
    assert board.document.selection.modules == {name for name, item in board.scene.cards.items() if item.chosen}


def test_a_refused_link_says_why_and_changes_nothing(board: Board) -> None:
    board.drag(board.port("a", "out", "data"), board.port("b", "in", "input"))
    assert board.document.undo.count() == 0
    board.drag(board.port("b", "out", "output"), board.card("a"))
    assert board.document.undo.count() == 0
    assert "no port of a is free for this" in board.said


def test_the_end_of_a_link_is_taken_elsewhere_or_pulled_out(board: Board) -> None:
    board.drag(board.port("b", "in", "input"), board.port("c", "in", "input"))
    assert board.data() == ["a.data - c.input"]
    board.drag(board.port("c", "in", "input"), QPointF(300, 200))
    assert board.data() == []


def test_cards_move_onto_the_grid_and_escape_puts_them_back(board: Board) -> None:
    board.drag(board.card("a"), board.card("a") + QPointF(35, 51))
    assert board.document.flow.canvas.modules["a"] == [32, 48]
    area = board.view.viewport()
    QTest.mousePress(area, Qt.MouseButton.LeftButton, pos=board.at(board.card("c")))
    QTest.mouseMove(area, board.at(board.card("c") + QPointF(90, 90)))
    assert board.scene.cards["c"].pos() != QPointF(0, 0)
    QTest.keyClick(board.view, Qt.Key.Key_Escape)
    assert board.scene.cards["c"].pos() == QPointF(0, 0)
    QTest.mouseRelease(area, Qt.MouseButton.LeftButton, pos=board.at(board.card("c") + QPointF(90, 90)))
    assert board.document.flow.canvas.modules["c"] == [560, 0]


def test_a_band_selects_what_it_touches_and_delete_is_one_step(board: Board) -> None:
    board.drag(QPointF(-30, -60), QPointF(500, 150))
    assert board.document.selection.modules == {"a", "b"}
    board.drag(board.card("a"), board.card("a") + QPointF(0, 80))
    assert board.document.flow.canvas.modules["b"] == [280, 80]


def test_a_control_link_is_drawn_with_alt_and_its_valve_edited_in_place(board: Board, qtbot: Any) -> None:
    board.drag(board.card("a"), board.card("s"), Qt.KeyboardModifier.AltModifier)
    assert board.control() == ["a (1|) s"]
    editor = board.editor.valve_editor
    assert editor.isVisible()
    editor.clear()
    QTest.keyClicks(editor, "0|ok")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert board.control() == ["a (1|) s"]
    assert any("order" in text.lower() for text in board.said)
    editor.clear()
    QTest.keyClicks(editor, "2|error")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert board.control() == ["a (2|error) s"]
    assert board.scene.control_items[0].data_shape.error


def test_a_control_link_is_drawn_with_ctrl_too_and_a_click_with_it_still_selects(board: Board) -> None:
    ctrl = Qt.KeyboardModifier.ControlModifier
    board.drag(board.card("a"), board.card("s"), ctrl)
    assert [text.partition(" ")[0] for text in board.control()] == ["a"]
    board.document.select()
    for id in ("a", "b"):
        QTest.mouseClick(board.view.viewport(), Qt.MouseButton.LeftButton, ctrl, board.at(board.card(id)))
    assert board.document.selection.modules == {"a", "b"}


def test_a_transform_cannot_start_anything(board: Board) -> None:
    board.drag(board.card("b"), board.card("s"), Qt.KeyboardModifier.AltModifier)
    assert board.control() == []
    assert any("a transform like b starts nothing" in text for text in board.said)


def test_typing_on_the_canvas_adds_a_module(board: Board) -> None:
    board.view.setFocus()
    QTest.mouseMove(board.view.viewport(), board.at(QPointF(300, 300)))
    QTest.keyClick(board.view, "u")
    assert board.editor.quick_add.isVisible()
    QTest.keyClicks(board.editor.quick_add.line, "nio")
    QTest.keyClick(board.editor.quick_add.line, Qt.Key.Key_Return)
    assert "union" in board.scene.cards
    assert board.document.selection.modules == {"union"}


def test_quick_add_says_when_nothing_is_called_so_and_takes_nothing(board: Board) -> None:
    before = board.document.flow
    board.view.setFocus()
    QTest.keyClick(board.view, "z")
    quick = board.editor.quick_add
    QTest.keyClicks(quick.line, "zzqq")
    assert [quick.list.item(n).text() for n in range(quick.list.count())] == ["No module is called so"]
    QTest.keyClick(quick.line, Qt.Key.Key_Return)
    assert quick.isVisible()
    assert board.document.flow is before
    QTest.keyClick(quick.line, Qt.Key.Key_Escape)
    assert not quick.isVisible()


def test_a_link_dropped_on_nothing_offers_what_fits_wired_in_one_step(board: Board) -> None:
    board.drag(board.port("b", "out", "output"), QPointF(560, 260))
    quick = board.editor.quick_add
    offered = {quick.list.item(n).data(Qt.ItemDataRole.UserRole) for n in range(quick.list.count())}
    assert offered == {"filter_mod", "join_mod", "union_mod", "log_sink"}
    QTest.keyClicks(quick.line, "join")
    QTest.keyClick(quick.line, Qt.Key.Key_Return)
    assert board.data()[-1] == "b.output - join.left"
    assert board.document.undo.count() == 1


def test_a_module_placed_on_a_link_goes_into_it(board: Board) -> None:
    link = board.scene.link_items["a.data - b.input"]
    middle = link.path.pointAtPercent(0.5)
    board.editor.add("filter_mod", middle)
    assert board.data() == ["a.data - filter.input", "filter.output - b.input"]


def test_keys_nudge_and_nudges_are_one_step(board: Board) -> None:
    board.click(board.card("a"))
    for _ in range(3):
        QTest.keyClick(board.view, Qt.Key.Key_Right)
    assert board.document.flow.canvas.modules["a"] == [24, 0]
    assert board.document.undo.count() == 1


def test_a_union_takes_many_links_on_one_port(qtbot: Any) -> None:
    board = Board(
        qtbot,
        {
            "modules": [{"id": "a", "name": "inline_source"}, {"id": "b", "name": "inline_source"}, {"id": "u", "name": "union_mod"}],
            "canvas": {"modules": {"a": [0, 0], "b": [0, 120], "u": [300, 60]}},
        },
    )
    board.drag(board.port("a", "out", "data"), board.port("u", "in", "input"))
    board.drag(board.port("b", "out", "data"), board.port("u", "in", "input"))
    assert board.data() == ["a.data - u.input", "b.data - u.input"]


def test_the_wheel_zooms_under_the_pointer_and_space_pans(board: Board) -> None:
    spot = board.at(board.card("a"))
    before = board.view.mapToScene(spot)
    scale = board.view.scale_now
    board.view.zoom_by(-2, QPointF(spot))
    assert board.view.scale_now == pytest.approx(scale / 1.15**2)
    after = board.view.mapToScene(spot)
    assert abs(after.x() - before.x()) < 3
    QTest.keyPress(board.view, Qt.Key.Key_Space)
    board.drag(QPointF(0, 400), QPointF(100, 400))
    QTest.keyRelease(board.view, Qt.Key.Key_Space)
    assert board.document.undo.count() == 0
    assert board.view.mapToScene(spot).x() < after.x() - 50
