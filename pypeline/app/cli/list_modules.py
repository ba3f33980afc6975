"""`pype list-modules`: the module types that a project knows, built-in and its own."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from pypeline.app.cli.output import Style
from pypeline.app.cli.parser import Parser, with_json
from pypeline.core.aligned import cut, table
from pypeline.runner.registry import load

KINDS = ("source", "mod", "sink", "solo")


def arguments(parser: Parser) -> None:
    parser.add_argument("--kind", choices=KINDS, help="only sources, mods, sinks or solos")
    parser.add_argument("--folder", type=Path, default=Path(), help="the project (default: here)")
    with_json(parser, "the registry entries")


def run(options: argparse.Namespace) -> int:
    catalogue = load(options.folder.resolve())
    found = [d for kind in KINDS for d in catalogue.values() if d.kind == kind and options.kind in (None, kind)]
    if options.json:
        from pypeline.core.declare import to_registry

        print(json.dumps({d.name: to_registry(d) for d in found}, indent=2, ensure_ascii=False))
        return 0
    own = {d.origin for d in found} - {"built-in"}
    head = ["name", "kind", "in", "out", *(["from"] if own else []), "what it does"]
    rows = [[d.name, d.kind, ", ".join(d.input_ports), ", ".join(d.output_ports), *([d.origin] if own else []), d.description] for d in found]
    text = table(head, rows, most=100)
    # only a terminal has an edge
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
    print("\n".join(cut(line, columns - 1) for line in text.splitlines()))
    print(Style(sys.stdout).faint("\nnext: pype describe NAME"))
    return 0
