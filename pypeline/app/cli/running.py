"""Running a plan for a person or a program: who gets the events.

In: a plan and the output options. Out: the run's summary and a :class:`Watch` that saw all of it.
Progress goes to standard error, results to standard output, so that a pipe carries results only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from pypeline.app.cli.failure import show
from pypeline.core.events import Log, RunEvent, to_json
from pypeline.core.plan import Plan
from pypeline.core.watch import Watch
from pypeline.runner.engines.base import Engine
from pypeline.runner.logs import LogWriter, private_file
from pypeline.runner.run import RunSummary, execute
from pypeline.runner.secrets import Secrets
from pypeline.runner.signals import Kind, StopSignal
from pypeline.schema import collection
from pypeline.schema.problems import Place, Problem, PypeError

Subscriber = Callable[[RunEvent], None]
STOPPING = "stopping: what runs is interrupted, `on_error` and `finally` have their turn; a second Ctrl-C ends everything at once"


def run_plan(plan: Plan, folder: Path, options: argparse.Namespace, engine: Engine | None = None, secrets: Secrets | None = None) -> tuple[RunSummary, Watch]:
    """Run ``plan`` to its end with the subscribers that ``options`` ask for, on ``engine`` (None: this machine)."""
    watch = Watch()
    lost: list[OSError] = []
    shown: Subscriber = void
    with ExitStack() as open_now:
        subscribers: list[Subscriber] = [lambda event: void(watch.feed((event,)))]
        if options.events:
            subscribers.append(open_now.enter_context(event_lines(options.events)))
        if options.log_file:
            subscribers.append(open_now.enter_context(log_file(options.log_file, options.log_level or "INFO", options.log_format)))
        if not options.quiet:
            from pypeline.app.cli.progress import progress

            shown = open_now.enter_context(progress(plan, sys.stderr, level=options.log_level or "WARN"))
            subscribers.append(shown)

        def tell(event: RunEvent) -> None:
            for subscriber in tuple(subscribers):
                try:
                    subscriber(event)
                except OSError as error:
                    # its terminal has gone or its disk is full: the run goes on, and the others hear of it
                    subscribers.remove(subscriber)
                    lost.append(error)

        def stopping(kind: Kind) -> None:
            # the run's own record says that it was stopped; who waits for the prompt has to know at once
            if kind == "polite":
                with suppress(OSError):
                    shown(Log(run=watch.run, attempt=watch.attempt, time=time.time(), level="WARN", message=STOPPING))

        stop = StopSignal(signals=True, told=stopping)
        collection.loaded()
        summary = asyncio.run(execute(plan, folder=folder, on_event=tell, engine=engine, stop=stop, previews=options.previews, secrets=secrets))
    show(
        Problem("PYE493", f"the run's events went on without a listener: {error.strerror}", Place(file="pype run"), "Check the disk.", "warning", "run")
        for error in lost
    )
    return summary, watch


def void(_: Any) -> None:
    """Nothing: a subscriber returns nothing."""


@contextmanager
def event_lines(target: str) -> Iterator[Subscriber]:
    """One JSON object a line, flushed, so that a program can follow the run."""
    with opened_for_lines(target) as stream:
        reader_left = False

        def write(event: RunEvent) -> None:
            nonlocal reader_left
            if reader_left:
                return
            try:
                stream.write(json.dumps(to_json(event), ensure_ascii=False) + "\n")
                stream.flush()
            except BrokenPipeError:
                # the run goes on; that its reader has seen enough is no failure of it
                reader_left = True

        yield write


@contextmanager
def log_file(target: str, level: str, form: str) -> Iterator[Subscriber]:
    """The run's log lines at ``level`` and above, added to the file."""
    writer = LogWriter(private_file(Path(target)), level=level, format="text" if form == "text" else "json", own=True)
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
        stream = Path(target).open("w", encoding="utf-8")  # noqa: SIM115 -- closed below
    except OSError as error:
        raise PypeError(
            Problem("PYE481", f"`{target}` cannot be written: {error.strerror}", Place(file="pype run"), "Give a file in a folder that exists.")
        ) from error
    try:
        yield stream
    finally:
        # every line was flushed: what is left was refused, and told, already
        with suppress(OSError):
            stream.close()
