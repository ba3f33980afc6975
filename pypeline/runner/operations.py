"""What a worker can be asked: one function an operation, plain data in, plain data out.

``run`` and ``release`` serve an engine; ``bind``, ``preview``, ``check``, ``evaluate`` and ``sniff``
serve the window and the checking commands, and execute nothing that writes and no code. Each
imports what it needs when it is first asked.
"""

from __future__ import annotations

import logging
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, Protocol

from pypeline.core.events import Log, RunEvent, to_json
from pypeline.core.planned import PlannedModule
from pypeline.core.results import ModuleResult, TaskResult
from pypeline.runner import order as orders
from pypeline.runner.failures import cut, describe
from pypeline.runner.order import Order
from pypeline.runner.session import TerminatedError
from pypeline.runner.wire import result_to_json
from pypeline.schema.problems import PypeError

Message = dict[str, Any]
Emit = Callable[[Message], None]
_LEVELS = {"DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARN": logging.WARNING, "ERROR": logging.ERROR}
_MODULE_LOGGER = "pypeline.module."


class Stop(Protocol):
    """A cancel on its way (see :mod:`pypeline.runner.worker`)."""

    requested: bool

    def on_request(self, then: Callable[[], None] | None) -> None: ...


class Operations:
    """The operations and what lives between them: code instances, their loop, the log bridge."""

    def __init__(self) -> None:
        self._code: Any = None
        self._waits: Any = None
        self._log = LogBridge()
        root = logging.getLogger()
        root.addHandler(self._log)
        root.setLevel(logging.WARNING)

    def __enter__(self) -> Operations:
        return self

    def __exit__(self, *_: object) -> None:
        if self._code is not None:
            self._code.close()

    @property
    def has_run_code(self) -> bool:
        """Whether modules other than SQL have run in this process."""
        return self._code is not None

    @property
    def abandoned(self) -> bool:
        """Whether threads of modules still run that nobody waits for any more."""
        return any(code is not None and code.threads.busy > 0 for code in (self._code, self._waits))

    def warm(self, names: Iterable[str]) -> None:
        """Import ahead what orders will need: ``tables``, ``expressions``, ``code``."""
        for name in names:
            if name == "tables":
                import duckdb  # noqa: F401

                # what every module type needs, whoever wrote it
                import pypeline.core.declare
                import pypeline.core.fields
                import pypeline.runner.tables.segment
            elif name == "expressions":
                from pypeline.core import expressions

                expressions.check("true")
            elif name == "code":
                import pypeline.runner.code_task  # noqa: F401

    def answer(self, message: Message, emit: Emit, stop: Stop) -> Message:
        """The reply to one request: ``value``, or ``problems``, or ``error`` for what nobody foresaw."""
        try:
            return {"value": getattr(self, f"op_{message['op']}")(message, emit, stop)}
        except PypeError as error:
            return {"problems": [p.to_json() for p in error.problems]}
        except TerminatedError:
            raise
        except BaseException as error:
            return {"error": asdict(describe(error))}

    def wait(self, message: Message, stop: Stop, reply: Emit) -> None:
        """Begin a try of a module that only waits. ``reply`` gets its :class:`TaskResult`, in another thread, when it has ended."""
        if self._waits is None:
            from pypeline.runner.waits import Waits

            self._waits = Waits()
        began = time.monotonic()

        def tell(result: TaskResult) -> None:
            reply({"value": result_to_json(_signed(result, time.monotonic() - began, 0.0))})

        self._waits.begin(orders.from_json(message["order"]), stop, instance, tell)

    def op_run(self, message: Message, emit: Emit, stop: Stop) -> Message:
        """One try of a task: ``order`` in, a :class:`TaskResult` out, whatever happens."""
        order = orders.from_json(message["order"])
        level, ours = _LEVELS.get(message.get("level", "INFO"), logging.INFO), logging.getLogger("pypeline")
        if ours.level != level:
            # setting it again looks through all loggers there are
            ours.setLevel(level)
        self._log.bind(order, emit)
        forget_peak()
        wall, cpu = time.monotonic(), _cpu()
        try:
            result = self._run(order, int(message.get("threads", 1)), emit, stop)
        except TerminatedError:
            raise
        except BaseException as error:
            # a module that is imported, made or related may do anything, also exit
            result = _failure(order, error)
        finally:
            self._log.bind(None, None)
        return result_to_json(_signed(result, time.monotonic() - wall, _cpu() - cpu))

    def _run(self, order: Order, threads: int, emit: Emit, stop: Stop) -> TaskResult:
        if stop.requested:
            return _cancelled(order)
        if order.kind == "segment":
            from pypeline.runner.tables import segment

            with _interruptible(stop):
                instances = {m.id: instance(m, order) for m in order.modules}
                result: TaskResult = segment.run(order, instances, lambda event: emit(to_json(event)))
            if stop.requested and result.state == "failed":
                return _cancelled(order)
            return _named(result)
        if self._code is None:
            from pypeline.runner.code_task import CodeTasks

            self._code = CodeTasks(threads)
        done: TaskResult = self._code.run(order, stop, instance)
        if self._code.threads.busy:
            emit({"kind": "busy_threads", "threads": self._code.threads.busy})
        return done

    def op_release(self, message: Message, emit: Emit, _stop: Stop) -> str:
        """Tear down the instance of a ``task#frame``; what went wrong with that, or ``""``."""
        return "" if self._code is None else str(self._code.release(message["node"]))

    def op_freeze(self, message: Message, _emit: Emit, _stop: Stop) -> Message:
        """A Parquet file, or a folder of parts, as one Arrow file at ``path``."""
        from pypeline.runner import items

        return asdict(items.freeze(message["source"], message["path"]))

    def op_bind(self, message: Message, _emit: Emit, _stop: Stop) -> Message:
        """Columns of every port of relational modules, and the problems of each module that has any."""
        from pypeline.runner import binding

        return binding.bind(orders.from_json(message["order"]), instance)

    def op_preview(self, message: Message, _emit: Emit, stop: Stop) -> Message:
        """The first rows of a port, as an Arrow file at ``path``."""
        from pypeline.runner import binding

        with _interruptible(stop):
            return binding.preview(orders.from_json(message["order"]), instance, message["port"], int(message["rows"]))

    def op_convert(self, message: Message, _emit: Emit, stop: Stop) -> int:
        """Convert the text sources above a port; the next question interrupts it."""
        from pypeline.runner import binding

        with _interruptible(stop):
            return binding.convert(orders.from_json(message["order"]), instance, message["port"])

    def op_check(self, message: Message, _emit: Emit, _stop: Stop) -> Message | None:
        """What is wrong with an expression's form, or None."""
        from pypeline.core import expressions

        error = expressions.check(message["text"], aggregates=bool(message.get("aggregates")))
        return None if error is None else {"code": error.code, "message": error.message, "offset": error.offset, "mend": error.mend}

    def op_evaluate(self, message: Message, _emit: Emit, _stop: Stop) -> Any:
        """The value of an expression over bound ``values`` and an item's: a valve's condition."""
        from pypeline.runner.binding import evaluate

        values = message["values"]
        if message.get("items"):
            from pypeline.runner import items

            values = {**values, **items.HERE.values([orders.Item(**item) for item in message["items"]])}
        return evaluate(message["expression"], values)

    def op_sniff(self, message: Message, _emit: Emit, _stop: Stop) -> Message:
        """Header, dialect and cautiously guessed columns of source files."""
        from pypeline.runner.tables import sniff

        return asdict(sniff.sniff(message["files"], message["options"]))


