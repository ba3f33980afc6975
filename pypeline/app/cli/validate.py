"""`pype validate FLOW`: everything that can be known to be wrong without running, in one go."""

from __future__ import annotations

import argparse
import json
import sys

from pypeline.app.cli.failure import show
from pypeline.app.cli.opening import checked, opened, planned, with_flow
from pypeline.app.cli.output import Style, plural
from pypeline.app.cli.parser import Parser, with_json
from pypeline.schema.problems import PypeError, errors


def arguments(parser: Parser) -> None:
    with_flow(parser)
    parser.add_argument("--deep", action="store_true", help="look at the files too and bind every column and type")
    with_json(parser, "the problems")
    parser.epilog_example("pype validate flow.yaml", "pype validate flow.yaml --deep --context prod")


def run(options: argparse.Namespace) -> int:
    found = opened(options.flow)
    problems = checked(found, options)
    if options.deep and not errors(problems):
        from pypeline.app.cli.binding import bind

        try:
            problems += bind(planned(found, options, deep=True)[1], found.flow)[1]
        except PypeError as error:
            problems += error.problems
    wrong = errors(problems)
    if options.json:
        print(json.dumps({"flow": found.flow.flow.name, "ok": not wrong, "problems": [p.to_json() for p in problems]}, indent=2, ensure_ascii=False))
        return 2 if wrong else 0
    show(problems)
    warnings = len(problems) - len(wrong)
    style = Style(sys.stdout)
    flow = found.flow
    if wrong:
        print(style.bad(f"{flow.flow.name}: {plural(len(wrong), 'error')}, {plural(warnings, 'warning')}"))
        return 2
    size = f"{plural(len(flow.modules), 'module')}, {plural(len(flow.connections.data) + len(flow.connections.control), 'link')}"
    print(f"{style.good('good')}  {flow.flow.name}: {size}, {plural(warnings, 'warning')}")
    print(style.faint(f"next: pype run {options.flow}"))
    return 0
