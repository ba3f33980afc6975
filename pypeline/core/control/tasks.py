"""Tasks of a sub flow: waves of what has its inputs, tries and retries, one terminal record each.

Steps: ``task_final`` (a task has its last result). A sub flow ends when all its tasks have ended.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping

from pypeline.core.actions import CancelTask, ScheduleRetry, TaskEnded
from pypeline.core.control.machine import Machine
from pypeline.core.control.records import SubFlowRun, TaskRun
from pypeline.core.fingerprint import fraction
from pypeline.core.results import State
from pypeline.schema.flow import Retry


def begin(machine: Machine, sub: SubFlowRun) -> None:
    """``sub`` may run now: its first wave is ready. Gates and disabled sub flows end at once."""
    if sub.ended:
        return
    tasks = sub.tasks
    if not tasks:
        machine.post("cancel", sub, ("disabled", None))
        return
    if tasks[0].task.modules != sub.plan.modules:
        inside = {name for task in tasks for name in task.task.modules}
        for name in sub.plan.modules:
            if name not in inside:
                machine.record(name, "", sub.frame, ("cancelled", "disabled"))
    if sub.plan.gate:
        sub.began = True
        tasks[0].attempt = 1
        machine.change(sub, "running", "")
        machine.post("task_final", tasks[0], ("completed", "ok", {}))
        return
    for task in tasks:
        if task.left == 0:
            machine.queue(task)


def ended(machine: Machine, task: TaskRun, event: TaskEnded) -> None:
    """A try of ``task`` ended: try again, or make the result final. Late results are ignored."""
    if task.phase != "running":
        return
    if event.globals:
        task.sub.home.globals.update({name.lower(): value for name, value in event.globals.items()})
    if event.state == "failed" and not task.cancelling and event.again:
        retry = task.task.retry
        if task.attempt < retry.attempts and not task.sub.halted and _meant(retry, event.reason, event.kinds):
            task.phase = "retry"
            task.reason = event.reason
            wait = delay(retry, task.attempt, f"{machine.plan.run_id}/{task.task.id}#{task.sub.frame}")
            machine.say(ScheduleRetry(task.task.id, task.sub.frame, task.attempt + 1, wait, event.reason))
            return
    reason = event.reason
    if event.state == "failed":
        reason = last_reason(task, reason)
    elif event.state == "cancelled" and task.cancelling:
        reason = task.cancelling
    machine.post("task_final", task, (event.state, reason, event.modules))


def last_reason(task: TaskRun, reason: str) -> str:
    """The reason of a final failure: after several tries it says that they are used up."""
    return reason if task.attempt < 2 else f"retries_exhausted:{reason.removeprefix('error:')}"


def retry_due(machine: Machine, task: TaskRun) -> None:
    """The delay is over: the task queues again under its old number (control rule 5)."""
    if task.phase == "retry":
        machine.queue(task)


def final(machine: Machine, task: TaskRun, state: State, reason: str, modules: Mapping[str, tuple[State, str]]) -> None:
    """The terminal record of ``task`` and its modules, and what follows inside the sub flow."""
    if task.phase == "ended":
        return
    sub = task.sub
    task.phase = "ended"
    end = machine.task_ends[task.task.id, sub.frame] = (state, reason)
    for name in task.task.modules:
        machine.record(name, task.task.id, sub.frame, modules.get(name, end) if modules else end, task.attempt or 1)
    if state == "completed":
        for fed in task.feeds:
            fed.left -= 1
            if fed.left == 0 and fed.phase == "waiting":
                machine.queue(fed)
    else:
        if state == "failed" and not sub.failure:
            sub.failure = "pending"
            sub.reason = reason
            sub.cause = (task.task.id, sub.frame)
            machine.post("judge", sub)
        sub.cut_short |= state == "cancelled"
        for fed in task.feeds:
            if fed.phase == "waiting":
                machine.post("task_final", fed, ("cancelled", reason if state == "cancelled" else "upstream_failed", {}))
    sub.tasks_left -= 1
    if sub.tasks_left == 0:
        machine.post("end", sub)


def interrupt(machine: Machine, tasks: Iterable[TaskRun], reason: str) -> None:
    """Stop what runs and start nothing more of ``tasks``. What waits for another try is cancelled as what
    runs is (rule 17): its last error would have been tried again, so it is not its end."""
    for task in tasks:
        if task.phase == "running":
            if not task.cancelling:
                task.cancelling = reason
                machine.say(CancelTask(task.task.id, task.sub.frame, reason))
        elif task.phase != "ended":
            machine.post("task_final", task, ("cancelled", reason, {}))


def give_up_retries(machine: Machine, tasks: Iterable[TaskRun]) -> None:
    """No further try begins: what waits for one ends with its last error (rule 18)."""
    for task in tasks:
        if task.phase == "retry" or (task.phase == "ready" and task.attempt > 0):
            machine.post("task_final", task, ("failed", last_reason(task, task.reason), {}))


TRANSIENT = frozenset(
    {"timeout", "oom", "lost", "WorkerKilled", "WorkerExited", "MemoryError", "InterruptedError", "BlockingIOError", "ConnectionError", "TimeoutError"}
)
"""Reasons and exceptions that may be gone the next time: ``transient`` in ``retry_on``."""


def _meant(retry: Retry, reason: str, kinds: Iterable[str]) -> bool:
    """Whether ``retry_on`` (names of exceptions or their bases, reasons, exit codes, ``transient``) covers
    a failure with this ``reason`` that answers to ``kinds`` as well."""
    if not retry.retry_on:
        return True
    names = {reason.removeprefix("error:"), *kinds}
    for name in tuple(names):
        known = getattr(builtins, name, None)
        if isinstance(known, type):
            names.update(base.__name__ for base in known.__mro__)
    return any(wanted in names or (wanted == "transient" and not names.isdisjoint(TRANSIENT)) for wanted in retry.retry_on)


def delay(retry: Retry, tried: int, seed: str) -> float:
    """Seconds to wait after try ``tried`` (from 1). Jitter takes up to half of it away, by ``seed``."""
    grown = {"fixed": 1.0, "linear": float(tried), "exponential": 2.0 ** min(tried - 1, 60)}[retry.backoff] * retry.delay
    wait = grown if retry.max_delay is None else min(grown, retry.max_delay)
    return wait * (1 - fraction(f"{seed}/{tried}") / 2) if retry.jitter else wait
