"""Layered drawing: order, gaps and straight lines, on random graphs too."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pypeline.core.layers import GAP, SNAP, Edge, arrange, components, levels

HEIGHTS = st.sampled_from([64.0, 72.0, 88.0])


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[float], list[Edge]]:
    heights = draw(st.lists(HEIGHTS, min_size=1, max_size=25))
    node = st.integers(0, len(heights) - 1)
    ends = draw(st.lists(st.tuples(node, node), max_size=50))
    return heights, [Edge(a, b, draw(st.sampled_from([24.0, 40.0])), 24.0) for a, b in ends]


@given(graphs())
def test_cards_of_a_column_never_come_too_near(graph: tuple[list[float], list[Edge]]) -> None:
    heights, edges = graph
    placed = arrange(heights, edges)
    assert arrange(heights, edges) == placed
    assert all(top % SNAP == 0 and top >= 0 for top in placed.top)
    for column in set(placed.column):
        spans = sorted((placed.top[n], placed.top[n] + heights[n]) for n in range(len(heights)) if placed.column[n] == column)
        assert all(below[0] - above[1] >= GAP for above, below in pairwise(spans))


@given(graphs())
def test_every_link_of_an_acyclic_graph_runs_to_the_right(graph: tuple[list[float], list[Edge]]) -> None:
    heights, edges = graph
    forward = [e for e in edges if e.source < e.target]
    column = arrange(heights, forward).column
    assert all(column[e.source] < column[e.target] for e in forward)
    level = levels(len(heights), [(e.source, e.target) for e in forward])
    assert all(level[e.source] < level[e.target] for e in forward)


def test_the_main_line_is_straight_and_side_lines_stand_beside_it() -> None:
    # a source, three joins in a row with a lookup each, and a reject beside the second
    edges = [Edge(0, 1, 24, 24), Edge(1, 2, 24, 24), Edge(2, 3, 24, 24), Edge(4, 1, 24, 40), Edge(5, 2, 24, 40), Edge(6, 3, 24, 40), Edge(2, 7, 40, 24)]
    placed = arrange([64.0] * 8, edges)
    assert len({placed.top[n] for n in (0, 1, 2, 3)}) == 1
    assert placed.column == (0, 1, 2, 3, 0, 1, 2, 3)
    assert all(placed.top[n] > placed.top[0] for n in (4, 5, 6, 7))


def test_a_source_stands_next_to_what_it_feeds() -> None:
    placed = arrange([64.0] * 4, [Edge(0, 1), Edge(1, 2), Edge(3, 2)])
    assert placed.column == (0, 1, 2, 1)


def test_a_thousand_long_links_are_not_paid_for_with_way_points() -> None:
    chain = [Edge(n, n + 1) for n in range(1500)]
    placed = arrange([64.0] * 1501, [*chain, *(Edge(n, 1500) for n in range(1500))])
    assert placed.column == tuple(range(1501))


def test_parts_are_weakly_connected_in_the_order_of_their_first_number() -> None:
    assert components(6, [(5, 1), (3, 0), (4, 4)]) == [[0, 3], [1, 5], [2], [4]]
