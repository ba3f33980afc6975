"""Running a code module: its life (setup, run, teardown), its context, its inputs and outputs.

In: an order for one module and the tables it names. Out: a :class:`TaskResult` and Arrow files for
the tasks that read on. An instance is set up once and lives over the tries of its task, in this
process, until the host releases the task; teardown is then always awaited, whatever happened.
One event loop and one pool of threads serve all of them.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pypeline.core.modules import BaseModule, DataArtifact, RunContext
from pypeline.core.planned import PlannedModule
from pypeline.core.results import HandOver, ModuleResult, TaskResult
from pypeline.runner import hand_overs
from pypeline.runner.failures import describe, first_line
from pypeline.runner.items import HERE
from pypeline.runner.order import Order
from pypeline.runner.session import TerminatedError
from pypeline.schema.problems import Place, Problem, PypeError

Make = Callable[[PlannedModule, Order], BaseModule]
_LOGGERS = "pypeline.module"


class Threads:
    """``ctx.executor``: the one pool for blocking work."""

    def __init__(self, count: int) -> None:
        self.pool = ThreadPoolExecutor(count, thread_name_prefix="module")
        self._lock = threading.Lock()
        self.busy = 0

    async def run_in_thread(self, fn: Callable[..., Any], *args: Any) -> Any:
        """``fn(*args)`` in a thread. A cancel stops the waiting at once; the thread ends by itself."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self.pool, partial(context.run, self._counted, fn, args))

    def _counted(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        with self._lock:
            self.busy += 1
        try:
            return fn(*args)
        finally:
            with self._lock:
                self.busy -= 1

    def close(self) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)


class Artifacts:
    """``ctx.artifact_manager``: an ArtifactManager that is made, with all it imports, when it is first used."""

    def __init__(self, spill: str) -> None:
        self._spill = spill
        self._made: Any = None

    def register(self, obj: Any) -> DataArtifact:
        """``obj`` (a DataFrame) as an artifact, in memory or on disk by the spill rules."""
        artifact: DataArtifact = self._manager().register(obj)
        return artifact

    def adopt(self, art: DataArtifact) -> DataArtifact:
        """``art`` itself."""
        return art

    def _manager(self) -> Any:
        if self._made is None:
            from pypeline.runner.tables.artifacts import ArtifactManager

            self._made = ArtifactManager({"spill_dir": self._spill})
        return self._made


class Globals:
    """The run's globals as one try sees them: locked, keys without regard to case, and what it set."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self._lock = threading.Lock()
        self._values = {k.casefold(): v for k, v in known.items()}
        self._set: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        with self._lock:
            return self._values[key.casefold()]

    def __setitem__(self, key: str, value: Any) -> None:
        value = plain(value, key)
        with self._lock:
            self._values[key.casefold()] = value
            self._set[key] = value

    def get(self, key: str, default: Any = None) -> Any:
        with self._lock:
            return self._values.get(key.casefold(), default)

    def taken(self) -> Mapping[str, Any]:
        """What was set here, by full key."""
        with self._lock:
            return MappingProxyType(dict(self._set))


@dataclass
class Life:
    """An instance that has begun: its context, and whether ``setup`` was awaited."""

    instance: BaseModule
    context: RunContext
    store: Globals
    begun: bool = False
    tries: int = field(default=0)


class CodeTasks:
    """All code modules living in this process."""

    def __init__(self, threads: int) -> None:
        self.threads = Threads(threads)
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(self.threads.pool)
        self._lives: dict[str, Life] = {}

    def run(self, order: Order, stop: Any, make: Make) -> TaskResult:
        """One try of ``order``'s module. Exceptions become a failed result; a cancel a cancelled one."""
        module = order.modules[0]
        work = self._loop.create_task(self._try(order, module, make))
        stop.on_request(lambda: self._loop.call_soon_threadsafe(work.cancel))
        try:
            return self._loop.run_until_complete(work)
        except TerminatedError:
            raise
        except BaseException as error:
            return self._over(order, stop, error)
        finally:
            stop.on_request(None)

    def release(self, node: str) -> str:
        """Tear down the instance of ``node`` (``task#frame``), if it has one; what went wrong with that, if anything."""
        life = self._lives.pop(node, None)
        if life is None or not life.begun:
            return ""
        try:
            self._loop.run_until_complete(life.instance.teardown(life.context))
        except TerminatedError:
            raise
        except BaseException as error:
            return f"teardown failed: {type(error).__name__}: {first_line(error)}"
        return ""

    def close(self) -> None:
        """Tear everything down that still lives."""
        for node in tuple(self._lives):
            self.release(node)
        self.threads.close()
        self._loop.close()

    async def _try(self, order: Order, module: PlannedModule, make: Make) -> TaskResult:
        life = self._lives.get(order.node)
        if life is None:
            life = self._begin(order, module, make)
            self._lives[order.node] = life
        life.store = Globals(order.globals)
        life.context._global_store = life.store
        if not life.begun:
            life.begun = True
            await life.instance.setup(life.context)
        given = life.instance.run(_inputs(order, life.instance), life.context)
        if not inspect.isawaitable(given):
            raise PypeError(Problem("PYE460", f"`run` of module `{module.id}` is no coroutine", Place(module=module.id), "Write `async def run`.", phase="run"))
        outputs = await given
        # writing may take long and holds no module code: keep the loop free for a cancel
        return await asyncio.to_thread(_result, order, module, outputs, life.store.taken())

    def _begin(self, order: Order, module: PlannedModule, make: Make) -> Life:
        store = Globals(order.globals)
        node = f"{module.id}#{order.frame}"
        context = RunContext(node, Artifacts(order.limits.spill), self.threads, _logger(node), store)
        if order.items:
            context.iter_item, context.iter_index = HERE.item(order.items[0]), order.frame
        return Life(make(module, order), context, store)

    def _over(self, order: Order, stop: Any, error: BaseException) -> TaskResult:
        """The result of a try that ``error`` ended, which may be the cancel that was asked for."""
        module = order.modules[0].id
        if isinstance(error, asyncio.CancelledError) and stop.requested:
            return TaskResult(order.task, "cancelled", "stopped", (ModuleResult(module, "cancelled", "stopped"),))
        info = describe(error, module)
        reason = f"error:{info.type if info.type != 'PypeError' else info.code}"
        return TaskResult(order.task, "failed", reason, (ModuleResult(module, "failed", reason),), error=info)


