"""Rejected rows of text readers: found after the statement, counted by line, handed over or refused.

In: the instance that has just run, and where each reader left its rejects. Out: how many lines each
module rejected, with the table behind a connected ``reject`` port: one row a line, so that the rows
of every link add up; a line with several errors names them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from pypeline.core.planned import PlannedModule
from pypeline.core.relation import REJECT_COLUMNS, quote
from pypeline.runner.tables.compile import HAND_OVER_FORMAT
from pypeline.runner.tables.connection import text
from pypeline.runner.tables.lines import lines_of
from pypeline.runner.tables.readings import Rejects
from pypeline.schema.problems import Place, Problem, PypeError
from pypeline.schema.record import record

SHOWN = 3
"""Places that a failure names."""


@record
class Found:
    """``lines``: rejected rows by module; ``warnings`` for the log."""

    lines: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def is_reject_port(self, name: str) -> bool:
        """Whether ``module.port`` is a reader's reject port."""
        module, _, port = name.rpartition(".")
        return port == "reject" and module in self.lines

    def rows(self, name: str) -> int:
        """Rows of the table behind a reject port."""
        return self.lines[name.rpartition(".")[0]]


def collect(connection: Any, rejects: Mapping[str, Rejects], modules: Mapping[str, PlannedModule], hands: Mapping[str, str]) -> Found:
    """Count the rejected rows of every reader, write connected reject ports, and judge the rest.

    Raises:
        PypeError: PYE420, rows were rejected, no link takes them, and ``on_reject`` is ``fail``.
    """
    lines: dict[str, int] = {}
    warnings: list[str] = []
    for module, where in rejects.items():
        rows = table_sql(where, lines_of(connection, where) if where.converted else ())
        lines[module] = connection.execute(_count(where)).fetchall()[0][0]
        port = f"{module}.reject"
        if port in hands:
            connection.execute(f"COPY ({rows}) TO {text(hands[port])} ({HAND_OVER_FORMAT})")
        elif lines[module]:
            rule = modules[module].on_reject
            message = _message(connection, rows, lines[module])
            if rule == "fail":
                mend = "Correct the file or the declared columns, link the `reject` port, or set `on_reject: ignore`."
                raise PypeError(Problem("PYE420", message, Place(module=module), mend, phase="run"))
            if rule == "warn":
                warnings.append(f"{module}: {message}")
    return Found(lines, tuple(warnings))


def table_sql(where: Rejects, lines: Sequence[int | None] = ()) -> str:
    """The rejected rows of one reader with the columns of every reject port, by file and line; ``lines`` are
    those of the rows rejected after reading, as far as they are known."""
    names = " ".join(f"WHEN 'c{i}' THEN {text(name)}" for i, name in enumerate(where.columns))
    column = f"CASE e.column_name {names} END" if names else "NULL"
    errors = (
        f"SELECT e.scan_id, e.file_id, e.byte_position, replace(lower(CAST(e.error_type AS VARCHAR)), ' ', '_') AS code, "
        f"coalesce(replace(e.error_message, '\"' || e.column_name || '\"', '\"' || {column} || '\"'), e.error_message) AS message, "
        f"{column} AS name, {_original(where, 's.file_path')} AS source, CAST(e.line AS BIGINT) AS line, e.csv_line AS raw "
        f"FROM {quote(where.errors)} AS e JOIN {quote(where.scans)} AS s ON e.scan_id = s.scan_id AND e.file_id = s.file_id"
    )
    by = "ORDER BY byte_position, name"
    read = (
        f"SELECT arg_min(code, byte_position) AS error_code, string_agg(message, '; ' {by}) AS error_message, string_agg(name, ', ' {by}) AS error_column, "
        f"any_value(source) AS source, line, any_value(raw) AS raw FROM ({errors}) GROUP BY scan_id, file_id, line"
    )
    if where.converted:
        message = """array_to_string(list_transform(failures, lambda f: 'Could not convert "' || f.value || '" ' || f.reason), '; ')"""
        named = """array_to_string(list_transform(failures, lambda f: f."column"), ', ')"""
        raw = "array_to_string(list_transform(failures, lambda f: f.value), ', ')"
        source = _original(where, "file")
        line = f"CAST([{', '.join('NULL' if n is None else str(n) for n in lines)}][file_row_number + 1] AS BIGINT)"
        found = f"read_parquet({text(where.converted_path)}, file_row_number = true)"
        read += f" UNION ALL SELECT 'cast', {message}, {named}, {source}, {line}, {raw} FROM {found}"
    return f"SELECT {', '.join(quote(c.name) for c in REJECT_COLUMNS)} FROM ({read}) ORDER BY source, line, error_column"


def _original(where: Rejects, path: str) -> str:
    cases = " ".join(f"WHEN {text(spilled)} THEN {text(original)}" for spilled, original in where.names.items())
    return f"CASE {path} {cases} ELSE {path} END" if cases else path


def _count(where: Rejects) -> str:
    """Rejected lines."""
    read = f"SELECT count(DISTINCT (scan_id, file_id, line)) AS lines FROM {quote(where.errors)}"
    if where.converted:
        read += f" UNION ALL SELECT count(*) FROM read_parquet({text(where.converted_path)})"
    return f"SELECT CAST(sum(lines) AS BIGINT) FROM ({read})"


def _plain(message: str, column: str | None) -> str:
    """The engine's message without the column, which stands before it."""
    return message.removeprefix(f'Error when converting column "{column}". ')


def _message(connection: Any, rows: str, lines: int) -> str:
    first = connection.execute(f"SELECT source, line, error_column, error_message FROM ({rows}) LIMIT {SHOWN}").fetchall()
    places = "; ".join(
        f"{f'line {line} of ' if line is not None else ''}`{source}`{f', column `{column}`' if column else ''}: {_plain(message, column)}"
        for source, line, column, message in first
    )
    return f"{lines} row{'s' if lines != 1 else ''} could not be read: {places}"
