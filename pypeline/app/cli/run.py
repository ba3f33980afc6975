"""`pype run FLOW`: run a flow file or a job folder, with live progress or machine-readable events."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from pypeline.app.cli.output import Style
from pypeline.app.cli.parser import Parser, usage, with_context, with_json
from pypeline.schema.flow import Flow
from pypeline.schema.problems import Problem, PypeError

MOST_THREADS = 4096
"""As `settings.threads` allows."""


def arguments(parser: Parser) -> None:
    parser.add_argument("flow", type=Path, metavar="FLOW", help="a flow file (.yaml), or a job folder made by `pype build`")
    with_context(parser)
    with_json(parser, "the run's summary")
    with_output(parser)
    parser.add_argument("--threads", type=int, metavar="N", help="threads of the run and of DuckDB together (default: the flow's setting)")
    parser.add_argument("--trust", action="store_true", help="for a job folder: let the modules that came with it run")
    parser.epilog_example("pype run flow.yaml", "pype run flow.yaml --context prod --set day=2025-01-31", "pype run jobs/NAME --json --events events.jsonl")


def with_output(parser: Parser) -> None:
    """The options that say who is told what."""
    parser.add_argument("--events", metavar="FILE", help="write every run event as a JSON line; `-` is standard output")
    parser.add_argument("--log-file", metavar="FILE", help="write log lines there")
    parser.add_argument(
        "--log-level", choices=["DEBUG", "INFO", "WARN", "ERROR"], help="least level of log lines (default: INFO in a file, WARN on the screen)"
    )
    parser.add_argument("--log-format", choices=["json", "text"], default="json", help="form of the lines in the log file (default: json)")
    parser.add_argument("--quiet", action="store_true", help="no progress and no summary; errors still show")
    parser.add_argument("--previews", action="store_true", help="keep the first rows of every link")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the flow with states and counts as SVG when the run has ended")


def placed(problem: Problem, flow: Flow) -> Problem:
    """``problem`` at the line of the flow that it is about: what a plan knows is only the module."""
    from pypeline.core.mending import mended

    return mended(problem, flow, problem.place.module) if problem.place.module and not problem.place.line else problem


def run(options: argparse.Namespace) -> int:
    if options.json and options.events == "-":
        raise PypeError(usage("pype run", "--json and --events - both write to standard output", "Give the events a file."))
    if options.threads is not None and not 1 <= options.threads <= MOST_THREADS:
        raise PypeError(usage("pype run", f"--threads is {options.threads}, and must be a number from 1 to {MOST_THREADS}"))
    if options.picture is not None and (options.picture.is_dir() or not options.picture.parent.is_dir()):
        raise PypeError(usage("pype run", f"--picture: `{options.picture}` cannot be written", "Give a file in a folder that exists."))
    from pypeline.app.cli.asking import ask
    from pypeline.app.cli.opening import accept, checked, opened, planned
    from pypeline.core.check import runnable

    found = opened(options.flow, trust=options.trust)
    if options.threads is not None:
        settings = found.flow.settings.model_copy(update={"threads": options.threads})
        found = replace(found, flow=found.flow.model_copy(update={"settings": settings}))
    accept([*checked(found, options), *runnable(found.flow)])
    answers = ask(found.flow, found.folder, options, secrets=True)
    _, plan = planned(found, options)
    from pypeline.runner.engines import copies
    from pypeline.runner.engines.starting import keep_back, start
    from pypeline.runner.withheld import withheld

    kept = withheld(plan)
    keep_back(kept)
    # a flow that is not accepted starts no process; from here on it warms up on another core, while the loop is loaded here.
    # where the check had expressions to read, the worker will have them too; no secret is ever copied
    copied = copies.possible() and not answers and not plan.references() and not kept
    first = start(warm=("tables", "expressions") if "sqlglot" in sys.modules else ("tables",), copied=copied)

    from pypeline.app.cli.failure import show
    from pypeline.app.cli.results import failures, next_step, told
    from pypeline.app.cli.running import run_plan
    from pypeline.runner.engines.local import LocalEngine
    from pypeline.runner.engines.process import WorkerProcess
    from pypeline.runner.secrets import Secrets

    try:
        summary, watch = run_plan(plan, found.folder, options, LocalEngine(first=WorkerProcess(first)), Secrets(answers))
    except PypeError as error:
        raise PypeError(*(placed(problem, found.flow) for problem in error.problems)) from error
    show(failures(watch.modules, summary.error, found.flow, handled=summary.state == "completed"))
    if options.picture is not None:
        from pypeline.core.picture import svg

        loops = {index: seen.words for index, seen in watch.loops.items()}
        drawn = svg(found.flow, found.catalogue, watch.modules, watch.counts(), loops=loops, valves=watch.valves)
        options.picture.write_text(drawn, encoding="utf-8")
    if options.json:
        print(json.dumps(asdict(summary), indent=2, ensure_ascii=False, default=str))
    elif not options.quiet and options.events != "-":
        from pypeline.app.cli.progress import shown_in

        print(told(summary, watch, found.flow.flow.name, sys.stdout, listed=shown_in(sys.stderr, sys.stdout)))
        print(Style(sys.stdout).faint(next_step(summary, found.folder)))
    return summary.exit_code
