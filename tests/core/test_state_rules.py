"""The rules of control flow, one by one: each named after its number in the rules' own list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pypeline.core.actions import CancelTask, Evaluate, Evaluated, RetryDue, ScheduleRetry, StopRequested, SubFlowChanged, TaskEnded, ValveChanged
from pypeline.core.check import check
from pypeline.core.plan import Plan
from tests.core.making import CATALOGUE, flow, planned
from tests.core.simulation import Simulation


def solos(words: str, *control: str, **more: Any) -> Plan:
    return planned(words, (), control, **more)


def failing(*tasks: str) -> Callable[[str, int], str]:
    return lambda task, attempt: "error:Test" if task in tasks else "ok"


def run(plan: Plan, fails: Sequence[str] = (), **more: Any) -> Simulation:
    simulation = Simulation(plan, failing(*fails), **more).run()
    simulation.check_records()
    return simulation


def begin(plan: Plan, fails: Sequence[str] = (), **more: Any) -> Simulation:
    simulation = Simulation(plan, failing(*fails), **more)
    simulation.fill()
    return simulation


def gate(mode: Any, id: str = "g", **more: Any) -> dict[str, Any]:
    return {"id": id, "name": "sync_gate", "configs": {"optional": {"mode": mode}}, **more}


CONTINUE = {"settings": {"fail_strategy": "continue"}}


# --- links and orders -----------------------------------------------------------------------------


def test_rule_01_all_links_of_an_order_resolve_together_when_it_begins() -> None:
    plan = solos("a b c d", "a (1|) b", "a (2|if {{b__result}} = 7) c", "a (2|error) d")
    simulation = begin(plan)
    simulation.end("a")
    assert simulation.valves() == {"a (1|) b": "open ok"}
    simulation.fill()
    simulation.hear(simulation.state.feed(TaskEnded("b", "completed", globals={"b__result": 7})))
    del simulation.running["b"]
    asked = [action for action in simulation.log if isinstance(action, Evaluate)]
    assert [(ask.expression, dict(ask.values)) for ask in asked] == [("{{b__result}} = 7", {"b__result": 7})], "conditions see globals of earlier orders"
    assert "a (2|error) d" not in simulation.valves(), "a mismatch resolves with its order, not before"
    simulation.run()
    assert simulation.valves() == {"a (1|) b": "open ok", "a (2|if {{b__result}} = 7) c": "open ok", "a (2|error) d": "closed valve_closed"}


def test_rule_01_all_valves_of_an_order_are_evaluated_before_any_target_starts() -> None:
    simulation = begin(solos("a b c d", "a (1|) b", "a (1|if 1 = 1) c", "a (1|if 2 = 2) d"))
    simulation.end("a")
    simulation.hear(simulation.state.feed(simulation.due.pop(0)))
    simulation.fill()
    assert not simulation.running
    simulation.hear(simulation.state.feed(simulation.due.pop(0)))
    simulation.fill()
    assert set(simulation.running) == {"b", "c", "d"}


def test_rule_01_links_of_a_cancelled_sub_flow_resolve_at_once() -> None:
    simulation = begin(solos("a b c d", "a (1|error) b", "b (1|) c", "b (2|) d"))
    simulation.end("a")
    assert simulation.states() == {"a": "completed/ok", "b": "cancelled/valve_closed", "c": "cancelled/valve_closed", "d": "cancelled/valve_closed"}


def test_rule_02_an_order_waits_for_what_a_closing_link_set_off() -> None:
    plan = planned(["a", "r", "b", gate("ended"), "z"], (), ["r (1|) g", "a (1|error) b", "b (1|) g", "a (2|) z"])
    simulation = begin(plan)
    simulation.end("r")
    assert "g" not in simulation.states()
    simulation.end("a")
    assert simulation.state_of("g") == "completed/ok", "closing `b (1|) g` opens the gate"
    plan = planned(["a", "r", "b", gate("ended"), "h", "z"], (), ["r (1|) g", "a (1|error) b", "b (1|) g", "g (1|) h", "a (2|) z"])
    simulation = begin(plan)
    simulation.end("r")
    simulation.end("a")
    simulation.fill()
    assert set(simulation.running) == {"h"}, "what the gate starts belongs to order 1 of a"
    simulation.end("h")
    simulation.fill()
    assert set(simulation.running) == {"z"}


def test_rule_03_a_link_to_a_running_subtree_joins_and_waits_for_all_of_it() -> None:
    simulation = begin(solos("a b t u z", "a (1|) t", "b (1|) t", "t (1|) u", "b (2|) z"))
    simulation.end("a")
    simulation.fill()
    simulation.end("t")
    simulation.fill()
    simulation.end("b")
    assert simulation.valves()["b (1|) t"] == "open joined"
    simulation.fill()
    assert set(simulation.running) == {"u"}, "t has ended, and what it started has not"
    simulation.end("u")
    simulation.fill()
    assert set(simulation.running) == {"z"}


def test_rule_03_a_link_to_an_ended_subtree_is_recorded_and_waits_for_nothing() -> None:
    simulation = begin(solos("a b t z", "a (1|) t", "b (1|) t", "b (2|) z"))
    simulation.end("a")
    simulation.fill()
    simulation.end("t")
    simulation.end("b")
    assert simulation.valves()["b (1|) t"] == "open already_ran"
    simulation.fill()
    assert set(simulation.running) == {"z"}
    assert simulation.started.count("t") == 1


def test_rule_04_links_inside_one_sub_flow_are_dropped_before_last_is_computed() -> None:
    plan = planned("a:read b:write c d e", ["a.data - b.input"], ["a (9|) b", "a (2|) c", "b (Last|) d", "a (Last|always) e"])
    assert [(valve.text, valve.order) for valve in plan.valves] == [("a (2|) c", 2), ("b (Last|) d", 3), ("a (Last|always) e", 3)]
    assert [valve.order for valve in solos("a b", "a (Last|) b").valves] == [1]


def test_rule_05_ready_work_is_served_by_preorder_number() -> None:
    simulation = run(solos("a c b", "a (1|) b"), slots=1)
    assert simulation.started == ["a", "b", "c"]
    simulation = run(solos("a x y z b", "a (2|) x", "a (1|) y", "y (1|) z"), slots=1)
    assert simulation.started == ["a", "y", "z", "x", "b"]


def test_rule_05_a_waiting_retry_queues_with_the_same_number() -> None:
    plan = planned([{"id": "a", "name": "do", "retries": 1}, "b", "c"], (), [])
    simulation = Simulation(plan, lambda task, attempt: "error:Test" if (task, attempt) == ("a", 1) else "ok", slots=1)
    simulation.fill()
    simulation.end("a")
    simulation.fill()
    simulation.hear(simulation.state.feed(simulation.due.pop()))
    simulation.end("b")
    simulation.fill()
    simulation.end("a")
    simulation.fill()
    assert simulation.started == ["a", "b", "a", "c"]


def test_rule_06_ends_come_first_in_preorder_then_halts_and_only_then_starts() -> None:
    simulation = begin(solos("a b c", "b (1|) c"), ["a"])
    simulation.end("b", "a")
    ended = [(a.sub_flow, a.state) for a in simulation.log if isinstance(a, SubFlowChanged) and a.state in ("completed", "failed")]
    assert ended == [(0, "failed"), (1, "completed")]
    assert simulation.state.peek() is None
    assert simulation.state_of("c") == "cancelled/halted"


def test_rule_06_of_two_ends_the_one_whose_consequences_come_last_opens_a_gate() -> None:
    plan = planned(["s", "a", gate("all"), "slow", "b", "after"], (), ["s (1|) a", "s (2|) g", "g (1|) slow", "b (1|) g", "b (2|) after"])
    simulation = begin(plan)
    simulation.end("s")
    simulation.fill()
    simulation.end("b", "a")
    simulation.fill()
    # the end of `a` leads to the gate by way of `s`, and still all of it comes before the end of `b`
    assert set(simulation.running) == {"slow"}, "the gate, and what is below it, belongs to the order of `b`"
    simulation.end("slow")
    simulation.fill()
    assert set(simulation.running) == {"after"}


def test_rule_06_work_that_ends_at_the_instant_of_an_interrupt_has_ended() -> None:
    simulation = begin(solos("a b", settings={"on_halt": "interrupt"}), ["a"])
    simulation.end("a", "b")
    assert simulation.state_of("b") == "completed/ok"
    assert not simulation.cancelled


# --- gates ----------------------------------------------------------------------------------------


def test_rule_07_links_into_one_module_are_one_input() -> None:
    simulation = run(solos("a b t", "a (1|) t", "b (1|error) t"))
    assert simulation.state_of("t") == "completed/ok"


def test_rule_07_links_into_different_modules_are_an_implicit_gate() -> None:
    modules, data = "a b x:read y:read j:join w:write", ["x.data - j.left", "y.data - j.right", "j.output - w.input"]
    plan = planned(modules, data, ["a (1|) x", "b (1|) y"])
    assert [sub.inputs for sub in plan.sub_flows if sub.title == "x"] == [((0,), (1,))]
    simulation = begin(plan)
    simulation.end("a")
    simulation.fill()
    assert set(simulation.running) == {"b"}
    simulation.end("b")
    simulation.fill()
    assert set(simulation.running) == {"x"}, "one segment of all four"
    assert run(planned(modules, data, ["a (1|) x", "b (1|error) y"])).state_of("x") == "cancelled/gate_unmet"


def test_rule_07_sources_one_above_the_other_are_one_input() -> None:
    modules, data = "a b x:read y:read j:join w:write", ["x.data - j.left", "y.data - j.right", "j.output - w.input"]
    plan = planned(modules, data, ["a (1|) b", "a (2|error) x", "b (1|) y"])
    assert [sub.inputs for sub in plan.sub_flows if sub.title == "x"] == [((1, 2),)]
    assert run(plan).state_of("x") == "completed/ok"


@pytest.mark.parametrize(
    ("mode", "fails", "state"),
    [
        ("all", [], "completed/ok"),
        ("all", ["a"], "cancelled/gate_unmet"),
        ("all", ["a", "b", "c"], "cancelled/valve_closed"),
        ("any", ["a", "b"], "completed/ok"),
        ("any", ["a", "b", "c"], "cancelled/valve_closed"),
        ("ended", ["a", "c"], "completed/ok"),
        ("ended", ["a", "b", "c"], "cancelled/valve_closed"),
        (2, ["b"], "completed/ok"),
        (2, ["a", "b"], "cancelled/gate_unmet"),
    ],
)
def test_rule_08_gates_open_or_say_why_not(mode: Any, fails: list[str], state: str) -> None:
    plan = planned(["a", "b", "c", gate(mode)], (), ["a (1|) g", "b (1|) g", "c (1|) g"], **CONTINUE)
    for seed in range(4):
        assert run(plan, fails, seed=seed).state_of("g") == state


def test_rule_08_any_opens_at_the_first_link_and_ended_only_at_the_last() -> None:
    for mode, opened in (("any", True), ("ended", False)):
        simulation = begin(planned(["a", "b", gate(mode)], (), ["a (1|) g", "b (1|) g"]))
        simulation.end("a")
        assert ("g" in simulation.states()) is opened


def test_rule_08_an_open_link_to_a_cancelled_target_is_too_late_and_handles_nothing() -> None:
    plan = planned(["a", "b", "c", gate("all")], (), ["a (1|error) g", "b (1|) g", "c (1|) g"], **CONTINUE)
    simulation = begin(plan, ["a", "b"])
    simulation.end("c")
    simulation.end("b")
    assert simulation.state_of("g") == "cancelled/gate_unmet"
    simulation.end("a")
    assert simulation.valves()["a (1|error) g"] == "open too_late"
    assert simulation.run().finished.unhandled == (1, 0)


# --- failures -------------------------------------------------------------------------------------


def test_rule_09_a_pending_failure_halts_nothing() -> None:
    simulation = begin(solos("a h b c", "a (1|error) h", "b (1|) c"), ["a"])
    simulation.end("a")
    simulation.end("b")
    simulation.fill()
    assert set(simulation.running) == {"h", "c"}
    assert simulation.state.halted == ""
    assert simulation.run().finished.handled == (0,)
    assert simulation.finished.state == "completed"


def test_rule_09_the_halt_begins_when_the_failure_is_known_to_be_unhandled() -> None:
    simulation = begin(solos("a h b c", "a (1|error) h", "b (1|) c"), ["a", "h"])
    simulation.end("a")
    simulation.fill()
    simulation.end("h")
    assert simulation.state.halted == "halted"
    simulation.run()
    assert simulation.state_of("c") == "cancelled/halted"
    assert simulation.finished.unhandled == (1, 0), "a failing handler leaves both unhandled"


def test_rule_09_without_an_error_link_it_is_known_at_once() -> None:
    modules = "a:read p:python q:python w:write v:write z"
    data = ["a.data - p.input", "a.data - q.input", "p.output - w.input", "q.output - v.input"]
    plan = planned(modules, data, ())
    simulation = begin(plan, ["p"], slots=3)
    simulation.end("a")
    simulation.fill()
    simulation.end("p")
    assert simulation.state.halted == "halted"
    assert simulation.state.sub_flow(0)[0] == "running", "its other branch runs to the end"
    simulation.run()
    assert simulation.state_of("v") == "completed/ok"
    assert simulation.state_of("w") == "cancelled/upstream_failed"
    assert simulation.state.sub_flow(0) == ("failed", "error:Test")


def test_rule_10_all_opened_error_links_must_complete_and_always_links_count_for_nothing() -> None:
    plan = solos("a h i j", "a (1|error) h", "a (1|error) i", "a (1|always) j", **CONTINUE)
    assert run(plan, ["a"]).finished.handled == (0,)
    assert run(plan, ["a", "i"]).finished.unhandled == (2, 0)
    simulation = run(plan, ["a", "j"])
    assert (simulation.finished.handled, simulation.finished.unhandled) == ((0,), (3,))
    assert run(solos("a j", "a (1|always) j"), ["a"]).finished.unhandled == (0,)


def test_rule_11_below_a_handler_counts_whoever_started_it() -> None:
    plan = solos("a h b x", "a (1|error) h", "h (1|) x", "b (1|) x", **CONTINUE)
    simulation = begin(plan, ["a", "x"])
    simulation.end("b")
    simulation.fill()
    simulation.end("x")
    simulation.end("a")
    simulation.run()
    assert simulation.valves()["h (1|) x"] == "open already_ran"
    assert set(simulation.finished.unhandled) == {0, 3}


def test_rule_11_an_error_link_into_a_gate_waits_for_the_gate() -> None:
    plan = planned(["a", "b", gate("all"), "z"], (), ["a (1|error) g", "b (1|) g", "a (2|error) z"])
    simulation = begin(plan, ["a"])
    simulation.end("a")
    simulation.fill()
    assert set(simulation.running) == {"b", "z"}, "order 2 does not wait for a gate that another link opens"
    simulation.end("z")
    assert simulation.state.halted == ""
    simulation.end("b")
    assert simulation.run().finished.handled == (0,)


def test_rule_12_closed_branches_do_not_count_and_handled_failures_complete() -> None:
    plan = solos("a h n k", "a (1|error) h", "h (1|error) k", "h (1|) n")
    assert run(plan, ["a", "h"]).finished.handled == (1, 0), "h failed, and k handled that"
    assert run(plan, ["a"]).finished.handled == (0,), "the closed branch k does not count"


def test_rule_12_a_branch_that_was_halted_does_count() -> None:
    plan = solos("a h x b", "a (1|error) h", "h (1|) x")
    simulation = begin(plan, ["a"])
    simulation.end("a")
    simulation.fill()
    simulation.stop()
    simulation.run()
    assert simulation.state_of("h") == "completed/ok", "handlers are exempt from a polite stop"
    assert simulation.finished.handled == (0,)
    simulation = begin(plan, ["a"])
    simulation.end("a")
    simulation.fill()
    simulation.stop("hard")
    simulation.run()
    assert simulation.state_of("h") == "cancelled/stopped_by_user"
    assert simulation.finished.unhandled == (0,)


def test_rule_13_a_valve_error_is_a_late_failure() -> None:
    plan = solos("a b c d", "a (1|if nope) b", "a (2|) c", "a (2|error) d")
    simulation = run(plan, verdicts={0: "error"})
    assert simulation.state_of("a") == "completed/ok"
    assert simulation.valves() == {"a (1|if nope) b": "closed error:valve", "a (2|) c": "closed valve_closed", "a (2|error) d": "open ok"}
    assert simulation.finished.handled == (0,)
    unhandled = run(solos("a b", "a (1|if nope) b"), verdicts={0: "error"})
    assert (unhandled.finished.state, unhandled.finished.reason, unhandled.finished.unhandled) == ("failed", "error:valve", (0,))


def test_rule_13_on_a_failed_source_the_link_just_closes_and_null_closes() -> None:
    plan = solos("a b h", "a (1|error if nope) b", "a (2|error) h")
    simulation = run(plan, ["a"], verdicts={0: "error"})
    assert simulation.valves()["a (1|error if nope) b"] == "closed error:valve"
    assert simulation.finished.handled == (0,)
    simulation = run(solos("a b", "a (1|if null) b"), verdicts={0: "null"})
    assert simulation.finished.state == "completed"
    assert simulation.state_of("b") == "cancelled/valve_closed"


# --- halt, cancel, retry --------------------------------------------------------------------------


def test_rule_15_handlers_are_exempt_with_all_below_them_in_order() -> None:
    plan = solos("x a h k l b", "a (1|error) h", "h (1|) k", "h (2|) l", "x (1|) b")
    simulation = begin(plan, ["x", "a"])
    simulation.end("x")
    assert simulation.state.halted
    simulation.end("a")
    simulation.run()
    assert simulation.started[2:] == ["h", "k", "l"], "a failed after the halt began"
    assert simulation.state_of("b") == "cancelled/valve_closed"


def test_rule_16_remaining_links_close_as_halted() -> None:
    plan = solos("x a b c", "a (1|) b", "a (2|) c")
    simulation = begin(plan, ["x"])
    simulation.end("a")
    simulation.fill()
    simulation.end("x")
    assert simulation.valves() == {"a (1|) b": "open ok", "a (2|) c": "closed halted"}
    simulation.run()
    assert simulation.states() == {"x": "failed/error:Test", "a": "completed/ok", "b": "completed/ok", "c": "cancelled/halted"}


def test_rule_16_a_gate_is_exempt_if_one_of_its_open_links_is() -> None:
    plan = planned(["x", "a", "b", gate("any")], (), ["a (1|error) g", "b (1|) g"])
    simulation = begin(plan, ["x", "a"])
    simulation.end("x")
    simulation.end("b")
    simulation.end("a")
    simulation.run()
    assert simulation.valves()["b (1|) g"] == "closed halted"
    assert simulation.state_of("g") == "completed/ok"
    plan = planned(["x", "a", "b", gate("ended")], (), ["a (1|) g", "b (1|) g"])
    simulation = begin(plan, ["x"])
    simulation.end("a")
    simulation.end("x")
    simulation.end("b")
    assert simulation.run().state_of("g") == "cancelled/halted", "a halt opens no gate"


def test_rule_17_what_was_cancelled_after_it_began_opens_its_always_links_only() -> None:
    plan = solos("x a b c d", "a (1|) b", "a (1|error) c", "a (1|always) d", settings={"on_halt": "interrupt"})
    simulation = begin(plan, ["x"])
    simulation.end("x")
    assert simulation.cancelled == {"a": "halted"}
    simulation.run()
    assert simulation.states() == {
        "x": "failed/error:Test",
        "a": "cancelled/halted",
        "b": "cancelled/halted",
        "c": "cancelled/halted",
        "d": "completed/ok",
    }
    simulation = begin(plan, ["x"], slots=1)
    simulation.end("x")
    simulation.run()
    assert simulation.state_of("d") == "cancelled/halted", "one that never began opens none"


def test_rule_18_finish_lets_a_sub_flow_end_but_begins_no_further_try() -> None:
    plan = planned(["x", {"id": "a", "name": "do", "retries": 3}, "h"], (), ["a (1|error) h"])
    simulation = begin(plan, ["x", "a"])
    simulation.end("a")
    assert any(isinstance(action, ScheduleRetry) for action in simulation.log)
    simulation.end("x")
    simulation.run()
    assert simulation.started == ["x", "a", "h"]
    assert simulation.state_of("a") == "failed/error:Test"
    assert simulation.finished.handled == (1,)


@pytest.mark.parametrize("how", ["interrupt", "stop"])
def test_rule_17_an_interrupt_cancels_also_what_waits_for_another_try(how: str) -> None:
    plan = planned(["x", {"id": "a", "name": "do", "retries": 3}, "h", "z"], (), ["a (1|error) h", "a (2|always) z"], settings={"on_halt": "interrupt"})
    simulation = begin(plan, ["x", "a"])
    simulation.end("a")
    if how == "stop":
        simulation.stop()
    simulation.end("x")
    simulation.run().check_records()
    assert simulation.states()["a"] == ("cancelled/stopped_by_user" if how == "stop" else "cancelled/halted")
    assert simulation.state_of("z") == "completed/ok"
    assert simulation.state_of("h").startswith("cancelled/")


def test_rule_17_its_other_links_close_at_once_and_its_always_links_keep_their_orders() -> None:
    simulation = begin(solos("a b c d e", "a (1|always if 1 = 1) b", "a (1|) c", "a (2|error) d", "a (3|always) e"))
    simulation.stop()
    simulation.end("a")
    assert simulation.valves() == {"a (1|) c": "closed stopped_by_user", "a (2|error) d": "closed stopped_by_user"}
    simulation.answer()
    assert set(simulation.running) == {"b"}
    simulation.run().check_records()
    assert simulation.started == ["a", "b", "e"]


def test_rule_18_below_a_handler_tries_go_on() -> None:
    plan = planned(["x", "a", {"id": "h", "name": "do", "retries": 1}], (), ["a (1|error) h"])
    simulation = Simulation(plan, lambda task, attempt: "ok" if (task, attempt) == ("h", 2) else "error:Test")
    simulation.fill()
    simulation.end("a")
    simulation.end("x")
    simulation.run()
    assert simulation.started.count("h") == 2
    assert simulation.finished.handled == (1,)


def test_rule_19_disabled_acts_when_the_sub_flow_would_start() -> None:
    plan = planned(["a", {"id": "b", "name": "do", "enabled": False}, "c", "d"], (), ["a (1|) b", "b (1|) c", "b (2|always) d"])
    simulation = run(plan)
    assert simulation.state_of("b") == "cancelled/disabled"
    assert simulation.valves()["b (2|always) d"] == "closed valve_closed"
    assert run(plan, ["a"]).state_of("b") == "cancelled/valve_closed", "not reached"


def test_rule_19_some_heads_disabled_the_rest_runs_and_only_their_links_close() -> None:
    modules = ["a:read", {"id": "b", "name": "read", "enabled": False}, "s:stack", "p:python", "v:write", "w:write", "x", "y"]
    data = ["a.data - s.input", "b.data - s.input", "s.output - w.input", "b.data - p.input", "p.output - v.input"]
    simulation = run(planned(modules, data, ["b (1|always) x", "w (1|) y", "v (1|always) x"]))
    assert simulation.states() == {
        "a": "completed/ok", "b": "cancelled/disabled", "s": "completed/ok", "w": "completed/ok", "p": "cancelled/disabled",
        "v": "cancelled/disabled", "x": "cancelled/valve_closed", "y": "completed/ok",
    }  # fmt: skip
    assert simulation.valves() == {"b (1|always) x": "closed disabled", "v (1|always) x": "closed disabled", "w (1|) y": "open ok"}


# --- on_error and finally -------------------------------------------------------------------------


def test_rule_22_listed_sub_flows_are_no_roots() -> None:
    simulation = begin(solos("a e f", on_error=["e"], **{"finally": ["f"]}))
    assert set(simulation.running) == {"a"}


def test_rule_23_on_error_then_finally_one_head_after_another_when_all_else_has_ended() -> None:
    plan = solos("a b e e2 f g", "e (1|) e2", on_error=["e"], **{"finally": ["f", "g"]}, **CONTINUE)
    assert run(plan, ["a"]).started == ["a", "b", "e", "e2", "f", "g"]
    simulation = run(plan)
    assert simulation.started == ["a", "b", "f", "g"]
    assert simulation.state_of("e") == simulation.state_of("e2") == "cancelled/not_needed"


def test_rule_23_a_failure_there_fails_the_run_and_stops_neither_list() -> None:
    plan = solos("a e f g", on_error=["e"], **{"finally": ["f", "g"]})
    simulation = run(plan, ["a", "e", "f"])
    assert simulation.started == ["a", "e", "f", "g"]
    simulation = run(plan, ["f"])
    assert simulation.started == ["a", "f", "g"]
    assert (simulation.finished.state, simulation.finished.unhandled) == ("failed", (2,))


def test_rule_23_handled_failures_need_no_on_error_and_a_polite_stop_does() -> None:
    plan = solos("a h e f", "a (1|error) h", on_error=["e"], **{"finally": ["f"]})
    assert run(plan, ["a"]).started == ["a", "h", "f"]
    simulation = begin(plan)
    simulation.stop()
    simulation.run()
    assert simulation.started == ["a", "e", "f"]
    assert (simulation.finished.state, simulation.finished.reason) == ("cancelled", "stopped_by_user")


def test_rule_23_a_second_stop_skips_them() -> None:
    simulation = begin(solos("a f g", **{"finally": ["f", "g"]}))
    simulation.stop()
    simulation.end("a")
    simulation.fill()
    assert set(simulation.running) == {"f"}
    simulation.stop("hard")
    simulation.run()
    assert simulation.states() == {"a": "cancelled/stopped_by_user", "f": "cancelled/stopped_by_user", "g": "cancelled/stopped_by_user"}


def test_rule_24_the_clock_of_finally_starts_when_all_else_has_ended() -> None:
    plan = solos("a f g", settings={"finally_timeout": 5}, **{"finally": ["f", "g"]})
    simulation = begin(plan)
    assert simulation.timers == {}
    simulation.end("a")
    assert simulation.timers == {"hooks": 5}
    simulation.fill()
    simulation.ring("hooks")
    simulation.run()
    assert simulation.states() == {"a": "completed/ok", "f": "cancelled/timeout", "g": "cancelled/timeout"}
    assert (simulation.finished.state, simulation.finished.reason) == ("failed", "timeout")


def test_rule_24_the_runs_own_timeout_is_a_polite_stop_so_finally_is_reached() -> None:
    simulation = begin(solos("a b f", "a (1|) b", settings={"timeout": 30}, **{"finally": ["f"]}))
    assert simulation.timers == {"run": 30}
    simulation.ring("run")
    simulation.run()
    assert simulation.states() == {"a": "cancelled/timeout", "b": "cancelled/timeout", "f": "completed/ok"}
    assert (simulation.finished.state, simulation.finished.reason) == ("failed", "timeout")
    quick = begin(solos("a", settings={"timeout": 30}))
    quick.end("a")
    quick.hear(quick.state.feed())
    assert quick.finished.state == "completed"


# --- build checks ---------------------------------------------------------------------------------


def test_rule_22_and_25_what_cannot_be_meant_is_an_error_before_anything_runs() -> None:
    def codes(words: Any, *control: str, **more: Any) -> list[str]:
        return [problem.code for problem in check(flow(words, (), control, **more), CATALOGUE) if problem.severity == "error"]

    assert codes("r:read q:read x y z", "r (1|iterate) x", "x (1|) z", "q (1|iterate) y", "y (1|) z").count("PYE265") == 1
    assert codes("r:read x", "r (1|iterate) x", "r (2|iterate) x")[0:1] == ["PYE216"]
    assert codes(["a", gate(3)], "a (1|) g") == ["PYE264"]
    assert codes("a x", "a (1|iterate) x") == ["PYE266"]
    assert codes("a b", "a (1|) b", "a (2|) b") == ["PYE216"]
    assert codes("a e", on_error=["e"], **{"finally": ["e"]}) == ["PYE261"]
    assert codes("a e", "a (1|) e", on_error=["e"]) == ["PYE262"]
    assert codes("a e x", "a (1|) x", "e (1|) x", on_error=["e"]) == ["PYE263"]


def test_every_rule_has_a_test_of_its_number() -> None:
    from tests.core import test_state_loops

    names = " ".join([*globals(), *vars(test_state_loops)])
    assert [number for number in range(1, 26) if f"test_rule_{number:02}" not in names and f"and_{number:02}_" not in names] == []


# --- states ---------------------------------------------------------------------------------------


def test_every_end_has_a_state_and_a_reason_and_is_told_once() -> None:
    modules = [
        "a",
        "b",
        "c",
        {"id": "d", "name": "do", "retries": 1},
        {"id": "off", "name": "do", "enabled": False},
        gate("all"),
        "x:read",
        "y:python",
        "z:write",
    ]
    data, control = ["x.data - y.input", "y.output - z.input"], ["a (1|) b", "a (1|error) c", "b (1|) g", "c (1|) g"]
    simulation = run(planned(modules, data, control, on_error=["off"], **CONTINUE), ["d", "y"])
    assert simulation.states() == {
        "a": "completed/ok", "b": "completed/ok", "c": "cancelled/valve_closed", "g": "cancelled/gate_unmet", "d": "failed/retries_exhausted:Test",
        "x": "completed/ok", "y": "failed/error:Test", "z": "cancelled/upstream_failed", "off": "cancelled/disabled",
    }  # fmt: skip
    assert run(planned(modules, data, control, on_error=["off"], **CONTINUE)).state_of("off") == "cancelled/not_needed"
    simulation = begin(solos("a b", "a (1|) b"))
    simulation.end("a", reason="lost")
    assert simulation.run().states() == {"a": "failed/lost", "b": "cancelled/valve_closed"}
    simulation = begin(solos("a b", "a (1|) b"))
    assert simulation.state.sub_flow(0) == ("running", "")
    assert simulation.state.sub_flow(1) == ("pending", "")


def test_roots_and_equal_orders_run_side_by_side_as_far_as_there_are_slots() -> None:
    plan = solos("a b c d e f", "a (1|) c", "a (1|) d", "b (2|) e", "a (Last|) f")
    simulation = begin(plan)
    assert set(simulation.running) == {"a", "b"}
    simulation.end("a")
    simulation.fill()
    assert set(simulation.running) == {"b", "c", "d"}
    assert run(plan, slots=1).started == ["a", "c", "d", "f", "b", "e"]


# --- late and odd events --------------------------------------------------------------------------


def test_late_results_and_answers_are_ignored() -> None:
    plan = solos("a b c", "a (1|if 1 = 1) b")
    simulation = begin(plan, ["c"])
    simulation.end("a")
    simulation.end("c")
    assert simulation.valves() == {"a (1|if 1 = 1) b": "closed halted"}, "a halt does not wait for a condition"
    assert simulation.state.feed(Evaluated(0, True)) == []
    assert simulation.state.feed(TaskEnded("a", "failed", "error:Late"), RetryDue("a")) == []
    assert simulation.state_of("b") == "cancelled/halted"
    assert simulation.state.feed(StopRequested()) == []


def test_an_interrupted_task_that_completes_after_all_has_completed() -> None:
    simulation = begin(solos("x a", settings={"on_halt": "interrupt"}), ["x"])
    simulation.end("x")
    assert [action for action in simulation.log if isinstance(action, CancelTask)] == [CancelTask("a", "0", "halted")]
    simulation.hear(simulation.state.feed(TaskEnded("a", "completed")))
    assert simulation.state_of("a") == "completed/ok"


def test_modules_of_a_failed_segment_keep_their_own_records() -> None:
    simulation = begin(planned("a:read b:pass c:write", ["a.data - b.input", "b.output - c.input"]))
    simulation.hear(simulation.state.feed(TaskEnded("a", "failed", "error:Cast", modules={"a": ("completed", "ok"), "c": ("cancelled", "upstream_failed")})))
    assert simulation.states() == {"a": "completed/ok", "b": "failed/error:Cast", "c": "cancelled/upstream_failed"}


def test_each_link_resolves_exactly_once_in_a_diamond_of_closed_links() -> None:
    simulation = run(solos("a b c d", "a (1|error) b", "a (1|error) c", "b (1|) d", "c (1|) d"))
    resolved = [action.valve for action in simulation.log if isinstance(action, ValveChanged)]
    assert sorted(resolved) == [0, 1, 2, 3]
    assert simulation.state_of("d") == "cancelled/valve_closed"


@pytest.mark.parametrize(
    ("retry", "waits"),
    [
        ({"attempts": 4, "delay": 2}, [2, 2, 2]),
        ({"attempts": 4, "delay": 2, "backoff": "linear"}, [2, 4, 6]),
        ({"attempts": 5, "delay": 2, "backoff": "exponential", "max_delay": 10}, [2, 4, 8, 10]),
    ],
)
def test_retries_wait_as_the_plan_says_and_the_last_reason_says_that_they_are_used_up(retry: dict[str, Any], waits: list[float]) -> None:
    simulation = run(planned([{"id": "a", "name": "do", "retry": retry}]), ["a"])
    assert [action.delay for action in simulation.log if isinstance(action, ScheduleRetry)] == waits
    assert simulation.state_of("a") == "failed/retries_exhausted:Test"


def test_jitter_shortens_a_wait_by_up_to_half_and_can_be_replayed() -> None:
    plan = planned([{"id": "a", "name": "do", "retry": {"attempts": 20, "delay": 8, "jitter": True}}])
    logs = [run(plan, ["a"]).log for _ in range(2)]
    waits = [action.delay for action in logs[0] if isinstance(action, ScheduleRetry)]
    assert all(4 <= wait <= 8 for wait in waits)
    assert len(set(waits)) > 10
    assert logs[0] == logs[1]


def test_only_the_errors_named_are_tried_again() -> None:
    plan = planned([{"id": "a", "name": "do", "retry": {"attempts": 3, "retry_on": ["Busy"]}}])
    reasons = {1: "error:Busy", 2: "error:Wrong"}
    simulation = Simulation(plan, lambda task, attempt: reasons[attempt]).run()
    assert simulation.state.attempt("a") == 2
    assert simulation.state_of("a") == "failed/retries_exhausted:Wrong"
    hopeless = begin(planned([{"id": "a", "name": "do", "retries": 3}]))
    hopeless.hear(hopeless.state.feed(TaskEnded("a", "failed", "error:Missing", again=False)))
    assert hopeless.state_of("a") == "failed/error:Missing"
