"""The six table flows, ours and by hand, each as a whole process, in turns; results compared.

`python -m benchmarks.tables.run [--rows N] [--repeats N] [--flow NAME] [--side NAME] [--json FILE]`.
Out: a Markdown table of median processor seconds, wall seconds and peak memory, with ratios to the
better of DuckDB and Polars, and a line for every result that differs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from benchmarks import data
from benchmarks.measure import DidNotRun, Measured, compile_project, interleaved, measure, median
from benchmarks.report import machine, table
from benchmarks.tables.meaning import FLOWS, RESULTS, differences, fingerprint, ordered_by

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "out"
OURS = ("pype", "pype --previews")
SAME_MEANING = ("duckdb", "polars")
"""The references that the bars are measured against."""
BESIDE = ("polars strict", "duckdb pruned", "polars pruned")
"""By hand with less meaning: a bad value ends the program, or is not even looked for where nobody uses its column."""
SLOW = ("pandas", "dask")
SIDES = (*OURS, *SAME_MEANING, *BESIDE, *SLOW)
BARS = {"pype": 1.1, "pype --previews": 1.25}
MEMORY_BAR = 0.5 * 2**30
WITH_MEMORY_BAR = FLOWS[:3]
ONCE = (*BESIDE, *SLOW)
"""Sides that stand beside the bars: one turn is enough."""
PREVIEWED = "dear.output"


@dataclass(frozen=True, slots=True)
class Figure:
    """One side of one flow: medians over ``repeats``. ``failed`` says why there are none."""

    flow: str
    side: str
    cpu: float = 0.0
    wall: float = 0.0
    memory: int = 0
    repeats: int = 0
    ratio: float = 0.0
    differs: tuple[str, ...] = ()
    failed: str = ""


def command(side: str, flow: str, folder: Path, out: Path) -> list[str]:
    """The words that run ``flow`` on ``side``."""
    engine, _, how = side.partition(" ")
    if engine == "pype":
        pype = [sys.executable, "-m", "pypeline.app.cli.main"]
        data = ["--set", f"data={folder}"]
        if flow == "preview":
            return [*pype, "preview", str(out / f"{flow}.yaml"), PREVIEWED, *data]
        return [*pype, "run", str(out / f"{flow}.yaml"), "--quiet", *([how] if how else []), *data, "--set", f"out={out}"]
    return [peers_python(), str(HERE / "by_hand" / f"by_{engine}.py"), flow, str(folder), str(out), *([how] if how else [])]


def peers_python() -> str:
    """The interpreter of the peers' own environment if `make bench` has made one, else this one."""
    own = HERE.parents[1] / ".venv-bench"
    return str(own / "bin" / "python") if (own / "ready").exists() else sys.executable


def run(flow: str, sides: Sequence[str], folder: Path, repeats: int, tell: Callable[[str], None]) -> list[Figure]:
    """Measure ``sides`` on ``flow`` over the data in ``folder``; ``tell`` hears what runs."""
    own = OUT / f"tables-{os.getpid()}"
    ran = [side for side in sides if not (flow == "preview" and side in ("pype --previews", *BESIDE))]
    outs = {side: fresh_folder(own / side.replace(" ", "_"), flow) for side in ran}
    failures: dict[str, str] = {}

    def task(side: str) -> Measured:
        tell(f"{flow}: {side}")
        try:
            return measure(command(side, flow, folder, outs[side]))
        except DidNotRun as error:
            failures[side] = str(error).strip().splitlines()[-1]
            return Measured(0, 0, 0, 1, "")

    times = {side: 1 if side in ONCE else repeats for side in ran}
    measured = interleaved({side: partial(task, side) for side in ran}, times)
    figures = compared(flow, measured, failures, outs)
    shutil.rmtree(own)
    return figures


