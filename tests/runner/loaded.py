"""A machine under load: a flow with every kind of work, runs of it as a person starts them, and all their processes.

Each process that a run or window starts inherits a mark in its environment, so that none is missed,
whoever started it and whatever group or session it is in.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from tests.runner.conftest import flow, note

MARK = "PYPELINE_TEST_MARK"
WINDOW = Path(__file__).with_name("window_host.py")
LONGEST = 60.0
"""Seconds after which a process that was started here counts as hung."""


def modules(folder: Path, seed: int) -> str:
    """A flow of engine work, commands with children, awaiting, threads and quick tasks, in an order of its own."""
    chance = random.Random(seed)
    pairs = [
        ("  - {id: rows, name: generate_source, resources: {cpus: 1}, configs: {required: {rows: 20000000, columns: "
         "{id: {kind: sequence}, x: {kind: float, max: 100}, k: {kind: int, max: 5000}}}}}",
         "  - {id: sums, name: aggregate_mod, configs: {required: {measures: {total: 'sum(sin(x) * cos(x))'}}, optional: {group_by: [k]}}}",
         f"  - {{id: out, name: parquet_sink, configs: {{required: {{output_path: '{folder}/out.parquet'}}}}}}"),
        (f"  - {{id: shell, name: shell_solo, configs: {{required: {{command: 'sleep 1 & sleep 1; wait'}}, optional: {{environment: [{MARK}]}}}}}}",),
        (note("awaits", folder, seconds=0.8),),
        (note("thread", folder, how="thread", seconds=0.8),),
        (note("child", folder, child=True, seconds=0.5),),
        tuple(note(f"t{n}", folder) for n in range(12)),
    ]  # fmt: skip
    chance.shuffle(pairs)
    ticks = tuple(f"t{n} (1|) t{n + 1}" for n in range(11))
    data = ("rows.data - sums.input", "sums.output - out.input")
    return flow(*(module for pair in pairs for module in pair), control=ticks, data=data, settings="fail_strategy: continue")


@dataclass
class Started:
    """A process that was started here, and all that came of it. ``said`` is what it wrote to standard error."""

    folder: Path
    process: subprocess.Popen[str]
    mark: str
    said: str = ""

    def family(self) -> list[int]:
        """All living processes with its mark, itself included."""
        wanted = f"{MARK}={self.mark}".encode()
        found = []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and wanted in Path("/proc", entry, "environ").read_bytes().split(b"\0"):
                    found.append(int(entry))
            except OSError:
                continue
        return found

    def workers(self) -> list[int]:
        """The worker processes among them: each leads a session, as the process itself does not."""
        found = []
        for pid in self.family():
            try:
                if os.getsid(pid) == pid:
                    found.append(pid)
            except ProcessLookupError:
                continue
        return found

    def wait(self) -> int:
        """The exit code, as a shell sees it."""
        _, self.said = self.process.communicate(timeout=LONGEST)
        code = self.process.returncode
        return code if code >= 0 else 128 - code

    def gone_within(self, seconds: float) -> float:
        """Seconds until nobody of the family lived any more; whoever is left after ``seconds`` is told and killed."""
        began = time.monotonic()
        while family := self.family():
            if time.monotonic() - began > seconds:
                left = [(pid, Path(f"/proc/{pid}/cmdline").read_bytes()[:200]) for pid in family if Path(f"/proc/{pid}").exists()]
                for pid, _ in left:
                    os.kill(pid, signal.SIGKILL)
                raise AssertionError(f"left after {seconds} s: {left}")
            time.sleep(0.02)
        return time.monotonic() - began


def start(folder: Path, *words: str) -> Started:
    """A Python process with ``words``, in a process group of its own, as a shell would start it."""
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [sys.executable, *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, process_group=0, env={**os.environ, MARK: mark}
    )
    return Started(folder, process, mark)


def start_run(folder: Path, seed: int) -> Started:
    """`pype run` on the flow of ``seed``."""
    (folder / "flow.yaml").write_text(modules(folder, seed))
    return start(folder, "-m", "pypeline.app.cli.main", "run", "--quiet", "flow.yaml")


def start_window(folder: Path, seed: int) -> Started:
    """What a window does without its pictures: binds, previews and runs the flow of ``seed`` again and again."""
    (folder / "flow.yaml").write_text(modules(folder, seed))
    return start(folder, str(WINDOW), "flow.yaml")


def records(folder: Path) -> dict[str, dict[str, object]]:
    """The final record of each attempt, by its folder; empty where there is none."""
    found = {}
    for path in sorted(folder.glob(".pypeline/run_bundles/*/attempt-*")):
        summary = path / "summary.json"
        found[f"{path.parent.name}/{path.name}"] = json.loads(summary.read_text()) if summary.exists() else {}
    return found
