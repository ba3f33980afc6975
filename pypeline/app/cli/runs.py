"""`pype runs`: the runs of a project, the newest first."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

from pypeline.app.cli.output import Style
from pypeline.app.cli.parser import Parser, with_json
from pypeline.core.aligned import table


def arguments(parser: Parser) -> None:
    with_folder(parser)
    parser.add_argument("--most", type=int, default=20, metavar="N", help="show at most so many (default: 20)")
    with_json(parser, "the runs")


def with_folder(parser: Parser) -> None:
    """The project whose runs are meant."""
    parser.add_argument("--folder", type=Path, default=Path(), help="the flow's folder, or a job folder (default: here)")


def run(options: argparse.Namespace) -> int:
    from pypeline.runner.history.summary import runs
    from pypeline.runner.store.bundle import home

    found = runs(home(options.folder))[: options.most]
    if options.json:
        keys = ("run", "attempt", "flow", "state", "reason", "started", "seconds")
        plain = [{key: getattr(record, key) for key in keys} for record in found]
        print(json.dumps(plain, indent=2, ensure_ascii=False))
        return 0
    style = Style(sys.stdout)
    if not found:
        print(f"no runs in {options.folder.resolve()}")
        print(style.faint("next: pype run FLOW"))
        return 0
    rows = [[r.name, r.flow, r.state, "" if r.reason == "ok" else r.reason, when(r.started), f"{r.seconds:.2f}"] for r in found]
    print(table(["run", "flow", "state", "reason", "started", "s"], rows, right=(5,)))
    print(style.faint(f"\nnext: pype show {found[0].name}" + ("" if options.folder == Path() else f" --folder {options.folder}")))
    return 0


def when(seconds: float) -> str:
    """A moment in the time of this machine."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S") if seconds else "–"
