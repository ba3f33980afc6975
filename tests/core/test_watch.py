"""Watching a run: the newest state of everything, and what changed."""

from __future__ import annotations

from typing import Any

from pypeline.core import events as e
from pypeline.core.foot import run_foot
from pypeline.core.results import ErrorInfo
from pypeline.core.watch import Watch


def at(time: float) -> dict[str, Any]:
    return {"run": "r", "attempt": 1, "time": time}


def test_the_newest_state_of_a_module_wins_and_what_changed_is_told() -> None:
    watch = Watch()
    assert watch.feed([e.RunStarted(**at(1), flow="f", tasks=1, modules=2)]) == frozenset()
    assert watch.feed([e.ModuleState(**at(2), module="a", task="a", state="running")]) == {"a"}
    changed = watch.feed(
        [
            e.Progress(**at(2.5), task="a", modules=("a",), fraction=0.5),
            e.LinkCount(**at(3), link="a.data - b.input", rows=7),
            e.ModuleState(**at(3), module="a", task="a", state="completed", rows_out={"data": 7}, seconds=1.0),
        ]
    )
    assert changed == {"a", "a.data - b.input"}
    assert watch.counts() == {"a.data - b.input": 7}
    assert (watch.modules["a"].started, watch.modules["a"].rows_out) == (2, {"data": 7})
    assert watch.tally() == {"completed": 1}
    assert watch.state == "running"


def test_the_end_of_a_run_is_kept_with_its_figures() -> None:
    watch = Watch()
    watch.feed([e.Log(**at(1), level="INFO", message="hello"), e.RunEnded(**at(9), state="failed", reason="error:ValueError", seconds=8.0, failed=1)])
    assert (watch.state, watch.seconds, watch.ended is not None) == ("failed", 8.0, True)
    assert [line.message for line in watch.logs] == ["hello"]


def test_ten_thousand_log_lines_keep_the_newest() -> None:
    watch = Watch()
    watch.feed(e.Log(**at(n), level="INFO", message=str(n)) for n in range(10_000))
    assert (len(watch.logs), watch.logs[-1].message, watch.now) == (5_000, "9999", 9_999)


def test_the_passes_of_a_loop_are_folded() -> None:
    watch = Watch()

    def module(frame: str, state: Any, rows: int = 0, **more: Any) -> None:
        watch.feed([e.ModuleState(**at(1), module="load", task="load", state=state, frame=frame, rows_out={"data": rows} if rows else {}, **more)])

    def frame(name: str, state: Any, done: int, reason: str = "") -> None:
        assert watch.feed([e.FrameState(**at(1), valve=3, source="files", frame=name, state=state, done=done, total=3, reason=reason)]) == {"valve 3"}

    frame("0", "running", 0)
    frame("1", "running", 0)
    module("0", "running")
    module("1", "running")
    assert (watch.loops[3].running, watch.loops[3].done, watch.loops[3].total) == (2, 0, 3)
    module("1", "completed", 5, seconds=1.0)
    watch.feed([e.LinkCount(**at(1), link="l", rows=5, frame="1")])
    assert watch.modules["load"].state == "running"
    module("0", "failed", reason="error:ValueError", seconds=2.0)
    frame("0", "failed", 1, "error:ValueError")
    assert (watch.modules["load"].state, watch.modules["load"].reason) == ("failed", "error:ValueError")
    frame("1", "completed", 2)
    frame("2", "running", 2)
    module("2", "running")
    module("2", "completed", 7, seconds=1.0)
    watch.feed([e.LinkCount(**at(1), link="l", rows=7, frame="2")])
    frame("2", "completed", 3)
    load, loop = watch.modules["load"], watch.loops[3]
    assert (load.state, load.reason, load.rows_out, load.seconds) == ("failed", "error:ValueError", {"data": 12}, 4.0)
    assert load.frames.counts() == {"completed": 2, "failed": 1, "cancelled": 0}
    assert watch.counts() == {"l": 12}
    assert (loop.running, loop.done, loop.failed, loop.total, loop.failures) == (0, 3, 1, 3, [("0", "error:ValueError")])
    assert watch.tally() == {"failed": 1}


