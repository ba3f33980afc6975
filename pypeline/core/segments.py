"""Cutting a sub flow into tasks: relational modules fuse into segments, the rest stand alone.

A *cut* on an edge means that its ends lie in different tasks. Every module gets a depth: along an
edge it never falls, along a cut edge it rises. Modules of one depth joined by uncut edges are a
segment. So no path can leave a segment and come back: the tasks have no cycle. Depths start as low
as they may be (filters run before a table is handed over); then whole segments move as deep as they
may, so that what only a late segment reads is fused with it and not handed over at all. Linear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pypeline.core.planned import TaskKind
from pypeline.schema.record import record

MOST = 100
"""The most modules that one statement may hold."""

Into = Mapping[str, Sequence[tuple[str, str]]]
"""Module → (what it comes after, why they cannot share a task; ``""`` for no reason)."""


@record(quick=True)
class Part:
    """How a module may be cut: its task ``kind``, and, when it must stand ``alone``, why."""

    kind: TaskKind
    engine: str = ""
    alone: str = ""


@record(quick=True)
class Cut:
    """One task to be: its modules in order, and why it starts where it starts."""

    kind: TaskKind
    modules: tuple[str, ...]
    reason: str


def cut(order: Sequence[str], parts: Mapping[str, Part], edges: Into) -> list[Cut]:
    """The tasks of one sub flow, each after what it needs. ``order`` is topological; the reasons in ``edges`` are
    those that do not follow from ``parts``."""
    if len(order) == 1:
        part = parts[order[0]]
        return [Cut(part.kind, (order[0],), part.alone)]
    into: dict[str, list[tuple[str, str]]] = {}
    for id in order:
        own = parts[id]
        into[id] = [(source, reason or own.alone or _between(source, parts[source], own)) for source, reason in edges[id]]
    place = {id: at for at, id in enumerate(order)}
    depth = _lowest(order, into)
    depth = _deepest(order, into, depth, _segments(place, into, depth))
    segment = _segments(place, into, depth)
    members: dict[int, list[str]] = {}
    for id in order:
        members.setdefault(segment[id], []).append(id)
    found = []
    for modules in members.values():
        for start in range(0, len(modules), MOST):
            chunk = tuple(modules[start : start + MOST])
            part = parts[chunk[0]]
            reason = part.alone or (f"more than {MOST} modules" if start else _why(chunk, into, segment))
            found.append(Cut(part.kind, chunk, reason))
    return sorted(found, key=lambda one: (depth[one.modules[0]], place[one.modules[0]]))


def _between(source: str, one: Part, other: Part) -> str:
    if one.alone:
        return f"after `{source}`: {one.alone}"
    if one.engine != other.engine:
        return f"engine {other.engine} instead of {one.engine}"
    return ""


def _lowest(order: Sequence[str], into: Into) -> dict[str, int]:
    depth: dict[str, int] = {}
    for id in order:
        own = 0
        for source, reason in into[id]:
            own = max(own, depth[source] + bool(reason))
        depth[id] = own
    return depth


def _deepest(order: Sequence[str], into: Into, depth: Mapping[str, int], segment: Mapping[str, int]) -> dict[str, int]:
    """Depths with every segment as deep as what reads it allows; the last ones stay."""
    bound: dict[int, int] = {}
    # segments of a depth do not read each other, so falling depth is an order from readers to read
    for id in sorted(order, key=depth.__getitem__, reverse=True):
        home = segment[id]
        own = bound.get(home, depth[id])
        for source, reason in into[id]:
            above = segment[source]
            if above != home:
                most = own - 1 if reason else own
                if bound.setdefault(above, most) > most:
                    bound[above] = most
    return {id: bound.get(segment[id], depth[id]) for id in order}


def _segments(place: Mapping[str, int], into: Into, depth: Mapping[str, int]) -> Mapping[str, int]:
    """For each module the place of its segment's first one."""
    joined = [(place[source], place[id]) for id, above in into.items() for source, reason in above if not reason and depth[source] == depth[id]]
    if not joined:
        return place
    parent = list(range(len(place)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for source, target in joined:
        low, high = sorted((root(source), root(target)))
        parent[high] = low
    return {id: root(at) for id, at in place.items()}


def _why(chunk: Sequence[str], into: Into, segment: Mapping[str, int]) -> str:
    """Why a segment starts: the first cut that leads into it; else a cut on a way around it."""
    around = ""
    for id in chunk:
        for source, reason in into[id]:
            if reason:
                return reason
            if segment[source] != segment[id] and not around:
                around = f"`{source}` is also read on the other side of a cut"
    return around
