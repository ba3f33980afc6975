"""`pype designer` where it cannot open: one line, not Qt's abort."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pypeline.app.cli.designer import need_display
from pypeline.schema.problems import PypeError


@pytest.mark.parametrize(
    ("env", "platform"), [({"DISPLAY": ":1"}, "linux"), ({"WAYLAND_DISPLAY": "w"}, "linux"), ({"QT_QPA_PLATFORM": "offscreen"}, "linux"), ({}, "darwin")]
)
def test_a_screen_is_enough(env: dict[str, str], platform: str) -> None:
    need_display(env, platform)


def test_without_a_screen_it_says_so() -> None:
    with pytest.raises(PypeError) as caught:
        need_display({"DISPLAY": ""}, "linux")
    assert [p.code for p in caught.value.problems] == ["PYE492"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a screen")
def test_the_command_ends_with_one_line_and_code_2() -> None:
    pytest.importorskip("PySide6.QtWidgets", reason="the desktop extra is not installed", exc_type=ImportError)
    env = {k: v for k, v in os.environ.items() if k not in {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}}
    done = subprocess.run([sys.executable, "-m", "pypeline.app.cli.main", "designer"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "PYE492" in done.stderr
    assert "Traceback" not in done.stderr
