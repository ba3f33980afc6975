"""The window's start and the preview on a click: ``python -m benchmarks.window [--rows N] [--json FILE]``.

Start: processes of ``pype designer`` (offscreen) from their start to the first paint of the canvas, on
an empty flow and on the sample project's. Preview: what a click on a link costs, through the engine
host as the window asks it, on links of a fused chain over a large CSV, first without and then with
the converted source that the host keeps.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import data
from benchmarks.measure import ROOT, compile_project, median
from benchmarks.report import machine, table

FIRST_PAINT_BAR, PREVIEW_BAR = 700.0, 150.0
CHAIN = """\
flow: {{name: click}}
modules:
  - id: orders
    name: csv_source
    configs:
      required: {{file_path: {path}}}
  - id: dear
    name: filter_mod
    configs:
      required: {{condition: "price > 400"}}
  - id: with_total
    name: formula_mod
    configs:
      required: {{formulas: {{total: "price * quantity"}}}}
  - id: large
    name: filter_mod
    configs:
      required: {{condition: "total > 1000"}}
  - id: shown
    name: log_sink
connections:
  data:
    - "orders.data - dear.input"
    - "dear.output - with_total.input"
    - "with_total.output - large.input"
    - "large.output - shown.input"
"""
PORTS = ("orders.data", "dear.output", "with_total.output", "large.output")


@dataclass(frozen=True, slots=True)
class Figure:
    """Milliseconds: medians, and the slowest. ``cpu`` is the process's own."""

    name: str
    median: float
    most: float
    cpu: float
    times: int


def first_paint(name: str, repeats: int, folder: Path, flow: Path | None) -> Figure:
    """Start the window ``repeats`` times, after a first time that fills the caches of files."""
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(folder / "settings")}
    walls, cpus = [], []
    for turn in range(repeats + 1):
        command = [sys.executable, "-m", "benchmarks.first_paint", repr(time.time()), *([str(flow)] if flow else [])]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=True)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        if found["heavy"]:
            print(f"{name}: the window loaded {', '.join(found['heavy'])}", file=sys.stderr)
        if turn:
            walls.append(found["wall"] * 1000)
            cpus.append(found["cpu"] * 1000)
    return Figure(f"first paint, {name}", median(walls), max(walls), median(cpus), repeats)


async def previews(rows: int, repeats: int, folder: Path) -> list[Figure]:
    """Ask for the first rows of every port in turn."""
    from pypeline.core.planner import plan as make_plan
    from pypeline.runner import facts
    from pypeline.runner.host import EngineHost
    from pypeline.runner.registry import load
    from pypeline.schema.reader import read

    source = data.make(rows) / "orders.csv"
    flow = read(CHAIN.format(path=json.dumps(str(source)))).flow
    if flow is None:
        raise ValueError("the chain cannot be read")
    plan = make_plan(flow, facts.gather(flow, load(folder), folder))
    host = EngineHost(converts=True)
    found: dict[str, list[float]] = {}

    async def ask(name: str, port: str) -> None:
        began = time.perf_counter()
        path = await host.preview(plan, port)
        found.setdefault(name, []).append((time.perf_counter() - began) * 1000)
        path.unlink()

    try:
        began = time.perf_counter()
        await host.bind(plan)
        print(f"bound in {time.perf_counter() - began:.2f} s", file=sys.stderr)
        for port in PORTS:
            await ask(f"{port}, text", port)
        await asyncio.sleep(SETTLE)
        for _ in range(repeats):
            for port in PORTS:
                await ask(f"{port}, converted", port)
    finally:
        await host.close()
    return [Figure(f"preview, {name}", median(times), max(times), 0.0, len(times)) for name, times in found.items()]


SETTLE = 15.0
"""Seconds in which the host converts the source while nobody asks."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.window", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=data.ROWS, help=f"of the CSV (default: {data.ROWS}, about 660 MB)")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    compile_project()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        demo = folder / "demo"
        subprocess.run([sys.executable, "-m", "pypeline.app.cli.main", "demo", "--folder", str(demo), "--no-run"], cwd=ROOT, check=True, capture_output=True)
        figures = [
            first_paint("empty flow", options.repeats, folder, None),
            first_paint("sample project", options.repeats, folder, demo / "shop.yaml"),
            *asyncio.run(previews(options.rows, options.repeats, folder)),
        ]
    lines = [[f.name, f"{f.median:.0f}", f"{f.most:.0f}", f"{f.cpu:.0f}" if f.cpu else "–", str(f.times)] for f in figures]
    print(f"{machine()}\n\n{table(['ms', 'median', 'most', 'processor', 'times'], lines, range(1, 5))}\n")
    print(f"Bars: first paint {FIRST_PAINT_BAR:g} ms, a preview of a converted source {PREVIEW_BAR:g} ms.")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "figures": [asdict(f) for f in figures]}, indent=1), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
