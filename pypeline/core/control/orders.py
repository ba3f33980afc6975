"""Control links: orders, conditions, opening and closing, gates (control-rules.md, 1 to 8).

Steps: ``end`` (a sub flow's tasks have ended), ``next_order``, ``resolve_order``, ``open``,
``close``, ``cancel`` (a sub flow that never began), ``span_over``. An *owner* is the source whose
current order a consequence belongs to, and which therefore waits for it.
"""

from __future__ import annotations

from pypeline.core.actions import CountItems, Evaluate, Evaluated, ItemsCounted, ValveChanged
from pypeline.core.control.machine import Machine, by_order, value
from pypeline.core.control.records import STICKY, LinkRun, SubFlowRun


def end(machine: Machine, sub: SubFlowRun) -> None:
    """All tasks of ``sub`` have ended: its state, then its links."""
    if sub.failure:
        machine.change(sub, "failed", sub.reason)
    elif sub.cut_short:
        ends = [machine.task_ends[task.task.id, sub.frame] for task in sub.tasks]
        machine.change(sub, "cancelled", next(reason for state, reason in ends if state == "cancelled"))
    else:
        machine.change(sub, "completed", "ok")
    machine.post("own_end", sub)
    if machine.stopped == "hard" or (sub.halted and sub.state == "completed"):
        close_rest(machine, sub, machine.halted or "halted")
    elif sub.state == "cancelled" and sub.out:
        # rule 17: only `always` links open, in their orders; the others close at once
        verdicts = [(link, _verdict(machine, link)) for link in sub.out]
        sub.orders = by_order(link for link, verdict in verdicts if verdict == "ok")
        for link, verdict in verdicts:
            if verdict != "ok":
                machine.hold(sub)
                machine.post("close", link, (verdict, sub))
        if sub.orders:
            _begin_order(machine, sub)
            return
    machine.post("next_order", sub)


def next_order(machine: Machine, sub: SubFlowRun) -> None:
    """Begin the next order of ``sub``: decide every link of it, asking for conditions first."""
    if sub.waits or sub.span_over:
        return
    if sub.order_at == len(sub.orders):
        machine.post("span_over", sub)
    else:
        _begin_order(machine, sub)


def _begin_order(machine: Machine, sub: SubFlowRun) -> None:
    machine.hold(sub)
    for link in sub.orders[sub.order_at]:
        link.verdict = _verdict(machine, link)
        if link.verdict == "ok":
            _ask(machine, link)
    if sub.asking == 0:
        machine.post("resolve_order", sub)


def _verdict(machine: Machine, link: LinkRun) -> str:
    sub, trigger = link.source, link.valve.trigger
    if machine.switched_off and machine.modules.get((link.valve.source, sub.frame)) == ("cancelled", "disabled"):
        return "disabled"
    if trigger == "always" or (sub.failed if trigger == "error" else sub.state == "completed" and not sub.late):
        return "ok"
    # an interrupted source hands on why it was interrupted (rule 16)
    return sub.reason if sub.state == "cancelled" and sub.reason in STICKY else "valve_closed"


def _ask(machine: Machine, link: LinkRun) -> None:
    """Ask for the condition, then for the rows of a loop: both are known before the link resolves."""
    sub, valve = link.source, link.valve
    if valve.condition is not None and not link.asking:
        sub.asking += 1
        link.asking = "condition"
        values = {name: value(sub.home, name) for name in valve.globals_read}
        machine.say(Evaluate(valve.index, sub.frame, valve.condition, {**valve.variables, **values}))
    elif valve.trigger == "iterate":
        sub.asking += not link.asking
        link.asking = "items"
        machine.say(CountItems(valve.index, sub.frame))


