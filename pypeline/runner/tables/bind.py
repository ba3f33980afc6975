"""From an order and its modules to a bound segment: every table with its columns and types.

Each module relates its inputs' schemas in topological order; the engine binds each query on empty
typed inputs, so types come from one type checker and no row is read. Files are opened only where a
format carries its own schema and the facts do not hold it yet.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pypeline.core.columns import Schema, names
from pypeline.core.modules import BaseModule, RelationalModule
from pypeline.core.planned import PlannedLink, PlannedModule
from pypeline.core.relation import REJECT_COLUMNS, Expr, Query, Relation, Scan, Show, Step, UnionAll, Write, passed, port_alias, quote
from pypeline.runner.order import Order
from pypeline.runner.tables import scan as scans
from pypeline.runner.tables.connection import opened
from pypeline.runner.tables.fused import Change, Fused, LogShow, Sink, Table, port_name, step_name
from pypeline.runner.tables.prune import reads
from pypeline.runner.tables.querysql import empty, scoped, select
from pypeline.schema.problems import Place, Problem, PypeError, did_you_mean

_MISSING = re.compile(r'column "([^"]+)" (?:not found|does not exist|not have)|(?:does not have a column named|column named) "([^"]+)"', re.IGNORECASE)


def fuse(order: Order, instances: Mapping[str, BaseModule], wanted: Mapping[str, frozenset[str]] | None = None) -> Fused:
    """The segment of ``order``, bound but not pruned.

    Args:
        instances: configured modules by id.
        wanted: output ports to relate, by module; None for those that links, hand-overs and counts ask for.

    Raises:
        PypeError: a module's config does not fit its inputs; the place names the module and path.
    """
    with _binder(order) as connect, connect([], {}) as connection:
        return _Fusing(order, instances, wanted or asked(order), connect, connection).fuse()


def asked(order: Order) -> dict[str, frozenset[str]]:
    """The output ports of each module that something in the order asks for."""
    found: dict[str, set[str]] = {m.id: set() for m in order.modules}
    for name in (*(link.port for link in order.links), *order.hands_over, *order.count):
        module, _, port = name.rpartition(".")
        if module in found:
            found[module].add(port)
    return {module: frozenset(ports) for module, ports in found.items()}


class _Fusing:
    """One pass over the modules, in topological order."""

    def __init__(self, order: Order, instances: Mapping[str, BaseModule], wanted: Mapping[str, frozenset[str]], connect: Any, connection: Any) -> None:
        self.order = order
        self.instances = instances
        self.wanted = wanted
        self.connect = connect
        self.connection = connection
        self.tables: dict[str, Table] = {}
        self.sinks: list[Sink] = []
        self.shows: list[LogShow] = []
        self.changes: dict[str, Change] = {}

    def fuse(self) -> Fused:
        for link in self.order.links:
            if link.id in self.order.tables and link.port not in self.tables:
                given = self.order.tables[link.id]
                self.tables[link.port] = Table(link.port, link.source, None, schema=given.schema, hand_over=given)
        for module in topological(self.order):
            self._module(module)
        return Fused(self.tables, tuple(self.sinks), tuple(self.shows), self.changes)

    def _module(self, module: PlannedModule) -> None:
        inputs, aliases = self._inputs(module)
        relation = self._relate(module, inputs)
        self.changes[module.id] = relation.change
        for step, query in relation.steps.items():
            name = step_name(module.id, step)
            self._add(module, name, query, aliases, relation)
            aliases = {**aliases, step: name}
        for port, query in relation.outputs.items():
            self._add(module, port_name(module.id, port), query, aliases, relation)
        for write in relation.writes:
            self.sinks.append(Sink(module.id, write, self._source(module, write, aliases)))
        for show in relation.shows:
            self.shows.append(LogShow(module.id, show, self._source(module, show, aliases)))

    def _inputs(self, module: PlannedModule) -> tuple[dict[str, Sequence[Schema]], dict[str, str]]:
        inputs: dict[str, list[Schema]] = {}
        aliases: dict[str, str] = {}
        links = sorted((link for link in self.order.links if link.target == module.id), key=lambda link: link.index)
        for link in links:
            arriving = inputs.setdefault(link.target_port, [])
            aliases[port_alias(link.target_port, len(arriving))] = link.port
            arriving.append(self._schema(module, link))
        return dict(inputs), aliases

    def _schema(self, module: PlannedModule, link: PlannedLink) -> Schema:
        if link.port not in self.tables:
            known = [name for name in self.tables if name.startswith(f"{link.source}.")]
            message = f"`{link.source}` has no output port `{link.source_port}`: {did_you_mean(link.port, known)}"
            raise PypeError(Problem("PYE412", message, Place(module=module.id, link=link.id), "Start the link at a port that the module has.", phase="plan"))
        return self.tables[link.port].schema

    def _relate(self, module: PlannedModule, inputs: Mapping[str, Sequence[Schema]]) -> Relation:
        if module.bypass:
            first = next(iter(inputs), None)
            if first is None:
                return Relation()
            handed = Query(passed(first, inputs[first][0]), Expr(f'"{first}"'))
            return Relation(outputs=dict.fromkeys(self.wanted[module.id], handed), change="same")
        instance = self.instances[module.id]
        assert isinstance(instance, RelationalModule)
        try:
            return instance.relate(inputs, self.wanted[module.id])
        except PypeError as error:
            placed = (replace(p, phase="plan", place=replace(p.place, module=p.place.module or module.id)) for p in error.problems)
            raise PypeError(*placed) from error

    def _add(self, module: PlannedModule, name: str, query: Step, aliases: Mapping[str, str], relation: Relation) -> None:
        facts = module.source if isinstance(query, Scan) else None
        table = Table(name, module.id, query, {} if isinstance(query, Scan) else dict(aliases), blocking=relation.blocking, facts=facts)
        if isinstance(query, Scan):
            self.tables[name] = replace(table, schema=scans.schema(table, self.order.folder, self.connect))
            if query.format == "csv":
                # the engine itself serves a text source's rejected rows, from the same scan
                self.tables[port_name(module.id, "reject")] = Table(port_name(module.id, "reject"), module.id, None, schema=REJECT_COLUMNS)
            return
        if isinstance(query, Query) and not query.columns:
            query = self._spelled(module, table, query)
            table = replace(table, query=query)
        used = {alias for alias, _ in reads(query)}
        table = replace(table, inputs={alias: t for alias, t in table.inputs.items() if alias in used or f'"{alias}"' in _sources(query)})
        self.tables[name] = replace(table, schema=self._bound(module, table, query))

    def _spelled(self, module: PlannedModule, table: Table, query: Query) -> Query:
        """``query``, which names no columns because only its source knows them (user SQL), with all of them named."""
        found = self._bound(module, table, query, f"SELECT * FROM {query.source.sql}")
        return replace(query, columns=tuple((c.name, Expr(quote(c.name))) for c in found))

    def _bound(self, module: PlannedModule, table: Table, query: Query | UnionAll | Any, text: str = "") -> Schema:
        import duckdb

        heads = {alias: self.tables[source] for alias, source in table.inputs.items()}
        typed = ", ".join(f'"{alias}" AS ({empty(source.schema)})' for alias, source in heads.items())
        text = text or select(query)
        sql = f"WITH {typed} {text}" if typed else text
        try:
            return scans.described(self.connection, sql)
        except duckdb.Error as error:
            wrong = self._wrong_column(query, typed) if isinstance(query, Query) else ""
            raise _not_bound(module, wrong, heads, error) from error

    def _wrong_column(self, query: Query, typed: str) -> str:
        """The first column of ``query`` that does not bind by itself, or nothing."""
        import duckdb

        for name, expr in query.columns:
            alone = select(replace(query, columns=((name, expr),)))
            try:
                scans.described(self.connection, f"WITH {typed} {alone}" if typed else alone)
            except duckdb.Error:
                return name
        return ""

    def _source(self, module: PlannedModule, end: Write | Show, aliases: Mapping[str, str]) -> str:
        if end.source not in aliases:
            message = f"nothing arrives at port `{end.source}`"
            raise PypeError(Problem("PYE413", message, Place(module=module.id), "Draw a data link into it.", phase="plan"))
        return aliases[end.source]


def topological(order: Order) -> list[PlannedModule]:
    """The modules of ``order``, each behind all that feed it; ties in the order's own order."""
    inside = {m.id for m in order.modules}
    feeds = {m.id: {link.source for link in order.links if link.target == m.id and link.source in inside} for m in order.modules}
    done: dict[str, PlannedModule] = {}
    waiting = {m.id: m for m in order.modules}
    while waiting:
        ready = [m for m in waiting.values() if feeds[m.id] <= done.keys()]
        assert ready, "the planner gives no cycles"
        for module in ready:
            done[module.id] = waiting.pop(module.id)
    return list(done.values())


