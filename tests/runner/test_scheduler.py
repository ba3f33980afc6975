"""The scheduler on an engine that does nothing: slots, order, linear work, and a loop that stays alive."""

from __future__ import annotations

import asyncio
import time

import pytest

from pypeline.core import events as ev
from pypeline.core.modules import Effects
from pypeline.core.plan import Plan, SubFlow, Task, Valve
from pypeline.core.planned import PlannedLink, PlannedModule
from pypeline.core.results import ErrorInfo, TaskResult
from pypeline.runner.dispatch import Dispatch
from pypeline.runner.engines.inline import InlineEngine, nothing
from pypeline.runner.order import Order
from pypeline.runner.scheduler import Outcome, Scheduler
from pypeline.runner.slots import Slots, check, demand_of, size
from pypeline.schema.flow import Resources, Settings
from pypeline.schema.problems import PypeError


def solos(count: int, *, chain: bool = False) -> Plan:
    """``count`` solos side by side, or one after another."""
    ids = [f"m{i}" for i in range(count)]
    modules = {id: PlannedModule(id, "t", "p", "solo", Effects.CODE, False, {}) for id in ids}
    tasks = {id: Task(id, "solo", i, (id,)) for i, id in enumerate(ids)}
    subs = tuple(SubFlow(i, id, (id,), (id,), number=i, inputs=((i - 1,),) if chain and i else ()) for i, id in enumerate(ids))
    valves = tuple(Valve(i, ids[i], i, ids[i + 1], i + 1, 1) for i in range(count - 1)) if chain else ()
    return Plan("f", "f-1", Settings(), modules, {}, tasks, subs, valves)


def go(plan: Plan, engine: InlineEngine) -> tuple[Outcome, list[ev.RunEvent]]:
    events: list[ev.RunEvent] = []

    async def main() -> Outcome:
        return await Scheduler(plan, engine, Dispatch(plan, None, "counts"), attempt=1, emit=events.append).run()

    return asyncio.run(main()), events


def test_a_long_chain_needs_no_stack_and_a_wide_flow_runs_in_file_order() -> None:
    outcome, events = go(solos(3000, chain=True), InlineEngine())
    assert outcome.state == "completed"
    outcome, events = go(solos(500), InlineEngine(cpus=3))
    began = [e.module for e in events if isinstance(e, ev.ModuleState) and e.state == "running"]
    assert began == [f"m{i}" for i in range(500)]


def test_the_loop_stays_alive_while_much_happens() -> None:
    plan = solos(4000)

    async def main() -> float:
        scheduler = Scheduler(plan, InlineEngine(), Dispatch(plan, None, "counts"), attempt=1, emit=lambda _: None)
        run = asyncio.create_task(scheduler.run())
        worst = 0.0
        while not run.done():
            # processor time: other processes of a busy machine must not fail this
            before = time.process_time()
            await asyncio.sleep(0)
            worst = max(worst, time.process_time() - before)
        return worst

    assert asyncio.run(main()) < 0.1


def test_a_failure_is_told_with_its_error_and_a_bug_ends_the_run() -> None:
    error = ErrorInfo("PYE459", "ValueError", "ValueError: no", "m1", frame="0", attempt_no=1)

    def work(order: Order) -> TaskResult:
        return nothing(order) if order.task != "m1" else TaskResult("m1", "failed", "error:ValueError", error=error)

    outcome, events = go(solos(3, chain=True), InlineEngine(work))
    assert (outcome.state, outcome.error) == ("failed", error)
    failed = [e for e in events if isinstance(e, ev.ModuleState) and e.state == "failed"]
    assert [(e.module, e.error) for e in failed] == [("m1", error)]

    def broken(order: Order) -> TaskResult:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        go(solos(2), InlineEngine(broken))


