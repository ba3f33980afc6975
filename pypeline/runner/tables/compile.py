"""One statement for a whole segment: a common table expression a table, sinks as COPY, counts at the end.

In: a pruned segment, how its scans read, where its sinks and hand-overs go. Out: a
:class:`Statement`. Order of rows is kept, so the engine feeds all readers of a table side by side
from one scan; a table is stored (MATERIALIZED) only where it would otherwise be computed again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from typing import Any

from pypeline.core.columns import Schema, names
from pypeline.core.relation import Expr, Query, Scan, UnionAll, col, quote
from pypeline.runner.order import Order
from pypeline.runner.tables import metered
from pypeline.runner.tables import write as writes
from pypeline.runner.tables.connection import TEXT_SOURCE_OPTIMIZERS, opened, text
from pypeline.runner.tables.fused import Fused, Table
from pypeline.runner.tables.prune import reads
from pypeline.runner.tables.querysql import columns, scoped, select, sql_type
from pypeline.runner.tables.readings import Reading, Rejects
from pypeline.runner.tables.scan import arrow_table
from pypeline.schema.record import record

HAND_OVER_FORMAT = "FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE 122880, USE_TMP_FILE false"
CONDITIONS_TWICE = 3
"""So many conditions in a row are checked twice, once for the rows and once for their number, rather
than holding the rows in between."""


@record
class Statement:
    """``sql`` gives rows of (place in ``keys``, number, text); a key is ``count PORT``, ``rows PORT`` (those
    that went into its groups), ``write N``, ``hand PORT``, ``kept PORT``, ``converted …`` or ``show N``.
    ``tables`` are its common table expressions, by name, without those that write. ``copies`` is how many
    COPY operators we placed; ``rejects`` by module. ``counted_as`` names, for every table to count, the key
    whose number is its count; ``meter PORT`` is what the engine's meters tell of ``metered``."""

    sql: str
    tables: Mapping[str, str]
    keys: tuple[str, ...]
    paths: tuple[str, ...]
    copies: int
    rejects: Mapping[str, Rejects] = field(default_factory=dict)
    arrow: Mapping[str, str] = field(default_factory=dict)
    disabled_optimizers: tuple[str, ...] = ()
    counted_as: Mapping[str, str] = field(default_factory=dict)
    metered: metered.Line | None = None

    @property
    def heads(self) -> str:
        """The WITH of all tables, for reading one of them."""
        return self.heads_with({})

    def heads_with(self, files: Mapping[str, str]) -> str:
        """The WITH in which the tables of ``files`` are read from Parquet instead of computed."""
        made = {**self.tables, **{name: _head(name, f"SELECT * FROM read_parquet({text(path)})", stored=False) for name, path in files.items()}}
        return f"WITH {', '.join(made.values())}" if made else ""


