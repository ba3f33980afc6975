"""Every benchmark on tiny data, as a process of its own: it runs, its sides agree, its output has its form."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import data, scheduler
from benchmarks.report import table
from benchmarks.tables.meaning import FLOWS, RESULTS, differences, fingerprint, ordered_by

ROOT = Path(__file__).resolve().parents[2]
ROWS = 2_000
SIDES = ("pype", "pype --previews", "duckdb", "polars", "polars strict", "duckdb pruned", "polars pruned", "pandas", "dask")


def run(module: str, *words: str) -> str:
    done = subprocess.run([sys.executable, "-m", module, *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def figures(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text("utf-8"))["figures"]


@pytest.mark.parametrize("flow", ["join_aggregate_sort", "fan_out"])
def test_all_sides_of_a_flow_write_the_same(flow: str, tmp_path: Path) -> None:
    told = run("benchmarks.tables.run", "--rows", str(ROWS), "--repeats", "1", "--flow", flow, "--json", str(tmp_path / "f.json"))
    found = figures(tmp_path / "f.json")
    assert [f["side"] for f in found] == list(SIDES)
    assert all(not f["differs"] and not f["failed"] for f in found)
    assert all(f["cpu"] > 0 and f["wall"] > 0 and f["memory"] > 2**20 for f in found)
    assert told.count("| equal") == len(SIDES)


@pytest.mark.parametrize("flow", [flow for flow in FLOWS if flow not in ("join_aggregate_sort", "fan_out")])
def test_ours_writes_what_duckdb_writes(flow: str, tmp_path: Path) -> None:
    run(
        "benchmarks.tables.run", "--rows", str(ROWS), "--repeats", "1", "--flow", flow, "--side", "pype", "--side", "duckdb", "--json", str(tmp_path / "f.json")
    )
    assert [(f["side"], f["differs"], f["failed"]) for f in figures(tmp_path / "f.json")] == [("pype", [], ""), ("duckdb", [], "")]


def test_starts_are_told_beside_the_imports_they_are_measured_by(tmp_path: Path) -> None:
    told = run("benchmarks.start", "--repeats", "1", "--imports", "--json", str(tmp_path / "f.json"))
    found = {f["command"]: f for f in figures(tmp_path / "f.json")}
    assert {"pype --help", "pype validate", "pype run"} <= set(found)
    assert next(f["ratio"] for command, f in found.items() if "import" in command) == 1.0
    assert found["pype --help"]["cpu"] < found["pype run"]["cpu"]
    assert "| package" in told


def test_the_scheduler_runs_every_shape(tmp_path: Path) -> None:
    run("benchmarks.scheduler", "--alone", "--modules", "60", "--repeats", "1", "--json", str(tmp_path / "f.json"))
    found = figures(tmp_path / "f.json")
    assert [f["shape"] for f in found] == list(scheduler.SHAPES)
    assert all(f["run"] > 0 and f["queue"] > 0 and f["tasks"] > 0 for f in found)


def test_the_same_seed_gives_the_same_data_and_another_seed_other(tmp_path: Path) -> None:
    one, again, other = (data.make(500, seed, tmp_path / name) for name, seed in (("one", 1), ("again", 1), ("other", 2)))
    assert (one / "orders.csv").read_bytes() == (again / "orders.csv").read_bytes()
    assert (one / "orders.csv").read_bytes() != (other / "orders.csv").read_bytes()
    text, binary = fingerprint(one / "orders.csv"), fingerprint(one / "orders.parquet")
    assert text["rows"] == binary["rows"] == 500
    assert not differences(text, binary)


def test_a_fingerprint_tells_results_apart(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,a\n2,b\n", "utf-8")
    (tmp_path / "b.csv").write_text("x,y\n1,a\n3,b\n", "utf-8")
    (tmp_path / "c.csv").write_text("x,z\n1,a\n2,b\n", "utf-8")
    one = fingerprint(tmp_path / "a.csv")
    assert differences(one, fingerprint(tmp_path / "b.csv")) == ["x"]
    assert differences(one, fingerprint(tmp_path / "c.csv")) == ["y", "z"]
    assert differences(one, fingerprint(tmp_path / "a.csv")) == []


def test_order_is_seen(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"x": [1, 2, None]}), tmp_path / "up.parquet")
    parquet.write_table(pyarrow.table({"x": [2, 1, None]}), tmp_path / "down.parquet")
    assert ordered_by(tmp_path / "up.parquet", "x nulls last")
    assert not ordered_by(tmp_path / "down.parquet", "x nulls last")


def test_every_flow_has_a_file_and_says_what_it_writes() -> None:
    files = {path.stem for path in (ROOT / "benchmarks" / "tables" / "flows").glob("*.yaml")}
    assert files == set(FLOWS) == set(RESULTS)


def test_a_table_lines_up() -> None:
    lines = table(["a", "bb"], [["x", "1"], ["yyy", "22"]], right=(1,)).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[2] == "| x   |  1 |"
