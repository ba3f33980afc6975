"""The lines of rows that were rejected after reading, which the engine does not tell.

In: where a reader left its rejected rows. Out: a line of the file for each, or None. Whether a value can be
converted depends on its text alone, so the rows that hold the same wrong texts are found by reading the file
once more, as text, until the last one is found. Only what went wrong pays for it.
"""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pypeline.core.relation import quote
from pypeline.runner.tables.connection import text
from pypeline.runner.tables.readings import Rejects
from pypeline.runner.tables.sniff import parsed
from pypeline.runner.tables.textfiles import open_text

MOST_ROWS = 10_000
MOST_BYTES = 268_435_456
"""More rejected rows, or rows of a larger file, go without a line."""

Wrong = tuple[tuple[str, str], ...]
"""The (column, text) pairs of a row that cannot be converted, in the order of the conversion."""


def lines_of(connection: Any, where: Rejects) -> list[int | None]:
    """The line of every row that was rejected after reading, in the order they were written in."""
    rows = connection.execute(f"SELECT file, failures FROM read_parquet({text(where.converted_path)}) LIMIT {MOST_ROWS + 1}").fetchall()
    if len(rows) > MOST_ROWS:
        return []
    keys = [(file, tuple((failure["column"], failure["value"]) for failure in failures)) for file, failures in rows]
    sought: dict[str, dict[Wrong, int]] = defaultdict(lambda: defaultdict(int))
    for file, wrong in keys:
        sought[file][wrong] += 1
    seen = f"SELECT DISTINCT csv_line FROM {quote(where.errors)} WHERE csv_line IS NOT NULL"
    # rows of the same text are refused alike; the engine's own line is off by the comments above it
    refused = {tuple(row) for (said,) in connection.execute(seen).fetchall() for row in parsed(said.splitlines(keepends=True), where.options)}
    found: dict[tuple[str, Wrong], deque[int]] = {}
    for file, counts in sought.items():
        for wrong, places in _found(where.names.get(file, file), where.fields[file], counts, refused, where.options).items():
            found[file, wrong] = deque(places)
    return [found[key].popleft() if found.get(key) else None for key in keys]


def _found(
    path: str, columns: Sequence[str | None], sought: Mapping[Wrong, int], refused: set[tuple[str, ...]], options: Mapping[str, Any]
) -> dict[Wrong, list[int]]:
    """The lines of ``path`` whose rows hold the wrong texts, except those that the reader itself refused."""
    found: dict[Wrong, list[int]] = {wrong: [] for wrong in sought}
    if os.path.getsize(path) > MOST_BYTES:
        return found
    order = {name: None for wrong in sought for name, _ in wrong}
    bad = {name: {value for wrong in sought for column, value in wrong if column == name} for name in order}
    at = sorted((columns.index(name), name) for name in order)
    left = sum(sought.values())
    for line, row in _numbered(path, options):
        pairs = {(name, row[place]) for place, name in at if place < len(row) and row[place] in bad[name]}
        if not pairs or tuple(row) in refused:
            continue
        for wrong, lines in found.items():
            if len(wrong) == len(pairs) and pairs.issuperset(wrong) and len(lines) < sought[wrong]:
                lines.append(line)
                left -= 1
                break
        if not left:
            break
    return found


def _numbered(path: str, options: Mapping[str, Any]) -> Iterator[tuple[int, list[str]]]:
    """The rows of ``path`` as text, each with the line it begins in, the first line of the file being 1."""
    comment = options.get("comment")
    skip = int(options.get("skip_rows", 0)) + int(options.get("header_rows", 1))
    begun: list[int] = []

    def counted() -> Iterator[str]:
        above = skip
        for number, line in enumerate(source, 1):
            if comment and line.startswith(str(comment)):
                continue
            if above:
                above -= 1
                continue
            if begun or line.strip("\r\n"):
                begun.append(number)
            yield line

    with open_text(path, options, errors="replace") as source:
        for row in parsed(counted(), options):
            yield begun[0], row
            begun.clear()
