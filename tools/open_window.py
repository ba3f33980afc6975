"""The last step of `make demo`: open the window on a flow, where somebody is there to see it.

`python tools/open_window.py FLOW`. It opens where there is a display and a terminal and `CI` is not
set; only then is the desktop part installed. Says in one line why it does not open; that is no
failure of the demo, so the exit code is 0.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"


def why_not(env: Mapping[str, str], *, terminal: bool, platform: str) -> str:
    """Why no window should open here; empty where one should."""
    if env.get("CI"):
        return "CI is set"
    if not terminal:
        return "this is no terminal"
    if platform == "linux" and not (env.get("DISPLAY") or env.get("WAYLAND_DISPLAY")):
        return "there is no display"
    return ""


def main(arguments: list[str]) -> int:
    """Open the window on the flow named first, or say why not."""
    flow = arguments[0]
    reason = why_not(os.environ, terminal=sys.stdin.isatty() and sys.stdout.isatty(), platform=sys.platform)
    if reason:
        print(f"window   not opened, {reason}; later: make designer")
        return 0
    print("window   opens now; close it to come back here", flush=True)
    for command in ([sys.executable, str(ROOT / "tools" / "bootstrap.py"), "--desktop"], [str(BIN / "pype"), "designer", flow]):
        if subprocess.run(command, check=False).returncode:
            print("window   not opened, see above; the demo itself is done")
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
