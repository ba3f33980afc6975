"""The engine's own meters count where a counter would have it hold a table, and only where they are exact."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from pypeline.core.relation import Expr
from tests.runner.tables.segments import Module, Segment, columns, csv, e, first, formula, group, join, read, show, sink, sort, where

ROWS = 10_000
HELD = '"o.data" AS MATERIALIZED'
START = ["o.data -> j.left", "n.data -> j.right"]


def number() -> Module:
    return group("country", orders=Expr("count(*)"))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Module]:
    """10,000 orders, a quarter of them from a country without a name, half from one with two."""
    orders, countries = tmp_path / "orders.csv", tmp_path / "names.csv"
    orders.write_text("id,country\n" + "".join(f"{i},{('DE', 'FR', 'DE', 'XX')[i % 4]}\n" for i in range(ROWS)))
    countries.write_text("country,name\nDE,Germany\nDE,Deutschland\nFR,France\n")
    return {"o": csv(orders, columns(id="int64", country="string")), "n": csv(countries, columns(country="string", name="string"))}


@pytest.mark.parametrize(("kind", "joined"), [("JOIN", 12_500), ("LEFT JOIN", 15_000)])
def test_a_line_of_joins_is_counted_and_not_held(tmp_path: Path, files: dict[str, Module], kind: str, joined: int) -> None:
    modules = {**files, "m": files["n"], "j": join("country", kind), "x": formula(more=e("{id} + 1", "id")), "k": join("country", kind)}
    modules |= {"g": number(), "out": sink(tmp_path / "out.parquet")}
    links = [*START, "j.output -> x.input", "x.output -> k.left", "m.data -> k.right", "k.output -> g.input", "g.output -> out.input"]
    result = Segment(tmp_path, modules, links).ok()
    twice = joined + 10_000
    assert result.counts == {
        "o.data": ROWS,
        "n.data": 3,
        "m.data": 3,
        "j.output": joined,
        "x.output": joined,
        "k.output": twice,
        "g.output": len(read(tmp_path / "out.parquet")),
    }
    assert HELD not in result.sql
    assert '"j.output" AS MATERIALIZED' not in result.sql
    assert sum(row[1] for row in read(tmp_path / "out.parquet")) == twice


def test_a_line_may_end_in_a_file_by_way_of_a_sort(tmp_path: Path, files: dict[str, Module]) -> None:
    modules = {**files, "j": join("country"), "s": sort("id"), "out": sink(tmp_path / "out.parquet")}
    result = Segment(tmp_path, modules, [*START, "j.output -> s.input", "s.output -> out.input"]).ok()
    assert result.counts == {"o.data": ROWS, "n.data": 3, "j.output": 12_500, "s.output": 12_500}
    assert HELD not in result.sql
    assert len(read(tmp_path / "out.parquet")) == 12_500


@pytest.mark.parametrize(("kind", "joined", "held"), [("JOIN", 0, True), ("LEFT JOIN", ROWS, False)])
def test_an_empty_right_side_ends_an_inner_join_early_and_is_counted_anew(tmp_path: Path, files: dict[str, Module], kind: str, joined: int, held: bool) -> None:
    (tmp_path / "names.csv").write_text("country,name\n")
    with (tmp_path / "orders.csv").open("a") as orders:
        orders.write("bad,DE\n")
    modules = {**files, "j": join("country", kind), "g": number(), "out": sink(tmp_path / "out.parquet"), "l": show()}
    links = [*START, "j.output -> g.input", "g.output -> out.input", "g.output -> l.input"]
    segment = Segment(tmp_path, modules, links, hands_over=("o.reject",))
    result = segment.ok()
    assert result.counts == {"o.data": ROWS, "n.data": 0, "j.output": joined, "g.output": len(read(tmp_path / "out.parquet"))}
    assert (HELD in result.sql) is held
    assert result.outputs["o.reject"].rows == 1
    assert len(segment.logged()) == 1
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_rows_that_cannot_be_read_are_not_in_the_count(tmp_path: Path, files: dict[str, Module]) -> None:
    with (tmp_path / "orders.csv").open("a") as orders:
        orders.write("bad,DE\n1\n")
    modules = {**files, "j": join("country"), "g": number(), "out": sink(tmp_path / "out.parquet")}
    result = Segment(tmp_path, modules, [*START, "j.output -> g.input", "g.output -> out.input"], on_reject="ignore").ok()
    assert result.counts == {"o.data": ROWS, "n.data": 3, "j.output": 12_500, "g.output": 2}
    assert HELD not in result.sql


@pytest.mark.parametrize(
    ("after", "rows"),
    [
        pytest.param({"f": where("{country} = 'FR'", "country")}, {"f.output": 2_500}, id="a condition on a column of both sides"),
        pytest.param({"f": where("{name} = 'Germany'", "name")}, {"f.output": 5_000}, id="a condition on the right side"),
        pytest.param({"g": number(), "f": where("{country} = 'FR'", "country")}, {"g.output": 2, "f.output": 1}, id="a condition on a group's key"),
        pytest.param({"f": first(5)}, {"f.output": 5}, id="a limit"),
        pytest.param({"f": formula(a=e("1")), "s": sort("id", limit=7)}, {"f.output": 12_500, "s.output": 7}, id="the first of a sort"),
    ],
)
def test_whatever_may_move_or_stop_a_line_is_counted_by_counters(
    tmp_path: Path, files: dict[str, Module], after: dict[str, Module], rows: dict[str, int]
) -> None:
    modules = {**files, "j": join("country"), **after, "out": sink(tmp_path / "out.parquet")}
    path = ["j", *after, "out"]
    result = Segment(tmp_path, modules, [*START, *(f"{a}.output -> {b}.input" for a, b in pairwise(path))]).ok()
    assert result.counts == {"o.data": ROWS, "n.data": 3, "j.output": 12_500, **rows}
    assert HELD in result.sql


def test_a_line_that_is_only_shown_is_counted_by_counters(tmp_path: Path, files: dict[str, Module]) -> None:
    modules = {**files, "j": join("country"), "l": show(3)}
    result = Segment(tmp_path, modules, [*START, "j.output -> l.input"]).ok()
    assert result.counts == {"o.data": ROWS, "n.data": 3, "j.output": 12_500}
    assert HELD in result.sql


def test_a_table_joined_with_itself_is_read_once(tmp_path: Path, files: dict[str, Module]) -> None:
    modules = {"o": files["n"], "j": join("country"), "g": number(), "out": sink(tmp_path / "out.parquet")}
    result = Segment(tmp_path, modules, ["o.data -> j.left", "o.data -> j.right", "j.output -> g.input", "g.output -> out.input"]).ok()
    assert result.counts == {"o.data": 3, "j.output": 5, "g.output": 2}
    assert HELD in result.sql


def test_where_two_lines_could_be_taken_for_one_another_counters_count(tmp_path: Path, files: dict[str, Module]) -> None:
    small = tmp_path / "small.csv"
    small.write_text("id,country\n1,DE\n2,FR\n")
    modules = {**files, "p": csv(small, columns(id="int64", country="string")), "m": files["n"], "j": join("country"), "k": join("country")}
    modules |= {"a": sink(tmp_path / "a.parquet"), "b": sink(tmp_path / "b.parquet")}
    links = [*START, "j.output -> a.input", "p.data -> k.left", "m.data -> k.right", "k.output -> b.input"]
    result = Segment(tmp_path, modules, links, count=("o.data", "j.output", "k.output")).ok()
    assert result.counts == {"o.data": ROWS, "j.output": 12_500, "k.output": 3}
