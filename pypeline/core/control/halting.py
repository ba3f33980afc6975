"""Halts, stops and timeouts, and what still runs after them: on_error and finally (rules 15 to 24).

Each halt or stop walks over the sub flows once; there are at most a few of them in a run.
"""

from __future__ import annotations

from typing import Literal

from pypeline.core.actions import Finished, SetTimer
from pypeline.core.control import tasks
from pypeline.core.control.machine import FRAME, Machine
from pypeline.core.control.orders import close_rest, shield
from pypeline.core.control.records import SubFlowRun
from pypeline.core.results import State


def start(machine: Machine) -> None:
    """Ask the roots of the main part to begin; set the run's own timer."""
    machine.hook_heads = {kind: _heads(machine, ids) for kind, ids in (("on_error", machine.plan.on_error), ("finally", machine.plan.finally_))}
    hooked = _below([head for heads in machine.hook_heads.values() for head in heads])
    main = [sub for sub in machine.subs.values() if sub.plan.index not in hooked]
    machine.main = {sub.plan.index for sub in main}
    machine.left = len(main)
    if machine.plan.settings.timeout is not None:
        machine.say(SetTimer("run", machine.plan.settings.timeout))
    for sub in main:
        if not sub.into:
            machine.ask_to_begin(sub)
    if not main:
        machine.post("main_over")


def _heads(machine: Machine, ids: tuple[str, ...]) -> list[SubFlowRun]:
    home = {name: sub for sub in machine.plan.sub_flows for name in sub.modules}
    return [machine.subs[home[name].index, FRAME] for name in ids]


def _below(heads: list[SubFlowRun]) -> set[int]:
    found: set[int] = set()
    stack = list(heads)
    while stack:
        sub = stack.pop()
        if sub.plan.index not in found:
            found.add(sub.plan.index)
            stack += [link.target for link in sub.out]
    return found


def halt(machine: Machine, reason: str, *, interrupt: bool) -> None:
    """Start nothing new outside handlers; what runs is finished, or interrupted."""
    machine.halted = reason
    for sub in machine.subs.values():
        if sub.shielded or sub.span_over:
            continue
        if sub.ended:
            if sub.state == "completed" and not sub.late:
                close_rest(machine, sub, reason)
        elif sub.requested and not sub.began:
            machine.post("cancel", sub, reason, None)
        elif sub.began and interrupt:
            tasks.interrupt(machine, sub.tasks, reason)
        elif sub.began:
            tasks.give_up_retries(machine, sub.tasks)


def stop(machine: Machine, kind: Literal["polite", "hard"], reason: str) -> None:
    """A person, a signal or a timer wants the end. Polite stops end the main part only."""
    if machine.stage == "over" or machine.stopped == "hard":
        return
    if kind == "polite":
        if machine.stage == "main" and not machine.stopped:
            machine.stopped, machine.stop_reason = "polite", reason
            halt(machine, reason, interrupt=True)
        return
    machine.stopped, machine.stop_reason = "hard", reason
    machine.halted = reason
    for sub in machine.subs.values():
        if sub.span_over:
            continue
        if sub.ended:
            close_rest(machine, sub, reason)
        elif sub.began:
            tasks.interrupt(machine, sub.tasks, reason)
        else:
            machine.post("cancel", sub, reason, None)


def part_over(machine: Machine, sub: SubFlowRun) -> None:
    """The span of ``sub`` is over: maybe the main part, or the current hook, is."""
    if sub.plan.index in machine.main:
        machine.left -= 1
        if machine.left == 0:
            machine.post("main_over")
    elif sub is machine.waiting_for:
        machine.waiting_for = None
        machine.post("next_hook")


def main_over(machine: Machine) -> None:
    """All else has ended: on_error if needed, then finally (rule 23)."""
    machine.stage = "hooks"
    wanted = machine.stopped == "polite" or any(sub.failure == "unhandled" for sub in machine.failures)
    for kind, heads in machine.hook_heads.items():
        if kind == "on_error" and not wanted:
            for head in heads:
                machine.post("cancel", head, "not_needed", None)
        else:
            machine.hooks.extend(heads)
    if any(not head.ended for head in machine.hooks):
        machine.say(SetTimer("hooks", machine.plan.settings.finally_timeout))
    machine.post("next_hook")


def next_hook(machine: Machine) -> None:
    """The next head of on_error and finally, one after another; after the last, the end."""
    while machine.hooks:
        head = machine.hooks.popleft()
        if not head.span_over:
            shield(head)
            machine.waiting_for = head
            if not head.ended:
                machine.ask_to_begin(head)
            return
    machine.stage = "over"
    machine.finished = finished(machine)
    machine.say(machine.finished)


def finished(machine: Machine) -> Finished:
    """The run's terminal record."""
    unhandled = [sub for sub in machine.failures if sub.failure == "unhandled"]
    state: State = "completed"
    reason = "ok"
    if unhandled:
        state, reason = "failed", "error:valve" if unhandled[0].late else unhandled[0].reason
    elif machine.stop_reason == "timeout":
        state, reason = "failed", "timeout"
    elif machine.stopped:
        state, reason = "cancelled", machine.stop_reason
    handled = (sub.plan.index for sub in machine.failures if sub.failure == "handled")
    return Finished(state, reason, tuple(handled), tuple(sub.plan.index for sub in unhandled))
