"""The one event loop of the window: asyncio on Qt. The only file that knows qasync.

Qt and asyncio share a thread here; work never runs in it. No dialog is ever opened with ``exec()``,
because a nested loop would stop every task. What a slot or a task fails with reaches
:func:`on_failure`, and the window goes on.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

from PySide6.QtWidgets import QApplication

from pypeline.app.desktop.garbage import WindowCollector

Report = Callable[[str, str], None]
"""Called with one line for a person and the full text for a bug report."""

_THREADS = 4
_tasks: set[asyncio.Task[Any]] = set()


def run(app: QApplication, main: Callable[[], Coroutine[Any, Any, int]], on_failure: Report) -> int:
    """Run ``main`` to its end on ``app``'s loop; returns what it returns."""
    import qasync

    app.setQuitOnLastWindowClosed(False)
    loop = qasync.QEventLoop(app)
    _catch(loop, on_failure)
    # plain threads for blocking calls: qasync's own outlive their loop
    with WindowCollector(), ThreadPoolExecutor(_THREADS, "pypeline-window") as threads, loop:
        loop.set_default_executor(threads)
        result: int = loop.run_until_complete(main())
    return result


def start(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Start ``work`` beside everything else; kept until it ends, its failure is reported."""
    task = asyncio.get_event_loop().create_task(work)
    _tasks.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[Any]) -> None:
    _tasks.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        task.get_loop().call_exception_handler({"message": "a task failed", "exception": error})


def _catch(loop: asyncio.AbstractEventLoop, on_failure: Report) -> None:
    """Bring every way an error can escape to one place."""

    def tell(error: BaseException) -> None:
        on_failure(f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error)))

    def from_slot(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            tell(error.with_traceback(trace))

    def from_thread(failure: threading.ExceptHookArgs) -> None:
        if failure.exc_value is not None:
            tell(failure.exc_value)

    def from_loop(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None:
            tell(error)
        else:
            on_failure(str(context.get("message", "unknown")), str(context))

    sys.excepthook = from_slot
    threading.excepthook = from_thread
    loop.set_exception_handler(from_loop)
