"""Layered drawing of a directed graph: a column and a height for every node (after Sugiyama, Tagawa, Toda 1981).

In: node heights and links between node numbers, with the places of the ports they join. Out: a
column number and a top edge per node. Cycles break at the links that close them; long links get
way points, so that they run between cards. Deterministic: ties go to the lower number. It knows
nothing of modules or pixels across.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import floor

from pypeline.schema.record import record

GAP = 32
"""Free space between two nodes of a column."""
LANE = 16
"""Free space around a long link that passes a column."""
SNAP = 8
_SWEEPS = 6
_MAIN = 4096.0
"""How much more a straight main line counts than a straight side line."""


@record
class Edge:
    """A link from ``source`` to ``target``; ``leave`` and ``enter`` are port heights below the top edges."""

    source: int
    target: int
    leave: float = 0.0
    enter: float = 0.0


@record
class Placed:
    """``column`` (from 0) and ``top`` (from 0, a multiple of :data:`SNAP`) by node number."""

    column: tuple[int, ...]
    top: tuple[float, ...]


def arrange(heights: Sequence[float], edges: Sequence[Edge]) -> Placed:
    """Columns and heights for one connected graph; about n log n."""
    forward = _without_cycles(len(heights), edges)
    column = _columns(len(heights), forward)
    chains = _Chains(heights, column, forward)
    _order(chains)
    top = _heights(chains)
    lowest = min(top[: len(heights)], default=0.0)
    return Placed(tuple(column), tuple(t - lowest for t in top[: len(heights)]))


def components(size: int, edges: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The weakly connected parts, each in number order, ordered by their first number."""
    parent = list(range(size))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for a, b in edges:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    parts: dict[int, list[int]] = {}
    for node in range(size):
        parts.setdefault(root(node), []).append(node)
    return list(parts.values())


