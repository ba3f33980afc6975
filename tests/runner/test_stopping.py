"""Stopping: signals to a real `pype run`, kills of runner and worker; nobody is left, one record is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pypeline.core import events as ev
from pypeline.runner.run import RunSummary
from pypeline.runner.signals import StopSignal
from pypeline.runner.store import bundle as bundles
from tests.runner.conftest import Project, eventually, flow, note, processes_of


def start(project: Project, text: str) -> subprocess.Popen[str]:
    """`pype run` on the flow in ``text``, in a process group of its own, as a shell would start it."""
    (project.folder / "flow.yaml").write_text(text)
    command = [sys.executable, "-m", "pypeline.app.cli.main", "run", "--quiet", "flow.yaml"]
    return subprocess.Popen(command, cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0)


def record(project: Project) -> dict[str, object]:
    """The one terminal record of the project's newest attempt."""
    (path,) = project.folder.glob(".pypeline/run_bundles/*/attempt-*/summary.json")
    found: dict[str, object] = json.loads(path.read_text())
    return found


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_first_signal_stops_politely(project: Project, sign: signal.Signals, code: int) -> None:
    f = project.folder
    process = start(
        project, flow(note("slow", f, seconds=60, child=True), note("next", f), note("tidy", f), control=("slow (1|) next",), more="finally: [tidy]")
    )
    eventually(lambda: project.lines("began"), "it never began", 20)
    os.killpg(process.pid, sign)
    out, err = process.communicate(timeout=15)
    assert process.returncode == code, err
    assert "Traceback" not in out + err
    assert project.lines("done") == ["tidy"]
    assert project.lines("lives") == ["setup-slow", "teardown-slow", "setup-tidy", "teardown-tidy"]
    found = record(project)
    assert (found["state"], found["reason"]) == ("cancelled", "stopped_by_user")
    eventually(lambda: not processes_of(f), "somebody is left")


def test_the_second_signal_kills(project: Project) -> None:
    f = project.folder
    process = start(project, flow(note("slow", f, seconds=60, how="stubborn"), note("tidy", f), more="finally: [tidy]"))
    eventually(lambda: project.lines("began"), "it never began", 20)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.2)
    before = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=15)
    assert process.returncode == 130, err
    assert time.monotonic() - before < 2
    assert "Traceback" not in out + err
    assert project.lines("done") == []
    assert record(project)["state"] == "cancelled"


@pytest.mark.parametrize("after", [0.15, 0.3, 0.45, 0.6, 0.9])
def test_a_signal_at_any_moment_ends_cleanly(project: Project, after: float) -> None:
    f = project.folder
    process = start(project, flow(*(note(f"m{i}", f, seconds=0.1) for i in range(30)), control=tuple(f"m{i} (1|) m{i + 1}" for i in range(29))))
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=15)
    assert process.returncode in (130, -signal.SIGINT), err
    # before `main` runs, Python itself is still starting, and nobody but it can answer
    assert "Traceback" not in out + err or "app/cli" not in err
    for attempt in project.folder.glob(".pypeline/run_bundles/*/attempt-*"):
        assert json.loads((attempt / "summary.json").read_text())["state"] == "cancelled"
        assert not (attempt / "scratch").exists()


def test_killing_the_runner_leaves_nobody_and_the_next_run_says_lost(project: Project) -> None:
    f = project.folder
    text = flow(note("slow", f, seconds=60, child=True), note("block", f, seconds=60, how="block"))
    process = start(project, text)
    eventually(lambda: len(project.lines("began")) == 2 and project.lines("child.pid"), "it never began", 20)
    process.kill()
    process.communicate(timeout=10)
    assert list(f.glob(".pypeline/run_bundles/*/attempt-1/summary.json")) == []
    eventually(lambda: not processes_of(f), "somebody is left", 5)
    lost = bundles.end_lost(bundles.home(f), lambda _: None)
    assert [(b.attempt, json.loads(b.summary.read_text())["reason"]) for b in lost] == [(1, "lost")]
    assert not lost[0].scratch.exists()
    assert bundles.end_lost(bundles.home(f), lambda _: None) == []


def test_killing_a_worker_takes_what_it_started_along(project: Project) -> None:
    f = project.folder
    killed: list[str] = []

    def kill_worker(_: object) -> None:
        if not killed and project.lines("child.pid"):
            killed.extend(project.lines("slow.pid"))
            os.kill(int(killed[0]), signal.SIGKILL)

    summary = project.run(flow(note("slow", f, seconds=60, child=True), note("tick", f, "retry: {attempts: 200, delay: 0.05}", fail=150)), seen=kill_worker)
    assert summary.state == "failed"
    assert project.states()["slow"] == ("failed", "error:WorkerKilled")
    eventually(lambda: not processes_of(f), "somebody is left")


