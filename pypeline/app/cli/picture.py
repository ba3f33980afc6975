"""`pype picture FLOW`: the flow as an SVG picture, or with the window's own painters as PNG."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pypeline.app.cli.designer import need_qt
from pypeline.app.cli.opening import Opened, opened
from pypeline.app.cli.output import Style, shown
from pypeline.app.cli.parser import Parser


def arguments(parser: Parser) -> None:
    parser.add_argument("flow", type=Path, metavar="FLOW", help="a flow file (.yaml), or a job folder")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write it, `-` for standard output (default: NAME.svg beside the flow)")
    parser.add_argument("--png", action="store_true", help="a PNG, drawn by the window's painters (needs the desktop extra)")
    parser.add_argument("--scale", type=float, default=2.0, metavar="N", help="pixels per unit of a PNG (default: 2)")
    parser.add_argument("--theme", choices=["light", "dark"], default="light", help="colours (default: light)")
    parser.epilog_example("pype picture flow.yaml", "pype picture flow.yaml --out - > flow.svg")


def run(options: argparse.Namespace) -> int:
    found = opened(options.flow)
    if options.png:
        return png(found, options)
    from pypeline.core.picture import svg

    text = svg(found.flow, found.catalogue, theme=options.theme)
    if str(options.out) == "-":
        print(text)
        return 0
    path: Path = options.out or found.folder / f"{found.flow.flow.name}.svg"
    path.write_text(text, encoding="utf-8")
    print(shown(path))
    print(Style(sys.stdout).faint(f"next: open it in a browser, or pype run {options.flow}"))
    return 0


def png(found: Opened, options: argparse.Namespace) -> int:
    """Draw the flow without a screen."""
    need_qt()
    from pypeline.app.desktop.picture import write_png

    path: Path = options.out or found.folder / f"{found.flow.flow.name}.png"
    write_png(found.flow, found.catalogue, path, options.theme, options.scale)
    print(shown(path))
    return 0
