"""Control links, gates and hooks: ends, kinds, valves, cycles, and the build checks of rules 22 and 25."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations

from pypeline.core import valves
from pypeline.core.checks.finding import Finding, control_path, line_of, remove
from pypeline.core.graph import ControlEdge
from pypeline.core.scopes import Scopes, item_port, scopes
from pypeline.core.tasks import GATE
from pypeline.schema.flow import ControlLink
from pypeline.schema.problems import Fix, did_you_mean

NEITHER = frozenset({"mod"})
"""Kinds at which no control link starts or ends."""
NOT_INTO = frozenset({"mod", "sink"})


def links(finding: Finding) -> None:
    """Ends, valves, kinds, self loops and duplicates of control links."""
    home = finding.graph.sub_flow_of
    inner = set(finding.graph.inner)
    seen: dict[tuple[str, str, str, str | None], int] = {}
    for index, link in enumerate(finding.flow.connections.control):
        if not _ends(finding, index, link):
            continue
        try:
            spec = valves.parse(link.valve)
        except valves.ValveError as error:
            finding.problems.append(error.problem(finding.control_place(index), link.valve))
            continue
        wrong = valves.check_condition(spec)
        if wrong is not None:
            finding.problems.append(wrong.problem(finding.control_place(index), spec.condition or ""))
        if link.source == link.target:
            finding.say(
                "PYE212", f"a control link leads from `{link.source}` to itself: {link.source} -> {link.source}", finding.control_place(index),
                "Link it to another sub flow.", remove(link, control_path(index)),
            )  # fmt: skip
            continue
        if index in inner:
            finding.say(
                "PYE219", f"the control link `{link}` joins two modules of one sub flow, which the data links order already", finding.control_place(index),
                "Remove it; it adds nothing.", remove(link, control_path(index)), severity="warning",
            )  # fmt: skip
            continue
        parts = (link.source, link.target, spec.trigger, spec.condition)
        if parts in seen:
            first = finding.control_place(seen[parts])
            finding.say(
                "PYE216", f"`{link}` has the source, target, trigger and condition of `{finding.flow.connections.control[seen[parts]]}`{line_of(first)}",
                finding.control_place(index), "Remove one of the two.", remove(link, control_path(index)),
            )  # fmt: skip
            continue
        seen[parts] = index
        _kinds(finding, index, link)
    cycle = finding.graph.control_cycle()
    if cycle is not None and len(cycle) > 2:
        index = next(
            i for i, link in enumerate(finding.flow.connections.control)
            if link.target == cycle[1] and home.get(link.source) == home[cycle[0]]
        )  # fmt: skip
        finding.say("PYE212", f"the control links form a cycle: {' -> '.join(cycle)}", finding.control_place(index), "Remove one of these links.")


def gates(finding: Finding) -> None:
    """A gate waits for no more links than it has (rule 25)."""
    for index, ids in enumerate(finding.graph.sub_flows):
        module = finding.modules[ids[0]]
        if module.name != GATE or len(ids) > 1:
            continue
        wanted = module.configs.flat().get("mode", "all")
        into = len(finding.graph.edges_in[index])
        if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted > into:
            half = "required" if "mode" in module.configs.required else "optional"
            finding.say(
                "PYE264", f"`{module.id}` waits for {wanted} links, and {into} lead to it", finding.module_place(module.id, "configs", half, "mode"),
                f"Write a number from 1 to {into}, or `all`." if into else "Add links to it.",
            )  # fmt: skip


def hooks(finding: Finding) -> None:
    """``on_error`` and ``finally`` name heads of sub flows of their own (rule 22)."""
    graph, flow = finding.graph, finding.flow
    listed: dict[int, str] = {}
    for key, ids in (("on_error", flow.on_error), ("finally", flow.finally_)):
        for at, id in enumerate(ids):
            place = flow.marks.place((key, at), id)
            if id not in finding.modules:
                finding.say("PYE210", f"`{key}` names `{id}`, and there is no such module", place, did_you_mean(id, finding.modules).replace("did", "Did", 1))
                continue
            home = graph.sub_flow_of[id]
            if id not in graph.heads(home):
                finding.say(
                    "PYE260", f"`{key}` names `{id}`, which is not the head of its sub flow", place,
                    f"Name `{graph.heads(home)[0]}` instead." if graph.heads(home) else "Name a source or a solo module.",
                )  # fmt: skip
            elif home in listed:
                finding.say("PYE261", f"the sub flow of `{id}` is listed in `{listed[home]}` and again in `{key}`", place, "Name it once.")
            elif graph.edges_in[home]:
                finding.say(
                    "PYE262", f"`{id}` is listed in `{key}`, and the control link `{graph.edges_in[home][0].link}` leads to it", place,
                    "Remove the link, or take the module out of the list.",
                )  # fmt: skip
            listed.setdefault(home, key)
    hooked = set(graph.hooks)
    main = _reach(finding, graph.roots)
    for hook in sorted(hooked):
        shared = sorted(_reach(finding, (hook,)) & main - hooked)
        if shared:
            id = graph.sub_flows[hook][0]
            below = graph.sub_flows[shared[0]][0]
            finding.say(
                "PYE263", f"`{below}` lies below `{id}`, which is listed in `{listed.get(hook, 'finally')}`, and below the main flow too",
                finding.module_place(below), "Give the listed sub flow modules of its own.",
            )  # fmt: skip


def loops(finding: Finding) -> None:
    """Iterate links: a table to go over, scopes of their own, error links that come later (rules 14, 25)."""
    graph = finding.graph
    for edge in graph.edges:
        if edge.spec.trigger == "iterate":
            _iterate(finding, edge)
    found = scopes(graph)
    for meeting in found.meeting:
        into = graph.edges_in[meeting]
        around = {loop.index: loop for edge in into for loop in found.around(found.entry(edge))}
        for edge in into:
            own = {loop.index for loop in found.around(found.entry(edge))}
            for loop in (loop for index, loop in around.items() if index not in own):
                finding.say(
                    "PYE267", f"`{edge.link}` leads from outside into the loop of `{loop.link}`", finding.control_place(edge.index),
                    "Let it leave the loop's source, with a higher order, and lead to a module outside the loop.",
                    remove(edge.link, control_path(edge.index)),
                )  # fmt: skip
        for edge, other in _overlapping(found, meeting):
            shared = graph.sub_flows[meeting][0]
            finding.say(
                "PYE265", f"`{shared}` lies in the loops of both `{edge.link}` and `{other.link}`", finding.control_place(edge.index),
                "Give each loop modules of its own.",
            )  # fmt: skip


def _iterate(finding: Finding, edge: ControlEdge) -> None:
    decl = finding.decl(edge.link.source)
    if decl is not None and not item_port(decl, finding.modules[edge.link.source]):
        finding.say(
            "PYE266", f"`{edge.link}` goes over the rows of `{edge.link.source}`, which has no table output", finding.control_place(edge.index),
            "Let the link leave a module with an output port.",
        )  # fmt: skip
    for error in finding.graph.edges_out[edge.source]:
        if error.spec.trigger == "error" and error.order <= edge.order:
            finding.say(
                "PYE268", f"`{error.link}` resolves before or with the loop `{edge.link}`, so it cannot handle a failure in the loop",
                finding.control_place(error.index), f"Give it an order above {edge.order}.",
                Fix(f"Write order {edge.order + 1}", control_path(error.index), _with_order(error, edge.order + 1)), severity="warning",
            )  # fmt: skip


def _with_order(edge: ControlEdge, order: int) -> str:
    valve = valves.format(replace(edge.spec, order=order))
    return f"{edge.link.source} ({valve}) {edge.link.target}"


def _overlapping(found: Scopes, meeting: int) -> list[tuple[ControlEdge, ControlEdge]]:
    """Pairs of loops that both lead to ``meeting`` though neither stands in the other."""
    entries = {loop.index: loop for edge in found.graph.edges_in[meeting] if (loop := found.entry(edge)) is not None}
    pairs = []
    for edge, other in combinations(sorted(entries.values(), key=lambda each: each.index), 2):
        apart = edge not in found.around(other) and other not in found.around(edge)
        # a loop that begins in the middle of another is told as a link that leads in
        if apart and (edge.target == meeting) == (other.target == meeting):
            pairs.append((edge, other))
    return pairs


def _reach(finding: Finding, starts: Iterable[int]) -> set[int]:
    found = set(starts)
    stack = list(found)
    while stack:
        for edge in finding.graph.edges_out[stack.pop()]:
            if edge.target not in found:
                found.add(edge.target)
                stack.append(edge.target)
    return found


def _ends(finding: Finding, index: int, link: ControlLink) -> bool:
    missing = [id for id in dict.fromkeys((link.source, link.target)) if id not in finding.modules]
    for id in missing:
        finding.say(
            "PYE210", f"the control link `{link}` names `{id}`, and there is no such module", finding.control_place(index),
            did_you_mean(id, finding.modules).replace("did", "Did", 1), remove(link, control_path(index)),
        )  # fmt: skip
    return not missing


def _kinds(finding: Finding, index: int, link: ControlLink) -> None:
    source, target = finding.role(link.source), finding.role(link.target)
    if source in NEITHER:
        finding.say(
            "PYE218", f"`{link}`: no control link leaves `{link.source}`, which is in the middle of its sub flow", finding.control_place(index),
            "Let it leave a source, a sink or a solo module.", remove(link, control_path(index)),
        )  # fmt: skip
    if target in NOT_INTO:
        heads = finding.graph.heads(finding.graph.sub_flow_of[link.target])
        finding.say(
            "PYE218", f"`{link}`: no control link leads to `{link.target}`, whose sub flow starts at its head", finding.control_place(index),
            f"Let it lead to `{heads[0]}`." if heads else "Let it lead to a source or a solo module.", remove(link, control_path(index)),
        )  # fmt: skip
