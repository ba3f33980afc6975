"""`pype register-module NAME`: trust one module of your own; its declaration goes into ModRegistry.json."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pypeline.app.cli.output import Style
from pypeline.app.cli.parser import Parser


def arguments(parser: Parser) -> None:
    parser.add_argument("module", metavar="MODULE", help="a Python file of the project, or a module's name; it is imported once, and trusted from then on")
    parser.add_argument("--folder", type=Path, default=Path(), help="the project (default: here)")
    parser.epilog_example("pype register-module mods/clean_names.py", "pype register-module clean_names")


def run(options: argparse.Namespace) -> int:
    from pypeline.runner.registry import FILE, register_module

    folder: Path = options.folder.resolve()
    decl = register_module(options.module, folder)
    style = Style(sys.stdout)
    print(f"{style.good('registered')}  {decl.name} ({decl.kind}, {decl.module_path}) in {folder / FILE}")
    print(style.faint(f"next: pype describe {decl.name}"))
    return 0
