"""Files at the window: new, open, save, recent, changed on disk, dropped files, a job, a module folder, closing."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from tests.desktop.person import CTRL, LEFT, SHIFT, Person, data_links, heard, turns

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

FLOW = """\
# of age: who may vote
flow: {name: people}      # one line is enough

modules:
  - id: people
    name: csv_source
    configs:
      required: {file_path: people.csv}
      optional: {columns: {name: string, age: int64}}
  - id: adults
    name: filter_mod
    configs:
      required: {condition: "age >= 18"}   # years
  - id: out
    name: csv_sink
    configs: {required: {output_path: 'adults.csv'}}
connections:
  data: ["people.data - adults.input", "adults.output - out.input"]
canvas:
  modules:
    people: [0, 0]
    adults: [280, 0]
    out: [560, 0]
"""


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    (tmp_path / "people.csv").write_text("name,age\nAda,36\nBob,7\nCyd,18\n", encoding="utf-8")
    path = tmp_path / "people.yaml"
    path.write_text(FLOW, encoding="utf-8")
    return path


def lines_changed(before: str, after: str) -> list[tuple[str, str]]:
    old, new = before.splitlines(), after.splitlines()
    assert len(old) == len(new)
    return [pair for pair in zip(old, new, strict=True) if pair[0] != pair[1]]


def test_opened_and_saved_is_the_same_bytes_and_a_moved_module_is_one_line(on_loop: Any, flow: Path) -> None:
    async def main() -> None:
        person = await Person(flow).come()
        await person.press(Qt.Key.Key_S, CTRL)
        assert flow.read_text(encoding="utf-8") == FLOW
        person.drag(person.card("adults"), person.card("adults") + QPointF(0, 80))
        assert person.window.filing.unsaved
        assert "●" in person.window.toolbar.file.text()
        await person.press(Qt.Key.Key_S, CTRL)
        assert not person.window.filing.unsaved
        assert lines_changed(FLOW, flow.read_text(encoding="utf-8")) == [("    adults: [280, 0]", "    adults: [280, 80]")]
        await person.press(Qt.Key.Key_Z, CTRL)
        await person.press(Qt.Key.Key_S, CTRL)
        assert flow.read_text(encoding="utf-8") == FLOW
        await person.leave()

    on_loop(main)


def test_a_flow_that_a_module_runs_is_opened_by_a_double_click_and_left_again(on_loop: Any, flow: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer.yaml"
    outer.write_text(
        "flow: {name: outer}\nmodules:\n  - {id: inner, name: run_flow, configs: {required: {flow: people.yaml}}}\n  - {id: note, name: shell_solo}\n",
        encoding="utf-8",
    )

    async def main() -> None:
        person = await Person(outer).come()
        window = person.window
        enter, back = window.actions_by_id["edit.child"], window.actions_by_id["file.back"]
        await person.choose("note")
        assert not enter.isEnabled()
        await person.choose("inner")
        assert enter.isEnabled()
        assert not back.isEnabled()
        QTest.mouseDClick(person.area, LEFT, pos=person.at(person.card("inner")))
        await turns()
        assert window.filing.file.path == flow
        await person.press(Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
        await turns()
        assert window.filing.file.path == outer
        assert not back.isEnabled()
        await person.leave()

    on_loop(main)


def test_new_open_save_as_and_the_recent_list(on_loop: Any, flow: Path, tmp_path: Path) -> None:
    async def main() -> None:
        person = await Person().come()
        window = person.window
        assert window.board.empty.isVisible()
        await person.press(Qt.Key.Key_O, CTRL)
        await person.name_file(flow)
        assert [m.id for m in window.document.flow.modules] == ["people", "adults", "out"]
        assert not window.board.empty.isVisible()
        view = window.board.view
        assert view.seen().contains(window.board.scene.flow_box())
        assert abs(view.seen().center().x() - window.board.scene.flow_box().center().x()) < 2
        await person.press(Qt.Key.Key_S, CTRL | SHIFT)
        await person.name_file(tmp_path / "again.yaml")
        assert window.filing.file.path == tmp_path / "again.yaml"
        assert window.toolbar.file.text() == "again.yaml"
        await person.press(Qt.Key.Key_N, CTRL)
        await turns()
        assert window.filing.file.path is None
        assert window.document.flow.modules == ()
        window._fill_recent()
        entries = window.recent_menu.actions()
        assert [e.text().split()[0] for e in entries] == ["again.yaml", "people.yaml"]
        entries[1].trigger()
        await turns()
        assert window.filing.file.path == flow
        flow.with_name("again.yaml").unlink()
        window._fill_recent()
        assert [e.text().split()[0] for e in window.recent_menu.actions()] == ["people.yaml"]
        await person.leave()

    on_loop(main)


def test_a_file_that_is_no_flow_is_told_and_what_is_open_stays(on_loop: Any, flow: Path, tmp_path: Path) -> None:
    async def main() -> None:
        broken = tmp_path / "broken.yaml"
        broken.write_text("flow: {name: x}\nmodles: []\n", encoding="utf-8")
        person = await Person(flow).come()
        person.window.filing.open(broken)
        await turns()
        said = person.answer("Close")
        assert "broken.yaml cannot be opened" in said
        assert "modles" in said
        assert person.window.filing.file.path == flow
        await person.leave()

    on_loop(main)


@pytest.mark.parametrize("choice", ["Overwrite it", "Reload it", "Cancel"])
def test_a_file_changed_on_disk_is_never_overwritten_without_a_word(on_loop: Any, flow: Path, choice: str) -> None:
    async def main() -> None:
        person = await Person(flow).come()
        theirs = FLOW.replace("age >= 18", "age >= 21")
        flow.write_text(theirs, encoding="utf-8")
        person.drag(person.card("out"), person.card("out") + QPointF(0, 80))
        await person.press(Qt.Key.Key_S, CTRL)
        assert flow.read_text(encoding="utf-8") == theirs
        assert "people.yaml was changed on disk" in person.answer(choice)
        await turns()
        now, window = flow.read_text(encoding="utf-8"), person.window
        condition = window.document.flow.module("adults").configs.required["condition"]
        if choice == "Overwrite it":
            assert lines_changed(FLOW, now) == [("    out: [560, 0]", "    out: [560, 80]")]
            assert not window.filing.unsaved
        else:
            assert now == theirs
            assert condition == ("age >= 21" if choice == "Reload it" else "age >= 18")
            assert window.filing.unsaved == (choice == "Cancel")
        await person.leave()

    on_loop(main)


def test_a_dropped_file_gets_the_reader_for_it(on_loop: Any, flow: Path, tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "in").mkdir()
        inside = tmp_path / "in" / "more people.csv"
        inside.write_bytes((tmp_path / "people.csv").read_bytes())
        outside = Path(os.path.realpath("/etc/hostname"))
        person = await Person(flow).come()
        document = person.window.document
        before = len(document.flow.modules)
        person.drop_files([inside, tmp_path / "x.parquet"], person.window.board.view.mapToScene(200, 400))
        made = document.flow.modules[before:]
        assert [(m.name, m.configs.required) for m in made] == [
            ("csv_source", {"file_path": "in/more people.csv"}),
            ("parquet_source", {"file_path": "x.parquet"}),
        ]
        await person.understood()
        assert [c.name for c in document.knowledge.schemas[f"{made[0].id}.data"]] == ["name", "age"]
        person.drop_files([outside], person.window.board.view.mapToScene(200, 400))
        assert len(document.flow.modules) == before + 2
        assert f"no module reads {outside.name}" in person.window.board.said.text()
        await person.leave()

    on_loop(main)


def test_a_job_is_built_and_says_where(on_loop: Any, flow: Path, tmp_path: Path) -> None:
    async def main() -> None:
        person = await Person(flow).come()
        await person.press(Qt.Key.Key_B, CTRL)
        await turns()
        said = person.answer("Close")
        assert "Built" in said
        assert str(tmp_path / "jobs" / "people") in said
        await person.leave()

    on_loop(main)
    assert list((tmp_path / "jobs" / "people").glob("*.yaml"))


MODULE = """\
from pypeline.sdk import BaseModule, RunContext