def test_a_forked_child_that_stays_neither_holds_the_run_nor_outlives_it(project: Project) -> None:
    code = "import os, time\ndef main():\n    child = os.fork()\n    if not child:\n        time.sleep(20)\n    open('child.pid', 'w').write(str(child))\n"
    module = (
        f"  - {{id: forks, name: python_solo, configs: {{optional: {{code: {json.dumps(code.replace('child.pid', str(project.folder / 'child.pid')))}}}}}}}"
    )
    began = time.monotonic()
    summary = project.run(flow(module))
    assert summary.state == "completed"
    # the child holds the worker's socket open: the run must not wait for it
    assert time.monotonic() - began < 10
    assert project.lines("child.pid")
    eventually(lambda: not processes_of(project.folder), "the forked child is left")


def test_a_button_stops_like_ctrl_c(project: Project) -> None:
    stop = StopSignal()
    f = project.folder
    summary: RunSummary = project.run(
        flow(note("slow", f, seconds=60), note("next", f), control=("slow (1|) next",)), stop=stop, seen=lambda event: press(event, stop)
    )
    assert (summary.state, summary.reason, summary.exit_code) == ("cancelled", "stopped_by_user", 130)
    assert project.states()["slow"] == ("cancelled", "stopped_by_user")
    assert project.states()["next"][0] == "cancelled"
    assert summary.seconds < 5


def press(event: ev.RunEvent, stop: StopSignal) -> None:
    """Press the button as soon as the first module runs."""
    if isinstance(event, ev.ModuleState) and event.state == "running":
        stop.request("polite")


def test_a_signal_while_the_loop_is_not_ours_is_not_caught() -> None:
    before = signal.getsignal(signal.SIGTERM)
    StopSignal(signals=True)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_lost_run_is_known_by_its_process_and_start(tmp_path: Path) -> None:
    bundle = bundles.prepare(tmp_path, "r-1")
    assert bundles.end_lost(bundles.home(tmp_path), lambda _: None) == []
    owner = json.loads(bundle.owner.read_text())
    bundle.owner.write_text(json.dumps({**owner, "began": owner["began"] - 1}))
    (bundle.publish / "task.json").write_text("{}")
    recovered: list[Path] = []
    assert len(bundles.end_lost(bundles.home(tmp_path), recovered.append)) == 1
    assert recovered == [bundle.publish / "task.json"]


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_a_run_begins_ends_it_with_its_code_and_closes_what_has_begun(project: Project, sign: signal.Signals) -> None:
    """From the first statement of the program to the first task: nothing is written, or an attempt with its record."""
    (project.folder / "flow.yaml").write_text(flow(note("slow", project.folder, seconds=30)))
    code = "import sys\nfrom pypeline.app.cli.main import start\nsys.argv[1:] = ['run', 'flow.yaml', '--quiet']\nprint(flush=True)\nstart()"
    for step in range(8):
        moment = 0.05 + step * 0.1
        run = subprocess.Popen([sys.executable, "-c", code], cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert run.stdout is not None
        run.stdout.readline()
        time.sleep(moment)
        run.send_signal(sign)
        said = run.communicate(timeout=30)[1]
        assert run.returncode == 128 + sign, said
        assert "Traceback" not in said
        for attempt in project.folder.glob(".pypeline/run_bundles/*/attempt-*"):
            assert (attempt / "summary.json").exists(), f"{attempt.name} after {moment:.2f} s"


ESCAPE = """
import os, subprocess, sys, time
def main():
    alone = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)
    twice = subprocess.run([sys.executable, '-c', DAEMON], capture_output=True, text=True, check=True)
    with open('FOLDER/child.pid', 'w') as file:
        file.write(f'{alone.pid} {twice.stdout}')
    END
"""
DAEMON = """
import os, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
print(os.getpid(), flush=True)
os.close(1)
os.close(2)
time.sleep(60)
"""


@pytest.mark.parametrize("how", ["runner", "stop", "hard", "end"])
def test_what_leaves_the_session_of_its_worker_ends_with_it_all_the_same(project: Project, how: str) -> None:
    code = ESCAPE.replace("FOLDER", str(project.folder)).replace("DAEMON", repr(DAEMON)).replace("END", "pass" if how == "end" else "time.sleep(60)")
    process = start(project, flow(f"  - {{id: escape, name: python_solo, configs: {{optional: {{code: {json.dumps(code)}}}}}}}"))
    eventually(lambda: len(project.lines("child.pid")) == 2, "it never began", 20)
    if how == "runner":
        process.kill()
    elif how != "end":
        process.send_signal(signal.SIGINT)
        if how == "hard":
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == {"runner": -signal.SIGKILL, "end": 0}.get(how, 130), said
    eventually(lambda: not processes_of(project.folder), "somebody is left", 5)