def test_what_never_got_a_frame_is_no_pass() -> None:
    watch = Watch()
    watch.feed([e.ModuleState(**at(1), module="load", task="load", state="cancelled", reason="no_items", frame="-")])
    assert (watch.modules["load"].state, watch.modules["load"].reason, watch.modules["load"].frames.ended) == ("cancelled", "no_items", 0)
    # nested: once without frames, once with
    watch.feed([e.ModuleState(**at(1), module="deep", task="deep", state=s, frame=f) for f, s in (("1-0", "running"), ("1-0", "completed"))])  # type: ignore[arg-type]
    watch.feed([e.ModuleState(**at(1), module="deep", task="deep", state="cancelled", reason="no_items", frame="2--")])
    assert (watch.modules["deep"].state, watch.modules["deep"].frames.ended) == ("completed", 1)


def test_loops_inside_a_loop_add_up() -> None:
    watch = Watch()
    for outer, total in (("0", 2), ("1", 1)):
        for index in range(total):
            for state, done in (("running", index), ("completed", index + 1)):
                watch.feed([e.FrameState(**at(1), valve=1, source="s", frame=f"{outer}-{index}", state=state, done=done, total=total)])  # type: ignore[arg-type]
    assert (watch.loops[1].done, watch.loops[1].total, watch.loops[1].around) == (3, 3, set())


def test_what_is_said_of_passes_counts_those_that_ended_as_all_together_did() -> None:
    def words(*ends: tuple[str, str]) -> str:
        watch = Watch()
        for index, (state, reason) in enumerate(ends):
            watch.feed([e.ModuleState(**at(1), module="a", task="a", state=state, reason=reason, frame=str(index))])  # type: ignore[arg-type]
        return watch.modules["a"].frames.words

    good, bad, closed, cut = ("completed", "ok"), ("failed", "timeout"), ("cancelled", "valve_closed"), ("cancelled", "halted")
    assert [words(good), words(good, good), words(closed, closed)] == ["", "2 frames", "2 frames"]
    assert [words(closed, good, closed), words(good, bad, closed), words(good, cut, cut)] == ["1 of 3 frames", "1 of 3 frames", "2 of 3 frames"]


def test_only_the_module_at_fault_tells_the_failure_of_its_task() -> None:
    watch = Watch()
    error = ErrorInfo("PYE420", "PypeError", "1 row could not be read", "a")
    for module, reason in (("a", "error:PYE420"), ("b", "task_failed")):
        watch.feed([e.ModuleState(**at(1), module=module, task="a", state="failed", reason=reason, error=error)])
    assert run_foot(watch.modules["a"]) == "1 row could not be read"
    assert run_foot(watch.modules["b"]) == "not finished: `a` failed"


def test_a_module_waits_for_its_next_try_until_that_begins() -> None:
    watch = Watch()
    watch.feed([e.ModuleState(**at(1), module="a", task="t", state="running"), e.ModuleState(**at(1), module="b", task="u", state="running")])
    assert watch.feed([e.Retry(**at(2), task="t", attempt_no=2, delay=4.0)]) == {"a"}
    assert (watch.modules["a"].tries, watch.modules["a"].waits, watch.modules["b"].waits) == (2, 4.0, 0.0)
    assert run_foot(watch.modules["a"], most=3) == "try 2 of 3 in 4.0 s"
    watch.feed([e.ModuleState(**at(6), module="a", task="t", state="running", attempt_no=2)])
    assert watch.modules["a"].waits == 0.0


def test_a_pass_that_was_cut_short_shows_and_one_behind_a_closed_valve_does_not() -> None:
    watch = Watch()
    for id, reason in (("stopped", "stopped_by_user"), ("closed", "valve_closed")):
        for frame, state, why in (("0", "running", ""), ("0", "completed", "ok"), ("1", "cancelled", reason)):
            watch.feed([e.ModuleState(**at(1), module=id, task=id, state=state, frame=frame, reason=why)])  # type: ignore[arg-type]
    assert (watch.modules["stopped"].state, watch.modules["stopped"].reason) == ("cancelled", "stopped_by_user")
    assert (watch.modules["closed"].state, watch.modules["closed"].reason) == ("completed", "ok")
