"""The flow as a graph: sub flows, waves, control edges with final orders, cycles, preorder numbers.

Comes in: a Flow. Goes out: the same answers in the same order every time (ties by file order, never
by hash). Links that name a missing module or misspell their valve are left out here;
:mod:`pypeline.core.check` reports them. Linear in modules and links, and without recursion.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

from pypeline.core import valves
from pypeline.core.above import above
from pypeline.core.catalogue import Catalogue
from pypeline.core.valves import ValveError, ValveSpec
from pypeline.schema.flow import ControlLink, DataLink, Flow
from pypeline.schema.record import record


@record(quick=True)
class ControlEdge:
    """A control link between two sub flows. ``index`` is its place in the file, ``order`` final."""

    index: int
    link: ControlLink
    spec: ValveSpec
    source: int
    target: int
    order: int


class PipelineGraph:
    """The graph of ``flow``. Sub flows are numbered from 0 in the order of their first modules."""

    def __init__(self, flow: Flow, catalogue: Catalogue | None = None) -> None:
        self.flow = flow
        self.catalogue = catalogue if catalogue is not None else Catalogue()
        self.ids: tuple[str, ...] = tuple(dict.fromkeys(module.id for module in flow.modules))
        self._at: Mapping[str, int] = {id: at for at, id in enumerate(self.ids)}
        self.links: tuple[DataLink, ...] = tuple(
            link for link in flow.connections.data if link.source in self._at and link.target in self._at and link.source != link.target
        )

    # --- data -------------------------------------------------------------------------------------

    @cached_property
    def feeds(self) -> Mapping[str, tuple[str, ...]]:
        """Module → the modules its data goes to, each once, in order of the links."""
        found: dict[str, dict[str, None]] = {id: {} for id in self.ids}
        for link in self.links:
            found[link.source][link.target] = None
        return {id: tuple(targets) for id, targets in found.items()}

    @cached_property
    def fed_by(self) -> Mapping[str, tuple[str, ...]]:
        """Module → the modules its data comes from, each once, in order of the links."""
        found: dict[str, dict[str, None]] = {id: {} for id in self.ids}
        for link in self.links:
            found[link.target][link.source] = None
        return {id: tuple(sources) for id, sources in found.items()}

    @cached_property
    def links_into(self) -> Mapping[str, tuple[DataLink, ...]]:
        """Module → the data links that come in, in file order."""
        found: dict[str, list[DataLink]] = {id: [] for id in self.ids}
        for link in self.links:
            found[link.target].append(link)
        return {id: tuple(links) for id, links in found.items()}

    @cached_property
    def sub_flows(self) -> tuple[tuple[str, ...], ...]:
        """Modules joined by data links, in file order; a module without data links is one of its own."""
        parent = list(range(len(self.ids)))

        def root(node: int) -> int:
            while parent[node] != node:
                parent[node] = parent[parent[node]]
                node = parent[node]
            return node

        at = self._at
        for link in self.links:
            one, other = root(at[link.source]), root(at[link.target])
            if one < other:
                parent[other] = one
            else:
                parent[one] = other
        parts: dict[int, list[str]] = {}
        for node, id in enumerate(self.ids):
            # a root is the first of its part, so that what comes later knows its root by one look at most
            parent[node] = parent[parent[node]]
            parts.setdefault(parent[node], []).append(id)
        return tuple(tuple(part) for part in parts.values())

    @cached_property
    def sub_flow_of(self) -> Mapping[str, int]:
        """Module → index of its sub flow."""
        return {id: index for index, part in enumerate(self.sub_flows) for id in part}

    def heads(self, sub_flow: int) -> tuple[str, ...]:
        """The modules of a sub flow that no data comes to."""
        return tuple(id for id in self.sub_flows[sub_flow] if not self.fed_by[id])

    def waves(self, sub_flow: int) -> tuple[tuple[str, ...], ...]:
        """The modules of a sub flow in waves: each has all its inputs from earlier waves. What lies
        on a cycle is in none."""
        ids = self.sub_flows[sub_flow]
        if len(ids) == 1:
            return (ids,)
        left = {id: len(self.fed_by[id]) for id in ids}
        wave = [id for id, count in left.items() if not count]
        feeds = self.feeds
        found = []
        while wave:
            found.append(tuple(wave))
            after = []
            for id in wave:
                for target in feeds[id]:
                    left[target] -= 1
                    if not left[target]:
                        after.append(target)
            wave = sorted(after, key=self._at.__getitem__) if len(after) > 1 else after
        return tuple(found)

    @cached_property
    def topological(self) -> tuple[str, ...]:
        """All modules, each after what feeds it, else in file order as far as that allows: sub flow
        by sub flow, wave by wave. What lies on a data cycle is missing."""
        return tuple(id for index in range(len(self.sub_flows)) for wave in self.waves(index) for id in wave)

    def data_cycle(self) -> tuple[str, ...] | None:
        """A cycle of data links as ``(a, b, c, a)``, or None. A self loop is one too."""
        for link in self.flow.connections.data:
            if link.source == link.target and link.source in self._at:
                return (link.source, link.source)
        if len(self.topological) == len(self.ids):
            return None
        done = set(self.topological)
        rest = [id for id in self.ids if id not in done]
        return _cycle((id, target) for id in rest for target in self.feeds[id] if target not in done)

    # --- control ----------------------------------------------------------------------------------

    @cached_property
    def inner(self) -> tuple[int, ...]:
        """Control links inside one sub flow, by their place in the file: they add nothing."""
        home = self.sub_flow_of
        return tuple(
            index for index, link in enumerate(self.flow.connections.control)
            if link.source != link.target and home.get(link.source, -1) == home.get(link.target, -2)
        )  # fmt: skip

    @cached_property
    def edges(self) -> tuple[ControlEdge, ...]:
        """The control links between sub flows, in file order, with ``Last`` resolved (rule 4)."""
        home = self.sub_flow_of
        found: list[tuple[int, ControlLink, ValveSpec]] = []
        for index, link in enumerate(self.flow.connections.control):
            if link.source in home and link.target in home and home[link.source] != home[link.target]:
                try:
                    found.append((index, link, valves.parse(link.valve)))
                except ValveError:
                    continue
        leaving: dict[int, list[int]] = {}
        for at, (_, link, _) in enumerate(found):
            leaving.setdefault(home[link.source], []).append(at)
        order = [0] * len(found)
        for places in leaving.values():
            for at, resolved in zip(places, valves.resolve_last([found[at][2].order for at in places]), strict=True):
                order[at] = resolved
        return tuple(ControlEdge(index, link, spec, home[link.source], home[link.target], order[at]) for at, (index, link, spec) in enumerate(found))

    @cached_property
    def edges_out(self) -> tuple[tuple[ControlEdge, ...], ...]:
        """Per sub flow, the control edges that leave it, by (order, file order)."""
        return self._by_sub_flow(sorted(self.edges, key=lambda edge: (edge.order, edge.index)), leaving=True)

    @cached_property
    def edges_in(self) -> tuple[tuple[ControlEdge, ...], ...]:
        """Per sub flow, the control edges that lead to it, in file order."""
        return self._by_sub_flow(self.edges, leaving=False)

    def _by_sub_flow(self, edges: Iterable[ControlEdge], *, leaving: bool) -> tuple[tuple[ControlEdge, ...], ...]:
        found: list[list[ControlEdge]] = [[] for _ in self.sub_flows]
        for edge in edges:
            found[edge.source if leaving else edge.target].append(edge)
        return tuple(tuple(group) for group in found)

    @cached_property
    def hooks(self) -> tuple[int, ...]:
        """The sub flows that on_error and finally name, in that order, each once."""
        home = self.sub_flow_of
        return tuple(dict.fromkeys(home[id] for id in (*self.flow.on_error, *self.flow.finally_) if id in home))

    @cached_property
    def roots(self) -> tuple[int, ...]:
        """Sub flows that start by themselves: no control link in, and no hook (rule 22)."""
        hooks = set(self.hooks)
        return tuple(index for index, into in enumerate(self.edges_in) if not into and index not in hooks)

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """Per sub flow its static preorder number (rule 5): roots in file order, then hooks, links by
        (order, file order), first visit counts."""
        number = [-1] * len(self.sub_flows)
        count = 0
        # what lies on a control cycle has no root above it and comes last
        for start in (*self.roots, *self.hooks, *range(len(number))):
            stack = [start]
            while stack:
                index = stack.pop()
                if number[index] < 0:
                    number[index] = count
                    count += 1
                    stack.extend(edge.target for edge in reversed(self.edges_out[index]))
        return tuple(number)

    def below(self, id: str) -> tuple[int, ...]:
        """The sub flows that control links lead to from the sub flow of module ``id``, itself left
        out, in index order.

        Raises:
            KeyError: no such module.
        """
        return tuple(sorted(self._reach(self.sub_flow_of[id])))

    def _reach(self, start: int) -> set[int]:
        found: set[int] = set()
        stack = [start]
        while stack:
            for edge in self.edges_out[stack.pop()]:
                if edge.target not in found:
                    found.add(edge.target)
                    stack.append(edge.target)
        return found

    def inputs(self, sub_flow: int) -> tuple[tuple[ControlEdge, ...], ...]:
        """The links into a sub flow as its inputs (rule 7): links into one module, and links whose
        sources are the same or one above the other, are one. Two or more are an implicit gate."""
        links = self.edges_in[sub_flow]
        if len(links) < 2:
            return (links,) if links else ()
        first: dict[Any, int] = {}
        group = list(range(len(links)))

        def root(at: int) -> int:
            while group[at] != at:
                group[at] = group[group[at]]
                at = group[at]
            return at

        def join(at: int, other: int) -> None:
            low, high = sorted((root(at), root(other)))
            group[high] = low

        for at, edge in enumerate(links):
            join(at, first.setdefault(edge.link.target, at))
            join(at, first.setdefault(edge.source, at))
        if sub_flow in self._related:
            place = {edge.source: at for at, edge in enumerate(links)}
            for upper, lower in self._related[sub_flow]:
                join(place[upper], place[lower])
        found: dict[int, list[ControlEdge]] = {}
        for at, edge in enumerate(links):
            found.setdefault(root(at), []).append(edge)
        return tuple(tuple(edges) for edges in found.values())

    @cached_property
    def _related(self) -> Mapping[int, Sequence[tuple[int, int]]]:
        """For sub flows with several modules that links lead to: which of these links' sources stand above which."""
        gates = {}
        for index, links in enumerate(self.edges_in):
            if len({edge.link.target for edge in links}) > 1:
                gates[index] = tuple(dict.fromkeys(edge.source for edge in links))
        if not gates:
            return {}
        return above(self.control_order, [[edge.source for edge in into] for into in self.edges_in], gates)

    @cached_property
    def control_order(self) -> tuple[int, ...]:
        """The sub flows, each after all that control links lead to it from. What lies on a control
        cycle, or below one, is missing."""
        left = [len(into) for into in self.edges_in]
        ready = deque(index for index, count in enumerate(left) if not count)
        found = []
        while ready:
            found.append(ready[0])
            for edge in self.edges_out[ready.popleft()]:
                left[edge.target] -= 1
                if not left[edge.target]:
                    ready.append(edge.target)
        return tuple(found)

    def control_cycle(self) -> tuple[str, ...] | None:
        """A cycle of control links as the modules they lead to, ``(a, b, c, a)``, or None."""
        for link in self.flow.connections.control:
            if link.source == link.target and link.source in self._at:
                return (link.source, link.source)
        done = set(self.control_order)
        if len(done) == len(self.sub_flows):
            return None
        rest = {index for index in range(len(self.sub_flows)) if index not in done}
        edges = {(edge.source, edge.target): edge for edge in reversed(self.edges) if edge.source in rest and edge.target in rest}
        path = _cycle(sorted(edges))
        return tuple(edges[pair].link.target for pair in ((path[-2], path[0]), *pairwise(path)))

    def to_networkx(self) -> Any:
        """The modules and all links between them as a ``networkx.MultiDiGraph``, for analysis. Edges
        have ``kind`` ``data`` or ``control``."""
        import networkx

        made: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
        made.add_nodes_from(self.ids)
        made.add_edges_from((link.source, link.target, {"kind": "data", "link": str(link)}) for link in self.links)
        made.add_edges_from((edge.link.source, edge.link.target, {"kind": "control", "link": str(edge.link)}) for edge in self.edges)
        return made


def _cycle(edges: Iterable[tuple[Any, Any]]) -> tuple[Any, ...]:
    """One cycle in a graph that has one, from its first node in the order of ``edges``, closed."""
    import networkx

    graph: networkx.DiGraph[Any] = networkx.DiGraph()
    graph.add_edges_from(edges)
    path = [edge[0] for edge in networkx.find_cycle(graph)]
    place = {node: at for at, node in enumerate(graph)}
    start = min(range(len(path)), key=lambda at: place[path[at]])
    path = path[start:] + path[:start]
    return (*path, path[0])
