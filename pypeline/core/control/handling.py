"""Failures: pending, handled, unhandled (control-rules.md, 8 to 14).

A sub flow is *settled* once it and everything its open links lead to have ended, so that a handler
above can be judged. Steps: ``own_end``, ``link_settled``, ``judge``, ``late_failure``.
"""

from __future__ import annotations

from pypeline.core.control.machine import Machine
from pypeline.core.control.records import LinkRun, LoopRun, SubFlowRun
from pypeline.core.results import NEUTRAL


def own_end(machine: Machine, sub: SubFlowRun) -> None:
    """``sub`` itself has its terminal state."""
    sub.unsettled -= 1
    _settle(machine, sub)


def late_failure(machine: Machine, sub: SubFlowRun, reason: str) -> None:
    """Something of a completed sub flow failed: a valve (rule 13), a loop (rule 14). Later orders see it
    as failed."""
    if not sub.failure:
        sub.late = reason
        sub.failure = "pending"
        judge(machine, sub)


def judge(machine: Machine, sub: SubFlowRun) -> None:
    """Decide a pending failure as soon as all its error links are known (rules 9 and 10)."""
    if sub.failure != "pending" or sub.errors_left:
        return
    failed = {**(sub.inside or {}), sub.plan.index: None}
    if sub.errors_opened and sub.errors_good:
        sub.failure = "handled"
        machine.handled.update(failed)
        return
    sub.failure = "unhandled"
    _pass_on(machine, sub, failed)
    loop = sub.home.loop
    if loop is not None:
        _fail(machine, loop, sub)
    else:
        if not machine.cause_reason:
            machine.cause, machine.cause_reason = sub.cause, sub.late or sub.reason
        # failures in hooks fail the run but halt nothing (rule 23)
        machine.halt_due |= machine.fail_fast and machine.stage == "main"


def _fail(machine: Machine, loop: LoopRun, sub: SubFlowRun) -> None:
    """The failure of ``sub`` fails the loop it stands in: its source answers for it (rule 14)."""
    home, source = sub.home, loop.source
    home.failure = home.failure or sub.late or sub.reason
    if machine.fail_fast and not loop.halted:
        machine.loops_due.append(loop)
    if not source.failure:
        source.cause = sub.cause
        machine.post("late_failure", source, (sub.late or sub.reason,))


def _pass_on(machine: Machine, sub: SubFlowRun, failed: dict[int, None]) -> None:
    """Hand ``failed`` outwards, to the first source that may still handle them, or to the run."""
    loop = sub.home.loop
    while loop is not None:
        source = loop.source
        if source.failure != "unhandled":
            source.inside = source.inside or {}
            source.inside.update(failed)
            return
        loop = source.home.loop
    machine.unhandled.update(failed)


def link_settled(machine: Machine, link: LinkRun, good: bool) -> None:
    """``link`` closed, or what it led to is settled, ``good`` if all of that completed."""
    source, target = link.source, link.target
    source.settled_good &= good
    if link.valve.trigger == "error":
        if link.open and target is not None:
            source.errors_good &= good and target.state != "cancelled"
        source.errors_left -= 1
        judge(machine, source)
    source.unsettled -= 1
    _settle(machine, source)


def _settle(machine: Machine, sub: SubFlowRun) -> None:
    if sub.unsettled or sub.settled:
        return
    sub.settled = True
    own = sub.failure == "handled" if sub.failure else sub.state == "completed" or sub.reason in NEUTRAL
    sub.settled_good &= own
    watchers, sub.watchers = sub.watchers, []
    for link in watchers:
        machine.post("link_settled", link, (sub.settled_good,))
