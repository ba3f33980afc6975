"""No secret comes to the surface in the window: neither what it shows, nor its clipboard, its undo steps, its settings, or a file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QLabel, QLineEdit, QPlainTextEdit, QTextEdit

from pypeline.runner.registry import auto_register
from pypeline.schema.writer import dump
from tests.desktop.person import CTRL, Person
from tests.palette.mail_server import CERTIFICATE, MailServer
from tests.runner.secrets.stand_in import serving
from tests.runner.secrets.test_canary import CANARY, CONNECTOR, FLOW, FOR_MAIL, IN_ENVIRONMENT, Found

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def shown() -> list[str]:
    """Every text that a widget of the application holds, also where it is not seen now."""
    found = []
    for widget in QApplication.allWidgets():
        found += [widget.toolTip(), widget.windowTitle(), widget.accessibleName(), widget.whatsThis()]
        if isinstance(widget, QPlainTextEdit | QTextEdit):
            found.append(widget.toPlainText())
        elif isinstance(widget, QLabel | QLineEdit | QAbstractButton):
            found.append(widget.text())
        elif isinstance(widget, QAbstractItemView) and (model := widget.model()) is not None:
            cells = [model.index(row, column) for row in range(model.rowCount()) for column in range(model.columnCount())]
            found += [str(cell.data(role)) for cell in cells for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)]
    return found


@pytest.mark.parametrize("fail", ["false", "true"])
def test_no_canary_is_shown_or_kept_by_the_window(on_loop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail: str) -> None:
    room, found = tmp_path / "room", Found()
    (project := room / "project").mkdir(parents=True)
    (tmp_path / "vault").mkdir()
    monkeypatch.chdir(project)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(room / "settings"))
    monkeypatch.setenv("CANARY_PW", IN_ENVIRONMENT)
    (project / "talkative.py").write_text(CONNECTOR)
    with serving(tmp_path / "vault") as vault, MailServer(starttls=True, login=("me", FOR_MAIL)) as mails:
        vault.secrets |= {"kv/team/db": {"password": CANARY}, "kv/team/mail": {"pw": FOR_MAIL}}
        for name, value in vault.environment().items():
            monkeypatch.setenv(name, value)
        (project / "modules").mkdir()
        (project / "talkative.py").rename(project / "modules" / "talkative.py")
        assert not auto_register(project)[1]
        (project / "flow.yaml").write_text(FLOW.format(fail=fail, port=mails.port, certificate=CERTIFICATE))

        async def main() -> None:
            person = await Person(project / "flow.yaml").come()
            window = person.window
            await person.choose("talk")
            person.click(window.toolbar.run)
            await person.ran()
            assert window.session.summary is not None
            assert window.session.summary.state == ("completed" if fail == "false" else "failed")
            assert any("***" in text for text in shown()), "the window showed what the module said"
            for module in ("talk", "mail", "shell", "code"):
                await person.choose(module)
                found.search(f"the window with {module}", "\n".join(shown()).encode())
            await person.press(Qt.Key.Key_A, CTRL)
            await person.press(Qt.Key.Key_C, CTRL)
            clipboard = QGuiApplication.clipboard()
            assert "vault:kv/team/db#password" in clipboard.text()
            found.search("the clipboard", clipboard.text().encode())
            await person.press(Qt.Key.Key_Delete)
            undo = window.document.undo
            assert undo.count()
            for step in range(undo.count(), -1, -1):
                undo.setIndex(step)
                found.search(f"undo step {step}", f"{dump(window.document.flow)} {undo.undoText()}".encode())
            await person.leave()

        on_loop(main)
    digests = (project / "digests.txt").read_text().split()
    assert digests == [hashlib.sha256(value.encode()).hexdigest() for value in (CANARY, IN_ENVIRONMENT)], "the module did get the values"
    files = [path for path in room.rglob("*") if path.is_file()]
    for path in files:
        found.search(str(path.relative_to(room)), path.read_bytes() + path.name.encode())
    assert len(files) > 8
    assert sorted(found.hits) == [], f"{len(found.hits)} hits in {found.searched} places"
