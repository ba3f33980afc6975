"""From the words a person types to a checked flow, its facts and its plan: the way every command goes.

In: a flow file or a job folder, and the context options. Out: :class:`Opened`; then facts and plan.
Warnings are shown once, errors leave as :class:`PypeError`.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pypeline.app.cli.failure import show
from pypeline.app.cli.output import shown
from pypeline.app.cli.parser import Parser, sets, usage, with_context
from pypeline.core.catalogue import Catalogue
from pypeline.core.check import check
from pypeline.core.facts import Facts
from pypeline.core.plan import Plan
from pypeline.runner import children
from pypeline.runner.registry import load
from pypeline.schema.flow import Flow
from pypeline.schema.problems import Problem, PypeError, did_you_mean, errors
from pypeline.schema.record import record

_CONTEXT = re.compile(r"\{\{\s*context\.(\w+)")


@record
class Opened:
    """A flow as it stands in its file. ``folder`` is where its relative paths start; ``warnings``
    are what the reader or the job's loader had to say."""

    flow: Flow
    catalogue: Catalogue
    folder: Path
    warnings: tuple[Problem, ...] = ()


def with_flow(parser: Parser, what: str = "a flow file (.yaml), or a job folder made by `pype build`") -> None:
    """The flow argument and the options that choose its context values."""
    parser.add_argument("flow", type=Path, metavar="FLOW", help=what)
    with_context(parser)


def opened(path: Path, *, trust: bool = False) -> Opened:
    """The flow at ``path``.

    Raises:
        PypeError: it cannot be read, or is no flow.
    """
    if path.is_dir():
        from pypeline.runner.build import load_job

        job = load_job(path, trust=trust)
        return Opened(job.flow, job.catalogue, job.folder, job.warnings)
    from pypeline.schema.reader import read_file

    result = read_file(path)
    if result.flow is None:
        raise PypeError(*result.problems)
    folder = path.resolve().parent
    return Opened(result.flow, load(folder), folder, result.problems)


def context_values(flow: Flow, folder: Path, options: argparse.Namespace) -> Mapping[str, Any]:
    """The context variables' values: the default file, the chosen one over it, ``--set`` last.

    Raises:
        PypeError: no such environment, or ``--set`` of a name that nothing reads: a typing mistake would run
            with the value it was to replace.
    """
    from pypeline.runner.variables import context

    given = sets(options)
    values = context(flow, folder, options.context, given)
    if given:
        text = flow.model_dump_json()
        known = sorted({*context(flow, folder, options.context), *_CONTEXT.findall(text)})
        for name in given:
            if name not in known:
                hint = did_you_mean(name, known) or "it reads none."
                raise PypeError(usage("pype", f"--set {name}: the flow reads no context variable of that name", hint))
    return values


def checked(found: Opened, options: argparse.Namespace) -> list[Problem]:
    """All problems of the flow, the reader's first."""
    context = context_values(found.flow, found.folder, options)
    problems = check(found.flow, found.catalogue, context)
    problems += children.check(found.flow, found.folder, context)
    return [*found.warnings, *(with_own_file(problem, found) for problem in problems)]


def with_own_file(problem: Problem, found: Opened) -> Problem:
    """An unknown type (PYE300) whose file lies in the project: to be registered, not to be spelled otherwise."""
    if problem.code != "PYE300":
        return problem
    from pypeline.runner.registry import files_called

    name = next((module.name for module in found.flow.modules if module.id == problem.place.module), "")
    files = files_called(name, found.folder)
    if not files:
        return problem
    near = files[0].relative_to(found.folder).as_posix()
    there = "" if found.folder == Path.cwd() else f" --folder {shown(found.folder)}"
    return replace(
        problem,
        message=f"module type `{name}` is not registered, but `{near}` is there",
        mend=f"Look at it, then: pype register-module {near}{there}",
        fixes=(),
    )


def accept(problems: Iterable[Problem]) -> None:
    """Show warnings.

    Raises:
        PypeError: there are errors; it carries the warnings too.
    """
    problems = list(problems)
    if errors(problems):
        raise PypeError(*problems)
    show(problems)


def planned(found: Opened, options: argparse.Namespace, *, deep: bool = False) -> tuple[Facts, Plan]:
    """Facts and plan of a flow that has passed :func:`accept`; open context values are asked for, and what
    is odd about the facts is shown.

    Raises:
        PypeError: a file is missing, a context is unknown, …
    """
    from pypeline.app.cli.asking import ask
    from pypeline.core.planner import plan
    from pypeline.runner.facts import gather, warnings

    ask(found.flow, found.folder, options, secrets=False)
    facts = gather(found.flow, found.catalogue, found.folder, context_name=options.context, sets=sets(options), deep=deep)
    show(warnings(found.flow, facts))
    return facts, plan(found.flow, facts)
