"""Control links: orders, conditions, opening and closing, gates (control-rules.md, 1 to 8).

Steps: ``end`` (a sub flow's tasks have ended), ``next_order``, ``resolve_order``, ``open``,
``close``, ``cancel`` (a sub flow that never began), ``span_over``. An *owner* is the source whose
current order a consequence belongs to, and which therefore waits for it.
"""

from __future__ import annotations

from pypeline.core.actions import Evaluate, Evaluated, ValveChanged
from pypeline.core.control.machine import Machine, by_order
from pypeline.core.control.records import STICKY, LinkRun, SubFlowRun


def end(machine: Machine, sub: SubFlowRun) -> None:
    """All tasks of ``sub`` have ended: its state, then its links."""
    ends = [machine.task_ends[task.task.id, sub.frame] for task in sub.tasks]
    cancelled = next((reason for state, reason in ends if state == "cancelled"), "")
    if sub.failure:
        machine.change(sub, "failed", sub.reason)
    elif cancelled:
        machine.change(sub, "cancelled", cancelled)
    else:
        machine.change(sub, "completed", "ok")
    machine.post("own_end", sub)
    if machine.stopped == "hard" or (sub.state == "completed" and machine.halted and not sub.shielded):
        close_rest(machine, sub, machine.halted)
    elif sub.state == "cancelled":
        # rule 17: only `always` links open; the others resolve at once, with its first order
        others = [link for link in sub.out if link.valve.trigger != "always"]
        always = by_order(link for link in sub.out if link.valve.trigger == "always")
        first = always.pop(0) if always else []
        sub.orders = [group for group in (others + first, *always) if group]
    machine.post("next_order", sub)


def next_order(machine: Machine, sub: SubFlowRun) -> None:
    """Begin the next order of ``sub``: decide every link of it, asking for conditions first."""
    if sub.waits or sub.span_over:
        return
    if sub.order_at == len(sub.orders):
        machine.post("span_over", sub)
        return
    machine.hold(sub)
    for link in sub.orders[sub.order_at]:
        link.verdict = _verdict(machine, link)
        if link.verdict == "ok" and link.valve.condition is not None:
            link.asking = True
            sub.asking += 1
            values = {name: machine.globals.get(name.lower()) for name in link.valve.globals_read}
            machine.say(Evaluate(link.valve.index, sub.frame, link.valve.condition, {**link.valve.variables, **values}))
    if sub.asking == 0:
        machine.post("resolve_order", sub)


def _verdict(machine: Machine, link: LinkRun) -> str:
    sub, trigger = link.source, link.valve.trigger
    if machine.modules.get((link.valve.source, sub.frame)) == ("cancelled", "disabled"):
        return "disabled"
    if trigger in ("always", "error" if sub.failed else "ok" if sub.state == "completed" else ""):
        return "ok"
    # an interrupted source hands on why it was interrupted (rule 16)
    return sub.reason if sub.state == "cancelled" and sub.reason in STICKY else "valve_closed"


def evaluated(machine: Machine, link: LinkRun, event: Evaluated) -> None:
    """A condition is known. Null closes; an error closes and is a late failure (rule 13)."""
    if not link.asking:
        return
    link.asking = False
    link.verdict = "error:valve" if event.error else "ok" if event.value else "valve_closed"
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
            machine.post("close", link, link.verdict, sub)
    if broken and sub.state == "completed" and not sub.failure:
        machine.post("late_failure", sub)
    machine.release(sub)


