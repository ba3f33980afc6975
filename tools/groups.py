"""Run the project's checks one group after another and say how long each took.

`python tools/groups.py [--offline] GROUP…`. Every group runs even when one before it failed; the
exit code is 1 if any failed. The tests come last, so that pytest's summary line ends the output.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"

PYTEST = [str(BIN / "python"), "-m", "pytest", "-n", "2", "--dist", "worksteal", "-m", "not long"]

QT_LIBRARIES = "libegl1 libgl1 libxkbcommon0 libdbus-1-3 libfontconfig1"
"""Debian's names of what a Qt wheel expects of the system, for the offscreen platform."""

GROUPS: dict[str, list[str]] = {
    "format": [str(BIN / "ruff"), "format", "--check", "--quiet", "."],
    "lint": [str(BIN / "ruff"), "check", "--quiet", "."],
    "types": [str(BIN / "mypy")],
    "layers": [str(BIN / "lint-imports"), "--no-logo"],
    "docs": [str(BIN / "python"), "tools/docs.py", "--check"],
    "demo": [str(BIN / "pype"), "demo", "--folder"],
    "desktop": [*PYTEST, "tests/desktop"],
    # without a screen: pytest-qt stays out, it does not even start where Qt's system libraries are missing
    "tests": [*PYTEST, "-p", "no:pytest-qt", "--ignore", "tests/desktop"],
}


def main(arguments: list[str]) -> int:
    """Run the named groups; the exit code says whether all passed."""
    offline = "--offline" in arguments
    results: list[tuple[str, float, bool]] = []
    wall, env = no_network() if offline else ([], dict(os.environ))
    for name in [a for a in arguments if a != "--offline"]:
        print(f"\n── {name}{' (offline)' if offline else ''}", flush=True)
        if name == "desktop" and not has_qt():
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="pypeline-check-") as folder:
            command = [*wall, *GROUPS[name], *([f"{folder}/demo"] if name == "demo" else [])]
            passed = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode == 0
        results.append((name, time.monotonic() - began, passed))
        if name != "tests":
            say(results[-1:])
    if len(results) > 1 and results[-1][0] != "tests":
        say(results)
    return 0 if all(passed for _, _, passed in results) else 1


def has_qt() -> bool:
    """Whether Qt starts here; says what is missing if not."""
    done = subprocess.run([str(BIN / "python"), "-c", "import PySide6.QtWidgets"], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"left out, Qt does not start here: {done.stderr.strip().splitlines()[-1]}", flush=True)
        print(f"to run it: apt-get install -y {QT_LIBRARIES}", flush=True)
    return done.returncode == 0


def say(results: list[tuple[str, float, bool]]) -> None:
    """One line for each group."""
    for name, seconds, passed in results:
        print(f"{'ok    ' if passed else 'FAILED'}  {name:8} {seconds:6.1f} s", flush=True)


def no_network() -> tuple[list[str], dict[str, str]]:
    """A command prefix and an environment in which nothing reaches the network.

    A network namespace of our own where the kernel lets us have one; else sockets that refuse.
    """
    wall = ["unshare", "-Urn", sys.executable, str(ROOT / "tools" / "offline" / "with_loopback.py")]
    try:
        if subprocess.run([*wall, "true"], capture_output=True, check=False).returncode == 0:
            return wall, dict(os.environ)
    except FileNotFoundError:
        pass
    print("no network namespace here: sockets refuse instead", flush=True)
    refusing = str(ROOT / "tools" / "offline")
    return [], {**os.environ, "PYTHONPATH": os.pathsep.join([refusing, *filter(None, [os.environ.get("PYTHONPATH")])])}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
