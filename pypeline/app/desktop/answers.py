"""What a person is asked for before a flow runs, and what was answered.

Plain answers are kept while the window is open and proposed again; secret ones live for their run only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pypeline.core.sound import upstream_of
from pypeline.runner import variables
from pypeline.runner.secrets import Secrets
from pypeline.runner.variables import Question
from pypeline.schema.flow import Flow

GoOn = Callable[[Mapping[str, Any]], object]
Ask = Callable[[tuple[Question, ...], GoOn], object]
"""Asks a person, and calls the second argument with the answers by name; does not call it where there are none."""


class Answers:
    """The chosen context, and the answers given so far, by the name of the variable."""

    def __init__(self) -> None:
        self.context_name = variables.DEFAULT
        self.given: dict[str, Any] = {}

    def questions(self, flow: Flow, folder: Path) -> tuple[Question, ...]:
        """What has to be asked for before ``flow`` runs, earlier answers proposed.

        Raises:
            PypeError: the context is unknown or broken (PYE392, PYE393).
        """
        return tuple(replace(each, proposal=self.given.get(each.name, each.proposal)) for each in variables.questions(flow, folder, self.context_name))

    def sets(self, flow: Flow, folder: Path) -> dict[str, Any]:
        """The answers that count: another context may know itself what was asked for in this one.

        Raises:
            PypeError: as :meth:`questions`.
        """
        asked = {each.name for each in variables.questions(flow, folder, self.context_name) if not each.secret}
        return {name: value for name, value in self.given.items() if name in asked}

    def values(self, flow: Flow, folder: Path) -> dict[str, Any]:
        """The chosen context with the answers so far; ``Asked`` for what only a person knows.

        Raises:
            PypeError: as :meth:`questions`.
        """
        return variables.context(flow, folder, self.context_name, self.sets(flow, folder))

    def take(self, asked: tuple[Question, ...], given: Mapping[str, Any]) -> Secrets:
        """Keep what was answered; returned is what may not be kept."""
        secret = {each.name for each in asked if each.secret}
        self.given |= {name: value for name, value in given.items() if name not in secret}
        return Secrets({name: str(given[name]) for name in secret if name in given})

    def open_for(self, flow: Flow, module: str, folder: Path) -> list[str]:
        """The names that ``module``, or what feeds it, waits for an answer to.

        Raises:
            PypeError: as :meth:`questions`.
        """
        values = self.values(flow, folder)
        return sorted({name for names in variables.waiting(upstream_of(flow, module), values).values() for name in names})
