"""Windows in tests: offscreen, one pinned font, the Fusion style."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the desktop extra is not installed")


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["pypeline-tests", "-style", "Fusion"]
