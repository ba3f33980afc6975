"""Modules with several inputs: join, union, SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.palette.flows import failure, flow, problem, run, table

LEFT = table("l", {"id": "int64", "k": "string", "value": "string"}, [1, "a", "L1"], [2, "b", "L2"], [3, None, "L3"], [4, "z", "L4"])
RIGHT = table("r", {"k": "string", "value": "string"}, ["a", "R1"], ["a", "R2"], ["b", "R3"], [None, "R4"], ["y", "R5"])


def joined(tmp_path: Path, *ports: str, right: dict[str, Any] = RIGHT, **options: Any) -> Any:
    text = flow(LEFT, right, {"id": "m", "type": "join_mod", "optional": options}, links=["l.data - m.left", "r.data - m.right"])
    found = run(text, tmp_path, *(f"m.{port}" for port in ports or ("output",))).rows
    return found if ports else sorted(found["m.output"], key=lambda row: (str(row.get("id")), str(row.get("value_1"))))


@pytest.mark.parametrize(
    ("type", "pairs"),
    [
        ("inner", [(1, "R1"), (1, "R2"), (2, "R3")]),
        ("left", [(1, "R1"), (1, "R2"), (2, "R3"), (3, None), (4, None)]),
        ("right", [(1, "R1"), (1, "R2"), (2, "R3"), (None, "R4"), (None, "R5")]),
        ("full", [(1, "R1"), (1, "R2"), (2, "R3"), (3, None), (4, None), (None, "R4"), (None, "R5")]),
    ],
)
def test_null_never_joins_and_a_clash_gets_the_suffix(tmp_path: Path, type: str, pairs: list[Any]) -> None:
    found = joined(tmp_path, keys=["k"], type=type)
    assert [(row["id"], row["value_1"]) for row in found] == pairs
    assert list(found[0]) == ["id", "k", "value", "value_1"]


def test_a_key_of_both_sides_is_filled_from_either(tmp_path: Path) -> None:
    found = joined(tmp_path, keys=["k"], type="right")
    assert [row["k"] for row in found if row["id"] is None] == [None, "y"]


@pytest.mark.parametrize(("type", "ids"), [("semi", [1, 2]), ("anti", [3, 4])])
def test_semi_and_anti_add_nothing(tmp_path: Path, type: str, ids: list[int]) -> None:
    found = joined(tmp_path, keys=["k"], type=type)
    assert [row["id"] for row in found] == ids
    assert list(found[0]) == ["id", "k", "value"]


def test_reject_has_the_left_rows_without_a_match(tmp_path: Path) -> None:
    found = joined(tmp_path, "output", "reject", keys=["k"])
    assert len(found["m.output"]) == 3
    assert [row["id"] for row in found["m.reject"]] == [3, 4]


@pytest.mark.parametrize(("match", "first"), [("first", "R1"), ("last", "R2")])
def test_one_match_a_key(tmp_path: Path, match: str, first: str) -> None:
    found = joined(tmp_path, keys=["k"], match=match, type="left", right_columns={"value": "found"})
    assert [(row["id"], row["found"]) for row in found] == [(1, first), (2, "R3"), (3, None), (4, None)]


def test_unique_refuses_a_second_match_by_its_key(tmp_path: Path) -> None:
    text = flow(LEFT, RIGHT, {"id": "m", "type": "join_mod", "optional": {"keys": ["k"], "match": "unique"}}, links=["l.data - m.left", "r.data - m.right"])
    error = failure(text, tmp_path, "m.output")
    assert error.module == "m"
    assert "not unique by k: a" in error.message


def test_join_by_condition_and_cross(tmp_path: Path) -> None:
    found = joined(tmp_path, condition="k = 'a' and value_1 in ('R4', 'R5')", right_columns=["value"])
    assert [row["value_1"] for row in found] == ["R4", "R5"]
    assert len(joined(tmp_path, type="cross")) == 20


def test_keys_of_different_types_are_refused(tmp_path: Path) -> None:
    text = flow(LEFT, RIGHT, {"id": "m", "type": "join_mod", "optional": {"keys": [["id", "k"]]}}, links=["l.data - m.left", "r.data - m.right"])
    found = problem(text, tmp_path, "m.output")
    assert (found.code, found.place.path[-2:]) == ("PYE372", ("keys", 0))


def test_an_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    text = flow(LEFT, RIGHT, {"id": "m", "type": "join_mod", "optional": {"keys": [["idd", "k"]]}}, links=["l.data - m.left", "r.data - m.right"])
    found = problem(text, tmp_path, "m.output")
    assert (found.code, found.mend) == ("PYE370", "Did you mean `id`?")


def united(tmp_path: Path, *tables: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    text = flow(*tables, {"id": "m", "type": "union_mod", "optional": options}, links=[f"{t['id']}.data - m.input" for t in tables])
    return run(text, tmp_path, "m.output").rows["m.output"]


A = table("a", {"x": "int64", "y": "string"}, [1, "p"])
B = table("b", {"y": "string", "z": "date"}, ["q", "2024-01-31"])
C = table("c", {"n": "double", "t": "string"}, [2.5, "r"])


def test_union_by_name_fills_with_null(tmp_path: Path) -> None:
    found = united(tmp_path, A, B, source_column="from", labels=["first"])
    assert [list(map(str, row.values())) for row in found] == [["1", "p", "None", "first"], ["None", "q", "2024-01-31", "2"]]
    assert list(found[0]) == ["x", "y", "z", "from"]


def test_union_by_position_takes_the_first_names_and_the_wider_number(tmp_path: Path) -> None:
    assert united(tmp_path, A, C, match="position") == [{"x": 1.0, "y": "p"}, {"x": 2.5, "y": "r"}]


def test_union_strict_and_types(tmp_path: Path) -> None:
    links = ["a.data - m.input", "b.data - m.input"]
    assert problem(flow(A, B, {"id": "m", "type": "union_mod", "optional": {"strict": True}}, links=links), tmp_path, "m.output").code == "PYE372"
    other = table("b", {"x": "string"}, ["1"])
    assert "string" in problem(flow(A, other, {"id": "m", "type": "union_mod"}, links=links), tmp_path, "m.output").message


def test_sql_over_named_tables_with_all_columns(tmp_path: Path) -> None:
    query = "select p.*, q.z from p join q on p.y < q.y"
    module = {"id": "m", "type": "sql_mod", "required": {"query": query}, "optional": {"tables": ["p", "q"]}}
    found = run(flow(A, B, module, links=["a.data - m.input", "b.data - m.input"]), tmp_path, "m.output").rows["m.output"]
    assert [list(row) for row in found] == [["x", "y", "z"]]


def test_sql_over_inputs_by_their_own_names(tmp_path: Path) -> None:
    module = {"id": "m", "type": "sql_mod", "required": {"query": 'select y from input union all select y from "input$2"'}}
    found = run(flow(A, B, module, links=["a.data - m.input", "b.data - m.input"]), tmp_path, "m.output").rows["m.output"]
    assert sorted(row["y"] for row in found) == ["p", "q"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select count(*) as n from input", [1]),
        ("select 1 as n from input as i", [1]),
        ("select n from input, unnest([1, 2]) as t(n)", [1, 2]),
    ],
)
def test_sql_may_read_rows_and_no_column(tmp_path: Path, query: str, expected: list[int]) -> None:
    module = {"id": "m", "type": "sql_mod", "required": {"query": query}}
    found = run(flow(A, module, links=["a.data - m.input"]), tmp_path, "m.output").rows["m.output"]
    assert sorted(row["n"] for row in found) == expected


def test_sql_feeds_on_and_is_pruned(tmp_path: Path) -> None:
    sql = {"id": "q", "type": "sql_mod", "required": {"query": "select x, x * 2 as double, count(*) over () as n from input"}}
    keep = {"id": "m", "type": "select_mod", "optional": {"keep": ["double"]}}
    assert run(flow(A, sql, keep, links=["a.data - q.input", "q.output - m.input"]), tmp_path, "m.output").rows["m.output"] == [{"double": 2}]


@pytest.mark.parametrize("query", ["delete from input", "select * from read_csv('/etc/passwd')", "select 1); drop table x; select (1", "select * from other"])
def test_sql_that_is_not_one_select_over_the_inputs_is_refused(tmp_path: Path, query: str) -> None:
    module = {"id": "m", "type": "sql_mod", "required": {"query": query}}
    assert problem(flow(A, module, links=["a.data - m.input"]), tmp_path, "m.output").code.startswith("PYE34")
