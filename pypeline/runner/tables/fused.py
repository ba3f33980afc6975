"""The data of a segment on its way to SQL: tables, sinks and shows, in topological order.

A **table** is an output port (``module.port``) or a local step (``module$step``) of a module: its
query over other tables, by the aliases its module gave them. Binding fills in schemas, pruning
takes columns out, compiling writes the statement. Nothing here touches an engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Literal

from pypeline.core.columns import Schema
from pypeline.core.facts import SourceFacts
from pypeline.core.relation import Show, Step, Write
from pypeline.core.results import HandOver
from pypeline.schema.record import record

Change = Literal["same", "fewer", "any"]


@record
class Table:
    """One table of the segment.

    ``inputs`` maps an alias in the query to the name of the table behind it; ``blocking`` says that
    all rows are needed before the first comes out. ``facts`` belong to a scan; ``hand_over`` is set
    instead of ``query`` for a table that another task made.
    """

    name: str
    module: str
    query: Step | None
    inputs: Mapping[str, str] = field(default_factory=dict)
    schema: Schema = ()
    blocking: bool = False
    facts: SourceFacts | None = None
    hand_over: HandOver | None = None

    @property
    def is_port(self) -> bool:
        """Whether links may start here (a step is the module's own business)."""
        return "$" not in self.name


@record
class Sink:
    """A file to write from ``table``."""

    module: str
    write: Write
    table: str


@record
class LogShow:
    """Rows of ``table`` for the log."""

    module: str
    show: Show
    table: str


@record
class Fused:
    """A whole segment. ``tables`` in an order in which every table comes after its inputs.

    ``changes`` is each module's declared row change.
    """

    tables: Mapping[str, Table]
    sinks: tuple[Sink, ...] = ()
    shows: tuple[LogShow, ...] = ()
    changes: Mapping[str, Change] = field(default_factory=dict)

    def with_tables(self, tables: Mapping[str, Table]) -> Fused:
        """This segment with other tables (same names, same order)."""
        return replace(self, tables=tables)

    def without_ends(self) -> Fused:
        """This segment without sinks and shows: what a preview may run."""
        return replace(self, sinks=(), shows=())

    def ports(self) -> dict[str, Schema]:
        """``module.port`` → schema."""
        return {name: t.schema for name, t in self.tables.items() if t.is_port}


def port_name(module: str, port: str) -> str:
    """The table name of an output port."""
    return f"{module}.{port}"


def step_name(module: str, step: str) -> str:
    """The table name of a module's local step."""
    return f"{module}${step}"