def statement(
    fused: Fused,
    readings: Mapping[str, Reading],
    *,
    counts: Sequence[str] = (),
    targets: Sequence[writes.Target] = (),
    hands: Mapping[str, str] | None = None,
    kept: Mapping[str, tuple[str, int]] | None = None,
    meters: bool = False,
) -> Statement:
    """The statement that runs ``fused``.

    Args:
        readings: how each scan reads, by table.
        counts: tables to count.
        targets: one for each of the segment's sinks, in order.
        hands: table → path of the hand-over to write.
        kept: table → (path, most rows): outputs to keep for previews.
        meters: whether the engine's own meters may count, where a counter would have it hold a table.
    """
    hands, kept = hands or {}, kept or {}
    same = {name: _same_rows(fused, name) for name in counts if name in fused.tables and is_computed(fused.tables[name])}
    readers = _readers(fused, [*hands, *kept])
    summed = _told_by_groups(fused, readers)
    told = {name: f"rows {groups}" for name, groups in summed.items() if name in same.values()} | _told_anyway(fused, targets, hands, readers)
    line = (
        metered.line(fused, {name: reading.paths for name, reading in readings.items()}, readers, {*(sink.table for sink in fused.sinks), *hands})
        if meters
        else None
    )
    by_meter = [name for name in (line.tables if line is not None else ()) if name in same.values() and name not in told]
    told |= {name: f"meter {name}" for name in by_meter}
    counted = [name for name in dict.fromkeys(same.values()) if name not in told]
    numbered = {groups: _fresh(fused.tables[groups].schema) for groups in dict.fromkeys(summed.values()) if f"rows {groups}" in told.values()}
    heads: dict[str, str] = {}
    paths: list[str] = []
    arrow: dict[str, str] = {}
    stored = _stored(fused, [*counted, *numbered], readers)
    # the engine waits for ever where a reader of a stored table stops early (LIMIT) and no other reads on: a counter does
    counted += sorted(stored - {*counted, *numbered})
    # what rejects rows is read, though nobody takes the others: only a file that was read tells what is wrong with it
    counted += [name for name, reading in readings.items() if reading.rejects is not None and not readers[name] and name not in counted]
    for name, table in fused.tables.items():
        if not is_computed(table):
            continue
        if name in readings:
            reading = readings[name]
            heads |= {inner: _head(inner, sql, stored=keep) for inner, sql, keep in reading.tables}
            paths += reading.paths
            arrow |= reading.arrow
        if name in numbered:
            assert isinstance(table.query, Query)
            table = replace(table, query=replace(table.query, columns=(*table.query.columns, (numbered[name], Expr("count(*)", frozenset())))))
        heads[name] = _head(name, table_sql(table, fused, readings, arrow, paths), stored=name in stored)
    computed = dict(heads)
    keys: list[str] = []
    final: list[str] = []

    def tell(key: str, number: str, shown: str, source: str) -> None:
        # the engine takes the first column of a statement that writes for a number of rows
        final.append(f"SELECT CAST({len(keys)} AS BIGINT) AS place, {number} AS number, CAST({shown} AS VARCHAR) AS shown FROM {source}")
        keys.append(key)

    def place(key: str, sql: str) -> None:
        heads[key] = f"{quote(key)} AS ({sql})"
        tell(key, quote("Count"), "NULL", quote(key))

    def handed(name: str, path: str, rows: str) -> str:
        paths.append(path)
        return f"COPY (SELECT {rows} FROM {quote(name)}) TO {text(path)} ({HAND_OVER_FORMAT})"

    for name in counted:
        tell(f"count {name}", "count(*)", "NULL", quote(name))
    for name, column in numbered.items():
        tell(f"rows {name}", f"CAST(coalesce(sum({quote(column)}), 0) AS BIGINT)", "NULL", quote(name))
    for number, (sink, target) in enumerate(zip(fused.sinks, targets, strict=True)):
        place(f"write {number}", writes.copy(target, sink.table, fused.tables[sink.table].schema))
        paths += [target.staging, target.written] + ([target.path] if target.write.mode == "append" else [])
    for name, path in hands.items():
        if name in fused.tables and is_computed(fused.tables[name]):
            place(f"hand {name}", handed(name, path, _stored_as(fused.tables[name].schema)))
        paths.append(path)
    for name, (path, rows) in kept.items():
        limited = f"(SELECT {columns(names(fused.tables[name].schema))} FROM {quote(name)} LIMIT {rows})"
        place(f"kept {name}", f"COPY {limited} TO {text(path)} ({HAND_OVER_FORMAT})")
        paths.append(path)
    for number, show in enumerate(fused.shows):
        chosen = show.show.options.get("columns") or names(fused.tables[show.table].schema)
        first = f"(SELECT {columns(chosen)} FROM {quote(show.table)} LIMIT {int(show.show.rows)}) AS r"
        tell(f"show {number}", "count(*)", "to_json(list(r))", first)
    rejects = {fused.tables[name].module: reading.rejects for name, reading in readings.items() if reading.rejects is not None}
    for found in rejects.values():
        if found.converted:
            place(f"converted {found.errors}", handed(found.converted, found.converted_path, "*"))
    body = " UNION ALL ".join(final) or "SELECT CAST(0 AS BIGINT) AS place, 0 AS number, NULL AS shown WHERE FALSE"
    sql = f"WITH {', '.join(heads.values())} {body}" if heads else body
    copies = sum(key.split()[0] not in ("count", "rows", "show") for key in keys)
    disabled = TEXT_SOURCE_OPTIMIZERS if rejects else ()
    return Statement(
        sql,
        computed,
        tuple(keys),
        tuple(dict.fromkeys(paths)),
        copies,
        rejects,
        arrow,
        disabled,
        {name: told.get(source, f"count {source}") for name, source in same.items()},
        line if by_meter else None,
    )


