"""Faults that come back silently: a Qt that loses references, a nested event loop, a second home of qasync."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel

import pypeline

PACKAGE = Path(pypeline.__file__).parent
LOOP = PACKAGE / "app" / "desktop" / "loop.py"
BLOCKING = {
    "QMessageBox": {"about", "aboutQt", "critical", "information", "question", "warning"},
    "QFileDialog": {
        "getExistingDirectory", "getExistingDirectoryUrl", "getOpenFileName", "getOpenFileNames", "getOpenFileUrl",
        "getOpenFileUrls", "getSaveFileName", "getSaveFileUrl",
    },
    "QInputDialog": {"getDouble", "getInt", "getItem", "getMultiLineText", "getText"},
    "QColorDialog": {"getColor"},
    "QFontDialog": {"getFont"},
    "QProcess": {"execute"},
}  # fmt: skip
"""Static functions that run a loop of their own until somebody answers."""
NESTING = {"exec", "exec_", "waitForFinished", "waitForReadyRead", "waitForStarted", "processEvents"}


@pytest.mark.parametrize("value", [None, True, False])
def test_calls_into_qt_give_back_the_references_they_take(qapp: Any, value: object) -> None:
    """PySide6 6.12 loses one with every such call on Python 3.11, until the interpreter aborts."""
    label = QLabel()
    before = sys.getrefcount(value)
    for _ in range(20_000):
        label.setEnabled(True)
        label.setVisible(False)
        label.isEnabled()
        label.isVisible()
        label.parent()
    assert abs(sys.getrefcount(value) - before) < 1_000


def calls(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Every call of an attribute: its line, what it is called on, and its name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            on = node.func.value
            yield node.lineno, on.id if isinstance(on, ast.Name) else on.attr if isinstance(on, ast.Attribute) else "", node.func.attr


def nested_loops(source: str) -> list[int]:
    """The lines of a module that would enter a loop inside the loop."""
    return [line for line, on, name in calls(ast.parse(source)) if name in NESTING or name in BLOCKING.get(on, ())]


def test_the_guard_sees_a_nested_loop() -> None:
    bad = "menu.exec(point)\nQMessageBox.warning(self, 'a', 'b')\nQtWidgets.QFileDialog.getOpenFileName()\nself.make().exec()\n"
    assert nested_loops(bad) == [1, 2, 3, 4]
    assert nested_loops("menu.popup(point)\ndialog.open()\nwarnings.warning('x')\n") == []


def window_files() -> list[Path]:
    found = [*(PACKAGE / "canvas").rglob("*.py"), *(PACKAGE / "app" / "desktop").rglob("*.py")]
    assert len(found) > 40
    return found


def test_no_dialog_menu_or_wait_enters_a_nested_loop() -> None:
    found = [f"{file.relative_to(PACKAGE)}:{line}" for file in window_files() for line in nested_loops(file.read_text("utf-8"))]
    assert not found


def test_one_file_knows_qasync() -> None:
    users = []
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "qasync" for name in names):
                users.append(file)
    # the command line asks whether it is installed, without using it
    assert set(users) == {LOOP, PACKAGE / "app" / "cli" / "designer.py"}
