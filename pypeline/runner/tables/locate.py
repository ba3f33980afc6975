"""Which module and column an error of a fused statement belongs to, and which row.

The tables of the segment are computed again in growing prefixes, by bisection: the shortest prefix
that fails ends in the table at fault. Then its columns are tried one by one, and the row is looked
for with the column's own expression. All of it together takes at most :data:`SECONDS`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pypeline.core.columns import names
from pypeline.core.relation import Expr, Query, quote
from pypeline.runner.tables.compile import Statement, is_computed
from pypeline.runner.tables.fused import Fused, Table
from pypeline.runner.tables.querysql import columns, scoped, select

SECONDS = 10.0
SHOWN_VALUES = 4


def locate(fused: Fused, connection: Any, statement: Statement) -> tuple[str, str, str]:
    """(module, column, row) of the error; empty texts for what cannot be told in time."""
    import duckdb

    heads = statement.heads
    tables = [t for t in fused.tables.values() if is_computed(t)]

    def fails(sql: str) -> bool:
        try:
            connection.execute(sql).fetchall()
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            return True
        return False

    timer = threading.Timer(SECONDS, connection.interrupt)
    timer.daemon = True
    timer.start()
    found: list[str] = ["", "", ""]
    try:
        table = _first_failing(tables, heads, fails)
        if table is not None:
            found[0] = table.module
            column = _column(table, fused, heads, fails)
            if column is not None:
                found[1] = column[0]
                found[2] = _row(table, column[1], fused, heads, connection)
    except duckdb.Error:
        pass  # out of time, or an error of the search itself: what is known so far is told
    finally:
        timer.cancel()
    return found[0], found[1], found[2]


def _first_failing(tables: Sequence[Table], heads: str, fails: Callable[[str], bool]) -> Table | None:
    if not tables or not fails(_trial(tables, heads)):
        return None
    low, high = 0, len(tables)  # the first `low` tables work, the first `high` do not
    while high - low > 1:
        middle = (low + high) // 2
        if fails(_trial(tables[:middle], heads)):
            high = middle
        else:
            low = middle
    return tables[high - 1]


def _trial(tables: Sequence[Table], heads: str) -> str:
    """A statement that computes every value of these tables and keeps none."""
    parts = [f"SELECT bit_xor(hash({columns(names(t.schema)) if t.schema else '1'})) FROM {quote(t.name)}" for t in tables]
    return f"{heads} {' UNION ALL '.join(parts)}"


def _column(table: Table, fused: Fused, heads: str, fails: Callable[[str], bool]) -> tuple[str, Expr] | None:
    if not isinstance(table.query, Query):
        return None
    aliases = {alias: (source, names(fused.tables[source].schema)) for alias, source in table.inputs.items()}
    if fails(f"{heads} SELECT count(*) FROM ({scoped(select(replace(table.query, columns=())), aliases)})"):
        return None  # choosing or arranging the rows fails, whatever is computed of them
    for name, expr in table.query.columns:
        # alone: what stands beside it in the SELECT would be computed too
        alone = replace(table.query, columns=((name, expr),))
        if fails(f"{heads} SELECT bit_xor(hash({quote(name)})) FROM ({scoped(select(alone), aliases)})"):
            return name, expr
    return None


def _row(table: Table, expr: Expr, fused: Fused, heads: str, connection: Any) -> str:
    """The first input row whose value fails, as ``a = 1, b = 2`` over the columns that are read."""
    read = sorted(expr.reads)
    if not isinstance(table.query, Query) or table.query.group_by or not read or len({alias for alias, _ in read}) != 1:
        return ""
    alias = read[0][0]
    source = fused.tables[table.inputs[alias]]
    shown = list(dict.fromkeys([*(c.name for c in source.schema[:1]), *(name for _, name in read)]))[:SHOWN_VALUES]
    there = " AND ".join(f"{quote(alias)}.{quote(name)} IS NOT NULL" for _, name in read)
    values = ", ".join(f"CAST({quote(alias)}.{quote(n)} AS VARCHAR)" for n in shown)
    body = f"SELECT {values} FROM {quote(alias)} WHERE TRY({expr.sql}) IS NULL AND {there} LIMIT 1"
    rows = connection.execute(f"{heads} {scoped_over(body, alias, source)}").fetchall()
    return ", ".join(f"{name} = {value}" for name, value in zip(shown, rows[0], strict=True)) if rows else ""


def scoped_over(body: str, alias: str, source: Table) -> str:
    """``body`` over ``source`` under the name ``alias``, as the end of a WITH statement."""
    return f"SELECT * FROM ({scoped(body, {alias: (source.name, names(source.schema))})})"
