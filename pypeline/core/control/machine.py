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
from pypeline.core.control.parts import Part, parts
from pypeline.core.control.records import STICKY, FrameRun, Input, LinkRun, LoopRun, SubFlowRun, TaskRun
from pypeline.core.plan import Plan
from pypeline.core.results import State
from pypeline.schema.collection import paused

Key = tuple[str, str]
"""(module or task id, frame)"""

Step = tuple[str, Any, tuple[Any, ...]]
"""The name of a step, what it is about, and what more it is told."""

Ready = tuple[int, tuple[int, ...], int, int, TaskRun]
"""Work in the order in which it is served: preorder number, frame, turn in its sub flow, order of arrival."""

Stage = Literal["main", "hooks", "over"]


class Machine:
    """Everything the workers share. ``modules`` and ``task_ends`` hold the one terminal record of
    each module and task of the frames that are under way: (state, reason)."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.fail_fast = plan.settings.fail_strategy == "halt"
        self.out: list[Action] = []
        # what to do now, and what only when nothing of that is left
        self.steps: deque[Step] = deque()
        self.closing: deque[Step] = deque()
        self.ready: list[Ready] = []
        # ready work that lets others pass, by what it waits for
        self.aside: dict[str, list[Ready]] = {}
        self.begin: list[tuple[int, tuple[int, ...], int, SubFlowRun]] = []
        self.frames_due: list[tuple[int, tuple[int, ...], int, LoopRun]] = []
        self.pushes = 0
        self.subs: dict[tuple[int, str], SubFlowRun] = {}
        self.links: dict[tuple[int, str], LinkRun] = {}
        self.tasks: dict[Key, TaskRun] = {}
        self.modules: dict[Key, tuple[State, str]] = {}
        self.task_ends: dict[Key, tuple[State, str]] = {}
        # sub flows with failures that have been judged; where the first unhandled one came from
        self.handled: dict[int, None] = {}
        self.unhandled: dict[int, None] = {}
        self.cause = ("", "")
        self.cause_reason = ""
        self.switched_off = not all(module.enabled for module in plan.modules.values())
        # halts
        self.stage: Stage = "main"
        self.halt_due = False
        self.loops_due: list[LoopRun] = []
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
        # sub flows outside loops that were asked to begin and whose span is not over
        self.live = 0
        self.parts = parts(plan)
        self.home = FrameRun()
        with paused():
            self.build(self.home, self.parts[None])

    def build(self, frame: FrameRun, part: Part) -> None:
        """Make the records of all that runs in ``frame``."""
        id = frame.id
        plan_tasks, subs, tasks = self.plan.tasks, self.subs, self.tasks
        for sub_plan in part.sub_flows:
            sub = SubFlowRun(sub_plan, frame)
            subs[sub_plan.index, id] = sub
            frame.subs.append(sub)
            made = sub.tasks
            for turn, name in enumerate(sub_plan.tasks):
                task = TaskRun(plan_tasks[name], sub, turn)
                tasks[name, id] = task
                made.append(task)
            sub.tasks_left = len(made)
            if len(made) > 1:
                for task in made:
                    for name in task.task.after:
                        tasks[name, id].feeds.append(task)
        frame.left = len(frame.subs)
        into = {index: made for group in part.inputs for made in [Input(len(group))] for index in group}
        for valve in part.valves:
            source = subs[valve.source_sub_flow, id]
            if valve.trigger == "iterate":
                link = LinkRun(valve, source, None, None)
            else:
                target = subs[valve.target_sub_flow, id]
                link = LinkRun(valve, source, target, into[valve.index])
                target.into.append(link)
            self.links[valve.index, id] = link
            # valves come by order: each opens a group of its own or joins the last
            if source.orders and source.orders[-1][0].valve.order == valve.order:
                source.orders[-1].append(link)
            else:
                source.orders.append([link])
            source.out.append(link)
            source.unsettled += 1
            source.errors_left += valve.trigger == "error"

    def drop(self, frame: FrameRun) -> None:
        """Forget all records of ``frame``, which has ended. Links between them are cut, so that no
        collector has to find them."""
        id = frame.id
        for sub in frame.subs:
            del self.subs[sub.plan.index, id]
            for task in sub.tasks:
                del self.tasks[task.task.id, id]
                del self.task_ends[task.task.id, id]
                task.feeds.clear()
            for name in sub.plan.modules:
                del self.modules[name, id]
            for link in sub.out:
                del self.links[link.valve.index, id]
            sub.tasks, sub.into, sub.out, sub.orders, sub.loops = [], [], [], [], ()
        frame.subs = []

    def post(self, step: str, about: Any, more: tuple[Any, ...] = ()) -> None:
        """Put a step at the end of the queue."""
        self.steps.append((step, about, more))

    def close(self, step: str, frame: FrameRun) -> None:
        """Put a step where it is taken only when all that happens in this instant has been judged."""
        self.closing.append((step, frame, ()))

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
        """Put ``task`` among the ready work, by (preorder number, frame path, turn in its sub flow)."""
        task.phase = "ready"
        self.pushes += 1
        sub = task.sub
        heappush(self.ready, (sub.plan.number, sub.home.path, task.turn, self.pushes, task))

    def ask_to_begin(self, sub: SubFlowRun) -> None:
        """Let ``sub`` begin once all that happens in this instant has been judged."""
        sub.requested = sub.asked = True
        self.live += sub.home.loop is None
        self.pushes += 1
        heappush(self.begin, (sub.plan.number, sub.home.path, self.pushes, sub))

    def ask_for_frames(self, loop: LoopRun) -> None:
        """Let ``loop`` begin frames, or end, once all that happens in this instant has been judged."""
        if not loop.wanted:
            loop.wanted = True
            self.pushes += 1
            number = self.plan.sub_flows[loop.link.valve.target_sub_flow].number
            heappush(self.frames_due, (number, (*loop.source.home.path, loop.next), self.pushes, loop))

    def record(self, module: str, task: str, frame: str, end: tuple[State, str], attempt: int = 1) -> None:
        """The one terminal record of a module: its state and reason."""
        self.modules[module, frame] = end
        self.out.append(ModuleChanged(module, task, frame, end[0], end[1], attempt))

    def change(self, sub: SubFlowRun, state: State, reason: str) -> None:
        """Set and announce the state of ``sub``."""
        sub.state = state
        sub.reason = reason
        self.out.append(SubFlowChanged(sub.plan.index, sub.frame, state, reason))
        loop = sub.home.loop
        if loop is not None and state == "cancelled" and reason in STICKY:
            sub.home.stopped = sub.home.stopped or reason
            # what no link reached is below the loop's source all the same
            self.spoil(loop, max(sub.shield, loop.source.shield))

    def spoil(self, loop: LoopRun, shield: int) -> None:
        """Something in ``loop``, exempt from halts up to depth ``shield``, was cut off. That counts in all
        loops around it but the one whose halt did it: there the failure itself counts (rule 12)."""
        around = [loop]
        while (outer := around[-1].source.home.loop) is not None:
            around.append(outer)
        whole = self.stopped == "hard" or (self.halted != "" and shield < 0)
        cause = 0 if whole else min((each.depth for each in around if each.halted and each.depth > shield), default=0)
        for each in around:
            each.spoiled |= each.depth > cause


def by_order(links: Iterable[LinkRun]) -> list[list[LinkRun]]:
    """Links, which come by order, in groups of one order."""
    orders: dict[int, list[LinkRun]] = {}
    for link in links:
        orders.setdefault(link.valve.order, []).append(link)
    return list(orders.values())


def value(frame: FrameRun, name: str) -> Any:
    """A global (``module__var`` in any case) as ``frame`` sees it: its own first, then outwards; None
    where nobody set it."""
    name = name.lower()
    while name not in frame.globals:
        if frame.loop is None:
            return None
        frame = frame.loop.source.home
    return frame.globals[name]
