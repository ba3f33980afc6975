"""Segments in workers: results, counts, kills in the middle, cancels, and what stays beside a target."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest

from pypeline.core import events as ev
from pypeline.runner.engines.local import LocalEngine
from pypeline.runner.engines.process import WorkerProcess
from pypeline.runner.engines.starting import start
from pypeline.runner.signals import StopSignal
from tests.runner.conftest import Project, eventually, flow


def small(folder: Path) -> str:
    (folder / "people.csv").write_text("id,name,age\n1,a,20\n2,b,15\n3,c,40\n")
    return flow(
        "  - {id: src, name: csv_source, configs: {required: {file_path: people.csv}, optional: {columns: {id: int64, name: string, age: int64}}}}",
        "  - {id: old, name: filter_mod, configs: {required: {condition: age > 18}}}",
        "  - {id: out, name: csv_sink, configs: {required: {output_path: out.csv}}}",
        "  - {id: all, name: parquet_sink, configs: {required: {output_path: all.parquet}}}",
        data=("src.data - old.input", "old.output - out.input", "src.data - all.input"),
    )


def slow(folder: Path) -> str:
    """A flow whose one segment takes minutes and writes to out.csv."""
    (folder / "one.csv").write_text("n\n1\n")
    return flow(
        "  - {id: src, name: csv_source, configs: {required: {file_path: one.csv}, optional: {columns: {n: int64}}}}",
        "  - {id: long, name: sql_mod, configs: {required: {query: 'select (select sum(hash(a.i * 31 + b.i * 17)) from (select unnest(range(90000)) as i) a, "
        "(select unnest(range(90000)) as i) b) + n as h from input'}}}",
        "  - {id: out, name: csv_sink, configs: {required: {output_path: out.csv}}}",
        data=("src.data - long.input", "long.output - out.input"),
    )


def test_a_segment_s_counts_files_and_umask(project: Project) -> None:
    before = os.umask(0o022)
    try:
        summary = project.run(small(project.folder))
    finally:
        os.umask(before)
    assert summary.state == "completed", summary.error
    assert (project.folder / "out.csv").read_text() == "id,name,age\n1,a,20\n3,c,40\n"
    assert summary.links == {"src.data - old.input": 3, "old.output - out.input": 2, "src.data - all.input": 3}
    assert stat.S_IMODE((project.folder / "out.csv").stat().st_mode) == 0o644
    state = summary.modules["old"]
    assert state.rows_out == {"output": 2}
    assert state.peak_rss > 2**20


def test_previews_of_every_link_when_asked(project: Project) -> None:
    project.run(small(project.folder), previews=True)
    assert {f"{e.module}.{e.port}" for e in project.events if isinstance(e, ev.PreviewReady)} == {"src.data", "old.output"}


@pytest.mark.parametrize("how", ["stop", "kill", "timeout"])
def test_a_running_statement_is_ended_and_leaves_the_target_alone(project: Project, how: str) -> None:
    target = project.folder / "out.csv"
    target.write_text("old")
    stop = StopSignal()
    engine = LocalEngine(cpus=2, memory=2**30)

    def act(event: ev.RunEvent) -> None:
        if isinstance(event, ev.Progress) and how == "stop":
            stop.request("polite")
        elif isinstance(event, ev.Progress) and how == "kill":
            os.kill(engine._seats[0].worker.pid, signal.SIGKILL)

    text = slow(project.folder)
    if how == "timeout":
        text = text.replace("  - {id: long,", "  - {timeout: 0.5, id: long,")
    summary = project.run(text, engine=engine, stop=stop, seen=act)
    assert summary.state == ("cancelled" if how == "stop" else "failed")
    assert summary.seconds < 8
    assert target.read_text() == "old"
    assert sorted(p.name for p in project.folder.glob(".*staging*")) == []
    assert summary.modules["long"].reason == {"stop": "stopped_by_user", "kill": "error:WorkerKilled", "timeout": "timeout"}[how]


def test_a_wrong_value_names_module_and_code(project: Project) -> None:
    text = small(project.folder)
    (project.folder / "people.csv").write_text("id,name,age\n1,a,old\n")
    summary = project.run(text)
    assert summary.state == "failed"
    assert summary.error is not None
    assert summary.error.module == "src"
    assert not (project.folder / "out.csv").exists()


def test_code_and_segments_hand_tables_over_and_drop_them(project: Project) -> None:
    out = project.folder / "kept.txt"
    text = flow(
        "  - {id: n, name: numbers, configs: {required: {rows: 1000}, optional: {kind: arrow}}}",
        "  - {id: f, name: filter_mod, configs: {required: {condition: n % 2 = 1}}}",
        f"  - {{id: k, name: keep, configs: {{required: {{file: '{out}'}}}}}}",
        data=("n.data - f.input", "f.output - k.input"),
    )
    left: list[list[str]] = []

    def look(event: ev.RunEvent) -> None:
        if isinstance(event, ev.SubFlowState) and event.state == "completed":
            left.extend([[p.name for p in project.folder.glob(".pypeline/run_bundles/*/attempt-*/scratch/**/*.*") if p.is_file()]])

    summary = project.run(text, seen=look)
    assert summary.state == "completed", summary.error
    assert out.read_text().split()[:2] == ["500", "500"]
    assert summary.links == {"n.data - f.input": 1000, "f.output - k.input": 500}
    assert "n.data.arrow" not in left[0]


def test_a_worker_that_is_gone_before_it_is_asked_is_replaced(project: Project) -> None:
    first = WorkerProcess(start(warm=("tables",)))
    engine = LocalEngine(cpus=1, memory=2**30, first=first)
    pid = first.pid
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z", "it does not die")
    summary = project.run(small(project.folder), engine=engine)
    assert summary.state == "completed"