def compared(flow: str, measured: Mapping[str, list[Measured]], failures: Mapping[str, str], outs: Mapping[str, Path]) -> list[Figure]:
    """Medians and ratios of one flow, and whether every side wrote what DuckDB by hand wrote."""
    cpu = {side: median(m.cpu for m in all) for side, all in measured.items() if side not in failures}
    best = min((cpu[side] for side in SAME_MEANING if side in cpu), default=0.0)
    judge = next((side for side in (*SAME_MEANING, *OURS) if side in cpu), "")
    wanted = [fingerprint(outs[judge] / name) for name in RESULTS[flow]] if judge else []
    figures = []
    for side, all in measured.items():
        if side in failures:
            figures.append(Figure(flow, side, failed=failures[side]))
            continue
        differs: list[str] = []
        for name, one in zip(RESULTS[flow], wanted, strict=True):
            differs += [f"{name}: {column}" for column in differences(one, fingerprint(outs[side] / name))]
        if flow == "dedupe_sort" and side != "dask" and not ordered_by(outs[side] / RESULTS[flow][0], "country nulls last, ts nulls last, id nulls last"):
            differs.append("not sorted")
        wall, memory = median(m.wall for m in all), int(median(m.memory for m in all))
        figures.append(Figure(flow, side, cpu[side], wall, memory, len(all), cpu[side] / best if best else 0.0, tuple(differs)))
    return figures


def fresh_folder(parent: Path, flow: str) -> Path:
    """An empty folder with the flow's file in it; runs and results go there."""
    folder = parent / flow
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(HERE / "flows" / f"{flow}.yaml", folder)
    return folder


def markdown(figures: Sequence[Figure], rows: int) -> str:
    """The figures as a table, and the bars that are missed."""
    lines = [
        [
            f.flow if i == 0 or figures[i - 1].flow != f.flow else "",
            f.side,
            *(["-"] * 3 if f.failed else [f"{f.cpu:.2f}", f"{f.wall:.2f}", f"{f.memory / 2**20:,.0f}"]),
            f"failed: {f.failed[:80]}" if f.failed else f"{f.ratio:.2f}",
            "-" if f.failed else ", ".join(f.differs) or "equal",
        ]
        for i, f in enumerate(figures)
    ]
    head = ["flow", "side", "CPU s", "wall s", "peak MiB", "CPU ÷ better of DuckDB, Polars", "result"]
    text = f"{rows:,} orders. {machine()}\n\n{table(head, lines, right=(2, 3, 4, 5))}"
    wrong = missed(figures)
    return text + "\n\n" + ("\n".join(f"- misses its bar: {line}" for line in wrong) if wrong else "All bars are held.")


def missed(figures: Iterable[Figure]) -> list[str]:
    """What is over its bar, in words."""
    found = []
    for f in figures:
        if f.side in BARS and not f.failed and f.flow != "preview" and f.ratio > BARS[f.side]:
            found.append(f"{f.flow}, {f.side}: {f.ratio:.2f} of {BARS[f.side]}")
        if f.side == "pype" and f.flow in WITH_MEMORY_BAR and f.memory > MEMORY_BAR:
            found.append(f"{f.flow}, {f.side}: {f.memory / 2**20:.0f} MiB of {MEMORY_BAR / 2**20:.0f}")
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Make the data, measure, print; 1 if a result differs or one of ours failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables.run", description="The six table flows against hand-written ones.")
    parser.add_argument("--rows", type=int, default=data.ROWS, help=f"orders (default: {data.ROWS})")
    parser.add_argument("--repeats", type=int, default=3, help="turns; those beside the bars, pandas and Dask take one (default: 3)")
    parser.add_argument("--flow", action="append", choices=FLOWS, help="only this one; may be given again")
    parser.add_argument("--side", action="append", choices=SIDES, help="only this one; may be given again")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args(words)
    compile_project()
    folder = data.make(options.rows)
    figures: list[Figure] = []
    for flow in options.flow or FLOWS:
        figures += run(flow, options.side or SIDES, folder, options.repeats, lambda text: print(f"… {text}", file=sys.stderr, flush=True))
        if options.json:
            said = {"rows": options.rows, "machine": machine(), "figures": [asdict(f) for f in figures]}
            options.json.write_text(json.dumps(said, indent=1), "utf-8")
    print(markdown(figures, options.rows))
    return int(any(f.differs or (f.failed and f.side in OURS) for f in figures))


if __name__ == "__main__":
    os.chdir(HERE.parents[1])
    sys.exit(main())
