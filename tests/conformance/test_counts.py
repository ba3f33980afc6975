"""Counts and rejects are exact where an engine's own figures are not, and no file is read twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pypeline.core.relation import Expr
from tests.runner.tables.segments import Segment, columns, csv, e, first, formula, group, join, parquet, read, show, sink, sort, where

ORDERS = columns(id="int64", country="string", price="double")


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    lines = [f"{i},{'DE' if i % 2 else 'FR'},{i / 4}" for i in range(1, 1001)]
    path.write_text("id,country,price\n" + "\n".join(lines) + "\n")
    return path


def test_an_empty_build_side_still_counts_the_other_side(tmp_path: Path, orders: Path) -> None:
    nobody = tmp_path / "nobody.csv"
    nobody.write_text("country,name\n")
    modules = {
        "o": csv(orders, ORDERS),
        "n": csv(nobody, columns(country="string", name="string")),
        "j": join("country"),
        "out": sink(tmp_path / "out.parquet"),
    }
    result = Segment(tmp_path, modules, ["o.data -> j.left", "n.data -> j.right", "j.output -> out.input"]).ok()
    assert result.counts == {"o.data": 1000, "n.data": 0, "j.output": 0}


def test_groups_tell_how_many_rows_went_into_them(tmp_path: Path, orders: Path) -> None:
    names = tmp_path / "names.csv"
    names.write_text("country,name\nDE,Germany\nDE,Deutschland\n")
    modules = {
        "o": csv(orders, ORDERS),
        "n": csv(names, columns(country="string", name="string")),
        "j": join("country"),
        "x": formula(**{"rows$": e("1")}),
        "g": group("rows$", most=Expr('max("input"."name")', frozenset({("input", "name")}))),
        "l": first(0),
        "out": sink(tmp_path / "out.parquet"),
    }
    links = ["o.data -> j.left", "n.data -> j.right", "j.output -> x.input", "x.output -> g.input", "g.output -> l.input", "l.output -> out.input"]
    result = Segment(tmp_path, modules, links).ok()
    assert result.counts == {"o.data": 1000, "n.data": 2, "j.output": 1000, "x.output": 1000, "g.output": 1, "l.output": 0}
    assert '"j.output" AS MATERIALIZED' not in result.sql, "held for the sake of a count"


def test_groups_of_rows_that_nothing_was_joined_to_are_not_held_for_a_count(tmp_path: Path, orders: Path) -> None:
    modules = {
        "o": csv(orders, ORDERS),
        "f": where("{id} > 10", "id"),
        "g": group("id", n=Expr("count(*)")),
        "s": sort("id"),
        "out": sink(tmp_path / "out.parquet"),
    }
    result = Segment(tmp_path, modules, ["o.data -> f.input", "f.output -> g.input", "g.output -> s.input", "s.output -> out.input"]).ok()
    assert result.counts == {"o.data": 1000, "f.output": 990, "g.output": 990, "s.output": 990}
    assert '"g.output" AS MATERIALIZED' not in result.sql


def test_a_limit_below_does_not_shorten_the_counts_above(tmp_path: Path, orders: Path) -> None:
    modules = {"o": csv(orders, ORDERS), "f": where("{id} > 10", "id"), "l": first(5), "out": sink(tmp_path / "out.parquet")}
    result = Segment(tmp_path, modules, ["o.data -> f.input", "f.output -> l.input", "l.output -> out.input"]).ok()
    assert result.counts == {"o.data": 1000, "f.output": 990, "l.output": 5}


def test_an_output_that_nobody_uses_is_counted_but_its_columns_are_not_computed(tmp_path: Path, orders: Path) -> None:
    modules = {"o": csv(orders, ORDERS), "x": formula(bad=e("error('computed')")), "out": sink(tmp_path / "out.parquet")}
    result = Segment(tmp_path, modules, ["o.data -> x.input", "o.data -> out.input"], count=("o.data", "x.output")).ok()
    assert result.counts == {"o.data": 1000, "x.output": 1000}


def test_a_bad_value_in_a_column_that_nobody_reads_still_rejects_its_row(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("id,amount\n1,1.5\n2,abc\n3,2.5\n")
    modules = {
        "o": csv(path, columns(id="int64", amount="double")),
        "x": group("id", n=Expr("count(*)")),
        "out": sink(tmp_path / "out.parquet"),
    }
    links = ["o.data -> x.input", "x.output -> out.input"]
    taken = Segment(tmp_path, modules, links, hands_over=("o.reject",)).ok()
    assert sorted(read(tmp_path / "out.parquet")) == [(1, 1), (3, 1)]
    assert read(taken.outputs["o.reject"].path)[0][2:] == ("amount", str(path), 3, "2,abc")
    assert taken.outputs["o.reject"].rows == 1
    refused = Segment(tmp_path, modules, links).run()
    assert refused.error is not None
    assert (refused.error.code, refused.error.module) == ("PYE420", "o")
    assert "line 3" in refused.error.message
    assert "`amount`" in refused.error.message


def test_parquet_statistics_prune_the_read_but_not_the_count(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"id": list(range(10_000))}), path, row_group_size=1000)
    modules = {"o": parquet(path), "f": where("{id} >= 9990", "id"), "out": sink(tmp_path / "out.parquet")}
    result = Segment(tmp_path, modules, ["o.data -> f.input", "f.output -> out.input"]).ok()
    assert result.counts == {"o.data": 10_000, "f.output": 10}
    assert len(read(tmp_path / "out.parquet")) == 10


def test_one_table_into_two_sinks_and_a_reject_link(tmp_path: Path, orders: Path) -> None:
    with orders.open("a") as file:
        file.write("x,DE,1\n1001,DE\n")
    modules = {
        "o": csv(orders, ORDERS),
        "f": where("{country} = 'DE'", "country"),
        "good": sink(tmp_path / "good.parquet"),
        "all": sink(tmp_path / "all.csv", "csv"),
        "bad": sink(tmp_path / "bad.parquet"),
    }
    links = ["o.data -> f.input", "f.output -> good.input", "o.data -> all.input", "f.reject -> bad.input"]
    result = Segment(tmp_path, modules, links, hands_over=("o.reject",)).ok()
    assert result.counts == {"o.data": 1000, "f.output": 500, "f.reject": 500}
    assert [len(read(tmp_path / f"{n}.parquet")) for n in ("good", "bad")] == [500, 500]
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 1001
    assert {row[0] for row in read(result.outputs["o.reject"].path)} == {"cast", "missing_columns"}
    assert next(m for m in result.modules if m.module == "o").rejected == 2
    assert set(result.files) == {str(tmp_path / n) for n in ("good.parquet", "all.csv", "bad.parquet")}


def test_a_failure_in_the_second_sink_leaves_both_targets_untouched(tmp_path: Path, orders: Path) -> None:
    (tmp_path / "a.csv").write_text("old")
    modules = {
        "o": csv(orders, ORDERS),
        "x": formula(id=e("CASE WHEN {id} = 900 THEN 9223372036854775807 + {id} ELSE {id} END", "id")),
        "a": sink(tmp_path / "a.csv", "csv"),
        "b": sink(tmp_path / "b.csv", "csv"),
    }
    result = Segment(tmp_path, modules, ["o.data -> x.input", "o.data -> a.input", "x.output -> b.input"], publish=str(tmp_path / "publish.json")).run()
    assert result.error is not None
    assert (result.error.code, result.error.module, result.error.column) == ("PYE430", "x", "id")
    assert "id = 900" in result.error.message
    assert (tmp_path / "a.csv").read_text() == "old"
    assert not (tmp_path / "b.csv").exists()
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".") or p.name == "publish.json"]


def test_rows_keep_their_order_from_file_to_file(tmp_path: Path, orders: Path) -> None:
    modules = {"o": csv(orders, ORDERS), "f": where("{id} % 3 = 0", "id"), "out": sink(tmp_path / "out.parquet")}
    Segment(tmp_path, modules, ["o.data -> f.input", "f.output -> out.input"]).ok()
    assert [row[0] for row in read(tmp_path / "out.parquet")] == [i for i in range(1, 1001) if i % 3 == 0]


RUN = """
import sys
from pathlib import Path
from tests.runner.tables.segments import *
folder = Path(sys.argv[1])
orders = columns(id="int64", country="string", price="double")
modules = {"o": csv(folder / "orders.csv", orders), "p": parquet(folder / "in.parquet"),
  "j": join("id"), "g": group("country", n=Expr("count(*)")), "s": sort("country")}
