"""Pruning: which columns of which tables anybody uses; the rest are neither computed nor carried.

A pure function on queries, the same in every mode: an expression whose column nobody reads is not
evaluated, so it can neither cost nor fail. It runs from sinks, hand-overs and shows back; a count
needs rows, not columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pypeline.core.columns import Schema, names
from pypeline.core.relation import ColumnRef, Expr, Query, Scan, Step, UnionAll, Values, col
from pypeline.runner.tables.fused import Fused, Table


def keep(fused: Fused, wanted: Mapping[str, set[str]], counted: Iterable[str]) -> Fused:
    """``fused`` reduced to the columns in ``wanted`` and what they need; ``counted`` tables are kept
    though nobody reads a column of them."""
    need: dict[str, set[str]] = {name: set(columns) for name, columns in wanted.items()}
    for name in counted:
        need.setdefault(name, set())
    kept: dict[str, Table] = {}
    for name in reversed(list(fused.tables)):
        if name not in need:
            continue
        table = _table(fused.tables[name], need[name])
        kept[name] = table
        for alias, source in table.inputs.items():
            need.setdefault(source, set()).update(column for a, column in reads(table.query) if a == alias)
    return fused.with_tables({name: kept[name] for name in fused.tables if name in kept})


def reads(query: Step | None) -> frozenset[ColumnRef]:
    """Every (alias, column) that ``query`` needs."""
    if isinstance(query, UnionAll):
        return frozenset().union(*(reads(part) for part in query.parts))
    if not isinstance(query, Query):
        return frozenset()
    exprs = [query.source, *(expr for _, expr in query.columns), *query.group_by, *query.order_by]
    exprs += [e for e in (query.where, query.having, query.qualify) if e is not None]
    return frozenset().union(*(e.reads for e in exprs))


def _table(table: Table, used: set[str]) -> Table:
    query = table.query
    if isinstance(query, Query):
        query = _query(query, used)
        left = {name for name, _ in query.columns}
    elif isinstance(query, UnionAll):
        parts = _union(query, used)
        query = UnionAll(parts)
        left = {name for name, _ in parts[0].columns}
    elif isinstance(query, Values):
        query = _values(query, used)
        left = set(names(query.schema))
    else:
        left = used
    aliases = {alias for alias, _ in reads(query)}
    inputs = table.inputs if query is None or isinstance(query, (Scan, Values)) else _inputs(table, query, aliases)
    return replace(table, query=query, inputs=inputs, schema=_narrow(table.schema, left))


def _inputs(table: Table, query: Query | UnionAll, read: set[str]) -> dict[str, str]:
    """The aliases still in use: read by a column, or named in a FROM clause (a cross join reads none)."""
    from_text = query.source.sql if isinstance(query, Query) else " ".join(part.source.sql for part in query.parts)
    return {alias: name for alias, name in table.inputs.items() if alias in read or f'"{alias}"' in from_text}


def _query(query: Query, used: set[str]) -> Query:
    if not query.prunable or query.distinct:
        return query
    left = tuple((name, expr) for name, expr in query.columns if name in used or name in query.keep)
    if left or not query.columns:
        return replace(query, columns=left)
    # Nobody reads a column, somebody counts the rows. An aggregate without keys must stay one.
    return replace(query, columns=query.columns[:1] if _may_aggregate(query) else ())


def _may_aggregate(query: Query) -> bool:
    # beside a plain column no aggregate can stand without keys
    return not query.group_by and not any(_plain(expr) for _, expr in query.columns)


def _plain(expr: Expr) -> bool:
    return any(expr.sql == col(port, column).sql for port, column in expr.reads)


def _union(union: UnionAll, used: set[str]) -> tuple[Query, ...]:
    if any(not part.prunable or part.distinct for part in union.parts):
        return union.parts
    held = {name for part in union.parts for name in part.keep}
    order = [name for name, _ in union.parts[0].columns]
    left = [i for i, name in enumerate(order) if name in used or name in held] or [0]
    return tuple(replace(part, columns=tuple(part.columns[i] for i in left)) for part in union.parts)


def _values(values: Values, used: set[str]) -> Values:
    left = [i for i, column in enumerate(values.schema) if column.name in used] or [0]
    return Values(tuple(values.schema[i] for i in left), tuple(tuple(row[i] for i in left) for row in values.rows))


def _narrow(schema: Schema, left: set[str]) -> Schema:
    return tuple(c for c in schema if c.name in left)
