"""Being asked for context values: in a real terminal, and where there is none."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.app.conftest import Pype

CANARY = "typed-p@ss/w+rd"
MODULE = """
import hashlib, pathlib
from typing import Any, ClassVar
from pypeline.sdk import BaseModule

class Keeper(BaseModule):
    TYPE = "solo"
    CONFIG_SCHEMA: ClassVar[dict[str, Any]] = {"required": {"day": {"type": "str"}, "password": {"type": "secret"}}, "optional": {}}

    async def run(self, inputs, ctx):
        print(self.configs)
        password = self.configs["password"].reveal()
        pathlib.Path(self.folder, "told.txt").write_text(self.configs["day"] + " " + hashlib.sha256(password.encode()).hexdigest())
        return {}
"""
FLOW = """
flow: {name: asks}
modules:
  - {id: k, name: keeper, configs: {required: {day: "{{context.day}}", password: "{{context.password}}"}}}
"""


@pytest.fixture
def project(tmp_path: Path, pype: Pype) -> Path:
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "keeper.py").write_text(MODULE)
    (tmp_path / "context").mkdir()
    write(tmp_path, "default", {"day?": "Which day shall be loaded?", "day": "2026-01-31", "password?secret": "Password of the server"})
    assert pype("register-module", "keeper.py").returncode == 0
    return tmp_path


def write(folder: Path, name: str, values: dict[str, str]) -> None:
    (folder / "context" / f"asks_{name}.json").write_text(json.dumps(values))


def in_terminal(folder: Path, answers: dict[str, str], *words: str) -> tuple[int, str]:
    """Run `pype` in a terminal of its own and give each answer when its question stands there."""
    pid, end = pty.fork()
    if not pid:
        os.chdir(folder)
        os.execv(sys.executable, [sys.executable, "-P", "-m", "pypeline.app.cli.main", *words])
    shown, left, until = b"", dict(answers), time.monotonic() + 60
    while time.monotonic() < until:
        try:
            piece = os.read(end, 65536) if select.select([end], [], [], 0.2)[0] else b""
        except OSError:
            break
        shown += piece
        for question, answer in list(left.items()):
            if question.encode() in shown:
                # getpass switches the echo off after it has shown its question
                time.sleep(0.2)
                os.write(end, answer.encode() + b"\n")
                del left[question]
    _, status = os.waitpid(pid, 0)
    os.close(end)
    return os.waitstatus_to_exitcode(status), shown.decode()


def told(folder: Path) -> tuple[str, bool]:
    day, digest = (folder / "told.txt").read_text().split()
    return day, digest == hashlib.sha256(CANARY.encode()).hexdigest()


def test_a_person_is_asked_and_a_secret_is_not_shown(project: Path) -> None:
    code, shown = in_terminal(project, {"Which day": "2026-02-01", "Password": CANARY}, "run", "flow.yaml")
    assert (code, told(project)) == (0, ("2026-02-01", True)), shown
    assert "Which day shall be loaded? [2026-01-31]" in shown
    assert CANARY not in shown
    for file in project.rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_terminal_shows_what_is_typed_again_when_a_secret_is_never_given(project: Path, number: signal.Signals) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-P", "-m", "pypeline.app.cli.main", "run", "flow.yaml", "--set", "day=2026-02-01"]
    asking = subprocess.Popen(command, cwd=project, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=own_terminal)  # noqa: PLW1509 -- this process has one thread
    until = time.monotonic() + 60
    while termios.tcgetattr(theirs)[3] & termios.ECHO and time.monotonic() < until:
        time.sleep(0.05)
    assert not termios.tcgetattr(theirs)[3] & termios.ECHO, "it never asked"
    asking.send_signal(number)
    assert asking.wait(30) == 128 + number
    assert termios.tcgetattr(theirs)[3] & termios.ECHO
    os.close(ours)
    os.close(theirs)


def own_terminal() -> None:
    """Make standard input the terminal that getpass opens."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_return_takes_the_proposal(project: Path) -> None:
    code, shown = in_terminal(project, {"Which day": "", "Password": CANARY}, "run", "flow.yaml")
    assert (code, told(project)) == (0, ("2026-01-31", True)), shown


def test_a_plan_asks_for_no_secret(project: Path) -> None:
    code, shown = in_terminal(project, {"Which day": "2026-02-01"}, "plan", "flow.yaml")
    assert code == 0, shown
    assert "Password" not in shown


def test_without_a_terminal_the_answers_must_be_there(project: Path, pype: Pype) -> None:
    done = pype("run", "flow.yaml")
    assert (done.returncode, done.stderr.count("PYE398")) == (2, 1)
    assert "`password`" in done.stderr
    write(project, "default", {"day?": "Which day?", "password?secret": "Password"})
    done = pype("plan", "flow.yaml")
    assert done.returncode == 2
    assert "--set day=" in done.stderr
    assert done.stderr.startswith("PYE398 context/asks_default.json:1:2 the context value")
    done = pype("plan", "flow.yaml", "--context", "prod")
    assert done.stderr.startswith("PYE392 context/asks_prod.json there is no context `prod`")
    assert pype("plan", "flow.yaml", "--set", "day=2026-02-01").returncode == 0
    assert pype("validate", "flow.yaml").returncode == 0


def test_a_secret_on_the_command_line_is_refused(project: Path, pype: Pype) -> None:
    done: subprocess.CompletedProcess[str] = pype("run", "flow.yaml", "--set", f"password={CANARY}")
    assert done.returncode == 2
    assert "PYE398" in done.stderr
    assert CANARY not in done.stdout + done.stderr


def test_a_job_asks_too(project: Path, pype: Pype) -> None:
    assert pype("build", "flow.yaml").returncode == 0
    code, shown = in_terminal(project, {"Which day": "2026-02-01", "Password": CANARY}, "run", "jobs/asks")
    assert code == 0, shown
    assert told(project / "jobs" / "asks") == ("2026-02-01", True)