def test_globals_reach_valves_and_later_orders() -> None:
    from pypeline.core.results import ModuleResult

    seen: list[object] = []

    def work(order: Order) -> TaskResult:
        seen.append(dict(order.globals))
        return TaskResult(order.task, "completed", modules=(ModuleResult(order.task, "completed", globals={"Rows": 7}),))

    plan = solos(2, chain=True)
    valve = Valve(0, "m0", 0, "m1", 1, 1, "ok", "{{m0__rows}} > 5", globals_read=("m0__rows",))
    plan = Plan(plan.flow, plan.run_id, plan.settings, plan.modules, {}, plan.tasks, plan.sub_flows, (valve,))
    asked: list[object] = []

    def value(expression: str, values: object) -> bool:
        asked.append((expression, values))
        return True

    go(plan, InlineEngine(work, value=value))
    assert asked == [("{{m0__rows}} > 5", {"m0__rows": 7})]
    assert seen == [{}, {"m0#0.Rows": 7}]


def test_a_segment_alone_gets_all_cpus_and_shares_them_with_others() -> None:
    slots = Slots({"cpus": 8, "memory": 1000, "gpus": 0})
    segment, solo = Task("s", "segment", 0, ("s",)), Task("t", "solo", 0, ("t",))
    assert demand_of(segment, slots, 1) == {"cpus": 8, "memory": 600}
    assert demand_of(segment, slots, 3) == {"cpus": 2, "memory": 150}
    assert demand_of(segment, slots, 99) == {"cpus": 1, "memory": 75}
    assert demand_of(solo, slots, 1) == {"cpus": 1, "memory": 75}
    hinted = Task("h", "segment", 0, ("h",), resources=Resources(cpus=3, memory="500B", slots={"db": 2}))
    assert demand_of(hinted, slots, 9) == {"cpus": 3, "memory": 500, "db": 2}
    waits = Task("w", "solo", 0, ("w",), resources=Resources(cpus=3, slots={"db": 2}), waits=True)
    assert demand_of(waits, slots, 1) == {"cpus": 0, "memory": 0, "db": 2}
    slots.take({"cpus": 6})
    assert slots.lacks({"cpus": 3, "memory": 1}) == ["cpus"]


def test_sizes_are_read_and_nonsense_is_refused() -> None:
    assert [size(s) for s in ("5", "1.5kb", "2 GiB", "3MB")] == [5, 1500, 2**31, 3_000_000]
    with pytest.raises(PypeError, match="PYE457"):
        size("a lot")


def test_what_the_machine_can_never_give_is_listed() -> None:
    plan = solos(1)
    task = Task("m0", "solo", 0, ("m0",), resources=Resources(cpus=9, gpus=1))
    plan = Plan(plan.flow, plan.run_id, plan.settings, plan.modules, {}, {"m0": task}, plan.sub_flows)
    assert [p.message for p in check(plan, Slots({"cpus": 2, "memory": 100, "gpus": 0}))] == [
        "module `m0` asks for 9 cpus, but there are only 2 cpus here",
        "module `m0` asks for 1 gpus, but there are only 0 gpus here",
    ]


def test_links_carry_counts_of_their_port() -> None:
    modules = {id: PlannedModule(id, "t", "p", "mod", Effects.CODE, False, {}) for id in "ab"}
    link = PlannedLink("a.o - b.i", "a", "o", "b", "i")
    tasks = {"a": Task("a", "segment", 0, ("a", "b"))}
    plan = Plan("f", "f-1", Settings(), modules, {link.id: link}, tasks, (SubFlow(0, "a", ("a", "b"), ("a",)),))
    orders: list[Order] = []

    def work(order: Order) -> TaskResult:
        orders.append(order)
        return TaskResult("a", "completed", counts={"a.o": 12})

    _, events = go(plan, InlineEngine(work))
    assert [(e.link, e.rows) for e in events if isinstance(e, ev.LinkCount)] == [("a.o - b.i", 12)]
    assert (orders[0].count, orders[0].links) == (("a.o",), (link,))
