"""The front door's good side: values, defaults, and the place of every key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypeline.schema.flow import Flow, Module
from pypeline.schema.ids import check, folded
from pypeline.schema.problems import PypeError, errors, path_text
from pypeline.schema.reader import read, read_file

FORMATS = Path(__file__).parent / "formats"
EVERY_KEY = FORMATS / "format_1.yaml"


@pytest.fixture(scope="module")
def flow() -> Flow:
    return read_file(EVERY_KEY).require()


def test_every_key_of_the_language_is_read(flow: Flow) -> None:
    for name in set(Flow.model_fields) - {"format"}:
        assert getattr(flow, name) != Flow.model_fields[name].get_default(call_default_factory=True), name
    assert flow.settings.retry is not None
    assert (flow.settings.retry.delay, flow.settings.cache.mode, flow.settings.spill_threshold_rows) == (0.5, "read_only", 1_000_000)
    assert str(flow.connections.data[1]) == "count.output - done.input"
    assert flow.canvas.model_extra == {"zoom": 1.5}
    assert flow.canvas.position("people") == (120, 80)
    assert flow.canvas.position("done") is None


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("settings",), 19, 1),
        (("settings", "retry", "attempts"), 21, 21),
        (("modules", 0), 54, 5),
        (("modules", 0, "id"), 54, 9),
        (("modules", 0, "configs", "required"), 57, 7),
        (("modules", 0, "configs", "required", "file_path"), 57, 29),
        (("modules", 1, "configs", "required", "code"), 76, 15),
        (("connections", "data", 1), 92, 7),
    ],
)
def test_problems_can_point_at_every_key(flow: Flow, path: tuple[str | int, ...], line: int, column: int) -> None:
    place = flow.marks.place(path)
    assert (place.line, place.column, place.path) == (line, column, path)


def test_a_key_that_is_not_there_points_at_its_nearest_parent(flow: Flow) -> None:
    assert flow.marks.place(("modules", 0, "configs", "optional", "no", 3)).line == 58
    assert flow.marks.key_place(("modules", 0, "id")).column == 5
    assert dict(flow.marks.at)[("flow", "name")] == (3, 9)
    assert len(flow.marks.at) == len(set(flow.marks.at))


def test_equal_texts_give_equal_flows_wherever_their_keys_stand() -> None:
    left = read("flow: {name: a}\nmodules: [{id: x, name: y}]\n").require()
    right = read("# later\n\nflow:\n  name: a\nmodules:\n  - id: x\n    name: y\n").require()
    assert left == right


def test_require_raises_all_errors() -> None:
    with pytest.raises(PypeError) as refused:
        read("flow: {name: 1st}\nmodules: [{id: a__b, name: y}]\n").require()
    assert [problem.code for problem in refused.value.problems] == ["PYE200", "PYE202"]


def test_key_paths_read_as_words() -> None:
    assert path_text(("modules", 2, "configs", "required", "rows")) == "modules[2].configs.required.rows"


@pytest.mark.parametrize("id", ["a", "_x", "größe", "データ", "a1_b", "नाम", "x" * 64, "console"])
def test_letters_of_all_scripts_make_ids(id: str) -> None:
    assert read(f"flow: {{name: a-b}}\nmodules: [{{id: {id}, name: y}}]\n").problems == ()


def test_ids_of_a_flow_made_in_memory_are_checked_by_the_same_rule(flow: Flow) -> None:
    twice = flow.model_copy(update={"modules": (*flow.modules, Module(id="PEOPLE", name="x"), Module(id="nul", name="x"))})
    assert [problem.code for problem in check(twice)] == ["PYE207", "PYE204"]


def test_folding_joins_case_and_form() -> None:
    assert folded("STRASSE") == folded("straße")
    assert folded("É") == folded("e\u0301")


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_whatever_comes_in_a_flow_or_problems_come_out(data: bytes | str) -> None:
    result = read(data)
    assert (result.flow is None) == bool(errors(result.problems))


@given(
    st.lists(
        st.sampled_from(["flow:", " ", "\n", "- ", "a", "{", "}", "[", "]", '"', "'", "#", ":", ",", "&x", "*x", "|", "\t", "modules", "é", "!", "%", "? "]),
        max_size=40,
    )
)
def test_no_yaml_makes_the_reader_fail(parts: list[str]) -> None:
    result = read("".join(parts))
    assert (result.flow is None) == bool(errors(result.problems))
