"""Modules that take rows and give rows: filter, sort, unique, aggregate, formula, select."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.palette.flows import flow, problem, table, through

PEOPLE = {"id": "int64", "name": "string", "age": "int64"}
ROWS: list[list[Any]] = [[1, "ann", 30], [2, "Bob", 17], [3, None, None], [4, "ann", 41]]


def ids(rows: list[dict[str, Any]], key: str = "id") -> list[Any]:
    return [row[key] for row in rows]


def test_filter_sends_false_and_unknown_to_reject(tmp_path: Path) -> None:
    found = through("filter_mod", PEOPLE, ROWS, tmp_path, "output", "reject", condition="age > 18")
    assert ids(found["output"]) == [1, 4]
    assert ids(found["reject"]) == [2, 3]


def test_filter_on_a_column_named_like_the_helper(tmp_path: Path) -> None:
    found = through("filter_mod", {"passes": "int64"}, [[1], [2]], tmp_path, "output", "reject", condition="passes > 1")
    assert found == {"output": [{"passes": 2}], "reject": [{"passes": 1}]}


def test_filter_names_the_unknown_column(tmp_path: Path) -> None:
    text = flow(table("s", PEOPLE, *ROWS), {"id": "m", "type": "filter_mod", "required": {"condition": "agee > 18"}}, links=["s.data - m.input"])
    found = problem(text, tmp_path, "m.output")
    assert found.code == "PYE335"
    assert "age" in found.mend


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["age"], [2, 1, 4, 3]),
        ([{"column": "age", "direction": "desc"}], [4, 1, 2, 3]),
        ([{"column": "age", "nulls": "first"}], [3, 2, 1, 4]),
        (["name"], [2, 1, 4, 3]),
        ([{"column": "name", "ignore_case": True}], [1, 4, 2, 3]),
        ([{"column": "name", "direction": "desc"}, {"column": "age", "direction": "desc"}], [4, 1, 2, 3]),
    ],
)
def test_sort_puts_nulls_last_and_keeps_ties(tmp_path: Path, keys: list[Any], expected: list[int]) -> None:
    assert ids(through("sort_mod", PEOPLE, ROWS, tmp_path, keys=keys)["output"]) == expected


def test_sort_is_stable_over_many_rows(tmp_path: Path) -> None:
    rows = [[n, str(n % 3)] for n in range(5000)]
    found = through("sort_mod", {"id": "int64", "key": "string"}, rows, tmp_path, keys=["key"])["output"]
    assert ids(found) == [n for key in range(3) for n in range(5000) if n % 3 == key]


@pytest.mark.parametrize("key", ["-age", "age desc"])
def test_sort_says_how_falling_order_is_written(key: str, tmp_path: Path) -> None:
    module = {"id": "m", "type": "sort_mod", "required": {"keys": [key]}}
    found = problem(flow(table("s", PEOPLE, *ROWS), module, links=["s.data - m.input"]), tmp_path, "m.output")
    assert (found.code, found.mend) == ("PYE370", "For falling order write {column: age, direction: desc}.")


def test_sort_keeps_the_top(tmp_path: Path) -> None:
    found = through("sort_mod", PEOPLE, ROWS, tmp_path, keys=[{"column": "age", "direction": "desc"}], limit=1, offset=1)
    assert ids(found["output"]) == [1]


CASES = {"k": "string", "v": "int64"}
REPEATED: list[list[Any]] = [["a", 1], ["A", 2], ["a", 3], [None, 4], [None, 5], ["b", 6]]


@pytest.mark.parametrize(
    ("options", "output", "duplicates"),
    [
        ({"keys": ["k"]}, [1, 2, 4, 6], [3, 5]),
        ({"keys": ["k"], "keep": "last"}, [2, 3, 5, 6], [1, 4]),
        ({"keys": [{"column": "k", "ignore_case": True}]}, [1, 4, 6], [2, 3, 5]),
        ({"keys": ["k"], "order_by": [{"column": "v", "direction": "desc"}]}, [2, 3, 5, 6], [1, 4]),
        ({"keys": ["k"], "order_by": ["v"], "keep": "last"}, [2, 3, 5, 6], [1, 4]),
        ({"keys": ["k"], "adjacent": True}, [1, 2, 3, 4, 6], [5]),
        ({"keys": ["k"], "adjacent": True, "keep": "last"}, [1, 2, 3, 5, 6], [4]),
        ({}, [1, 2, 3, 4, 5, 6], []),
    ],
)
def test_unique_keeps_one_of_each(tmp_path: Path, options: dict[str, Any], output: list[int], duplicates: list[int]) -> None:
    both = through("unique_mod", CASES, REPEATED, tmp_path, "output", "duplicates", **options)
    assert sorted(ids(both["output"], "v")) == output
    assert sorted(ids(both["duplicates"], "v")) == duplicates
    alone = through("unique_mod", CASES, REPEATED, tmp_path, **options)
    assert sorted(ids(alone["output"], "v")) == output


def test_unique_any_keeps_whole_rows_and_counts(tmp_path: Path) -> None:
    rows = [[n % 7, n] for n in range(700)]
    found = through("unique_mod", {"k": "int64", "v": "int64"}, rows, tmp_path, keys=["k"], keep="any", count_column="n")["output"]
    assert sorted(row["k"] for row in found) == list(range(7))
    assert all(row["v"] % 7 == row["k"] and row["n"] == 100 for row in found)


SALES = {"g": "string", "x": "int64", "t": "string", "ok": "bool"}
SOLD: list[list[Any]] = [["a", 1, "p", True], ["a", None, "q", False], [None, 5, None, True], ["a", 4, "p", None], [None, 7, "r", True]]


def measured(tmp_path: Path, group_by: list[str], **measures: Any) -> list[dict[str, Any]]:
    found = through("aggregate_mod", SALES, SOLD, tmp_path, measures=measures, group_by=group_by)["output"]
    return sorted(found, key=lambda row: str(row.get("g")))


def test_aggregate_groups_null_as_one(tmp_path: Path) -> None:
    found = measured(tmp_path, ["g"], n="count(*)", total={"function": "sum", "column": "x"}, rows={"function": "count"})
    assert found == [{"g": None, "n": 2, "total": 12, "rows": 2}, {"g": "a", "n": 3, "total": 5, "rows": 3}]


def test_aggregate_without_groups_is_one_row_also_of_nothing(tmp_path: Path) -> None:
    found = through("aggregate_mod", SALES, [], tmp_path, measures={"n": {"function": "count"}, "s": {"function": "sum", "column": "x"}})["output"]
    assert found == [{"n": 0, "s": None}]


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        ({"function": "count_values", "column": "x"}, 4),
        ({"function": "count_distinct", "column": "t"}, 3),
        ({"function": "min", "column": "x"}, 1),
        ({"function": "max", "column": "t"}, "r"),
        ({"function": "avg", "column": "x"}, 4.25),
        ({"function": "median", "column": "x"}, 4.5),
        ({"function": "quantile_cont", "column": "x", "quantile": 0.9}, pytest.approx(6.4)),
        ({"function": "quantile_exc", "column": "x", "quantile": 0.5}, 4.5),
        ({"function": "quantile_exc", "column": "x", "quantile": 0.99}, 7),
        ({"function": "quantile_disc", "column": "x", "quantile": 0.9}, 7),
        ({"function": "stddev_samp", "column": "x"}, pytest.approx(2.5)),
        ({"function": "stddev_pop", "column": "x"}, pytest.approx(2.165, abs=1e-3)),
        ({"function": "var_samp", "column": "x"}, pytest.approx(6.25)),
        ({"function": "var_pop", "column": "x"}, pytest.approx(4.6875)),
        ({"function": "first", "column": "t"}, "p"),
        ({"function": "last", "column": "x"}, 7),
        ({"function": "first_value", "column": "g"}, "a"),
        ({"function": "last_value", "column": "g"}, None),
        ({"function": "first", "column": "t", "order_by": [{"column": "x", "direction": "desc"}]}, "r"),
        ({"function": "last", "column": "t", "order_by": [{"column": "x", "direction": "desc"}]}, "q"),
        ({"function": "mode", "column": "t"}, "p"),
        ({"function": "list", "column": "x"}, [1, None, 5, 4, 7]),
        ({"function": "concat", "column": "t", "separator": "/"}, "p/q/p/r"),
        ({"function": "concat", "column": "t", "distinct": True}, "p, q, r"),
        ({"function": "sum", "column": "x", "distinct": True}, 17),
        ({"function": "any", "column": "ok"}, True),
        ({"function": "all", "column": "ok"}, False),
        ("sum(x * 2) + count(*)", 39),
    ],
)
def test_every_measure(tmp_path: Path, measure: Any, expected: Any) -> None:
    found = through("aggregate_mod", SALES, SOLD, tmp_path, measures={"m": measure})["output"]
    assert found == [{"m": expected}]


def test_aggregate_refuses_a_sum_of_text(tmp_path: Path) -> None:
    module = {"id": "m", "type": "aggregate_mod", "required": {"measures": {"s": {"function": "sum", "column": "t"}}}}
    found = problem(flow(table("s", SALES, *SOLD), module, links=["s.data - m.input"]), tmp_path, "m.output")
    assert (found.code, found.place.path[-3:]) == ("PYE372", ("measures", "s", "column"))


def test_formula_reads_what_it_made_and_replaces_in_place(tmp_path: Path) -> None:
    formulas = {"double": "age * 2", "age": "age + 1", "four": "double * 2", "sum": "age + four"}
    found = through("formula_mod", PEOPLE, ROWS[:1], tmp_path, formulas=formulas)["output"]
    assert found == [{"id": 1, "name": "ann", "age": 31, "double": 60, "four": 120, "sum": 151}]
    assert list(found[0]) == ["id", "name", "age", "double", "four", "sum"]


def test_formula_as_a_list_and_alone(tmp_path: Path) -> None:
    formulas = [{"name": "n", "expression": "upper(name)"}, {"name": "n", "expression": "n || '!'"}]
    found = through("formula_mod", PEOPLE, ROWS[:2], tmp_path, formulas=formulas, keep=False)["output"]
    assert found == [{"n": "ANN!"}, {"n": "BOB!"}]


def test_formula_refuses_a_clash_by_case(tmp_path: Path) -> None:
    module = {"id": "m", "type": "formula_mod", "required": {"formulas": {"AGE": "1"}}}
    assert problem(flow(table("s", PEOPLE, *ROWS), module, links=["s.data - m.input"]), tmp_path, "m.output").code == "PYE371"


def test_select_keeps_renames_retypes_and_orders(tmp_path: Path) -> None:
    columns = {"a": "string", "b": "string", "c": "double"}
    found = through(
        "select_mod", columns, [["1", "31.12.2024", 2.5]], tmp_path,
        types={"a": "int64", "b": "date", "c": "int64"}, formats={"b": "%d.%m.%Y"}, rename={"a": "number"}, first=["c"],
    )["output"]  # fmt: skip
    assert [str(v) for v in found[0].values()] == ["3", "1", "2024-12-31"]
    assert list(found[0]) == ["c", "number", "b"]


def test_select_rejects_what_does_not_convert(tmp_path: Path) -> None:
    rows = [["1", "x"], ["2x", "y"], [None, "z"]]
    found = through("select_mod", {"n": "string", "t": "string"}, rows, tmp_path, "output", "reject", types={"n": "int64"})
    assert found["output"] == [{"n": 1, "t": "x"}, {"n": None, "t": "z"}]
    (bad,) = found["reject"]
    assert (bad["error_column"], bad["raw"], bad["n"], bad["t"]) == ("n", "2x", "2x", "y")


def test_select_can_put_null(tmp_path: Path) -> None:
    found = through("select_mod", {"n": "string"}, [["1"], ["x"]], tmp_path, types={"n": "int64"}, on_misfit="null")["output"]
    assert found == [{"n": 1}, {"n": None}]


@pytest.mark.parametrize(("options", "left"), [({"drop": ["name"]}, ["id", "age"]), ({"keep": ["age", "id"]}, ["age", "id"])])
def test_select_drop_and_keep(tmp_path: Path, options: dict[str, Any], left: list[str]) -> None:
    assert list(through("select_mod", PEOPLE, ROWS[:1], tmp_path, **options)["output"][0]) == left
