"""Flows inside a flow: the engine on which a task of the kind ``flow`` is a run of its own.

In: orders, as any engine gets them. An order of kind ``flow`` becomes a plan and a run in this process, on the same
workers and slots; its record lies under the run that asked for it. All other orders go to the engine behind. Inside a
child the tables of its ports are taken from, and handed to, the order that it runs for, as files and without a copy.

What the parent hears of a child is how far it is and what it logs; everything else is in the child's own record.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from pypeline.core import events as ev
from pypeline.core.catalogue import Catalogue
from pypeline.core.check import check
from pypeline.core.plan import Plan
from pypeline.core.planned import PlannedModule
from pypeline.core.planner import plan as make_plan
from pypeline.core.results import ErrorInfo, HandOver, ModuleResult, TaskResult
from pypeline.core.variables import find
from pypeline.runner import children, facts, run_values, variables
from pypeline.runner.children import DEEPEST, INPUT, OUTPUT, Child
from pypeline.runner.engines.base import Engine, Job, Status
from pypeline.runner.failures import describe
from pypeline.runner.order import Item, Order
from pypeline.runner.port_tables import fits, linked
from pypeline.runner.signals import StopSignal
from pypeline.runner.store.atomic import write_json
from pypeline.runner.store.bundle import Bundle
from pypeline.runner.store.lease import owner
from pypeline.schema.problems import Place, Problem, PypeError, errors
from pypeline.schema.record import record

GIVEN = "flow_input:given"
"""The type of a ``flow_input`` that gets a table: it is not fused with what reads it, for its table is there already."""

CLOSE_WITHIN = 10.0
"""Seconds that children have to end when their parent is ended in the middle."""

Run = Callable[..., Awaitable[Any]]
"""``run(plan, folder, bundle, engine, stop, previews, on_event)``: an attempt from its first event to its record."""


@record
class Around:
    """What a run knows of where it stands: ``root``, the folder of the flow that a person started, its own ``bundle``,
    and how a child is ``run``. In a child also the tables ``given`` to it and ``taken`` from it by port, the globals
    it ``set``, the ``trail`` of files it lies under and the ``prefix`` of its tasks' names on the engine."""

    root: Path
    bundle: Bundle
    run: Run
    given: Mapping[str, HandOver] = field(default_factory=dict)
    taken: dict[str, HandOver] | None = None
    set: dict[str, Any] = field(default_factory=dict)
    trail: tuple[str, ...] = ()
    prefix: str = ""
    scratch: str = ""


