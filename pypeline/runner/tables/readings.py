"""How a scan is read, in words that all readers share: the SELECT and its files, and where rejected rows are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from pypeline.core.columns import Schema
from pypeline.core.relation import quote
from pypeline.runner.tables.querysql import sql_type
from pypeline.schema.problems import Place, Problem, PypeError, did_you_mean
from pypeline.schema.record import record

FLOATS = frozenset({"float", "double"})


@record
class Rejects:
    """Where a text reader leaves the rows it could not read.

    ``errors`` and ``scans`` are the engine's reject tables; ``columns`` names the physical columns
    (``c0`` …) as the file does; ``names`` gives the original of a transcoded file; ``converted`` is
    the table of rows that failed a conversion after reading, or empty, and ``converted_path`` the file
    that it is written to; ``fields`` then gives the columns of each file as the engine read it, and
    ``options`` how to read it.
    """

    errors: str
    scans: str
    columns: tuple[str, ...]
    names: dict[str, str] = field(default_factory=dict)
    converted: str = ""
    converted_path: str = ""
    fields: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


@record
class Reading:
    """``tables`` are (name, SELECT, stored) to stand before the scan's own, which is ``select``."""

    select: str
    paths: tuple[str, ...]
    tables: tuple[tuple[str, str, bool], ...] = ()
    rejects: Rejects | None = None
    arrow: dict[str, str] = field(default_factory=dict)


def narrowed(schema: Schema, expressions: dict[str, str], source: str) -> str:
    """The second table of a scan: the used columns of ``source``, NaN made null."""
    made = []
    for column in schema:
        value = expressions.get(column.name, quote(column.name))
        if column.type in FLOATS:
            value = f"nullif({value}, CAST('nan' AS {sql_type(column.type)}))"
        made.append(f"{value} AS {quote(column.name)}" if value != quote(column.name) else value)
    return f"SELECT {', '.join(made) or 'TRUE AS ' + quote('-')} FROM {source}"


def missing_column(module: str, name: str, known: Sequence[str], where: str) -> PypeError:
    """The error for a declared column that the file does not have."""
    message = f"`{where}` has no column `{name}`: {did_you_mean(name, known)}"
    return PypeError(
        Problem("PYE403", message, Place(module=module, path=("columns",)), "Correct the declared columns, or match them by position.", phase="run")
    )
