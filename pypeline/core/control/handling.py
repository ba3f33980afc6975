"""Failures: pending, handled, unhandled (control-rules.md, 8 to 13).

A sub flow is *settled* once it and everything its open links lead to have ended, so that a handler
above can be judged. Steps: ``own_end``, ``link_settled``, ``judge``, ``late_failure``.
"""

from __future__ import annotations

from pypeline.core.control.machine import Machine
from pypeline.core.control.records import NEUTRAL, LinkRun, SubFlowRun


def own_end(machine: Machine, sub: SubFlowRun) -> None:
    """``sub`` itself has its terminal state."""
    sub.unsettled -= 1
    _settle(machine, sub)


def late_failure(machine: Machine, sub: SubFlowRun) -> None:
    """A valve of a completed sub flow could not be evaluated (rule 13)."""
    sub.late = True
    sub.failure = "pending"
    judge(machine, sub)


def judge(machine: Machine, sub: SubFlowRun) -> None:
    """Decide a pending failure as soon as all its error links are known (rules 9 and 10)."""
    if sub.failure != "pending" or sub.errors_left:
        return
    if sub.errors_opened and sub.errors_good:
        sub.failure = "handled"
    else:
        sub.failure = "unhandled"
        # failures in hooks fail the run but halt nothing (rule 23)
        machine.halt_due |= machine.fail_fast and machine.stage == "main"
    machine.failures.append(sub)


def link_settled(machine: Machine, link: LinkRun, reached: bool) -> None:
    """``link`` closed (``reached`` is False) or its target is settled."""
    source, target = link.source, link.target
    is_error = link.valve.trigger == "error"
    if reached:
        source.settled_good &= target.settled_good
        if is_error:
            source.errors_good &= target.settled_good and target.state != "cancelled"
    if is_error:
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
        machine.post("link_settled", link, True)
