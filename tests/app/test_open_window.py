"""When `make demo` opens the window: a display, a terminal, no CI; and not opening it is no failure."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "open_window.py"


@pytest.fixture(scope="module")
def opening() -> ModuleType:
    spec = importlib.util.spec_from_file_location("open_window", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("env", "terminal", "platform", "reason"),
    [
        ({"DISPLAY": ":0"}, True, "linux", ""),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True, "linux", ""),
        ({"DISPLAY": ":0", "CI": ""}, True, "linux", ""),
        ({}, True, "darwin", ""),
        ({"DISPLAY": ":0", "CI": "true"}, True, "linux", "CI is set"),
        ({"DISPLAY": ":0"}, False, "linux", "this is no terminal"),
        ({}, True, "linux", "there is no display"),
        ({"DISPLAY": ""}, True, "linux", "there is no display"),
        ({"CI": "1"}, True, "darwin", "CI is set"),
    ],
)
def test_it_opens_where_somebody_is_there_to_see_it(opening: ModuleType, env: Mapping[str, str], terminal: bool, platform: str, reason: str) -> None:
    assert opening.why_not(env, terminal=terminal, platform=platform) == reason


def test_without_a_terminal_it_says_so_in_a_line_and_is_no_failure(tmp_path: Path) -> None:
    env = {k: v for k, v in os.environ.items() if k != "CI"} | {"DISPLAY": ":0"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "no.yaml"], cwd=tmp_path, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["window   not opened, this is no terminal; later: make designer"]
    assert not list(tmp_path.iterdir())
