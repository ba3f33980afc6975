"""A module and a link as an order carries them to a worker: all that is needed to execute them.

A part of the plan with a room of its own, because a worker starts sooner without the models of the
flow file that the rest of the plan is made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from pypeline.core.facts import SourceFacts
from pypeline.core.modules import Effects, Kind
from pypeline.schema.record import record

TaskKind = Literal["segment", "code", "solo", "gate", "flow"]


@record(quick=True)
class PlannedModule:
    """A module ready to run: ``configs`` flat with context variables filled in. ``templates`` are the
    paths in them of texts that still hold ``{{…}}`` (globals, environment, secrets): the runner fills
    those, once, and no others, because a value may hold braces of its own. ``secrets`` are the paths of
    the references in its secret fields: they become handles and are never filled in. ``variables`` are the
    values bound in its expressions, SQL and templates, by their text inside the braces;
    ``globals_read`` the globals (``module__Var``) it needs at run time. ``packages`` must be
    importable before the run starts; ``code_hash`` (``Facts.code`` of its type) tells an engine
    whether a warm worker still holds the code that was planned with."""

    id: str
    type: str
    module_path: str
    kind: Kind
    effects: Effects
    relational: bool
    configs: Mapping[str, Any]
    variables: Mapping[str, Any] = field(default_factory=dict)
    globals_read: tuple[str, ...] = ()
    on_reject: Literal["fail", "warn", "ignore"] = "fail"
    enabled: bool = True
    bypass: bool = False
    fingerprint: str = ""
    source: SourceFacts | None = None
    packages: tuple[str, ...] = ()
    code_hash: str = ""
    templates: tuple[tuple[str | int, ...], ...] = ()
    secrets: tuple[tuple[str | int, ...], ...] = ()

    def references(self) -> dict[tuple[str | int, ...], str]:
        """What each secret field refers to: ``vault:path#key``, ``env.NAME`` or ``context.name``, by path."""
        found: dict[tuple[str | int, ...], str] = {}
        for path in self.secrets:
            value: Any = self.configs
            for part in path:
                value = value[part]
            found[path] = value.strip("{} ")
        return found


@record(quick=True)
class PlannedLink:
    """A data link. ``id`` is its text form; ``index`` its place among the links into a ``many`` port."""

    id: str
    source: str
    source_port: str
    target: str
    target_port: str
    index: int = 0

    @property
    def port(self) -> str:
        """``module.port`` of the source: what a count belongs to."""
        return f"{self.source}.{self.source_port}"
