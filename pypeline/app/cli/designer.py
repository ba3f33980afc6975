"""`pype designer [FLOW]`: the window."""

from __future__ import annotations

import argparse
from pathlib import Path

from pypeline.app.cli.parser import Parser
from pypeline.schema.problems import Problem, PypeError


def arguments(parser: Parser) -> None:
    parser.add_argument("flow", type=Path, nargs="?", metavar="FLOW", help="a flow file (.yaml); without one, an empty flow")
    parser.add_argument("--theme", choices=["light", "dark"], default="", help="colours (default: as last time, or as the desktop has it)")
    parser.epilog_example("pype designer", "pype designer flow.yaml")


def run(options: argparse.Namespace) -> int:
    need_qt()
    from pypeline.app.desktop.main import start

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