class LogBridge(logging.Handler):
    """Log records of modules and libraries become Log events of the task in hand."""

    def __init__(self) -> None:
        super().__init__()
        self._order: Order | None = None
        self._emit: Emit | None = None

    def bind(self, order: Order | None, emit: Emit | None) -> None:
        """From now on records belong to ``order``."""
        self._order, self._emit = order, emit

    def emit(self, record: logging.LogRecord) -> None:
        if self._emit is None or self._order is None:
            return
        own = record.name.startswith(_MODULE_LOGGER)
        node = record.name[len(_MODULE_LOGGER) :] if own else f"{self._order.modules[0].id}#{self._order.frame}"
        level = "ERROR" if record.levelno >= 40 else "WARN" if record.levelno >= 30 else "INFO" if record.levelno >= 20 else "DEBUG"
        event: RunEvent = Log(run=self._order.run, attempt=0, time=record.created, level=level, message=cut(record.getMessage()), node_id=node)  # type: ignore[arg-type]
        self._emit(to_json(event))


@contextmanager
def _interruptible(stop: Stop) -> Iterator[None]:
    """While this lasts a cancel interrupts the statements of this process, again and again: the next
    one may only be about to begin."""
    from pypeline.runner.tables import connection

    over = threading.Event()

    def press() -> None:
        while True:
            connection.interrupt()
            if over.wait(0.02):
                return

    presser = threading.Thread(target=press, daemon=True)
    stop.on_request(presser.start)
    try:
        yield
    finally:
        stop.on_request(None)
        over.set()
        if presser.is_alive():
            presser.join()


def forget_peak() -> None:
    """Let the kernel's peak of this process's memory begin anew, where it allows that."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as refs:
            refs.write("5")
    except OSError:
        return


def instance(module: PlannedModule, order: Order) -> Any:
    """The configured instance of ``module``, with globals, item and environment filled in."""
    from pypeline.runner import instances, items, run_values

    schema = None
    if module.templates:
        from pypeline.runner.registry import module_class

        config = module_class(module.module_path, module.type, order.folder).Config
        schema = None if config is None else config.model_json_schema()
    item = items.HERE.values(order.items) if order.items else {}
    return instances.make(run_values.fill(module, order.globals, order.frame, order.env, schema, item), order.folder)


def _signed(result: TaskResult, seconds: float, cpu: float) -> TaskResult:
    """``result`` with what it took, and where."""
    from pypeline.runner.worker import peak_rss

    return replace(result, seconds=result.seconds or seconds, cpu_seconds=cpu, peak_rss=peak_rss(), host=socket.gethostname(), pid=os.getpid())


def _named(result: TaskResult) -> TaskResult:
    """``result`` with its failure named in its reason."""
    if result.state != "failed" or result.error is None or result.reason not in ("error", "failed"):
        return result
    reason = f"error:{result.error.code if result.error.type == 'PypeError' else result.error.type}"
    return replace(result, reason=reason, modules=tuple(replace(m, reason=reason) if m.reason == "error" else m for m in result.modules))


def _cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _cancelled(order: Order) -> TaskResult:
    return TaskResult(order.task, "cancelled", "stopped", tuple(ModuleResult(m.id, "cancelled", "stopped") for m in order.modules))


def _failure(order: Order, error: BaseException) -> TaskResult:
    """A try that failed before or outside its modules' own code."""
    info = describe(error, order.modules[0].id if len(order.modules) == 1 else "")
    reason = f"error:{info.code if isinstance(error, PypeError) else info.type}"
    records = tuple(ModuleResult(m.id, "failed" if info.module in ("", m.id) else "cancelled", reason) for m in order.modules)
    return TaskResult(order.task, "failed", reason, records, error=info)
