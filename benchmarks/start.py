"""Cold starts: `pype --help`, `validate` and a small `run`, against importing what they need.

`python -m benchmarks.start [--repeats N] [--imports] [--json FILE]`. All commands take turns; medians of
wall and processor seconds. ``--imports`` lists which packages each command loads and what that costs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.measure import ROOT, compile_project, interleaved, measure, median
from benchmarks.report import machine, table

PYPE = (sys.executable, "-m", "pypeline.app.cli.main")
REFERENCE = "import pydantic, networkx, sqlglot, yaml"
FLOW = """\
flow: {name: small}
modules:
  - id: people
    name: csv_source
    configs:
      required: {file_path: people.csv}
      optional: {columns: {name: string, age: int64}}
  - id: adults
    name: filter_mod
    configs:
      required: {condition: "age >= 18"}
  - id: result
    name: parquet_sink
    configs:
      required: {output_path: adults.parquet}
connections:
  data:
    - "people.data - adults.input"
    - "adults.output - result.input"
"""
COMMANDS: dict[str, tuple[str, ...]] = {
    "python -c pass": (sys.executable, "-c", "pass"),
    f'python -c "{REFERENCE}"': (sys.executable, "-c", REFERENCE),
    "pype --help": (*PYPE, "--help"),
    "pype validate": (*PYPE, "validate", "small.yaml"),
    "pype run": (*PYPE, "run", "--quiet", "small.yaml"),
}
BARS = {"pype --help": 0.060, "pype validate": 0.250, "pype run": 0.500}
VALIDATE_BAR = 1.3
LISTED = 12


@dataclass(frozen=True, slots=True)
class Figure:
    """Medians in seconds; ``ratio`` is to the reference import of the same run, in processor seconds."""

    command: str
    wall: float
    cpu: float
    memory: int
    ratio: float


def run(repeats: int) -> list[Figure]:
    """Every command ``repeats`` times in turns, after one round that only warms the disk's cache."""
    with tempfile.TemporaryDirectory(prefix="pypeline-start-") as name:
        folder = project(Path(name))
        env = {"PYTHONPATH": str(ROOT)}
        tasks = {said: lambda words=words: measure(words, folder=folder, env=env) for said, words in COMMANDS.items()}
        measured = interleaved(tasks, repeats + 1)
    cpu = {said: median(m.cpu for m in all[1:]) for said, all in measured.items()}
    reference = cpu[f'python -c "{REFERENCE}"']
    return [
        Figure(said, median(m.wall for m in all[1:]), cpu[said], int(median(m.memory for m in all[1:])), cpu[said] / reference)
        for said, all in measured.items()
    ]


def project(folder: Path) -> Path:
    """``folder`` with a small flow and its data in it."""
    (folder / "small.yaml").write_text(FLOW, "utf-8")
    (folder / "people.csv").write_text("name,age\nAda,36\nBen,12\n", "utf-8")
    return folder


def imports(words: Sequence[str]) -> list[tuple[str, float, int]]:
    """(package, milliseconds, modules) of what ``words`` loads in its own process, the dearest first; own time only."""
    with tempfile.TemporaryDirectory(prefix="pypeline-start-") as name:
        folder = project(Path(name))
        command = [words[0], "-X", "importtime", *words[1:]]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        told = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True).stderr
    microseconds: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    for line in told.splitlines():
        own, _, rest = line.removeprefix("import time:").partition("|")
        if line.startswith("import time:") and own.strip().isdigit():
            package = rest.partition("|")[2].strip().partition(".")[0]
            microseconds[package] += int(own)
            modules[package] += 1
    return [(package, cost / 1000, modules[package]) for package, cost in microseconds.most_common(LISTED)]


def markdown(figures: Sequence[Figure]) -> str:
    """The figures as a table, and what misses its bar."""
    lines = [[f.command, f"{f.wall * 1000:.0f}", f"{f.cpu * 1000:.0f}", f"{f.ratio:.2f}", f"{f.memory / 2**20:.0f}", _bar(f.command)] for f in figures]
    text = table(["command", "wall ms", "CPU ms", "CPU ÷ imports", "peak MiB", "bar"], lines, right=(1, 2, 3, 4))
    wrong = [f"- misses its bar: {f.command}: {f.wall * 1000:.0f} ms of {BARS[f.command] * 1000:.0f}" for f in figures if f.wall > BARS.get(f.command, f.wall)]
    wrong += [f"- misses its bar: {f.command}: {f.ratio:.2f} × of {VALIDATE_BAR}" for f in figures if f.command == "pype validate" and f.ratio > VALIDATE_BAR]
    return f"{machine()}\n\n{text}\n\n" + ("\n".join(wrong) or "All bars are held.")


def _bar(command: str) -> str:
    wall = f"{BARS[command] * 1000:.0f} ms" if command in BARS else ""
    return f"{wall}, {VALIDATE_BAR} × the imports" if command == "pype validate" else wall


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description="How long commands take to start.")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--imports", action="store_true", help="list the packages that each command loads")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args(words)
    compile_project()
    figures = run(options.repeats)
    print(markdown(figures))
    if options.imports:
        for said, command in COMMANDS.items():
            rows = [[package, f"{cost:.1f}", str(modules)] for package, cost, modules in imports(command)]
            print(f"\n{said}\n\n{table(['package', 'ms', 'modules'], rows, right=(1, 2))}")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "figures": [asdict(f) for f in figures]}, indent=1), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
