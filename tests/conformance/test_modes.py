"""The same flow gives the same rows, types and nulls in every execution mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from pypeline.core.relation import Expr
from pypeline.core.results import HandOver
from pypeline.runner.tables import modes
from tests.runner.tables.segments import Module, Segment, columns, csv, e, formula, group, join, parquet, read, rows, sink, sort, union, where


def by_tasks(folder: Path, modules: dict[str, Module], links: Sequence[str], end: str) -> pa.Table:
    """Every module as its own task in pandas mode, as the planner cuts it; the table of port ``end``."""
    tables: dict[str, HandOver] = {}
    waiting = dict(modules)
    while waiting:
        name = next(m for m in waiting if all(x.split(" -> ")[0] in tables for x in links if x.split(" -> ")[1].startswith(f"{m}.")))
        arriving = [x for x in links if x.split(" -> ")[1].startswith(f"{name}.")]
        leaving = tuple(dict.fromkeys([x.split(" -> ")[0] for x in links if x.startswith(f"{name}.")] + ([end] if end.startswith(f"{name}.") else [])))
        place = folder / name
        place.mkdir(exist_ok=True)
        given_ = {x: tables[x.split(" -> ")[0]] for x in arriving}
        tables |= Segment(place, {name: waiting.pop(name)}, arriving, hands_over=leaving, mode="pandas", tables=given_).ok().outputs
    return pq.read_table(tables[end].path)


def in_one(folder: Path, modules: dict[str, Module], links: Sequence[str], end: str, mode: str) -> pa.Table:
    place = folder / mode
    place.mkdir(exist_ok=True)
    return pq_or_arrow(Segment(place, modules, links, hands_over=(end,), mode=mode).ok().outputs[end])


def pq_or_arrow(table: HandOver) -> pa.Table:
    if table.format == "parquet":
        return pq.read_table(table.path)
    with pa.memory_map(table.path) as source:
        return pa.ipc.open_file(source).read_all()


def agree(folder: Path, modules: dict[str, Module], links: Sequence[str], end: str, ordered: bool = True) -> pa.Table:
    auto = in_one(folder, modules, links, end, "auto")
    for other in (by_tasks(folder, modules, links, end), in_one(folder, modules, links, end, "dask")):
        assert [(f.name, f.type) for f in other.schema] == [(f.name, f.type) for f in auto.schema]
        left, right = auto.to_pylist(), other.to_pylist()
        assert left == right if ordered else sorted(map(repr, left)) == sorted(map(repr, right))
    return auto


N = float("nan")
FACTS = columns(x="int64", f="double", s="string", b="bool")
DATA = ((1, 1.0, "b", True), (None, None, None, None), (3, N, "B", False), (2**53 + 1, 2.5, "Ärger", True), (-7, -2.5, "a", None))


def facts() -> Module:
    return rows(FACTS, *[tuple(None if v is N else v for v in row) for row in DATA])


# expression over FACTS → the values it must give (semantics.md: SQL's meaning everywhere)
MEANING: dict[str, tuple[str, list[Any] | None]] = {
    "not of a null comparison": ("not ({x} > 1)", [True, None, False, False, True]),
    "unequal to null": ("{x} <> 1", [False, None, True, True, True]),
    "not in with null": ("{s} not in ('a')", [True, None, True, True, False]),
    "null or true": ("{b} or true", [True] * 5),
    "null and false": ("{b} and false", [False] * 5),
    "exact integers": ("{x} + 0", [1, None, 3, 2**53 + 1, -7]),
    "division is float": ("{x} / 2", [0.5, None, 1.5, (2**53 + 1) / 2, -3.5]),
    "whole division truncates": ("{x} // 2", [0, None, 1, 2**52, -3]),
    "remainder truncates": ("{x} % 2", [1, None, 1, 1, -1]),
    "zero divisor": ("{x} // nullif(0, 0)", [None] * 5),
    "round half away from zero": ("round({f})", [1.0, None, None, 3.0, -3.0]),
    "length in characters": ("length({s})", [1, None, 1, 5, 1]),
    "concatenation with null": ("{s} || 'x'", ["bx", None, "Bx", "Ärgerx", "ax"]),
    "case by code point": ("{s} < 'a'", [False, None, True, False, False]),
    "int32 keeps its type": ("cast({x} % 100 as integer)", [1, None, 3, (2**53 + 1) % 100, -7]),
    "decimals": ("cast({f} as decimal(10,2)) * 2", [2, None, None, 5, -5]),
    "dates": ("date '2024-02-28' + cast(abs({x}) % 3 as integer)", None),
    "time zones": ("hour(timestamptz '2024-03-31 01:30:00+00')", [1] * 5),
    "iso days": ("isodow(date '2024-03-31')", [7] * 5),
}


@pytest.mark.parametrize("name", MEANING)
def test_expressions(name: str, tmp_path: Path) -> None:
    text, expected = MEANING[name]
    modules = {"r": facts(), "m": formula(value=e(text, "x", "f", "s", "b"))}
    got = agree(tmp_path, modules, ["r.data -> m.input"], "m.output").column("value").to_pylist()
    assert expected is None or got == expected


def test_groups_sorts_and_joins_treat_null_as_sql_does(tmp_path: Path) -> None:
    keys = columns(k="string", v="int64")
    left = rows(keys, ("a", 1), (None, 2), ("a", 3), (None, 4))
    right = rows(columns(k="string", w="int64"), ("a", 10), (None, 20))
    measures = {"n": Expr("count(*)"), "total": e("sum({v})", "v"), "seen": e("count(distinct {w})", "w")}
    modules = {"l": left, "r": right, "j": join("k", "LEFT JOIN"), "g": group("k", **measures), "s": sort("k")}
    links = ["l.data -> j.left", "r.data -> j.right", "j.output -> g.input", "g.output -> s.input"]
    table = agree(tmp_path, modules, links, "s.output")
    assert table.to_pylist() == [{"k": "a", "n": 2, "total": 4, "seen": 1}, {"k": None, "n": 2, "total": 6, "seen": 0}]


def test_empty_tables_keep_their_types(tmp_path: Path) -> None:
    modules = {"r": rows(FACTS), "f": where("{x} > 1", "x"), "u": union(), "g": group("s", total=e("sum({f})", "f"))}
    links = ["r.data -> f.input", "f.output -> u.input", "r.data -> u.input", "u.output -> g.input"]
    table = agree(tmp_path, modules, links, "g.output")
    assert (table.num_rows, str(table.schema.field("total").type)) == (0, "double")


def test_integers_of_128_bits_cross_a_boundary(tmp_path: Path) -> None:
    modules = {
        "r": rows(columns(k="int64", v="int64"), (1, 2**63 - 1), (1, 2**63 - 1)),
        "g": group("k", total=e("sum({v})", "v")),
        "x": formula(more=e("{total} + 1", "total")),
    }
    table = agree(tmp_path, modules, ["r.data -> g.input", "g.output -> x.input"], "x.output")
    assert [int(v) for v in table.column("more").to_pylist()] == [2**64 - 1]


def test_dask_runs_partitions_and_publishes_sinks_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modes, "PARTITION_ROWS", 100)
    path = tmp_path / "in.csv"
    path.write_text("id,name\n" + "".join(f"{i},n{i % 3}\n" for i in range(1000)) + "bad,x\n")
    modules = {
        "s": csv(path, columns(id="int64", name="string")), "f": where("{id} % 2 = 0", "id"), "x": formula(y=e("{id} * 10", "id")),
        "g": group("name", n=Expr("count(*)")), "o": sort("name"), "a": sink(tmp_path / "a.parquet"), "b": sink(tmp_path / "b.parquet"),
    }  # fmt: skip
    links = ["s.data -> f.input", "f.output -> x.input", "x.output -> g.input", "g.output -> o.input", "o.output -> a.input", "x.output -> b.input"]
    result = Segment(tmp_path, modules, links, mode="dask", hands_over=("s.reject",)).ok()
    assert result.counts == {"s.data": 1000, "f.output": 500, "x.output": 500, "g.output": 3, "o.output": 3}
    assert [row[0] for row in read(tmp_path / "b.parquet")] == list(range(0, 1000, 2))
    assert read(tmp_path / "a.parquet") == [("n0", 167), ("n1", 166), ("n2", 167)]
    assert result.outputs["s.reject"].rows == 1
    assert {m.module: m.rows_in for m in result.modules}["x"] == {"f.output -> x.input": 500}
    failing = {**modules, "x": formula(y=e("case when {id} = 500 then error('boom') else 1 end", "id"))}
    (tmp_path / "a.parquet").unlink()
    failed = Segment(tmp_path, failing, links, mode="dask", hands_over=("s.reject",)).run()
    assert failed.error is not None
    assert failed.error.module == "x"
    assert not (tmp_path / "a.parquet").exists()


VALUES = st.tuples(
    st.none() | st.integers(-(2**40), 2**40),
    st.none() | st.floats(-1e6, 1e6, width=32),
    st.none() | st.text(max_size=4).filter(lambda t: "\0" not in t),
    st.none() | st.booleans(),
)
EXPRESSIONS = (
    "{x} > 3 and {b}",
    "coalesce({s}, 'z') || '!'",
    "case when {f} > 0 then {x} else -{x} end",
    "{x} // nullif({x} % 3, 0)",
    "{s} like 'a%' or {f} is null",
    "round({f}, 1)",
)

CONDITIONS = ("{x} is not null", "not ({x} > 0)", "{b}", "{f} <= 100")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.lists(VALUES, max_size=12),
    value=st.sampled_from(EXPRESSIONS),
    condition=st.sampled_from(["{x} is not null", "not ({x} > 0)", "{b}", "{f} <= 100"]),
)
def test_random_tables_and_expressions(tmp_path: Path, table: list[tuple[Any, ...]], value: str, condition: str) -> None:
    modules = {"r": rows(FACTS, *table), "m": formula(value=e(value, "x", "f", "s", "b")), "f": where(condition, "x", "f", "s", "b")}
    agree(tmp_path, modules, ["r.data -> m.input", "m.output -> f.input"], "f.output")


def test_files_in_and_out(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1, None, 3], "f": [1.0, N, None]}), tmp_path / "in.parquet")
    modules = {"p": parquet(tmp_path / "in.parquet"), "m": formula(big=e("{f} > 5", "f"))}
    table = agree(tmp_path, modules, ["p.data -> m.input"], "m.output")
    assert table.column("f").to_pylist() == [1.0, None, None]  # not a number is null at every boundary
    assert table.column("big").to_pylist() == [False, None, None]
    assert replace(Segment(tmp_path, modules, ["p.data -> m.input"]).order(), mode="dask").mode == "dask"
