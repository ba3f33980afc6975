"""Where a flow's cards, frames, links and counts stand."""

from __future__ import annotations

from itertools import combinations
from math import inf, nan
from typing import Any

import pytest

from pypeline.core import geometry as g
from pypeline.core.layout import auto, draw, positions
from pypeline.core.modules import ModuleDecl
from tests.core.making import CATALOGUE, flow

MODULES = "orders:read people:read with_people:join keep:keep good:write bad:write tell:do stop:do log:do"
DATA = (
    "orders.data - with_people.left", "people.data - with_people.right", "with_people.output - keep.input",
    "keep.output - good.input", "keep.reject - bad.input",
)  # fmt: skip
CONTROL = ("good (1|) tell", "good (2|error) stop", "tell (1|always) log", "stop (1|) log")


def test_nothing_overlaps_and_every_card_stands_in_its_frame() -> None:
    drawing = draw(flow(MODULES, DATA, CONTROL), CATALOGUE)
    assert len(drawing.cards) == 9
    assert [frame.modules for frame in drawing.frames][1:] == [("tell",), ("stop",), ("log",)]
    for one, other in combinations(drawing.frames, 2):
        assert not one.box.meets(other.box)
    for frame in drawing.frames:
        boxes = [drawing.cards[id].box for id in frame.modules]
        assert g.around([frame.box, *boxes]) == frame.box
        assert not any(a.meets(b) for a, b in combinations(boxes, 2))


def test_links_run_from_port_to_port_and_rejects_are_known() -> None:
    drawing = draw(flow(MODULES, DATA, CONTROL), CATALOGUE)
    link = next(link for link in drawing.links if link.id == "keep.reject - bad.input")
    reject = next(p for p in drawing.cards["keep"].outputs if p.name == "reject")
    assert (link.reject, reject.reject, link.kind) == (True, True, "mod")
    assert link.curve[0] == reject.at
    assert link.curve[-1] == drawing.cards["bad"].inputs[0].at
    assert [c.error for c in drawing.controls] == [False, True, False, False]
    assert all(c.way == (0.0, 1.0) for c in drawing.controls)


def test_sub_flows_follow_control_order_from_top_to_bottom() -> None:
    frames = draw(flow(MODULES, DATA, CONTROL), CATALOGUE).frames
    assert frames[0].box.bottom < frames[1].box.y == frames[2].box.y
    assert frames[1].box.bottom < frames[3].box.y


def test_given_places_win_and_bad_ones_are_made_anew() -> None:
    good: dict[str, Any] = {"a": [500, 300], "b": [800.0, 320.0]}
    two = flow("a:read b:write", ["a.data - b.input"], canvas={"modules": good})
    assert positions(two) == {"a": (500, 300), "b": (800, 320)}
    assert auto(two) != positions(two)
    for bad in ("x", [1], [1, 2, 3], [True, 2], [nan, 0], [inf, 0], [1e12, 0], None, {"x": 1}, ["1", "2"]):
        broken = flow("a:read b:write", ["a.data - b.input"], canvas={"modules": {"a": [496, 296], "b": bad}})
        placed = positions(broken)
        assert placed["a"] == (496, 296)
        assert placed["b"] == (496 + g.COLUMN_STEP, 296)
        assert positions(flow("a:read b:write", ["a.data - b.input"], canvas={"modules": {"a": bad, "b": bad}})) == auto(two)


def test_a_sub_flow_without_any_place_goes_below_all_that_have_one() -> None:
    placed = positions(flow("a:read b:write c:do", ["a.data - b.input"], canvas={"modules": {"a": [0, 900], "b": [264, 900]}}))
    assert placed["c"][1] > 900 + g.CARD_HEIGHT


def test_a_flow_with_mistakes_in_it_still_has_a_drawing() -> None:
    broken = flow(
        "a:gone b:keep c:pass", ["a.data - b.input", "b.output - c.input", "c.output - b.input", "b.nothing - nobody.input", "c.output - c.input"],
        ["a (1|) nobody", "a (1|) b"],
    )  # fmt: skip
    drawing = draw(broken, CATALOGUE)
    assert drawing.cards["a"].kind == "unknown"
    assert [p.name for p in drawing.cards["a"].outputs] == ["data"]
    assert len(drawing.links) == 4
    assert drawing.controls == ()


def test_ports_named_by_the_config_are_drawn() -> None:
    one = flow([{"id": "m", "name": "map", "configs": {"optional": {"outputs": [{"name": "left"}, {"name": "right"}, {"name": 7}]}}}])
    card = draw(one, CATALOGUE).cards["m"]
    assert [p.name for p in card.outputs] == ["left", "right"]
    many = ModuleDecl("wide", "x", "mod", input_ports=tuple("abcde"), output_ports=("output",))
    assert draw(flow("w:wide"), {"wide": many}).cards["w"].box.height > g.CARD_HEIGHT


