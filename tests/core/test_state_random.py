"""Hundreds of random flows through the run machine: an independent oracle, and invariants that always hold."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from pypeline.core.actions import SubFlowChanged, ValveChanged
from pypeline.core.plan import Plan, Valve
from tests.core.making import planned
from tests.core.oracle import Oracle
from tests.core.simulation import Simulation

SEEDS = 500


def random_flow(random: Random, **settings: Any) -> tuple[Plan, frozenset[int], dict[int, str]]:
    """A flow of up to nine sub flows with random control links, failures, gates, conditions, switches."""
    modules: list[Any] = []
    data: list[str] = []
    heads: list[list[str]] = []
    tails: list[list[str]] = []
    for number in range(random.randint(2, 9)):
        id = f"s{number}"
        shape = random.random()
        enabled = random.random() > 0.06
        if shape < 0.6:
            modules.append({"id": id, "name": "do", "enabled": enabled, "retries": random.choice([None, None, 1])})
            heads.append([id])
            tails.append([id])
        elif shape < 0.8:
            mode: Any = random.choice(["all", "any", "ended", 1, 2])
            modules.append({"id": id, "name": "sync_gate", "enabled": enabled, "configs": {"optional": {"mode": mode}}})
            heads.append([id])
            tails.append([id])
        else:
            modules += [f"{id}a:read", {"id": f"{id}b", "name": "read", "enabled": enabled}, f"{id}j:join", f"{id}c:python", f"{id}w:write"]
            data += [f"{id}a.data - {id}j.left", f"{id}b.data - {id}j.right", f"{id}j.output - {id}c.input", f"{id}c.output - {id}w.input"]
            heads.append([f"{id}a", f"{id}b"])
            tails.append([f"{id}a", f"{id}w"])
    control: list[str] = []
    seen = set()
    for target in range(1, len(heads)):
        for _ in range(random.choice([0, 1, 1, 1, 2, 3])):
            source = random.randrange(target)
            valve = f"{random.randint(1, 3)}|{random.choice(['', '', 'error', 'always'])}{random.choice(['', '', '', ' if 1 = 1'])}"
            link = (random.choice(tails[source]), valve.partition("|")[2], random.choice(heads[target]))
            if link not in seen:
                seen.add(link)
                control.append(f"{link[0]} ({valve}) {link[2]}")
    plan = planned(modules, data, control, settings=settings)
    fails = frozenset(sub.index for sub in plan.sub_flows if not sub.gate and sub.tasks and random.random() < 0.3)
    verdicts = {valve.index: random.choice(["true", "true", "false", "null", "error"]) for valve in plan.valves}
    return plan, fails, verdicts


def simulate(plan: Plan, fails: frozenset[int], verdicts: dict[int, str], random: Random) -> Simulation:
    broken = {plan.sub_flows[index].tasks[random.randrange(len(plan.sub_flows[index].tasks))] for index in fails}
    return Simulation(
        plan, lambda task, attempt: "error:Test" if task in broken else "ok", verdicts=verdicts, slots=random.randint(1, 4), seed=random.randrange(10**9)
    )


def check_orders(simulation: Simulation) -> None:
    """A link of a later order resolves only after all that the earlier orders started has ended."""
    plan = simulation.plan
    ended, resolved, why = {}, {}, {}
    for at, action in enumerate(simulation.log):
        if isinstance(action, SubFlowChanged) and action.state not in ("running", "pending"):
            ended[action.sub_flow] = at
        elif isinstance(action, ValveChanged):
            resolved[action.valve] = at
            why[action.valve] = action.reason
    out: dict[int, list[Valve]] = {sub.index: [] for sub in plan.sub_flows}
    for valve in plan.valves:
        out[valve.source_sub_flow].append(valve)

    def started(index: int, found: set[int]) -> set[int]:
        for valve in out[index]:
            gate = len(plan.sub_flows[valve.target_sub_flow].inputs) > 1 or plan.sub_flows[valve.target_sub_flow].gate
            if why[valve.index] in ("ok", "joined") and not gate and valve.target_sub_flow not in found:
                found.add(valve.target_sub_flow)
                started(valve.target_sub_flow, found)
        return found

    for index, valves in out.items():
        if simulation.state.sub_flow(index)[0] == "cancelled":
            continue
        for valve in valves:
            if why[valve.index] not in ("ok", "joined") or plan.sub_flows[valve.target_sub_flow].gate or len(plan.sub_flows[valve.target_sub_flow].inputs) > 1:
                continue
            below = {valve.target_sub_flow, *started(valve.target_sub_flow, set())}
            for later in (v for v in valves if v.order > valve.order and why[v.index] != "halted"):
                assert all(ended[one] < resolved[later.index] for one in below)


@pytest.mark.parametrize("block", range(10))
def test_under_continue_every_random_flow_ends_as_the_oracle_says(block: int) -> None:
    for seed in range(block * SEEDS // 10, (block + 1) * SEEDS // 10):
        random = Random(seed)
        plan, fails, verdicts = random_flow(random, fail_strategy="continue")
        oracle = Oracle(plan, fails, verdicts)
        for _ in range(2):
            simulation = simulate(plan, fails, verdicts, random).run()
            simulation.check_records()
            check_orders(simulation)
            for sub in plan.sub_flows:
                state, reason = simulation.state.sub_flow(sub.index)
                wanted = oracle.state(sub.index)
                assert (state, reason.replace("retries_exhausted:", "error:")) == wanted, f"seed {seed}, sub flow {sub.index}: {simulation.log}"
            failed = {sub.index for sub in plan.sub_flows if oracle.has_failed(sub.index)}
            handled = {index for index in failed if oracle.handled(index)}
            assert set(simulation.finished.handled) == handled, f"seed {seed}"
            assert set(simulation.finished.unhandled) == failed - handled, f"seed {seed}"
            assert simulation.finished.state == ("failed" if failed - handled else "completed")


@pytest.mark.parametrize("on_halt", ["finish", "interrupt"])
@pytest.mark.parametrize("block", range(5))
def test_under_halt_every_random_flow_ends_with_one_record_each(block: int, on_halt: str) -> None:
    for seed in range(block * SEEDS // 5, (block + 1) * SEEDS // 5):
        random = Random(seed)
        plan, fails, verdicts = random_flow(random, fail_strategy="halt", on_halt=on_halt)
        simulation = simulate(plan, fails, verdicts, random).run()
        simulation.check_records()
        check_orders(simulation)
        assert bool(simulation.state.halted) == bool(simulation.finished.unhandled), f"seed {seed}"
        assert (simulation.finished.state == "failed") == bool(simulation.finished.unhandled)
        if not simulation.state.halted:
            # what nothing halted ends as under `continue`
            oracle = Oracle(plan, fails, verdicts)
            assert all(simulation.state.sub_flow(sub.index)[0] == oracle.state(sub.index)[0] for sub in plan.sub_flows), f"seed {seed}"


@pytest.mark.parametrize("kind", ["polite", "hard"])
def test_a_stop_at_any_moment_ends_every_random_flow(kind: str) -> None:
    for seed in range(SEEDS // 2):
        random = Random(seed)
        plan, fails, verdicts = random_flow(random, fail_strategy=random.choice(["halt", "continue"]))
        simulation = simulate(plan, fails, verdicts, random)
        for _ in range(random.randint(0, 12)):
            if simulation.state.finished or not simulation.step():
                break
        if simulation.state.finished:
            continue
        simulation.stop(kind)
        started = len(simulation.started)
        simulation.run().check_records()
        if kind == "hard":
            assert len(simulation.started) == started, "a hard stop starts nothing more"
        else:
            failed = {one.sub_flow for one in simulation.log if isinstance(one, SubFlowChanged) and one.state in ("failed", "cancelled")}
            late = [plan.tasks[task].sub_flow for task in simulation.started[started:]]
            into = {index: {v.source_sub_flow for v in plan.valves if v.target_sub_flow == index} for index in late}
            assert all(into.values()), "after a polite stop no root starts"
            assert not late or failed, "only handlers of what failed or was interrupted start"
        assert simulation.finished.state in ("cancelled", "failed")


def test_the_same_seed_gives_the_same_log() -> None:
    for seed in range(40):
        logs = []
        for _ in range(2):
            random = Random(seed)
            plan, fails, verdicts = random_flow(random, fail_strategy="halt")
            logs.append(simulate(plan, fails, verdicts, random).run().log)
        assert logs[0] == logs[1]
