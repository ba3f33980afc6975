"""Work at the window: undo of everything, clipboard, disabling, arranging, looks, runs that are stopped or end here, fixes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PySide6.QtCore import QByteArray, QEvent, QMimeData, QPointF, QRectF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from pypeline.app.desktop.actions import ACTIONS
from pypeline.app.desktop.docks.column_header import distribution
from pypeline.app.desktop.questions import Questions
from pypeline.canvas.editor import MIME
from pypeline.canvas.items.frame_item import FrameItem
from pypeline.core.control_shapes import Frame
from pypeline.schema.problems import Place, Problem
from pypeline.schema.reader import read
from tests.desktop.person import CTRL, LEFT, SHIFT, Person, data_links, heard, turns

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

FLOW = """\
flow: {name: people}
modules:
  - {id: people, name: csv_source, configs: {required: {file_path: people.csv}, optional: {columns: {name: string, age: int64}}}}
  - {id: adults, name: filter_mod, configs: {required: {condition: age >= 18}}}
  - {id: out, name: csv_sink, configs: {required: {output_path: adults.csv}}}
  - {id: say, name: shell_solo, configs: {required: {command: [echo, done]}}}
connections:
  data: [people.data - adults.input, adults.output - out.input]
canvas:
  modules: {people: [0, 0], adults: [280, 0], out: [560, 0], say: [560, 200]}
