"""From the plan to orders: what a try of a task must be told, and where its tables lie.

Comes in: the plan, once; results, as they end. Goes out: an :class:`Order` a try, and the hand-over
files that nobody will read any more. Links are sorted out once, so that an order costs no search.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pypeline.core.plan import Plan, Task
from pypeline.core.planned import PlannedLink
from pypeline.core.results import HandOver, TaskResult
from pypeline.runner.order import Limits, Order
from pypeline.runner.slots import Demand
from pypeline.runner.store.bundle import Bundle

Watch = Literal["counts", "previews", "off"]


class Dispatch:
    """Orders of one run. ``bundle`` is None where an engine needs no folders."""

    def __init__(self, plan: Plan, bundle: Bundle | None, watch: Watch) -> None:
        self._plan = plan
        self._bundle = bundle
        self._watch = watch
        self.tables: dict[str, HandOver] = {}
        self.globals: dict[str, Any] = {}
        self.links_of: dict[str, list[PlannedLink]] = {}
        self.links_from: dict[str, list[PlannedLink]] = {}
        self._count: dict[str, list[str]] = {}
        self._readers: dict[str, int] = {}
        task_of = {module: task.id for task in plan.tasks.values() for module in task.modules}
        for link in plan.links.values():
            source, target = task_of.get(link.source), task_of.get(link.target)
            if target is not None:
                self.links_of.setdefault(target, []).append(link)
            if source is not None and link.port not in self.links_from:
                self._count.setdefault(source, []).append(link.port)
            self.links_from.setdefault(link.port, []).append(link)
        for task in plan.tasks.values():
            for port in {plan.links[link].port for link in task.inputs}:
                self._readers[port] = self._readers.get(port, 0) + 1

    def order(self, task: Task, frame: str, attempt_no: int, demand: Demand) -> Order:
        """The order for a try of ``task``, its private folders made.

        Raises:
            OSError: a folder cannot be made.
        """
        plan = self._plan
        modules = tuple(map(plan.modules.__getitem__, task.modules))
        scratch = spill = publish = ""
        if self._bundle is not None:
            scratch, spill = self._folders(f"{task.id}-t{attempt_no}")
            publish = self._record(self._bundle, task, attempt_no)
        needs_globals = task.kind != "segment" or any(m.globals_read for m in modules)
        return Order(
            task=task.id,
            kind=task.kind,
            attempt_no=attempt_no,
            modules=modules,
            links=tuple(self.links_of.get(task.id, ())),
            limits=Limits(demand["cpus"], demand["memory"], spill, task.timeout),
            scratch=scratch,
            folder=plan.folder,
            tables={link: self.tables[link] for link in task.inputs},
            hands_over=task.hands_over,
            count=() if self._watch == "off" else tuple(self._count.get(task.id, ())),
            watch=self._watch,
            mode=plan.settings.execution_mode,
            publish=publish,
            globals=dict(self.globals) if needs_globals else {},
            env=plan.env,
            frame=frame,
            run=plan.run_id,
        )

    def ended(self, task: Task, result: TaskResult, frame: str) -> dict[str, Any]:
        """Take over what a completed try gave: its tables and globals. Returns the globals by ``module__Var``."""
        for port, table in result.outputs.items():
            for link in self.links_from.get(port, ()):
                self.tables[link.id] = table
        named = {}
        for record in result.modules:
            for name, value in record.globals.items():
                self.globals[f"{record.module}#{frame}.{name}"] = value
                named[f"{record.module}__{name}"] = value
        return named

    def settle(self, task: Task, attempt_no: int) -> None:
        """A try ended without a word from its worker: finish the renames it had begun, or remove what it staged."""
        if self._bundle is not None and task.kind == "segment":
            from pypeline.runner.tables import publish

            publish.settle(self._record(self._bundle, task, attempt_no))

    def _record(self, bundle: Bundle, task: Task, attempt_no: int) -> str:
        return str(bundle.publish / f"{task.id}-t{attempt_no}.json")

    def drop(self, task: Task) -> None:
        """``task`` reads nothing any more: remove the tables whose last reader it was."""
        for port in {self._plan.links[link].port for link in task.inputs}:
            self._readers[port] -= 1
            if self._readers[port]:
                continue
            for link in self.links_from[port]:
                table = self.tables.pop(link.id, None)
                if table is not None and table.path:
                    Path(table.path).unlink(missing_ok=True)

    def keep_previews(self, previews: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Move a try's previews to where they outlive the run: (port, path) each."""
        if self._bundle is None:
            return
        for port, path in previews.items():
            kept = self._bundle.previews / f"{port}.arrow"
            Path(path).replace(kept)
            yield port, str(kept)

    def _folders(self, name: str) -> tuple[str, str]:
        assert self._bundle is not None
        scratch = self._bundle.scratch / name
        scratch.mkdir(mode=0o700)
        base = self._plan.settings.spill_dir
        spill = self._bundle.spill(base) / name if base else scratch / "spill"
        spill.mkdir(mode=0o700)
        return str(scratch), str(spill)
