"""`pype designer [FLOW]`: the window."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pypeline.app.cli.parser import Parser
from pypeline.schema import collection
from pypeline.schema.problems import Problem, PypeError


def arguments(parser: Parser) -> None:
    parser.add_argument("flow", type=Path, nargs="?", metavar="FLOW", help="a flow file (.yaml); without one, an empty flow")
    parser.add_argument("--theme", choices=["light", "dark"], default="", help="colours (default: as last time, or as the desktop has it)")
    parser.epilog_example("pype designer", "pype designer flow.yaml")


def run(options: argparse.Namespace) -> int:
    need_qt()
    need_display(os.environ, sys.platform)
    from pypeline.app.desktop.main import start

    collection.loaded()
    return start(options.flow, options.theme)


def need_qt() -> None:
    """Nothing, if Qt can be loaded.

    Raises:
        PypeError: PYE490, it is not installed, or a system library that it needs is not.
    """
    try:
        import PySide6.QtWidgets
        import qasync
    except ImportError as error:
        mend = "Install it: pip install 'pypeline-studio[desktop]'"
        if "lib" in str(error) and ".so" in str(error):
            mend = "On Debian: apt-get install libgl1 libegl1 libxkbcommon0 libfontconfig1 libdbus-1-3 libxcb-cursor0"
        raise PypeError(Problem("PYE490", f"the window needs Qt: {error}", mend=mend, phase="run")) from error
    del PySide6, qasync


def need_display(env: Mapping[str, str], platform: str) -> None:
    """Nothing, if there is a screen to open a window on; Qt would end the process without one.

    Raises:
        PypeError: PYE492, there is none.
    """
    named = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if platform == "linux" and not any(env.get(name) for name in named):
        raise PypeError(
            Problem("PYE492", "there is no display: neither DISPLAY nor WAYLAND_DISPLAY is set", mend="Start it on a desktop, or use `pype run`.", phase="run")
        )
