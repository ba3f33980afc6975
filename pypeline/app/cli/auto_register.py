"""`pype auto-register`: register every module file in the project's module folders."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pypeline.app.cli.failure import show
from pypeline.app.cli.output import Style, plural
from pypeline.app.cli.parser import Parser
from pypeline.core.aligned import table


def arguments(parser: Parser) -> None:
    parser.add_argument("places", nargs="*", type=Path, metavar="PLACE", help="folders to look in (default: source, mods, sinks, solo and modules)")
    parser.add_argument("--folder", type=Path, default=Path(), help="the project (default: here)")


def run(options: argparse.Namespace) -> int:
    from pypeline.runner.registry import FILE, auto_register

    folder: Path = options.folder.resolve()
    done, problems = auto_register(folder, options.places)
    if done:
        print(table(["name", "kind", "module"], [[d.name, d.kind, d.module_path] for d in done], most=64))
    style = Style(sys.stdout)
    print(style.faint(f"{plural(len(done), 'module')} registered in {folder / FILE}") if done else "no module file found")
    show(problems)
    return 2 if problems else 0
