"""What runs together: the sub flows and control links of one loop's scope, or of all outside loops."""

from __future__ import annotations

from collections.abc import Mapping

from pypeline.core.plan import Plan, SubFlow, Valve
from pypeline.schema.record import record


@record
class Part:
    """``valves`` leave its ``sub_flows``, by (order, file order); ``inputs`` are the links into each,
    in the groups that one open link satisfies. ``within`` and ``links_within`` hold these and all that
    stands in loops inside, too."""

    sub_flows: tuple[SubFlow, ...]
    valves: tuple[Valve, ...]
    inputs: tuple[tuple[int, ...], ...]
    within: tuple[SubFlow, ...] = ()
    links_within: tuple[Valve, ...] = ()


def parts(plan: Plan) -> Mapping[int | None, Part]:
    """The parts of ``plan``: by iterate valve, and under None what stands in no loop."""
    valves = sorted(plan.valves, key=lambda valve: (valve.order, valve.index))
    if not any(valve.trigger == "iterate" for valve in valves):
        return {None: Part(plan.sub_flows, tuple(valves), tuple(group for sub in plan.sub_flows for group in sub.inputs))}
    loop_of = [sub.loop for sub in plan.sub_flows]
    around = {valve.index: loop_of[valve.source_sub_flow] for valve in valves if valve.trigger == "iterate"}
    subs: dict[int | None, list[SubFlow]] = {None: [], **{index: [] for index in around}}
    links: dict[int | None, list[Valve]] = {index: [] for index in subs}
    within: dict[int | None, list[SubFlow]] = {index: [] for index in subs}
    links_within: dict[int | None, list[Valve]] = {index: [] for index in subs}
    for sub in plan.sub_flows:
        subs[sub.loop].append(sub)
        for loop in _outwards(sub.loop, around):
            within[loop].append(sub)
    for valve in valves:
        links[loop_of[valve.source_sub_flow]].append(valve)
        for loop in _outwards(loop_of[valve.source_sub_flow], around):
            links_within[loop].append(valve)
    return {
        index: Part(tuple(own), tuple(links[index]), tuple(g for sub in own for g in sub.inputs), tuple(within[index]), tuple(links_within[index]))
        for index, own in subs.items()
    }


def _outwards(loop: int | None, around: Mapping[int, int | None]) -> list[int]:
    found = []
    while loop is not None:
        found.append(loop)
        loop = around[loop]
    return found
