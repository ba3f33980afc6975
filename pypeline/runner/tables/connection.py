"""The one place where a DuckDB instance is opened: fresh, fully set, then locked.

In: limits, the files it may read and write. Out: a connection that reaches no other file, no
network, no extension and no Python variable, and whose settings nobody can change. The parser is
not the wall, this is. Everything else in the program asks here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_OPEN: set[Any] = set()
_GUARD = threading.Lock()

# A text source must convert every declared column of every row (an unread bad value still rejects
# its row), so columns may not be dropped from its scan. Its row count is unknown to the engine,
# which then takes a coin's toss for a join order: with these off, the right side is built and the
# left one streams, as drawn.
TEXT_SOURCE_OPTIMIZERS = ("unused_columns", "join_order", "build_side_probe_side")


@contextmanager
def opened(
    *,
    threads: int = 1,
    memory: int = 2**30,
    spill: str,
    paths: Iterable[str] = (),
    disabled_optimizers: Iterable[str] = (),
    tables: dict[str, Any] | None = None,
    metered: bool = False,
) -> Iterator[Any]:
    """A locked instance, closed at the end.

    Args:
        threads: worker threads, at least 1.
        memory: bytes before it spills.
        spill: a private folder; the only one it may read and write freely.
        paths: single files it may read or write.
        disabled_optimizers: optimizer passes to leave out.
        tables: Arrow tables or datasets by the name under which SQL sees them.
        metered: whether the engine notes the rows that leave every operator.
    """
    import duckdb

    connection = duckdb.connect()  # noqa: TID251 - this is the place
    try:
        with _GUARD:
            _OPEN.add(connection)
        _set(connection, max(1, threads), memory, spill, paths, disabled_optimizers, metered)
        for name, table in (tables or {}).items():
            connection.register(name, table)
        yield connection
    finally:
        with _GUARD:
            _OPEN.discard(connection)
        connection.close()


def interrupt() -> None:
    """Interrupt every statement running in this process; safe from any thread."""
    with _GUARD:
        running = list(_OPEN)
    for connection in running:
        connection.interrupt()


def text(value: str) -> str:
    """``value`` as a SQL string."""
    return "'" + value.replace("'", "''") + "'"


def texts(values: Iterable[str]) -> str:
    """A SQL list of strings."""
    return "[" + ", ".join(text(v) for v in values) + "]"


def _set(connection: Any, threads: int, memory: int, spill: str, paths: Iterable[str], disabled: Iterable[str], metered: bool) -> None:
    folder = str(Path(spill).resolve())
    settings = {
        "threads": str(threads),
        "memory_limit": text(f"{max(memory, 64 * 2**20)}B"),
        "temp_directory": text(folder),
        "python_enable_replacements": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "allow_persistent_secrets": "false",
        "enable_external_file_cache": "false",
        "error_on_division_by_zero": "false",
        # order kept also lets several readers of one table stream side by side instead of storing it
        "preserve_insertion_order": "true",
        "TimeZone": "'UTC'",
        "Calendar": "'gregorian'",
        "disabled_optimizers": text(",".join(disabled)),
        **({"enable_profiling": "'no_output'", "profiling_coverage": "'ALL'", "tracked_metrics": "['operator.*']"} if metered else {}),
        "allowed_paths": texts(dict.fromkeys(paths)),
        "allowed_directories": texts([folder]),
        "enable_external_access": "false",
        "lock_configuration": "true",
    }
    connection.execute(";".join(f"SET {name} = {value}" for name, value in settings.items()))
