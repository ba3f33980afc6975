"""`pype picture FLOW`: the flow as an SVG picture, as the window would draw it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pypeline.app.cli.opening import opened
from pypeline.app.cli.output import Style, shown
from pypeline.app.cli.parser import Parser


def arguments(parser: Parser) -> None:
    parser.add_argument("flow", type=Path, metavar="FLOW", help="a flow file (.yaml), or a job folder")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write it, `-` for standard output (default: NAME.svg beside the flow)")
    parser.add_argument("--theme", choices=["light", "dark"], default="light", help="colours (default: light)")
    parser.epilog_example("pype picture flow.yaml", "pype picture flow.yaml --out - > flow.svg")


def run(options: argparse.Namespace) -> int:
    from pypeline.core.picture import svg

    found = opened(options.flow)
    text = svg(found.flow, found.catalogue, theme=options.theme)
    if str(options.out) == "-":
        print(text)
        return 0
    path: Path = options.out or found.folder / f"{found.flow.flow.name}.svg"
    path.write_text(text, encoding="utf-8")
    print(shown(path))
    print(Style(sys.stdout).faint(f"next: open it in a browser, or pype run {options.flow}"))
    return 0
