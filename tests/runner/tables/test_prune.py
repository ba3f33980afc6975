"""Pruning is a pure function: what nobody reads is neither computed nor carried, and rows stay the same."""

from __future__ import annotations

from pathlib import Path

from pypeline.core.columns import names
from pypeline.core.relation import Expr, Query, Relation, col
from pypeline.runner.tables.bind import fuse
from pypeline.runner.tables.fused import Fused
from pypeline.runner.tables.prune import keep
from tests.runner.tables.segments import Module, Segment, columns, e, formula, group, join, read, rows, show, sink, sort, union, where

WIDE = columns(a="int64", b="int64", c="int64", d="int64")


def fused(folder: Path, modules: dict[str, Module], links: list[str]) -> Fused:
    return fuse(Segment(folder, modules, links).order(), modules)


def left(pruned: Fused) -> dict[str, tuple[str, ...]]:
    return {name: names(table.schema) for name, table in pruned.tables.items()}


def test_only_what_is_read_stays(tmp_path: Path) -> None:
    modules = {"r": rows(WIDE, (1, 2, 3, 4)), "f": where("{b} > 0", "b"), "x": formula(y=e("{a} + 1", "a"), z=e("{c}", "c")), "s": sort("d")}
    whole = fused(tmp_path, modules, ["r.data -> f.input", "f.output -> x.input", "x.output -> s.input", "s.output -> q.input"])
    assert left(keep(whole, {"s.output": {"y"}}, ())) == {"r.data": ("a", "b", "d"), "f.output": ("a", "d"), "x.output": ("d", "y"), "s.output": ("y",)}
    assert left(keep(whole, {"f.output": {"c"}}, ())) == {"r.data": ("b", "c"), "f.output": ("c",)}


def test_a_count_needs_rows_but_no_column(tmp_path: Path) -> None:
    modules = {"r": rows(WIDE, (1, 2, 3, 4)), "f": where("{b} > 0", "b"), "x": formula(y=e("error('no')"))}
    pruned = keep(fused(tmp_path, modules, ["r.data -> f.input", "f.output -> x.input", "x.output -> q.input"]), {}, ["x.output"])
    assert left(pruned) == {"r.data": ("b",), "f.output": (), "x.output": ()}


def test_an_aggregate_without_keys_stays_one_row(tmp_path: Path) -> None:
    total = Module(lambda i, w: Relation(outputs={"output": Query((("n", Expr("count(*)")), ("t", e("sum({a})", "a"))), Expr('"input"'))}))
    modules = {"r": rows(WIDE, (1, 2, 3, 4), (5, 6, 7, 8)), "t": total, "out": sink(tmp_path / "o.parquet")}
    result = Segment(tmp_path, modules, ["r.data -> t.input", "r.data -> out.input"], count=("r.data", "t.output")).ok()
    assert result.counts == {"r.data": 2, "t.output": 1}


def test_distinct_and_user_sql_keep_their_columns(tmp_path: Path) -> None:
    distinct = Module(lambda i, w: Relation(outputs={"output": Query((("a", col("input", "a")), ("b", col("input", "b"))), Expr('"input"'), distinct=True)}))
    reads = frozenset({("input", "a"), ("input", "b")})
    sql = Module(lambda i, w: Relation(outputs={"output": Query((), Expr('(select a, b from "input") as q', reads), prunable=False)}))
    modules = {"r": rows(WIDE, (1, 2, 3, 4), (1, 3, 3, 4)), "d": distinct, "q": sql, "x": formula(y=e("{a}", "a")), "out": sink(tmp_path / "o.parquet")}
    links = ["r.data -> d.input", "d.output -> q.input", "q.output -> x.input", "x.output -> out.input"]
    pruned = keep(fused(tmp_path, modules, links), {"x.output": {"y"}}, ())
    assert left(pruned)["d.output"] == left(pruned)["q.output"] == ("a", "b")
    Segment(tmp_path, modules, links).ok()
    assert sorted(read(tmp_path / "o.parquet")) == [(1, 2, 1), (1, 3, 1)]


def test_unions_are_cut_by_position(tmp_path: Path) -> None:
    modules = {
        "r": rows(WIDE, (1, 2, 3, 4)),
        "s": rows(WIDE, (5, 6, 7, 8)),
        "u": union(),
        "g": group("c", n=Expr("count(*)")),
        "out": sink(tmp_path / "o.parquet"),
    }
    links = ["r.data -> u.input", "s.data -> u.input", "u.output -> g.input", "g.output -> out.input"]
    assert left(keep(fused(tmp_path, modules, links), {"g.output": {"c", "n"}}, ()))["u.output"] == ("c",)
    Segment(tmp_path, modules, links).ok()
    assert sorted(read(tmp_path / "o.parquet")) == [(3, 1), (7, 1)]


def test_a_cross_join_keeps_a_side_that_nobody_reads(tmp_path: Path) -> None:
    cross = Module(lambda i, w: Relation(outputs={"output": Query((("a", col("left", "a")),), Expr('"left" CROSS JOIN "right"'))}))
    modules = {
        "l": rows(WIDE, (1, 2, 3, 4)),
        "r": rows(WIDE, (1, 2, 3, 4), (5, 6, 7, 8)),
        "x": cross,
        "j": join("a"),
        "out": sink(tmp_path / "o.parquet"),
        "log": show(),
    }
    links = ["l.data -> x.left", "r.data -> x.right", "x.output -> j.left", "l.data -> j.right", "j.output -> out.input", "j.output -> log.input"]
    assert Segment(tmp_path, modules, links).ok().counts == {"l.data": 1, "r.data": 2, "x.output": 2, "j.output": 2}
