"""`pype report [RUN]`: the HTML report of a run, written again from its record; prints where it is."""

from __future__ import annotations

import argparse
import sys

from pypeline.app.cli.output import Style, shown
from pypeline.app.cli.parser import Parser
from pypeline.app.cli.show import with_run


def arguments(parser: Parser) -> None:
    with_run(parser)


def run(options: argparse.Namespace) -> int:
    from pypeline.runner.history import report
    from pypeline.runner.history.summary import find
    from pypeline.runner.store.bundle import home

    bundle = find(home(options.folder), options.run)
    report.write(bundle)
    print(shown(bundle / "report.html"))
    print(Style(sys.stdout).faint("next: open it in a browser"))
    return 0