"""


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    (tmp_path / "people.csv").write_text("name,age\nAda,36\nBob,7\nCyd,18\n", encoding="utf-8")
    path = tmp_path / "people.yaml"
    path.write_text(FLOW, encoding="utf-8")
    return path


@pytest.fixture
def at_window(on_loop: Any, flow: Path) -> Callable[[Callable[[Person], Awaitable[None]]], None]:
    """Runs a coroutine function with somebody at a window on the flow."""

    def run(work: Callable[[Person], Awaitable[None]]) -> None:
        async def main() -> None:
            person = await Person(flow).come()
            await work(person)
            await person.leave()

        on_loop(main)

    return run


def test_the_preview_follows_what_is_renamed_or_deleted_behind_it(at_window: Any) -> None:
    async def work(person: Person) -> None:
        window = person.window
        await person.choose("adults")
        await heard(window.session.previewed)
        window.tabs.setCurrentWidget(window.log)
        await person.rename("grown")
        await person.understood()
        window.tabs.setCurrentWidget(window.preview)
        await heard(window.session.previewed, lambda port, _: port == "grown.output")
        assert window.preview.title.text().startswith("grown.output")
        window.board.view.setFocus()
        await person.press(Qt.Key.Key_Delete)
        await person.understood()
        assert window.preview.port == ""
        assert window.preview.empty.text().startswith("Click a link")

    at_window(work)


def test_what_is_added_at_the_edge_comes_whole_into_sight(at_window: Any) -> None:
    async def work(person: Person) -> None:
        view = person.window.board.view
        await person.add("sort_mod", view.mapToScene(4, 4))
        (id,) = person.window.document.selection.modules
        box = person.window.board.scene.cards[id].card.box
        assert view.seen().contains(QRectF(box.x - 24, box.y - 40, box.width + 48, box.height + 64))

    at_window(work)


def test_of_many_problems_only_those_in_sight_have_rows(at_window: Any) -> None:
    async def work(person: Person) -> None:
        window = person.window
        window.tabs.setCurrentWidget(window.problems)
        many = tuple(Problem("PYE370", f"there is no column `c{n}` at `input`", Place(module="adults")) for n in range(3000))
        window.document.learn(problems=many)
        await turns()
        listed = window.problems.list

        def made() -> list[int]:
            return [n for n in range(listed.count()) if listed.itemWidget(listed.item(n)) is not None]

        assert listed.count() == 3000
        assert 0 < len(made()) < 20
        listed.scrollToBottom()
        last = listed.itemWidget(listed.item(2999))
        assert last is not None
        assert any("c2999" in label.text() for label in last.findChildren(QLabel))
        assert len(made()) < 40

    at_window(work)


def test_everything_is_undone_and_redone(at_window: Any) -> None:
    async def work(person: Person) -> None:
        document = person.window.document
        seen = [document.flow]

        async def step() -> None:
            await turns()
            assert document.flow != seen[-1]
            seen.append(document.flow)

        person.drag(person.card("say"), person.card("say") + QPointF(-280, 0))
        await step()
        person.drag(person.card("out"), person.card("say"), Qt.KeyboardModifier.AltModifier)
        await step()
        valve = person.window.board.editor.valve_editor
        valve.clear()
        QTest.keyClicks(valve, "2|error")
        QTest.keyClick(valve, Qt.Key.Key_Return)
        await step()
        await person.choose("adults")
        await person.write("condition", "age < 18")
        await step()
        await person.rename("minors")
        await step()
        await person.choose("minors")
        await person.press(Qt.Key.Key_E, CTRL)
        await step()
        await person.press(Qt.Key.Key_D, CTRL)
        await step()
        await person.choose("minors")
        await person.press(Qt.Key.Key_D, CTRL | SHIFT)
        await step()
        await person.choose("people")
        await person.press(Qt.Key.Key_Delete)
        await step()
        await person.press(Qt.Key.Key_L, CTRL)
        await step()
        await person.add("sort_mod", person.window.board.view.mapToScene(120, 330))
        await step()
        assert document.undo.count() == len(seen) - 1
        for before in reversed(seen[:-1]):
            await person.press(Qt.Key.Key_Z, CTRL)
            assert document.flow == before
        assert not document.undo.canUndo()
        for after in seen[1:]:
            await person.press(Qt.Key.Key_Z, CTRL | SHIFT)
            assert document.flow == after

    at_window(work)


def test_copied_modules_are_yaml_and_pasted_ones_are_wired_like_them(at_window: Any) -> None:
    async def work(person: Person) -> None:
        document = person.window.document
        await person.choose("people")
        await person.choose("adults", SHIFT)
        await person.press(Qt.Key.Key_C, CTRL)
        text = QGuiApplication.clipboard().text()
        copied = read(text, "clipboard").flow
        assert copied is not None
        assert [m.id for m in copied.modules] == ["people", "adults"]
        assert [str(x) for x in copied.connections.data] == ["people.data - adults.input"]
        await person.press(Qt.Key.Key_V, CTRL)
        fresh = document.selection.modules
        assert len(fresh) == 2
        assert not fresh & {"people", "adults"}
        assert len(data_links(person)) == 3
        assert document.undo.count() == 1
        QGuiApplication.clipboard().setText("just words")
        await person.press(Qt.Key.Key_V, CTRL)
        assert document.undo.count() == 1
        assert person.window.board.said.isVisible()

    at_window(work)


def test_a_type_dragged_from_the_palette_or_double_clicked_there_is_added(at_window: Any) -> None:
    async def work(person: Person) -> None:
        panel, document = person.window.palette_panel, person.window.document
        QTest.keyClicks(panel.search, "sort")
        model = panel.tree.model()
        row = next(model.index(n, 0) for n in range(model.rowCount()) if model.index(n, 0).data() == "sort_mod")
        data = model.mimeData([row])
        assert bytes(data.data(MIME).data()) == b"sort_mod"
        person.drop(data, QPointF(100, 300))
        assert document.flow.modules[-1].name == "sort_mod"
        (id,) = document.selection.modules
        box = person.window.board.scene.cards[id].card.box
        assert box.holds((100, 300))
        spot = panel.tree.visualRect(row).center()
        QTest.mouseClick(panel.tree.viewport(), LEFT, pos=spot)
        QTest.mouseDClick(panel.tree.viewport(), LEFT, pos=spot)
        assert [m.name for m in document.flow.modules].count("sort_mod") == 2
        panel.tree.setFocus()
        QTest.keyClick(panel.tree, Qt.Key.Key_Return)
        assert [m.name for m in document.flow.modules].count("sort_mod") == 3
        strange = QMimeData()
        strange.setData(MIME, QByteArray(b"no_such_type"))
        person.drop(strange, QPointF(100, 300))
        assert len(document.flow.modules) == 7

    at_window(work)


def test_the_other_look_reaches_every_panel_and_comes_back(at_window: Any) -> None:
    async def work(person: Person) -> None:
        window = person.window
        await person.choose("adults")
        light = window.grab().toImage()
        for name in ("dark", "light"):
            await person.press(Qt.Key.Key_T, CTRL)
            await turns()
            assert window.theme == name
            assert window.board.scene.look.theme.name == name
        await person.press(Qt.Key.Key_T, CTRL)
        await turns()
        dark = window.grab().toImage()
        # what a light window leaves in a dark one would be seen at once
        bright = sum(dark.pixelColor(x, y).lightness() > 225 for x in range(4, dark.width(), 16) for y in range(4, dark.height(), 16))
        assert bright < 0.02 * (dark.width() / 16) * (dark.height() / 16)
        assert light.pixelColor(3, 400).lightness() > 225

    at_window(work)


def test_panels_are_hidden_and_shown_by_key_and_zoom_goes_by_key(at_window: Any) -> None:
    async def work(person: Person) -> None:
        window = person.window
        for key, panel in ((Qt.Key.Key_F7, window.palette_panel), (Qt.Key.Key_F8, window.tabs), (Qt.Key.Key_F9, window.inspector)):
            await person.press(key)
            assert not panel.isVisible()
            await person.press(key)
            assert panel.isVisible()
        view = window.board.view
        await person.press(Qt.Key.Key_1, CTRL)
        assert view.scale_now == 1.0
        await person.press(Qt.Key.Key_Minus, CTRL)
        assert view.scale_now < 1.0
        await person.press(Qt.Key.Key_0, CTRL)
        assert view.seen().contains(window.board.scene.flow_box())

    at_window(work)


def test_a_card_is_lit_while_the_pointer_is_on_it(at_window: Any) -> None:
    async def work(person: Person) -> None:
        cards = person.window.board.scene.cards
        for id in ("adults", "out"):
            person.move(person.at(person.card(id)))
            assert [name for name, item in cards.items() if item.hovered] == [id]
        QApplication.sendEvent(person.window.board.view, QEvent(QEvent.Type.Leave))
        assert not any(item.hovered for item in cards.values())

    at_window(work)


def test_commands_and_modules_are_found_by_a_few_letters(at_window: Any) -> None:
    async def work(person: Person) -> None:
        window = person.window
        person.click(window.toolbar.search)
        assert window.command_list.isVisible()
        assert window.command_list.list.count() == len(ACTIONS)
        QTest.keyClicks(window.command_list.line, "select all")
        QTest.keyClick(window.command_list.line, Qt.Key.Key_Return)
        assert len(window.document.selection.modules) == 4
        await person.press(Qt.Key.Key_F, CTRL)
        QTest.keyClicks(window.command_list.line, "adu")
        QTest.keyClick(window.command_list.line, Qt.Key.Key_Return)
        assert window.document.selection.modules == {"adults"}

    at_window(work)


def test_a_problem_is_mended_by_its_button_and_undone(at_window: Any, tmp_path: Path) -> None:
    async def work(person: Person) -> None:
        window = person.window
        await person.choose("adults")
        await person.write("condition", "agee >= 18")
        await person.understood()
        assert window.tabs.tabText(1) == "Problems 1"
        await person.press(Qt.Key.Key_F6)
        await person.understood()
        assert window.tabs.currentWidget() is window.problems
        (button,) = [b for b in window.problems.findChildren(QPushButton) if b.isVisible()]
        assert button.text() == "Use `age`"
        person.click(button)
        assert window.document.flow.module("adults").configs.required == {"condition": "age >= 18"}
        await person.understood()
        assert window.document.knowledge.problems == ()
        assert window.tabs.tabText(1) == "Problems"
        assert window.problems.empty.isVisible()
        await person.press(Qt.Key.Key_Z, CTRL)
        await person.understood()
        assert len(window.document.knowledge.problems) == 1

    at_window(work)


def test_a_flow_with_an_error_shows_it_instead_of_running(at_window: Any) -> None:
    async def work(person: Person) -> None:
        window = person.window
        await person.choose("people")
        await person.press(Qt.Key.Key_Delete)
        person.click(window.toolbar.run)
        assert not window.session.running
        assert window.tabs.currentWidget() is window.problems
        assert window.problems.list.count() >= 1
        window.problems.list.itemClicked.emit(window.problems.list.item(0))
        assert window.document.selection.modules == {"adults"}

    at_window(work)


def test_a_run_is_stopped_by_the_button_and_the_flow_can_run_again(at_window: Any) -> None:
    async def work(person: Person) -> None:
        window = person.window
        assert not window.toolbar.stop.isEnabled()
        await person.choose("say")
        await person.write_as_yaml(await person.field("command"), ["sleep", "30"])
        person.click(window.toolbar.run)
        assert not window.toolbar.run.isEnabled()
        await heard(
            window.session.progressed, lambda: bool((seen := window.session.watch) and seen.modules.get("say") and seen.modules["say"].state == "running")
        )
        person.click(window.toolbar.stop)
        # it is told at once what was wished, and that it can be wished again
        assert "stopping" in window.status.run.text()
        assert window.toolbar.stop.text() == "Stop now"
        person.click(window.toolbar.stop)
        assert window.status.run.text().endswith("ending at once")
        assert not window.toolbar.stop.isEnabled()
        await person.ran()
        assert window.toolbar.stop.text() == "Stop"
        assert window.session.summary is not None
        assert window.session.summary.state == "cancelled"
        assert window.tabs.currentWidget() is window.log
        assert "cancelled" in window.status.run.text()
        await person.choose("say")
        await person.press(Qt.Key.Key_Delete)
        person.click(window.toolbar.run)
        await person.ran()
        assert window.session.summary.state == "completed"

    at_window(work)


def test_closing_during_a_run_asks_and_stops_it(on_loop: Any, flow: Path) -> None:
    async def main() -> None:
        flow.write_text(FLOW.replace("[echo, done]", "[sleep, '30']"), encoding="utf-8")
        person = await Person(flow).come()
        window = person.window
        await person.press(Qt.Key.Key_F5)
        window.close()
        await turns()
        assert "A run is going on" in person.answer("Cancel")
        assert window.session.running
        window.close()
        await turns()
        person.answer("Stop it and close")
        await heard(window.closed)
        assert not window.session.running

    on_loop(main)


def test_run_to_here_runs_what_leads_there_and_writes_nothing(at_window: Any, tmp_path: Path) -> None:
    async def work(person: Person) -> None:
        window = person.window
        await person.choose("adults")
        await person.press(Qt.Key.Key_F5, SHIFT)
        await person.ran()
        assert window.session.watch is not None
        assert set(window.session.watch.modules) == {"people", "adults"}
        assert not (tmp_path / "adults.csv").exists()
        await heard(window.session.previewed, lambda port, _: port == "adults.output")
        model = window.preview.table.model()
        assert [model.index(row, 0).data() for row in range(model.rowCount())] == ["Ada", "Cyd"]

    at_window(work)


def test_run_to_here_marks_the_sub_flow_that_runs_and_no_module_that_does_not(on_loop: Any, flow: Path) -> None:
    # `say` first: what runs is the second sub flow of the drawing and the only one of the run
    flow.write_text(
        FLOW.replace("modules:\n", "modules:\n  - {id: first, name: shell_solo, configs: {required: {command: [echo, first]}}}\n", 1), encoding="utf-8"
    )

    async def main() -> None:
        person = await Person(flow).come()
        scene = person.window.board.scene
        await person.choose("adults")
        await person.press(Qt.Key.Key_F5, SHIFT)
        watch = person.window.session.watch
        assert watch is not None
        assert {id: scene.cards[id].face.state for id in ("first", "adults", "say")} == {"first": "", "adults": "pending", "say": ""}
        await person.ran()
        shown = [item for item in scene.items() if isinstance(item, FrameItem)]
        frames = {item.frame.modules[0]: item.state for item in shown if isinstance(item.frame, Frame)}
        assert frames == {"first": "", "people": "completed", "say": ""}
        await person.leave()

    on_loop(main)


def test_a_clicked_link_shows_its_rows_and_an_edit_shows_other_ones(at_window: Any) -> None:
    async def work(person: Person) -> None:
        window = person.window
        middle = window.board.scene.link_items["adults.output - out.input"].path.pointAtPercent(0.5)
        QTest.mouseClick(person.area, LEFT, pos=person.at(middle))
        await heard(window.session.previewed)
        assert window.preview.table.isVisible()
        assert window.preview.title.text() == "adults.output · 2 rows"
        assert window.preview.title.isVisible()
        await person.choose("adults")
        await person.write("condition", "age < 18")
        await person.understood()
        await person.choose("people")
        await person.choose("adults")
        await heard(window.session.previewed, lambda port, _: port == "adults.output")
        assert window.preview.table.model().index(0, 0).data() == "Bob"

    at_window(work)


def test_a_run_asks_for_what_its_context_leaves_open_and_says_so_when_nobody_answers(on_loop: Any, flow: Path) -> None:
    flow.write_text(FLOW.replace("age >= 18", "\"age >= {{context.least}} and name != '{{context.not}}'\""), encoding="utf-8")
    (flow.parent / "context").mkdir()
    (flow.parent / "context" / "people_default.json").write_text('{"least": 18, "least?": "Which age?", "not?": "Who not?"}', encoding="utf-8")
    (flow.parent / "context" / "people_lab.json").write_text('{"least": 8, "not": "Bob"}', encoding="utf-8")

    async def main() -> None:
        person = await Person(flow).come()
        window = person.window
        said = window.board.said
        # what is asked for is no problem, and its rows say why they are not there
        assert window.document.knowledge.problems == ()
        await person.choose("adults")
        await person.until(lambda: "which asks for not" in window.preview.empty.text())
        assert "people.data" in window.document.knowledge.schemas

        await person.press(Qt.Key.Key_F5)
        asked = person.dialog()
        assert isinstance(asked, Questions)
        assert [line.text() for line in asked.lines] == ["18", ""]
        assert not asked.run_button.isEnabled()
        QTest.keyClick(asked.lines[0], Qt.Key.Key_Escape)
        assert "not answered" in said.text()
        assert not window.session.running

        await person.press(Qt.Key.Key_F5)
        asked = person.dialog()
        assert isinstance(asked, Questions)
        QTest.keyClicks(asked.lines[1], "Cyd")
        QTest.keyClick(asked.lines[1], Qt.Key.Key_Return)
        assert not said.isVisible()
        await person.ran()
        assert (flow.parent / "adults.csv").read_text(encoding="utf-8").split() == ["name,age", "Ada,36"]
        # what was answered is proposed again, and fills the preview
        await person.until(lambda: window.preview.title.text().startswith("adults.output · 1 row"))
        await person.press(Qt.Key.Key_F5)
        asked = person.dialog()
        assert isinstance(asked, Questions)
        assert [line.text() for line in asked.lines] == ["18", "Cyd"]
        asked.reject()

        # another context knows them itself, and an earlier answer does not get in its way
        window.session.set_context("lab")
        window.running.run()
        assert window.session.running
        await person.ran()
        assert (flow.parent / "adults.csv").read_text(encoding="utf-8").split() == ["name,age", "Ada,36", "Cyd,18"]
        await person.leave()

    on_loop(main)


def test_each_failure_stands_once_in_the_log_and_so_does_what_follows_it(on_loop: Any, flow: Path) -> None:
    flow.write_text(FLOW.replace("[echo, done]}}", '["false"]}}, retry: {attempts: 2, delay: 0.1}'), encoding="utf-8")

    async def main() -> None:
        person = await Person(flow).come()
        await person.press(Qt.Key.Key_F5)
        await person.ran()
        model = person.window.log.list.model()
        lines = [str(model.index(n, 0).data()) for n in range(model.rowCount())]
        # twice, as it was tried twice
        assert [line.split()[1] for line in lines] == ["ERROR", "INFO", "ERROR", "ERROR"], lines
        assert lines[1].endswith("try 2 in 0.1 s")
        await person.leave()

    on_loop(main)


def test_a_field_in_the_wrong_half_is_moved_by_one_button(on_loop: Any, flow: Path) -> None:
    flow.write_text(FLOW.replace("{command: [echo, done]}", "{command: [echo, done], working_folder: .}"), encoding="utf-8")

    async def main() -> None:
        person = await Person(flow).come()
        window = person.window
        (problem,) = window.document.knowledge.problems
        await person.press(Qt.Key.Key_F6)
        (button,) = [b for b in window.problems.findChildren(QPushButton) if b.text() == problem.fixes[0].title]
        person.click(button)
        configs = window.document.flow.module("say").configs
        assert (dict(configs.required), dict(configs.optional)) == ({"command": ["echo", "done"]}, {"working_folder": "."})
        await person.leave()

    on_loop(main)


def test_ctrl_c_copies_cells_and_log_lines_where_the_keyboard_is_there(on_loop: Any, flow: Path) -> None:
    (flow.parent / "people.csv").write_text("name,age\n<b>Ada</b>,1036\n,17\n", encoding="utf-8")
    (flow.parent / "people.yaml").write_text(FLOW.replace("[echo, done]", '["false"]'), encoding="utf-8")

    async def main() -> None:
        person = await Person(flow).come()
        window, clipboard = person.window, QGuiApplication.clipboard()
        await person.choose("people")
        table = window.preview.table
        await person.until(lambda: table.isVisible() and table.model().rowCount() == 2)
        first, last = (table.visualRect(table.model().index(n, n)).center() for n in (0, 1))
        QTest.mouseClick(table.viewport(), LEFT, pos=first)
        QTest.mouseClick(table.viewport(), LEFT, SHIFT, last)
        await person.press(Qt.Key.Key_C, CTRL)
        # numbers as other programs read them, and nothing for null
        assert clipboard.text() == "<b>Ada</b>\t1036\n\t17"
        assert table.model().index(0, 0).data(Qt.ItemDataRole.ToolTipRole) is None
        assert table.model().index(0, 1).data(Qt.ItemDataRole.ToolTipRole) == "<qt>1036</qt>"

        await person.press(Qt.Key.Key_F5)
        await person.ran()
        lines = window.log.list
        QTest.mouseClick(lines.viewport(), LEFT, pos=lines.visualRect(lines.model().index(0, 0)).center())
        await person.press(Qt.Key.Key_C, CTRL)
        assert "PYE385" in clipboard.text()
        window.board.view.setFocus()
        await person.choose("people")
        await person.press(Qt.Key.Key_C, CTRL)
        assert clipboard.text().startswith("format: 1")
        await person.leave()

    on_loop(main)


def test_values_that_are_no_finite_number_have_no_bar() -> None:
    assert distribution(pa.chunked_array([[1.0, float("inf"), float("nan")]])) == distribution(pa.chunked_array([[1.0]]))
    assert distribution(pa.chunked_array([[float("-inf")]])) == []


def test_a_problem_of_a_link_names_the_link_and_leads_there(on_loop: Any, flow: Path) -> None:
    flow.write_text(FLOW.replace("\ncanvas:", '\n  control: ["out (1|if {{out__rows}} > 2) say"]\ncanvas:'), encoding="utf-8")

    async def main() -> None:
        person = await Person(flow).come()
        window = person.window
        await person.press(Qt.Key.Key_F6)
        listed = window.problems.list
        words = [label.text() for label in listed.itemWidget(listed.item(0)).findChildren(QLabel)]
        assert any("out (1|if" in text and "line 9" in text for text in words), words
        # all of it, however narrow the row
        whole = listed.itemWidget(listed.item(0)).toolTip()
        assert "sets no global" in whole
        assert "row_count" in whole
        QTest.mouseClick(listed.viewport(), LEFT, pos=listed.visualItemRect(listed.item(0)).center())
        assert window.document.selection.links == frozenset(window.document.flow.connections.control)
        # a line of the file is told as long as the file is what is drawn
        await person.choose("people")
        await person.press(Qt.Key.Key_Delete)
        await person.understood()
        assert not any("line" in label.text() for label in listed.findChildren(QLabel))
        await person.leave()

    on_loop(main)


def test_a_module_without_rows_says_so_in_the_preview(at_window: Any) -> None:
    async def work(person: Person) -> None:
        preview = person.window.preview
        await person.choose("adults")
        await person.until(preview.table.isVisible)
        await person.choose("say")
        assert preview.empty.isVisible()
        assert (preview.title.text(), preview.empty.text()) == ("", "say works without rows.")

    at_window(work)
