"""Results of tries that gave none: the worker could not start, was stopped, or died over them."""

from __future__ import annotations

from dataclasses import replace

from pypeline.core.results import ErrorInfo, ModuleResult, TaskResult
from pypeline.runner.engines.process import Gone
from pypeline.runner.order import Order


def failed(order: Order, code: str, type: str, message: str, mend: str = "", *, peak_rss: int = 0, detail: str = "") -> TaskResult:
    """The result of a try that ended without one of its own."""
    module = order.modules[0].id if len(order.modules) == 1 else ""
    reason = f"error:{type}"
    records = tuple(ModuleResult(m.id, "failed", reason) for m in order.modules)
    return TaskResult(order.task, "failed", reason, records, error=ErrorInfo(code, type, message, module, mend=mend, detail=detail), peak_rss=peak_rss)


def over(order: Order, held: int) -> TaskResult:
    """What to say of a try that was ended for holding more memory than it had asked for."""
    name = order.modules[0].id
    message = f"`{name}` held {_gib(held)} of memory, and may hold {_gib(order.limits.most)}"
    mend = "Give it more (`resources: {memory: …}`), or let it retry with `retry: {memory_growth: 2}`."
    return replace(failed(order, "PYE468", "MemoryLimit", message, mend, peak_rss=held), reason="oom", modules=(ModuleResult(name, "failed", "oom"),))


def lost(order: Order, gone: Gone, *, cancelled: bool) -> TaskResult:
    """What to say of a try whose worker ended: what ended it, how much memory it had, what it might have had."""
    if cancelled:
        records = tuple(ModuleResult(m.id, "cancelled", "stopped") for m in order.modules)
        return TaskResult(order.task, "cancelled", "stopped", records, peak_rss=gone.peak_rss)
    names = ", ".join(f"`{m.id}`" for m in order.modules[:3]) + (", …" if len(order.modules) > 3 else "")
    if not gone.signal:
        message = f"the worker of {names} ended with exit code {gone.code} and gave no result"
        found = failed(order, "PYE452", "WorkerExited", message, "Does the module's code call `os._exit`?", peak_rss=gone.peak_rss)
    else:
        memory = f"it held {_gib(gone.peak_rss)} at most, its part of the memory is {_gib(order.limits.memory)}"
        why = "killed by the system for want of memory" if gone.oom else f"killed ({gone.signal})"
        guess = ", perhaps for want of memory" if gone.signal == "SIGKILL" and not gone.oom else ""
        mend = "Give it more memory (`resources: {memory: …}`), or let less run beside it." if gone.signal == "SIGKILL" else "Its log says more."
        found = failed(
            order, "PYE453", "WorkerKilled", f"the worker of {names} was {why}{guess}; {memory}", mend, peak_rss=gone.peak_rss, detail=gone.last_words
        )
    return replace(found, reason="oom", modules=tuple(replace(m, reason="oom") for m in found.modules)) if gone.oom else found


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f} GiB"
