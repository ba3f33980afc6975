"""Text sources, converted once: a Parquet file beside which the text need not be read again.

The key is all that could change the rows: path, size, time and inode of every file, the reader's
options, the declared columns, and the versions of reader and engine. Used by previews while a flow
is edited; a run asks for it expressly. The folder is private and may be deleted at any time.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import replace
from pathlib import Path

from pypeline.core.columns import Schema, names
from pypeline.core.relation import Scan, quote
from pypeline.core.results import HandOver
from pypeline.runner.order import Order
from pypeline.runner.tables import compile as compiling
from pypeline.runner.tables import scan as scans
from pypeline.runner.tables.connection import opened, text
from pypeline.runner.tables.fused import Fused, Table
from pypeline.runner.tables.prune import keep

READER_VERSION = 1
_MOST = 50
"""Converted sources that the folder holds; the ones used longest ago go first."""


def key(table: Table, files: list[str], schema: Schema) -> str:
    """The name under which the converted source is found."""
    import duckdb
    import xxhash

    scan = table.query
    assert isinstance(scan, Scan)
    stats = [(path, s.st_size, s.st_mtime_ns, s.st_ino) for path in files for s in [os.stat(path)]]
    dialect = dict(table.facts.dialect) if table.facts is not None else {}
    said = [READER_VERSION, duckdb.__version__, scan.format, stats, dict(scan.options), dialect, [(c.name, c.type) for c in schema]]
    return str(xxhash.xxh3_128_hexdigest(json.dumps(said, sort_keys=True, default=str).encode()))


def served(fused: Fused, order: Order, folder: Path) -> Fused:
    """``fused`` with its text scans read from the cache, as far as it holds them."""
    made = {}
    for name, table in fused.tables.items():
        path = _path(table, order, folder)
        if path is not None and path.exists():
            os.utime(path)
            given = HandOver(str(path), "parquet", 0, table.schema)
            table = replace(table, query=None, hand_over=given)
        made[name] = table
    return fused.with_tables(made)


def warm(fused: Fused, order: Order, folder: Path) -> int:
    """Convert every text source of ``fused`` that is not in the cache yet; how many were.

    Rows that a source rejects are not in it, as in a run. Interruptible like any statement.
    """
    done = 0
    for name, table in fused.tables.items():
        path = _path(table, order, folder)
        if path is None or path.exists():
            continue
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        alone = keep(fused.without_ends(), {name: set(names(table.schema))}, ())
        reading = scans.reading(alone.tables[name], order.folder, order.limits.spill)
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        statement = compiling.statement(alone, {name: reading})
        sql = f"{statement.heads} SELECT * FROM {quote(name)}"
        try:
            with opened(
                threads=order.limits.threads, memory=order.limits.memory, spill=order.limits.spill,
                paths=[*statement.paths, str(part)], disabled_optimizers=statement.disabled_optimizers,
            ) as connection:  # fmt: skip
                connection.execute(f"COPY ({sql}) TO {text(str(part))} (FORMAT parquet, COMPRESSION lz4, USE_TMP_FILE false)")
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        done += 1
    _trim(folder)
    return done


def size(fused: Fused, order: Order) -> int:
    """Bytes of the text files that ``fused`` reads."""
    total = 0
    for table in fused.tables.values():
        scan = table.query
        if isinstance(scan, Scan) and scan.format in ("csv", "json"):
            total += sum(os.stat(path).st_size for path in scans.files_of(scan, table, order.folder))
    return total


def _path(table: Table, order: Order, folder: Path) -> Path | None:
    scan = table.query
    if not isinstance(scan, Scan) or scan.format not in ("csv", "json"):
        return None
    files = scans.files_of(scan, table, order.folder)
    whole = scan.columns or (table.facts.columns if table.facts is not None else ())
    return folder / f"{key(table, files, whole)}.parquet"


def _trim(folder: Path) -> None:
    held = sorted(folder.glob("*.parquet"), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in held[_MOST:]:
        path.unlink(missing_ok=True)
