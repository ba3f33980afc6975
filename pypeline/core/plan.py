"""The plan: what a run will do, as frozen, JSON-able data.

A **task** is what executes or is reused, retried, timed out, cancelled and given slots: a *segment*
(relational modules fused into one statement), a *code* module, or a *solo*. Its modules have
records, never their own retry. Ids are stable: a task is named after its first module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from pypeline.core.plain import as_data
from pypeline.core.planned import PlannedLink, PlannedModule, TaskKind
from pypeline.schema.flow import Resources, Retry, Settings, Trigger
from pypeline.schema.record import record

PLAN_FORMAT = 1
Decision = Literal["execute", "reuse", "at_run"]
EdgeType = Literal["NORMAL", "ITERATE", "START"]
EDGE_TYPES: Mapping[Trigger, EdgeType] = {"iterate": "ITERATE", "start": "START"}
"""Trigger → the specification's edge type; all others are NORMAL."""


@record(quick=True)
class Task:
    """``inputs`` are link ids that come from other tasks, ``hands_over`` ports (``module.port``) that
    other tasks or loops read, ``after`` the tasks that must have completed first, ``cut`` why it starts here. ``origins`` says of each value of
    ``resources`` whether ``module``, ``flow`` or ``profile`` gave it. One that ``waits`` does nothing but that: it books no cpu."""

    id: str
    kind: TaskKind
    sub_flow: int
    modules: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    hands_over: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    cut: str = ""
    decision: Decision = "execute"
    reason: str = "first_run"
    cause: tuple[str, ...] = ()
    timeout: float | None = None
    retry: Retry = Retry()
    resources: Resources = Resources()
    origins: Mapping[str, str] = field(default_factory=dict)
    waits: bool = False


@record(quick=True)
class SubFlow:
    """Modules joined by data links, or one solo. ``index`` (from 0) follows file order.

    ``number`` is its static preorder number (who is served first). ``inputs`` groups the valves
    (by index) that lead here; more than one group is an implicit gate that needs an open valve in
    each. ``gate`` is a sync gate's mode: ``all``, ``any``, ``ended`` or a number. ``loop`` is the
    innermost iterate valve in whose scope it stands, by index; None outside loops."""

    index: int
    title: str
    modules: tuple[str, ...]
    tasks: tuple[str, ...]
    number: int = 0
    inputs: tuple[tuple[int, ...], ...] = ()
    gate: str = ""
    loop: int | None = None


@record(quick=True)
class Valve:
    """A control link as the scheduler sees it; ``order`` is final (``Last`` resolved).
    ``index`` is its place in the file among control links; ``variables`` the values bound in its
    condition and ``globals_read`` the globals (``module__Var``) it needs at run time. ``items`` is the
    port (``module.port``) whose rows an iterate valve goes over, ``iter_read`` what a condition inside
    a loop reads of its item (``x`` of ``iter.x``). ``joins`` are the sinks in an iterate valve's scope that
    collect their rows in every frame, to be brought together when the loop is over."""

    index: int
    source: str
    source_sub_flow: int
    target: str
    target_sub_flow: int
    order: int
    trigger: Trigger = "ok"
    condition: str | None = None
    parallel: int | None = None
    text: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)
    globals_read: tuple[str, ...] = ()
    items: str = ""
    iter_read: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()

    @property
    def edge_type(self) -> EdgeType:
        """The specification's edge type."""
        return EDGE_TYPES.get(self.trigger, "NORMAL")


@record
class Plan:
    """Everything a run needs. ``order`` lists tasks in the order they would start with one slot."""

    flow: str
    run_id: str
    settings: Settings
    modules: Mapping[str, PlannedModule]
    links: Mapping[str, PlannedLink]
    tasks: Mapping[str, Task]
    sub_flows: tuple[SubFlow, ...]
    valves: tuple[Valve, ...] = ()
    on_error: tuple[str, ...] = ()
    finally_: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    folder: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    format: int = PLAN_FORMAT

    def references(self) -> frozenset[str]:
        """All that secret fields of this plan refer to: ``vault:path#key``, ``env.NAME``, ``context.name``."""
        return frozenset(reference for module in self.modules.values() if module.secrets for reference in module.references().values())

    def to_json(self) -> dict[str, Any]:
        """Plain data, keys in a fixed order; what ``plan.json`` and ``pype plan --json`` hold. Of the
        environment only the names: a value may be a secret."""
        return {**as_data(self), "env": sorted(self.env)}
