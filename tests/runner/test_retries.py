"""Trying again: which failures, how long after, with how much memory, and who runs meanwhile."""

from __future__ import annotations

import pytest

from pypeline.core import events as ev
from pypeline.core.control.tasks import delay
from pypeline.runner.engines.local import LocalEngine
from pypeline.schema.flow import Retry
from tests.runner.conftest import Project, flow, note
from tests.runner.test_hard_ends import body, solo


def tries(project: Project, module: str) -> int:
    return project.order().count(module)


@pytest.mark.parametrize(
    ("retry", "waits"),
    [
        (Retry(delay=2), [2, 2, 2, 2]),
        (Retry(delay=2, backoff="linear"), [2, 4, 6, 8]),
        (Retry(delay=2, backoff="exponential"), [2, 4, 8, 16]),
        (Retry(delay=2, backoff="exponential", max_delay=5), [2, 4, 5, 5]),
        (Retry(backoff="exponential"), [0, 0, 0, 0]),
    ],
)
def test_delays_grow_as_they_are_told_to(retry: Retry, waits: list[float]) -> None:
    assert [delay(retry, tried, "seed") for tried in (1, 2, 3, 4)] == waits


def test_jitter_takes_at_most_half_away_and_is_the_same_every_time() -> None:
    retry = Retry(delay=8, jitter=True)
    waits = [delay(retry, 1, f"task {n}") for n in range(200)]
    assert waits == [delay(retry, 1, f"task {n}") for n in range(200)]
    assert min(waits) >= 4
    assert max(waits) <= 8
    assert len(set(waits)) > 150


OWN = """
class Busy(Exception): pass
class VeryBusy(Busy): pass
def main(): raise VeryBusy("no room")
"""


@pytest.mark.parametrize(
    ("code", "retry_on", "again"),
    [
        (OWN, "Busy", True),
        (OWN, "VeryBusy", True),
        (OWN, "Exception", True),
        (OWN, "OSError", False),
        (body("raise ConnectionResetError()"), "OSError", True),
        (body("raise ConnectionResetError()"), "transient", True),
        (body("raise ValueError()"), "transient", False),
        (body("import json", "json.loads('{')"), "json.decoder.JSONDecodeError", True),
        (body("import json", "json.loads('{')"), "ValueError", True),
        (body("import os", "os._exit(1)"), "transient", True),
        (body("import sys", "sys.exit(75)"), "75", True),
        (body("import sys", "sys.exit(1)"), "75", False),
        (body("import subprocess", "subprocess.run(['false'], check=True)"), "1", True),
    ],
)
def test_retry_on_names_classes_their_bases_and_exit_codes(project: Project, code: str, retry_on: str, again: bool) -> None:
    project.run(flow(solo("odd", code, f"retry: {{attempts: 2, retry_on: [{retry_on}]}}")))
    assert tries(project, "odd") == (2 if again else 1)


@pytest.mark.parametrize(("code", "again"), [(75, 2), (1, 1)])
def test_retry_on_takes_the_exit_codes_of_a_command(project: Project, code: int, again: int) -> None:
    command = f"configs: {{required: {{command: 'exit {code}'}}}}, retry: {{attempts: 2, retry_on: [75]}}"
    project.run(flow(f"  - {{id: sh, name: shell_solo, {command}}}"))
    assert tries(project, "sh") == again


def test_a_slot_is_free_while_a_try_is_waited_for(project: Project) -> None:
    f = project.folder
    summary = project.run(flow(note("a", f, "retry: {attempts: 2, delay: 0.5}", fail=1), note("b", f)), engine=LocalEngine(cpus=1, memory=2**30))
    assert summary.state == "completed"
    assert project.order() == ["a", "b", "a"]


def test_memory_over_the_limit_is_named_and_a_further_try_has_more(project: Project) -> None:
    eats = body("import time", "kept = b'x' * 400_000_000", "time.sleep(0.5)")
    summary = project.run(flow(solo("eats", eats, "resources: {memory: 300MiB}"), note("beside", project.folder), settings="fail_strategy: continue"))
    assert project.states() == {"eats": ("failed", "oom"), "beside": ("completed", "ok")}
    error = project.failure("eats")
    assert (summary.error, error.code, error.module) == (error, "PYE468", "eats")
    assert "and may hold 0.29 GiB" in error.message
    grows = "resources: {memory: 300MiB}, retry: {attempts: 3, retry_on: [transient], memory_growth: 2}"
    assert project.run(flow(solo("eats", eats, grows))).state == "completed"
    assert tries(project, "eats") == 2


def test_what_a_module_starts_counts_as_its_memory(project: Project) -> None:
    eats = body("import subprocess, sys", "subprocess.run([sys.executable, '-c', \"import time; kept = b'x' * 400_000_000; time.sleep(5)\"], check=True)")
    project.run(flow(solo("eats", eats, "resources: {memory: 300MiB}")))
    assert project.states()["eats"] == ("failed", "oom")


def test_memory_without_a_limit_of_its_own_is_not_watched(project: Project) -> None:
    eats = body("kept = b'x' * 400_000_000")
    assert project.run(flow(solo("eats", eats)), engine=LocalEngine(cpus=2, memory=2**28)).state == "completed"


def test_a_timed_out_thread_fails_at_once_and_its_slot_is_taken_until_it_has_ended(project: Project) -> None:
    f = project.folder
    stuck = note("stuck", f, "timeout: 0.5", how="thread", seconds=30)
    free: list[int] = []
    engine = LocalEngine(cpus=1, memory=2**30)

    def seen(event: ev.RunEvent) -> None:
        if isinstance(event, ev.ModuleState) and event.module == "stuck" and event.state == "failed":
            free.append(engine.slots.free["cpus"])

    summary = project.run(flow(stuck, note("next", f), settings="fail_strategy: continue"), engine=engine, seen=seen)
    assert project.states() == {"stuck": ("failed", "timeout"), "next": ("completed", "ok")}
    assert free == [0]
    assert engine.slots.free["cpus"] == 1
    assert project.lines("lives")[:2] == ["setup-stuck", "teardown-stuck"]
    assert summary.seconds < 8


def test_a_late_result_is_dropped(project: Project) -> None:
    # it blocks its loop, hears no cancel and ends well, but too late
    project.run(flow(note("late", project.folder, "timeout: 0.3", how="block", seconds=1)))
    assert project.states()["late"] == ("failed", "timeout")


def test_the_flow_s_own_timeout_stops_politely(project: Project) -> None:
    f = project.folder
    summary = project.run(flow(note("slow", f, seconds=30), note("tidy", f), settings="timeout: 0.5", more="finally: [tidy]"))
    assert (summary.state, summary.reason) == ("failed", "timeout")
    assert project.states()["tidy"] == ("completed", "ok")
    assert project.states()["slow"] == ("cancelled", "timeout")


def test_a_module_that_is_stopped_while_it_waits_for_its_next_try_is_torn_down(project: Project) -> None:
    tail = "retry: {attempts: 2, delay: 60}"
    summary = project.run(flow(solo("a", body("raise ValueError()"), tail), settings="timeout: 1.5"))
    assert summary.state == "failed"
    assert not [line for line in project.logs() if "teardown" in line]
