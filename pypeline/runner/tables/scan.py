"""A scan as SQL: which files, which reader, and what comes out of it.

In: a :class:`~pypeline.core.relation.Scan` with the facts of its files. Out: a :class:`Reading`:
common table expressions that read the files once, the columns they give, the files to allow, and
how rejected rows will be found. Text files have a room of their own (``csv_scan``).
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pypeline.core.columns import Column, Schema, from_duckdb
from pypeline.core.relation import Scan, quote
from pypeline.runner.tables.connection import text, texts
from pypeline.runner.tables.fused import Table
from pypeline.runner.tables.querysql import columns as column_list
from pypeline.runner.tables.querysql import empty, sql_type
from pypeline.runner.tables.readings import Reading, narrowed
from pypeline.schema.problems import Place, Problem, PypeError


def reading(table: Table, folder: str, spill: str) -> Reading:
    """How to read ``table`` (a scan), giving the columns of ``table.schema`` only.

    Raises:
        PypeError: PYE401 a file is missing, PYE403 a declared column is not in the file, and what
            opening a file of that format may say.
    """
    scan = table.query
    assert isinstance(scan, Scan)
    files = files_of(scan, table, folder)
    if scan.format == "csv":
        from pypeline.runner.tables import csv_scan

        with blamed(table.module):
            return csv_scan.reading(table, scan, files, spill)
    if not files:
        return Reading(empty(table.schema), ())
    if scan.format == "arrow":
        return _arrow(table, scan, files)
    source = f"read_parquet({texts(files)}{_parquet_options(scan)})" if scan.format == "parquet" else f"read_json({texts(files)}{_json_options(scan)})"
    return Reading(_named(table, scan, source), tuple(files))


def schema(table: Table, folder: str, connect: Any) -> Schema:
    """The columns that a scan will have, in order, before anything is pruned.

    Args:
        connect: makes a connection that may read the given paths, as a context manager.
    """
    scan = table.query
    assert isinstance(scan, Scan)
    # while a flow is drawn nobody knows which file a variable of the run will name; declared columns are known all the same
    files = [] if any("{{" in file for file in scan.files) else files_of(scan, table, folder)
    if scan.format == "csv":
        from pypeline.runner.tables import csv_scan

        with blamed(table.module):
            return csv_scan.schema(table, scan, files)
    declared = scan.columns or (table.facts.columns if table.facts is not None else ())
    added = tuple(Column(name, "string" if kind != "line" else "int64", False) for name, kind in _added(scan))
    return (declared or _found(table, scan, files, connect)) + added


@contextmanager
def blamed(module: str) -> Iterator[None]:
    """Problems that name no module are ``module``'s."""
    try:
        yield
    except PypeError as error:
        raise PypeError(*(replace(p, phase="run", place=replace(p.place, module=p.place.module or module)) for p in error.problems)) from error


def files_of(scan: Scan, table: Table, folder: str) -> list[str]:
    """The absolute paths to read, in order: those of the facts, else what the patterns match.

    Raises:
        PypeError: PYE401, a file is not there.
    """
    if table.facts is not None and table.facts.files:
        found = [str(Path(folder, f.path)) for f in table.facts.files]
    else:
        found = [path for pattern in scan.files for path in _matching(str(Path(folder, pattern)))]
    missing = [path for path in found if not Path(path).is_file()]
    if not scan.options.get("file_required", True):
        return [path for path in found if path not in missing]
    if missing or not found:
        where = missing[0] if missing else ", ".join(scan.files)
        message = f"`{where}` is not there" if missing else f"no file matches `{where}`"
        raise PypeError(Problem("PYE401", message, Place(module=table.module), "Check the path, or whether what writes it has run.", phase="run"))
    return found


def _matching(pattern: str) -> list[str]:
    if glob.has_magic(pattern):
        return sorted(glob.glob(pattern, recursive=True))
    if Path(pattern).is_dir():
        return sorted(str(p) for p in Path(pattern).iterdir() if p.is_file())
    return [pattern]


