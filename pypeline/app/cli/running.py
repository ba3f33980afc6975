"""Running a plan for a person or a program: who gets the events, and what is said at the end.

In: a plan and the output options. Out: the run's summary and a :class:`Watch` that saw all of it.
Progress goes to standard error, results to standard output, so that a pipe carries results only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from pypeline.app.cli.output import Style, plural, table
from pypeline.core.events import RunEvent, to_json
from pypeline.core.plan import Plan
from pypeline.core.results import ErrorInfo
from pypeline.core.watch import Watch
from pypeline.runner.logs import LogWriter, private_file, secrets_in
from pypeline.runner.run import RunSummary, execute
from pypeline.runner.signals import StopSignal
from pypeline.schema.problems import Place, Problem, PypeError

Subscriber = Callable[[RunEvent], None]


def run_plan(plan: Plan, folder: Path, options: argparse.Namespace) -> tuple[RunSummary, Watch]:
    """Run ``plan`` to its end with the subscribers that ``options`` ask for."""
    watch = Watch()
    with ExitStack() as open_now:
        subscribers: list[Subscriber] = [lambda event: void(watch.feed((event,)))]
        if options.events:
            subscribers.append(open_now.enter_context(event_lines(options.events)))
        if options.log_file:
            subscribers.append(open_now.enter_context(log_file(options.log_file, options.log_level or "INFO", options.log_format, plan)))
        if not options.quiet:
            from pypeline.app.cli.progress import progress

            subscribers.append(open_now.enter_context(progress(plan, sys.stderr, level=options.log_level or "WARN")))

        def tell(event: RunEvent) -> None:
            for subscriber in subscribers:
                subscriber(event)

        summary = asyncio.run(execute(plan, folder=folder, on_event=tell, stop=StopSignal(signals=True), previews=options.previews))
    return summary, watch


def void(_: Any) -> None:
    """Nothing: a subscriber returns nothing."""


@contextmanager
def event_lines(target: str) -> Iterator[Subscriber]:
    """One JSON object a line, flushed, so that a program can follow the run."""
    with opened_for_lines(target) as stream:

        def write(event: RunEvent) -> None:
            stream.write(json.dumps(to_json(event), ensure_ascii=False) + "\n")
            stream.flush()

        yield write


@contextmanager
def log_file(target: str, level: str, form: str, plan: Plan) -> Iterator[Subscriber]:
    """The run's log lines at ``level`` and above, added to the file."""
    writer = LogWriter(private_file(Path(target)), level=level, format="text" if form == "text" else "json", secrets=secrets_in(plan.env), own=True)
    try:
        yield writer
    finally:
        writer.close()


@contextmanager
def opened_for_lines(target: str) -> Iterator[IO[str]]:
    """Standard output for ``-``, else the file, made anew.

    Raises:
        PypeError: the file cannot be written.
    """
    if target == "-":
        yield sys.stdout
        return
    try:
        stream = Path(target).open("w", encoding="utf-8")  # noqa: SIM115 -- closed below, with the block
    except OSError as error:
        raise PypeError(
            Problem("PYE481", f"`{target}` cannot be written: {error.strerror}", Place(file="pype run"), "Give a file in a folder that exists.")
        ) from error
    with stream:
        yield stream


def told(summary: RunSummary, watch: Watch, flow: str) -> str:
    """What a person reads when a run has ended: a row for each module, and where the record lies."""
    style = Style(sys.stdout)
    colour = {"completed": style.good, "failed": style.bad, "cancelled": style.warn}
    rows = [
        [id, seen.state, "" if seen.reason == "ok" else seen.reason, rows_text(seen.rows_out), seen.rejected or "", f"{seen.seconds:.2f}"]
        for id, seen in watch.modules.items()
    ]
    lines = [table(["module", "state", "reason", "rows", "rejected", "s"], rows, right=(3, 4, 5))] if rows else []
    state = colour.get(summary.state, str)(summary.state) + ("" if summary.reason in ("ok", "") else f" ({summary.reason})")
    lines += ["", f"{flow}: {state} in {summary.seconds:.2f} s, {plural(len(rows), 'module')}", style.faint(f"record: {summary.bundle}")]
    return "\n".join(lines)


def failures(watch: Watch) -> list[Problem]:
    """What failed, each cause once, at the module it belongs to."""
    found: dict[ErrorInfo, str] = {}
    for id, seen in watch.modules.items():
        if seen.state == "failed" and seen.error is not None:
            found.setdefault(seen.error, seen.error.module or id)
    ended = watch.ended
    if ended is not None and ended.error is not None and not found:
        found[ended.error] = ended.error.module
    return [problem_of(error, module or "run") for error, module in found.items()]


def problem_of(error: ErrorInfo, module: str) -> Problem:
    """A failure of a run, told like every problem."""
    message = f"column `{error.column}`: {error.message}" if error.column else error.message
    return Problem(error.code, message, Place(file=module, module=module), error.mend, phase="run")


def rows_text(rows: Any) -> str:
    """Rows by port; the port's name only where there are several."""
    if len(rows) == 1:
        return f"{next(iter(rows.values())):,}"
    return ", ".join(f"{port} {count:,}" for port, count in rows.items())