class ShoutMod(BaseModule):
    TYPE = "mod"
    VERSION = "1.0.0"
    DESCRIPTION = "Passes everything on, loudly"
    CATEGORY = "Own"
    INPUT_PORTS = ["input"]
    OUTPUT_PORTS = ["output"]
    CONFIG_SCHEMA = {"required": {}, "optional": {}}

    async def run(self, inputs: dict, ctx: RunContext) -> dict:
        return {"output": inputs["input"]}
"""


def test_a_module_folder_is_asked_for_trust_and_then_in_the_palette(on_loop: Any, flow: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    ran = tmp_path / "was_imported"
    (own / "shout_mod.py").write_text(f"open({str(ran)!r}, 'w').close()\n{MODULE}", encoding="utf-8")
    (own / "broken_mod.py").write_text("class BrokenModule(:\n", encoding="utf-8")

    async def main() -> None:
        person = await Person(flow).come()
        window = person.window
        window.actions_by_id["file.register"].trigger()
        await person.name_file(own)
        assert not ran.exists()
        assert "Trust the code in own?" in person.answer("Register")
        await turns()
        said = person.answer("Close")
        assert ran.exists()
        assert "shout_mod  Passes everything on, loudly" in said
        assert "broken_mod.py" in said
        assert "shout_mod" in window.document.catalogue
        QTest.keyClicks(window.palette_panel.search, "shout")
        QTest.keyClick(window.palette_panel.search, Qt.Key.Key_Return)
        assert window.document.flow.modules[-1].name == "shout_mod"
        await person.leave()

    on_loop(main)


def test_closing_with_edits_asks_and_cancel_keeps_the_window(on_loop: Any, flow: Path) -> None:
    async def main() -> None:
        person = await Person(flow).come()
        window = person.window
        person.drag(person.card("out"), person.card("out") + QPointF(0, 80))
        window.close()
        await turns()
        assert "Save people.yaml?" in person.answer("Cancel")
        assert window.isVisible()
        window.close()
        await turns()
        person.answer("Save")
        await heard(window.closed)
        assert not window.isVisible()

    on_loop(main)
    assert "out: [560, 80]" in flow.read_text(encoding="utf-8")


def test_closing_without_saving_leaves_the_file_alone(on_loop: Any, flow: Path) -> None:
    async def main() -> None:
        person = await Person(flow).come()
        await person.choose("out")
        await person.press(Qt.Key.Key_Delete)
        assert data_links(person) == ["people.data - adults.input"]
        QTest.mouseClick(person.area, LEFT)
        person.window.close()
        await turns()
        person.answer("Do not save")
        await heard(person.window.closed)

    on_loop(main)
    assert flow.read_text(encoding="utf-8") == FLOW


def test_closing_without_edits_asks_nothing(on_loop: Any, flow: Path) -> None:
    async def main() -> None:
        person = await Person(flow).come()
        assert person.window.close()
        await heard(person.window.closed)
        assert not person.window.isVisible()

    on_loop(main)


def test_closing_a_flow_without_a_file_asks_for_a_name_and_then_closes(on_loop: Any, flow: Path) -> None:
    async def main() -> None:
        person = await Person().come()
        await person.add("warn", QPointF(0, 0))
        person.window.close()
        await turns()
        person.answer("Save")
        gone = asyncio.ensure_future(heard(person.window.closed))
        await person.name_file(flow.parent / "mine.yaml")
        await gone

    on_loop(main)
    assert "name: warn" in (flow.parent / "mine.yaml").read_text(encoding="utf-8")


def test_what_was_changed_on_disk_can_be_kept_beside_ones_own(on_loop: Any, flow: Path) -> None:
    async def main() -> None:
        person = await Person(flow).come()
        await person.choose("out")
        await person.press(Qt.Key.Key_Delete)
        flow.write_text(FLOW + "# theirs\n", encoding="utf-8")
        await person.press(Qt.Key.Key_S, CTRL)
        person.answer("Save as…")
        (flow.parent / "sub").mkdir()
        await person.name_file(flow.parent / "sub" / "mine.yaml")
        assert person.window.filing.name == "mine.yaml"
        # paths mean another folder now, and that is told
        assert str(flow.parent / "sub") in person.window.board.said.text()
        await person.leave()

    on_loop(main)
    assert flow.read_text(encoding="utf-8") == FLOW + "# theirs\n"
    assert "csv_sink" not in (flow.parent / "sub" / "mine.yaml").read_text(encoding="utf-8")
