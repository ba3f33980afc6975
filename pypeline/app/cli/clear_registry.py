"""`pype clear-registry`: forget the project's registered modules. Files, packages and built-ins stay."""

from __future__ import annotations

import argparse
from pathlib import Path

from pypeline.app.cli.output import plural
from pypeline.app.cli.parser import Parser


def arguments(parser: Parser) -> None:
    parser.add_argument("--folder", type=Path, default=Path(), help="the project (default: here)")


def run(options: argparse.Namespace) -> int:
    from pypeline.runner.registry import FILE, clear_registry

    folder: Path = options.folder.resolve()
    count = clear_registry(folder)
    print(f"{plural(count, 'module')} forgotten in {folder / FILE}" if count else "nothing was registered here")
    return 0
