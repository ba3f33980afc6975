"""Whose turn it is where few may run at one time: by control rule 5, and what waits has not begun."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pypeline.core import actions as act
from pypeline.core.state import RunState
from pypeline.runner.slots import Slots
from pypeline.runner.turns import PATIENCE, Turns
from tests.core.making import planned

FEW = {"resources": {"cpus": 1, "slots": {"few": 1}}}


class Starts:
    """A machine before the slots of an engine, and what was started."""

    def __init__(self, *modules: Any, control: tuple[str, ...] = (), cpus: int = 8, **settings: Any) -> None:
        plan = planned([{"name": "do", **module} for module in modules], control=control, settings={"slots": {"few": 1}, **settings})
        self.state = RunState(plan)
        self.slots = Slots({"cpus": cpus, "memory": 2**30, "gpus": 0, "few": 1})
        self.turns = Turns(self.state, SimpleNamespace(slots=self.slots))
        self.running: dict[str, Any] = {}
        self.order: list[str] = []
        self.hear(self.state.start())

    def hear(self, actions: list[act.Action]) -> None:
        for action in actions:
            if isinstance(action, act.ModuleChanged):
                self.turns.settled((action.task, action.frame))
        while (began := self.turns.next()) is not None:
            self.running[began.task.id] = began
            self.order.append(began.task.id)

    def end(self, task: str, state: Any = "completed", reason: str = "ok") -> None:
        began = self.running.pop(task)
        self.slots.give(began.demand)
        self.turns.ended(began.task)
        self.hear(self.state.feed(act.TaskEnded(task, state, reason)))


def test_what_waits_for_a_named_slot_gets_it_by_its_turn_in_the_flow() -> None:
    run = Starts({"id": "holder", **FEW}, {"id": "quick"}, {"id": "late", **FEW}, {"id": "early", **FEW}, control=("quick (1|) early",))
    assert run.order == ["holder", "quick"]
    run.end("quick")
    run.end("holder")
    # `late` has waited longer, but `early` stands before it
    assert run.order == ["holder", "quick", "early"]
    run.end("early")
    assert run.order[-1] == "late"


def test_a_halt_cancels_what_waits_for_a_slot() -> None:
    run = Starts({"id": "holder", **FEW}, {"id": "late", **FEW}, {"id": "bad"}, on_halt="finish")
    run.end("bad", "failed", "error:Wrong")
    assert run.state.modules["late", "0"] == ("cancelled", "halted")
    run.end("holder")
    assert run.order == ["holder", "bad"]
    assert run.state.finished is not None


def test_a_stop_cancels_a_large_task_that_was_overtaken_often_enough() -> None:
    chain, links = [{"id": f"s{n}"} for n in range(40)], tuple(f"s{n} (1|) s{n + 1}" for n in range(39))
    for stopped in (False, True):
        run = Starts(*chain, {"id": "big", "resources": {"cpus": 2}}, control=links, cpus=2)
        for n in range(PATIENCE):
            run.end(f"s{n}")
        last = f"s{PATIENCE}"
        assert list(run.running) == [last]
        if stopped:
            run.hear(run.state.feed(act.StopRequested("polite")))
            assert run.state.modules["big", "0"] == ("cancelled", "stopped_by_user")
            run.end(last, "cancelled", "stopped_by_user")
            assert run.state.finished is not None
        else:
            run.end(last)
            assert run.order[-1] == "big"
