"""The local engine by itself: warm workers, a changed code, globals, checks before a run, what a failure says."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path

import pytest

from pypeline.core.modules import Effects
from pypeline.core.plan import Plan
from pypeline.core.planned import PlannedModule
from pypeline.core.results import TaskResult
from pypeline.runner import preflight, registry
from pypeline.runner.dispatch import Dispatch
from pypeline.runner.engines.base import Job
from pypeline.runner.engines.local import LocalEngine, LocalScheduler
from pypeline.runner.engines.printed import Printed
from pypeline.runner.engines.starting import start
from pypeline.runner.failures import cut, describe
from pypeline.runner.slots import Slots
from pypeline.runner.store import bundle as bundles
from pypeline.schema.flow import Settings
from pypeline.schema.problems import PypeError
from tests.runner.conftest import Project, flow, note


async def submit(engine: LocalEngine, project: Project, plan: Plan, id: str) -> TaskResult:
    order = Dispatch(plan, bundles.prepare(project.folder, "r-1"), "counts").order(plan.tasks[id], "0", 1, {"cpus": 1, "memory": 2**28})
    job = engine.submit(order, lambda _job, _event: None, lambda _job, _result: None)
    assert engine.status(job) == "running"
    result = await engine.result(job)
    assert engine.status(job) == "ended"
    engine.release(id)
    return result


def test_the_requirements_name_is_the_local_engine() -> None:
    import pypeline

    assert LocalScheduler is LocalEngine
    assert pypeline.LocalScheduler is LocalEngine


def test_a_worker_stays_warm_until_its_code_changes(project: Project) -> None:
    f = project.folder

    async def main() -> list[int]:
        engine = LocalEngine(cpus=1, memory=2**30)
        await engine.open()
        try:
            plan = project.plan(flow(note("a", f), note("b", f)))
            pids = [(await submit(engine, project, plan, id)).pid for id in "ab"]
            source = f / "modules" / "note.py"
            source.write_text(source.read_text().replace('self.write("done", text)', 'self.write("done", "changed")'))
            registry.register_module("note", f)
            pids.append((await submit(engine, project, project.plan(flow(note("c", f))), "c")).pid)
            return pids
        finally:
            await engine.close()

    first, second, third = asyncio.run(main())
    assert first == second != third
    assert project.lines("done") == ["a", "b", "changed"]


def test_a_failure_says_what_and_why_without_a_traceback(project: Project) -> None:
    async def main() -> TaskResult:
        engine = LocalEngine(cpus=1, memory=2**30)
        await engine.open()
        try:
            return await submit(engine, project, project.plan(flow(note("a", project.folder, fail=9))), "a")
        finally:
            await engine.close()

    result = asyncio.run(main())
    error = result.error
    assert error is not None
    assert (error.code, error.type, error.module) == ("PYE459", "ValueError", "a")
    assert error.message.startswith("ValueError: try 1 of a in line ")
    assert error.causes == ("KeyError: 'the cause'",)
    assert "Traceback" in error.detail
    assert "Traceback" not in error.message + error.mend
    assert result.seconds > 0
    assert result.cpu_seconds > 0
    assert result.peak_rss > 2**20


def test_no_process_is_a_problem_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(PypeError, match="PYE451"):
        start()


def test_cancelling_a_job_that_has_ended_does_nothing() -> None:
    job = Job(None, lambda _job, _event: None, lambda _job, _result: None)  # type: ignore[arg-type]
    job.end(TaskResult("t", "completed"))
    job.end(TaskResult("t", "failed"))
    LocalEngine(cpus=1, memory=2**30).cancel(job)
    assert job.outcome == TaskResult("t", "completed")


def test_a_table_as_a_global_is_refused_and_plain_values_travel(project: Project) -> None:
    code = "def main(ctx):\\n    import pandas as pd, datetime\\n    VALUE"
    solo = f'  - {{id: s, name: python_solo, configs: {{optional: {{code: "{code}"}}}}}}'
    shout = f"  - {{id: t, name: note, configs: {{required: {{folder: '{project.folder}', text: 'n{{{{s__n}}}}'}}}}}}"
    good = flow(solo.replace("VALUE", "ctx.set_global('n', pd.Series([7]).sum())"), shout, control=("s (1|if {{s__n}} = 7) t",))
    summary = project.run(good)
    assert summary.state == "completed", summary.error
    assert project.lines("done") == ["n7"]
    bad = project.run(flow(solo.replace("VALUE", "ctx.set_global('n', pd.DataFrame())")))
    assert bad.error is not None
    assert bad.error.code == "PYE461"
    unset = project.run(flow(solo.replace("VALUE", "pass"), shout, control=("s (1|) t",)))
    assert unset.error is not None
    assert unset.error.code == "PYE465"


def test_what_is_missing_is_said_before_the_first_task(tmp_path: Path) -> None:
    from pypeline.core.facts import FileFact, SourceFacts
    from pypeline.core.plan import Task

    locked = tmp_path / "locked"
    locked.write_text("no folder")
    modules = {
        "a": PlannedModule("a", "t", "p", "mod", Effects.CODE, False, {}, packages=("no-such-package>=2", "pytest")),
        "b": PlannedModule("b", "csv_source", "p", "source", Effects.READS, True, {}, source=SourceFacts((FileFact(str(tmp_path / "gone"), 1, 1, 1),))),
        "c": PlannedModule("c", "csv_sink", "p", "sink", Effects.WRITES, True, {"output_path": "locked/out.csv"}),
        "d": PlannedModule("d", "csv_sink", "p", "sink", Effects.WRITES, True, {"output_path": "."}),
        "e": PlannedModule("e", "csv_sink", "p", "sink", Effects.WRITES, True, {"output_path": "new/folder/out.csv"}),
    }
    plan = Plan("f", "r", Settings(), modules, {}, {id: Task(id, "solo", 0, (id,)) for id in modules}, (), folder=str(tmp_path))
    found = preflight.check(plan, Slots({"cpus": 2, "memory": 2**30, "gpus": 0}))
    assert [(p.code, p.place.module) for p in found] == [("PYE455", "a"), ("PYE458", "b"), ("PYE456", "c"), ("PYE456", "d")]


@pytest.mark.parametrize(
    ("path", "words"),
    [("pipe", "a device or a pipe"), ("flow.yaml", "would write a table over"), ("x" * 300, "File name too long"), ("loop", "symbolic links")],
)
def test_a_sink_that_would_destroy_or_cannot_be_made_is_said_before_the_first_task(path: str, words: str, tmp_path: Path) -> None:
    from pypeline.core.plan import Task

    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "flow.yaml").write_text("flow: {name: f}")
    (tmp_path / "loop").symlink_to("loop")
    modules = {"s": PlannedModule("s", "csv_sink", "p", "sink", Effects.WRITES, True, {"output_path": path})}
    plan = Plan("f", "r", Settings(), modules, {}, {"s": Task("s", "segment", 0, ("s",))}, (), folder=str(tmp_path))
    (problem,) = preflight.check(plan, Slots({"cpus": 2, "memory": 2**30, "gpus": 0}))
    assert problem.code == "PYE456"
    assert words in problem.message


def test_two_sinks_of_one_sub_flow_never_write_one_file(project: Project) -> None:
    text = """