def open_link(machine: Machine, link: LinkRun) -> None:
    """``link`` opens: start, join, or find its target done (rules 3, 7, 8)."""
    source, target = link.source, link.target
    if link.reason:
        machine.release(source)
        return
    link.open = True
    trigger = link.valve.trigger
    link.shields = source.shielded or (source.failed and trigger in ("error", "always")) or (source.state == "cancelled" and trigger == "always")
    source.errors_opened += trigger == "error"
    if link.shields:
        shield(target)
    if target.settled:
        machine.post("link_settled", link, True)
    else:
        target.watchers.append(link)
    if target.state == "cancelled" and not target.began:
        _resolved(machine, link, "too_late")
    elif target.requested:
        _resolved(machine, link, "already_ran" if target.span_over else "joined")
        if not target.span_over:
            machine.hold(source)
            target.waiters.append(source)
    else:
        target.opened += 1
        link.input.left -= 1
        link.input.open = True
        _resolved(machine, link, "ok")
        weigh(machine, target, source)
    machine.release(source)


def close_link(machine: Machine, link: LinkRun, reason: str, owner: SubFlowRun | None) -> None:
    """``link`` closes; what that sets off belongs to the order of ``owner`` (rule 2)."""
    if not link.reason:
        target = link.target
        _resolved(machine, link, reason)
        machine.post("link_settled", link, False)
        link.input.left -= 1
        target.closed += 1
        if reason in STICKY:
            target.halting = target.halting or reason
        if not target.requested and not target.ended:
            weigh(machine, target, owner)
    machine.release(owner)


def shield(sub: SubFlowRun) -> None:
    """Exempt ``sub`` and all below it from halts (rules 15 and 16)."""
    stack = [sub]
    while stack:
        one = stack.pop()
        if not one.shielded:
            one.shielded = True
            stack += [link.target for link in one.out if link.open]


def _resolved(machine: Machine, link: LinkRun, reason: str) -> None:
    link.reason = reason
    machine.say(ValveChanged(link.valve.index, link.source.frame, link.open, reason))


def weigh(machine: Machine, sub: SubFlowRun, owner: SubFlowRun | None) -> None:
    """Whether ``sub``, not yet requested, may now begin or can no longer."""
    total = len(sub.into)
    left = total - sub.opened - sub.closed
    if sub.closed == total:
        machine.hold(owner)
        machine.post("cancel", sub, sub.halting or "valve_closed", owner)
        return
    met, lost = _gate(sub, total, left)
    if met and machine.halted and not sub.shielded:
        machine.hold(owner)
        machine.post("cancel", sub, machine.halted, owner)
    elif met:
        machine.ask_to_begin(sub)
        if owner is not None:
            machine.hold(owner)
            sub.waiters.append(owner)
    elif lost and sub.opened:
        machine.hold(owner)
        machine.post("cancel", sub, sub.halting or "gate_unmet", owner)


def _gate(sub: SubFlowRun, total: int, left: int) -> tuple[bool, bool]:
    """(the gate is met, it can no longer be met)"""
    gate = sub.plan.gate
    if gate == "ended":
        return left == 0 and sub.opened > 0, False
    if gate:
        wanted = total if gate == "all" else 1 if gate == "any" else int(gate)
        return sub.opened >= wanted, sub.opened + left < wanted
    inputs = {id(link.input): link.input for link in sub.into} if len(sub.plan.inputs) > 1 else None
    if inputs is None:
        return sub.opened > 0, False
    return all(i.open for i in inputs.values()), any(i.left == 0 and not i.open for i in inputs.values())


def cancel(machine: Machine, sub: SubFlowRun, reason: str, owner: SubFlowRun | None) -> None:
    """End a sub flow that never began; all its links close at once (rule 1)."""
    if not sub.ended:
        sub.requested = True
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
            machine.post("close", link, reason if reason in STICKY else "valve_closed", keeper)
        machine.release(sub)
    machine.release(owner)


def close_rest(machine: Machine, sub: SubFlowRun, reason: str) -> None:
    """Close every unresolved link of an ended sub flow at once (rule 16)."""
    asked = sub.asking > 0
    sub.asking = 0
    sub.order_at = len(sub.orders)
    for link in sub.out:
        link.asking = False
        if not link.reason:
            machine.hold(sub)
            machine.post("close", link, reason, sub)
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
