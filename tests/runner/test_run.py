"""Runs of real flows in real worker processes: order, valves, failures, retries, timeouts, what is left behind."""

from __future__ import annotations

import json
import os
import stat
import textwrap
from pathlib import Path

import pytest

from pypeline.core import events as ev
from pypeline.schema.problems import PypeError
from tests.runner.conftest import Project, flow, note


def test_solos_run_in_order_and_leave_one_record(project: Project) -> None:
    f = project.folder
    summary = project.run(flow(note("a", f), note("b", f), note("c", f), control=("a (2|) c", "a (1|) b")))
    assert (summary.state, summary.reason, summary.exit_code) == ("completed", "ok", 0)
    assert project.order() == ["a", "b", "c"]
    assert project.lines("done") == ["a", "b", "c"]
    assert project.lines("lives") == [f"{what}-{id}" for id in "abc" for what in ("setup", "teardown")]
    record = json.loads((summary.bundle / "summary.json").read_text())
    assert record["state"] == "completed"
    assert {id: m["state"] for id, m in record["modules"].items()} == {"a": "completed", "b": "completed", "c": "completed"}


def test_events_are_complete_ordered_and_on_disk(project: Project) -> None:
    f = project.folder
    summary = project.run(flow(note("a", f), note("b", f), control=("a (1|) b",)))
    kinds = [e.kind for e in project.events]
    assert kinds[0] == "run_started"
    assert kinds[-1] == "run_ended"
    assert kinds.count("run_ended") == 1
    assert [e.time for e in project.events] == sorted(e.time for e in project.events)
    assert {(e.run, e.attempt) for e in project.events} == {(summary.run_id, 1)}
    on_disk = [json.loads(line) for line in (summary.bundle / "events.jsonl").read_text().splitlines()]
    assert on_disk == [json.loads(json.dumps(ev.to_json(e))) for e in project.events]
    per_module = [(e.module, e.state) for e in project.events if isinstance(e, ev.ModuleState)]
    assert per_module == [("a", "running"), ("a", "completed"), ("b", "running"), ("b", "completed")]


def test_the_run_folder_is_private_and_clean(project: Project) -> None:
    f = project.folder
    summary = project.run(flow(note("a", f)))
    bundle = summary.bundle
    assert {p.name for p in bundle.iterdir()} >= {"plan.json", "events.jsonl", "summary.json", "logs", "owner.json", "previews"}
    assert not (bundle / "scratch").exists()
    assert not (bundle / "publish").exists()
    open_to_others = [p for p in (project.folder / ".pypeline").rglob("*") if not p.is_symlink() and stat.S_IMODE(p.stat().st_mode) & 0o077]
    assert open_to_others == []
    again = project.run(flow(note("a", f)))
    assert (again.run_id, again.attempt) == (summary.run_id, 2)


def test_what_modules_print_becomes_log_events_before_their_end(project: Project) -> None:
    project.run(flow(note("a", project.folder, print="hello \x1b[31m out")))
    end = next(i for i, e in enumerate(project.events) if isinstance(e, ev.ModuleState) and e.state == "completed")
    lines = [(e.level, e.message, e.node_id) for e in project.events[:end] if isinstance(e, ev.Log)]
    assert sorted(lines) == [("INFO", "by logger", "a#0"), ("INFO", "hello \x1b[31m out", "a#0"), ("WARN", "to stderr", "a#0")]


@pytest.mark.parametrize(
    ("valve", "fails", "runs"),
    [
        ("1|", 0, True), ("1|", 1, False), ("1|error", 0, False), ("1|error", 1, True), ("1|always", 0, True), ("1|always", 1, True),
        ("Last|", 0, True), ("1|if {{a__count}} > 0", 0, True), ("1|if {{a__count}} > 9", 0, False),
    ],
)  # fmt: skip
def test_valves(project: Project, valve: str, fails: int, runs: bool) -> None:
    f = project.folder
    summary = project.run(flow(note("a", f, fail=fails, count=3), note("b", f), control=(f"a ({valve}) b",)))
    assert project.states()["b"][0] == ("completed" if runs else "cancelled")
    assert ("b" in project.lines("done")) is runs
    handled = fails and valve == "1|error"
    assert summary.state == ("failed" if fails and not handled else "completed")


