"""The planner: a checked Flow and its Facts become a :class:`Plan`. Pure; equal inputs, equal bytes.

Configs get their context variables and defaults, sub flows are cut into tasks
(:mod:`pypeline.core.tasks`), every module gets a fingerprint chained through what feeds it, and
the run its id. The flow must have passed :func:`pypeline.core.check.check`. Linear.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pypeline.core.catalogue import Catalogue
from pypeline.core.collecting import collecting
from pypeline.core.facts import Facts
from pypeline.core.fingerprint import digest
from pypeline.core.graph import ControlEdge, PipelineGraph
from pypeline.core.modules import Effects, ModuleDecl
from pypeline.core.plan import Plan, SubFlow, Task, Valve
from pypeline.core.planned import PlannedLink, PlannedModule
from pypeline.core.scopes import Scopes, item_port, scopes
from pypeline.core.tasks import Cutter, gate_mode, switched_off
from pypeline.core.templates import Filled, Templates
from pypeline.schema.collection import paused
from pypeline.schema.flow import Flow, Module
from pypeline.schema.problems import Problem, PypeError, did_you_mean

KEY = 1
"""The version of what a fingerprint is made of; a change of it starts every store anew."""

_EMPTY: Mapping[str, Any] = {}


def plan(flow: Flow, facts: Facts) -> Plan:
    """Everything a run of ``flow`` needs, decided.

    Raises:
        PypeError: a module type or a variable is unknown, or the data links form a cycle.
    """
    with paused():
        return _plan(flow, facts)


def _plan(flow: Flow, facts: Facts) -> Plan:
    graph = PipelineGraph(flow, facts.catalogue)
    decls = _declarations(flow, facts.catalogue)
    if graph.data_cycle() is not None:
        raise PypeError(Problem("PYE211", f"the data links form a cycle: {' -> '.join(graph.data_cycle() or ())}", phase="plan"))
    run_id = f"{flow.flow.name}-{identity(flow, facts)[:12]}"
    templates = Templates(facts, run_id)
    disabled = switched_off(graph)
    links = planned_links(graph, decls, disabled)
    modules = {module.id: module for module in flow.modules}
    marks = flow.marks
    filled = {module.id: templates.fill(module, decls[module.id], marks, at) for at, module in enumerate(flow.modules)}
    prints = _fingerprints(graph, modules, decls, filled, facts)
    planned = {
        id: _module(module, decls[id], filled[id], facts, prints[id], enabled=id not in disabled)
        for id, module in modules.items()
    }  # fmt: skip
    tasks: dict[str, Task] = {}
    sub_flows: list[SubFlow] = []
    numbers = graph.numbers
    links_into: dict[str, list[PlannedLink]] = {}
    for link in links.values():
        links_into.setdefault(link.target, []).append(link)
    found = scopes(graph)
    loops = found.inner
    iterates = [edge for edge in graph.edges if edge.spec.trigger == "iterate"]
    items = {edge.index: f"{edge.link.source}.{item_port(decls[edge.link.source], modules[edge.link.source])}" for edge in iterates}
    looped = frozenset(index for index, loop in enumerate(loops) if loop is not None) if items else frozenset()
    cutter = Cutter(graph, decls, planned, links_into, disabled, tuple(dict.fromkeys(items.values())), facts.profile, looped)
    for index, ids in enumerate(graph.sub_flows):
        made = cutter.tasks(index, ids)
        tasks.update((task.id, task) for task in made)
        gate = gate_mode(planned[ids[0]]) if len(ids) == 1 else ""
        inputs = tuple(tuple(edge.index for edge in group) for group in graph.inputs(index))
        loop = loops[index]
        sub_flows.append(SubFlow(index, ids[0], ids, tuple(task.id for task in made), numbers[index], inputs, gate, None if loop is None else loop.index))
    order = tuple(task for sub in sorted(sub_flows, key=lambda each: each.number) for task in sub.tasks)
    joins = _joins(found, planned) if items else {}
    valves = tuple(_valve(edge, templates, flow, items.get(edge.index, ""), tuple(joins.get(edge.index, ()))) for edge in graph.edges)
    return Plan(
        flow.flow.name, run_id, flow.settings, planned, links, tasks, tuple(sub_flows), valves,
        flow.on_error, flow.finally_, order, facts.folder, _open(facts.env, planned),
    )  # fmt: skip


def _joins(found: Scopes, planned: Mapping[str, PlannedModule]) -> dict[int, list[str]]:
    """The sinks that collect their rows frame by frame, by the loop after which they are joined."""
    joins: dict[int, list[str]] = {}
    for id, loop in collecting(planned, found.loops_of):
        joins.setdefault(loop, []).append(id)
    return joins


def _open(env: Mapping[str, str], modules: Mapping[str, PlannedModule]) -> Mapping[str, str]:
    """``env`` without what secret fields refer to: those values stay where they are until a connector asks."""
    secret = {reference.removeprefix("env.") for module in modules.values() if module.secrets for reference in module.references().values()}
    return {name: value for name, value in env.items() if name not in secret} if secret else env


def identity(flow: Flow, facts: Facts) -> str:
    """The digest of what a run of ``flow`` means: modules, links, code and context; not the drawing,
    notes, names, descriptions, retries or resources."""
    modules = [(m.id, m.name, m.configs.flat(), m.on_reject, m.enabled, m.bypass, m.stage, m.transaction) for m in flow.modules]
    control = [str(link) for link in flow.connections.control]
    settings = (flow.settings.fail_strategy, flow.settings.on_halt)
    code = sorted({m.name: facts.code.get(m.name, "") for m in flow.modules}.items())
    data = [str(link) for link in flow.connections.data]
    return digest([KEY, modules, data, control, flow.on_error, flow.finally_, settings, flow.sweep, code, dict(facts.context)])


def planned_links(graph: PipelineGraph, decls: Mapping[str, ModuleDecl], disabled: frozenset[str]) -> dict[str, PlannedLink]:
    """The data links between modules that run, by id; links into a ``many`` port are counted in file order."""
    found: dict[str, PlannedLink] = {}
    counts: dict[tuple[str, str], int] = {}
    for link in graph.links:
        source, target, target_port = link.source, link.target, link.target_port
        if disabled and (source in disabled or target in disabled):
            continue
        index = 0
        if decls[target].port_rules.get(target_port) == "many":
            index = counts.get((target, target_port), 0)
            counts[target, target_port] = index + 1
        id = str(link)
        found[id] = PlannedLink(id, source, link.source_port, target, target_port, index)
    return found


def _declarations(flow: Flow, catalogue: Catalogue) -> dict[str, ModuleDecl]:
    types = catalogue.types
    found = {module.id: types[module.name] for module in flow.modules if module.name in types}
    problems = [
        Problem("PYE300", f"there is no module type `{m.name}`", flow.marks.place(("modules", at, "name"), m.id), did_you_mean(m.name, types), phase="plan")
        for at, m in enumerate(flow.modules)
        if m.name not in types
    ]
    if problems:
        raise PypeError(*problems)
    return found


def _module(module: Module, decl: ModuleDecl, filled: Filled, facts: Facts, print: str, *, enabled: bool) -> PlannedModule:
    return PlannedModule(
        module.id, decl.name, decl.module_path, decl.kind,
        Effects.PURE if module.bypass else decl.effects,
        decl.relational or module.bypass,
        filled.configs, filled.variables, filled.globals_read,
        module.on_reject or "fail", enabled, module.bypass, print,
        facts.sources.get(module.id), decl.packages, facts.code.get(decl.name, ""), filled.templates,
        filled.secrets,
    )  # fmt: skip


def _fingerprints(
    graph: PipelineGraph, modules: Mapping[str, Module], decls: Mapping[str, ModuleDecl], filled: Mapping[str, Filled], facts: Facts
) -> dict[str, str]:
    """Per module the digest of all that its result depends on, chained through what feeds it."""
    types = {
        name: (name, decl.version, facts.code.get(name, ""), [(package, facts.versions.get(package, "")) for package in decl.packages])
        for name, decl in {decl.name: decl for decl in decls.values()}.items()
    }
    found: dict[str, str] = {}
    into = graph.links_into
    for id in graph.topological:
        module, decl, own = modules[id], decls[id], filled[id]
        upstream = [(link.target_port, found[link.source], link.source_port) for link in into[id]]
        source = facts.sources.get(id)
        files: list[Any] | None = None
        if source is not None:
            files = [(f.path, f.digest) if f.digest else (f.path, f.size, f.mtime_ns, f.inode) for f in source.files]
            files.append((source.header, [(c.name, c.type) for c in source.columns], source.dialect) if source.sniffed else (source.header,))
        found[id] = digest([KEY, types[decl.name], own.identity, upstream, files, module.on_reject, module.bypass, module.enabled])
    return found


def _valve(edge: ControlEdge, templates: Templates, flow: Flow, items: str, joins: tuple[str, ...]) -> Valve:
    spec, link = edge.spec, edge.link
    variables: Mapping[str, Any] = _EMPTY
    globals_read: tuple[str, ...] = ()
    iter_read: tuple[str, ...] = ()
    if spec.condition is not None:
        variables, globals_read, iter_read = templates.bound(spec.condition, flow.marks.place(("connections", "control", edge.index), link=str(link)))
    return Valve(
        edge.index, link.source, edge.source, link.target, edge.target, edge.order,
        spec.trigger, spec.condition, spec.parallel, str(link), variables, globals_read, items, iter_read, joins,
    )  # fmt: skip
