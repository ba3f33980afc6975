"""The part of a flow that makes sense: what can be bound, previewed or run while the rest is being drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pypeline.core.edits import part
from pypeline.core.modules import ModuleDecl
from pypeline.core.plan import Plan
from pypeline.core.planned import PlannedLink
from pypeline.core.ports import input_ports, rule
from pypeline.schema.flow import Connections, DataLink, Flow
from pypeline.schema.problems import Problem, errors


def sound_part(flow: Flow, catalogue: Mapping[str, ModuleDecl], problems: Iterable[Problem]) -> Flow:
    """The modules without an error whose inputs all come from such modules; data links only."""
    bad = {p.place.module for p in errors(problems)} | {m.id for m in flow.modules if m.name not in catalogue}
    fed: dict[str, set[str]] = {}
    feeders: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for link in flow.connections.data:
        fed.setdefault(link.target, set()).add(link.target_port)
        feeders.setdefault(link.target, []).append(link.source)
        after.setdefault(link.source, []).append(link.target)
    for module in flow.modules:
        decl = catalogue.get(module.name)
        if decl is not None and {port for port in input_ports(decl, module) if "optional" not in rule(decl, port)} - fed.get(module.id, set()):
            bad.add(module.id)
    waiting = list(bad)
    while waiting:
        for target in after.get(waiting.pop(), ()):
            if target not in bad:
                bad.add(target)
                waiting.append(target)
    kept = part(flow, [m.id for m in flow.modules if m.id not in bad])
    return _data_only(kept)


def upstream_of(flow: Flow, id: str) -> Flow:
    """Module ``id`` and all that its data comes from; data links only. For *Run to here* and previews.

    Rejected rows that a link takes in the whole flow are no failure here, though their taker is left out.
    """
    feeders: dict[str, list[str]] = {}
    for link in flow.connections.data:
        feeders.setdefault(link.target, []).append(link.source)
    wanted, waiting = {id}, [id]
    while waiting:
        for source in feeders.get(waiting.pop(), ()):
            if source not in wanted:
                wanted.add(source)
                waiting.append(source)
    taken = {x.source for x in flow.connections.data if x.source_port == "reject" and x.source in wanted and x.target not in wanted}
    piece = part(flow, wanted)
    modules = tuple(m.model_copy(update={"on_reject": "ignore"}) if m.id in taken else m for m in piece.modules)
    return _data_only(piece.model_copy(update={"modules": modules}))


def _data_only(flow: Flow) -> Flow:
    """``flow`` without control links and hooks."""
    connections = Connections(data=flow.connections.data)
    return flow.model_copy(update={"connections": connections, "on_error": (), "finally_": (), "sweep": None})


def with_rows_of(plan: Plan, id: str, ports: Iterable[str], links: Iterable[DataLink]) -> Plan:
    """``plan``, a part that ends at module ``id``, with the rows of its output ``ports`` made and counted, as if what ``links`` name took them."""
    found = {f"{id}.{port}": PlannedLink(f"{id}.{port}", id, port, "", "") for port in ports}
    for link in links:
        if link.source == id and link.source_port in ports:
            found[f"{id}.{link.source_port}"] = PlannedLink(str(link), id, link.source_port, link.target, link.target_port)
    tasks = {
        name: replace(task, hands_over=tuple(dict.fromkeys([*task.hands_over, *found]))) if id in task.modules and task.kind in ("segment", "code") else task
        for name, task in plan.tasks.items()
    }
    return replace(plan, tasks=tasks, links={**plan.links, **{link.id: link for link in found.values()}})
