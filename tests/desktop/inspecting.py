"""An inspector in tests: a real document and session over the real catalogue, without a loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from pypeline.app.desktop.docks.inspector import InspectorPanel
from pypeline.app.desktop.forms.field_row import FieldRow
from pypeline.app.desktop.forms.module_page import ModulePage
from pypeline.app.desktop.forms.settings_page import SettingsPage
from pypeline.app.desktop.session import Session
from pypeline.canvas.document import Document
from pypeline.canvas.look import look
from pypeline.core.columns import Column, Schema
from pypeline.runner.registry import load
from pypeline.schema.flow import Flow

PEOPLE = (Column("id", "int64"), Column("name", "string"), Column("age", "int64"), Column("country", "string"))


class Inspector:
    """The panel, shown at the size it has in the window. Nothing is understood by itself: tests say what is known."""

    def __init__(self, qtbot: Any, folder: Path, flow: dict[str, Any], schemas: dict[str, Schema] | None = None, width: int = 328) -> None:
        self.document = Document(Flow.model_validate({"flow": {"name": "f"}, **flow}), load(folder))
        self.session = Session(self.document, folder)
        self.document.flow_changed.disconnect(self.session._flow_changed)
        self.session._rest.stop()
        self.document.learn(schemas=schemas or {})
        self.panel = InspectorPanel(self.document, self.session, look("light"))
        # inside a window, as it always is: the offscreen platform knows no size limits of windows
        self.window = QWidget()
        self.window.resize(width, 760)
        self.panel.setParent(self.window)
        self.panel.resize(width, 760)
        qtbot.addWidget(self.window)
        self.window.show()
        qtbot.waitExposed(self.window)

    def choose(self, id: str) -> ModulePage:
        self.document.select([id])
        assert isinstance(self.panel.page, ModulePage)
        return self.panel.page

    def field(self, name: str) -> FieldRow:
        page = self.page("Settings")
        assert isinstance(page, SettingsPage)
        if name not in page.form.rows:
            page.form.more_button.setChecked(True)
        return page.form.rows[name]

    def page(self, tab: str) -> QWidget:
        assert isinstance(self.panel.page, ModulePage)
        self.panel.page.open(tab)
        return self.panel.page.pages[tab]

    def configs(self, id: str) -> dict[str, Any]:
        configs = self.document.flow.module(id).configs
        return {"required": configs.required, "optional": configs.optional}


def replace_text(widget: QWidget, text: str) -> None:
    """Select all and type ``text``."""
    widget.setFocus()
    QTest.keyClick(widget, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(widget, Qt.Key.Key_Delete)
    QTest.keyClicks(widget, text)


@pytest.fixture
def inspect(qtbot: Any, tmp_path: Path) -> Any:
    """Makes an inspector on a flow."""
    return lambda flow, schemas=None, **more: Inspector(qtbot, tmp_path, flow, schemas, **more)