class WithFlows:
    """An engine that also runs flows. It is never opened or closed: the engine behind it belongs to somebody else."""

    def __init__(self, engine: Engine, around: Around) -> None:
        self.name = engine.name
        self.slots = engine.slots
        self.private_folders = engine.private_folders
        self._engine = engine
        self._around = around
        self._inner: dict[Job, Job] = {}
        self._stops: dict[Job, StopSignal] = {}
        self._children: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Nothing: it is open."""

    async def close(self) -> None:
        """End what children still run, hard; a run that ends by itself has none."""
        for stop in tuple(self._stops.values()):
            stop.request("hard")
        if self._children:
            await asyncio.wait(self._children, timeout=CLOSE_WITHIN)

    def submit(self, order: Order, on_event: Callable[[Job, ev.RunEvent], None], on_end: Callable[[Job, TaskResult], None]) -> Job:
        """Start a try; of a flow, of a port of this flow, or on the engine behind."""
        type = order.modules[0].type
        if order.kind != "flow" and type != GIVEN and not self._around.prefix:
            return self._engine.submit(order, on_event, on_end)
        job = Job(order, on_event, on_end)
        if order.kind == "flow":
            self._stops[job] = StopSignal()
            child = asyncio.get_running_loop().create_task(self._child(job, self._stops[job]))
            self._children.add(child)
            child.add_done_callback(self._children.discard)
        elif type in (GIVEN, OUTPUT):
            # not at once: whoever submits has to have the job before it can hear of its end
            result = self._at_port(order)
            self._note(result)
            asyncio.get_running_loop().call_soon(job.end, result)
        else:
            self._pass_on(job)
        return job

    def _pass_on(self, job: Job) -> None:
        """To the engine behind, under a name that no task of another flow has."""

        def ended(inner: Job, result: TaskResult) -> None:
            self._inner.pop(job, None)
            job.lingers, inner.on_gone = inner.lingers, job.gone
            self._note(result)
            job.end(replace(result, task=job.order.task))

        order = replace(job.order, task=self._around.prefix + job.order.task)
        inner = self._engine.submit(order, lambda _inner, event: job.on_event(job, event), ended)
        if inner.outcome is None:
            self._inner[job] = inner

    def _note(self, result: TaskResult) -> None:
        """Keep the globals that were set: whoever runs this flow may ask for them."""
        for module in result.modules:
            self._around.set.update((f"{module.module}__{name}".casefold(), value) for name, value in module.globals.items())

    def status(self, job: Job) -> Status:
        return job.status

    async def result(self, job: Job) -> TaskResult:
        return await job.wait()

    def cancel(self, job: Job, *, hard: bool = False) -> None:
        """Interrupt a try; a child is asked to stop as a run is, and has its ``on_error`` and ``finally``."""
        if job in self._stops:
            self._stops[job].request("hard" if hard else "polite")
        elif job in self._inner:
            self._engine.cancel(self._inner[job], hard=hard)
        elif not self._around.prefix:
            self._engine.cancel(job, hard=hard)

    def release(self, task: str, frame: str = "0") -> None:
        self._engine.release(self._around.prefix + task, frame)

    async def evaluate(self, expression: str, values: Mapping[str, Any], items: Sequence[Item] = ()) -> Any:
        return await self._engine.evaluate(expression, values, items)

    async def freeze(self, source: str, path: str) -> HandOver:
        return await self._engine.freeze(source, path)

    # --- ports of this flow ---------------------------------------------------------------------

    def _at_port(self, order: Order) -> TaskResult:
        """The table that came in, handed on; or the one that goes out, taken."""
        module = order.modules[0]
        port = str(module.configs["port"])
        try:
            if module.type == OUTPUT:
                table = order.tables[order.links[0].id]
                if self._around.taken is not None:
                    self._around.taken[port] = linked(table, Path(self._around.scratch, f"{module.id}-{port}"))
                record = ModuleResult(module.id, "completed", rows_in={order.links[0].id: table.rows}, globals={"row_count": table.rows})
                return TaskResult(order.task, "completed", modules=(record,))
            table = self._around.given[port]
            fits(module, port, table)
            where = f"{module.id}.data"
            outputs = {where: linked(table, Path(order.scratch, where))} if where in order.hands_over else {}
            record = ModuleResult(module.id, "completed", rows_out={"data": table.rows}, globals={"row_count": table.rows}, schemas={"data": table.schema})
            return TaskResult(order.task, "completed", modules=(record,), counts={where: table.rows}, outputs=outputs)
        except (PypeError, OSError) as error:
            return _failed(order, describe(error, module.id))

    # --- children -------------------------------------------------------------------------------

    async def _child(self, job: Job, stop: StopSignal) -> None:
        began = time.monotonic()
        try:
            result = await self._ran(job, stop)
        except Exception as error:
            result = _failed(job.order, describe(error, job.order.modules[0].id))
        del self._stops[job]
        job.end(replace(result, seconds=time.monotonic() - began))

    async def _ran(self, job: Job, stop: StopSignal) -> TaskResult:
        order = job.order
        module = await self._filled(order)
        config = module.configs
        child = await asyncio.to_thread(children.read, str(config["flow"]), Path(order.folder), self._around.root)
        if str(child.path) in self._around.trail or len(self._around.trail) >= DEEPEST:
            told = " -> ".join(Path(path).name for path in (*self._around.trail, str(child.path)))
            raise PypeError(Problem("PYE281", f"flows run each other in a circle: {told}", Place(path=("flow",)), "Take one of them out.", phase="run"))
        given = {link.target_port: order.tables[link.id] for link in order.links if link.id in order.tables}
        plan = await asyncio.to_thread(_planned, child, config, frozenset(given))
        bundle = _bundle(self._around.bundle, order, plan)
        for name, count in plan.settings.slots.items():
            if name not in self.slots.capacity:
                self.slots.capacity[name] = self.slots.free[name] = count
        around = Around(
            self._around.root, bundle, self._around.run, given, {}, {}, (*self._around.trail, str(child.path)), f"{self._around.prefix}{order.node}/",
            order.scratch,
        )  # fmt: skip
        summary = await self._around.run(
            plan, child.folder, bundle, WithFlows(self._engine, around), stop, order.watch == "previews", _Teller(job, len(plan.modules))
        )
        if summary.state != "completed":
            if stop.kind is not None:
                return TaskResult(order.task, "cancelled", "stopped", (ModuleResult(module.id, "cancelled", "stopped"),))
            return _failed(order, _because(summary, module.id, str(config["flow"])))
        return _completed(order, config, around)

    async def _filled(self, order: Order) -> PlannedModule:
        """The module with everything filled in. A loop's item lies in a table, which a worker reads."""
        module = order.modules[0]
        names = {ref.key for path in module.templates for ref in find(_at(module.configs, path)) if ref.kind == "iter"} if order.items else set()
        item = {name: await self._engine.evaluate(f"{{{{{name}}}}}", {}, order.items) for name in sorted(names)}
        return run_values.fill(module, order.globals, order.frame, order.env, None, item)


class _Teller:
    """What a child tells the run that it is a part of: how far it is, and its log, under ``module/…``."""

    def __init__(self, job: Job, total: int) -> None:
        self._job = job
        self._total = total
        self._ended: set[str] = set()

    def __call__(self, event: ev.RunEvent) -> None:
        order = self._job.order
        name = order.modules[0].id
        if isinstance(event, ev.Log):
            self._job.on_event(self._job, replace(event, run=order.run, node_id=f"{name}/{event.node_id}" if event.node_id else f"{name}#{order.frame}"))
        elif isinstance(event, ev.ModuleState) and event.state != "running" and event.module not in self._ended:
            self._ended.add(event.module)
            fraction = len(self._ended) / self._total
            told = ev.Progress(run=order.run, attempt=0, time=event.time, task=order.task, modules=(name,), fraction=fraction, frame=order.frame)
            self._job.on_event(self._job, told)