def evaluated(machine: Machine, link: LinkRun, event: Evaluated) -> None:
    """A condition is known. Null closes; an error closes and is a late failure (rule 13)."""
    if link.asking != "condition":
        return
    link.verdict = "error:valve" if event.error else "ok" if event.value else "valve_closed"
    if link.verdict == "ok" and link.valve.trigger == "iterate":
        _ask(machine, link)
    else:
        _answered(machine, link)


def counted(machine: Machine, link: LinkRun, event: ItemsCounted) -> None:
    """The rows of a loop are known. What cannot be counted is a valve that cannot be evaluated."""
    if link.asking == "items":
        link.verdict = "error:valve" if event.error else "ok"
        link.count = event.count
        _answered(machine, link)


def _answered(machine: Machine, link: LinkRun) -> None:
    link.asking = ""
    link.source.asking -= 1
    if link.source.asking == 0:
        machine.post("resolve_order", link.source)


def resolve_order(machine: Machine, sub: SubFlowRun) -> None:
    """All links of the current order resolve together."""
    links = sub.orders[sub.order_at]
    sub.order_at += 1
    broken = False
    for link in links:
        machine.hold(sub)
        if link.verdict == "ok":
            machine.post("open", link)
        else:
            broken |= link.verdict == "error:valve"
            machine.post("close", link, (link.verdict, sub))
    if broken and sub.state == "completed" and not sub.failure:
        machine.post("late_failure", sub, ("error:valve",))
    machine.release(sub)


def open_link(machine: Machine, link: LinkRun) -> None:
    """``link`` opens: start, join, or find its target done (rules 3, 7, 8)."""
    source, target = link.source, link.target
    trigger = link.valve.trigger
    if link.reason:
        machine.release(source)
        return
    link.open = True
    if target is None:
        resolved(machine, link, "ok")
        # the hold on the source is the loop's now
        machine.post("loop", link)
        return
    source.errors_opened += trigger == "error"
    failed = trigger in ("error", "always") and (source.failed or source.state == "cancelled")
    depth = max(source.shield, len(source.home.path)) if failed else source.shield
    if depth > target.shield:
        shield(target, depth)
    if trigger == "start":
        # no handler waits for a branch that runs beside it (rule 12)
        machine.post("link_settled", link, (True,))
    elif target.settled:
        machine.post("link_settled", link, (target.settled_good,))
    else:
        target.watchers.append(link)
    if target.state == "cancelled" and not target.began:
        resolved(machine, link, "too_late")
    elif target.requested:
        resolved(machine, link, "already_ran" if target.span_over else "joined")
        if not target.span_over and trigger != "start":
            machine.hold(source)
            target.waiters.append(source)
    else:
        target.opened += 1
        _count(target, link)
        resolved(machine, link, "ok")
        weigh(machine, target, None if trigger == "start" else source)
    machine.release(source)


def close_link(machine: Machine, link: LinkRun, reason: str, owner: SubFlowRun | None) -> None:
    """``link`` closes; what that sets off belongs to the order of ``owner`` (rule 2)."""
    if not link.reason:
        target = link.target
        resolved(machine, link, reason)
        machine.post("link_settled", link, (True,))
        if target is None:
            machine.post("no_frames", link, (reason,))
        else:
            target.closed += 1
            _count(target, link)
            if reason in STICKY:
                target.halting = target.halting or reason
            if not target.requested and not target.ended:
                weigh(machine, target, owner)
    machine.release(owner)


def _count(target: SubFlowRun, link: LinkRun) -> None:
    """Note which inputs of an implicit gate are satisfied, and whether one cannot be any more."""
    into = link.input
    if into is None:
        return
    into.left -= 1
    if link.open and not into.open:
        into.open = True
        target.inputs_open += 1
    elif into.left == 0 and not into.open:
        target.inputs_lost = True


def shield(sub: SubFlowRun, depth: int) -> None:
    """Exempt ``sub`` and all below it from halts up to ``depth`` (rules 15 and 16)."""
    stack = [sub]
    while stack:
        one = stack.pop()
        if one.shield < depth:
            one.shield = depth
            stack += [link.target for link in one.out if link.open and link.target is not None]
            for loop in one.loops:
                target = loop.link.valve.target_sub_flow
                stack += [each for frame in loop.frames.values() for each in frame.subs if each.plan.index == target]


