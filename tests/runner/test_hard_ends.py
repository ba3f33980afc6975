"""Whatever module code does, its module fails with a clear reason, the rest of the run goes on, and nobody is left."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.runner.conftest import Project, eventually, flow, note, processes_of
from tests.runner.test_stopping import record, start

STUCK = "import ctypes, os\ndef main():\n    open('{file}', 'a').write(f'{{os.getpid()}} ')\n    ctypes.PyDLL(None).usleep(60_000_000)\n"
"""Sleeps in C and keeps the interpreter's lock: no thread and no signal handler of the process runs."""
ON = "fail_strategy: continue"


def solo(id: str, code: str, tail: str = "") -> str:
    """A ``python_solo`` with ``code``."""
    return f"  - {{id: {id}, name: python_solo, configs: {{optional: {{code: {json.dumps(code)}}}}}{tail and ', ' + tail}}}"


def body(*lines: str) -> str:
    return "def main():\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        (body("class Mute(Exception):", "    def __str__(self): raise KeyError('no')", "raise Mute()"), "error:Mute", "its text cannot be read (KeyError)"),
        (body("raise KeyboardInterrupt()"), "error:KeyboardInterrupt", "KeyboardInterrupt: no message"),
        (body("import sys", "sys.exit(3)"), "error:SystemExit", "SystemExit: 3"),
        (body("raise BaseExceptionGroup('two', [ValueError(1), SystemExit(2)])"), "error:BaseExceptionGroup", "two (2 sub-exceptions)"),
        ("import sys\nsys.exit('not today')\n", "error:SystemExit", "not today"),
        (body("return {'x': object()}"), "error:PYE461", "sets the global `x` to object"),
    ],
)
def test_odd_exceptions_fail_the_module_and_leave_the_worker_alone(project: Project, code: str, reason: str, words: str) -> None:
    summary = project.run(flow(solo("odd", code), note("beside", project.folder), settings=ON))
    assert summary.state == "failed"
    assert project.states() == {"odd": ("failed", reason), "beside": ("completed", "ok")}
    assert summary.error is not None
    assert words in summary.error.message
    assert not [line for line in project.logs() if "Traceback" in line and "worker.py" in line]


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        (body("import os, signal", "os.kill(os.getpid(), signal.SIGKILL)"), "error:WorkerKilled", "killed (SIGKILL)"),
        (body("import ctypes", "ctypes.string_at(0)"), "error:WorkerKilled", "killed (SIGSEGV)"),
        (body("import os", "os.abort()"), "error:WorkerKilled", "killed (SIGABRT)"),
        (body("import os", "os._exit(5)"), "error:WorkerExited", "ended with exit code 5"),
    ],
)
def test_a_worker_that_dies_fails_its_module_only(project: Project, code: str, reason: str, words: str) -> None:
    control = ("dies (1|error) after",)
    summary = project.run(flow(solo("dies", code), note("beside", project.folder), note("after", project.folder), control=control, settings=ON))
    # the error link handles it: the run itself is good
    assert summary.state == "completed"
    assert project.states() == {"dies": ("failed", reason), "beside": ("completed", "ok"), "after": ("completed", "ok")}
    assert words in str(project.failure("dies").message)
    assert project.failure("dies").module == "dies"


def test_a_worker_stuck_in_c_does_not_outlive_a_killed_runner(project: Project) -> None:
    file = project.folder / "stuck.pid"
    process = start(project, flow(solo("stuck", STUCK.format(file=file))))
    eventually(lambda: project.lines("stuck.pid"), "it never began", 20)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    eventually(lambda: not processes_of(project.folder), "the stuck worker is left", 5)


def test_a_worker_stuck_in_c_is_ended_by_the_second_signal(project: Project) -> None:
    file = project.folder / "stuck.pid"
    process = start(project, flow(solo("stuck", STUCK.format(file=file)), note("tidy", project.folder), more="finally: [tidy]"))
    eventually(lambda: project.lines("stuck.pid"), "it never began", 20)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode in (130, 143), err
    assert record(project)["state"] == "cancelled"


def test_module_code_that_waits_for_its_children_meets_its_own_only(project: Project) -> None:
    lines = ("import os", "if not os.fork(): os._exit(4)", "found = []", "try:", "    while True: found.append(os.waitstatus_to_exitcode(os.wait()[1]))")
    code = body(*lines, "except ChildProcessError: pass", f"open({str(project.folder / 'codes')!r}, 'w').write(str(found))")
    assert project.run(flow(solo("waits", code, "timeout: 10"))).state == "completed"
    assert Path(project.folder, "codes").read_text() == "[4]"


def test_an_error_says_where_it_happened_and_what_led_to_it(project: Project) -> None:
    code = body("try:", "    {}['key']", "except KeyError as lost:", "    raise ValueError('no such thing') from lost")
    project.run(flow(solo("fails", code, "retries: 1")))
    error = project.failure("fails")
    assert (error.module, error.frame, error.attempt_no) == ("fails", "0", 2)
    assert error.causes == ("KeyError: 'key'",)
    assert {"ValueError", "Exception"} <= {*error.kinds}
