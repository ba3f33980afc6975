"""Make `docs/images/*.png` from real windows: light and dark, at 100 % and 200 %.

`python tools/screenshots.py [--out FOLDER] [--look light|dark] [--scale 1|2] [NAME…]`. Starts a screen of its
own (Xvfb on a free display, openbox as window manager), so that it does the same everywhere. What
the pictures show is in ``window_shots.py``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUFFIX = {1: "", 2: "-200"}
PACKAGES = "xvfb openbox libxcb-cursor0 libxkbcommon-x11-0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libgl1 libegl1 fonts-dejavu-core"
"""Debian's names of all that a real window on a screen of its own needs."""


def main(arguments: list[str]) -> int:
    """Take the pictures; 2 when something is missing here, with what to install."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--look", choices=["light", "dark"], action="append")
    parser.add_argument("--scale", type=int, choices=[1, 2], action="append")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args(arguments)
    missing = [name for name in ("Xvfb", "openbox") if shutil.which(name) is None]
    if missing:
        print(f"{' and '.join(missing)} not found. On Debian: apt-get install -y {PACKAGES}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    code = 0
    with screen(3000, 1940) as display, tempfile.TemporaryDirectory(prefix="pypeline-shots-") as folder:
        project = Path(folder, "shop")
        demo(project)
        env = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "XDG_CONFIG_HOME": folder, "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        for look in options.look or ["light", "dark"]:
            for scale in options.scale or [1, 2]:
                wanted = [sys.executable, str(ROOT / "tools" / "window_shots.py"), str(project), str(options.out), look, SUFFIX[scale], *options.names]
                done = subprocess.run(wanted, env={**env, "QT_SCALE_FACTOR": str(scale)}, check=False)
                code = code or done.returncode
    if code:
        print(f"no pictures. If Qt could not start, on Debian: apt-get install -y {PACKAGES}", file=sys.stderr)
    return code


def demo(project: Path) -> None:
    """The sample project's data and flow, without a run."""
    from pypeline.app.cli.demo import write_project
    from pypeline.app.cli.output import Style

    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        write_project(project, 20_000, Style(nowhere))


@contextmanager
def screen(width: int, height: int) -> Iterator[str]:
    """A screen of our own with a window manager; gives its DISPLAY."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"], pass_fds=[write], stderr=subprocess.DEVNULL
    )
    os.close(write)
    try:
        with os.fdopen(read, encoding="ascii") as answer:
            display = f":{answer.readline().strip()}"
        manager = subprocess.Popen(["openbox"], env={**os.environ, "DISPLAY": display}, stderr=subprocess.DEVNULL)
        try:
            yield display
        finally:
            manager.terminate()
            manager.wait()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
