"""What the end of a try counts as, where that is not simply what its engine says.

In: a try, and the result that an engine gave or the error that kept it from one. Out: the result that the run goes on with.
"""

from __future__ import annotations

from dataclasses import replace

from pypeline.core.plan import Plan, Task
from pypeline.core.results import ErrorInfo, ModuleResult, TaskResult
from pypeline.runner.store.atomic import failure
from pypeline.runner.turns import Try

_DISK_FULL = frozenset({"PYE433", "PYE503"})
"""Trying again does not help against these."""


def judged(running: Try, result: TaskResult) -> TaskResult:
    """``result`` as it counts for a try that may have been out of time or stopped; its error says where it happened."""
    if running.late and (result.state != "completed" or running.task.kind != "segment"):
        # a late result is dropped; but what a segment has published is there
        result = _out_of_time(running.task, result)
    elif running.cancelled and result.state == "failed":
        # what a module raises while it is being stopped is no failure of its own
        result = replace(result, state="cancelled", reason=running.cancelled, modules=(), error=None)
    if result.error is not None:
        result = replace(result, error=replace(result.error, frame=running.frame, attempt_no=running.number))
    return result


def refused(task: Task, error: OSError, folder: str, pid: int = 0) -> TaskResult:
    """The result of a try for which the disk of ``folder`` had no room, or no rights."""
    problem = failure(error, folder).problems[0]
    info = ErrorInfo(problem.code, type(error).__name__, problem.message, mend=problem.mend)
    return TaskResult(task.id, "failed", f"error:{type(error).__name__}", error=info, pid=pid)


def worth_another(result: TaskResult) -> bool:
    """Whether another try could help after ``result``."""
    return result.error is None or result.error.code not in _DISK_FULL


def too_long(plan: Plan) -> ErrorInfo | None:
    """The error of a run that a timeout ended; None where the run has none, and on_error and finally took too long."""
    limit = plan.settings.timeout
    if limit is None:
        return None
    message = f"the run took longer than its `settings.timeout` of {limit:g} s and was stopped"
    return ErrorInfo("PYE454", "TimeoutError", message, mend="Allow more time, or make it smaller.")


def _out_of_time(task: Task, result: TaskResult) -> TaskResult:
    message = f"`{task.id}` ran longer than its timeout of {task.timeout:g} s and was stopped"
    info = ErrorInfo("PYE454", "Timeout", message, task.modules[0] if len(task.modules) == 1 else "", mend="Allow more time, or make it smaller.")
    records = tuple(ModuleResult(m, "failed", "timeout") for m in task.modules)
    return TaskResult(task.id, "failed", "timeout", records, error=info, seconds=result.seconds, cpu_seconds=result.cpu_seconds, peak_rss=result.peak_rss)
