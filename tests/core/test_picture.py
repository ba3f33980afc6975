"""The SVG picture: complete, self-contained, and safe whatever the flow is called."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from pypeline.core import geometry as g
from pypeline.core.control_shapes import Notes
from pypeline.core.layout import draw
from pypeline.core.picture import svg
from pypeline.core.results import ErrorInfo
from pypeline.core.watch import ModuleWatch
from pypeline.schema.flow import Connections, ControlLink, DataLink, Flow, Head, Module
from tests.core.making import CATALOGUE, flow

SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {"svg", "title", "style", "defs", "pattern", "clipPath", "circle", "rect", "g", "path", "text"}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></svg>",
    "javascript:alert(1)",
    "\u202eevil\x1b]0;pwn\x07",
    "]]>&amp;",
    "x" * 500,
)


def texts(drawn: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(drawn).iter(f"{SVG}text")]


def test_names_types_counts_states_and_valves_stand_in_it() -> None:
    one = flow("orders:read good:write tell:do", ["orders.data - good.input"], ["good (1|error) tell"])
    drawn = svg(
        one, CATALOGUE, {"orders": ModuleWatch("completed", "ok", rows_out={"data": 67663}, seconds=0.041), "good": "running"},
        {"orders.data - good.input": 67663}, sub_flows={0: "running · 3.4 s"},
    )  # fmt: skip
    said = texts(drawn)
    assert {"orders", "read", "good", "tell", "67,663", "67,663 rows 41 ms", "(1|error)", "running · 3.4 s", "1  orders → good", "2  tell"} <= set(said)
    root = ElementTree.fromstring(drawn)
    classes = [element.get("class") for element in root.iter()]
    assert {"badge sign-completed", "badge sign-running", "badge sign-pending", "card running", "control error", "pill error"} <= set(classes)
    assert svg(one, CATALOGUE) == svg(one, CATALOGUE)


def test_thicker_links_carry_more_and_rejects_are_dashed() -> None:
    one = flow("a:read b:write c:write", ["a.data - b.input", "a.reject - c.input"])
    root = ElementTree.fromstring(svg(one, CATALOGUE, counts={"a.data - b.input": 1_000_000, "a.reject - c.input": 3}))
    links = {
        element.get("class"): float(element.get("stroke-width") or 0) for element in root.iter(f"{SVG}path") if (element.get("class") or "").startswith("link")
    }
    assert links["link source"] > links["link source rejects"] > 1
    assert ".link.rejects{stroke-dasharray" in svg(one, CATALOGUE)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_text(name: str) -> None:
    one = Flow.model_construct(
        flow=Head.model_construct(name=name),
        modules=tuple(Module.model_construct(id=f"{name}{n}", name=name) for n in range(2)),
        connections=Connections.model_construct(
            data=(DataLink.model_construct(source=f"{name}0", source_port=name, target=f"{name}1", target_port=name),),
            control=(ControlLink.model_construct(source=f"{name}0", valve=name, target=f"{name}1"),),
        ),
    )
    watch = ModuleWatch("failed", name, error=ErrorInfo("PYE459", name, name))
    drawn = svg(one, {}, {f"{name}0": watch}, {f"{name}0.{name} - {name}1.{name}": 5}, "auto", sub_flows={0: name})
    root = ElementTree.fromstring(drawn)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= DRAWN
    attributes = [(key, value) for element in root.iter() for key, value in element.attrib.items()]
    assert not [key for key, _ in attributes if key.startswith("on") or "href" in key]
    assert not [value for key, value in attributes if "javascript" in value and key != "aria-label"]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", drawn)


def test_one_picture_follows_light_and_dark() -> None:
    drawn = svg(flow("a:do"), CATALOGUE, theme="auto")
    assert "prefers-color-scheme: dark" in drawn
    assert "#161b22" in drawn
    assert "#161b22" not in svg(flow("a:do"), CATALOGUE)
    assert "#ffffff" not in svg(flow("a:do"), CATALOGUE, theme="dark")
    # a style sheet inside a page must not touch the page
    rules = re.findall(r"[{}]([^{}@]+)\{", "}" + drawn.partition("<style>")[2].partition("</style>")[0])
    assert rules
    assert all(rule.startswith(".pype-flow ") for rule in rules)


def test_before_a_run_a_card_says_what_makes_it_this_one() -> None:
    one = flow(
        [
            {"id": "r", "name": "read", "configs": {"required": {"path": "data/people.csv"}}},
            {"id": "k", "name": "keep", "configs": {"required": {"condition": "age > 3"}}},
        ]
    )
    assert {"people.csv", "age > 3"} <= set(texts(svg(one, CATALOGUE)))
    assert "badge" not in svg(one, CATALOGUE).partition("</style>")[2]


def test_loops_and_started_branches_are_drawn_as_such() -> None:
    drawn = flow("files:read load:do aside:do", (), ("files (1|iterate x4) load", "files (2|start) aside"))
    text = svg(drawn, CATALOGUE, loops={0: "3 / 12 · 1 failed"})
    assert text.count('class="loop"') == 1
    assert "3 / 12 · 1 failed" in text
    assert 'class="control iterate"' in text
    assert 'class="control start"' in text


def test_a_closed_valve_says_why_beside_itself_and_the_way_taken_is_drawn_through() -> None:
    drawn = flow(
        "load:read publish:do warn:do ticket:do tidy:do", (), ("load (1|ok) publish", "load (2|ok) warn", "load (1|error) ticket", "load (Last|always) tidy")
    )
    root = ElementTree.fromstring(svg(drawn, CATALOGUE, valves={0: (True, ""), 1: (False, "condition_false"), 2: (False, "nothing_failed"), 3: (True, "")}))
    classes = [element.get("class") for element in root.iter()]
    assert classes.count("control open") == 2
    assert classes.count("control error closed") == 1
    said = {(element.text or ""): element for element in root.iter(f"{SVG}text")}
    assert {"condition false", "nothing failed"} <= said.keys()
    assert "closed" not in svg(drawn, CATALOGUE).partition("</style>")[2]


def test_a_note_stands_on_no_edge_of_a_loop() -> None:
    drawn = draw(flow("a:read b:do c:do", (), ("a (1|iterate) b", "a (2|error) c")), CATALOGUE)
    (loop,) = drawn.loops
    note = Notes(drawn.controls, drawn.frames, drawn.loops).place(drawn.controls[1], "nothing failed")
    assert note is not None
    assert not note.box.meets(loop.box) or loop.box.y + g.LOOP_HEAD <= note.box.y


def test_notes_cover_no_pill_no_link_and_no_other_note() -> None:
    links = tuple(f"load ({n}|ok) to_{n}" for n in range(1, 9))
    drawn = draw(flow("load:read " + " ".join(f"to_{n}:do" for n in range(1, 9)), (), links), CATALOGUE)
    notes = Notes(drawn.controls, drawn.frames)
    boxes = [note.box for shape in drawn.controls if (note := notes.place(shape, "nothing failed before"))]
    assert len(boxes) >= 3
    for n, box in enumerate(boxes):
        others = [*(shape.pill for shape in drawn.controls), *(frame.box for frame in drawn.frames), *boxes[:n]]
        assert not any(box.meets(other) for other in others)
