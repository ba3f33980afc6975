"""`pype build FLOW`: a job folder that runs by itself, also copied elsewhere."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from pypeline.app.cli.failure import show
from pypeline.app.cli.opening import accept, checked, opened
from pypeline.app.cli.output import Style, shown
from pypeline.app.cli.parser import Parser, with_context, with_json
from pypeline.schema.problems import Place, Problem


def arguments(parser: Parser) -> None:
    parser.add_argument("flow", type=Path, metavar="FLOW", help="a flow file (.yaml)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where job folders go (default: jobs beside the flow)")
    with_context(parser)
    with_json(parser, "the job's path and its files")
    parser.epilog_example("pype build flow.yaml", "pype build flow.yaml --out /srv/jobs && pype run /srv/jobs/NAME --context prod")


def run(options: argparse.Namespace) -> int:
    from pypeline.runner.build import build, relative_paths

    found = opened(options.flow)
    accept(checked(found, options))
    paths = list(relative_paths(found.flow, found.catalogue))
    if paths:
        named = ", ".join(f"`{path}` ({module})" for module, _, path in paths)
        mend = "Put the files there, or name their folder by a context variable such as {{context.data}}."
        show([Problem("PYE485", f"relative paths in a job start at the job folder: {named}", Place(file=str(options.flow)), mend, "warning", "plan")])
    job = build(found.flow, options.flow, found.catalogue, options.out or found.folder / "jobs")
    files = sorted(p.relative_to(job).as_posix() for p in job.rglob("*") if p.is_file() and ".pypeline" not in p.parts)
    if options.json:
        print(json.dumps({"job": str(job), "files": files}, indent=2, ensure_ascii=False))
        return 0
    style = Style(sys.stdout)
    print(f"{style.good('built')}  {shown(job)}")
    print("\n".join(f"       {file}" for file in files))
    print(style.faint(f"next: pype run {shown(job)}"))
    return 0