def test_a_condition_that_cannot_be_evaluated_closes_the_link_and_says_why(project: Project) -> None:
    f = project.folder
    summary = project.run(flow(note("a", f), note("b", f), control=("a (1|if cast({{run.id}} as integer) > 0) b",)))
    assert summary.state == "failed"
    assert project.states()["b"] == ("cancelled", "valve_closed")
    assert any("could not convert" in line.casefold() for line in project.logs())


def test_targets_of_one_order_run_side_by_side(project: Project) -> None:
    f = project.folder
    project.run(flow(note("a", f), note("b", f, seconds=0.3), note("c", f, seconds=0.3), note("d", f), control=("a (1|) b", "a (1|) c", "a (2|) d")))
    started = [(e.module, e.state) for e in project.events if isinstance(e, ev.ModuleState) and e.module in "bc"]
    assert [state for _, state in started] == ["running", "running", "completed", "completed"]
    assert project.lines("done")[-1] == "d"


def test_halt_starts_nothing_more_and_continue_does(project: Project) -> None:
    f = project.folder
    text = flow(note("bad", f, fail=1), note("x", f, seconds=0.4), note("y", f), control=("x (1|) y",), settings="fail_strategy: STRATEGY")
    halted = project.run(text.replace("STRATEGY", "halt"))
    assert halted.state == "failed"
    assert project.states()["y"] == ("cancelled", "halted")
    project.run(text.replace("STRATEGY", "continue"))
    assert project.states()["y"] == ("completed", "ok")


def test_on_error_and_finally_have_their_turn(project: Project) -> None:
    f = project.folder
    project.run(flow(note("bad", f, fail=1), note("mourn", f), note("tidy", f), more="on_error: [mourn]\nfinally: [tidy]"))
    assert project.lines("done") == ["mourn", "tidy"]


def test_a_flaky_module_is_tried_again_in_the_same_instance(project: Project) -> None:
    f = project.folder
    summary = project.run(flow(note("a", f, "retry: {attempts: 3, delay: 0.05}", fail=2)))
    assert summary.state == "completed"
    retries = [e for e in project.events if isinstance(e, ev.Retry)]
    assert [(e.attempt_no, e.delay) for e in retries] == [(2, 0.05), (3, 0.05)]
    assert retries[0].error is not None
    assert retries[0].error.message.startswith("ValueError: try 1 of a in line ")
    assert retries[0].error.causes == ("KeyError: 'the cause'",)
    assert project.lines("lives") == ["setup-a", "teardown-a"]
    assert len(set(project.lines("a.pid"))) == 1


def test_retries_run_out_and_retry_on_chooses(project: Project) -> None:
    f = project.folder
    project.run(flow(note("a", f, "retries: 1", fail=9)))
    assert project.states()["a"] == ("failed", "retries_exhausted:ValueError")
    assert len(project.lines("began")) == 2
    project.run(flow(note("b", f, "retry: {attempts: 3, retry_on: [ConnectionError]}", fail=9)))
    assert project.states()["b"] == ("failed", "error:ValueError")
    assert project.lines("began").count("b") == 1


@pytest.mark.parametrize(("retry_on", "tries"), [("transient", 2), ("OSError", 2), ("ConnectionError", 2), ("KeyError", 1)])
def test_retry_on_knows_bases_and_what_is_transient(project: Project, retry_on: str, tries: int) -> None:
    f = project.folder
    project.run(flow(note("a", f, f"retry: {{attempts: 2, retry_on: [{retry_on}]}}", fail=1, error="ConnectionError")))
    assert len(project.lines("began")) == tries


def test_a_waiting_retry_gives_its_slot_back(project: Project) -> None:
    f = project.folder
    cpu = "resources: {cpus: 2}"
    project.run(flow(note("a", f, f"retry: {{attempts: 2, delay: 0.5}}, {cpu}", fail=1), note("b", f, cpu)))
    assert project.lines("began") == ["a", "b", "a"]


@pytest.mark.parametrize("how", ["await", "thread", "block", "stubborn"])
def test_a_task_out_of_time_is_stopped_however_it_waits(project: Project, how: str) -> None:
    f = project.folder
    summary = project.run(flow(note("slow", f, "timeout: 0.4", seconds=30, how=how), note("after", f), control=("slow (1|always) after",)))
    assert project.states()["slow"] == ("failed", "timeout")
    assert project.states()["after"] == ("completed", "ok")
    assert summary.seconds < 8
    assert summary.error is not None
    assert summary.error.code == "PYE454"


