"""From the plan to orders: what a try of a task must be told, and where its tables lie.

Comes in: the plan, once; results, as they end. Goes out: an :class:`Order` a try, and the hand-over
files that nobody will read any more. Links are sorted out once, so that an order costs no search.
Everything that lies somewhere belongs to a task in a frame, and goes with it at the latest.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pypeline.core.plan import Plan, Task
from pypeline.core.planned import PlannedLink, PlannedModule
from pypeline.core.results import FAILURE_GLOBALS, ErrorInfo, HandOver, TaskResult
from pypeline.runner.collected import Collected
from pypeline.runner.frames import Frames, Scope
from pypeline.runner.order import Item, Limits, Order
from pypeline.runner.slots import Demand
from pypeline.runner.store.bundle import Bundle
from pypeline.schema.collection import paused

Watch = Literal["counts", "previews", "off"]


class _Around:
    """What lies around a task: the ports of others that it reads, each once; the links inside it and into it; and
    those ports of its own that links leave."""

    __slots__ = ("counted", "links", "reads")

    def __init__(self, reads: tuple[str, ...]) -> None:
        self.reads = reads
        self.links: list[PlannedLink] = []
        self.counted: list[str] = []


class Dispatch:
    """Orders of one run. ``bundle`` is None where an engine needs no folders."""

    def __init__(self, plan: Plan, bundle: Bundle | None, watch: Watch) -> None:
        self._plan = plan
        self._bundle = bundle
        self._watch = watch
        self._scratch, self._published = ("", "") if bundle is None else (str(bundle.scratch), str(bundle.publish))
        self.frames = Frames(plan)
        self.collected = Collected(plan, self.frames, bundle)
        self.tables: dict[tuple[str, str], HandOver] = {}
        self.links_from: dict[str, list[PlannedLink]] = {}
        self._valves = {valve.index: valve for valve in plan.valves}
        self._ports = {id: link.port for id, link in plan.links.items()}
        self._around: dict[str, _Around] = {}
        # a port that only one task or loop reads is not counted in `_left`
        self._readers: dict[str, int] = {}
        self._left: dict[tuple[str, str], int] = {}
        self._folders_in: dict[Scope, list[str]] = {}
        with paused():
            self._sort_out(plan)

    def _sort_out(self, plan: Plan) -> None:
        home: dict[str, _Around] = {}
        for task in plan.tasks.values():
            ports = tuple(dict.fromkeys([self._ports[link] for link in task.inputs]))
            self._around[task.id] = around = _Around(ports)
            for port in ports:
                self._readers[port] = self._readers.get(port, 0) + 1
            for module in task.modules:
                home[module] = around
        for valve in plan.valves:
            if valve.items:
                self._readers[valve.items] = self._readers.get(valve.items, 0) + 1
        for id, link in plan.links.items():
            source, target, port = home.get(link.source), home.get(link.target), self._ports[id]
            if target is not None:
                target.links.append(link)
            if port in self.links_from:
                self.links_from[port].append(link)
            else:
                self.links_from[port] = [link]
                if source is not None:
                    source.counted.append(port)

    def order(self, task: Task, frame: str, attempt_no: int, demand: Demand, devices: tuple[str, ...] = ()) -> Order:
        """The order for a try of ``task``, its private folders made.

        Raises:
            OSError: a folder cannot be made.
        """
        plan, around, loop = self._plan, self._around[task.id], self.frames.loop_of(task)
        modules = tuple(map(plan.modules.__getitem__, task.modules))
        scratch = spill = publish = ""
        if self._bundle is not None:
            scratch, spill = self._folders(self._bundle, task, (loop, frame), attempt_no)
            publish = self._record(task, frame, attempt_no)
        # the table engine keeps its limit by itself; code has to be watched, where somebody gave it one
        most = demand["memory"] if task.kind != "segment" and task.resources.memory else 0
        needs_globals = task.kind != "segment" or any(m.globals_read for m in modules)
        # made for every try: a name for each field would take twice as long
        order = Order(
            task.id,
            task.kind,
            attempt_no,
            modules,
            tuple(around.links),
            Limits(demand["cpus"], demand["memory"], spill, task.timeout, most, devices),
            scratch,
            plan.folder,
            {link: self.tables[self._ports[link], frame] for link in task.inputs} if task.inputs else {},
            task.hands_over,
            () if self._watch == "off" else tuple(around.counted),
            self._watch,
            plan.settings.execution_mode,
            publish,
            self.frames.seen(loop, frame) if needs_globals else {},
            plan.env,
            frame,
            plan.run_id,
            () if loop is None else self.frames.items(loop, frame),
            task.waits,
        )
        return self.collected.without(order)

    def ended(self, task: Task, result: TaskResult, frame: str) -> dict[str, Any]:
        """Take over what a completed try gave: its tables and globals. Returns the globals by ``module__Var``."""
        for port, table in result.outputs.items():
            readers = self._readers.get(port, 0)
            if readers:
                self.tables[port, frame] = table
                if readers > 1:
                    self._left[port, frame] = readers
        named: dict[str, Any] = {}
        for record in result.modules:
            self.frames.set(self.frames.loop_of(task), frame, record.module, record.globals)
            named.update((f"{record.module}__{name}", value) for name, value in record.globals.items())
        return named

    def failed(self, task: Task, error: ErrorInfo, frame: str) -> dict[str, Any]:
        """What a failed try leaves for those that handle it, as globals of each of its modules. Returns them by ``module__Var``."""
        said = dict(zip(FAILURE_GLOBALS, (error.message, error.code), strict=True))
        loop = self.frames.loop_of(task)
        for module in task.modules:
            self.frames.set(loop, frame, module, said)
        return {f"{module}__{name}": value for module in task.modules for name, value in said.items()}

    def settle(self, task: Task, frame: str, attempt_no: int) -> None:
        """A try ended without a word from its worker: finish the renames it had begun, or remove what it staged."""
        if self._bundle is not None and task.kind == "segment":
            self.settled(self._record(task, frame, attempt_no))

    @staticmethod
    def settled(record: str) -> None:
        """As :meth:`settle`, by the path of the publish record."""
        if record:
            from pypeline.runner.tables import publish

            publish.settle(record)

    def drop(self, task: Task, frame: str) -> None:
        """``task`` reads nothing any more: remove the tables whose last reader it was."""
        for port in self._around[task.id].reads:
            self._read(port, frame)

    def keep_previews(self, previews: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Move a try's previews to where they outlive the run: (port, path) each; the newest frame's stay."""
        if self._bundle is None:
            return
        for port, path in previews.items():
            kept = self._bundle.previews / f"{port}.arrow"
            Path(path).replace(kept)
            yield port, str(kept)

    # --- loops ------------------------------------------------------------------------------------

    def items(self, valve: int, frame: str) -> tuple[HandOver, str]:
        """The table that the loop goes over in its source's ``frame``, and the path to freeze it at.

        Raises:
            KeyError: the source left no table.
        """
        table = self.tables[self._valves[valve].items, frame]
        if self._bundle is None:
            return table, table.path
        folder = self._bundle.scratch / "items"
        folder.mkdir(mode=0o700, exist_ok=True)
        return table, str(folder / f"{valve}-{frame}.arrow")

    def freeze(self, valve: int, frame: str, table: HandOver) -> None:
        """``table`` is frozen: its rows are the items of the loop until that is over."""
        self.frames.freeze(valve, frame, table)
        if not table.rows:
            self.loop_over(valve, frame)
            self.nothing_collected(valve, frame)

    def nothing_collected(self, valve: int, frame: str) -> None:
        """No frame of the loop gave rows: its sinks have none, and those after it can tell."""
        loop = self._plan.sub_flows[self._valves[valve].source_sub_flow].loop
        for sink in self._valves[valve].joins:
            self.frames.set(loop, frame, sink, self.collected.nothing(sink))

    def passed_by(self, valve: int, frame: str) -> None:
        """The loop's source has been read, or will not be: its table may go."""
        self._read(self._valves[valve].items, frame)

    def items_of(self, valve: int, frame: str) -> tuple[Item, ...]:
        """The items that the condition of link ``valve`` sees in its source's ``frame``."""
        return self.frames.items(self._plan.sub_flows[self._valves[valve].source_sub_flow].loop, frame)

    def joining(self, task: Task, sink: PlannedModule, link: PlannedLink, table: HandOver, valve: int, frame: str, demand: Demand) -> Order:
        """The order for ``sink`` to write what it collected in all frames of the loop, as one ``table``.

        Raises:
            OSError: a folder cannot be made.
        """
        loop = self._plan.sub_flows[self._valves[valve].source_sub_flow].loop
        name = f"{sink.id}#{valve}-{frame}-joined"
        scratch = spill = publish = ""
        if self._bundle is not None:
            folder = self._bundle.scratch / name
            folder.mkdir(mode=0o700)
            (folder / "spill").mkdir(mode=0o700)
            scratch, spill, publish = str(folder), str(folder / "spill"), str(self._bundle.publish / f"{name}.json")
        return Order(
            task=task.id,
            kind="segment",
            attempt_no=1,
            modules=(sink,),
            links=(link,),
            limits=Limits(demand["cpus"], demand["memory"], spill),
            scratch=scratch,
            folder=self._plan.folder,
            tables={link.id: table},
            mode=self._plan.settings.execution_mode,
            publish=publish,
            globals=self.frames.seen(loop, frame),
            env=self._plan.env,
            frame=frame,
            run=self._plan.run_id,
            items=() if loop is None else self.frames.items(loop, frame),
        )

    def frame_over(self, valve: int, frame: str, *, good: bool) -> None:
        """Pass ``frame`` of the loop has ended: nothing of it is read any more."""
        self.frames.frame_over(valve, frame)
        self.collected.frame_over(valve, frame, good=good)
        for task in self.frames.within[valve]:
            for port in task.hands_over:
                self.tables.pop((port, frame), None)
                self._left.pop((port, frame), None)
        for folder in self._folders_in.pop((valve, frame), ()):
            if os.path.lexists(folder):
                shutil.rmtree(folder, ignore_errors=True)

    def loop_over(self, valve: int, frame: str) -> None:
        """All passes of the loop have ended: its items go, its last globals are seen around it."""
        self.collected.loop_over(valve, frame)
        table = self.frames.loop_over(valve, frame)
        if table is not None and self._bundle is not None:
            Path(table.path).unlink(missing_ok=True)

    # --- files ------------------------------------------------------------------------------------

    def _read(self, port: str, frame: str) -> None:
        """One reader of a table less; the last one takes it away."""
        left = self._left.pop((port, frame), 1) - 1
        if left:
            self._left[port, frame] = left
            return
        table = self.tables.pop((port, frame), None)
        if table is not None and table.path:
            Path(table.path).unlink(missing_ok=True)

    def _record(self, task: Task, frame: str, attempt_no: int) -> str:
        return f"{self._published}/{_name(task, self.frames.loop_of(task), frame, attempt_no)}.json"

    def _folders(self, bundle: Bundle, task: Task, scope: Scope, attempt_no: int) -> tuple[str, str]:
        name = _name(task, *scope, attempt_no)
        scratch = f"{self._scratch}/{name}"
        base = self._plan.settings.spill_dir
        spill = f"{bundle.spill(base)}/{name}" if base else f"{scratch}/spill"
        if scope[0] is not None:
            self._folders_in.setdefault(scope, []).extend((scratch, spill) if base else (scratch,))
        if task.kind in ("solo", "gate") and not task.hands_over:
            # it has no tables; what spills makes its folder itself
            return scratch, spill
        os.mkdir(scratch, 0o700)
        os.mkdir(spill, 0o700)
        return scratch, spill


def _name(task: Task, loop: int | None, frame: str, attempt_no: int) -> str:
    """A try's own name among the files of a run."""
    return f"{task.id}-t{attempt_no}" if loop is None else f"{task.id}#{frame}-t{attempt_no}"
