"""Slots: what a task books, where that was said, devices of its own, demands nobody can meet, and a fair turn for large tasks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from pypeline.runner.engines.local import LocalEngine
from pypeline.runner.signals import StopSignal
from pypeline.runner.slots import Slots
from pypeline.schema.problems import PypeError
from tests.runner.conftest import Project, flow, note
from tests.runner.test_hard_ends import body, solo


def pype(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "pypeline.app.cli.main", *words], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_devices_are_handed_out_once() -> None:
    slots = Slots({"cpus": 4, "memory": 100, "gpus": 3}, devices=["1", "5", "10"])
    first, second = slots.take({"gpus": 2}), slots.take({"gpus": 1})
    assert (first, second) == (("1", "5"), ("10",))
    assert slots.lacks({"gpus": 1}) == ["gpus"]
    slots.give({"gpus": 1}, second)
    slots.give({"gpus": 2}, first)
    assert slots.take({"gpus": 3}) == ("1", "5", "10")


def test_running_tasks_see_devices_of_their_own(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,7")
    seen = str(project.folder / "seen-")
    code = body("import os, time", f"open({seen!r} + '{{id}}', 'w').write(os.environ['CUDA_VISIBLE_DEVICES'])", "time.sleep(0.3)")
    one = [solo(id, code.replace("{id}", id), "resources: {gpus: 1}") for id in ("a", "b")]
    both = solo("c", code.replace("{id}", "c"), "resources: {gpus: 2}")
    summary = project.run(flow(*one, both, solo("d", code.replace("{id}", "d"))), engine=LocalEngine(cpus=4, memory=2**30))
    assert summary.state == "completed"
    told = {id: Path(seen + id).read_text() for id in "abcd"}
    assert {told["a"], told["b"]} == {"3", "7"}
    # what asks for none sees what this process sees
    assert (told["c"], told["d"]) == ("3,7", "3,7")


def test_what_waits_holds_no_cpu_that_what_it_waits_for_needs(project: Project) -> None:
    wait = '  - {{id: {}, name: wait_for_file, configs: {{required: {{path: "{}"}}, optional: {{poll: 0.05, timeout: 30}}}}}}'
    come = project.folder / "come"
    make = solo("make", body(f"open({str(come)!r}, 'w').close()"))
    summary = project.run(flow(wait.format("first", come), wait.format("second", come), make), engine=LocalEngine(cpus=1, memory=2**30))
    assert summary.state == "completed", summary.error
    own = wait.format("own", come).replace("}}}", "}}, resources: {cpus: 1}}")
    tasks = project.plan(flow(wait.format("first", come), own, settings="resources: {cpus: 2}")).tasks
    assert {id: task.waits for id, task in tasks.items()} == {"first": True, "own": False}


def test_what_waits_shares_one_worker_however_much_there_is(project: Project) -> None:
    """More than any bound would let in: the last waits for what only the one before it lets begin."""
    engine = LocalEngine(cpus=1, memory=2**30)
    workers: list[int] = []
    come = project.folder / "come"
    waits = [f'  - {{id: f{n}, name: wait_for_file, configs: {{required: {{path: "{come}"}}, optional: {{poll: 0.05, timeout: 30}}}}}}' for n in range(60)]
    sleeps = [f"  - {{id: s{n}, name: sleep, configs: {{optional: {{seconds: 0.2}}}}}}" for n in range(2)]
    make = solo("make", body(f"open({str(come)!r}, 'w').close()"))
    text = flow(*waits, *sleeps, make, control=("s0 (1|) s1", "s1 (1|) make"))
    summary = project.run(text, engine=engine, seen=lambda _: workers.append(len(engine._seats)))
    assert summary.state == "completed", summary.error
    assert len(project.states()) == 63
    # the one in which all wait, and the one for what takes a cpu
    assert max(workers) == 2


def test_one_that_waits_is_ended_without_the_others(project: Project) -> None:
    nap = "  - {{id: {}, name: sleep, configs: {{optional: {{seconds: {}}}}}{}}}"
    text = flow(nap.format("late", 60, ", timeout: 0.3"), nap.format("good", 1.5, ""), settings="fail_strategy: continue")
    summary = project.run(text)
    assert summary.seconds < 20
    assert project.states() == {"late": ("failed", "timeout"), "good": ("completed", "ok")}


@pytest.mark.parametrize("kind", ["polite", "hard"])
def test_a_stop_ends_all_that_waits(project: Project, kind: Literal["polite", "hard"]) -> None:
    stop = StopSignal()
    naps = [f"  - {{id: s{n}, name: sleep, configs: {{optional: {{seconds: 60}}}}}}" for n in range(30)]

    def press(_: object) -> None:
        if len(project.order()) == 30:
            stop.request(kind)

    summary = project.run(flow(*naps), stop=stop, seen=press)
    assert (summary.state, summary.exit_code) == ("cancelled", 130)
    assert set(project.states().values()) == {("cancelled", "stopped_by_user")}
    assert summary.seconds < 10


def test_values_come_from_module_flow_or_profile_and_the_plan_says_which(project: Project) -> None:
    f = project.folder
    (f / "profiles").mkdir()
    (f / "profiles" / "small.json").write_text('{"resources": {"cpus": 2, "memory": "512MiB", "slots": {"db": 1}}}')
    settings = "profile: small, slots: {db: 2}, resources: {memory: 256MiB}"
    text = flow(note("own", f, "resources: {cpus: 1}, retry: {attempts: 3, memory_growth: 2}"), note("plain", f), settings=settings)
    own, plain = project.plan(text).tasks["own"], project.plan(text).tasks["plain"]
    assert (own.resources.cpus, own.resources.memory, own.resources.slots) == (1, "256MiB", {"db": 1})
    assert own.origins == {"cpus": "module", "memory": "flow", "slots.db": "profile"}
    assert (plain.resources.cpus, plain.origins["cpus"]) == (2, "profile")
    (f / "flow.yaml").write_text(text)
    shown = pype(f, "plan", "flow.yaml", "--resources")
    assert "asks for cpus 1 (module), memory 256MiB (flow), slots.db 1 (profile), 3 tries, each with 2 times the memory" in shown.stdout
    assert "asks for cpus 2 (profile), memory 256MiB (flow), slots.db 1 (profile), 1 try" in shown.stdout
    # a job takes its profile along
    assert pype(f, "build", "flow.yaml").returncode == 0
    assert (f / "jobs" / "trial" / "profiles" / "small.json").is_file()


@pytest.mark.parametrize("content", [None, "{", "[]", '{"resources": {"cpus": 0}}', '{"cpus": 1}'])
def test_a_profile_that_cannot_be_used_is_said_with_its_place(project: Project, content: str | None) -> None:
    (project.folder / "profiles").mkdir()
    if content is not None:
        (project.folder / "profiles" / "big.json").write_text(content)
    with pytest.raises(PypeError) as refused:
        project.plan(flow(note("a", project.folder), settings="profile: big"))
    (problem,) = refused.value.problems
    assert (problem.code, problem.place.line) == ("PYE277", 2)


def test_demands_that_cannot_be_met_are_refused_before_the_run_at_their_line(project: Project) -> None:
    f = project.folder
    lines = ["flow: {name: trial}", "modules:", "  - id: a", "    name: python_solo", "    configs: {optional: {code: 'def main(): pass'}}"]
    (f / "flow.yaml").write_text("\n".join([*lines, "    resources: {cpus: 9999}", "  - id: rows", "    name: inline_source",
        "    configs: {required: {columns: {x: int64}, rows: [[1]]}}", "  - id: out", "    name: csv_sink", "    configs:", "      required:",
        "        output_path: .", "connections: {data: [rows.data - out.input]}", ""]))  # fmt: skip
    done = pype(f, "run", "flow.yaml", "--json")
    assert done.returncode == 2
    assert "PYE457 flow.yaml:6:" in done.stderr
    assert "PYE456 flow.yaml:14:" in done.stderr
    assert not list(f.glob(".pypeline/run_bundles/*"))
    assert [p["place"]["line"] for p in json.loads(done.stdout)["problems"]] == [14, 6]


def test_a_large_task_is_not_overtaken_for_ever(project: Project) -> None:
    f = project.folder
    small = [note(f"s{n}", f) for n in range(40)]
    big = note("big", f, "resources: {cpus: 2}")
    chain = tuple(f"s{n} (1|) s{n + 1}" for n in range(39))
    assert project.run(flow(*small, big, control=chain), engine=LocalEngine(cpus=2, memory=2**30)).state == "completed"
    # every small one has an earlier turn, and half of the machine would stand idle all the time
    assert 10 < project.order().index("big") < 25


def test_with_one_slot_the_order_stays_depth_first(project: Project) -> None:
    f = project.folder
    chain = tuple(f"s{n} (1|) s{n + 1}" for n in range(29))
    modules = [*(note(f"s{n}", f) for n in range(30)), note("last", f)]
    assert project.run(flow(*modules, control=chain), engine=LocalEngine(cpus=1, memory=2**30)).state == "completed"
    assert project.order()[-1] == "last"


def test_named_slots_are_never_exceeded_and_let_others_pass(project: Project) -> None:
    f = project.folder
    wants = [note(f"d{n}", f, "resources: {slots: {db: 1}}", seconds=0.2) for n in range(3)]
    project.run(flow(*wants, note("free", f), settings="slots: {db: 1}"), engine=LocalEngine(cpus=4, memory=2**30))
    assert project.order()[:2] == ["d0", "free"]
    assert project.lines("done")[0] == "free"
    assert project.lines("began")[-1] == "d2"
