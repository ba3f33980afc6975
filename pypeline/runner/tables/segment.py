"""Running a segment: bind, prune, compile, execute in a locked instance, publish, account for every row.

In: an order and its configured modules. Out: a :class:`TaskResult`; nothing is visible in any target
before all went well. The engine's words never reach a person untranslated (``errors``).
"""

from __future__ import annotations

import resource
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pypeline.core.columns import Schema, names
from pypeline.core.events import Log, Progress, RunEvent
from pypeline.core.modules import BaseModule
from pypeline.core.relation import REJECT_COLUMNS, Scan
from pypeline.core.results import HandOver, ModuleResult, TaskResult
from pypeline.runner.order import Order
from pypeline.runner.tables import compile as compiling
from pypeline.runner.tables import errors, metered, modes, publish, rejects, scan, showing, write
from pypeline.runner.tables import preview as preview_room
from pypeline.runner.tables.bind import fuse
from pypeline.runner.tables.fused import Fused
from pypeline.runner.tables.prune import keep
from pypeline.schema.problems import Problem, PypeError

Emit = Callable[[RunEvent], None]

PROGRESS_EVERY = 0.25
"""Seconds between two progress events of a running statement."""

OVERTAKEN = 50
"""How often a segment is begun whose rows go behind those of a file that others add to at the same time."""

PREVIEW_SHARE = 0.15
LEAST_PREVIEW_SECONDS = 0.5
"""A watched run spends this share of its statement's time on previews, and at least so much."""

preview = preview_room.preview


def bind(order: Order, instances: Mapping[str, BaseModule]) -> dict[str, Schema]:
    """The columns of every output port, ``module.port`` → schema; no row is read.

    Raises:
        PypeError: a config does not fit; the problem names module, path and candidates.
    """
    return fuse(order, instances, _all_ports(order, instances)).ports()


