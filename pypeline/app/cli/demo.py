"""`pype demo`: a sample project with dirty data, run once, so that there is something to look at.

Out: ``FOLDER/`` with data, flow, results, an SVG picture with states and counts, and the run's HTML
report. What is there already stays: a flow that you have changed is run as you left it.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from pypeline import resources
from pypeline.app.cli.output import Style, plural, shown
from pypeline.app.cli.parser import Parser
from pypeline.core.aligned import table

FLOW = "shop.yaml"
RESULT = Path("out", "countries.csv")


def arguments(parser: Parser) -> None:
    parser.add_argument("--folder", type=Path, default=Path("demo"), help="where the project goes (default: demo)")
    parser.add_argument("--no-run", action="store_true", help="make the project, do not run it")
    parser.add_argument("--orders", type=int, default=20_000, metavar="N", help="orders to make up (default: 20000)")


def run(options: argparse.Namespace) -> int:
    folder: Path = options.folder
    style = Style(sys.stdout)
    write_project(folder, options.orders, style)
    if options.no_run:
        return 0

    from pypeline.app.cli.failure import show
    from pypeline.app.cli.opening import accept, checked, opened, planned
    from pypeline.app.cli.progress import shown_in
    from pypeline.app.cli.results import failures, told
    from pypeline.app.cli.running import run_plan
    from pypeline.core.picture import svg

    run_options = argparse.Namespace(context="default", set=[], events=None, log_file=None, log_level=None, log_format="json", quiet=False, previews=True)
    found = opened(folder / FLOW)
    accept(checked(found, run_options))
    _, plan = planned(found, run_options)
    print(style.bold(f"pype run {shown(folder / FLOW)}"))
    summary, watch = run_plan(plan, found.folder, run_options)
    show(failures(watch.modules, summary.error, found.flow, handled=summary.state == "completed"))
    print(told(summary, watch, found.flow.flow.name, sys.stdout, listed=shown_in(sys.stderr, sys.stdout)))
    picture = folder / "shop.svg"
    picture.write_text(svg(found.flow, found.catalogue, watch.modules, watch.counts(), theme="auto", valves=watch.valves), encoding="utf-8")
    if summary.state != "completed":
        return summary.exit_code
    print(f"\n{style.bold(shown(folder / RESULT))}")
    print(csv_table(folder / RESULT))
    print(f"\npicture  {shown(picture)}\nreport   {shown(summary.bundle / 'report.html')}")
    print(style.faint(f"next: open the report in a browser, then change {shown(folder / FLOW)} and: pype run {shown(folder / FLOW)}"))
    return summary.exit_code


def write_project(folder: Path, orders: int, style: Style) -> None:
    """Data and flow, where they are not there already; says what is wrong with the data on purpose."""
    from pypeline.app.cli.demo_data import make

    data = folder / "data"
    (folder / "out").mkdir(parents=True, exist_ok=True)
    flow = folder / FLOW
    if not (data / "orders.csv").exists():
        data.mkdir(exist_ok=True)
        dirt = make(data, orders=orders)
        print(f"{style.good('made')}  {shown(data)}: {plural(orders, 'order')}, on purpose with " + ", ".join(f"{n} {name}" for name, n in dirt.items()))
    if not flow.exists():
        flow.write_bytes(Path(resources.__path__[0], "examples", "shop", FLOW).read_bytes())
        print(f"{style.good('made')}  {shown(flow)}")


def csv_table(path: Path, most: int = 12) -> str:
    """The first rows of a small result."""
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    return table(head, rows[:most], right=tuple(range(1, len(head))))