links = ["o.data -> j.left", "p.data -> j.right", "o.data -> g.input", "g.output -> s.input", "s.output -> s1.input", "j.output -> s2.input"]
for i in range(8):
    modules |= {f"f{i}": where("{id} % 8 = " + str(i), "id"), f"w{i}": sink(folder / f"w{i}.parquet")}
    links += [f"o.data -> f{i}.input", f"f{i}.output -> w{i}.input"]
modules |= {"s1": sink(folder / "s1.parquet"), "s2": sink(folder / "s2.csv", "csv")}
result = Segment(folder, modules, links).ok()
assert result.counts["o.data"] == 50_000 and result.counts["j.output"] == 50_000, result.counts
"""


def bytes_read(trace: str, files: tuple[str, ...]) -> dict[str, int]:
    """What ``strace -f -y`` saw being read of each file; a call may be told in two lines."""
    total = dict.fromkeys(files, 0)
    waiting: dict[str, str] = {}
    for line in trace.splitlines():
        thread = line.split()[0]
        name = next((f for f in files if f"/{f}>" in line), None) or (waiting.pop(thread, None) if " resumed>" in line else None)
        if name is None:
            continue
        if "<unfinished" in line:
            waiting[thread] = name
        elif line.rsplit(" = ", 1)[-1].split()[0].isdigit():
            total[name] += int(line.rsplit(" = ", 1)[1].split()[0])
    return total


def test_no_file_is_scanned_twice(tmp_path: Path, orders: Path) -> None:
    """Ten readers and twelve counts over one text file: its bytes cross the system call once."""
    with orders.open("a") as file:
        file.writelines(f"{i},DE,1.5\n" for i in range(1001, 50_001))
    pq.write_table(pa.table({"id": list(range(1, 50_001)), "name": [f"name {i}" for i in range(50_000)]}), tmp_path / "in.parquet")
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-y", "-e", "trace=read,pread64", "-o", str(trace), sys.executable, "-c", RUN, str(tmp_path)]
    try:
        subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
    except FileNotFoundError:
        pytest.skip("strace is not installed")
    read_bytes = bytes_read(trace.read_text(errors="replace"), ("orders.csv", "in.parquet"))
    size = orders.stat().st_size
    # a few kilobytes of header and footer are looked at apart, before the scan
    assert size <= read_bytes["orders.csv"] <= 1.1 * size
    assert read_bytes["in.parquet"] <= 1.5 * (tmp_path / "in.parquet").stat().st_size


def test_what_log_shows_is_what_was_there(tmp_path: Path, orders: Path) -> None:
    segment = Segment(tmp_path, {"o": csv(orders, ORDERS), "s": sort("id", limit=2), "log": show(5)}, ["o.data -> s.input", "s.output -> log.input"])
    assert segment.ok().counts == {"o.data": 1000, "s.output": 2}
    assert [json.loads(line) for line in segment.logged()[0].splitlines()] == [
        {"id": 1, "country": "DE", "price": 0.25},
        {"id": 2, "country": "FR", "price": 0.5},
    ]


def test_a_long_chain_of_conditions_is_counted_without_doing_them_all_again(tmp_path: Path, orders: Path) -> None:
    modules = {"o": csv(orders, ORDERS)} | {f"f{i}": where("{id} > " + str(i), "id") for i in range(40)} | {"out": sink(tmp_path / "out.parquet")}
    links = ["o.data -> f0.input", *(f"f{i}.output -> f{i + 1}.input" for i in range(39)), "f39.output -> out.input"]
    result = Segment(tmp_path, modules, links).ok()
    assert result.counts == {"o.data": 1000} | {f"f{i}.output": 1000 - i for i in range(40)}
    # the rows of the last one are told by the sink
    assert result.sql.count("AS MATERIALIZED") == 1 + 39 // 4


@pytest.mark.parametrize("watch", ["off", "counts", "previews"])
def test_a_look_at_the_first_groups_does_not_hold_up_who_reads_them_all(tmp_path: Path, watch: str) -> None:
    pq.write_table(pa.table({"id": range(200_000)}), tmp_path / "in.parquet")
    modules = {
        "o": parquet(tmp_path / "in.parquet"),
        "g": group("id", n=Expr("count(*)")),
        "s": sort("id"),
        "out": sink(tmp_path / "out.parquet"),
        "log": show(3),
    }
    links = ["o.data -> g.input", "g.output -> s.input", "s.output -> out.input", "g.output -> log.input"]
    segment = Segment(tmp_path, modules, links, count=() if watch == "off" else None, watch=watch)
    result = segment.ok()
    assert pq.read_metadata(tmp_path / "out.parquet").num_rows == 200_000
    assert len(segment.logged()[0].splitlines()) == 3
    assert result.counts == ({} if watch == "off" else {"o.data": 200_000, "g.output": 200_000, "s.output": 200_000})


def test_appended_rows_are_counted_without_those_that_were_there(tmp_path: Path, orders: Path) -> None:
    path = tmp_path / "out.parquet"
    modules = {"o": csv(orders, ORDERS), "f": where("{id} > 990", "id"), "out": sink(path, mode="append")}
    links = ["o.data -> f.input", "f.output -> out.input"]
    for times in (1, 2):
        (tmp_path / str(times)).mkdir()
        assert Segment(tmp_path / str(times), modules, links).ok().counts == {"o.data": 1000, "f.output": 10}
        assert pq.read_metadata(path).num_rows == 10 * times
