"""`pype run` as programs and people use it: events, logs, context, failures, signals, what it loads."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.app.conftest import Pype

SIMPLE = """\
flow: {{name: simple}}
modules:
  - id: numbers
    name: inline_source
    configs: {{required: {{columns: {{n: int64}}, rows: [[1], [2], [3]]}}}}
  - id: big
    name: filter_mod
    configs: {{required: {{condition: "{condition}"}}}}
  - id: out
    name: csv_sink
    configs: {{required: {{output_path: "{path}"}}}}
connections: {{data: ["numbers.data - big.input", "big.output - out.input"]}}
"""
SLOW = """\
flow: {name: slow}
modules:
  - id: sleeper
    name: python_solo
    configs:
      optional:
        code: |
          import time
          def main(ctx):
              print("began")
              time.sleep(60)
"""


def write(folder: Path, condition: str = "n > 1", path: str = "out.csv") -> Path:
    flow = folder / "simple.yaml"
    flow.write_text(SIMPLE.format(condition=condition, path=path))
    return flow


def test_events_are_json_lines_on_standard_output_and_nothing_else(pype: Pype, tmp_path: Path) -> None:
    done = pype("run", write(tmp_path), "--events", "-")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [events[0]["kind"], events[-1]["kind"]] == ["run_started", "run_ended"]
    assert {e["link"]: e["rows"] for e in events if e["kind"] == "link_count"} == {"numbers.data - big.input": 3, "big.output - out.input": 2}


def test_a_reader_that_leaves_early_does_not_end_the_run(tmp_path: Path) -> None:
    for condition, code in (("n > 1", 0), ("cast('x' || n as int) > 1", 1)):
        flow = write(tmp_path, condition)
        command = f"'{sys.executable}' -m pypeline.app.cli.main run '{flow}' --events - --quiet | head -n 1; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert json.loads(done.stdout)["kind"] == "run_started"
        assert "Traceback" not in done.stderr
        assert "roken" not in done.stderr


def test_json_is_the_summary_and_quiet_is_quiet(pype: Pype, tmp_path: Path) -> None:
    done = pype("run", write(tmp_path), "--json", "--quiet")
    assert done.stderr == ""
    summary = json.loads(done.stdout)
    assert (summary["state"], summary["exit_code"], summary["links"]["big.output - out.input"]) == ("completed", 0, 2)
    silent = pype("run", "simple.yaml", "--quiet")
    assert (silent.returncode, silent.stdout, silent.stderr) == (0, "", "")


def test_log_file_has_json_or_text_lines(pype: Pype, tmp_path: Path) -> None:
    write(tmp_path)
    assert pype("run", "simple.yaml", "--quiet", "--log-file", "run.log", "--log-level", "DEBUG").returncode == 0
    lines = [json.loads(line) for line in (tmp_path / "run.log").read_text().splitlines()]
    assert {"time", "level", "run", "attempt", "node_id", "message"} == set(lines[0])
    assert any(line["node_id"] == "big#0" and "completed" in line["message"] for line in lines)
    assert pype("run", "simple.yaml", "--quiet", "--log-file", "run.txt", "--log-format", "text").returncode == 0
    assert "big#0: completed" in (tmp_path / "run.txt").read_text()


def test_context_comes_from_the_file_the_environment_and_the_command_line_in_this_order(pype: Pype, tmp_path: Path) -> None:
    flow = write(tmp_path, "n > {{context.least}}", "{{context.name}}.csv")
    unknown = pype("run", flow)
    assert unknown.returncode == 2
    assert "context.least" in unknown.stderr
    assert not (tmp_path / ".pypeline").exists()
    context = tmp_path / "context"
    context.mkdir()
    (context / "simple_default.json").write_text('{"least": 0, "name": "default"}')
    (context / "simple_prod.json").write_text('{"least": 1}')

    def rows(*words: str) -> int:
        done = pype("run", flow, "--json", *words)
        assert done.returncode == 0, done.stderr
        return int(json.loads(done.stdout)["links"]["big.output - out.input"])

    assert rows() == 3
    assert rows("--context", "prod") == 2
    assert rows("--context", "prod", "--set", "least=2") == 1
    assert (tmp_path / "default.csv").is_file()
    wrong = pype("run", flow, "--context", "prd")
    assert (wrong.returncode, wrong.stderr.split()[0]) == (2, "PYE392")
    assert "`prod`" in wrong.stderr


def test_a_failed_run_exits_1_and_names_the_module_in_the_file(pype: Pype, tmp_path: Path) -> None:
    flow = write(tmp_path, "cast('x' || n as int) > 1")
    done = pype("run", "simple.yaml", "--quiet")
    assert (done.returncode, done.stdout) == (1, "")
    line = next(i for i, text in enumerate(flow.read_text().splitlines(), 1) if "id: big" in text)
    (said,) = done.stderr.splitlines()
    assert said.startswith("PYE4")
    assert f"simple.yaml:{line}:" in said
    assert "`big`" in said
    assert not (tmp_path / "out.csv").exists()
    assert "failed" in pype("show").stdout


def test_a_picture_of_the_run_has_its_counts(pype: Pype, tmp_path: Path) -> None:
    assert pype("run", write(tmp_path), "--quiet", "--picture", "run.svg").returncode == 0
    assert (tmp_path / "run.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_with_a_record_and_no_traceback(pype: Pype, tmp_path: Path, sign: signal.Signals, code: int) -> None:
    (tmp_path / "slow.yaml").write_text(SLOW)
    command = [sys.executable, "-m", "pypeline.app.cli.main", "run", "slow.yaml", "--events", "-"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        until = time.monotonic() + 60
        seen = ""
        while '"running"' not in seen or "sleeper" not in seen:
            assert select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))[0], "it never began"
            seen = process.stdout.readline()
        process.send_signal(sign)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in errors
    assert errors.count("WARN stopping: ") == 1
    (summary,) = tmp_path.glob(".pypeline/run_bundles/*/attempt-1/summary.json")
    assert json.loads(summary.read_text())["state"] in ("cancelled", "failed")


def test_neither_the_run_nor_its_workers_load_qt(pype: Pype, tmp_path: Path) -> None:
    """A canary stands in for PySide6: whoever imports it leaves a file."""
    canary = tmp_path / "canary" / "PySide6"
    canary.mkdir(parents=True)
    (canary / "__init__.py").write_text(f"open({str(tmp_path / 'sang')!r}, 'w').close()\n")
    env = {"PYTHONPATH": os.pathsep.join([str(canary.parent), *filter(None, [os.environ.get("PYTHONPATH")])])}
    code = "  - {id: code, name: python_solo, configs: {optional: {code: 'def main(ctx): pass'}}}\n"
    flow = write(tmp_path)
    flow.write_text(flow.read_text().replace("connections:", code + "connections:"))
    done = pype("run", flow, "--quiet", env=env)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "sang").exists()
    subprocess.run([sys.executable, "-c", "import PySide6"], env={**os.environ, **env}, check=True)
    assert (tmp_path / "sang").exists()


def test_words_that_contradict_each_other(pype: Pype, tmp_path: Path) -> None:
    flow = write(tmp_path)
    for words in (
        ["--json", "--events", "-"],
        ["--threads", "0"],
        ["--threads", "99999"],
        ["--log-level", "LOUD"],
        ["--picture", "."],
        ["--picture", "no/such/folder.svg"],
        # a typing mistake must not run with the value it was to replace
        ["--set", "leats=2"],
    ):
        done = pype("run", flow, *words)
        assert (done.returncode, done.stderr.split()[0]) == (2, "PYE481"), words
    nothing = pype("run", tmp_path)
    assert (nothing.returncode, nothing.stderr.split()[0]) == (2, "PYE482")
    missing = pype("run", "nowhere.yaml")
    assert (missing.returncode, missing.stderr.split()[0]) == (2, "PYE100")


@pytest.mark.parametrize("condition", ["n >", "n > {{context.nope}}"])
def test_a_flow_that_is_not_accepted_starts_no_worker_and_writes_nothing(tmp_path: Path, condition: str) -> None:
    write(tmp_path, condition)
    program = (
        "import sys\n"
        "from pypeline.app.cli.main import main\n"
        "code = main(['run', 'simple.yaml'])\n"
        "print(code, 'subprocess' in sys.modules, 'pypeline.runner.engines.starting' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "False", "False"], done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["simple.yaml"]


@pytest.mark.parametrize("words", [["--events", "/dev/full"], []])
def test_a_listener_that_takes_no_more_does_not_end_the_run_for_the_others(tmp_path: Path, words: list[str]) -> None:
    command = [sys.executable, "-m", "pypeline.app.cli.main", "run", str(write(tmp_path)), "--json", *words]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE if words else full, text=True, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout)["state"] == "completed"
    if words:
        assert "PYE493 pype run warning: the run's events went on without a listener: No space left" in done.stderr


COPIED = """\
flow: {name: copied}
modules:
  - id: look
    name: python_solo
    configs:
      optional:
        code: |
          import asyncio, os, sys
          def main(ctx):
              fds = [os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}")]
              print("held open" if any(name.endswith("held.txt") for name in fds) else "let go")
              print("own session" if os.getsid(0) == os.getpid() else "the runner's session")
              print("safe path" if os.getcwd() not in sys.path and "" not in sys.path else "unsafe path")
              print("runner's modules" if "pypeline.app.cli.run" in sys.modules else "own modules")
"""


def test_the_first_worker_is_a_copy_of_the_runner_and_holds_nothing_of_it(pype: Pype, tmp_path: Path) -> None:
    (tmp_path / "copied.yaml").write_text(COPIED)
    held = (tmp_path / "held.txt").open("w")
    os.set_inheritable(held.fileno(), True)
    command = [sys.executable, "-m", "pypeline.app.cli.main", "run", "copied.yaml", "--quiet", "--log-file", "log.jsonl"]
    with held:
        done = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.getcwd()}, capture_output=True, text=True, pass_fds=[held.fileno()], check=False
        )
    assert done.returncode == 0, done.stderr
    said = [json.loads(line)["message"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line for line in said if line in ("let go", "own session", "safe path", "runner's modules")] == [
        "let go",
        "own session",
        "safe path",
        "runner's modules",
    ], said
