"""The locked instance: 29 ways to reach outside, four writes inside a SELECT, and what must still work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pypeline.core.relation import Expr, Query, Relation
from pypeline.runner.tables import errors, segment
from pypeline.runner.tables.compile import Statement
from pypeline.runner.tables.connection import opened
from pypeline.schema.problems import PypeError
from tests.runner.tables.segments import Module, Segment, columns, rows, sink

secret_frame = {"a": [1, 2]}

# name → statement over {out} (a folder outside), {job} (the allowed folder)
REFUSED = {
    "read_csv": "select count(*) from read_csv('{out}/secret.csv', sep=':', header=false)",
    "file as table": "select * from '{out}/secret.csv' limit 1",
    "read_text": "select size from read_text('{out}/secret.csv')",
    "read_blob": "select size from read_blob('{out}/secret.csv')",
    "glob": "select count(*) from glob('{out}/*')",
    "sniff_csv": "select Delimiter from sniff_csv('{out}/secret.csv')",
    "getenv": "select getenv('PYPELINE_TEST_TOKEN')",
    "copy": "copy (select 1) to '{out}/pwned.csv'",
    "attach": "attach '{out}/pwned.duckdb' as z",
    "install": "install httpfs",
    "load": "load '{out}/x.duckdb_extension'",
    "python variable": "select count(*) from secret_frame",
    "temp folder": "set temp_directory='{out}/evil'",
    "export": "export database '{out}/exp'",
    "traversal": "select * from read_text('{job}/../secret.csv') limit 1",
    "symlink": "select size from read_text('{job}/link')",
    "unlock": "set lock_configuration=false",
    "external access": "set enable_external_access=true",
    "sqlite": "select * from sqlite_scan('{out}/x', 't')",
    "query log": "set log_query_path='{out}/qlog'",
    "file log": "call enable_logging('QueryLog', storage='file', storage_config={{'path': '{out}/dlog'}})",
    "profile": "pragma profiling_output='{out}/prof.json'",
    "home": "set home_directory='{out}'",
    "secret": "create persistent secret s (type http, bearer_token 'abc')",
}
HARMLESS = {
    "settings": "select count(*) from duckdb_settings()",
    "secrets": "select count(*) from duckdb_secrets()",
    "own file": "select count(*) from read_csv('{job}/a.csv')",
    "query": "select * from query('select 1')",
    "statements": "select 1; create table t(i int); select 2",
}


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    job = tmp_path / "job"
    job.mkdir()
    (tmp_path / "secret.csv").write_text("a:b\n")
    (job / "a.csv").write_text("id\n007\n")
    os.symlink(tmp_path / "secret.csv", job / "link")
    monkeypatch.setenv("PYPELINE_TEST_TOKEN", "s.SECRET")
    monkeypatch.setenv("HOME", str(tmp_path))
    return {"out": str(tmp_path), "job": str(job)}


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_outside_is_reached(name: str, places: dict[str, Any]) -> None:
    secret_frame = {"a": [1, 2]}  # a variable in reach of the engine's replacement scan
    before = sorted(os.walk(places["out"]))
    with opened(spill=places["job"]) as connection, pytest.raises(duckdb.Error):
        connection.execute(REFUSED[name].format(**places)).fetchall()
    assert sorted(os.walk(places["out"])) == before, secret_frame


@pytest.mark.parametrize("name", HARMLESS)
def test_what_stays_possible_reaches_nothing_outside(name: str, places: dict[str, Any]) -> None:
    before = sorted(os.walk(places["out"]))
    with opened(spill=places["job"]) as connection:
        assert connection.execute(HARMLESS[name].format(**places)).fetchall()
    assert sorted(os.walk(places["out"])) == before


def test_single_files_can_be_allowed(places: dict[str, Any]) -> None:
    odd = Path(places["out"], "it's, [odd].csv")
    odd.write_text("id\n1\n")
    with opened(spill=places["job"], paths=[str(odd)]) as connection:
        assert connection.execute("select count(*) from read_csv('" + str(odd).replace("'", "''") + "')").fetchone() == (1,)
        with pytest.raises(duckdb.Error):
            connection.execute(f"select count(*) from read_csv('{places['out']}/secret.csv')")


def test_time_is_utc_and_division_by_zero_raises_nothing(tmp_path: Path) -> None:
    with opened(spill=str(tmp_path)) as connection:
        assert connection.execute("select 1 // 0, 1 % 0, 5 / nullif(0, 0)").fetchone() == (None, None, None)
        assert connection.execute("select cast(timestamptz '2024-01-01 00:00:00+02' as varchar)").fetchone() == ("2023-12-31 22:00:00+00",)
        assert connection.execute("select cast(timestamptz '2024-07-01 00:00:00+00' at time zone 'Europe/Berlin' as varchar)").fetchone() == (
            "2024-07-01 02:00:00",
        )


@pytest.mark.parametrize(
    "sql",
    [
        "with a as (copy (select 1) to '{out}/x.csv') select 1",
        "with a as (insert into t values (1) returning *) select * from a",
        "with a as (update t set i = 2 returning *) select * from a",
    ],
)
def test_a_plan_that_writes_without_a_sink_is_not_started(sql: str, tmp_path: Path) -> None:
    with opened(spill=str(tmp_path)) as connection:
        connection.execute("create temp table t (i int); insert into t values (1)")
        text = sql.format(out=tmp_path)
        statement = Statement(text, {}, (), (), 0)
        with pytest.raises(PypeError) as refused:
            errors.refuse_unplaced_writes(errors.plan(connection, statement), statement)
        assert refused.value.problems[0].code == "PYE435"
        assert connection.execute("select * from t").fetchall() == [(1,)]
    assert not (tmp_path / "x.csv").exists()


def test_sql_that_breaks_out_of_its_brackets_writes_nothing(tmp_path: Path) -> None:
    escape = f"(select 1 as a), b as (copy (select 1) to '{tmp_path}/y.csv'), d as (select 1"
    evil = Module(lambda i, w: Relation(outputs={"output": Query((("a", Expr('"a"')),), Expr(f"{escape}) as x"), prunable=False)}))
    with pytest.raises(PypeError):
        segment.bind(Segment(tmp_path, {"m": evil}, []).order(), {"m": evil})
    hidden = f"(with a as (copy (select 1) to '{tmp_path}/y.csv') select 1 as a) as x"
    inner = Module(lambda i, w: Relation(outputs={"output": Query((("a", Expr('"a"')),), Expr(hidden), prunable=False)}))
    result = Segment(tmp_path, {"m": inner, "out": sink(tmp_path / "out.parquet")}, ["m.output -> out.input"]).run()
    assert result.state == "failed"
    assert not (tmp_path / "y.csv").exists()
    assert not (tmp_path / "out.parquet").exists()


def test_sql_reads_no_file_that_is_not_an_input(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a\n1\n")
    source = f"(select * from read_csv('{tmp_path}/other.csv')) as x"
    reader = Module(lambda i, w: Relation(outputs={"output": Query((("a", Expr('"a"')),), Expr(source), prunable=False)}))
    result = Segment(tmp_path, {"m": reader, "out": sink(tmp_path / "out.parquet")}, ["m.output -> out.input"]).run()
    assert result.error is not None
    assert (result.error.code, result.error.module) == ("PYE438", "m")


def test_spilled_files_are_private(tmp_path: Path) -> None:
    modules = {"r": rows(columns(a="int64"), (1,), (2,)), "out": sink(tmp_path / "out.parquet")}
    Segment(tmp_path, modules, ["r.data -> out.input"]).ok()
    assert (tmp_path / "spill").stat().st_mode & 0o077 == 0