def test_a_title_is_the_groups_or_the_main_line() -> None:
    grouped = flow(MODULES, DATA, CONTROL, canvas={"groups": [{"title": "Tell people", "modules": ["tell"]}, "nonsense", {"title": 3}]})
    assert [frame.title for frame in draw(grouped, CATALOGUE).frames] == ["orders → good", "Tell people", "stop", "log"]


def test_a_long_link_runs_around_the_cards_between() -> None:
    cards = g.Grid([g.Box(264, 0, g.CARD_WIDTH, 64)])
    start, end = (g.CARD_WIDTH, 24.0), (528.0, 24.0)
    curve = g.route(start, end, cards)
    assert len(curve) == 10
    assert not any(cards.covers(g.point_at(curve, i / 100)) for i in range(101))
    assert g.route(start, end, g.Grid()) == g.link_curve(start, end)


@pytest.mark.parametrize("rows", range(0, 400, 40))
def test_a_count_covers_no_card_and_no_other_count(rows: int) -> None:
    taken = g.Grid([g.Box(0, 0, g.CARD_WIDTH, 64).grown(6), g.Box(264, rows, g.CARD_WIDTH, 64).grown(6)])
    curve = g.link_curve((g.CARD_WIDTH, 24), (264, rows + 24))
    for _ in range(2):
        box = g.tag_place(curve, 60, taken)
        assert taken.free(box)
        taken.add(box)


@pytest.mark.parametrize(("target", "way"), [((0, 200), (0, 1)), ((400, 0), (1, 0)), ((-400, 0), (-1, 0)), ((0, -300), (0, -1))])
def test_a_control_link_arrives_at_the_side_it_comes_from(target: tuple[float, float], way: tuple[float, float]) -> None:
    curve, found = g.control_curve(g.Box(0, 0, 200, 100), g.Box(*target, 200, 100), 100, target[0] + 100)
    assert found == way
    tip, *corners = g.arrow_head(curve[-1], found)
    assert all((tip[0] - x) * way[0] + (tip[1] - y) * way[1] == pytest.approx(g.ARROW) for x, y in corners)


def test_a_thousand_modules_are_placed_the_same_every_time() -> None:
    ids = [f"m{n}" for n in range(1000)]
    links = [f"m{n}.output - m{min(999, n + 1 + n % 7)}.input" for n in range(999)]
    big = flow(" ".join(f"{id}:stack" for id in ids), links)
    placed = auto(big, CATALOGUE)
    assert list(placed) == ids
    assert len(set(placed.values())) == 1000
    assert auto(big, CATALOGUE) == placed


def test_a_loop_frames_what_its_iterate_link_leads_to_and_nothing_else() -> None:
    drawing = draw(flow("files:read load:do tidy:do aside:do", (), ("files (1|iterate x4) load", "load (1|) tidy", "files (2|start) aside")), CATALOGUE)
    (loop,) = drawing.loops
    assert (loop.index, loop.modules, loop.title) == (0, ("load", "tidy"), "for every row of files")
    outside = [f.box for f in drawing.frames if not set(f.modules) <= set(loop.modules)]
    inside = [f.box for f in drawing.frames if set(f.modules) <= set(loop.modules)]
    assert not any(box.meets(other) for box in loop.boxes for other in outside)
    assert all(any(g.around([box, frame]) == box for box in loop.boxes) for frame in inside)
    assert [c.trigger for c in drawing.controls] == ["iterate", "ok", "start"]


def test_a_link_into_a_loop_ends_above_its_title_with_room_for_the_pill() -> None:
    drawing = draw(flow("files:read load:do tidy:do", (), ("files (1|iterate x4) load", "load (1|ok) tidy")), CATALOGUE)
    (loop,), (into, within) = drawing.loops, drawing.controls
    assert into.curve[-1][1] <= loop.box.y
    assert into.pill.bottom < loop.box.y - g.ARROW
    assert within.curve[-1][1] > loop.box.y


def test_a_loop_in_a_loop_has_room_in_its_frame() -> None:
    drawing = draw(flow("a:read b:read c:do", (), ("a (1|iterate) b", "b (1|iterate) c")), CATALOGUE)
    outer, inner = drawing.loops
    assert (outer.modules, inner.modules) == (("b", "c"), ("c",))
    assert g.around([outer.box, inner.box]) == outer.box
    assert outer.box != inner.box
