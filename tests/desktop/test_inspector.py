"""The inspector: forms by real keys, every edit one undo step, and what is wrong where it is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel

from pypeline.app.desktop.forms.choices import Check, Choice
from pypeline.app.desktop.forms.column_list import ColumnList
from pypeline.app.desktop.forms.expression import ExpressionText
from pypeline.app.desktop.forms.flow_page import FlowPage
from pypeline.app.desktop.forms.grid import Grid
from pypeline.app.desktop.forms.lines import Line, Number, PathLine
from pypeline.app.desktop.forms.link_page import ControlLinkPage, DataLinkPage
from pypeline.app.desktop.forms.listings import ListRows, MappingRows, TypeRows
from pypeline.app.desktop.forms.module_page import ModulePage
from pypeline.app.desktop.forms.several_page import SeveralPage
from pypeline.app.desktop.forms.texts import Text, YamlText
from pypeline.canvas.look import look
from pypeline.core import edits
from pypeline.core.check import check
from pypeline.core.columns import Column
from pypeline.schema.problems import Place, Problem
from tests.desktop.inspecting import PEOPLE, inspect, replace_text

__all__ = ["inspect"]

# lists and menus pop up, and the offscreen platform says that it can neither raise them nor grab for them
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

FLOW: dict[str, Any] = {
    "modules": [
        {"id": "people", "name": "csv_source", "configs": {"required": {"file_path": "people.csv"}}},
        {"id": "adults", "name": "filter_mod", "configs": {"required": {"condition": "age > 18"}}},
        {"id": "sorted", "name": "sort_mod", "configs": {"required": {"keys": ["name"]}}},
        {"id": "sums", "name": "aggregate_mod", "configs": {"required": {"measures": {"n": "count(*)"}}}},
        {"id": "out", "name": "csv_sink", "configs": {"required": {"output_path": "out.csv"}}},
        {"id": "sh", "name": "shell_solo", "configs": {"required": {"command": "true"}}},
    ],
    "connections": {
        "data": ["people.data - adults.input", "adults.output - sorted.input", "sorted.output - sums.input", "sums.output - out.input"],
        "control": ["out (1|ok) sh"],
    },
}
SCHEMAS = {"people.data": PEOPLE, "adults.output": PEOPLE, "adults.reject": PEOPLE, "sorted.output": PEOPLE, "sums.output": (Column("n", "int64"),)}


@pytest.fixture
def here(inspect: Any) -> Any:
    return inspect(FLOW, SCHEMAS)


def test_it_shows_what_is_selected(here: Any) -> None:
    assert isinstance(here.panel.page, FlowPage)
    here.choose("adults")
    assert here.panel.page.head.kind.text() == "filter_mod · transform"
    here.document.select(["adults", "sorted"])
    assert isinstance(here.panel.page, SeveralPage)
    assert here.panel.page.title.text() == "2 modules selected"
    here.document.select(links=[here.document.flow.connections.data[0]])
    assert isinstance(here.panel.page, DataLinkPage)
    here.document.select(links=[here.document.flow.connections.control[0]])
    assert isinstance(here.panel.page, ControlLinkPage)
    here.document.select()
    assert isinstance(here.panel.page, FlowPage)


def test_typing_is_one_step_and_undo_shows_in_the_field(here: Any) -> None:
    here.choose("adults")
    editor = here.field("condition").editor
    assert isinstance(editor, ExpressionText)
    replace_text(editor.area, "id = 7")
    assert here.configs("adults")["required"] == {"condition": "id = 7"}
    assert here.document.undo.count() == 1
    here.document.undo.undo()
    assert editor.area.toPlainText() == "age > 18"
    here.document.undo.redo()
    assert editor.area.toPlainText() == "id = 7"


def test_an_edit_elsewhere_keeps_the_cursor(here: Any) -> None:
    here.choose("adults")
    area = here.field("condition").editor.area
    area.setFocus()
    cursor = area.textCursor()
    cursor.setPosition(3)
    area.setTextCursor(cursor)
    here.document.apply("Move", edits.move(here.document.flow, {"people": (80, 80)}))
    assert area.textCursor().position() == 3
    here.document.apply("Set", edits.set_config(here.document.flow, "adults", "condition", "age > 21", required=True))
    assert area.toPlainText() == "age > 21"
    assert area.textCursor().position() == 3


def test_a_wrong_column_is_said_at_once_and_mended_by_a_click(here: Any) -> None:
    here.choose("adults")
    editor = here.field("condition").editor
    replace_text(editor.area, "aeg > 18")
    editor.judge()
    assert "unknown column `aeg`" in editor.note.text().lower()
    assert editor.note.objectName() == "bad"
    assert editor.area.property("bad")
    QTest.mouseClick(editor.fix_button, Qt.MouseButton.LeftButton)
    assert editor.area.toPlainText() == "age > 18"
    assert editor.note.text() == "ok · checked against 4 columns"
    assert editor.note.objectName() == "good"


def test_a_wrong_function_is_mended_too(here: Any) -> None:
    here.choose("adults")
    editor = here.field("condition").editor
    replace_text(editor.area, "lenght(name) > 2")
    editor.judge()
    editor.fix()
    assert editor.area.toPlainText() == "length(name) > 2"


def test_columns_and_functions_are_offered_while_typing(here: Any, qtbot: Any) -> None:
    here.choose("adults")
    editor = here.field("condition").editor
    replace_text(editor.area, "cou")
    offered = editor.completion.list
    qtbot.waitUntil(offered.isVisible)
    assert offered.currentIndex().data(Qt.ItemDataRole.UserRole) == "country"
    QTest.keyClick(offered, Qt.Key.Key_Return)
    assert editor.area.toPlainText() == "country"
    assert here.configs("adults")["required"]["condition"] == "country"
    QTest.keyClicks(editor.area, " = upp")
    qtbot.waitUntil(offered.isVisible)
    QTest.keyClick(offered, Qt.Key.Key_Escape)
    assert not offered.isVisible()
    assert "\n" not in editor.area.toPlainText()


def test_an_empty_required_field_is_taken_out_and_said_to_be_needed(here: Any) -> None:
    here.choose("adults")
    row = here.field("condition")
    replace_text(row.editor.area, "")
    assert here.configs("adults")["required"] == {}
    here.document.learn(problems=tuple(check(here.document.flow, here.document.catalogue)))
    assert row.note.text() == "This is needed."


def test_problems_stand_under_their_field(here: Any) -> None:
    here.choose("people")
    at = Place(path=("modules", 0, "configs", "required", "file_path"), module="people")
    here.document.learn(problems=(Problem("PYE350", "there is no file `people.csv`", at, "Check the path."),))
    row = here.field("file_path")
    assert row.note.text() == "There is no file `people.csv`. Check the path."
    assert not row.note.isHidden()
    bound = Place(path=("modules", 0, "columns", "x"), module="people")
    here.document.learn(problems=(Problem("PYE414", "there is no column `x`", bound),))
    assert row.note.isHidden()
    assert here.field("columns").note.text() == "There is no column `x`."
    here.document.learn(problems=())
    assert here.field("columns").note.isHidden()


def test_a_default_is_not_written(here: Any) -> None:
    here.choose("people")
    encoding = here.field("encoding").editor
    assert isinstance(encoding, Line)
    assert encoding.line.placeholderText() == "utf-8"
    replace_text(encoding.line, "latin-1")
    assert here.configs("people")["optional"] == {"encoding": "latin-1"}
    replace_text(encoding.line, "utf-8")
    assert here.configs("people")["optional"] == {}


def test_numbers_take_numbers_and_variables_only(here: Any) -> None:
    here.choose("people")
    row = here.field("limit")
    assert isinstance(row.editor, Number)
    replace_text(row.editor.line, "12")
    assert here.configs("people")["optional"] == {"limit": 12}
    replace_text(row.editor.line, "x")
    assert row.editor.line.property("bad")
    assert row.note.text() == "This is no whole number."
    assert here.configs("people")["optional"] == {}
    replace_text(row.editor.line, "{{context.most}}")
    assert here.configs("people")["optional"] == {"limit": "{{context.most}}"}
    assert row.note.isHidden()


def test_a_choice_and_a_box_are_set_by_keys_and_by_the_mouse(here: Any) -> None:
    here.choose("people")
    match = here.field("match").editor
    assert isinstance(match, Choice)
    assert match.box.currentText() == "name"
    match.box.setFocus()
    QTest.keyClick(match.box, Qt.Key.Key_Down)
    assert here.configs("people")["optional"] == {"match": "position"}
    QTest.keyClick(match.box, Qt.Key.Key_Up)
    assert here.configs("people")["optional"] == {}
    trim = here.field("trim").editor
    assert isinstance(trim, Check)
    QTest.keyClick(trim.box, Qt.Key.Key_Space)
    assert here.configs("people")["optional"] == {"trim": True}


def test_null_can_be_written_where_the_default_is_something_else(here: Any) -> None:
    here.choose("people")
    menu = here.field("quote").open_menu()
    next(a for a in menu.actions() if a.text() == "None").trigger()
    menu.close()
    assert here.configs("people")["optional"] == {"quote": None}
    here.field("quote").take_back()
    assert here.configs("people")["optional"] == {}


def test_a_tab_is_shown_and_typed_as_it_is_spelled(here: Any) -> None:
    here.choose("people")
    line = here.field("delimiter").editor.line
    replace_text(line, "\\t")
    assert here.configs("people")["optional"] == {"delimiter": "\t"}
    assert line.text() == "\\t"


def test_a_path_is_chosen_in_a_dialog_that_stops_nothing(here: Any, qtbot: Any) -> None:
    (here.session.folder / "sub").mkdir()
    (here.session.folder / "sub" / "x.csv").write_text("a\n1\n")
    here.choose("people")
    editor = here.field("file_path").editor
    assert isinstance(editor, PathLine)
    QTest.mouseClick(editor.browse_button, Qt.MouseButton.LeftButton)
    dialog = editor.findChild(QFileDialog)
    assert dialog is not None
    assert dialog.isVisible()
    dialog.fileSelected.emit(str(here.session.folder / "sub" / "x.csv"))
    dialog.reject()
    assert here.configs("people")["required"] == {"file_path": "sub/x.csv"}


def test_a_list_of_files_is_a_list_of_rows(inspect: Any) -> None:
    here = inspect({"modules": [{"id": "a", "name": "csv_source", "configs": {"required": {"file_path": ["x.csv", "y.csv"]}}}]})
    here.choose("a")
    editor = here.field("file_path").editor
    assert isinstance(editor, ListRows)
    QTest.mouseClick(editor.add_button, Qt.MouseButton.LeftButton)
    assert here.document.undo.count() == 0
    replace_text(editor.rows[2].editor.line, "z.csv")
    assert here.configs("a")["required"]["file_path"] == ["x.csv", "y.csv", "z.csv"]


def test_a_click_on_the_name_selects_it_so_that_typing_renames(here: Any, qtbot: Any) -> None:
    page = here.choose("adults")
    qtbot.waitUntil(here.window.isActiveWindow)
    here.panel.setFocus()
    QTest.mouseClick(page.head.name, Qt.MouseButton.LeftButton)
    QTest.keyClicks(page.head.name, "grown")
    QTest.keyClick(page.head.name, Qt.Key.Key_Return)
    assert here.document.selection.modules == {"grown"}


def test_columns_are_checked_and_ordered(here: Any) -> None:
    here.choose("sums")
    editor = here.field("group_by").editor
    assert isinstance(editor, ColumnList)
    names = [editor.list.item(n).text() for n in range(editor.list.count())]
    assert names == ["id", "name", "age", "country"]
    editor.list.setCurrentRow(3)
    QTest.keyClick(editor.list, Qt.Key.Key_Space)
    # a click on the words of a row checks it, too; "name" has gone one down
    QTest.mouseClick(editor.list.viewport(), Qt.MouseButton.LeftButton, pos=editor.list.visualItemRect(editor.list.item(2)).center())
    assert here.configs("sums")["optional"] == {"group_by": ["country", "name"]}
    editor.list.setCurrentRow(1)
    editor.list.setFocus()
    editor._shift(-1)
    assert here.configs("sums")["optional"] == {"group_by": ["name", "country"]}
    assert here.document.undo.count() == 3
    for _ in range(3):
        here.document.undo.undo()
    assert here.configs("sums")["optional"] == {}
    assert editor.value() != ["name"]


def test_measures_are_rows_of_a_name_and_an_expression(here: Any) -> None:
    here.choose("sums")
    editor = here.field("measures").editor
    assert isinstance(editor, MappingRows)
    QTest.mouseClick(editor.add_button, Qt.MouseButton.LeftButton)
    row = editor.rows[1]
    replace_text(row.key.line, "oldest")
    assert list(here.configs("sums")["required"]["measures"]) == ["n"]
    replace_text(row.editor.area, "max(age)")
    assert here.configs("sums")["required"]["measures"] == {"n": "count(*)", "oldest": "max(age)"}
    replace_text(row.editor.area, "max(aeg)")
    row.editor.judge()
    assert "aeg" in row.editor.note.text()
    out = next(b for b in row.frame.findChildren(type(here.field("measures").menu_button)) if b.accessibleName() == "Remove this row")
    QTest.mouseClick(out, Qt.MouseButton.LeftButton)
    assert here.configs("sums")["required"]["measures"] == {"n": "count(*)"}


def test_a_measure_as_an_object_keeps_its_fields(inspect: Any) -> None:
    measure = {"function": "quantile_cont", "column": "age", "quantile": 0.9}
    here = inspect(
        {**FLOW, "modules": [m if m["id"] != "sums" else {**m, "configs": {"required": {"measures": {"q": measure}}}} for m in FLOW["modules"]]}, SCHEMAS
    )
    here.choose("sums")
    editor = here.field("measures").editor
    assert editor.value() == {"q": measure}
    column = editor.rows[0].editor.editors["column"]
    replace_text(column.line, "id")
    assert here.configs("sums")["required"]["measures"]["q"] == {**measure, "column": "id"}


def test_a_sort_key_is_one_word_until_it_says_more(here: Any) -> None:
    here.choose("sorted")
    row = here.field("keys").editor.rows[0]
    direction = row.editor.editors["direction"].box
    direction.setFocus()
    QTest.keyClick(direction, Qt.Key.Key_Down)
    assert here.configs("sorted")["required"]["keys"] == [{"column": "name", "direction": "desc"}]
    QTest.keyClick(direction, Qt.Key.Key_Up)
    assert here.configs("sorted")["required"]["keys"] == ["name"]


def test_join_keys_are_pairs(inspect: Any) -> None:
    flow = {
        "modules": [
            {"id": "l", "name": "csv_source", "configs": {"required": {"file_path": "l"}}},
            {"id": "r", "name": "csv_source", "configs": {"required": {"file_path": "r"}}},
            {"id": "j", "name": "join_mod", "configs": {"optional": {"keys": ["id", ["country", "code"]]}}},
        ],
        "connections": {"data": ["l.data - j.left", "r.data - j.right"]},
    }
    here = inspect(flow, {"l.data": PEOPLE, "r.data": (Column("id", "int64"), Column("code", "string"))})
    here.choose("j")
    editor = here.field("keys").editor
    assert editor.value() == ["id", ["country", "code"]]
    left, right = editor.rows[1].editor.sides
    assert [left.box.itemText(n) for n in range(left.box.count())] == ["id", "name", "age", "country"]
    replace_text(left.line, "nmae")
    assert left.box.property("bad")
    replace_text(right.line, "id")
    replace_text(left.line, "id")
    assert here.configs("j")["optional"]["keys"] == ["id", "id"]


def test_found_types_are_written_down(here: Any) -> None:
    here.choose("people")
    editor = here.field("columns").editor
    assert isinstance(editor, TypeRows)
    QTest.mouseClick(editor.found_button, Qt.MouseButton.LeftButton)
    assert here.configs("people")["optional"]["columns"] == {"id": "int64", "name": "string", "age": "int64", "country": "string"}
    assert not editor.found_button.isVisible()


def test_what_no_editor_knows_is_yaml_by_the_rules_of_the_file(inspect: Any) -> None:
    here = inspect({"modules": [{"id": "g", "name": "generate_source", "configs": {"required": {"rows": 3, "columns": {"id": {"kind": "sequence"}}}}}]})
    here.choose("g")
    row = here.field("columns")
    editor = row.editor.rows[0].editor
    assert isinstance(editor, YamlText)
    assert editor.area.toPlainText() == "{kind: sequence}"
    replace_text(editor.area, "{kind: sequence, start: 012}")
    assert here.configs("g")["required"]["columns"] == {"id": {"kind": "sequence", "start": "012"}}
    replace_text(editor.area, "{kind: [}")
    assert editor.area.property("bad")
    assert row.note.text()
    # emptied first, then never a value: nothing of it was taken
    assert here.configs("g")["required"] == {"rows": 3}
    here.document.undo.undo()
    assert row.editor.rows[0].editor.area.toPlainText() == "{kind: sequence}"


def test_python_code_is_indented_by_tab(inspect: Any) -> None:
    here = inspect({"modules": [{"id": "p", "name": "python_solo"}]})
    here.choose("p")
    editor = here.field("code").editor
    assert isinstance(editor, Text)
    editor.area.setFocus()
    QTest.keyClicks(editor.area, "def main(ctx):")
    QTest.keyClick(editor.area, Qt.Key.Key_Return)
    QTest.keyClicks(editor.area, "if 1:")
    QTest.keyClick(editor.area, Qt.Key.Key_Return)
    QTest.keyClicks(editor.area, "pass")
    QTest.keyClick(editor.area, Qt.Key.Key_Tab)
    assert here.configs("p")["optional"]["code"] == "def main(ctx):\n    if 1:\n        pass    "
    assert here.document.undo.count() == 1


def test_a_field_can_be_written_another_way(inspect: Any, qtbot: Any) -> None:
    here = inspect({"modules": [{"id": "s", "name": "shell_solo", "configs": {"required": {"command": "ls"}}}]})
    here.choose("s")
    row = here.field("command")
    menu = row.open_menu()
    next(a for a in menu.actions() if a.text() == "Write as a list").trigger()
    menu.close()
    assert here.configs("s")["required"] == {"command": ["ls"]}
    editor = row.editor
    assert isinstance(editor, ListRows)
    QTest.mouseClick(editor.add_button, Qt.MouseButton.LeftButton)
    replace_text(editor.rows[1].editor.line, "-l")
    assert here.configs("s")["required"] == {"command": ["ls", "-l"]}
    with qtbot.waitActive(here.window):
        here.window.activateWindow()
    editor.rows[1].editor.line.setFocus()
    QTest.keyClick(editor.rows[1].editor.line, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert here.configs("s")["required"] == {"command": ["-l", "ls"]}


def test_a_small_table_is_typed_and_pasted(inspect: Any) -> None:
    configs = {"required": {"columns": {"code": "string", "rate": "double"}, "rows": [["EUR", 1.5], {"code": "USD"}]}}
    here = inspect({"modules": [{"id": "t", "name": "inline_source", "configs": configs}]})
    here.choose("t")
    grid = here.field("rows").editor
    assert isinstance(grid, Grid)
    assert here.document.undo.count() == 0
    grid.table.item(1, 1).setText("2")
    assert here.configs("t")["required"]["rows"] == [["EUR", 1.5], ["USD", 2]]
    QGuiApplication.clipboard().setText("GBP\t0.8\nCHF\t\n007\tx\n")
    grid.table.setCurrentCell(1, 0)
    grid.paste()
    assert here.configs("t")["required"]["rows"] == [["EUR", 1.5], ["GBP", 0.8], ["CHF", None], ["007", "x"]]
    grid.table.setCurrentCell(3, 0)
    QTest.mouseClick(grid.remove_button, Qt.MouseButton.LeftButton)
    QTest.mouseClick(grid.add_button, Qt.MouseButton.LeftButton)
    assert here.configs("t")["required"]["rows"][3] == [None, None]
    for _ in range(4):
        here.document.undo.undo()
    assert grid.table.item(1, 0).text() == "USD"
    assert grid.table.rowCount() == 2


def test_a_module_is_renamed_by_its_name(here: Any) -> None:
    page = here.choose("adults")
    name = page.head.name
    replace_text(name, "sorted")
    assert page.head.note.text()
    QTest.keyClick(name, Qt.Key.Key_Return)
    assert here.document.flow.module("adults")
    # why it cannot be stays in sight; elsewhere the name is what it was
    assert name.text() == "sorted"
    assert page.head.note.text()
    here.field("condition").editor.area.setFocus()
    assert (name.text(), page.head.note.text()) == ("adults", "")
    replace_text(name, "grown_ups")
    QTest.keyClick(name, Qt.Key.Key_Return)
    assert str(here.document.flow.connections.data[0]) == "people.data - grown_ups.input"
    assert here.document.selection.modules == {"grown_ups"}
    assert here.panel.page is page
    assert page.head.name.text() == "grown_ups"
    replace_text(here.field("condition").editor.area, "true")
    assert here.configs("grown_ups")["required"] == {"condition": "true"}


def test_a_valve_is_edited_in_its_parts(here: Any) -> None:
    here.document.select(links=[here.document.flow.connections.control[0]])
    page = here.panel.page
    page.trigger.box.setFocus()
    QTest.keyClick(page.trigger.box, Qt.Key.Key_Down)
    assert [str(x) for x in here.document.flow.connections.control] == ["out (1|error) sh"]
    replace_text(page.condition.area, "{{people__row_count}} > 1")
    assert [str(x) for x in here.document.flow.connections.control] == ["out (1|error if {{people__row_count}} > 1) sh"]
    assert here.panel.page is page
    assert page.note.isHidden()
    replace_text(page.condition.area, "rows > 1")
    assert "is a column" in page.note.text()
    replace_text(page.order.box.lineEdit(), "0")
    assert "Order 0" in page.note.text()
    assert here.document.flow.connections.control[0].valve.startswith("1|")


def test_advanced_settings_are_refused_where_the_language_refuses_them(here: Any) -> None:
    here.choose("adults")
    page = here.page("Advanced")
    rows = page.form.rows
    replace_text(rows["timeout"].editor.line, "60")
    assert here.document.flow.module("adults").timeout == 60
    replace_text(rows["timeout"].editor.line, "0")
    assert "greater than 0" in page.refusal.text()
    QTest.keyClick(rows["enabled"].editor.box, Qt.Key.Key_Space)
    assert here.document.flow.module("adults").enabled is False
    assert here.panel.page.head.kind.text().endswith("· disabled")
    replace_text(rows["note"].editor.area, "why")
    assert here.document.flow.module("adults").note == "why"
    replace_text(rows["resources"].editor.editors["memory"].line, "2GiB")
    assert here.document.flow.module("adults").resources.memory == "2GiB"
    replace_text(rows["resources"].editor.editors["memory"].line, "")
    assert here.document.flow.module("adults").resources is None


def test_the_flow_has_settings_of_its_own(here: Any) -> None:
    page = here.panel.page
    assert isinstance(page, FlowPage)
    replace_text(page.head.rows["name"].editor.line, "my flow")
    assert here.document.flow.flow.name == "my"
    assert page.refusal.text()
    replace_text(page.head.rows["name"].editor.line, "my-flow")
    assert here.document.flow.flow.name == "my-flow"
    fail = page.settings.rows["fail_strategy"].editor.box
    fail.setFocus()
    QTest.keyClick(fail, Qt.Key.Key_Down)
    assert here.document.flow.settings.fail_strategy == "continue"
    here.document.undo.undo()
    assert fail.currentText() == "halt"


def test_columns_along_the_way(here: Any) -> None:
    here.choose("sums")
    tree = here.page("Schema").tree
    groups = {tree.topLevelItem(n).text(0): tree.topLevelItem(n) for n in range(tree.topLevelItemCount())}
    assert list(groups) == ["input · 4 columns", "output · 1 column", "Columns along the way"]
    way = groups["Columns along the way"]
    assert [(way.child(n).text(0), way.child(n).text(1)) for n in range(3)] == [("n", "added here"), ("id", "dropped here"), ("name", "dropped here")]


def test_data_is_never_markup(here: Any) -> None:
    here.choose("adults")
    for tab in ("Settings", "Schema", "Advanced", "Help", "Run"):
        here.page(tab)
    for made in here.panel.findChildren(QLabel):
        assert made.textFormat() == Qt.TextFormat.PlainText or not made.text()


def test_every_type_of_the_palette_has_a_form_that_writes_nothing_by_itself(inspect: Any) -> None:
    from pathlib import Path

    from pypeline.runner.registry import load

    types = [*load(Path())]
    here = inspect({"modules": [{"id": f"m{n}", "name": type} for n, type in enumerate(types)]}, width=280)
    for n in range(len(types)):
        here.choose(f"m{n}")
        for tab in ("Settings", "Schema", "Advanced", "Help", "Run"):
            here.page(tab)
        settings = here.page("Settings")
        settings.form.more_button.setChecked(True)
        for row in settings.form.rows.values():
            assert row.editor.target().accessibleName() or row.editor.target().text(), (types[n], row.field.name)
        assert settings.minimumSizeHint().width() <= 270, types[n]
    assert here.document.undo.count() == 0


def test_a_form_can_be_walked_through_by_tab(here: Any, qtbot: Any) -> None:
    here.choose("people")
    here.panel.focus_first()
    qtbot.waitUntil(here.field("encoding").isVisible)
    seen = [here.window.focusWidget()]
    for _ in range(8):
        QTest.keyClick(here.window.focusWidget(), Qt.Key.Key_Tab)
        seen.append(here.window.focusWidget())
    assert here.field("encoding").editor.line in seen
    assert len(set(seen)) == len(seen)


def test_another_look_keeps_the_page(here: Any) -> None:
    here.choose("adults")
    here.page("Help")
    here.panel.show_look(look("dark"))
    assert isinstance(here.panel.page, ModulePage)
    assert here.panel.page.tabs.tabText(here.panel.page.tabs.currentIndex()) == "Help"
    here.panel.show_settings()
    assert here.panel.page.tabs.tabText(here.panel.page.tabs.currentIndex()) == "Settings"


def test_what_each_row_says_itself_is_not_said_again_below(here: Any) -> None:
    here.choose("sums")
    row = here.field("measures")
    wrong = {"a": "avgg(age)", "b": "summ(age)"}
    here.document.apply("edit", edits.set_config(here.document.flow, "sums", "measures", wrong, required=True))
    for each in row.editor.rows:
        each.editor.judge()
    found = check(here.document.flow, here.document.catalogue)
    assert len(found) >= 1
    row.show_problems(found)
    assert all(each.editor.says() for each in row.editor.rows)
    assert row.note.text() == ""
