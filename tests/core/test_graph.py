"""The graph: sub flows, waves, numbers, inputs and cycles, in an order that never changes."""

from __future__ import annotations

import pytest

from pypeline.core.graph import PipelineGraph
from tests.core.making import flow

SAMPLE = flow(
    "z:write a:read b:pass s1 c:read d:write s2",
    ["a.data - b.input", "b.output - z.input", "c.data - d.input"],
    ["a (1|) b", "z (2|) s1", "z (Last|) c", "d (1|error) s2"],
)


def test_sub_flows_are_what_data_links_join_in_file_order() -> None:
    graph = PipelineGraph(SAMPLE)
    assert graph.sub_flows == (("z", "a", "b"), ("s1",), ("c", "d"), ("s2",))
    assert [graph.heads(index) for index in range(4)] == [("a",), ("s1",), ("c",), ("s2",)]
    assert graph.sub_flow_of["d"] == 2


def test_waves_and_the_topological_order() -> None:
    graph = PipelineGraph(flow("a:read b:read j:join p:pass w:write", ["a.data - p.input", "p.output - j.left", "b.data - j.right", "j.output - w.input"]))
    assert graph.waves(0) == (("a", "b"), ("p",), ("j",), ("w",))
    assert graph.topological == ("a", "b", "p", "j", "w")


def test_control_edges_lose_inner_links_and_know_their_final_order() -> None:
    graph = PipelineGraph(SAMPLE)
    assert graph.inner == (0,)
    assert [(str(edge.link), edge.order, edge.source, edge.target) for edge in graph.edges] == [
        ("z (2|) s1", 2, 0, 1), ("z (Last|) c", 3, 0, 2), ("d (1|error) s2", 1, 2, 3),
    ]  # fmt: skip
    assert graph.roots == (0,)
    assert graph.numbers == (0, 1, 2, 3)
    assert graph.below("z") == (1, 2, 3)
    assert graph.below("s2") == ()


def test_numbers_follow_roots_then_orders_then_the_file() -> None:
    graph = PipelineGraph(flow("a c b d e", (), ["a (2|) d", "a (1|) b", "b (1|) e", "a (1|) e"], **{"finally": ["c"]}))
    assert dict(zip((part[0] for part in graph.sub_flows), graph.numbers, strict=True)) == {"a": 0, "b": 1, "e": 2, "d": 3, "c": 4}


def test_links_that_lead_nowhere_or_have_a_broken_valve_are_left_out() -> None:
    graph = PipelineGraph(flow("a b", ["a.x - nope.y"], ["a (0|) b", "a (1|) nope"]))
    assert graph.links == ()
    assert graph.edges == ()


@pytest.mark.parametrize(
    ("data", "cycle"),
    [
        (["a.o - b.i", "b.o - c.i", "c.o - a.i"], ("a", "b", "c", "a")),
        (["c.o - b.i", "b.o - c.i", "a.o - b.i"], ("b", "c", "b")),
        (["a.o - a.i"], ("a", "a")),
        (["a.o - b.i", "a.o - c.i"], None),
    ],
)
def test_a_data_cycle_is_found_as_a_path(data: list[str], cycle: tuple[str, ...] | None) -> None:
    assert PipelineGraph(flow("a:pass b:pass c:pass", data)).data_cycle() == cycle


def test_a_control_cycle_is_a_path_of_the_modules_that_links_lead_to() -> None:
    assert PipelineGraph(flow("x a b c", (), ["x (1|) a", "a (1|) b", "b (1|) c", "c (1|) a"])).control_cycle() == ("a", "b", "c", "a")
    through = flow("a:read w:write b", ["a.data - w.input"], ["w (1|) b", "b (1|) a"])
    assert PipelineGraph(through).control_cycle() == ("a", "b", "a"), "in at a, out at w: one sub flow"
    assert PipelineGraph(flow("a b", (), ["a (1|) b"])).control_cycle() is None


def test_the_same_flow_in_networkx() -> None:
    made = PipelineGraph(SAMPLE).to_networkx()
    assert sorted(made.nodes) == ["a", "b", "c", "d", "s1", "s2", "z"]
    assert sorted((a, b, said["kind"]) for a, b, said in made.edges(data=True)) == [
        ("a", "b", "data"), ("b", "z", "data"), ("c", "d", "data"), ("d", "s2", "control"), ("z", "c", "control"), ("z", "s1", "control"),
    ]  # fmt: skip


def test_a_chain_of_ten_thousand_needs_no_deep_stack() -> None:
    count = 10_000
    words = [f"m{at}:pass" for at in range(count)]
    data = PipelineGraph(flow(words, [f"m{at}.output - m{at + 1}.input" for at in range(count - 1)]))
    assert len(data.sub_flows) == 1
    assert data.topological[-1] == f"m{count - 1}"
    control = PipelineGraph(flow([f"m{at}" for at in range(count)], (), [f"m{at} (1|) m{at + 1}" for at in range(count - 1)]))
    assert control.numbers == tuple(range(count))
    assert control.control_cycle() is None
    assert len(control.below("m0")) == count - 1
    closed = PipelineGraph(flow([f"m{at}" for at in range(count)], (), [f"m{at} (1|) m{(at + 1) % count}" for at in range(count)]))
    cycle = closed.control_cycle()
    assert cycle is not None
    assert len(cycle) == count + 1
