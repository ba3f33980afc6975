"""Tasks: what executes, is retried, timed out and given slots, made from a sub flow's modules.

Comes in: the graph, declarations and planned modules. Goes out: :class:`~pypeline.core.plan.Task`
records with their hand-overs and dependencies. What cuts a segment is runner.md's list: code, solos,
engines, a reader's rejects, variables read in the own sub flow, and keys a module sets for itself.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from types import MappingProxyType
from typing import Any

from pypeline.core.graph import PipelineGraph
from pypeline.core.modules import Effects, ModuleDecl
from pypeline.core.plan import Decision, Task
from pypeline.core.planned import PlannedLink, PlannedModule
from pypeline.core.resources import resolve
from pypeline.core.segments import Cut, Into, Part, cut
from pypeline.schema.flow import DataLink, Module, Resources, Retry, Settings

GATE = "sync_gate"
"""The module type that planner and run state know by name: nothing of it runs."""

FLOW = "run_flow"
"""The module type whose task is a run of another flow: no worker runs it, and it books nothing."""

WAITING = ("sleep", "wait_for_file")
"""The module types that only wait. Held they a cpu meanwhile, what they wait for might never start."""

OWN = ("retry", "retries", "timeout", "resources", "cache", "checkpoint")
"""Keys that make a module a task of its own."""

_OWN = {*OWN, "contract"}
_WRITES, _CODE = Effects.WRITES, Effects.CODE
_ONCE = Retry()


class Cutter:
    """Makes the tasks of a flow's sub flows; modules in ``off`` are in none. ``items`` are the
    ports (``module.port``) that loops go over: their tasks hand them over; ``looped`` the sub flows in loops."""

    def __init__(
        self, graph: PipelineGraph, decls: Mapping[str, ModuleDecl], planned: Mapping[str, PlannedModule],
        links_into: Mapping[str, Sequence[PlannedLink]], off: frozenset[str], items: Sequence[str] = (),
        profile: Mapping[str, Any] = MappingProxyType({}), looped: Container[int] = (),
    ) -> None:  # fmt: skip
        self.settings = graph.flow.settings
        self.graph = graph
        self.decls = decls
        self.planned = planned
        self.links_into = links_into
        self.off = off
        self.looped = looped
        self.profile = Resources(**profile) if profile else None
        self.items = {port.rpartition(".")[0]: port for port in items}
        self.modules = {module.id: module for module in graph.flow.modules}
        self.canonical = {module.id.casefold(): module.id for module in graph.flow.modules}
        self.place = {id: at for at, id in enumerate(graph.topological)}
        self.setters = {id: self._setters(id) for id, module in planned.items() if module.globals_read}
        self.rejecting = {id: decl.reject_ports for id, decl in decls.items() if decl.reject_ports and decl.kind == "source"}
        self.retry = _retry(self.settings) or _ONCE

    def tasks(self, index: int, ids: Sequence[str]) -> list[Task]:
        """The tasks of sub flow ``index``, in the order in which one slot would run them."""
        cuts = self._cuts(ids)
        home = {id: one.modules[0] for one in cuts for id in one.modules}
        hands_over: dict[str, dict[str, None]] = {}
        needs: list[tuple[Cut, list[str], Iterable[str]]] = []
        for one in cuts:
            task = one.modules[0]
            inputs: list[str] = []
            after: dict[str, None] = {}
            for id in one.modules:
                for link in self.links_into.get(id, ()):
                    before = home.get(link.source)
                    if before is not None and before != task:
                        inputs.append(link.id)
                        after[before] = None
                        given = hands_over.get(before)
                        if given is None:
                            hands_over[before] = {link.port: None}
                        else:
                            given[link.port] = None
                for setter in self.setters.get(id, ()) if self.setters else ():
                    before = home.get(setter)
                    if before is not None and before != task:
                        after[before] = None
                if id in self.items:
                    hands_over.setdefault(task, {})[self.items[id]] = None
            needs.append((one, inputs, after))
        return [self._task(index, one, inputs, hands_over.get(one.modules[0], ()), after) for one, inputs, after in needs]

    def _task(self, index: int, one: Cut, inputs: Iterable[str], hands_over: Iterable[str], after: Iterable[str]) -> Task:
        id = one.modules[0]
        decision, reason = _decide([self.planned[each] for each in one.modules], index in self.looped)
        alone = self.modules[id] if len(one.modules) == 1 else None
        return Task(
            id, one.kind, index, one.modules, tuple(inputs), tuple(hands_over), tuple(after), one.reason,
            decision, reason, (), alone.timeout if alone else None, _retry(alone) or self.retry,
            *resolve(alone.resources if alone else None, self.settings.resources, self.profile),
            alone is not None and alone.name in WAITING and alone.resources is None,
        )  # fmt: skip

    def _cuts(self, ids: Sequence[str]) -> list[Cut]:
        running = [id for id in ids if id not in self.off] if self.off else list(ids)
        if not running:
            return []
        parts = {id: self._part(id) for id in running}
        if len(parts) == 1:
            return cut(running, parts, {})
        into = {
            id: [(link.source, self._rejects(link) if self.rejecting else "") for link in self.graph.links_into[id] if link.source in parts] for id in running
        }
        order = sorted(running, key=self.place.__getitem__)
        if self.setters:
            ordering = [(setter, id) for id in running for setter in self.setters.get(id, ()) if setter in parts]
            order = _reordered(order, into, ordering) if ordering else order
            for setter, id in ordering:
                into[id].append((setter, f"reads a variable of `{setter}`"))
        return cut(order, parts, into)

    def _part(self, id: str) -> Part:
        decl, module = self.decls[id], self.modules[id]
        engine = module.engine or self.settings.engine
        if decl.kind == "solo":
            return Part("gate" if decl.name == GATE else "flow" if decl.name == FLOW else "solo", engine, "solo")
        if not self.planned[id].relational:
            return Part("code", engine, "code")
        reason = own_task(module)
        if not reason and self.settings.execution_mode == "pandas":
            reason = "execution_mode pandas"
        return Part("segment", engine, reason)

    def _rejects(self, link: DataLink) -> str:
        """Why a link that carries what a reader rejected cuts; ``""`` for any other."""
        return f"reads the rejected rows of `{link.source}`" if link.source_port in self.rejecting.get(link.source, ()) else ""

    def _setters(self, id: str) -> list[str]:
        """The other modules of the flow whose variables ``id`` reads: it runs in a later task."""
        names = [name.partition("__")[0].casefold() for name in self.planned[id].globals_read]
        return [self.canonical[name] for name in dict.fromkeys(names) if self.canonical.get(name, id) != id]


def own_task(module: Module) -> str:
    """Why ``module`` is a task of its own: the key it sets for itself (runner.md §0), or ``""``."""
    if not module.model_fields_set & _OWN:
        return ""
    for key in OWN:
        if getattr(module, key) is not None:
            return f"own {key}"
    return "contract that fails" if module.contract is not None and module.contract.on_violation == "fail" else ""


def _reordered(order: Sequence[str], into: Into, ordering: Sequence[tuple[str, str]]) -> list[str]:
    """``order`` made to respect all edges and the pairs of ``ordering``; these are given up where they would close a cycle."""
    place = {id: at for at, id in enumerate(order)}
    edges = [(source, id) for id, above in into.items() for source, _ in above]
    for pairs in ([*edges, *ordering], edges):
        left = dict.fromkeys(order, 0)
        feeds: dict[str, list[str]] = {id: [] for id in order}
        for source, target in pairs:
            left[target] += 1
            feeds[source].append(target)
        ready = [place[id] for id, count in left.items() if not count]
        heapify(ready)
        found: list[str] = []
        while ready:
            id = order[heappop(ready)]
            found.append(id)
            for target in feeds[id]:
                left[target] -= 1
                if not left[target]:
                    heappush(ready, place[target])
        if len(found) == len(order):
            return found
    return list(order)


def _decide(modules: Sequence[PlannedModule], in_loop: bool) -> tuple[Decision, str]:
    reason = "first_run"
    for module in modules:
        if in_loop or module.globals_read:
            return "at_run", "at_run"
        if module.effects is _WRITES:
            reason = "side_effect"
        elif module.effects is _CODE and reason == "first_run":
            reason = "not_deterministic"
    return "execute", reason


def _retry(said: Module | Settings | None) -> Retry | None:
    """How a module, or a flow for all its modules, is tried again; None where it does not say."""
    if said is None:
        return None
    if said.retry is not None:
        return said.retry
    if said.retries is not None:
        return Retry(attempts=said.retries + 1) if said.retries else _ONCE
    return None


def gate_mode(module: PlannedModule) -> str:
    """The mode of a sync gate: ``all``, ``any``, ``ended`` or a number; ``""`` for other modules."""
    return str(module.configs.get("mode", "all")) if module.type == GATE else ""


def switched_off(graph: PipelineGraph) -> frozenset[str]:
    """Modules that do not run because they, or all that feeds one of their ports, are disabled."""
    off = {module.id for module in graph.flow.modules if not module.enabled}
    if not off:
        return frozenset()
    for id in graph.topological:
        if id in off:
            continue
        fed: dict[str, bool] = {}
        for link in graph.links_into[id]:
            fed[link.target_port] = fed.get(link.target_port, False) or link.source not in off
        if not all(fed.values()):
            off.add(id)
    return frozenset(off)
