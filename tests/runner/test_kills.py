"""Kill -9 of runner, worker and window at random moments: nobody is left, and no run is left "running"."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from pypeline.runner.history.summary import runs
from pypeline.runner.run import _recover
from pypeline.runner.store import bundle as bundles
from tests.runner.conftest import Project
from tests.runner.loaded import records, start_run, start_window

SPAN = 3.5
"""Seconds from which the moment is chosen: a run under load takes about so long."""


def kill(folder: Path, victim: str, seed: int) -> float:
    """Start, kill ``victim`` at a moment of ``seed``'s choice; seconds until all processes had gone."""
    chance = random.Random(seed)
    started = start_window(folder, seed) if victim == "window" else start_run(folder, seed)
    time.sleep(chance.uniform(0, SPAN))
    if victim == "worker":
        workers = started.workers()
        if workers:
            os.kill(chance.choice(workers), signal.SIGKILL)
        # the run goes on without it and ends by itself
        code = started.wait()
        assert code in (0, 1), f"seed {seed}: exit code {code}: {started.said}"
    else:
        os.kill(started.process.pid, signal.SIGKILL)
        started.process.communicate(timeout=5)
    took = started.gone_within(5)
    states = Counter(run.state for run in runs(bundles.home(folder)))
    assert not states["running"] + states["pending"], f"seed {seed}: {states}"
    return took


def kill_often(project: Project, count: int, first: int) -> list[float]:
    took = [kill(project.folder, ("runner", "worker", "window")[n % 3], first + n) for n in range(count)]
    # the next run, here by hand, gives every attempt its one record
    bundles.end_lost(bundles.home(project.folder), _recover)
    ends = Counter((str(found.get("state")), str(found.get("reason"))) for found in records(project.folder).values())
    print(f"\n{count} kills: attempts {dict(ends)}; until all had gone: max {max(took):.2f} s, median {sorted(took)[count // 2]:.2f} s")
    assert not [end for end in ends if end[0] not in ("completed", "failed")]
    assert not list(project.folder.glob(".pypeline/run_bundles/*/attempt-*/scratch/*"))
    assert not list(project.folder.glob(".out.parquet*"))
    return took


def test_a_kill_at_any_moment_leaves_nobody_and_no_running_run(project: Project) -> None:
    kill_often(project, 9, random.SystemRandom().randrange(10**6))


def test_a_kill_before_an_attempt_has_its_name_leaves_nothing(tmp_path: Path) -> None:
    named = bundles.prepare(tmp_path, "r-1")
    assert (named.attempt, [path.name for path in named.path.parent.iterdir()]) == (1, ["attempt-1"])
    unborn = named.path.rename(named.path.with_name(f"{bundles.UNBORN}made"))
    # its process lives and is about to name it
    assert bundles.end_lost(bundles.home(tmp_path), _recover) == []
    assert unborn.exists()
    owner = json.loads((unborn / "owner.json").read_text())
    (unborn / "owner.json").write_text(json.dumps({**owner, "began": owner["began"] - 1}))
    assert bundles.end_lost(bundles.home(tmp_path), _recover) == []
    assert not unborn.exists()
    assert bundles.prepare(tmp_path, "r-1").attempt == 1


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_two_hundred_kills_leave_nobody_and_no_running_run(project: Project) -> None:
    kill_often(project, 200, 10**6)
