"""What commands show of loops before and after a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.conftest import Pype
from tests.runner.history.bundles import attempt

FLOW = """
flow: {name: days}
modules:
  - {id: list, name: inline_source, configs: {required: {columns: {n: int64}, rows: [[2], [1]]}}}
  - {id: set, name: python_solo, configs: {optional: {code: "def main(): return {'V': 1}"}}}
  - {id: days, name: csv_source, configs: {required: {file_path: "{{iter.n}}.csv"}, optional: {columns: {day: int64}}}}
  - {id: keep, name: filter_mod, configs: {required: {condition: "day > {{iter.n}} and day > {{set__V}}"}}}
  - {id: write, name: csv_sink, configs: {required: {output_path: out.csv}, optional: {mode: append}}}
connections:
  data: ["days.data - keep.input", "keep.output - write.input"]
  control: ["list (1|iterate x2) set", "set (1|) days"]
"""


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    (tmp_path / "flow.yaml").write_text(FLOW)
    for name in "12":
        (tmp_path / f"{name}.csv").write_text("day\n1\n2\n3\n")
    return tmp_path / "flow.yaml"


def test_columns_are_known_while_items_and_globals_are_not(pype: Pype, flow: Path) -> None:
    shown = json.loads(pype("schema", flow, "keep", "--json").stdout)
    assert shown["keep.output"] == [{"name": "day", "type": "int64", "nullable": True}]


def test_a_source_that_only_a_frame_knows_is_left_out_where_no_columns_are_declared(pype: Pype, flow: Path) -> None:
    flow.write_text(FLOW.replace(", optional: {columns: {day: int64}}", ""))
    done = pype("schema", flow, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert set(json.loads(done.stdout)) == {"list.data"}


def test_the_plan_says_what_runs_in_every_frame(pype: Pype, flow: Path) -> None:
    shown = pype("plan", flow).stdout
    assert "sub flow 3 started by set (1|) days, in every frame of list (1|iterate x2) set" in shown
    assert "decided in the run" in shown.partition("days ")[2]


def test_a_run_is_told_frame_by_frame_to_programs_and_folded_to_people(pype: Pype, flow: Path, tmp_path: Path) -> None:
    done = pype("run", flow, "--json", "--events", "events.jsonl")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.csv").read_text().split() == ["day", "3", "2", "3"]
    summary = json.loads(done.stdout)
    assert summary["frames"]["write"] == {"completed": 2, "failed": 0, "cancelled": 0}
    assert summary["links"]["days.data - keep.input"] == 6
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [(e["frame"], e["state"], e["total"]) for e in events if e["kind"] == "frame_state" and e["state"] != "running"] == [
        (frame, "completed", 2) for frame in [e["frame"] for e in events if e["kind"] == "frame_state" and e["state"] != "running"]
    ]
    assert {e["frame"] for e in events if e["kind"] == "link_count"} == {"0", "1"}
    shown = pype("show").stdout
    assert "completed (2 frames)" in shown


def test_the_flows_that_a_run_ran_are_listed_the_failed_ones_first(pype: Pype, tmp_path: Path) -> None:
    outer = attempt(tmp_path / ".pypeline")
    (outer / "children").mkdir()
    for number in range(22):
        name = f"part-{number}-t1"
        attempt(tmp_path / "elsewhere" / name, flow="clean", failed=number == 21).rename(outer / "children" / name)
    lines = pype("show").stdout.splitlines()
    head = next(at for at, line in enumerate(lines) if line.startswith("flow it ran"))
    assert lines[head + 2].split() == [f"{outer.parent.name}/1/part-21-t1", "clean", "failed", "3.00"]
    assert lines[head + 22] == "… and 2 more"
    assert pype("show", "orders/1/part-21-t1").stdout.startswith(f"{outer.parent.name}/1/part-21-t1  clean: failed")


def test_a_picture_of_a_run_counts_its_loops_and_draws_the_way_it_took(pype: Pype, flow: Path, tmp_path: Path) -> None:
    assert pype("run", flow, "--quiet", "--picture", "run.svg").returncode == 0
    drawn = (tmp_path / "run.svg").read_text(encoding="utf-8")
    assert ">2 / 2<" in drawn
    assert drawn.count('class="control iterate open"') == 1
