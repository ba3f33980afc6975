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

PYTEST = [
    str(BIN / "python"), "-m", "pytest", "-p", "no:pytest-qt", "-p", "no:cacheprovider", "-n", "2", "--dist", "worksteal",
    "--ignore", "tests/desktop", "-m", "not long",
]  # fmt: skip
"""Everything without a screen. Tests under `tests/desktop` need Qt and the `desktop-test` group: a group of their own."""

GROUPS: dict[str, list[str]] = {
    "format": [str(BIN / "ruff"), "format", "--check", "--quiet", "."],
    "lint": [str(BIN / "ruff"), "check", "--quiet", "."],
    "types": [str(BIN / "mypy")],
    "layers": [str(BIN / "lint-imports"), "--no-logo"],
    "demo": [str(BIN / "pype"), "demo", "--folder"],
    "tests": PYTEST,
}


def main(arguments: list[str]) -> int:
    """Run the named groups; the exit code says whether all passed."""
    offline = "--offline" in arguments
    results: list[tuple[str, float, bool]] = []
    wall, env = no_network() if offline else ([], dict(os.environ))
    for name in [a for a in arguments if a != "--offline"]:
        print(f"\n── {name}{' (offline)' if offline else ''}", flush=True)
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


def say(results: list[tuple[str, float, bool]]) -> None:
    """One line for each group."""
    for name, seconds, passed in results:
        print(f"{'ok    ' if passed else 'FAILED'}  {name:8} {seconds:6.1f} s", flush=True)


def no_network() -> tuple[list[str], dict[str, str]]:
    """A command prefix and an environment in which nothing reaches the network.

    A network namespace of our own where the kernel lets us have one; else sockets that refuse.
    """
    wall = ["unshare", "-Urn"]
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
