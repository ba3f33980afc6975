"""A query of one table as SQL text: the pure translation of :mod:`pypeline.core.relation`.

In: a Query, UnionAll or Values and, for every alias it reads, the table behind it with the columns
to take. Out: one SELECT. Scans are :mod:`pypeline.runner.tables.scan`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pypeline.core.columns import Schema, duckdb_type
from pypeline.core.relation import Expr, Query, UnionAll, Values, literal, quote


def select(query: Query | UnionAll | Values) -> str:
    """The SELECT of ``query``; its aliases must be in scope."""
    if isinstance(query, Query):
        return _query(query)
    if isinstance(query, UnionAll):
        return " UNION ALL ".join(f"({_query(part)})" for part in query.parts)
    return _values(query)


def scoped(sql: str, aliases: Mapping[str, tuple[str, Sequence[str]]]) -> str:
    """``sql`` with its aliases put in scope: alias → (table name, columns to take)."""
    if not aliases:
        return sql
    heads = ", ".join(f"{quote(alias)} AS (SELECT {columns(names)} FROM {quote(table)})" for alias, (table, names) in aliases.items())
    return f"WITH {heads} {sql}"


def columns(names: Sequence[str]) -> str:
    """A select list of plain columns; of none, one that costs nothing (a table has at least one)."""
    return ", ".join(quote(n) for n in names) if names else 'TRUE AS "-"'


def empty(schema: Schema) -> str:
    """A SELECT with no rows and the columns of ``schema``."""
    wanted = ", ".join(f"CAST(NULL AS {sql_type(c.type)}) AS {quote(c.name)}" for c in schema) or 'TRUE AS "-"'
    return f"SELECT {wanted} WHERE FALSE"


def sql_type(type: str) -> str:
    """The DuckDB spelling of a column type; one outside our vocabulary is DuckDB text already."""
    try:
        return duckdb_type(type)
    except ValueError:
        return type


def _query(query: Query) -> str:
    made = ", ".join(f"{expr.sql} AS {quote(name)}" for name, expr in query.columns) or 'TRUE AS "-"'
    parts = [f"SELECT {'DISTINCT ' if query.distinct else ''}{made} FROM {query.source.sql}"]
    if query.where is not None:
        parts.append(f"WHERE {query.where.sql}")
    if query.group_by:
        parts.append(f"GROUP BY {_list(query.group_by)}")
    if query.having is not None:
        parts.append(f"HAVING {query.having.sql}")
    if query.qualify is not None:
        parts.append(f"QUALIFY {query.qualify.sql}")
    if query.order_by:
        parts.append(f"ORDER BY {_list(query.order_by)}")
    if query.limit is not None:
        parts.append(f"LIMIT {query.limit}")
    if query.offset is not None:
        parts.append(f"OFFSET {query.offset}")
    return " ".join(parts)


def _list(exprs: Sequence[Expr]) -> str:
    return ", ".join(e.sql for e in exprs)


def _values(values: Values) -> str:
    if not values.rows:
        return empty(values.schema)
    casts = ", ".join(f"CAST({quote(c.name)} AS {sql_type(c.type)}) AS {quote(c.name)}" for c in values.schema)
    rows = ", ".join("(" + ", ".join(literal(v) for v in row) + ")" for row in values.rows)
    names = ", ".join(quote(c.name) for c in values.schema)
    return f"SELECT {casts} FROM (VALUES {rows}) AS rows({names})"
