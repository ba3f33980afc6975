"""The run machine's data: all records of a run, its queue of steps, and what it has to say.

Workers never call each other across files: they *post* steps by name (``machine.post("end", sub)``),
which :mod:`pypeline.core.state` takes off the queue one by one. So no chain of links, however long,
deepens the stack. Comes in: a plan. Goes out: actions. Knows no clock and no loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from heapq import heappush
from typing import Any, Literal

from pypeline.core.actions import Action, Finished, ModuleChanged, SubFlowChanged
from pypeline.core.control.records import Input, LinkRun, SubFlowRun, TaskRun
from pypeline.core.plan import Plan
from pypeline.core.results import State

FRAME = "0"
"""The frame of all that stands in no loop."""

Key = tuple[str, str]
"""(module or task id, frame)"""

Stage = Literal["main", "hooks", "over"]


class Machine:
    """Everything the workers share. ``modules`` and ``task_ends`` hold the one terminal record of
    each module and task: (state, reason)."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.fail_fast = plan.settings.fail_strategy == "halt"
        self.out: list[Action] = []
        self.steps: deque[tuple[Any, ...]] = deque()
        self.ready: list[tuple[int, int, int, TaskRun]] = []
        self.pushes = 0
        self.begin: list[tuple[int, int, SubFlowRun]] = []
        self.subs: dict[tuple[int, str], SubFlowRun] = {}
        self.links: dict[tuple[int, str], LinkRun] = {}
        self.tasks: dict[Key, TaskRun] = {}
        self.modules: dict[Key, tuple[State, str]] = {}
        self.task_ends: dict[Key, tuple[State, str]] = {}
        self.globals: dict[str, Any] = {}
        self.failures: list[SubFlowRun] = []
        # halts
        self.stage: Stage = "main"
        self.halt_due = False
        self.halted = ""
        self.stopped: Literal["", "polite", "hard"] = ""
        self.stop_reason = ""
        self.finished: Finished | None = None
        # what is left of the main part (sub flows by index), then the hooks still to come
        self.main: set[int] = set()
        self.left = 0
        self.hook_heads: dict[str, list[SubFlowRun]] = {}
        self.hooks: deque[SubFlowRun] = deque()
        self.waiting_for: SubFlowRun | None = None
        self._make(plan)

    def _make(self, plan: Plan) -> None:
        for sub_plan in plan.sub_flows:
            sub = SubFlowRun(sub_plan, FRAME)
            self.subs[sub_plan.index, FRAME] = sub
            for turn, name in enumerate(sub_plan.tasks):
                task = TaskRun(plan.tasks[name], sub, turn)
                self.tasks[name, FRAME] = task
                sub.tasks.append(task)
            sub.tasks_left = len(sub.tasks)
        for task in self.tasks.values():
            for name in task.task.after:
                self.tasks[name, FRAME].feeds.append(task)
        into = {index: made for sub in plan.sub_flows for group in sub.inputs for made in [Input(len(group))] for index in group}
        for valve in plan.valves:
            source, target = self.subs[valve.source_sub_flow, FRAME], self.subs[valve.target_sub_flow, FRAME]
            link = LinkRun(valve, source, target, into[valve.index])
            self.links[valve.index, FRAME] = link
            source.out.append(link)
            target.into.append(link)
            source.unsettled += 1
            source.errors_left += valve.trigger == "error"
        for sub in self.subs.values():
            sub.orders = by_order(sub.out)

    def post(self, *step: Any) -> None:
        """Put a step (its name, then its arguments) at the end of the queue."""
        self.steps.append(step)

    def say(self, action: Action) -> None:
        """Hand an action to the scheduler."""
        self.out.append(action)

    def hold(self, sub: SubFlowRun | None) -> None:
        """Make the current order of ``sub`` wait for one thing more."""
        if sub is not None:
            sub.waits += 1

    def release(self, sub: SubFlowRun | None) -> None:
        """One thing less to wait for; at none the next order of ``sub`` begins."""
        if sub is not None:
            sub.waits -= 1
            if sub.waits == 0:
                self.post("next_order", sub)

    def queue(self, task: TaskRun) -> None:
        """Put ``task`` among the ready work, by (preorder number, turn in its sub flow)."""
        task.phase = "ready"
        self.pushes += 1
        heappush(self.ready, (task.sub.plan.number, task.turn, self.pushes, task))

    def ask_to_begin(self, sub: SubFlowRun) -> None:
        """Let ``sub`` begin once all that happens in this instant has been judged."""
        sub.requested = True
        heappush(self.begin, (sub.plan.number, sub.plan.index, sub))

    def record(self, module: str, task: str, frame: str, end: tuple[State, str], *, attempt: int = 1) -> None:
        """The one terminal record of a module: its state and reason."""
        self.modules[module, frame] = end
        self.say(ModuleChanged(module, task, frame, *end, attempt))

    def change(self, sub: SubFlowRun, state: State, reason: str) -> None:
        """Set and announce the state of ``sub``."""
        sub.state = state
        sub.reason = reason
        self.say(SubFlowChanged(sub.plan.index, sub.frame, state, reason))


def by_order(links: Iterable[LinkRun]) -> list[list[LinkRun]]:
    """Links in groups of one order, ascending; inside a group in file order."""
    orders: dict[int, list[LinkRun]] = {}
    for link in sorted(links, key=lambda each: (each.valve.order, each.valve.index)):
        orders.setdefault(link.valve.order, []).append(link)
    return list(orders.values())