def _added(scan: Scan) -> list[tuple[str, str]]:
    """Columns that tell where a row came from: (name, kind)."""
    kinds = (("file_name_column", "name"), ("file_path_column", "path"), ("line_column", "line"))
    return [(name, kind) for key, kind in kinds if (name := scan.options.get(key))]


def _named(table: Table, scan: Scan, source: str) -> str:
    made = {}
    for name, kind in _added(scan):
        made[name] = {"name": "parse_filename(filename)", "path": "filename", "line": "file_row_number + 1"}[kind]
    limit = f" LIMIT {int(scan.options['limit'])}" if scan.options.get("limit") is not None else ""
    return narrowed(table.schema, made, f"{source}{limit}")


def _parquet_options(scan: Scan) -> str:
    options = ", union_by_name = true" if scan.options.get("match", scan.options.get("union_by_name")) in ("name", True) else ""
    if any(kind != "line" for _, kind in _added(scan)):
        options += ", filename = true"
    if any(kind == "line" for _, kind in _added(scan)):
        options += ", file_row_number = true"
    if scan.options.get("hive_partitioning"):
        options += ", hive_partitioning = true"
    return options + ", can_have_nan = true"


def _json_options(scan: Scan) -> str:
    layout = {"lines": "newline_delimited", "array": "array"}.get(str(scan.options.get("layout", "auto")), "auto")
    options = f", format = '{layout}'"
    if scan.columns:
        options += ", columns = {" + ", ".join(f"{text(c.name)}: {text(sql_type(c.type))}" for c in scan.columns) + "}"
    if any(kind != "line" for _, kind in _added(scan)):
        options += ", filename = true"
    return options


def _arrow(table: Table, scan: Scan, files: list[str]) -> Reading:
    aliases = {f"{table.name}$file{i}": path for i, path in enumerate(files)}
    parts = [f"SELECT {column_list([c.name for c in table.schema])} FROM {quote(alias)}" for alias in aliases]
    limit = f" LIMIT {int(scan.options['limit'])}" if scan.options.get("limit") is not None else ""
    return Reading(narrowed(table.schema, {}, f"({' UNION ALL '.join(parts)}{limit})"), (), arrow=aliases)


def _found(table: Table, scan: Scan, files: list[str], connect: Any) -> Schema:
    if not files:
        return ()
    if scan.format == "arrow":
        with connect([], {"arrow file": arrow_table(files[0])}) as connection:
            return described(connection, 'SELECT * FROM "arrow file"')
    reader = f"read_parquet({texts(files)}{_parquet_options(scan)})" if scan.format == "parquet" else f"read_json({texts(files)}{_json_options(scan)})"
    with connect(files, {}) as connection:
        import duckdb

        try:
            found = described(connection, f"SELECT * FROM {reader}")
        except duckdb.Error as error:
            message = f"`{files[0]}` is not a valid {scan.format} file: {str(error).splitlines()[0]}"
            raise PypeError(
                Problem("PYE404", message, Place(module=table.module), "Check that the file is complete and of this format.", phase="run")
            ) from error
    own = {"filename", "file_row_number"} if _added(scan) else set()
    return tuple(c for c in found if c.name not in own)


def described(connection: Any, sql: str) -> Schema:
    """The columns of a SELECT, by binding it."""
    relation = connection.sql(sql)
    return tuple(Column(str(name), from_duckdb(str(type))) for name, type in zip(relation.columns, relation.types, strict=True))


def arrow_table(path: str) -> Any:
    """An Arrow IPC file or stream as a table, memory-mapped."""
    import pyarrow as pa

    source = pa.memory_map(path)
    try:
        return pa.ipc.open_file(source).read_all()
    except pa.ArrowInvalid:
        return pa.ipc.open_stream(source).read_all()
