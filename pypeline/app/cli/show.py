"""`pype show [RUN]`: what one run did, module by module and link by link; without a name, the newest."""

from __future__ import annotations

import argparse
import json
import sys

from pypeline.app.cli.failure import show as show_problems
from pypeline.app.cli.output import Style, shown
from pypeline.app.cli.parser import Parser, with_json
from pypeline.app.cli.runs import when, with_folder
from pypeline.core.aligned import table

MOST_CHILDREN = 20
"""So many of the flows that a run ran are listed, those first that did not complete."""


def arguments(parser: Parser) -> None:
    with_run(parser)
    with_json(parser, "the run's summary")


def with_run(parser: Parser) -> None:
    """Which run is meant."""
    parser.add_argument("run", nargs="?", default="", metavar="RUN", help="as `pype runs` names it, the beginning of that, or a flow (default: the newest)")
    with_folder(parser)


def run(options: argparse.Namespace) -> int:
    from pypeline.app.cli.results import failures, flow_of, module_table
    from pypeline.runner.history.records import load
    from pypeline.runner.history.summary import children, find, summarise
    from pypeline.runner.store.bundle import home

    record = load(find(home(options.folder), options.run))
    if options.json:
        from pypeline.runner.history.records import read_events

        summary = record.summary or summarise([e for e in read_events(record.path / "events.jsonl") if e is not None], record.plan)
        print(json.dumps(summary, indent=2, ensure_ascii=False))
        return 0
    style = Style(sys.stdout)
    state = f"{record.state}" + ("" if record.reason in ("", "ok") else f" ({record.reason.removeprefix('error:')})")
    print(f"{style.bold(record.name)}  {record.flow}: {style.state(record.state, state)} · {when(record.started)} · {record.seconds:.2f} s\n")
    print(module_table(record.modules, record.links))
    if record.links:
        print()
        print(table(["link", "rows"], [[link, f"{rows:,}"] for link, rows in record.links.items()], right=(1,), most=90))
    if ran := children(record.path):
        worst = sorted(ran, key=lambda r: r.state == "completed")[:MOST_CHILDREN]
        print()
        print(table(["flow it ran", "flow", "state", "s"], [[r.name, r.flow, r.state, f"{r.seconds:.2f}"] for r in worst], right=(3,), most=90))
        if len(ran) > len(worst):
            print(f"… and {len(ran) - len(worst):,} more")
    print(
        style.faint(f"\nrecord: {shown(record.path)}\nnext: pype report {record.name}" + ("" if str(options.folder) == "." else f" --folder {options.folder}"))
    )
    failed = record.error is not None or any(seen.error for seen in record.modules.values())
    flow = flow_of(str(record.plan.get("folder") or ""), record.flow) if failed else None
    show_problems(failures(record.modules, record.error, flow, handled=record.state == "completed"))
    return 0
