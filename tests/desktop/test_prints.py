"""Prints: copies of painted cards and counts look like the painting, and follow what changes."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest

from pypeline.canvas import near
from pypeline.canvas.prints import Print, Prints
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


def painted(board: Board, *, from_prints: bool, scale: float) -> QImage:
    """The canvas as an image: from prints, or each thing painted itself."""
    image = QImage(1200, 600, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.scale(scale, scale)
    painter.translate(40, 60)
    area = QRectF(-40, -60, 1200 / scale, 600 / scale)
    if not from_prints:
        near.paint.grid(painter, board.scene.look, scale, area)
        items = board.scene.items(area, Qt.ItemSelectionMode.IntersectsItemBoundingRect, Qt.SortOrder.AscendingOrder)
        for item in items:
            item.paint(painter, near.QStyleOptionGraphicsItem())
    else:
        prints = board.scene.prints
        # the second frame has nothing left to make
        for _ in range(20):
            prints.begin(painter.worldTransform(), calm=True, ratio=1.0)
            near.paint_near(painter, board.scene, area)
            if not prints.end():
                break
    painter.end()
    return image


def differing(one: QImage, other: QImage) -> int:
    """How many pixels differ by more than the eye sees."""
    a, b = bytes(one.constBits()), bytes(other.constBits())
    return sum(1 for i in range(0, len(a), 4) if max(abs(a[i] - b[i]), abs(a[i + 1] - b[i + 1]), abs(a[i + 2] - b[i + 2])) > 24)


@pytest.mark.parametrize("scale", [0.4, 0.75, 1.0, 1.3])
def test_a_canvas_of_prints_looks_like_a_painted_one(qtbot: Any, scale: float) -> None:
    board = Board(qtbot, FLOW)
    board.document.learn(watch=watched())
    board.document.select(["b"])
    board.scene.take_news()
    assert differing(painted(board, from_prints=False, scale=scale), painted(board, from_prints=True, scale=scale)) < 60


def test_a_print_is_made_again_only_when_the_thing_looks_different(qtbot: Any) -> None:
    image = QImage(100, 100, QImage.Format.Format_RGB32)
    prints, own, made = Prints(), Print(), []
    painter = QPainter(image)

    def frame(*, calm: bool = True, seconds: float = 1.0) -> bool:
        prints.begin(painter.worldTransform(), calm=calm, ratio=1.0)
        prints.allow(seconds)
        prints.draw(painter, own, QRectF(0, 0, 40, 30), lambda p, lod: made.append(lod))
        return prints.end()

    assert frame(seconds=0.0), "a frame without time owes the print"
    assert made == []
    assert not frame()
    assert not frame()
    assert made == [1.0]
    painter.scale(2, 2)
    assert not frame(calm=False), "while one zooms, the old print does"
    assert made == [1.0]
    assert not frame()
    assert made == [1.0, 2.0]
    own.stale = True
    assert frame(seconds=0.0)
    assert not frame()
    assert made == [1.0, 2.0, 2.0]
    painter.end()


def test_prints_of_what_is_out_of_sight_are_dropped_when_there_are_too_many(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pypeline.canvas.prints.MOST_BYTES", 10_000)
    image = QImage(100, 100, QImage.Format.Format_RGB32)
    prints, first, second = Prints(), Print(), Print()
    painter = QPainter(image)
    for own in (first, second):
        prints.begin(painter.worldTransform(), calm=True, ratio=1.0)
        prints.allow(1.0)
        prints.draw(painter, own, QRectF(0, 0, 50, 40), lambda p, lod: None)
        prints.end()
    assert first.pixmap is None
    assert second.pixmap is not None
    painter.end()


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
