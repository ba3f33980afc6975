"""Cutting a sub flow into tasks: relational modules fuse into segments, the rest stand alone.

A *cut* on an edge means that its ends lie in different tasks. Every module gets a depth: along an
edge it never falls, along a cut edge it rises. Modules of one depth joined by uncut edges are a
segment. So no path can leave a segment and come back: the tasks have no cycle. Depths are as deep
as they may be, so that a source read only by a late module is fused with it. Linear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pypeline.core.plan import TaskKind

MOST = 100
"""The most modules that one statement may hold."""


@dataclass(frozen=True, slots=True)
class Part:
    """How a module may be cut: its task ``kind``, and, when it must stand ``alone``, why."""

    kind: TaskKind
    engine: str = ""
    alone: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """``target`` comes after ``source``; ``cut`` says why they cannot share a task, if so.
    ``ordering`` marks an edge that carries no table."""

    source: str
    target: str
    cut: str = ""
    ordering: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """One task to be: its modules in order, and why it starts where it starts."""

    kind: TaskKind
    modules: tuple[str, ...]
    reason: str


def cut(order: Sequence[str], parts: Mapping[str, Part], edges: Sequence[Edge]) -> list[Cut]:
    """The tasks of one sub flow, in the order of their first modules in ``order`` (topological)."""
    if len(order) == 1:
        part = parts[order[0]]
        return [Cut(part.kind, (order[0],), part.alone)]
    into: dict[str, list[tuple[str, str]]] = {id: [] for id in order}
    for edge in edges:
        into[edge.target].append((edge.source, edge.cut or _between(edge.source, edge.target, parts)))
    depth = _depths(order, into)
    segment = _segments(order, into, depth)
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
    place = {id: at for at, id in enumerate(order)}
    return sorted(found, key=lambda one: place[one.modules[0]])


def _between(source: str, target: str, parts: Mapping[str, Part]) -> str:
    one, other = parts[source], parts[target]
    if other.alone:
        return other.alone
    if one.alone:
        return f"after `{source}`: {one.alone}"
    if one.engine != other.engine:
        return f"engine {other.engine} instead of {one.engine}"
    return ""


def _depths(order: Sequence[str], into: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, int]:
    depth: dict[str, int] = {}
    for id in order:
        depth[id] = max((depth[source] + bool(reason) for source, reason in into[id]), default=0)
    latest: dict[str, int] = {}
    for id in reversed(order):
        own = latest.get(id)
        depth[id] = depth[id] if own is None else own
        for source, reason in into[id]:
            bound = depth[id] - bool(reason)
            latest[source] = min(latest.get(source, bound), bound)
    return depth


def _segments(order: Sequence[str], into: Mapping[str, Sequence[tuple[str, str]]], depth: Mapping[str, int]) -> dict[str, int]:
    place = {id: at for at, id in enumerate(order)}
    parent = list(range(len(order)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for id in order:
        for source, reason in into[id]:
            if not reason and depth[source] == depth[id]:
                low, high = sorted((root(place[source]), root(place[id])))
                parent[high] = low
    return {id: root(at) for id, at in place.items()}


def _why(chunk: Sequence[str], into: Mapping[str, Sequence[tuple[str, str]]], segment: Mapping[str, int]) -> str:
    """Why a segment starts: the first cut that leads into it; else a cut on a way around it."""
    around = ""
    for id in chunk:
        for source, reason in into[id]:
            if reason:
                return reason
            if segment[source] != segment[id] and not around:
                around = f"`{source}` is also read on the other side of a cut"
    return around