def _logger(node: str) -> logging.Logger:
    """The logger of one instance. Not a registered one: those are kept for ever, one for each frame."""
    logger = logging.Logger(f"{_LOGGERS}.{node}")
    logger.parent = logging.getLogger(_LOGGERS)
    return logger


def plain(value: Any, key: str) -> Any:
    """``value`` as JSON data: NumPy and Arrow scalars, dates and decimals become plain.

    Raises:
        PypeError: PYE461, it cannot become a global variable.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(k): plain(v, key) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v, key) for v in value]
    for spelling in ("item", "as_py"):
        scalar = getattr(value, spelling, None)
        if callable(scalar) and not hasattr(value, "columns"):
            try:
                return plain(scalar(), key)
            except (ValueError, RecursionError):
                break
    if type(value).__module__ in ("datetime", "decimal", "uuid", "pathlib"):
        return value.isoformat() if hasattr(value, "isoformat") else str(value)
    module, _, name = key.partition("#")[0], "", key.rpartition(".")[2]
    message = f"module `{module}` sets the global `{name}` to {type(value).__name__}, which is no text, number, list or mapping"
    raise PypeError(Problem("PYE461", message, Place(module=module), "Hand tables on by links, and set globals to plain values.", phase="run"))


def _inputs(order: Order, instance: BaseModule) -> dict[str, Any]:
    """Input port → artifact, or on a ``many`` port the list of artifacts in the order of the links."""
    found: dict[str, Any] = {}
    for link in sorted(order.links, key=lambda each: each.index):
        if link.id not in order.tables:
            continue
        artifact = hand_overs.HandOverArtifact(order.tables[link.id])
        if instance.PORT_RULES.get(link.target_port) == "many":
            found.setdefault(link.target_port, []).append(artifact)
        else:
            found[link.target_port] = artifact
    return found


def _result(order: Order, module: PlannedModule, outputs: Any, globals: Mapping[str, Any]) -> TaskResult:
    if outputs is None:
        outputs = {}
    if not isinstance(outputs, Mapping):
        raise PypeError(
            Problem("PYE460", f"`run` of module `{module.id}` returned {type(outputs).__name__}, not a mapping of ports",
                    Place(module=module.id), "Return `{\"output\": table}`.", phase="run"),
        )  # fmt: skip
    wanted = [port.rpartition(".")[2] for port in order.hands_over]
    if lost := [port for port in wanted if port not in outputs]:
        raise hand_overs.missing(module.id, lost, outputs)
    tables: dict[str, HandOver] = {}
    counts: dict[str, int] = {}
    previews: dict[str, str] = {}
    for port, value in outputs.items():
        where = f"{module.id}.{port}"
        if port in wanted:
            scratch = Path(order.scratch)
            preview = scratch / f"{where}.preview.arrow" if order.watch == "previews" else None
            tables[where] = hand_overs.write(value, scratch / f"{where}.arrow", where, preview)
            counts[where] = tables[where].rows
            if preview is not None:
                previews[where] = str(preview)
        elif value is not None:
            counts[where] = hand_overs.count(value, where)
    record = ModuleResult(
        module.id,
        "completed",
        rows_in={link.id: order.tables[link.id].rows for link in order.links if link.id in order.tables},
        rows_out={where.rpartition(".")[2]: rows for where, rows in counts.items()},
        globals={key.rpartition(".")[2]: value for key, value in globals.items()},
        schemas={where.rpartition(".")[2]: table.schema for where, table in tables.items()},
    )
    return TaskResult(order.task, "completed", "ok", (record,), counts, tables, previews)