def is_computed(table: Table) -> bool:
    """False for a reader's rejected rows, which are there only after the statement has run."""
    return table.query is not None or table.hand_over is not None


def table_sql(table: Table, fused: Fused, readings: Mapping[str, Reading], arrow: dict[str, str], paths: list[str]) -> str:
    """The SELECT of one table. Hand-overs are read from their file; ``arrow`` and ``paths`` grow by it."""
    query = table.query
    if isinstance(query, Scan):
        return readings[table.name].select
    if query is None:
        assert table.hand_over is not None
        wanted = _read_as(table.schema)
        if table.hand_over.format == "parquet":
            paths.append(table.hand_over.path)
            return f"SELECT {wanted} FROM read_parquet({text(table.hand_over.path)})"
        arrow[f"{table.name}$file"] = table.hand_over.path
        return f"SELECT {wanted} FROM {quote(f'{table.name}$file')}"
    taken = {alias: (source, _taken(query, alias, fused.tables[source])) for alias, source in table.inputs.items()}
    return scoped(select(query), taken)


def _taken(query: Query | UnionAll | object, alias: str, source: Table) -> list[str]:
    wanted = {column for a, column in reads(query) if a == alias}  # type: ignore[arg-type]
    return [c.name for c in source.schema if c.name in wanted]


def _stored_as(schema: Schema) -> str:
    """A select list for a hand-over file, which has no integers of 128 bits."""
    made = [f"CAST({quote(c.name)} AS DECIMAL(38,0)) AS {quote(c.name)}" if c.type == "int128" else quote(c.name) for c in schema]
    return ", ".join(made) or columns(())


def _read_as(schema: Schema) -> str:
    """A select list that gives a hand-over's columns the types they had; a cast to the same type is free."""
    return ", ".join(f"CAST({quote(c.name)} AS {sql_type(c.type)}) AS {quote(c.name)}" for c in schema) or columns(())


def _head(name: str, sql: str, *, stored: bool) -> str:
    return f"{quote(name)} AS {'MATERIALIZED ' if stored else ''}({sql})"


def _same_rows(fused: Fused, name: str) -> str:
    """The table furthest up that has exactly as many rows as ``name``, by the form of the queries between:
    one table in, no row taken out or put in. One counter then serves all of them."""
    table = fused.tables[name]
    query = table.query
    if not isinstance(query, Query) or len(table.inputs) != 1:
        return name
    (alias,) = table.inputs
    cuts = (query.where, query.having, query.qualify, query.limit, query.offset)
    plain = all(any(expr == col(alias, column) for _, column in expr.reads) for _, expr in query.columns)
    if query.source.sql != quote(alias) or query.group_by or query.distinct or any(c is not None for c in cuts):
        return name
    # a column that is computed may be an aggregate, unless its module says that rows stay the same
    if not plain and fused.changes.get(table.module) != "same":
        return name
    return _same_rows(fused, table.inputs[alias])


def _readers(fused: Fused, more: Sequence[str]) -> Counter[str]:
    """How many read each table: other tables, sinks, shows, and those in ``more``."""
    readers = Counter(source for table in fused.tables.values() for source in set(table.inputs.values()))
    readers.update(sink.table for sink in fused.sinks)
    readers.update(show.table for show in fused.shows)
    readers.update(name for name in more if name in fused.tables)
    return readers