@contextlib.contextmanager
def _binder(order: Order) -> Iterator[Any]:
    """Makes connections that may read given files, for looking at schemas."""

    def connect(paths: Sequence[str], tables: Mapping[str, Any]) -> Any:
        return opened(threads=1, memory=2**28, spill=order.limits.spill, paths=paths, tables=dict(tables))

    yield connect


def _sources(query: Step) -> str:
    if isinstance(query, UnionAll):
        return " ".join(part.source.sql for part in query.parts)
    return query.source.sql if isinstance(query, Query) else ""


def _not_bound(module: PlannedModule, wrong: str, heads: Mapping[str, Table], error: Exception) -> PypeError:
    """What the engine says of a query that does not bind, as a problem of the module."""
    said = str(error).split("\n")[0]
    if type(error).__name__ == "PermissionException":
        message = f"the query reads a file that is not a declared input of this task: {said.partition(': ')[2]}"
        return PypeError(Problem("PYE438", message, Place(module=module.id), "Declare the file as a source and link it to this module.", phase="plan"))
    found = _MISSING.search(str(error))
    column = (found[1] or found[2]) if found else ""
    known = [name for table in heads.values() for name in names(table.schema)]
    if column and column not in known:
        message = f"there is no column `{column}`: {did_you_mean(column, known)}"
        return PypeError(Problem("PYE414", message, Place(module=module.id), "Correct the name, or add the column before this module.", phase="plan"))
    message = re.sub(r"^(Binder|Catalog|Parser|Conversion|Invalid Input) Error: ", "", said)
    if wrong:
        message = f"column `{wrong}`: {message}"
    return PypeError(Problem("PYE415", message, Place(module=module.id), "Correct the expression, or convert the types before this module.", phase="plan"))


__all__ = ["asked", "fuse", "scoped", "topological"]
