"""Previews: any port, all columns, nothing written; kept outputs, and sources converted once."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pyarrow as pa
import pytest

from pypeline.core.relation import Expr
from pypeline.runner.tables import source_cache
from pypeline.runner.tables.bind import fuse
from pypeline.schema.problems import PypeError
from tests.runner.tables.segments import Module, Segment, columns, csv, e, formula, group, join, show, sink, sort, where

SCHEMA = columns(id="int64", country="string")


@pytest.fixture
def flow(tmp_path: Path) -> Segment:
    path = tmp_path / "in.csv"
    path.write_text("id,country\n" + "".join(f"{i},{'DE' if i % 2 else 'FR'}\n" for i in range(1000)) + "x,DE\n")
    modules: dict[str, Module] = {
        "s": csv(path, SCHEMA),
        "f": where("{id} >= 10", "id"),
        "x": formula(twice=e("{id} * 2", "id"), unused=e("{id} + 1", "id")),
        "g": group("country", n=Expr("count(*)"), top=e("max({twice})", "twice")),
        "o": sort("country"),
        "out": sink(tmp_path / "out.parquet"),
        "log": show(),
    }
    links = ["s.data -> f.input", "f.output -> x.input", "x.output -> g.input", "g.output -> o.input", "o.output -> out.input", "f.output -> log.input"]
    return Segment(tmp_path, modules, links, on_reject="ignore")


def test_any_port_has_its_first_rows_and_all_columns(flow: Segment) -> None:
    assert flow.preview("s.data", 3).to_pylist() == [{"id": i, "country": "DE" if i % 2 else "FR"} for i in range(3)]
    assert flow.preview("x.output", 1).to_pylist() == [{"id": 10, "country": "FR", "twice": 20, "unused": 11}]
    assert flow.preview("f.reject").num_rows == 10
    assert flow.preview("o.output").to_pylist() == [{"country": "DE", "n": 495, "top": 1998}, {"country": "FR", "n": 495, "top": 1996}]
    assert flow.preview("s.data").num_rows == 200
    assert flow.preview("s.reject").column("raw").to_pylist() == ["x,DE"]
    assert flow.logged() == []
    assert not (flow.folder / "out.parquet").exists()


def test_a_port_that_is_not_there(flow: Segment) -> None:
    with pytest.raises(PypeError) as refused:
        flow.preview("x.outptu")
    assert refused.value.problems[0].code == "PYE412"
    assert "`x.output`" in refused.value.problems[0].message


def test_a_watched_run_keeps_first_rows_of_every_counted_port(flow: Segment) -> None:
    flow.watch = "previews"
    result = flow.ok()
    assert set(result.previews) == {"s.data", "f.output", "x.output", "g.output", "o.output"}
    tables = {}
    for port, path in result.previews.items():
        with pa.memory_map(path) as source:
            tables[port] = pa.ipc.open_file(source).read_all()
    assert tables["g.output"].num_rows == 2
    assert tables["o.output"].to_pylist()[0] == {"country": "DE", "n": 495, "top": 1998}
    assert tables["x.output"].num_rows == 200
    assert "unused" not in tables["x.output"].column_names  # what nobody reads is not computed, watched or not
    unwatched = Segment(flow.folder, flow.modules, flow.links, on_reject="ignore").ok()
    assert (unwatched.counts, unwatched.previews) == (result.counts, {})


def test_what_only_goes_into_a_sort_shows_its_rows_as_sorted_and_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("id,country\n" + "".join(f"{i},{i % 300}\n" for i in range(3000)))
    modules = {"s": csv(path, SCHEMA), "g": group("id", n=Expr("count(*)")), "a": sort("n", "id"), "b": sort("id"), "out": sink(tmp_path / "out.parquet")}
    links = ["s.data -> g.input", "g.output -> a.input", "a.output -> b.input", "b.output -> out.input"]
    result = Segment(tmp_path, modules, links, watch="previews").ok()
    shown = {port: [row["id"] for row in pa.ipc.open_file(file).read_all().to_pylist()] for port, file in result.previews.items()}
    assert shown == {port: list(range(200)) for port in ("s.data", "g.output", "a.output", "b.output")}
    assert '"kept g.output"' not in result.sql
    assert '"kept a.output"' in result.sql, "what has an order of its own is shown in that order"


@pytest.mark.parametrize("between", ["another reader", "a column that is dropped"])
def test_what_a_sort_does_not_show_whole_is_kept_itself(tmp_path: Path, between: str) -> None:
    path = tmp_path / "in.csv"
    path.write_text("id,country\n1,a\n2,b\n3,b\n")
    key = "n" if between == "a column that is dropped" else "country"
    modules = {"s": csv(path, SCHEMA), "g": group("country", n=Expr("count(*)")), "o": sort(key), "x": group("country"), "out": sink(tmp_path / "out.parquet")}
    links = ["s.data -> g.input", "g.output -> o.input", "o.output -> x.input", "x.output -> out.input"]
    if between == "another reader":
        modules |= {"y": formula(more=e("{n} + 1", "n")), "other": sink(tmp_path / "other.parquet")}
        links += ["g.output -> y.input", "y.output -> other.input"]
    result = Segment(tmp_path, modules, links, watch="previews").ok()
    assert '"kept g.output"' in result.sql
    assert {row["country"] for row in pa.ipc.open_file(result.previews["g.output"]).read_all().to_pylist()} == {"a", "b"}


@pytest.mark.parametrize(("name", "mode", "kept"), [("out.parquet", "replace", False), ("out.parquet", "append", True), ("out.csv", "replace", True)])
def test_what_is_written_as_it_is_is_shown_from_its_file(tmp_path: Path, name: str, mode: str, kept: bool) -> None:
    path = tmp_path / "in.csv"
    path.write_text("id,country\n" + "".join(f"{i},{i % 300:03d}\n" for i in range(3000)))
    out = sink(tmp_path / name, format=Path(name).suffix[1:], mode=mode)
    modules = {"s": csv(path, SCHEMA), "g": group("country", n=Expr("count(*)")), "o": sort("country"), "out": out}
    flow = Segment(tmp_path, modules, ["s.data -> g.input", "g.output -> o.input", "o.output -> out.input"], watch="previews")
    flow.ok()
    result = flow.ok()  # the file of the first run is there, and would be shown if it were taken
    assert ('"kept o.output"' in result.sql) is kept
    shown = {port: pa.ipc.open_file(file).read_all().to_pylist() for port, file in result.previews.items()}
    assert shown["o.output"] == shown["g.output"] == [{"country": f"{i:03d}", "n": 10} for i in range(200)]


def test_a_whole_number_that_no_file_holds_is_not_shown_from_one(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("id,country\n1,a\n2,b\n")
    modules = {
        "s": csv(path, SCHEMA),
        "x": formula(large=e("CAST({id} AS HUGEINT) + 170141183460469231731687303715884105720", "id")),
        "out": sink(tmp_path / "o.parquet"),
    }
    result = Segment(tmp_path, modules, ["s.data -> x.input", "x.output -> out.input"], watch="previews").ok()
    assert [int(row["large"]) % 1000 for row in pa.ipc.open_file(result.previews["x.output"]).read_all().to_pylist()] == [721, 722]


def test_text_is_converted_once(flow: Segment, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    order = flow.order()
    whole = fuse(order, flow.modules)
    assert source_cache.warm(whole, order, cache) == 1
    assert source_cache.warm(whole, order, cache) == 0
    assert cache.stat().st_mode & 0o077 == 0
    direct, cached = flow.preview("o.output"), flow.preview("o.output", cache=cache)
    assert cached.equals(direct)
    text = tmp_path / "in.csv"
    before = text.stat()
    text.write_text(text.read_text().replace("998,FR", "998,DE"))  # same size
    os.utime(text, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert flow.preview("g.output", cache=cache).to_pylist() != direct.to_pylist()
    assert source_cache.warm(fuse(order, flow.modules), order, cache) == 1


def test_a_cached_preview_of_a_join_is_quick(tmp_path: Path) -> None:
    """The bar of 150 ms is measured in the benchmarks; here, that the cache is what is read."""
    path = tmp_path / "big.csv"
    path.write_text("id,country\n" + "".join(f"{i},C{i % 97}\n" for i in range(50_000)))
    modules = {"a": csv(path, SCHEMA), "b": csv(path, SCHEMA), "j": join("id")}
    segment = Segment(tmp_path, modules, ["a.data -> j.left", "b.data -> j.right"])
    source_cache.warm(fuse(segment.order(), modules), segment.order(), tmp_path / "cache")
    first = segment.preview("j.output", cache=tmp_path / "cache")
    stamp = path.stat()
    path.write_bytes(b"\0" * stamp.st_size)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    started = time.monotonic()
    assert segment.preview("j.output", cache=tmp_path / "cache").sort_by("id").num_rows == first.num_rows
    assert time.monotonic() - started < 5
