"""Canvases beside each other: ``python -m benchmarks.canvas [--quick] [--json FILE]``.

Ours at 1,000 and 10,000 modules; NodeGraphQt, qtpynodeeditor and pyqtgraph's flowchart at 1,000.
Each in a process of its own, the same graph, 1600 × 900, offscreen. The peers come from their
packages into an environment of their own, which is made here the first time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers import figures as figures_of
from benchmarks.peers import interpreter
from benchmarks.report import machine, table

PACKAGES = ("PySide6-Essentials==6.11.3", "NodeGraphQt==0.6.44", "qtpynodeeditor==0.3.3", "pyqtgraph==0.14.0", "setuptools<81")
PEERS = ("NodeGraphQt", "qtpynodeeditor", "pyqtgraph")
SMALL, LARGE = 1_000, 10_000
MOST = 600.0
"""Seconds that one canvas may take for all of it."""

COLUMNS = (
    "open",
    "whole frame",
    "whole pan",
    "whole zoom",
    "whole drag",
    "whole 100 states",
    "near frame",
    "near pan",
    "near zoom",
    "near drag",
    "near 100 states",
)
MIDDLE = ("names frame", "names pan", "names zoom", "names drag", "names 100 states", "half frame", "half pan", "half zoom", "half drag", "half 100 states")
BARS = {"open": (150.0, 1500.0), "frame": (16.0, 33.0), "near pan": (5.0, 33.0), "near drag": (5.0, 33.0)}
"""Milliseconds: opening 1,000 and 10,000 modules; any frame at 10,000, median and 95th percentile; pan and drag at 1:1."""


def cell(value: Any, kind: str) -> str:
    """``median / p95`` of the clock or of the processor; a blank for what was not measured."""
    if not isinstance(value, Mapping):
        return "–"
    one, other = ("median", "p95") if kind == "clock" else ("cpu", "cpu p95")
    return f"{value[one]:,.1f}" if other not in value else f"{value[one]:,.1f} / {value[other]:,.1f}"


def markdown(all: Sequence[Mapping[str, Any]], columns: Sequence[str], kind: str) -> str:
    """One row for what is measured, one column for a canvas."""
    names = [f"{figures['canvas']}, {figures['modules']:,}" for figures in all]
    return table(["ms", *names], [[column, *(cell(figures.get(column), kind) for figures in all)] for column in columns], range(1, len(all) + 1))


def missed(figures: Mapping[str, Any]) -> list[str]:
    """The bars that ours misses, by the processor's time."""
    large = figures["modules"] == LARGE
    found = []
    for name, value in figures.items():
        if not isinstance(value, Mapping) or name == "edit":
            continue
        if name == "open":
            most, most_high = BARS["open"][large], BARS["open"][large]
        elif not large:
            continue
        else:
            most, most_high = BARS.get(name, BARS["frame"])
        if value["cpu"] > most or value.get("cpu p95", 0.0) > most_high:
            found.append(f"{figures['modules']:,} modules, {name}: {cell(value, 'cpu')} ms of the processor, wanted {most:g} / {most_high:g}")
    return found


def main() -> int:
    """Measure, print, write; 1 if one of ours failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.canvas", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="ours alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args()
    runs = [("PYpeline", number, [sys.executable, "-m", "benchmarks.canvas.ours", str(number)]) for number in (SMALL, LARGE)]
    if not options.quick:
        python = str(interpreter("canvas", PACKAGES))
        runs += [(name, SMALL, [python, "-m", "benchmarks.canvas.peers", name, str(SMALL)]) for name in PEERS]
    all: list[dict[str, Any]] = []
    for name, number, command in runs:
        print(f"{name}, {number:,} modules", file=sys.stderr, flush=True)
        all.append({"canvas": name, "modules": number, **figures_of(command, MOST)})
    good = [figures for figures in all if "failed" not in figures]
    ours = [figures for figures in good if figures["canvas"] == "PYpeline"]
    print(f"{machine()} Milliseconds, median / 95th percentile.\n\nBy the clock:\n\n{markdown(good, COLUMNS, 'clock')}")
    print(f"\nOf the processor:\n\n{markdown(good, COLUMNS, 'cpu')}")
    print(f"\nOurs from middle distances, of the processor:\n\n{markdown(ours, MIDDLE, 'cpu')}")
    for figures in all:
        if "failed" in figures:
            print(f"\n{figures['canvas']}, {figures['modules']:,} modules: {figures['failed']}")
    for line in [line for figures in ours for line in missed(figures)]:
        print(f"\nMissed: {line}")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "canvases": all}, indent=1), "utf-8")
    return int(len(ours) < 2)


if __name__ == "__main__":
    sys.exit(main())
