"""The rules of control flow for loops and started branches, named after their numbers in the rules' own list."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest

from pypeline.core.actions import Evaluate, Evaluated, FrameChanged, ItemsCounted, ModuleChanged, StartTask, SubFlowChanged, TaskEnded
from pypeline.core.plan import Plan
from pypeline.core.state import RunState
from tests.core.making import planned
from tests.core.simulation import Simulation
from tests.core.test_state_rules import CONTINUE, begin, gate, run, solos


def loop(words: str, *control: str, **more: Any) -> Plan:
    """A flow whose first module is ``r``, a table to go over."""
    return planned(f"r:read {words}", (), control, **more)


def entered(plan: Plan, fails: Sequence[str] = (), **more: Any) -> Simulation:
    """The run when the table has been read and its rows are counted."""
    simulation = begin(plan, fails, **more)
    simulation.end("r")
    simulation.answer()
    return simulation


def states(simulation: Simulation, *modules: str) -> list[str]:
    found = simulation.states()
    return [found.get(module, "") for module in modules]


# --- start ----------------------------------------------------------------------------------------


def test_rule_03_a_joining_link_waits_also_for_what_start_launched_and_a_joining_start_never() -> None:
    simulation = begin(solos("a b t u z y", "a (1|start) t", "t (1|) u", "b (1|) t", "b (2|) z", "a (2|) y"))
    simulation.end("a")
    simulation.fill()
    assert set(simulation.running) == {"b", "t", "y"}, "nobody waits for a started branch"
    simulation.end("b")
    simulation.end("t")
    simulation.fill()
    assert simulation.valves()["b (1|) t"] == "open joined"
    assert set(simulation.running) == {"u", "y"}
    simulation.end("u")
    simulation.fill()
    assert set(simulation.running) == {"y", "z"}
    simulation = begin(solos("a b t z", "a (1|) t", "b (1|start) t", "b (2|) z"))
    simulation.end("a")
    simulation.fill()
    simulation.end("b")
    simulation.fill()
    assert simulation.valves()["b (1|start) t"] == "open joined"
    assert set(simulation.running) == {"t", "z"}


def test_rule_04_last_start_is_launched_at_its_turn() -> None:
    simulation = begin(solos("a b c d", "a (1|) b", "a (Last|start) c", "a (Last|) d"))
    simulation.end("a")
    simulation.fill()
    assert set(simulation.running) == {"b"}
    simulation.end("b")
    simulation.fill()
    assert set(simulation.running) == {"c", "d"}


def test_rule_12_a_started_branch_is_no_part_of_a_handlers_subtree_but_fails_the_run() -> None:
    plan = solos("a h s", "a (1|error) h", "h (1|start) s", **CONTINUE)
    simulation = begin(plan, ["a", "s"])
    simulation.end("a")
    simulation.fill()
    simulation.end("h")
    simulation.run()
    assert (simulation.finished.handled, simulation.finished.unhandled) == ((0,), (2,))


def test_a_run_and_its_finally_wait_for_started_branches() -> None:
    simulation = begin(solos("a t u f", "a (1|start) t", "t (1|) u", **{"finally": ["f"]}))
    simulation.end("a")
    simulation.fill()
    simulation.end("t")
    simulation.fill()
    assert set(simulation.running) == {"u"}
    simulation.end("u")
    simulation.fill()
    assert set(simulation.running) == {"f"}


def test_rule_23_the_next_listed_head_waits_for_what_the_last_one_started() -> None:
    simulation = begin(solos("a f s g", "f (1|start) s", **{"finally": ["f", "g"]}))
    simulation.end("a")
    simulation.fill()
    simulation.end("f")
    simulation.fill()
    assert set(simulation.running) == {"s"}
    simulation.end("s")
    simulation.fill()
    assert set(simulation.running) == {"g"}
    simulation.run().check_records()


def test_rule_15_a_branch_started_by_a_handler_is_exempt_too() -> None:
    simulation = begin(solos("x a h s", "a (1|error) h", "h (1|start) s"), ["x", "a"])
    simulation.end("x")
    simulation.end("a")
    simulation.run()
    assert simulation.started[2:] == ["h", "s"]


# --- frames ---------------------------------------------------------------------------------------


def test_a_loop_runs_its_scope_once_for_every_row_and_then_the_next_order() -> None:
    plan = loop("x y z", "r (1|iterate) x", "x (1|) y", "r (2|) z")
    simulation = run(plan, items={0: 3})
    assert simulation.started == ["r", "x#0", "y#0", "x#1", "y#1", "x#2", "y#2", "z"]
    assert simulation.frames() == dict.fromkeys(("0", "1", "2"), "completed/ok")
    assert [(a.state, a.done, a.total) for a in simulation.log if isinstance(a, FrameChanged)][:3] == [
        ("running", 0, 3),
        ("completed", 1, 3),
        ("running", 1, 3),
    ]
    assert simulation.finished.state == "completed"


def test_frames_run_side_by_side_up_to_their_number_and_begin_in_order() -> None:
    simulation = entered(loop("x", "r (1|iterate x3) x"), items={0: 5})
    assert set(simulation.running) == {"x#0", "x#1", "x#2"}
    simulation.end("x#1")
    simulation.fill()
    assert set(simulation.running) == {"x#0", "x#2", "x#3"}
    simulation.end("x#0", "x#2", "x#3")
    simulation.fill()
    assert set(simulation.running) == {"x#4"}


def test_rule_05_equal_numbers_are_served_by_frame_path() -> None:
    simulation = run(loop("x y", "r (1|iterate x2) x", "x (1|) y"), items={0: 2}, slots=1)
    assert simulation.started == ["r", "x#0", "x#1", "y#0", "y#1"]


def test_frames_of_loops_in_loops_have_paths() -> None:
    plan = loop("x:read y z", "r (1|iterate x2) x", "x (1|iterate) y", "y (1|) z")
    simulation = run(plan, items={0: 2, 1: 2}, slots=1)
    assert simulation.started == ["r", "x#0", "x#1", "y#0-0", "y#1-0", "z#0-0", "y#0-1", "z#0-1", "z#1-0", "y#1-1", "z#1-1"]
    assert set(simulation.frames()) == {"0", "1", "0-0", "0-1", "1-0", "1-1"}


def test_rule_07_gates_inside_frames_stand_for_themselves() -> None:
    plan = planned(["r:read", "x", "y", "z", gate("all")], (), ["r (1|iterate x2) x", "x (1|) y", "x (1|) z", "y (1|) g", "z (1|) g"])
    simulation = entered(plan, items={0: 2})
    simulation.end("x#0", "x#1")
    simulation.fill()
    simulation.end("y#0", "z#1")
    simulation.fill()
    assert "g#0" not in simulation.states()
    simulation.end("z#0")
    assert simulation.states()["g#0"] == "completed/ok"
    assert "g#1" not in simulation.states()
    simulation.run().check_records()


def test_rule_20_a_frame_ends_when_all_it_started_has_ended() -> None:
    simulation = entered(loop("x s", "r (1|iterate) x", "x (1|start) s"), items={0: 2})
    simulation.end("x#0")
    simulation.fill()
    assert set(simulation.running) == {"s#0"}, "frame 1 waits for the started branch of frame 0"
    simulation.end("s#0")
    simulation.fill()
    assert set(simulation.running) == {"x#1"}


def test_rule_21_over_no_rows_the_link_is_open_and_all_below_has_one_record() -> None:
    plan = loop("x y:read z after", "r (1|iterate) x", "x (1|) y", "y (1|iterate) z", "r (2|) after")
    simulation = run(plan, items={0: 0})
    assert simulation.valves()["r (1|iterate) x"] == "open ok"
    assert states(simulation, "x#-", "y#-", "z#-", "after") == ["cancelled/no_items"] * 3 + ["completed/ok"]
    assert simulation.frames() == {}
    assert simulation.finished.state == "completed"


def test_rule_21_a_closed_iterate_link_and_a_halted_one_say_so() -> None:
    plan = loop("b x", "r (1|iterate if 1 = 2) x")
    simulation = run(plan, verdicts={0: "false"})
    assert states(simulation, "x#-") == ["cancelled/valve_closed"]
    simulation = begin(loop("b x", "r (1|iterate) x"), ["b"])
    simulation.end("r")
    simulation.end("b")
    assert states(simulation, "x#-") == ["cancelled/halted"], "a halt does not wait for the rows to be counted"
    assert simulation.state.feed(ItemsCounted(0, 7)) == []
    assert simulation.run().frames() == {}


def test_rule_21_a_loop_inside_a_frame_is_recorded_under_that_frame() -> None:
    plan = loop("x:read y", "r (1|iterate) x", "x (1|iterate) y")
    simulation = run(plan, items={0: 2, 1: 0})
    assert states(simulation, "y#0--", "y#1--") == ["cancelled/no_items"] * 2


def test_rule_21_the_condition_of_a_loop_is_asked_once_and_outside() -> None:
    simulation = run(loop("x", "r (1|iterate if 1 = 1) x"), items={0: 4})
    assert [(a.valve, a.frame) for a in simulation.log if isinstance(a, Evaluate)] == [(0, "0")]
    assert simulation.started.count("x#3") == 1


def test_rule_13_a_table_that_cannot_be_frozen_is_a_valve_error() -> None:
    simulation = run(loop("x h", "r (1|iterate) x", "r (2|error) h"), items={0: -1})
    assert simulation.valves()["r (1|iterate) x"] == "closed error:valve"
    assert states(simulation, "r", "x#-", "h") == ["completed/ok", "cancelled/valve_closed", "completed/ok"]
    assert simulation.finished.handled == (0,)


# --- failures in frames ---------------------------------------------------------------------------


def test_rule_14_under_halt_a_failure_stops_its_loop_only() -> None:
    plan = loop("b x y c h", "r (1|iterate x2) x", "x (1|) y", "b (1|) c", "r (2|error) h")
    simulation = entered(plan, ["x#1"], items={0: 5})
    simulation.end("x#1")
    assert simulation.state.halted == "", "the failure may still be handled by the loop's source"
    simulation.end("x#0", "b")
    simulation.run().check_records()
    assert states(simulation, "x#0", "y#0", "y#1", "c", "h") == [
        "completed/ok", "cancelled/halted", "cancelled/valve_closed", "completed/ok", "completed/ok",
    ]  # fmt: skip
    assert simulation.frames() == {"0": "cancelled/halted", "1": "failed/error:Test", **dict.fromkeys(("2", "3", "4"), "cancelled/halted")}
    assert "x#2" not in simulation.states(), "a frame not begun has no module records"
    assert set(simulation.finished.handled) == {0, 2}
    assert simulation.finished.state == "completed"


def test_rule_14_under_continue_all_frames_run_and_the_source_counts_as_failed() -> None:
    plan = loop("x y ok bad any", "r (1|iterate) x", "x (1|) y", "r (2|) ok", "r (2|error) bad", "r (3|always) any", **CONTINUE)
    simulation = run(plan, ["x#1"], items={0: 3})
    assert states(simulation, "r", "y#0", "y#1", "y#2") == ["completed/ok", "completed/ok", "cancelled/valve_closed", "completed/ok"]
    assert states(simulation, "ok", "bad", "any") == ["cancelled/valve_closed", "completed/ok", "completed/ok"]
    assert simulation.frames() == {"0": "completed/ok", "1": "failed/error:Test", "2": "completed/ok"}
    assert simulation.finished.state == "completed"


def test_rule_14_with_no_error_link_left_the_failure_passes_outwards_at_once() -> None:
    simulation = entered(loop("b x c", "r (1|iterate x2) x", "b (1|) c"), ["x#0"], items={0: 9})
    simulation.end("x#0")
    assert simulation.state.halted == "halted"
    simulation.end("x#1")
    simulation.end("b")
    simulation.run().check_records()
    assert states(simulation, "c") == ["cancelled/halted"]
    assert (simulation.finished.state, simulation.finished.reason, simulation.finished.cause) == ("failed", "error:Test", ("x", "0"))
    assert set(simulation.finished.unhandled) == {0, 2}


def test_rule_14_an_inner_loops_failure_goes_to_the_inner_source_then_to_the_outer() -> None:
    control = ["r (1|iterate) x", "x (1|iterate) y", "r (2|error) h"]
    inner = loop("x:read y i h", *control, "x (2|error) i")
    simulation = run(inner, ["y#1-0"], items={0: 3, 1: 2})
    assert states(simulation, "i#1", "h") == ["completed/ok", "cancelled/valve_closed"]
    assert simulation.frames()["1"] == "completed/ok"
    assert simulation.frames()["1-1"] == "cancelled/halted"
    assert set(simulation.finished.handled) == {1, 2}
    outer = loop("x:read y h", *control)
    simulation = run(outer, ["y#1-0"], items={0: 3, 1: 2})
    assert simulation.frames() == {
        "0": "completed/ok", "0-0": "completed/ok", "0-1": "completed/ok",
        "1": "failed/error:Test", "1-0": "failed/error:Test", "1-1": "cancelled/halted", "2": "cancelled/halted",
    }  # fmt: skip
    assert states(simulation, "h") == ["completed/ok"]
    assert set(simulation.finished.handled) == {0, 1, 2}


def test_rule_14_a_failure_handled_in_its_frame_does_not_touch_the_loop() -> None:
    simulation = run(loop("x h z", "r (1|iterate) x", "x (1|error) h", "r (2|) z"), ["x#0"], items={0: 2})
    assert states(simulation, "h#0", "h#1", "z") == ["completed/ok", "cancelled/valve_closed", "completed/ok"]
    assert simulation.frames() == {"0": "completed/ok", "1": "completed/ok"}
    assert simulation.finished.handled == (1,)


def test_rule_15_handlers_in_frames_are_exempt_from_the_halt_of_their_loop() -> None:
    plan = loop("x h k y", "r (1|iterate x2) x", "x (1|error) h", "h (1|) k", "x (2|) y")
    simulation = entered(plan, ["x#0", "x#1", "h#1"], items={0: 3})
    simulation.end("x#0", "x#1")
    simulation.fill()
    simulation.end("h#1")
    simulation.end("h#0")
    simulation.run()
    assert states(simulation, "k#0", "h#1", "k#1") == ["completed/ok", "failed/error:Test", "cancelled/valve_closed"]
    assert simulation.frames()["2"] == "cancelled/halted"


def test_rule_15_an_exemption_ends_at_loops_further_inside() -> None:
    plan = loop("x a h:read y z", "a (1|error) h", "h (1|iterate x2) y", "y (1|) z", "x (1|) r")
    simulation = begin(plan, ["a", "x", "y#0"], items={1: 4})
    simulation.end("a")
    simulation.end("x")
    assert simulation.state.halted
    simulation.fill()
    simulation.end("h")
    simulation.answer()
    assert set(simulation.running) == {"y#0", "y#1"}, "the handler's loop runs though the run is halted"
    simulation.end("y#0")
    simulation.end("y#1")
    simulation.run().check_records()
    assert states(simulation, "z#1") == ["cancelled/halted"], "its own halt stops it"
    assert simulation.frames()["2"] == "cancelled/halted"


def test_rule_16_a_halt_of_the_run_lets_running_frames_finish_what_has_begun() -> None:
    plan = loop("b x y z", "r (1|iterate x2) x", "x (1|) y", "r (2|) z")
    simulation = entered(plan, ["b"], items={0: 4})
    simulation.end("x#0")
    simulation.fill()
    simulation.end("b")
    assert simulation.valves()["r (2|) z"] == "closed halted"
    assert set(simulation.running) == {"y#0", "x#1"}
    simulation.run().check_records()
    assert states(simulation, "y#0", "x#1", "y#1", "z") == ["completed/ok", "completed/ok", "cancelled/halted", "cancelled/halted"]
    assert simulation.frames() == {"0": "completed/ok", "1": "cancelled/halted", "2": "cancelled/halted", "3": "cancelled/halted"}


def test_rule_17_a_stop_interrupts_frames_and_opens_their_always_links() -> None:
    plan = loop("x y a f", "r (1|iterate) x", "x (1|) y", "x (1|always) a", **{"finally": ["f"]})
    simulation = entered(plan, items={0: 3})
    simulation.stop()
    assert simulation.cancelled == {"x#0": "stopped_by_user"}
    simulation.run().check_records()
    assert states(simulation, "x#0", "y#0", "a#0", "f") == ["cancelled/stopped_by_user"] * 2 + ["completed/ok"] * 2
    assert simulation.frames() == dict.fromkeys(("0", "1", "2"), "cancelled/stopped_by_user")
    assert simulation.finished.reason == "stopped_by_user"


def test_rule_24_the_runs_timeout_ends_frames_and_a_hard_stop_everything() -> None:
    plan = loop("x f", "r (1|iterate x2) x", settings={"timeout": 9}, **{"finally": ["f"]})
    simulation = entered(plan, items={0: 3})
    simulation.ring("run")
    simulation.run().check_records()
    assert states(simulation, "x#0", "x#1", "f") == ["cancelled/timeout", "cancelled/timeout", "completed/ok"]
    simulation = entered(plan, items={0: 3})
    simulation.stop("hard")
    simulation.run().check_records()
    assert states(simulation, "x#0", "x#1", "f") == ["cancelled/stopped_by_user"] * 3


def test_rule_10_a_handler_whose_loop_fails_and_handles_that_has_completed() -> None:
    plan = planned("a h:read x i", (), ["a (1|error) h", "h (1|iterate) x", "h (2|error) i"])
    simulation = run(plan, ["a", "x#0"], items={1: 3})
    assert simulation.frames()["2"] == "cancelled/halted"
    assert set(simulation.finished.handled) == {0, 1, 2}
    assert simulation.finished.state == "completed"


def test_retries_in_frames_are_counted_for_each_frame() -> None:
    plan = planned(["r:read", {"id": "x", "name": "do", "retries": 1}], (), ["r (1|iterate x2) x"])
    tried: dict[str, int] = {}

    def outcome(task: str, attempt: int) -> str:
        tried[task] = max(attempt, tried.get(task, 0))
        return "error:Test" if task == "x#1" and attempt == 1 else "ok"

    simulation = Simulation(plan, outcome, items={0: 3}).run()
    simulation.check_records()
    assert tried == {"r": 1, "x#0": 1, "x#1": 2, "x#2": 1}


# --- globals --------------------------------------------------------------------------------------


def test_a_frame_sees_its_own_globals_first_then_outwards_and_later_the_last_frames() -> None:
    plan = loop("x y z", "r (1|iterate x2) x", "x (1|if {{x__result}} = {{r__row_count}}) y", "r (2|if {{X__Result}} = 1) z")
    state = RunState(plan)
    state.start()
    state.take()
    state.feed(TaskEnded("r", "completed", globals={"r__row_count": 2}))
    said = state.feed(ItemsCounted(0, 2))
    for frame, value in (("1", "late"), ("0", "early")):
        while state.peek():
            state.take()
        said = state.feed(TaskEnded("x", "completed", frame=frame, globals={"x__result": value}))
        assert [dict(a.values) for a in said if isinstance(a, Evaluate)] == [{"x__result": value, "r__row_count": 2}]
        said = state.feed(Evaluated(1, False, frame=frame))
    assert [dict(a.values) for a in said if isinstance(a, Evaluate)] == [{"X__Result": "late"}], "frame 1 is the last, though it ended first"


# --- size -----------------------------------------------------------------------------------------


def _rush(frames: int, parallel: int = 4) -> float:
    """Run a loop of ``frames`` frames with two sub flows each, forgetting what is said; processor seconds."""
    state = RunState(loop("x y", f"r (1|iterate x{parallel}) x", "x (1|) y"))
    state.start()
    state.take()
    state.feed(TaskEnded("r", "completed"))
    began = time.process_time()
    state.feed(ItemsCounted(0, frames))
    while not state.finished:
        start = state.take()[-1]
        assert isinstance(start, StartTask)
        state.feed(TaskEnded(start.task, "completed", frame=start.frame))
    return time.process_time() - began


def test_frames_are_forgotten_when_they_have_ended() -> None:
    _rush(50)
    gc.collect()
    peaks = []
    for frames in (300, 3_000):
        tracemalloc.start()
        _rush(frames)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5 + 20_000


def test_a_loop_needs_no_stack_and_stays_linear() -> None:
    short, long = min(_rush(1_000) for _ in range(3)), _rush(10_000)
    assert long < short * 10 * 3, "ten times the frames, with room for a busy machine"


def test_frames_without_work_do_not_pile_up() -> None:
    plan = planned(["r:read", {"id": "x", "name": "do", "enabled": False}], (), ["r (1|iterate) x"])
    simulation = run(plan, items={0: 2_000})
    assert simulation.frames()["1999"] == "completed/ok"
    assert states(simulation, "x#1999") == ["cancelled/disabled"]


@pytest.mark.parametrize("slots", [1, 3])
def test_the_log_of_a_loop_has_one_record_of_everything(slots: int) -> None:
    plan = loop("x:read y z after", "r (1|iterate x2) x", "x (1|iterate x2) y", "y (1|error) z", "r (2|always) after", **CONTINUE)
    simulation = run(plan, ["y#0-1", "z#0-1"], items={0: 3, 1: 2}, slots=slots)
    ends = [a for a in simulation.log if isinstance(a, (ModuleChanged, SubFlowChanged)) and a.state != "running"]
    assert len(ends) == 2 * (1 + 3 + 6 + 6 + 1)
    assert simulation.finished.state == "failed"