flow: {name: trial}
modules:
  - {id: rows, name: inline_source, configs: {required: {columns: {x: int64}, rows: [[1]]}}}
  - {id: one, name: csv_sink, configs: {required: {output_path: out.csv}}}
  - {id: two, name: csv_sink, configs: {required: {output_path: here/out.csv}}}
connections: {data: [rows.data - one.input, rows.data - two.input]}
"""
    (project.folder / "here").symlink_to(".")
    with pytest.raises(PypeError) as refused:
        project.run(text)
    assert [p.code for p in refused.value.problems] == ["PYE402"]
    assert not (project.folder / "out.csv").exists()


def test_long_texts_are_cut_with_a_mark_and_chains_end() -> None:
    assert cut("x" * 20_000).endswith("(3,616 characters cut)")
    first, second = ValueError("one\ntwo"), KeyError("k")
    first.__cause__, second.__cause__ = second, first
    info = describe(first, "m")
    assert (info.message, info.causes) == ("ValueError: one", ("KeyError: 'k'",))


def test_a_pipe_is_left_alone_while_its_readers_are_behind() -> None:
    lines: list[str] = []
    behind = True

    async def main() -> None:
        nonlocal behind
        out, into = os.pipe()
        printed = Printed("stdout", os.fdopen(out, "rb", buffering=0), lambda _stream, text: lines.append(text), lambda: behind)
        os.write(into, b"one\ntwo\nthr")
        await asyncio.sleep(0.12)
        assert lines == []
        behind = False
        while len(lines) < 2:
            await asyncio.sleep(0.01)
        os.write(into, b"ee\n" + b"x" * 60_000)
        os.close(into)
        printed.drain()
        printed.close()

    asyncio.run(asyncio.wait_for(main(), 5))
    assert lines == ["one", "two", "three", "x" * 60_000]


def test_an_error_that_comes_when_nobody_asks_any_more_is_no_complaint(tmp_path: Path) -> None:
    complaints: list[object] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, told: complaints.append(told))
        engine = LocalEngine(cpus=1, memory=2**30)
        await engine.open()
        try:
            assert await engine.evaluate("1 + 1", {}) == 2
            asking = asyncio.create_task(engine.freeze(str(tmp_path / "nothing"), str(tmp_path / "out")))
            await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
            assert asking.cancelled()
            assert await engine.evaluate("1 + 2", {}) == 3, "the worker has answered both"
        finally:
            await engine.close()
        gc.collect()

    asyncio.run(main())
    gc.collect()
    assert complaints == []
