"""Edits: a Flow in, a new Flow out, nothing lost on the way."""

from __future__ import annotations

import pytest

from pypeline.core import edits
from pypeline.core.modules import ModuleDecl
from pypeline.schema.flow import ControlLink, DataLink, Flow

FILTER = ModuleDecl(
    name="filter_mod",
    module_path="x",
    kind="mod",
    input_ports=("input",),
    output_ports=("output",),
    config_schema={"required": {"condition": {}}, "optional": {}},
)


@pytest.fixture
def flow() -> Flow:
    return Flow.model_validate(
        {
            "flow": {"name": "f"},
            "modules": [
                {"id": "a", "name": "inline_source"},
                {"id": "b", "name": "filter_mod", "configs": {"required": {"condition": "x > {{a__row_count}}"}}},
                {"id": "c", "name": "log_sink"},
                {"id": "s", "name": "shell_solo", "retries": 2},
            ],
            "connections": {"data": ["a.data - b.input", "b.output - c.input"], "control": ["c (1|if {{A__row_count}} > 0) s"]},
            "finally": ["s"],
            "canvas": {"modules": {"a": [0, 0], "b": [200, 0]}},
        }
    )


def test_an_added_module_gets_a_free_id_and_stands_on_the_grid(flow: Flow) -> None:
    new, id = edits.add_module(flow, FILTER, (13, 21), configs={"condition": "x", "note": 1})
    assert id == "filter"
    assert new.canvas.modules["filter"] == [16, 24]
    assert new.module("filter").configs.required == {"condition": "x"}
    again, other = edits.add_module(new, FILTER, (0, 0))
    assert other == "filter_2"
    assert len(again.modules) == 6
    assert len(flow.modules) == 4


@pytest.mark.parametrize(("wanted", "free"), [("A", "A_2"), ("7 up", "m_7_up"), ("a__b", "a_b"), ("///", "module"), ("x" * 99, "x" * 56)])
def test_free_ids_follow_the_id_rule(flow: Flow, wanted: str, free: str) -> None:
    assert edits.free_id(flow, wanted) == free


def test_removing_a_module_takes_its_links_place_and_hooks(flow: Flow) -> None:
    new = edits.remove(flow, ["b", "s"])
    assert [m.id for m in new.modules] == ["a", "c"]
    assert new.connections.data == ()
    assert new.connections.control == ()
    assert new.finally_ == ()
    assert list(new.canvas.modules) == ["a"]


def test_a_link_is_added_once_and_replaced_in_its_place(flow: Flow) -> None:
    link = flow.connections.data[0]
    assert edits.connect(flow, link) is flow
    other = DataLink(source="a", source_port="reject", target="b", target_port="input")
    assert edits.replace_link(flow, link, other).connections.data == (other, flow.connections.data[1])
    valve = flow.connections.control[0]
    wider = ControlLink(source="c", valve="Last|always", target="s")
    assert edits.replace_link(flow, valve, wider).connections.control == (wider,)


def test_inserting_and_detaching_are_inverse(flow: Flow) -> None:
    link = flow.connections.data[1]
    grown, id = edits.add_module(flow, FILTER, (0, 0))
    inserted = edits.insert_on_link(grown, link, id, "input", "output")
    assert [str(x) for x in inserted.connections.data] == ["a.data - b.input", "b.output - filter.input", "filter.output - c.input"]
    healed = edits.detach(inserted, id)
    assert set(map(str, healed.connections.data)) == set(map(str, flow.connections.data))


def test_config_values_move_between_halves_and_go_away(flow: Flow) -> None:
    new = edits.set_config(flow, "b", "negate", True, required=False)
    assert new.module("b").configs.optional == {"negate": True}
    assert edits.set_config(new, "b", "negate", None, required=False).module("b").configs == flow.module("b").configs


def test_module_keys_are_checked(flow: Flow) -> None:
    assert edits.set_module(flow, "s", enabled=False).module("s").retries == 2
    with pytest.raises(ValueError, match="retries"):
        edits.set_module(flow, "s", retries=-1)


def test_a_new_name_reaches_links_references_and_hooks(flow: Flow) -> None:
    new = edits.rename_module(edits.rename_module(flow, "a", "orders"), "s", "tell")
    assert new.module("b").configs.required["condition"] == "x > {{orders__row_count}}"
    assert str(new.connections.control[0]) == "c (1|if {{orders__row_count}} > 0) tell"
    assert str(new.connections.data[0]) == "orders.data - b.input"
    assert new.finally_ == ("tell",)
    assert "orders" in new.canvas.modules


def test_a_pasted_piece_keeps_its_inner_links_under_new_ids(flow: Flow) -> None:
    piece = edits.part(flow, ["a", "b"])
    new, ids = edits.paste(flow, piece)
    assert ids == ("a_2", "b_2")
    assert str(new.connections.data[-1]) == "a_2.data - b_2.input"
    assert new.module("b_2").configs.required["condition"] == "x > {{a_2__row_count}}"
    assert new.canvas.modules["b_2"] == [224, 24]


def test_what_the_user_did_not_write_stays_unwritten(flow: Flow) -> None:
    new = edits.move(flow, {"a": (5, 5)})
    assert "settings" not in new.model_fields_set
    assert new.modules == flow.modules