def run(order: Order, instances: Mapping[str, BaseModule], emit: Emit) -> TaskResult:
    """Execute the segment. Never raises for what a flow, its data or the machine can do wrong: the
    result says ``failed`` with a code, the module and, where known, the column and line.

    Interrupt it from another thread with :func:`pypeline.runner.tables.connection.interrupt`.
    """
    started, cpu = time.monotonic(), _cpu()
    if order.mode == "dask":
        done = modes.by_partitions(order, instances, lambda part: _attempt(part, instances, emit))
    else:
        done = _attempt(modes.through_pandas(order) if order.mode == "pandas" else order, instances, emit)
    return errors.timed(done, time.monotonic() - started, _cpu() - cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _attempt(order: Order, instances: Mapping[str, BaseModule], emit: Emit) -> TaskResult:
    import duckdb

    work = Work(order, instances, emit)
    try:
        return work.do()
    except PypeError as error:
        return work.failed(errors.from_problem(error.problems[0]))
    except OSError as error:
        return work.failed(errors.from_os(error))
    except duckdb.InterruptException as error:
        # told to end before its statement had begun, or after it was over
        code, message, mend = errors.classified(error)
        return work.failed(errors.from_problem(Problem(code, message, mend=mend, phase="run")))


@dataclass
class Work:
    """One try of one segment, from order to result."""

    order: Order
    instances: Mapping[str, BaseModule]
    emit: Emit
    targets: list[write.Target] = field(default_factory=list)
    sql: str = ""
    shown: bool = False
    meters: bool = True
    """Whether the engine's own meters may still count."""

    def do(self) -> TaskResult:
        """Run to the end.

        Raises:
            PypeError: anything went wrong; what was staged is gone.
        """
        try:
            return self._do()
        except BaseException:
            publish.discard(self.targets, self.order.publish)
            raise

    def _do(self) -> TaskResult:
        for left in reversed(range(OVERTAKEN)):
            try:
                return self._once()
            except metered.NotTold:
                self.meters = False
                publish.discard(self.targets, self.order.publish)
                self.targets.clear()
            except PypeError as error:
                if not left or error.problems[0].code != "PYE407":
                    raise
                # another frame was quicker: its rows are kept, and ours go behind them
                publish.discard(self.targets, self.order.publish)
                self.targets.clear()
        raise AssertionError("the last try returns or raises")

    def _once(self) -> TaskResult:
        order = self.order
        whole = fuse(order, self.instances)
        fused = pruned(whole, order)
        token = secrets.token_hex(6)
        self.targets += [write.target(s.module, s.write, order.folder, order.limits.spill, f"{token}-{i}") for i, s in enumerate(fused.sinks)]
        publish.announce(self.targets, order.publish)
        readings = {t.name: scan.reading(t, order.folder, order.limits.spill) for t in fused.tables.values() if isinstance(t.query, Scan)}
        hands = {name: str(Path(order.scratch, f"{name}.parquet")) for name in order.hands_over}
        watched = order.watch == "previews"
        written = preview_room.in_files(fused, self.targets, hands) if watched else {}
        kept = preview_room.to_keep(fused, order.count, order.scratch, written) if watched else {}
        statement = compiling.statement(fused, readings, counts=order.count, targets=self.targets, hands=hands, kept=kept, meters=self.meters)
        statement = replace(statement, paths=tuple(dict.fromkeys([*statement.paths, *written.values()])))
        self.sql = statement.sql
        with compiling.instance(order, statement) as connection:
            began = time.monotonic()
            rows = self._execute(connection, statement, fused)
            found = rejects.collect(connection, statement.rejects, {m.id: m for m in order.modules}, hands)
            files = publish.publish(self.targets, order.publish)
            previews = {}
            if watched:
                allowed = max(LEAST_PREVIEW_SECONDS, PREVIEW_SHARE * (time.monotonic() - began))
                previews = preview_room.after_run(connection, fused, statement, order.count, kept, written, rows, order.scratch, allowed)
        for warning in found.warnings:
            self._log("WARN", warning)
        return replace(self._result(fused, rows, found, hands, files), previews=previews)

    def _execute(self, connection: Any, statement: compiling.Statement, fused: Fused) -> dict[str, int]:
        import duckdb

        try:
            plan = errors.plan(connection, statement)
            errors.refuse_unplaced_writes(plan, statement)
            if statement.metered is not None:
                metered.check(plan, statement.metered)
            with self._watched(connection):
                rows = connection.execute(statement.sql).fetchall()
            measured = metered.told(connection.get_profiling_information(), statement.metered) if statement.metered is not None else {}
        except duckdb.Error as error:
            raise errors.located(error, self.order, fused, connection, statement) from error
        told = {statement.keys[place]: (number, shown) for place, number, shown in rows}
        for number, show in enumerate(() if self.shown else fused.shows):
            self._log("INFO", showing.as_text(told[f"show {number}"][1], show.show.options), show.module)
        self.shown = True
        numbers = {key: number for key, (number, _) in told.items()} | {f"meter {name}": number for name, number in measured.items()}
        return numbers | {f"count {name}": numbers[key] for name, key in statement.counted_as.items()}

    def _result(self, fused: Fused, rows: Mapping[str, int], found: rejects.Found, hands: Mapping[str, str], files: tuple[str, ...]) -> TaskResult:
        order = self.order
        counts = {name: rows[f"count {name}"] for name in order.count if f"count {name}" in rows}
        counts |= {name: found.rows(name) for name in order.count if found.is_reject_port(name)}
        outputs = {}
        for name, path in hands.items():
            schema = REJECT_COLUMNS if found.is_reject_port(name) else fused.tables[name].schema
            number = found.rows(name) if found.is_reject_port(name) else rows[f"hand {name}"]
            outputs[name] = HandOver(path, "parquet", number, schema, Path(path).stat().st_size)
        written = {sink.module: rows[f"write {i}"] for i, sink in enumerate(fused.sinks)}
        modules = tuple(self._module(m.id, fused, counts, written, found) for m in order.modules)
        return TaskResult(order.task, "completed", "ok", modules, counts, outputs, files=files, sql=self.sql)

    def _module(self, module: str, fused: Fused, counts: Mapping[str, int], written: Mapping[str, int], found: rejects.Found) -> ModuleResult:
        own = {name.rpartition(".")[2]: number for name, number in counts.items() if name.rpartition(".")[0] == module}
        arriving = {link.id: counts[link.port] for link in self.order.links if link.target == module and link.port in counts}
        arriving |= {link.id: self.order.tables[link.id].rows for link in self.order.links if link.target == module and link.id in self.order.tables}
        schemas = {t.name.rpartition(".")[2]: t.schema for t in fused.tables.values() if t.module == module and t.is_port and t.hand_over is None}
        rejected = found.lines.get(module, 0)
        values = self._globals(module, own, arriving, written, found)
        return ModuleResult(module, "completed", "ok", arriving, own, rejected, values, schemas)

    def _globals(self, module: str, own: Mapping[str, int], arriving: Mapping[str, int], written: Mapping[str, int], found: rejects.Found) -> dict[str, Any]:
        planned = next(m for m in self.order.modules if m.id == module)
        known: dict[str, Any] = {"rejected_count": found.lines.get(module, own.get("reject", 0))}
        first = next((number for port, number in own.items() if port != "reject"), None)
        if module in written or first is not None or arriving:
            known["row_count"] = written.get(module, first if first is not None else sum(arriving.values()))
        if planned.source is not None:
            known |= {"file_count": len(planned.source.files), "file_size": sum(f.size for f in planned.source.files)}
        path = next((t.path for t in self.targets if t.module == module), None)
        if path is not None:
            known["file_path"] = path
        declared = getattr(self.instances.get(module), "GLOBALS", [])
        return {name: known[name] for name in declared if name in known}

    def failed(self, error: Any) -> TaskResult:
        """The result of a try that went wrong: the module at fault failed, the others with it."""
        modules = tuple(ModuleResult(m.id, "failed", "error" if error.module in ("", m.id) else "task_failed") for m in self.order.modules)
        return TaskResult(self.order.task, "failed", "error", modules, error=error, sql=self.sql)

    def _log(self, level: Any, message: str, module: str = "") -> None:
        order = self.order
        node = f"{module}#{order.frame}" if module else ""
        self.emit(Log(run=order.run, attempt=order.attempt_no, time=time.time(), level=level, message=message, node_id=node))

    @contextmanager
    def _watched(self, connection: Any) -> Iterator[None]:
        """Progress events while the statement runs, as far as the engine can tell."""
        over = threading.Event()
        modules = tuple(m.id for m in self.order.modules)

        def watch() -> None:
            while not over.wait(PROGRESS_EVERY):
                percent = connection.query_progress()
                known = percent / 100 if 0 <= percent <= 100 else None
                order, now = self.order, time.time()
                self.emit(Progress(run=order.run, attempt=order.attempt_no, time=now, task=order.task, modules=modules, fraction=known, frame=order.frame))

        thread = threading.Thread(target=watch, name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def pruned(whole: Fused, order: Order) -> Fused:
    """``whole`` with the columns that its sinks, shows and hand-overs use, and the tables it counts."""
    ends = [*(s.table for s in whole.sinks), *(s.table for s in whole.shows), *(name for name in order.hands_over if name in whole.tables)]
    wanted = {name: set(names(whole.tables[name].schema)) for name in ends}
    read = [t.name for t in whole.tables.values() if isinstance(t.query, Scan) and t.query.format == "csv"]
    return keep(whole, wanted, [*(n for n in order.count if n in whole.tables), *read])


def _all_ports(order: Order, instances: Mapping[str, BaseModule]) -> dict[str, frozenset[str]]:
    from pypeline.runner.tables.bind import asked

    return {module: ports | frozenset(getattr(instances.get(module), "OUTPUT_PORTS", ())) for module, ports in asked(order).items()}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
