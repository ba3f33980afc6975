"""For tests of the command line: `pype` as a real process, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Pype = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def pype(tmp_path: Path) -> Pype:
    """``pype("run", "flow.yaml")`` in ``tmp_path``; ``env`` adds variables, ``cwd`` names another folder."""

    def call(*words: str | Path, env: dict[str, str] | None = None, cwd: Path = tmp_path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pypeline.app.cli.main", *map(str, words)]
        whole = {**os.environ, "PYTHONSAFEPATH": "1", **(env or {})}
        return subprocess.run(command, cwd=cwd, env=whole, capture_output=True, text=True, encoding="utf-8", timeout=timeout, check=False)

    return call
