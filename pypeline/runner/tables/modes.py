"""The other execution modes: the same kernel, other boundaries, so the same rows, types and nulls.

``pandas``: the planner makes every module its own task; every table that arrives is a pandas frame on
Arrow types. ``dask``: modules run one after the other; one that says its partitions may be ``any``
runs once per partition, scheduled by Dask on threads, every other one on all rows gathered. The
task's sinks come last and together, so that they publish together.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pypeline.core.modules import BaseModule, PartitionNeed
from pypeline.core.planned import PlannedModule
from pypeline.core.results import HandOver, ModuleResult, TaskResult
from pypeline.runner.order import Order
from pypeline.runner.tables.bind import topological
from pypeline.runner.tables.scan import arrow_table

PARTITION_ROWS = 1_000_000
Run = Callable[[Order], TaskResult]


def through_pandas(order: Order) -> Order:
    """``order`` with every arriving table handed over as a pandas frame on Arrow types."""
    import pandas as pd

    tables = {}
    for link, table in order.tables.items():
        frame = _read(table).to_pandas(types_mapper=pd.ArrowDtype)
        tables[link] = _write(_from_frame(frame), order, table)
    return replace(order, tables=tables)


def by_partitions(order: Order, instances: Mapping[str, BaseModule], run: Run) -> TaskResult:
    """Run ``order`` module by module under Dask.

    Args:
        run: executes one part of the order (a single module, on one partition, or the sinks).

    Returns:
        the result of the whole task, or of the first part that failed.
    """
    tables: dict[str, HandOver] = dict(order.tables)
    done: list[TaskResult] = []
    modules = topological(order)
    last = [m for m in modules if not any(link.source == m.id for link in order.links) and not _handed(order, m)]
    for module in [m for m in modules if m not in last]:
        part = _part(order, (module,), tables)
        result = _partitioned(part, run) if _may_split(part, module, instances) else run(part)
        if result.state != "completed":
            return result
        done.append(result)
        tables |= {link.id: result.outputs[link.port] for link in order.links if link.port in result.outputs}
    if last:
        result = run(_part(order, tuple(last), tables, publish=order.publish))
        if result.state != "completed":
            return result
        done.append(result)
    return _joined(order, done)


def _handed(order: Order, module: PlannedModule) -> bool:
    return any(port.rpartition(".")[0] == module.id for port in order.hands_over)


def _part(order: Order, modules: tuple[PlannedModule, ...], tables: Mapping[str, HandOver], publish: str = "") -> Order:
    """The part of ``order`` that runs ``modules`` alone, their inputs being tables."""
    ids = {m.id for m in modules}
    links = tuple(link for link in order.links if link.target in ids)
    read = [link.port for link in order.links if link.source in ids]
    hands = tuple(dict.fromkeys([*read, *(p for p in order.hands_over if p.rpartition(".")[0] in ids)]))
    counts = tuple(p for p in order.count if p.rpartition(".")[0] in ids)
    return replace(
        order, modules=modules, links=links, tables={link.id: tables[link.id] for link in links}, hands_over=hands, count=counts, mode="auto", publish=publish
    )


def _may_split(part: Order, module: PlannedModule, instances: Mapping[str, BaseModule]) -> bool:
    need = getattr(instances[module.id], "PARTITION", PartitionNeed.SINGLE)
    return need is PartitionNeed.ANY and len(part.tables) == 1 and part.tables[part.links[0].id].rows > 0


def _partitioned(part: Order, run: Run) -> TaskResult:
    """One module over the slices of its one input, in their order."""
    import dask

    (link,) = part.links
    whole = part.tables[link.id]
    data = _read(whole)
    orders = []
    for number, start in enumerate(range(0, whole.rows, PARTITION_ROWS)):
        rows = data.slice(start, PARTITION_ROWS)
        scratch, spill = Path(part.scratch, f"{link.target}-{number}"), Path(part.limits.spill, f"{link.target}-{number}")
        for folder in (scratch, spill):
            folder.mkdir(mode=0o700, exist_ok=True)
        limits = replace(part.limits, threads=1, memory=part.limits.memory // max(1, part.limits.threads), spill=str(spill))
        piece = replace(part, limits=limits, scratch=str(scratch))
        orders.append(replace(piece, tables={link.id: _write(rows, piece, whole)}))
    results = dask.compute(*(dask.delayed(run)(o) for o in orders), scheduler="threads", num_workers=part.limits.threads)
    failed = next((r for r in results if r.state != "completed"), None)
    return failed or _gathered(part, results)


def _gathered(part: Order, results: Sequence[TaskResult]) -> TaskResult:
    """The partitions' results as one: tables one below the other, counts added."""
    import pyarrow as pa

    outputs = {}
    for port, first in results[0].outputs.items():
        outputs[port] = _write(pa.concat_tables([_read(r.outputs[port]) for r in results]), part, first, folder=part.scratch)
    counts = {port: sum(r.counts[port] for r in results) for port in results[0].counts}
    record = results[0].modules[0]
    merged = replace(
        record,
        rows_in=_added(r.modules[0].rows_in for r in results),
        rows_out=_added(r.modules[0].rows_out for r in results),
        globals={name: _sum(name, [r.modules[0].globals[name] for r in results]) for name in record.globals},
    )
    return replace(results[0], outputs=outputs, counts=counts, modules=(merged,))


def _joined(order: Order, done: Sequence[TaskResult]) -> TaskResult:
    records: dict[str, ModuleResult] = {record.module: record for result in done for record in result.modules}
    outputs = {port: table for result in done for port, table in result.outputs.items() if port in order.hands_over}
    return TaskResult(
        order.task,
        "completed",
        modules=tuple(records[m.id] for m in order.modules),
        counts={port: n for result in done for port, n in result.counts.items()},
        outputs=outputs,
        previews={port: path for result in done for port, path in result.previews.items()},
        files=tuple(path for result in done for path in result.files),
        sql=";\n".join(result.sql for result in done),
    )


def _added(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for name, number in part.items():
            total[name] = total.get(name, 0) + number
    return total


def _sum(name: str, values: Sequence[Any]) -> Any:
    return sum(values) if name.endswith("_count") else values[0]


def _read(table: HandOver) -> Any:
    if table.format == "arrow":
        return arrow_table(table.path)
    import pyarrow.parquet

    return pyarrow.parquet.read_table(table.path)


def _from_frame(frame: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False)


def _write(table: Any, order: Order, like: HandOver, folder: str = "") -> HandOver:
    """``table`` as an Arrow file in ``folder`` (or the spill folder), with the columns of ``like``."""
    import pyarrow as pa

    path = Path(folder or order.limits.spill, f"{secrets.token_hex(8)}.arrow")
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return HandOver(str(path), "arrow", table.num_rows, like.schema, path.stat().st_size)