def test_the_flow_s_own_timeout_still_reaches_finally(project: Project) -> None:
    f = project.folder
    summary = project.run(flow(note("slow", f, seconds=30), note("tidy", f), settings="timeout: 0.4", more="finally: [tidy]"))
    assert summary.reason == "timeout"
    assert summary.error is not None
    assert (summary.error.code, "`settings.timeout` of 0.4 s" in summary.error.message) == ("PYE454", True)
    assert project.lines("done") == ["tidy"]


@pytest.mark.parametrize(("die", "code", "words"), [("kill", "PYE453", "SIGKILL"), ("exit", "PYE452", "exit code 7")])
def test_a_dead_worker_fails_its_own_module_only(project: Project, die: str, code: str, words: str) -> None:
    f = project.folder
    summary = project.run(flow(note("dead", f, die=die), note("x", f, seconds=0.3), note("y", f), control=("x (1|) y",), settings="fail_strategy: continue"))
    assert project.states() == {
        "dead": ("failed", "error:WorkerKilled" if die == "kill" else "error:WorkerExited"),
        "x": ("completed", "ok"),
        "y": ("completed", "ok"),
    }
    assert summary.error is not None
    assert summary.error.code == code
    assert words in summary.error.message
    dead = next(e for e in project.events if isinstance(e, ev.ModuleState) and e.state == "failed")
    assert dead.peak_rss > 2**20


def test_a_lost_teardown_is_recorded(project: Project) -> None:
    f = project.folder
    project.run(flow(note("a", f, teardown="it would not close")))
    assert any("teardown failed: ValueError: it would not close" in line for line in project.logs())


@pytest.mark.parametrize("kind", ["pandas", "arrow", "polars", "dask", "records", "artifact"])
def test_tables_of_every_kind_travel_between_code_modules(project: Project, kind: str) -> None:
    pytest.importorskip("polars") if kind == "polars" else None
    out = project.folder / "kept.txt"
    modules = (
        f"  - {{id: n, name: numbers, configs: {{required: {{rows: 10}}, optional: {{kind: {kind}}}}}}}",
        f"  - {{id: k, name: keep, configs: {{required: {{file: '{out}'}}}}}}",
    )
    summary = project.run(flow(*modules, data=("n.data - k.input",)))
    assert summary.state == "completed", summary.error
    nulls = 0 if kind == "records" else 5
    assert out.read_text() == f"10 10 10 10 45 {nulls}"
    assert summary.links == {"n.data - k.input": 10}
    assert "mode 600" in project.logs()


@pytest.mark.parametrize(("optional", "words"), [("kind: text", "a `str`, not a table"), ("port: other", "returned `other`")])
def test_a_module_that_returns_no_table_is_told_so(project: Project, optional: str, words: str) -> None:
    modules = (
        f"  - {{id: n, name: numbers, configs: {{required: {{rows: 3}}, optional: {{{optional}}}}}}}",
        f"  - {{id: k, name: keep, configs: {{required: {{file: '{project.folder}/x'}}}}}}",
    )
    summary = project.run(flow(*modules, data=("n.data - k.input",)))
    assert summary.error is not None
    assert summary.error.code == "PYE460"
    assert words in summary.error.message
    assert project.states()["k"] == ("cancelled", "upstream_failed")


@pytest.mark.parametrize(
    ("returned", "words"),
    [("{'a': [1], 'A': [2]}", "differ by case only, `a` and `A`"), ("__import__('pandas').DataFrame()", "has no columns")],
)
def test_a_table_that_the_engine_would_read_wrongly_is_refused(project: Project, returned: str, words: str) -> None:
    text = f"""
        flow: {{name: trial}}
        modules:
          - {{id: one, name: inline_source, configs: {{required: {{columns: {{x: int64}}, rows: [[1]]}}}}}}
          - {{id: code, name: python_mod, configs: {{optional: {{code: "transform = lambda frame: {returned}"}}}}}}
          - {{id: out, name: csv_sink, configs: {{required: {{output_path: out.csv}}}}}}
        connections: {{data: [one.data - code.input, code.output - out.input]}}
    """
    summary = project.run(textwrap.dedent(text))
    assert summary.error is not None
    assert summary.error.code == "PYE460"
    assert words in summary.error.message
    assert not (project.folder / "out.csv").exists()


