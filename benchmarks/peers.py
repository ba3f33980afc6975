"""Environments of their own for what we are measured against: their packages would not fit beside ours."""

from __future__ import annotations

import json
import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def interpreter(name: str, packages: Sequence[str]) -> Path:
    """The Python of ``.venv-bench-NAME`` with ``packages`` in it, made if it is not there."""
    folder = ROOT / f".venv-bench-{name}"
    python, stamp = folder / "bin" / "python", folder / "packages.json"
    if not stamp.exists() or json.loads(stamp.read_text("utf-8")) != list(packages):
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
        stamp.write_text(json.dumps(list(packages)), "utf-8")
    return python


def figures(command: Sequence[str], seconds: float) -> dict[str, Any]:
    """What a process printed as its last line, as JSON; or ``failed`` and the last thing it said. It has ``seconds`` for it."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"took more than {seconds:.0f} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {"failed": (done.stderr.strip().splitlines() or ["printed nothing"])[-1]}
    printed: dict[str, Any] = json.loads(lines[-1])
    return printed
