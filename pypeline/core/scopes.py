"""Loops: which iterate link each sub flow stands below, and what crosses a loop's border.

The scope of an iterate link is all that control links lead to from its target. In a sound flow scopes
lie beside or inside each other, and nothing leads in but the iterate link itself; so every link into
a sub flow comes from one innermost loop. Comes in: the graph. Goes out: loops and borders. Linear.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from pypeline.core.graph import ControlEdge, PipelineGraph
from pypeline.core.modules import ModuleDecl
from pypeline.core.ports import output_ports
from pypeline.schema.flow import Module


@dataclass(frozen=True)
class Scopes:
    """``inner`` is per sub flow the innermost iterate edge above it (None outside loops; also for what
    lies on a control cycle). ``meeting`` are the sub flows that links from different loops lead to."""

    graph: PipelineGraph
    inner: tuple[ControlEdge | None, ...]
    meeting: tuple[int, ...]

    def around(self, loop: ControlEdge | None) -> Iterator[ControlEdge]:
        """``loop`` and the loops it stands in, from the inside out."""
        while loop is not None:
            yield loop
            loop = self.inner[loop.source]

    @cached_property
    def _homes(self) -> dict[str, int]:
        return {id.casefold(): index for index, ids in enumerate(self.graph.sub_flows) for id in ids}

    def loops_of(self, module: str) -> list[int]:
        """The iterate links (by their place in the file) whose loops ``module`` stands in, from the inside out."""
        home = self._homes.get(module.casefold())
        return [] if home is None else [edge.index for edge in self.around(self.inner[home])]

    def entry(self, edge: ControlEdge) -> ControlEdge | None:
        """The innermost loop that ``edge`` leads to by itself."""
        return edge if edge.spec.trigger == "iterate" else self.inner[edge.source]


def scopes(graph: PipelineGraph) -> Scopes:
    """The loops of ``graph``."""
    inner: list[ControlEdge | None] = [None] * len(graph.sub_flows)
    if not any(edge.spec.trigger == "iterate" for edge in graph.edges):
        return Scopes(graph, tuple(inner), ())
    depth = [0] * len(inner)
    meeting: list[int] = []
    for index in graph.control_order:
        for edge in graph.edges_in[index]:
            loop = edge if edge.spec.trigger == "iterate" else inner[edge.source]
            deep = depth[edge.source] + (edge.spec.trigger == "iterate")
            if edge is not graph.edges_in[index][0] and loop is not inner[index] and index not in meeting[-1:]:
                meeting.append(index)
            if deep > depth[index]:
                inner[index], depth[index] = loop, deep
    return Scopes(graph, tuple(inner), tuple(sorted(meeting)))


def item_port(decl: ModuleDecl, module: Module) -> str:
    """The output port whose rows an iterate link from ``module`` goes over: its first that holds no
    rejected rows; ``""`` where there is none."""
    return next((port for port in output_ports(decl, module) if port not in decl.reject_ports), "")
