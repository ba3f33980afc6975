"""Counts from the engine's own meters, where a counter would have it hold a table.

A table that is counted by a reader of its own and also probes a hash table is held by the engine
whole, for the probe has to wait (32 bytes a row). The engine counts what leaves each operator
anyway; but its plan is not ours, and an operator may stop before all rows have come. So meters are
read only on a **line**: the rows of one text file through inner and left joins by equal keys to where
all of them are needed, each table with one reader, with nothing after it that takes rows out and that
the engine could move into the line. The plan must show that line and nothing else on it, before the
statement runs and after; and no inner join may have had an empty right side, which ends its probe
early. Otherwise there are counters.

In: a segment; a plan and a profile as the engine tells them. Out: a :class:`Line` and its numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from pypeline.core.relation import Query, Scan, quote
from pypeline.runner.tables.fused import Fused, Table
from pypeline.schema.record import record

Node = Mapping[str, Any]

_NAME = r'"(?:[^"]|"")*"'
_EQUAL = rf"\(\"left\"\.{_NAME} = \"\w+\"\.{_NAME}\)"
_JOIN = re.compile(rf"\"left\" (?P<kind>JOIN|LEFT JOIN) \"\w+\" ON {_EQUAL}(?: AND {_EQUAL})*")
_KINDS = {"JOIN": "INNER", "LEFT JOIN": "LEFT"}


class NotTold(Exception):
    """The engine's plan is not the one that its meters can be read on, or they are not exact: count instead."""


@record
class Line:
    """``scan`` is the table that reads, ``file`` first; ``joins`` are the joined tables in order, each with its kind as the engine says it."""

    scan: str
    file: str
    joins: tuple[tuple[str, str], ...]

    @property
    def tables(self) -> tuple[str, ...]:
        """What the meters can count."""
        return (self.scan, *(name for name, _ in self.joins))


def line(fused: Fused, files: Mapping[str, Sequence[str]], readers: Mapping[str, int], written: Container[str]) -> Line | None:
    """The first line of ``fused``, if there is one.

    Args:
        files: what each scan reads.
        readers: how many read each table, all but counters.
        written: tables that go to a file as they are, all of their rows.
    """
    for table in fused.tables.values():
        if not isinstance(table.query, Scan) or table.query.format != "csv" or table.query.options.get("limit") is not None:
            continue
        joins = _joins(fused, readers, written, table)
        if joins and files[table.name]:
            return Line(table.name, files[table.name][0], joins)
    return None


def check(plan: str, wanted: Line) -> None:
    """Raise :class:`NotTold` unless ``plan`` (EXPLAIN as JSON) runs ``wanted`` as drawn."""
    _found(json.loads(plan), wanted)


def told(profile: str, wanted: Line) -> dict[str, int]:
    """Rows of every table of ``wanted``, from the profile (JSON) of the statement that has just run.

    Raises:
        NotTold: they are not exact.
    """
    scan, joins = _found(json.loads(profile)["operator"], wanted)
    if not scan["extra_info"].get("Filename(s)", "").startswith(wanted.file):
        raise NotTold
    inner = [join for join, (_, kind) in zip(joins, wanted.joins, strict=True) if kind == "INNER"]
    if any(not _rows(join["children"][1]) for join in inner):
        raise NotTold
    return {name: _rows(node) for name, node in zip(wanted.tables, (scan, *joins), strict=True)}


def _joins(fused: Fused, readers: Mapping[str, int], written: Container[str], scan: Table) -> tuple[tuple[str, str], ...]:
    """The joins from ``scan`` to where all rows are needed; none if its rows go another way."""
    found: list[tuple[str, str]] = []
    table = scan
    while readers[table.name] == 1:
        reader = next((t for t in fused.tables.values() if table.name in t.inputs.values()), None)
        query = reader.query if reader is not None else None
        if table.name in written or (isinstance(query, Query) and query.group_by):
            return tuple(found) if all(_keeps_rows(t) for t in _after(fused, table)) else ()
        if reader is None or not isinstance(query, Query) or not _keeps_rows(reader):
            return ()
        if join := _JOIN.fullmatch(query.source.sql):
            if reader.inputs["left"] != table.name or list(reader.inputs.values()).count(table.name) > 1:
                return ()  # its rows end in a hash table
            found.append((reader.name, _KINDS[join["kind"]]))
        elif not _same(fused, reader):
            return ()
        table = reader
    return ()


def _keeps_rows(table: Table) -> bool:
    """Whether the table's own query leaves nothing out: no condition, no limit, nothing of the user's SQL."""
    query = table.query
    if not isinstance(query, Query) or not query.prunable or query.distinct:
        return False
    cuts = (query.where, query.having, query.qualify, query.limit, query.offset)
    plain = query.source.sql in map(quote, table.inputs) or _JOIN.fullmatch(query.source.sql)
    return bool(plain) and all(cut is None for cut in cuts)


def _same(fused: Fused, table: Table) -> bool:
    """Whether the table has a row for every row it reads (an aggregate without keys has not)."""
    query = table.query
    assert isinstance(query, Query)
    plain = all(expr.sql in {f"{quote(port)}.{quote(name)}" for port, name in expr.reads} for _, expr in query.columns)
    return plain or fused.changes.get(table.module) == "same"


def _after(fused: Fused, table: Table) -> Iterator[Table]:
    """All tables made of ``table``."""
    made = {table.name}
    for other in fused.tables.values():
        if made & set(other.inputs.values()):
            made.add(other.name)
            yield other


def _found(roots: list[Node], wanted: Line) -> tuple[Node, list[Node]]:
    """The scan and the joins of the plan's one line."""
    lines = [found for root in roots for found in _lines(root) if found[1]]
    if len(lines) != 1:
        raise NotTold
    scan, joins = lines[0]
    if [join["extra_info"].get("Join Type") for join in joins] != [kind for _, kind in wanted.joins]:
        raise NotTold
    return scan, joins


def _lines(node: Node, above: tuple[Node, ...] = ()) -> Iterator[tuple[Node, list[Node]]]:
    """Every reader of text below ``node`` with the joins that its rows probe one after the other, the
    first one first; anything else on the way but a projection ends the line."""
    children = node.get("children", ())
    what = node.get("type") or node.get("name")
    if node.get("extra_info", {}).get("Function") == "READ_CSV":
        yield node, list(reversed(above))
    elif what == "HASH_JOIN":
        yield from _lines(children[0], (*above, node))
        yield from _lines(children[1])
    else:
        for child in children:
            yield from _lines(child, above if what == "PROJECTION" else ())


def _rows(node: Node) -> int:
    return int(node["intermediate_rows"])
