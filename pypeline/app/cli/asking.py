"""Asking a person at the terminal for context values that their file leaves open.

Questions go to standard error, so that a pipe carries results only; a secret answer is not shown and
leaves this process by no other way than to the module that may have it.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pypeline.app.cli.parser import scalar, sets
from pypeline.runner.variables import Question, questions, unanswered
from pypeline.schema.flow import Flow
from pypeline.schema.problems import PypeError


def ask(flow: Flow, folder: Path, options: argparse.Namespace, *, secrets: bool) -> dict[str, str]:
    """Ask for what is not answered yet: plain answers join ``options.set``, secret ones are returned by name.
    Without a terminal a proposal is the answer. ``secrets``: whether secret answers are needed.

    Raises:
        PypeError: PYE398, nobody can be asked.
    """
    open_now = [each for each in questions(flow, folder, options.context, sets(options)) if secrets or not each.secret]
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        if missing := [each for each in open_now if each.proposal is None]:
            raise PypeError(*map(unanswered, missing))
        return {}
    answers: dict[str, str] = {}
    for question in open_now:
        if question.secret:
            answers[question.name] = _secret(question)
        else:
            options.set.append((question.name, _plain(question)))
    return answers


def _plain(question: Question) -> object:
    shown = "" if question.proposal is None else f" [{question.proposal}]"
    while True:
        print(f"{question.text}{shown} ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise PypeError(unanswered(question))
        if text := line.strip():
            return scalar(text)
        if question.proposal is not None:
            proposal: object = question.proposal
            return proposal


def _secret(question: Question) -> str:
    import getpass

    while True:
        try:
            with _leaving_the_terminal_as_it_was():
                if text := getpass.getpass(f"{question.text} "):
                    return text
        except EOFError:
            raise PypeError(unanswered(question)) from None


@contextmanager
def _leaving_the_terminal_as_it_was() -> Iterator[None]:
    """Let a signal end this process by an exception, on whose way out what is typed is shown again."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
