"""The inspector beside a real session: columns from real files, checks of the real flow, and a real run."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from pypeline.app.desktop import loop
from pypeline.app.desktop.docks.inspector import InspectorPanel
from pypeline.app.desktop.forms.module_page import ModulePage
from pypeline.app.desktop.forms.run_page import RunPage
from pypeline.app.desktop.forms.settings_page import SettingsPage
from pypeline.app.desktop.session import Session
from pypeline.canvas.document import Document
from pypeline.canvas.look import look
from pypeline.runner.registry import load
from pypeline.schema.flow import Flow
from tests.desktop.inspecting import replace_text

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

FLOW: dict[str, Any] = {
    "flow": {"name": "live"},
    "modules": [
        {"id": "people", "name": "csv_source", "configs": {"required": {"file_path": "people.csv"}}},
        {"id": "adults", "name": "filter_mod", "configs": {"required": {"condition": "age > 20"}}},
        {"id": "out", "name": "csv_sink", "configs": {"required": {"output_path": "out.csv"}}},
    ],
    "connections": {"data": ["people.data - adults.input", "adults.output - out.input"]},
}


async def until(holds: Callable[[], object], what: str) -> None:
    """Wait until something holds, at most half a minute."""
    for _ in range(600):
        if holds():
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"waited in vain: {what}")


def test_columns_checks_and_a_run_reach_the_fields(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    (tmp_path / "people.csv").write_text("name,age\nAnn,30\nBob,10\n")
    failures: list[str] = []

    async def story() -> int:
        document = Document(Flow.model_validate(FLOW), load(tmp_path))
        session = Session(document, tmp_path)
        window = QWidget()
        panel = InspectorPanel(document, session, look("light"))
        panel.setParent(window)
        window.show()
        document.select(["adults"])
        page = panel.page
        assert isinstance(page, ModulePage)
        settings = page.pages["Settings"]
        assert isinstance(settings, SettingsPage)
        condition = settings.form.rows["condition"]
        editor: Any = condition.editor
        await until(lambda: editor.note.text() == "ok · checked against 2 columns", "columns of the file")
        # the engine finds what the language alone cannot know
        replace_text(editor.area, "name > date '2024-01-01' + age")
        await until(lambda: document.problems_of("adults"), "a problem of types")
        await until(lambda: not condition.note.isHidden(), "the problem under its field")
        replace_text(editor.area, "age > 20")
        await until(lambda: condition.note.isHidden() and not document.knowledge.problems, "the problem gone")
        assert session.run() == []
        page.open("Run")
        await until(lambda: not session.running, "the end of the run")
        run = page.pages["Run"]
        assert isinstance(run, RunPage)
        assert run.lines["State"].text() == "completed"
        assert run.lines["Rows in"].text() == "2"
        assert run.lines["Rows out"].text().splitlines()[0].endswith("1")
        assert page.head.chip.text() == "completed"
        await session.close()
        window.deleteLater()
        return 0

    assert loop.run(qapp, story, lambda line, detail: failures.append(detail)) == 0
    assert failures == []
