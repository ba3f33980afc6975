"""Runs small flows in this process: text → flow → facts → plan → the segment's own engine, no worker in between."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pypeline.core.check import check
from pypeline.core.plan import Plan
from pypeline.core.planner import plan
from pypeline.core.results import TaskResult
from pypeline.runner import facts, instances, registry
from pypeline.runner.order import Limits, Order
from pypeline.runner.tables import segment
from pypeline.schema.problems import PypeError, errors
from pypeline.schema.reader import read

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Ran:
    """What a flow gave: the task's result, and the rows of the ports that were asked for."""

    result: TaskResult
    rows: dict[str, Rows]


def planned(text: str, folder: Path, *, context: str = "default", sets: dict[str, Any] | None = None) -> Plan:
    """The plan of the flow ``text``; all problems raised."""
    found = read(text)
    if found.flow is None:
        raise PypeError(*found.problems)
    catalogue = registry.load(folder)
    wrong = errors(check(found.flow, catalogue, None))
    if wrong:
        raise PypeError(*wrong)
    gathered = facts.gather(found.flow, catalogue, folder, context_name=context, sets=sets)
    return plan(found.flow, gathered)


def order_of(made: Plan, folder: Path, ports: tuple[str, ...]) -> Order:
    """The order of a plan's only task, with ``ports`` (``module.port``) handed out."""
    (task,) = made.tasks.values()
    scratch = folder / ".scratch"
    scratch.mkdir(exist_ok=True)
    return Order(
        task=task.id,
        kind=task.kind,
        attempt_no=1,
        modules=tuple(made.modules[id] for id in task.modules),
        links=tuple(made.links.values()),
        limits=Limits(2, 2**30, str(scratch)),
        scratch=str(scratch),
        folder=str(folder),
        hands_over=ports,
        count=tuple(dict.fromkeys([*ports, *(link.port for link in made.links.values())])),
        publish=str(scratch / "publish.json"),
        run="test",
    )


def run(text: str, folder: Path, *ports: str, **context: Any) -> Ran:
    """Run the one segment of the flow ``text``; the rows of ``ports``.

    Raises:
        PypeError: it does not plan or bind.
        AssertionError: it failed while running.
    """
    import pyarrow.parquet as pq

    order = order_of(planned(text, folder, **context), folder, ports)
    result = segment.run(order, {m.id: instances.make(m, folder) for m in order.modules}, lambda _event: None)
    assert result.state == "completed", result.error
    return Ran(result, {port: pq.read_table(result.outputs[port].path).to_pylist() for port in ports})


def failure(text: str, folder: Path, *ports: str) -> Any:
    """The error of a flow that fails while running."""
    order = order_of(planned(text, folder), folder, ports)
    result = segment.run(order, {m.id: instances.make(m, folder) for m in order.modules}, lambda _event: None)
    assert result.state == "failed"
    return result.error


def problem(text: str, folder: Path, *ports: str) -> Any:
    """The first problem of a flow that does not plan or bind."""
    try:
        order = order_of(planned(text, folder), folder, ports)
        segment.bind(order, {m.id: instances.make(m, folder) for m in order.modules})
    except PypeError as error:
        return error.problems[0]
    raise AssertionError("the flow binds")


def flow(*modules: dict[str, Any], links: list[str] | None = None) -> str:
    """A flow text of modules (id, type, and options), chained by the links given."""
    import json

    made = [{"id": m["id"], "name": m["type"], "configs": {"required": m.get("required", {}), "optional": m.get("optional", {})}} for m in modules]
    return json.dumps({"flow": {"name": "case"}, "modules": made, "connections": {"data": links or []}})


def table(id: str, columns: dict[str, str], *rows: list[Any]) -> dict[str, Any]:
    """An inline source."""
    return {"id": id, "type": "inline_source", "required": {"columns": columns, "rows": [list(r) for r in rows]}}


def through(type: str, columns: dict[str, str], rows: list[list[Any]], folder: Path, *ports: str, **options: Any) -> dict[str, Rows]:
    """Rows through one module ``m`` of ``type`` with ``options``; ``ports`` without their module (default: ``output``)."""
    declared = registry.load(folder)[type]
    half = {key: options[key] for key in options if key in declared.required}
    rest = {key: options[key] for key in options if key not in declared.required}
    text = flow(table("s", columns, *rows), {"id": "m", "type": type, "required": half, "optional": rest}, links=[f"s.data - m.{declared.input_ports[0]}"])
    ports = ports or ("output",)
    found = run(text, folder, *(f"m.{port}" for port in ports)).rows
    return {port: found[f"m.{port}"] for port in ports}