def levels(size: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The longest path that leads to each node, links that close a cycle left out."""
    forward = _without_cycles(size, [Edge(a, b) for a, b in edges])
    return _longest(size, forward)


def _without_cycles(size: int, edges: Sequence[Edge]) -> list[Edge]:
    """The links that a depth-first walk in number order does not find to lead back."""
    leaving: list[list[int]] = [[] for _ in range(size)]
    for number, edge in enumerate(edges):
        leaving[edge.source].append(number)
    state = bytearray(size)  # 0 unseen, 1 on the path, 2 done
    back: set[int] = set()
    for start in range(size):
        if state[start]:
            continue
        state[start] = 1
        stack = [(start, iter(leaving[start]))]
        while stack:
            node, rest = stack[-1]
            for number in rest:
                target = edges[number].target
                if state[target] == 1:
                    back.add(number)
                elif not state[target]:
                    state[target] = 1
                    stack.append((target, iter(leaving[target])))
                    break
            else:
                state[node] = 2
                stack.pop()
    return [edge for number, edge in enumerate(edges) if number not in back]


def _longest(size: int, edges: Sequence[Edge]) -> list[int]:
    leaving: list[list[int]] = [[] for _ in range(size)]
    waiting = [0] * size
    for edge in edges:
        leaving[edge.source].append(edge.target)
        waiting[edge.target] += 1
    column = [0] * size
    ready = [node for node in range(size) if not waiting[node]]
    for node in ready:
        for target in leaving[node]:
            column[target] = max(column[target], column[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return column


def _columns(size: int, edges: Sequence[Edge]) -> list[int]:
    """Longest path from the left; a node without inputs then moves right, next to what it feeds."""
    column = _longest(size, edges)
    fed = {edge.target for edge in edges}
    nearest: dict[int, int] = {}
    for edge in edges:
        if edge.source not in fed:
            nearest[edge.source] = min(nearest.get(edge.source, column[edge.target]), column[edge.target])
    for node, target in nearest.items():
        column[node] = target - 1
    return column


class _Chains:
    """The graph with way points: every link joins neighbouring columns.

    ``rows`` holds the node numbers of each column, top to bottom; numbers from ``real`` on are way
    points. ``left`` and ``right`` list a node's neighbours as (node, its port, own port).
    """

    def __init__(self, heights: Sequence[float], column: Sequence[int], edges: Sequence[Edge]) -> None:
        self.real = len(heights)
        self.height = list(heights)
        self.column = list(column)
        self.left: list[list[tuple[int, float, float]]] = [[] for _ in heights]
        self.right: list[list[tuple[int, float, float]]] = [[] for _ in heights]
        spans = sum(column[e.target] - column[e.source] - 1 for e in edges)
        # a link over hundreds of columns is drawn straight rather than paid for
        longest = 1 << 30 if spans <= 4 * (len(edges) + self.real) else 8
        for edge in edges:
            self._chain(edge, longest)
        self.rows: list[list[int]] = [[] for _ in range(max(self.column, default=-1) + 1)]
        for node, place in enumerate(self.column):
            self.rows[place].append(node)

    def _chain(self, edge: Edge, longest: int) -> None:
        first, last = self.column[edge.source], self.column[edge.target]
        if last - first > longest:
            return
        before, leave = edge.source, edge.leave
        for column in range(first + 1, last):
            point = len(self.height)
            self.height.append(0.0)
            self.column.append(column)
            self.left.append([])
            self.right.append([])
            self._join(before, leave, point, 0.0)
            before, leave = point, 0.0
        self._join(before, leave, edge.target, edge.enter)

    def _join(self, a: int, leave: float, b: int, enter: float) -> None:
        self.right[a].append((b, enter, leave))
        self.left[b].append((a, leave, enter))


def _order(chains: _Chains) -> None:
    """Sort each column by the middle of its neighbours, to and fro, and keep the order with the fewest crossings."""
    _first_order(chains)
    best = [list(row) for row in chains.rows]
    fewest = _crossings(chains)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        rightward = sweep % 2 == 0
        neighbours = chains.left if rightward else chains.right
        place = _places(chains)
        for row in chains.rows if rightward else reversed(chains.rows):
            key: dict[int, float] = {}
            for index, node in enumerate(row):
                near = neighbours[node]
                # ports weigh less than a whole place, so that links to one node keep the order of its ports
                key[node] = sum(place[n] + port / 1000 for n, port, _ in near) / len(near) if near else float(index)
            row.sort(key=key.__getitem__)
            for index, node in enumerate(row):
                place[node] = index
        crossings = _crossings(chains)
        if crossings < fewest:
            fewest, best = crossings, [list(row) for row in chains.rows]
    chains.rows = best


def _first_order(chains: _Chains) -> None:
    """Columns in the order in which a walk along the links from the top left meets the nodes."""
    seen = bytearray(len(chains.height))
    rows: list[list[int]] = [[] for _ in chains.rows]
    for start in [node for row in chains.rows for node in row]:
        stack = [start]
        while stack:
            node = stack.pop()
            if seen[node]:
                continue
            seen[node] = 1
            rows[chains.column[node]].append(node)
            stack.extend(n for n, _, _ in reversed(chains.left[node]) if not seen[n])
            stack.extend(n for n, _, _ in reversed(chains.right[node]) if not seen[n])
    chains.rows = rows


def _places(chains: _Chains) -> list[int]:
    place = [0] * len(chains.height)
    for row in chains.rows:
        for index, node in enumerate(row):
            place[node] = index
    return place


def _crossings(chains: _Chains) -> int:
    """How many pairs of links cross, counted by insertion into a sorted list per pair of columns."""
    place = _places(chains)
    total = 0
    for row in chains.rows:
        ends: list[tuple[float, float]] = []
        for index, node in enumerate(row):
            ends.extend((index + own / 1000, place[n] + port / 1000) for n, port, own in chains.right[node])
        ends.sort()
        sorted_ends: list[float] = []
        for _, end in ends:
            at = bisect_left(sorted_ends, end + 1e-9)
            total += len(sorted_ends) - at
            sorted_ends.insert(at, end)
    return total


def _heights(chains: _Chains) -> list[float]:
    """Top edges: each column as near to its neighbours as its order and the gaps allow."""
    top = [0.0] * len(chains.height)
    for row in chains.rows:
        _settle(chains, row, dict.fromkeys(row, 0.0), top)
    for sweep in range(_SWEEPS):
        rightward = sweep % 2 == 0
        for row in chains.rows if rightward else reversed(chains.rows):
            near = chains.left if rightward else chains.right
            _settle(chains, row, {node: _wish(near[node], top, top[node]) for node in row}, top)
    # at last the main line runs straight: each node level with its first input, a first output's target before others,
    # and what has no input level with what it feeds
    for row in chains.rows:
        first = {node: min(chains.left[node], key=_own_port) for node in row if chains.left[node]}
        weight = {node: _MAIN for node, link in first.items() if link[1] == min(own for _, _, own in chains.right[link[0]])}
        _settle(chains, row, {node: _wish([first[node]] if node in first else (), top, top[node]) for node in row}, top, weight)
    for row in reversed(chains.rows):
        wish = {node: top[node] if chains.left[node] else _wish(chains.right[node], top, top[node]) for node in row}
        _settle(chains, row, wish, top, {node: _MAIN for node in row if chains.left[node] or _leads(chains, node)})
    # floor, not round: halves must all go one way or two nodes could come too near
    return [floor(t / SNAP + 0.5) * SNAP for t in top]


def _leads(chains: _Chains, node: int) -> bool:
    """Whether a node feeds the first input of another: the beginning of a main line."""
    return any(port == min(own for _, _, own in chains.left[n]) for n, port, _ in chains.right[node])


def _own_port(neighbour: tuple[int, float, float]) -> float:
    return neighbour[2]


def _wish(near: Sequence[tuple[int, float, float]], top: Sequence[float], otherwise: float) -> float:
    """The top edge at which a node's links would run level, in the middle of ``near``."""
    return _middle(sorted(top[n] + port - own for n, port, own in near)) if near else otherwise


def _middle(values: list[float]) -> float:
    """The median; of an even number the mean of the two in the middle."""
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def _settle(chains: _Chains, row: Sequence[int], wish: dict[int, float], top: list[float], weight: dict[int, float] | None = None) -> None:
    """The (weighted) least squares answer to ``wish`` that keeps order and gaps (pool adjacent violators)."""
    offset = 0.0
    offsets: list[float] = []
    blocks: list[tuple[float, float, int]] = []  # weighted sum of wishes less offsets, weights, nodes
    before = -1
    for node in row:
        if before >= 0:
            offset += chains.height[before] + (GAP if before < chains.real and node < chains.real else LANE)
        offsets.append(offset)
        heavy = weight.get(node, 1.0) if weight else 1.0
        total, nodes = (wish[node] - offset) * heavy, 1
        while blocks and blocks[-1][0] * heavy >= total * blocks[-1][1]:
            other, more, members = blocks.pop()
            total, heavy, nodes = total + other, heavy + more, nodes + members
        blocks.append((total, heavy, nodes))
        before = node
    index = 0
    for total, heavy, nodes in blocks:
        for _ in range(nodes):
            top[row[index]] = total / heavy + offsets[index]
            index += 1
