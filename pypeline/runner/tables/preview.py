"""First rows of any port, by its own sub-plan with a LIMIT; nothing is ever written to a target.

On demand (:func:`preview`) all columns of the port are computed. After a watched run
(:func:`after_run`) the rows come from the run's own instance and show the columns that something
reads. What a sink or a hand-over has written as it is, is read from that file; ports below a sort or
an aggregate that nobody writes start from that module's kept output. What has no order
and only goes into a sort shows its first rows as sorted: to keep some of it as well, the engine would
hold all of it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from pypeline.core.columns import names
from pypeline.core.modules import BaseModule
from pypeline.core.relation import Query, Scan, col, quote
from pypeline.runner.order import Order
from pypeline.runner.tables import compile as compiling
from pypeline.runner.tables import errors, rejects, scan, source_cache, write
from pypeline.runner.tables.bind import fuse
from pypeline.runner.tables.connection import text
from pypeline.runner.tables.fused import Fused, Table
from pypeline.runner.tables.prune import keep
from pypeline.runner.tables.querysql import columns
from pypeline.schema.problems import Place, Problem, PypeError, did_you_mean

ROWS = 200
KEPT_BYTES = 64 * 2**20
KEPT_ROWS = 1_000_000
_WIDTH = 32
"""Bytes assumed of one value of a kept output."""


def preview(order: Order, instances: Mapping[str, BaseModule], port: str, rows: int = ROWS, cache: Path | None = None) -> Any:
    """The first ``rows`` rows of ``port`` (``module.port``) as an Arrow table.

    Args:
        order: the modules that feed the port (more do no harm).
        cache: a private folder of converted sources; text files found there are not read again.

    Raises:
        PypeError: a config does not fit, there is no such port, a file is missing, or it fails to run.
    """
    import duckdb

    module, _, name = port.rpartition(".")
    whole = fuse(order, instances, {m.id: frozenset({name} if m.id == module else ()) | _read(order, m.id) for m in order.modules})
    if port not in whole.tables:
        message = f"there is no port `{port}`: {did_you_mean(port, whole.ports())}"
        raise PypeError(Problem("PYE412", message, Place(module=module), "Name an output port as `module.port`.", phase="run"))
    table = whole.tables[port]
    start = port if compiling.is_computed(table) else next(t.name for t in whole.tables.values() if t.module == module and isinstance(t.query, Scan))
    fused = keep(whole.without_ends(), {start: set(names(whole.tables[start].schema))}, ())
    if cache is not None and start == port:
        fused = source_cache.served(fused, order, cache)
    readings = {t.name: scan.reading(t, order.folder, order.limits.spill) for t in fused.tables.values() if isinstance(t.query, Scan)}
    statement = compiling.statement(fused, readings)
    with compiling.instance(order, statement) as connection:
        try:
            if start != port:
                connection.execute(f"{statement.heads} SELECT count(*) FROM {quote(start)}").fetchall()
                where = statement.rejects[module]
                return _arrow(connection, f"SELECT * FROM ({rejects.table_sql(where)}) LIMIT {int(rows)}")
            return _arrow(connection, f"{statement.heads} SELECT {columns(names(table.schema))} FROM {quote(port)} LIMIT {int(rows)}")
        except duckdb.Error as error:
            raise errors.located(error, order, fused, connection, statement) from error


def in_files(fused: Fused, targets: Sequence[write.Target], hands: Mapping[str, str]) -> dict[str, str]:
    """Tables of which a published Parquet file or a hand-over has all rows as they are, and that file."""
    written = {s.table: t.path for s, t in zip(fused.sinks, targets, strict=True) if t.write.format == "parquet" and t.write.mode != "append"}
    # no Parquet file has integers of 128 bits
    return {name: path for name, path in {**written, **hands}.items() if name in fused.tables and all(c.type != "int128" for c in fused.tables[name].schema)}


def to_keep(fused: Fused, ports: Sequence[str], scratch: str, files: Container[str] = ()) -> dict[str, tuple[str, int]]:
    """Outputs of blocking modules to keep while the statement runs, but for those in ``files``: table → (path, most rows)."""
    seen = _seen_sorted(fused, ports)
    chosen = [t for t in fused.tables.values() if t.blocking and t.is_port and t.name in ports and t.name not in seen and t.name not in files]
    return {t.name: (str(Path(scratch, f"{t.name}.kept.parquet")), min(KEPT_ROWS, KEPT_BYTES // (_WIDTH * max(1, len(t.schema))))) for t in chosen}


def after_run(
    connection: Any,
    fused: Fused,
    statement: compiling.Statement,
    ports: Sequence[str],
    kept: Mapping[str, tuple[str, int]],
    files: Mapping[str, str],
    rows: Mapping[str, int],
    scratch: str,
    seconds: float,
) -> dict[str, str]:
    """Write the first rows of ``ports`` as Arrow files into ``scratch``; port → path.

    Args:
        files: tables that have been written, each with its file.
        rows: what the statement told, to know which kept outputs are whole.
        seconds: the time all of it may take; ports it does not reach are left out.
    """
    import duckdb
    import pyarrow as pa

    seen = _seen_sorted(fused, ports)
    complete = {name: path for name, (path, most) in kept.items() if rows[f"kept {name}"] < most}
    there = {**files, **{name: path for name, (path, _) in kept.items()}}
    heads = statement.heads_with({**complete, **files})
    found: dict[str, str] = {}
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        for name in ports:
            from_file = seen.get(name, name)
            schema = fused.tables[name].schema if name in fused.tables and compiling.is_computed(fused.tables[name]) else None
            if schema is None or (from_file not in there and _below_cut(fused, name, set(kept) - set(complete), files)):
                continue
            source = f"read_parquet({text(there[from_file])})" if from_file in there else quote(name)
            sql = f"SELECT {columns(names(schema))} FROM {source} LIMIT {ROWS}"
            table = _arrow(connection, sql if from_file in there else f"{heads} {sql}")
            path = str(Path(scratch, f"{name}.preview.arrow"))
            with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
            found[name] = path
    except duckdb.Error:
        return found  # out of time: a preview is not worth failing a run that has succeeded
    finally:
        timer.cancel()
    return found


def _seen_sorted(fused: Fused, ports: Sequence[str]) -> dict[str, str]:
    """Those of ``ports`` that have no order and that only a sort reads, which passes on all they have, and the sorted port."""
    readers = Counter(source for table in fused.tables.values() for source in table.inputs.values())
    found: dict[str, str] = {}
    for name in ports:
        above = fused.tables.get(name)
        if above is None or not isinstance(above.query, Query) or not above.query.order_by or not above.blocking:
            continue
        below = names(above.schema)
        while above is not None and (above.name == name or not above.is_port):
            above = _passed_from(fused, above)
        if above is None or readers[above.name] != 1 or not above.blocking or not set(names(above.schema)) <= set(below):
            continue
        if isinstance(above.query, Query) and not above.query.order_by:
            found[above.name] = name
    return found


def _passed_from(fused: Fused, table: Table) -> Table | None:
    """The one table whose rows ``table`` has, all of them, with columns that are as they were."""
    query = table.query
    if not isinstance(query, Query) or len(table.inputs) != 1 or query.group_by or query.distinct:
        return None
    ((alias, source),) = table.inputs.items()
    cuts = (query.where, query.having, query.qualify, query.limit, query.offset)
    above = fused.tables[source]
    passed = all(expr == col(alias, name) for name, expr in query.columns if name in names(above.schema))
    return above if passed and query.source.sql == quote(alias) and all(cut is None for cut in cuts) else None


def _read(order: Order, module: str) -> frozenset[str]:
    return frozenset(link.source_port for link in order.links if link.source == module)


def _below_cut(fused: Fused, name: str, cut: set[str], files: Container[str]) -> bool:
    """Whether ``name`` depends on a blocking output of which only the beginning was kept, with no whole file between."""
    waiting = [name]
    while waiting:
        table = fused.tables[waiting.pop()]
        if table.name in cut:
            return True
        waiting += () if table.name in files else table.inputs.values()
    return False


def _arrow(connection: Any, sql: str) -> Any:
    return connection.sql(sql).to_arrow_table()
