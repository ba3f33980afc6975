"""How a run is told in the end: rows and seconds by module, and what failed."""

from __future__ import annotations

from dataclasses import replace

from pypeline.app.cli.results import failures, module_table
from pypeline.core.results import ErrorInfo
from pypeline.core.watch import Frames, ModuleWatch
from pypeline.schema.reader import parse


def test_a_task_shows_its_seconds_once_and_a_sink_the_rows_that_came() -> None:
    modules = {
        "orders": ModuleWatch("completed", "ok", seconds=0.5, rows_out={"data": 1200, "reject": 3}, rejected=3, task="orders"),
        "lone": ModuleWatch("completed", "ok", seconds=0.25, rows_out={"output": 7}, rejected=2, task="lone"),
        "out": ModuleWatch("completed", "ok", seconds=0.5, task="orders"),
        "never": ModuleWatch("cancelled", "upstream_failed", task="orders"),
    }
    assert module_table(modules, {"orders.data - out.input": 1200}).splitlines() == [
        "module  state                        rows  other rows     s",
        "──────  ──────────────────────────  ─────  ──────────  ────",
        "orders  completed                   1,200  reject 3    0.50",
        "out     completed                   1,200                 ↑",
        "never   cancelled: upstream failed",
        "lone    completed                       7  2 rejected  0.25",
        "↑ in one task with the module above",
    ]


def test_a_failure_that_was_handled_is_a_warning() -> None:
    error = ErrorInfo("PYE385", "PypeError", "the command ended with exit code 3", "mail", mend="Look.")
    modules = {"mail": ModuleWatch("failed", "error:PYE385", error=error)}
    assert [str(p) for p in failures(modules, None, handled=True)] == ["PYE385 mail warning: the command ended with exit code 3 (handled). Look."]
    assert [str(p) for p in failures(modules, None)] == ["PYE385 mail the command ended with exit code 3. Look."]


def test_a_failure_names_its_frame_and_one_after_the_loop_none() -> None:
    error = ErrorInfo("PYE459", "ValueError", "no", "load", frame="0")
    frames = Frames(completed=2, failed=1)
    failed = {"load": ModuleWatch("failed", "error:ValueError", error=error, frames=frames)}
    assert [str(p) for p in failures(failed, None)] == ["PYE459 load frame 0: no."]
    good = {"load": ModuleWatch("completed", "ok", frames=frames)}
    assert [str(p) for p in failures(good, error)] == ["PYE459 load no."]
    assert [str(p) for p in failures(good, replace(error, frame="1"))] == ["PYE459 load frame 1: no."]


def test_a_message_that_begins_with_its_module_does_not_name_it_twice() -> None:
    flow, _ = parse("flow: {name: f}\nmodules:\n  - {id: slow, name: sleep}\n", "f.yaml")
    for message in ("`slow` ran longer than its timeout", "ran longer than its timeout"):
        error = ErrorInfo("PYE454", "TimeoutError", message, "slow")
        (problem,) = failures({"slow": ModuleWatch("failed", "timeout", error=error)}, None, flow)
        assert problem.message.count("`slow`") == 1
        assert problem.place.line == 3
