"""Halts, stops and timeouts, and what still runs after them: on_error and finally (rules 14 to 24).

Each halt or stop walks once over the sub flows that it reaches; there are a few of them in a run, and
at most one in a loop. Taken when nothing else is left to do: ``part_over``, ``main_over``, ``next_hook``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from pypeline.core.actions import Finished, SetTimer
from pypeline.core.control import tasks
from pypeline.core.control.machine import Machine
from pypeline.core.control.orders import close_rest, shield
from pypeline.core.control.records import EVERYTHING, OUTSIDE, FrameRun, LoopRun, SubFlowRun
from pypeline.core.results import State


def start(machine: Machine) -> None:
    """Ask the roots of the main part to begin; set the run's own timer."""
    machine.hook_heads = {kind: _heads(machine, ids) for kind, ids in (("on_error", machine.plan.on_error), ("finally", machine.plan.finally_))}
    hooked = _below([head for heads in machine.hook_heads.values() for head in heads])
    main = [sub for sub in machine.home.subs if sub.plan.index not in hooked]
    machine.main = {sub.plan.index for sub in main}
    machine.left = len(main)
    if machine.plan.settings.timeout is not None:
        machine.say(SetTimer("run", machine.plan.settings.timeout))
    for sub in main:
        if not sub.into:
            machine.ask_to_begin(sub)
    if not main:
        machine.close("main_over", machine.home)


def _heads(machine: Machine, ids: tuple[str, ...]) -> list[SubFlowRun]:
    home = {name: sub for sub in machine.plan.sub_flows for name in sub.modules} if ids else {}
    return [machine.subs[home[name].index, OUTSIDE] for name in ids]


def _below(heads: list[SubFlowRun]) -> set[int]:
    found: set[int] = set()
    stack = list(heads)
    while stack:
        sub = stack.pop()
        if sub.plan.index not in found:
            found.add(sub.plan.index)
            stack += [link.target for link in sub.out if link.target is not None]
    return found


def halt(machine: Machine, reason: str, *, interrupt: bool) -> None:
    """Start nothing new in the whole run outside handlers; what runs is finished, or interrupted."""
    machine.halted = reason
    _halt(machine, (machine.home,), 0, reason, interrupt=interrupt)


def halt_loop(machine: Machine, loop: LoopRun) -> None:
    """Start nothing new in ``loop`` outside handlers: no frame, and nothing in its running frames (rule 14)."""
    if not loop.halted:
        loop.halted = True
        reason = machine.halted or "halted"
        _halt(machine, loop.frames.values(), loop.depth, reason, interrupt=machine.plan.settings.on_halt == "interrupt")
        machine.ask_for_frames(loop)


def _halt(machine: Machine, frames: Iterable[FrameRun], depth: int, reason: str, *, interrupt: bool) -> None:
    for frame in _within(frames):
        frame.halted_at = max(frame.halted_at, depth)
        for sub in frame.subs:
            for loop in sub.loops:
                machine.ask_for_frames(loop)
            # who is exempt from this halt is left alone, also if a loop further in was halted before
            if sub.span_over or sub.shield >= depth:
                continue
            if sub.ended:
                if sub.state == "completed" and not sub.late:
                    close_rest(machine, sub, reason)
            elif sub.requested and not sub.began:
                machine.post("cancel", sub, (reason, None))
            elif sub.began and interrupt:
                tasks.interrupt(machine, sub.tasks, reason)
            elif sub.began:
                tasks.give_up_retries(machine, sub.tasks)


def _within(frames: Iterable[FrameRun]) -> Iterator[FrameRun]:
    """``frames`` and those of loops inside them."""
    stack = [*frames][::-1]
    while stack:
        frame = stack.pop()
        yield frame
        stack += [inner for sub in frame.subs for loop in sub.loops for inner in loop.frames.values()][::-1]


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
    for frame in _within((machine.home,)):
        frame.halted_at = EVERYTHING
        for sub in frame.subs:
            for loop in sub.loops:
                machine.ask_for_frames(loop)
            if sub.span_over:
                continue
            if sub.ended:
                close_rest(machine, sub, reason)
            elif sub.began:
                tasks.interrupt(machine, sub.tasks, reason)
            else:
                machine.post("cancel", sub, (reason, None))


def part_over(machine: Machine, sub: SubFlowRun) -> None:
    """The span of ``sub`` is over: maybe its frame, the main part, or the current hook, is."""
    home = sub.home
    if home.loop is not None:
        home.left -= 1
        if home.left == 0:
            machine.close("frame_over", home)
        return
    machine.live -= sub.asked
    if sub.plan.index in machine.main:
        machine.left -= 1
        if machine.left == 0:
            machine.close("main_over", machine.home)
    elif machine.waiting_for is not None and machine.waiting_for.span_over and machine.live == 0:
        machine.waiting_for = None
        machine.close("next_hook", machine.home)


def main_over(machine: Machine, _home: FrameRun) -> None:
    """All else has ended: on_error if needed, then finally (rule 23)."""
    machine.stage = "hooks"
    wanted = machine.stopped == "polite" or machine.unhandled
    for kind, heads in machine.hook_heads.items():
        if kind == "on_error" and not wanted:
            for head in heads:
                machine.post("cancel", head, ("not_needed", None))
        else:
            machine.hooks.extend(heads)
    if any(not head.ended for head in machine.hooks):
        machine.say(SetTimer("hooks", machine.plan.settings.finally_timeout))
    machine.close("next_hook", machine.home)


def next_hook(machine: Machine, _home: FrameRun) -> None:
    """The next head of on_error and finally, one after another; after the last, the end."""
    while machine.hooks:
        head = machine.hooks.popleft()
        if not head.span_over:
            shield(head, 0)
            machine.waiting_for = head
            if not head.ended:
                machine.ask_to_begin(head)
            return
    machine.stage = "over"
    machine.finished = finished(machine)
    machine.say(machine.finished)


def finished(machine: Machine) -> Finished:
    """The run's terminal record."""
    state: State = "completed"
    reason = "ok"
    if machine.unhandled:
        state, reason = "failed", machine.cause_reason
    elif machine.stop_reason == "timeout":
        state, reason = "failed", "timeout"
    elif machine.stopped:
        state, reason = "cancelled", machine.stop_reason
    handled = tuple(index for index in machine.handled if index not in machine.unhandled)
    return Finished(state, reason, handled, tuple(machine.unhandled), machine.cause)
