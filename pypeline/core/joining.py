"""May these two ports be joined? Asked many times while a link is dragged, so it looks at little.

The answer is empty, or says why not in a few words. :mod:`pypeline.core.check` has the last word on
a whole flow; this only keeps a hand from drawing what could never be right.
"""

from __future__ import annotations

from collections.abc import Mapping

from pypeline.core.layout import ports
from pypeline.core.modules import ModuleDecl
from pypeline.core.ports import role
from pypeline.schema.flow import ControlLink, DataLink, Flow

Catalogue = Mapping[str, ModuleDecl]
CONTROL_IN = frozenset({"source", "solo"})
CONTROL_OUT = frozenset({"source", "sink", "solo"})


def below(flow: Flow, id: str) -> frozenset[str]:
    """All modules that data from ``id`` can reach, and ``id`` itself."""
    after: dict[str, list[str]] = {}
    for link in flow.connections.data:
        after.setdefault(link.source, []).append(link.target)
    seen, waiting = {id}, [id]
    while waiting:
        for target in after.get(waiting.pop(), ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return frozenset(seen)


def why_not(flow: Flow, catalogue: Catalogue, link: DataLink, instead_of: DataLink | None = None) -> str:
    """Why ``link`` may not be drawn (``instead_of`` is the link it replaces); empty if it may."""
    if link.source == link.target:
        return "a module cannot feed itself"
    source, target = flow.module(link.source), flow.module(link.target)
    links = tuple(x for x in flow.connections.data if x != instead_of)
    if link in links:
        return "these two ports are joined already"
    _, outputs, _ = ports(source, catalogue.get(source.name), links)
    decl = catalogue.get(target.name)
    inputs, _, _ = ports(target, decl, links)
    if link.source_port not in outputs:
        return f"{link.source} has no output `{link.source_port}`"
    if link.target_port not in inputs:
        return f"{target.name} takes no table" if not inputs else f"{link.target} has no input `{link.target_port}`"
    many = decl is not None and decl.port_rules.get(link.target_port) == "many"
    taken = next((x for x in links if x.target == link.target and x.target_port == link.target_port), None)
    if taken is not None and not many:
        return f"`{link.target_port}` of {link.target} is fed by {taken.source} already"
    if link.source in below(flow, link.target):
        return f"{link.target} feeds {link.source}: the tables would go in a circle"
    return ""


def why_no_control(flow: Flow, catalogue: Catalogue, link: ControlLink) -> str:
    """Why this control link may not be drawn; empty if it may."""
    if link.source == link.target:
        return "a module cannot start itself"
    source, target = _role(flow, catalogue, link.source), _role(flow, catalogue, link.target)
    if source and source not in CONTROL_OUT:
        return f"a transform like {link.source} starts nothing: begin at a source, sink or solo module"
    if target and target not in CONTROL_IN:
        return f"{link.target} is started by its data: end at a source or a solo module"
    if any(x.source == link.source and x.target == link.target and x.valve == link.valve for x in flow.connections.control):
        return "this control link is there already"
    if link.target in _together(flow, link.source):
        return f"{link.target} is in the same sub flow: its data link orders the two already"
    return ""


def first_fit(flow: Flow, catalogue: Catalogue, source: str, port: str, target: str, instead_of: DataLink | None = None) -> DataLink | None:
    """The link from this output to the first input of ``target`` that may be drawn: a port of the same name first."""
    module = flow.module(target)
    inputs, _, _ = ports(module, catalogue.get(module.name), flow.connections.data)
    for name in sorted(inputs, key=lambda n: n != port):
        link = DataLink(source=source, source_port=port, target=target, target_port=name)
        if not why_not(flow, catalogue, link, instead_of):
            return link
    return None


def first_feed(flow: Flow, catalogue: Catalogue, target: str, port: str, source: str) -> DataLink | None:
    """The link into this input from the first output of ``source`` that may be drawn; reject ports last."""
    module = flow.module(source)
    _, outputs, rejects = ports(module, catalogue.get(module.name), flow.connections.data)
    for name in sorted(outputs, key=lambda n: n in rejects):
        link = DataLink(source=source, source_port=name, target=target, target_port=port)
        if not why_not(flow, catalogue, link):
            return link
    return None


def next_order(flow: Flow, source: str) -> int:
    """The order a new control link from ``source`` gets: one after the last of its sub flow."""
    members = _together(flow, source)
    orders = [0]
    for link in flow.connections.control:
        if link.source in members:
            text = link.valve.partition("|")[0].strip()
            if text.isdigit():
                orders.append(int(text))
    return max(orders) + 1


def _role(flow: Flow, catalogue: Catalogue, id: str) -> str:
    """What module ``id`` is to control links; nothing for a type that is not known."""
    decl = catalogue.get(flow.module(id).name)
    links = flow.connections.data
    return role(decl.kind, fed=any(x.target == id for x in links), feeds=any(x.source == id for x in links)) if decl is not None else ""


def _together(flow: Flow, id: str) -> frozenset[str]:
    """The modules of the sub flow that ``id`` is in."""
    beside: dict[str, list[str]] = {}
    for link in flow.connections.data:
        beside.setdefault(link.source, []).append(link.target)
        beside.setdefault(link.target, []).append(link.source)
    seen, waiting = {id}, [id]
    while waiting:
        for other in beside.get(waiting.pop(), ()):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return frozenset(seen)
