"""The graph: sub flows, waves, numbers, inputs and cycles, in an order that never changes."""

from __future__ import annotations

from random import Random
from time import process_time

import pytest

from pypeline.core.graph import ControlEdge, PipelineGraph
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


def test_inputs_of_implicit_gates_are_grouped_as_a_walk_from_every_source_would() -> None:
    for seed in range(40):
        random = Random(seed)
        heads = [f"h{number}" for number in range(6)]
        words = [*(f"m{at}" for at in range(12)), *(f"{head}:read" for head in heads), "all:stack"]
        data = [f"{head}.data - all.input" for head in heads]
        pairs = {(a, b) for b in range(1, 12) for a in random.sample(range(b), min(b, random.choice([0, 1, 1, 2])))}
        control = [f"m{a} (1|) m{b}" for a, b in sorted(pairs)] + [f"m{random.randrange(12)} ({at + 2}|) {head}" for at, head in enumerate(heads)]
        graph = PipelineGraph(flow(words, data, control))
        links = graph.edges_in[12]
        below = {edge.source: set(graph.below(edge.link.source)) for edge in links}
        groups: list[set[int]] = []
        for edge in links:
            near = [group for group in groups if any(_one_input(edge, other, below) for other in links if other.index in group)]
            groups = [group for group in groups if group not in near] + [{edge.index}.union(*near)]
        assert {frozenset(edge.index for edge in group) for group in graph.inputs(12)} == set(map(frozenset, groups)), seed


def _one_input(edge: ControlEdge, other: ControlEdge, below: dict[int, set[int]]) -> bool:
    same = edge.source == other.source or edge.link.target == other.link.target
    return same or edge.source in below[other.source] or other.source in below[edge.source]


def test_many_wide_gates_over_a_long_chain_are_told_apart_in_one_go() -> None:
    count, wide = 150, 20
    chain = [f"m{at}" for at in range(3_000)]
    words = [*chain, *(f"s{gate}_{at}" for gate in range(count) for at in range(wide)), *(f"g{gate}_{at}:read" for gate in range(count) for at in range(wide))]
    words += [f"g{gate}:stack" for gate in range(count)]
    data = [f"g{gate}_{at}.data - g{gate}.input" for gate in range(count) for at in range(wide)]
    control = [f"m{at} (1|) m{at + 1}" for at in range(len(chain) - 1)]
    control += [f"m{at} (2|) s{gate}_{at}" for gate in range(count) for at in range(wide)]
    control += [f"s{gate}_{at} (1|) g{gate}_{at}" for gate in range(count) for at in range(wide)]
    graph = PipelineGraph(flow(words, data, control))
    began = process_time()
    assert all(len(graph.inputs(graph.sub_flow_of[f"g{gate}"])) == wide for gate in range(count))
    assert process_time() - began < 3, "a walk from every source would take minutes"