def _told_anyway(fused: Fused, targets: Sequence[writes.Target], hands: Mapping[str, str], readers: Mapping[str, int]) -> dict[str, str]:
    """Tables that one reader reads and whose rows are all written as they are: the writing tells their number, under this key."""
    told: dict[str, str] = {}
    for number, (sink, target) in enumerate(zip(fused.sinks, targets, strict=True)):
        # what was in the file before is written again with the new rows
        if target.write.mode != "append":
            told.setdefault(_same_rows(fused, sink.table), f"write {number}")
    for name in hands:
        if name in fused.tables and is_computed(fused.tables[name]):
            told.setdefault(_same_rows(fused, name), f"hand {name}")
    return {name: key for name, key in told.items() if readers[name] == 1}


def _told_by_groups(fused: Fused, readers: Mapping[str, int]) -> dict[str, str]:
    """Tables that one reader reads and whose rows all fall into groups of a later table, and that table: each of its
    groups can say how many rows it has. A second reader of rows that are joined on the way would have the engine hold
    them all (10 million rows: 0.4 GB). Where none are, a counter of those rows costs less than one of their groups, which
    may be as many and wait to be sorted."""
    told: dict[str, str] = {}
    for name, table in fused.tables.items():
        query = table.query
        if not isinstance(query, Query) or not query.group_by or not query.prunable or len(table.inputs) != 1:
            continue
        ((alias, source),) = table.inputs.items()
        cuts = (query.where, query.having, query.qualify, query.limit, query.offset)
        plain = all(any(expr == col(alias, column) for _, column in expr.reads) for expr in query.group_by)
        if plain and query.source.sql == quote(alias) and not query.distinct and all(cut is None for cut in cuts):
            told.setdefault(_same_rows(fused, source), name)
    return {name: groups for name, groups in told.items() if readers[name] == 1 and not _straight(fused, name)}


def _straight(fused: Fused, name: str) -> bool:
    """Whether the rows of ``name`` come from one file with nothing on the way that waits for rows."""
    table = fused.tables[name]
    while isinstance(table.query, Query) and len(table.inputs) == 1 and not table.blocking:
        table = fused.tables[next(iter(table.inputs.values()))]
    return not table.inputs and not table.blocking


def _fresh(schema: Schema) -> str:
    """A column name that ``schema`` does not have."""
    name = "rows$"
    while name in names(schema):
        name += "$"
    return name


def _stored(fused: Fused, counted: Sequence[str], readers: Mapping[str, int]) -> set[str]:
    """Tables to compute once and hold: those read twice whose work would be done twice.

    Reading a file twice is never right, nor is joining, sorting or grouping twice. Of other tables a
    second reader is not free, but a *counter* nearly is (it computes no column, only the conditions
    above it), unless so many conditions stand above that counting each step means doing them all.
    """
    counters = Counter(counted)
    stored: set[str] = set()
    again: dict[str, int] = {}  # conditions that a second reader of the table would check again
    for name, table in fused.tables.items():
        above = sum(again[source] for source in set(table.inputs.values()))
        again[name] = above + (isinstance(table.query, Query) and (table.query.where is not None or table.query.qualify is not None))
        dear = isinstance(table.query, Scan) or table.blocking or len(table.inputs) > 1 or again[name] > CONDITIONS_TWICE
        if readers[name] + (counters[name] if dear else 0) > 1:
            stored.add(name)
            again[name] = 0
    return stored


@contextmanager
def instance(order: Order, statement: Statement) -> Iterator[Any]:
    """A locked instance for ``statement`` within the order's limits."""
    tables = {name: arrow_table(path) for name, path in statement.arrow.items()}
    limits = order.limits
    with opened(
        threads=limits.threads,
        memory=limits.memory,
        spill=limits.spill,
        paths=statement.paths,
        disabled_optimizers=statement.disabled_optimizers,
        tables=tables,
        metered=statement.metered is not None,
    ) as connection:
        yield connection