def test_previews_outlive_the_run(project: Project) -> None:
    import pyarrow as pa

    modules = (
        "  - {id: n, name: numbers, configs: {required: {rows: 500}}}",
        f"  - {{id: k, name: keep, configs: {{required: {{file: '{project.folder}/x'}}}}}}",
    )
    project.run(flow(*modules, data=("n.data - k.input",)), previews=True)
    ready = [e for e in project.events if isinstance(e, ev.PreviewReady)]
    assert [(e.module, e.port) for e in ready] == [("n", "data")]
    with pa.memory_map(ready[0].path) as file:
        assert pa.ipc.open_file(file).read_all().num_rows == 200


def test_what_cannot_run_here_is_said_before_anything_starts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    f = project.folder
    with pytest.raises(PypeError) as error:
        project.run(flow(note("a", f, "resources: {cpus: 64}"), note("b", f, "resources: {memory: 900GiB, gpus: 1}")))
    assert [p.code for p in error.value.problems] == ["PYE457", "PYE457", "PYE457"]
    assert project.lines("began") == []
    assert not (f / ".pypeline").exists()
    monkeypatch.setenv("PYPELINE_THREADS", "many")
    with pytest.raises(PypeError, match="PYE457"):
        project.run(flow(note("a", f)))


def test_named_slots_are_never_exceeded_and_others_pass(project: Project) -> None:
    f = project.folder
    db = "resources: {slots: {db: 1}}"
    project.run(flow(note("a", f, db, seconds=0.3), note("b", f, db), note("c", f), settings="slots: {db: 1}"))
    assert project.order() == ["a", "c", "b"]
    assert project.lines("began")[-1] == "b"


def test_a_store_that_others_may_write_to_is_refused(project: Project) -> None:
    store = project.folder / ".pypeline"
    store.mkdir()
    store.chmod(0o777)
    with pytest.raises(PypeError, match="PYE500"):
        project.run(flow(note("a", project.folder)))
    assert project.lines("began") == []


def test_a_home_elsewhere_is_used(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYPELINE_HOME", str(tmp_path / "home"))
    summary = project.run(flow(note("a", project.folder)))
    assert summary.bundle.is_relative_to(tmp_path / "home")
    assert not (project.folder / ".pypeline").exists()


def test_a_failing_subscriber_is_left_out_and_the_run_goes_on(project: Project) -> None:
    def broken(_: ev.RunEvent) -> None:
        raise RuntimeError("no ears")

    summary = project.run(flow(note("a", project.folder)), seen=broken)
    assert summary.state == "completed"
    assert "no ears" in (summary.bundle / "events.jsonl").read_text()


def test_secrets_of_the_environment_stay_out_of_logs_and_plan(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "s3cr3t-canary")
    text = flow(note("a", project.folder, print="s3cr3t-canary")).replace("{name: trial}", "{name: trial, env: [DB_PASSWORD]}")
    summary = project.run(text)
    assert "s3cr3t-canary" not in (summary.bundle / "logs" / "run.log").read_text()
    assert "***" in (summary.bundle / "logs" / "run.log").read_text()


def test_the_worker_s_files_are_private_whatever_the_umask(project: Project) -> None:
    before = os.umask(0)
    try:
        summary = project.run(flow(note("a", project.folder)))
    finally:
        os.umask(before)
    assert stat.S_IMODE(summary.bundle.stat().st_mode) == 0o700
    assert stat.S_IMODE((summary.bundle / "events.jsonl").stat().st_mode) == 0o600


def test_the_record_and_report_of_a_run_name_the_version_that_made_them(project: Project) -> None:
    import pypeline

    summary = project.run(flow(note("a", project.folder)))
    assert json.loads((summary.bundle / "summary.json").read_text())["pypeline"] == pypeline.__version__
    assert f"<dt>PYpeline</dt><dd>{pypeline.__version__}</dd>" in (summary.bundle / "report.html").read_text()
