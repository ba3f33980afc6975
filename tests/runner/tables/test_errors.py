"""An error keeps its place: code, module, column and row, from one fused statement of many modules."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pypeline.core.relation import Expr
from pypeline.core.results import ErrorInfo
from pypeline.runner.tables import connection, segment
from pypeline.schema.codes import CODES
from pypeline.schema.problems import PypeError
from tests.runner.tables.segments import Module, Segment, columns, csv, e, formula, group, join, parquet, rows, sink, sort, where


def error(segment_: Segment) -> ErrorInfo:
    found = segment_.run().error
    assert found is not None
    assert found.code in CODES
    assert "Traceback" not in found.message
    assert "\n" not in found.message
    return found


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "in.parquet"
    pq.write_table(
        pa.table({"id": list(range(1000)), "text": [str(i) if i != 777 else "12x" for i in range(1000)], "n": [2**62 + i for i in range(1000)]}), path
    )
    return path


def chain(tmp_path: Path, table: Path, bad: Module) -> Segment:
    modules = {"src": parquet(table), "keep": where("{id} >= 0", "id"), "bad": bad, "after": sort("id"), "out": sink(tmp_path / "out.parquet")}
    return Segment(tmp_path, modules, ["src.data -> keep.input", "keep.output -> bad.input", "bad.output -> after.input", "after.output -> out.input"])


def test_a_value_that_cannot_be_converted(tmp_path: Path, table: Path) -> None:
    found = error(chain(tmp_path, table, formula(good=e("{id} + 1", "id"), value=e("cast({text} as bigint)", "text"))))
    assert (found.code, found.module, found.column) == ("PYE431", "bad", "value")
    assert "12x" in found.message
    assert "id = 777, text = 12x" in found.message
    assert "try_cast" in found.mend


def test_an_overflow(tmp_path: Path, table: Path) -> None:
    found = error(chain(tmp_path, table, formula(twice=e("{n} + {n}", "n"))))
    assert (found.code, found.module, found.column) == ("PYE430", "bad", "twice")
    assert "id = 0" in found.message


def test_an_error_in_a_condition_names_the_module(tmp_path: Path, table: Path) -> None:
    found = error(chain(tmp_path, table, where("cast({text} as bigint) > 5", "text")))
    assert (found.code, found.module, found.column) == ("PYE431", "bad", "")


def test_an_error_in_an_aggregate(tmp_path: Path, table: Path) -> None:
    modules = {"src": parquet(table), "bad": group("id", total=e("cast(sum({n} * 1000) as bigint)", "n")), "out": sink(tmp_path / "out.parquet")}
    found = error(Segment(tmp_path, modules, ["src.data -> bad.input", "bad.output -> out.input"]))
    assert (found.code, found.module, found.column) == ("PYE430", "bad", "total")


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    for name, content in (("cut.parquet", b"PAR1 nothing"), ("text.parquet", b"a,b\n1,2\n")):
        (tmp_path / name).write_bytes(content)
        found = error(Segment(tmp_path, {"src": parquet(tmp_path / name), "out": sink(tmp_path / "o.parquet")}, ["src.data -> out.input"]))
        assert (found.code, found.module) == ("PYE404", "src")


def test_too_little_memory(tmp_path: Path) -> None:
    many = Module(lambda i, w: __import__("pypeline.core.relation", fromlist=["Relation"]).Relation(outputs={"output": _many()}))
    modules = {"r": many, "g": group("k", all=e("list({v} order by {v})", "v")), "out": sink(tmp_path / "o.parquet")}
    found = error(Segment(tmp_path, modules, ["r.output -> g.input", "g.output -> out.input"], memory=64 * 2**20))
    assert (found.code, "memory" in found.mend) == ("PYE432", True)


def _many() -> object:
    from pypeline.core.relation import Query

    return Query((("k", Expr("1")), ("v", Expr("repeat(cast(range as varchar), 20)"))), Expr("range(6000000)"))


def test_an_interrupt_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    from pypeline.core.relation import Query, Relation

    endless = Module(lambda i, w: Relation(outputs={"output": Query((("n", Expr("count(*)")),), Expr("range(1000000000) a, range(1000000) b"))}))
    run = Segment(tmp_path, {"m": endless, "out": sink(tmp_path / "o.parquet")}, ["m.output -> out.input"])
    results = []
    thread = threading.Thread(target=lambda: results.append(run.run()))
    thread.start()
    limit = time.monotonic() + 30
    while thread.is_alive() and time.monotonic() < limit:
        connection.interrupt()
        thread.join(0.05)
    assert results
    assert results[0].error.code == "PYE437"
    assert not list(tmp_path.glob("*.parquet"))


@pytest.mark.parametrize(
    ("bad", "code", "words"),
    [
        (formula(x=e("{a} + {nam}", "a", "nam")), "PYE414", "did you mean `name`?"),
        (formula(x=e("{name} - {name}", "name")), "PYE415", "column `x`"),
        (formula(x=e("nothing({a})", "a")), "PYE415", "nothing"),
    ],
)
def test_binding_names_module_column_and_candidates(bad: Module, code: str, words: str, tmp_path: Path) -> None:
    modules = {"r": rows(columns(a="int64", name="string"), (1, "x")), "f": where("{a} > 0", "a"), "m": bad}
    order = Segment(tmp_path, modules, ["r.data -> f.input", "f.output -> m.input"]).order()
    with pytest.raises(PypeError) as refused:
        segment.bind(order, modules)
    (problem,) = refused.value.problems
    assert (problem.code, problem.place.module) == (code, "m")
    assert words in problem.message


def test_binding_gives_every_port(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("id,price,day\n1,2.5,2024-01-02\n")
    modules = {
        "o": csv(path, columns(id="int64", price="decimal(10,2)", day="date")),
        "x": formula(half=e("{price} / 2", "price"), year=e("year({day})", "day"), label=e("upper('a') || {id}", "id")),
        "g": group("year", n=Expr("count(*)"), total=e("sum({price})", "price")),
        "j": join("year"),
    }
    order = Segment(tmp_path, modules, ["o.data -> x.input", "x.output -> g.input", "x.output -> j.left", "g.output -> j.right"]).order()
    found = {port: {c.name: c.type for c in schema} for port, schema in segment.bind(order, modules).items()}
    assert found["o.data"] == {"id": "int64", "price": "decimal(10,2)", "day": "date"}
    assert found["x.output"] == {"id": "int64", "price": "decimal(10,2)", "day": "date", "half": "double", "year": "int64", "label": "string"}
    assert found["g.output"] == {"year": "int64", "n": "int64", "total": "decimal(38,2)"}
    assert list(found["j.output"]) == ["id", "price", "day", "half", "year", "label", "n", "total"]
    assert list(found["o.reject"]) == ["error_code", "error_message", "error_column", "source", "line", "raw"]


def test_a_link_from_a_port_that_is_not_there(tmp_path: Path) -> None:
    modules = {"r": rows(columns(a="int64"), (1,)), "f": where("{a} > 0", "a")}
    order = Segment(tmp_path, modules, ["r.dta -> f.input"]).order()
    with pytest.raises(PypeError) as refused:
        segment.bind(order, modules)
    assert refused.value.problems[0].code == "PYE412"
    lonely = {"out": sink(tmp_path / "o.parquet")}
    with pytest.raises(PypeError) as refused:
        segment.bind(Segment(tmp_path, lonely, []).order(), lonely)
    assert refused.value.problems[0].code == "PYE413"