def _planned(child: Child, config: Mapping[str, Any], given: frozenset[str]) -> Plan:
    """The plan of ``child`` with the parameters and the tables that it gets.

    Raises:
        PypeError: a parameter does not fit (PYE284), or the flow has errors (PYE282).
    """
    declared = children.parameters(child.flow)
    # what the file says in so many words has been held against the declarations before the run
    sets = {name: children.fitting(declared[name], value) if name in declared else value for name, value in config["parameters"].items()}
    for name, value in sets.items():
        if name in declared and (why := children.misfit(declared[name], value)):
            raise PypeError(Problem("PYE284", f"the parameter `{name}` of `{config['flow']}` {why}", Place(path=("parameters", name)), "Correct the value."))
    taken = [m.model_copy(update={"name": GIVEN}) if m.name == INPUT and m.configs.flat().get("port") in given else m for m in child.flow.modules]
    flow = child.flow.model_copy(update={"modules": tuple(taken)})
    known = child.catalogue
    types = {module.name: known[module.name] for module in child.flow.modules if module.name in known}
    if INPUT in types:
        types[GIVEN] = replace(types[INPUT], name=GIVEN, relational=False)
    context = variables.context(child.flow, child.folder, config["context"], sets)
    wrong = errors(check(child.flow, known, context))
    if wrong:
        raise PypeError(children.broken(str(config["flow"]), wrong))
    return make_plan(flow, facts.gather(flow, Catalogue(types), child.folder, context_name=config["context"], sets=sets))


def _bundle(parent: Bundle, order: Order, plan: Plan) -> Bundle:
    """A folder for the child's record, under that of the run it is part of."""
    bundle = Bundle(parent.children / f"{order.modules[0].id}-{order.frame}-t{order.attempt_no}", plan.run_id, 1)
    for folder in (parent.children, bundle.path):
        folder.mkdir(mode=0o700, exist_ok=True)
    for folder in (bundle.log.parent, bundle.previews, bundle.publish, bundle.scratch):
        folder.mkdir(mode=0o700)
    write_json(bundle.owner, owner(), mode=0o600)
    return bundle


def _completed(order: Order, config: Mapping[str, Any], around: Around) -> TaskResult:
    module = order.modules[0].id
    taken = around.taken or {}
    asked = [port.rpartition(".")[2] for port in order.hands_over]
    for port in asked:
        if port not in taken:
            message = f"`{config['flow']}` completed without giving a table at `{port}`: its `{OUTPUT}` did not run"
            raise PypeError(Problem("PYE467", message, Place(module=module), "Look at the conditions on the way to it.", phase="run"))
    said: dict[str, Any] = {"record": str(around.bundle.path)}
    for name, source in config["results"].items():
        if source.casefold() not in around.set:
            message = f"`{config['flow']}` has set no global `{source}`"
            raise PypeError(Problem("PYE467", message, Place(path=("results", name), module=module), "Correct the name, or take it out.", phase="run"))
        said[name] = around.set[source.casefold()]
    rows_in = {link.id: order.tables[link.id].rows for link in order.links if link.id in order.tables}
    rows_out = {port: table.rows for port, table in taken.items()}
    schemas = {port: table.schema for port, table in taken.items()}
    record = ModuleResult(module, "completed", rows_in=rows_in, rows_out=rows_out, globals=said, schemas=schemas)
    counts = {f"{module}.{port}": rows for port, rows in rows_out.items()}
    return TaskResult(order.task, "completed", modules=(record,), counts=counts, outputs={f"{module}.{port}": taken[port] for port in asked})


def _because(summary: Any, module: str, named: str) -> ErrorInfo:
    """Why the child failed, as the failure of the module that runs it: the module there, its frame and its try."""
    cause = summary.error
    if cause is None:
        return ErrorInfo("PYE467", "PypeError", f"the flow `{named}` ended as {summary.state}: {summary.reason}", module, kinds=("PYE467",))
    loop = f" in frame {cause.frame}" if cause.frame not in ("", "0") else ""
    again = f" in try {cause.attempt_no}" if cause.attempt_no > 1 else ""
    message = f"the flow `{named}` failed at `{cause.module}`{loop}{again}: {cause.code} {cause.message}"
    causes = (f"{cause.code} {cause.message}", *cause.causes)
    return ErrorInfo("PYE467", "PypeError", message, module, "", cause.mend, causes, cause.detail, ("PYE467", *cause.kinds), exit_code=cause.exit_code)


def _failed(order: Order, error: ErrorInfo) -> TaskResult:
    reason = f"error:{error.code if error.type == 'PypeError' else error.type}"
    return TaskResult(order.task, "failed", reason, (ModuleResult(order.modules[0].id, "failed", reason),), error=error)


def _at(config: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        config = config[part]
    return config