def resolved(machine: Machine, link: LinkRun, reason: str) -> None:
    """``link`` has its one outcome; announce it."""
    link.reason = reason
    machine.out.append(ValveChanged(link.valve.index, link.source.frame, link.open, reason))


def weigh(machine: Machine, sub: SubFlowRun, owner: SubFlowRun | None) -> None:
    """Whether ``sub``, not yet requested, may now begin or can no longer."""
    total = len(sub.into)
    left = total - sub.opened - sub.closed
    if sub.closed == total:
        machine.hold(owner)
        machine.post("cancel", sub, (sub.halting or "valve_closed", owner))
        return
    met, lost = _gate(sub, total, left)
    if met and sub.halted:
        machine.hold(owner)
        machine.post("cancel", sub, (machine.halted or "halted", owner))
    elif met:
        machine.ask_to_begin(sub)
        if owner is not None:
            machine.hold(owner)
            sub.waiters.append(owner)
    elif lost and sub.opened:
        machine.hold(owner)
        machine.post("cancel", sub, ("gate_unmet", owner))


def _gate(sub: SubFlowRun, total: int, left: int) -> tuple[bool, bool]:
    """(the gate is met, it can no longer be met)"""
    gate = sub.plan.gate
    if gate == "ended":
        return left == 0 and sub.opened > 0, False
    if gate:
        wanted = total if gate == "all" else 1 if gate == "any" else int(gate)
        return sub.opened >= wanted, sub.opened + left < wanted
    if len(sub.plan.inputs) > 1:
        return sub.inputs_open == len(sub.plan.inputs), sub.inputs_lost
    return sub.opened > 0, False


def cancel(machine: Machine, sub: SubFlowRun, reason: str, owner: SubFlowRun | None) -> None:
    """End a sub flow that never began; all its links close at once (rule 1)."""
    if not sub.ended:
        sub.requested = True
        if reason == "gate_unmet":
            # a halt or stop that closed links since then, in the same instant, is the reason
            reason = sub.halting or reason
        for task in sub.tasks:
            task.phase = "ended"
            machine.task_ends[task.task.id, sub.frame] = ("cancelled", reason)
        names = {name: task.task.id for task in sub.tasks for name in task.task.modules}
        for name in sub.plan.modules:
            if (name, sub.frame) not in machine.modules:
                machine.record(name, names.get(name, ""), sub.frame, ("cancelled", reason))
        machine.change(sub, "cancelled", reason)
        machine.post("own_end", sub)
        sub.order_at = len(sub.orders)
        # the cascade belongs to the order that began it; with none, to the span of ``sub``
        keeper = sub if owner is None else owner
        machine.hold(sub)
        for link in sub.out:
            machine.hold(keeper)
            machine.post("close", link, (reason if reason in STICKY else "valve_closed", keeper))
        machine.release(sub)
    machine.release(owner)


def close_rest(machine: Machine, sub: SubFlowRun, reason: str) -> None:
    """Close every unresolved link of an ended sub flow at once (rule 16)."""
    asked = sub.asking > 0
    sub.asking = 0
    sub.order_at = len(sub.orders)
    for link in sub.out:
        link.asking = ""
        if not link.reason:
            machine.hold(sub)
            machine.post("close", link, (reason, sub))
    if asked:
        machine.release(sub)


def span_over(machine: Machine, sub: SubFlowRun) -> None:
    """``sub`` and all it started have ended: who waited for that goes on."""
    if sub.span_over:
        return
    sub.span_over = True
    waiters, sub.waiters = sub.waiters, []
    for waiter in waiters:
        machine.release(waiter)
    machine.post("part_over", sub)
