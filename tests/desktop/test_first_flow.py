"""docs/first-flow.md, step by step: what the page says is typed, pressed and dragged; what it promises is there."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from pypeline.app.desktop.forms.expression import ExpressionText
from pypeline.app.desktop.forms.rows import Rows
from tests.desktop.person import CTRL, LEFT, Person, heard, turns

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "first-flow.md").read_text(encoding="utf-8")
TEXTS = {int(n): text for n, text in re.findall(r"^(\d+)\. (.*)$", PAGE, re.MULTILINE)}


def typed(step: int, *but: str) -> list[str]:
    """What stands as code in a step, in order."""
    return [word for word in re.findall(r"`([^`]+)`", TEXTS[step]) if word not in but]


def says(step: int, *words: str) -> None:
    for word in words:
        assert f"**{word}**" in TEXTS[step], f"step {step} no longer says {word}"


def test_the_page_has_these_steps_and_its_pictures_are_there() -> None:
    assert list(TEXTS) == list(range(1, 15))
    pictures = re.findall(r"\]\((images/[^)]+)\)", PAGE)
    assert len(pictures) == 5
    for name in pictures:
        assert (ROOT / "docs" / name).stat().st_size > 10_000, name


def test_step_1_makes_the_project_with_the_commands_of_the_makefile() -> None:
    assert typed(1)[0] == "make designer"
    recipe = subprocess.run(["make", "--dry-run", "designer"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert ".venv/bin/pype demo --folder demo --no-run" in recipe
    assert ".venv/bin/pype designer demo/shop.yaml" in recipe


def test_the_page_followed_step_by_step(on_loop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    pype = [sys.executable, "-m", "pypeline.app.cli.main"]
    env = {**os.environ, "PYTHONSAFEPATH": "1"}
    subprocess.run([*pype, "demo", "--folder", "demo", "--orders", "500", "--no-run"], env=env, capture_output=True, check=True)
    demo = tmp_path / "demo"

    async def main() -> None:
        person = await Person(demo / "shop.yaml").come()
        window = person.window
        document = window.document
        view = window.board.view

        says(2, "Ctrl+N")
        await person.press(Qt.Key.Key_N, CTRL)
        await turns()
        document = window.document
        view = window.board.view
        assert window.board.empty.isVisible()

        says(3, "Ctrl+S", "Save")
        await person.press(Qt.Key.Key_S, CTRL)
        await person.name_file(Path(typed(3)[0]))
        assert window.filing.file.path == demo / "active.yaml"

        says(4, "Enter")
        assert window.focusWidget() is view, "typing must reach the canvas without a click"
        await person.add(typed(4)[0], view.mapToScene(140, 220))

        says(5, "File")
        await person.write("file_path", typed(5)[0])
        await heard(window.session.previewed)
        assert window.preview.table.isVisible()
        assert [c.name for c in document.knowledge.schemas["csv.data"]] == ["customer_id", "name", "country", "active"]

        await person.rename(typed(6)[0])

        says(7, "Enter")
        await drawn_on(person, "customers", "data", typed(7)[0])
        assert [str(x) for x in document.flow.connections.data] == ["customers.data - filter.input"]
        await person.understood()

        says(8, "Condition", "Enter")
        start, word = typed(8)
        condition = (await person.field("condition")).editor
        assert isinstance(condition, ExpressionText)
        await person.replace(condition.area, start)
        await person.until(condition.completion.list.isVisible)
        QTest.keyClick(condition.completion.list, Qt.Key.Key_Return)
        assert condition.area.toPlainText() == word
        await heard(window.session.previewed, lambda port, _: port == "filter.output")
        model = window.preview.table.model()
        assert {model.index(row, 3).data() for row in range(model.rowCount())} == {"true"}

        says(9, "Measures", "Add", "Group by")
        module, name, value, column = typed(9)
        await drawn_on(person, "filter", "output", module)
        await person.understood()
        measures = (await person.field("measures")).editor
        assert isinstance(measures, Rows)
        await person.add_row(measures, name, value)
        await person.write("group_by", [column])

        says(10, "File")
        module, path = typed(10)
        await drawn_on(person, "aggregate", "output", module)
        await person.write("output_path", path)
        await person.understood()
        assert document.knowledge.problems == ()

        says(11, "F5")
        await person.press(Qt.Key.Key_F5)
        await person.ran()
        assert window.session.summary is not None
        assert window.session.summary.state == "completed"
        last = document.flow.connections.data[-1]
        assert window.board.scene.link_items[str(last)].tag is not None

        middle = window.board.scene.link_items[str(last)].path.pointAtPercent(0.5)
        QTest.mouseClick(person.area, LEFT, pos=person.at(middle))
        await heard(window.session.previewed, lambda port, _: port == "aggregate.output")
        model = window.preview.table.model()
        assert {model.index(row, 0).data(): int(model.index(row, 1).data()) for row in range(model.rowCount())} == expected(demo)

        says(13, "Ctrl+S")
        await person.press(Qt.Key.Key_S, CTRL)
        assert not window.filing.unsaved
        await person.leave()

    on_loop(main)
    written = (demo / "out" / "active.csv").read_text(encoding="utf-8")
    assert {row["country"]: int(row["customers"]) for row in csv.DictReader(written.splitlines())} == expected(demo)

    (command,) = typed(14)
    program, *words = command.split()
    assert program == ".venv/bin/pype"
    (demo / "out" / "active.csv").unlink()
    subprocess.run([*pype, *words], cwd=tmp_path, env=env, capture_output=True, check=True)
    again = (demo / "out" / "active.csv").read_text(encoding="utf-8")
    assert sorted(again.splitlines()) == sorted(written.splitlines())


async def drawn_on(person: Person, module: str, port: str, word: str) -> None:
    """Drag from a port to an empty place at the right, type ``word``, press Enter."""
    start = person.port(module, "out", port)
    person.drag(start, start + QPointF(64, 0))
    quick = person.window.board.editor.quick_add
    assert quick.isVisible()
    QTest.keyClicks(quick.line, word)
    QTest.keyClick(quick.line, Qt.Key.Key_Return)
    await turns()


def expected(demo: Path) -> dict[str, int]:
    """Active customers by country, counted with Python alone."""
    with (demo / "data" / "customers.csv").open(encoding="utf-8", newline="") as file:
        return dict(Counter(row["country"] for row in csv.DictReader(file) if row["active"] == "true"))
