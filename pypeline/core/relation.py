"""What a relational module says of its tables: queries as data, touching none.

A relational module turns its config and its inputs' schemas into a :class:`Relation`: one query
per wanted output port, over its input ports. The table engine (``runner/tables``) prunes unused
columns, joins the queries of a whole segment into one statement and runs it. Column names are
always spelled out: after :meth:`RelationalModule.relate` no star is left.

Text inside an :class:`Expr` is DuckDB SQL in which a column of port ``input`` is written
``"input"."name"`` (see :func:`col`). ``reads`` lists those columns, so that pruning never has to
parse SQL again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, Literal

from pypeline.core.columns import Column, Schema
from pypeline.schema.record import record

ColumnRef = tuple[str, str]
"""(port or step, column)"""


def quote(name: str) -> str:
    """``name`` as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: Any) -> str:
    """``value`` (None, bool, int, float, str) as a SQL literal.

    Raises:
        TypeError: a value of another type.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"CAST('{value!r}' AS DOUBLE)"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"no SQL literal for {type(value).__name__}")


@record
class Expr:
    """A piece of SQL and the columns it reads."""

    sql: str
    reads: frozenset[ColumnRef] = frozenset()


def col(port: str, name: str) -> Expr:
    """The column ``name`` of ``port``."""
    return Expr(f"{quote(port)}.{quote(name)}", frozenset({(port, name)}))


def passed(port: str, schema: Schema, without: Iterable[str] = ()) -> tuple[tuple[str, Expr], ...]:
    """All columns of ``port``, handed on under their own names."""
    drop = set(without)
    return tuple((c.name, col(port, c.name)) for c in schema if c.name not in drop)


@record
class Query:
    """One SELECT. ``source`` is the FROM clause with ports as quoted aliases, e.g. ``"input"``.
    No ``columns`` means all that ``source`` has, which binding finds and spells out: for user SQL only.

    ``keep`` names output columns that pruning may not drop although nobody reads them.
    ``prunable`` is False where dropping a column changes rows (DISTINCT, user SQL).
    """

    columns: tuple[tuple[str, Expr], ...]
    source: Expr
    where: Expr | None = None
    group_by: tuple[Expr, ...] = ()
    having: Expr | None = None
    qualify: Expr | None = None
    order_by: tuple[Expr, ...] = ()
    limit: int | None = None
    offset: int | None = None
    distinct: bool = False
    prunable: bool = True
    keep: frozenset[str] = frozenset()


@record
class UnionAll:
    """Several queries with the same output columns, one below the other, in order."""

    parts: tuple[Query, ...]


@record
class Values:
    """A literal table, typed by ``schema``."""

    schema: Schema
    rows: tuple[tuple[Any, ...], ...]


@record
class Scan:
    """Read files. ``columns`` is what the flow declares (empty: the file says); ``options`` are
    the reader's, already validated by the module's config model (see ``runner/tables/scan.py``)."""

    format: Literal["csv", "parquet", "arrow", "json"]
    files: tuple[str, ...]
    columns: Schema = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@record
class Write:
    """Write ``source`` (an input port) to a file. ``mode``: create | replace | append."""

    source: str
    format: Literal["csv", "parquet", "arrow", "json"]
    path: str
    mode: str = "replace"
    options: Mapping[str, Any] = field(default_factory=dict)


@record
class Show:
    """Hand the first ``rows`` rows of ``source`` (a port) to the log."""

    source: str
    rows: int = 20
    options: Mapping[str, Any] = field(default_factory=dict)


Step = Query | UnionAll | Values | Scan


@record
class Relation:
    """All a relational module has to say.

    ``steps`` are local tables several outputs share (a filter's predicate, computed once); later
    steps and outputs read them by name like a port. ``blocking`` says that an output needs all
    rows first (sort, aggregate). ``change`` is the declared row change that reconciliation uses:
    ``same`` (rows out = rows in), ``fewer``, ``any``.
    """

    outputs: Mapping[str, Step] = field(default_factory=dict)
    steps: Mapping[str, Step] = field(default_factory=dict)
    writes: tuple[Write, ...] = ()
    shows: tuple[Show, ...] = ()
    blocking: bool = False
    change: Literal["same", "fewer", "any"] = "any"


Inputs = Mapping[str, Sequence[Schema]]
"""Input port → the schemas arriving there, in file order of the links (one, unless the port is ``many``).
A ``many`` port's tables are called ``input``, ``input$2``, ``input$3`` … in queries."""


def port_alias(port: str, index: int) -> str:
    """The table name of the ``index``-th (from 0) link into ``port``."""
    return port if index == 0 else f"{port}${index + 1}"


REJECT_COLUMNS: Schema = (
    Column("error_code", "string"),
    Column("error_message", "string"),
    Column("error_column", "string"),
    Column("source", "string"),
    Column("line", "int64"),
    Column("raw", "string"),
)
"""The schema of every reader's, converter's, validator's and writer's ``reject`` port."""
