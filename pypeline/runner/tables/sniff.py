"""Looking at a text file before it is read: its header row, its dialect, and careful type guesses.

In: paths and a text source's options. Out: column names, and what the flow does not say. Guesses are
conservative: leading zeros, ``12E5``, long digit strings and dates of unclear order stay text. Only
the beginning of the first file is looked at; the engine is not needed.
"""

from __future__ import annotations

import csv
import datetime
import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from pypeline.core.columns import Column, Schema
from pypeline.core.facts import SourceFacts
from pypeline.core.naming import distinct
from pypeline.runner.tables.textfiles import byte_order_mark, encoding, open_bytes, open_text
from pypeline.schema.problems import Place, Problem, PypeError

SAMPLE_ROWS = 5_000
SAMPLE_NUMBERS = 1_000
DELIMITERS = (",", ";", "\t", "|")
WHOLE = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"})
MOMENTS = frozenset({"timestamp", "timestamptz", "time"})
RANGES = {"float": 3.4028235677973366e38, "double": sys.float_info.max}
"""What these types hold at most; a number beyond would become infinite."""
FINER = re.compile(r"\.\d{6}\d*[1-9]")
"""A moment of more than six digits below the second: the rest would be cut off."""
_SAFE_DIGITS = 39
_SMALL, _PLACES, _PART, _APART = 65_536, 16, 4_096, 131_072
"""Bytes of a file that is looked through whole; else at most so many places, of so many bytes, so far apart."""
_UNIT = "\x1f"
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,18})")
_NUMBER = re.compile(r"[+-]?\d*\.?(\d*)(?:[eE]([+-]?\d{1,3}))?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?")


def header(path: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The column names of ``path``: its first header row, or ``column1`` … by the first row's width.

    An empty name becomes ``columnN``; a name that occurs again becomes ``name_2``.

    Raises:
        PypeError: PYE405, there is no such encoding; PYE406, an archive of several files.
    """
    said = {**options, **dialect(path, options)}
    first = next(_rows(path, said, int(said.get("skip_rows", 0))), [])
    if not int(said.get("header_rows", 1)):
        first = [""] * len(first)
    names: list[str] = []
    for number, name in enumerate(first, 1):
        base = name or f"column{number}"
        unique, again = base, 1
        while unique in names:
            again += 1
            unique = f"{base}_{again}"
        names.append(unique)
    return tuple(names)


def sniff(files: Sequence[str], options: Mapping[str, Any]) -> SourceFacts:
    """Header, dialect and guessed columns of ``files``, from the beginning of the first.

    Raises:
        PypeError: as :func:`header`; PYE371, two names of the header differ by case only; PYE391, there is no header.
    """
    if not files:
        return SourceFacts(sniffed=True)
    found = dialect(files[0], options)
    said = {**options, **found}
    names = header(files[0], said)
    if not names:
        message = f"`{os.path.basename(files[0])}` cannot be read: it has no header row, and no columns are declared"
        raise PypeError(Problem("PYE391", message, Place(path=("file_path",)), "Declare the columns, or give a file with a header.", phase="plan"))
    distinct(names, ("file_path",))
    skip = int(said.get("skip_rows", 0)) + int(said.get("header_rows", 1))
    rows = list(islice(_rows(files[0], said, skip), SAMPLE_ROWS))
    return SourceFacts(header=names, columns=guess(names, rows, said), sniffed=True, dialect=found)


def doubtful(path: str, types: Sequence[str | None], options: Mapping[str, Any]) -> set[int]:
    """The columns, by place, in which a sampled value would be taken with a loss.

    Args:
        types: the type of a column by place; None for those that are not to be looked at.
    """
    tests = [None if type is None else _loss(type, options) for type in types]
    skip = int(options.get("skip_rows", 0)) + int(options.get("header_rows", 1))
    found: set[int] = set()
    for row in chain(islice(_rows(path, options, skip), SAMPLE_NUMBERS), _further(path, options, len(types))):
        for place, (loses, said) in enumerate(zip(tests, row, strict=False)):
            # digits alone are most of them
            if loses is not None and place not in found and not (said.isdigit() and len(said) < _SAFE_DIGITS) and loses(said):
                found.add(place)
    return found


def _loss(type: str, options: Mapping[str, Any]) -> Callable[[str], bool] | None:
    """Whether a text would be taken with a loss as a value of ``type``: a number of more decimal places than it
    keeps or beyond its range, a moment of more than six digits below the second, a text with a NUL character."""
    mark, thousands = str(options.get("decimal", ".")), str(options.get("thousands") or "")

    def plain(said: str) -> str:
        return (said.strip().replace(thousands, "") if thousands else said.strip()).replace(mark, ".")

    def rounded(said: str) -> bool:
        number = _NUMBER.fullmatch(plain(said))
        return number is not None and len(number[1].rstrip("0")) - int(number[2] or 0) > keeps

    def beyond(said: str) -> bool:
        try:
            return abs(float(plain(said))) > most
        except ValueError:
            return False

    if type == "string":
        return lambda said: "\0" in said
    if type in MOMENTS:
        return lambda said: FINER.search(said) is not None
    if type in RANGES:
        most = RANGES[type]
        return beyond
    kept = places(type)
    if kept is None:
        return None
    keeps = kept
    return rounded


def places(type: str) -> int | None:
    """Decimal places that ``type`` keeps; None for a type that rounds by its nature, or no number."""
    if type in WHOLE:
        return 0
    return int(type[8:-1].split(",")[1]) if type.startswith("decimal(") else None


def dialect(path: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What the options leave open: the delimiter where it is ``auto``, the encoding a byte-order mark tells."""
    found: dict[str, Any] = {}
    mark = byte_order_mark(path, options)
    if mark is not None and mark != options.get("encoding"):
        found["encoding"] = mark
    if options.get("delimiter", ",") == "auto":
        found["delimiter"] = _delimiter(path, {**options, **found})
    return found


def guess(names: Sequence[str], rows: Sequence[Sequence[str]], options: Mapping[str, Any]) -> Schema:
    """A type for every column that all of its sampled values fit; text when in doubt."""
    nulls = set(options.get("null_strings", [""])) | {""}
    made = []
    for index, name in enumerate(names):
        values = [row[index] for row in rows if index < len(row) and row[index] not in nulls]
        made.append(Column(name, _type(values, options)))
    return tuple(made)


def _type(values: Sequence[str], options: Mapping[str, Any]) -> str:
    if not values:
        return "string"
    if all(_INTEGER.fullmatch(v) and abs(int(v)) < 2**63 for v in values):
        return "int64"
    mark = re.escape(str(options.get("decimal", ".")))
    number = re.compile(rf"-?(0|[1-9]\d*)({mark}\d+)?")
    if all(number.fullmatch(v) and sum(c.isdigit() for c in v) <= 15 for v in values):
        return "double"
    if {v.casefold() for v in values} <= {"true", "false"}:
        return "bool"
    if all(_DATE.fullmatch(v) and _is_moment(v) for v in values) and not options.get("date_format"):
        return "date"
    if all(_TIMESTAMP.fullmatch(v) and _is_moment(v) for v in values) and not options.get("timestamp_format"):
        return "timestamp"
    return "string"


def _is_moment(value: str) -> bool:
    try:
        datetime.datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _delimiter(path: str, options: Mapping[str, Any]) -> str:
    """The candidate that cuts the first rows into equally many parts, and most of them."""
    best, most = ",", 1
    for candidate in DELIMITERS:
        rows = list(islice(_rows(path, {**options, "delimiter": candidate}, int(options.get("skip_rows", 0))), 50))
        widths = {len(row) for row in rows}
        if len(widths) == 1 and (width := widths.pop()) > most:
            best, most = candidate, width
    return best


def _rows(path: str, options: Mapping[str, Any], skip: int) -> Iterator[list[str]]:
    """The rows of a file below ``skip`` lines, as text."""
    # bytes that do not fit are the reader's to reject, row by row
    with open_text(path, options, errors="replace") as source:
        yield from parsed(islice(_lines(source, options), skip, None), options)


def _further(path: str, options: Mapping[str, Any], width: int) -> Iterator[list[str]]:
    """Rows out of the middle and from the end of a file that is not packed, all rows of a small one. A line that lies inside quotes may
    pass for a row of ``width`` values: then a column is checked for nothing, and no worse."""
    name = encoding(options)
    with open_bytes(path, options) as source:
        if name not in ("utf-8", "latin-1") or not isinstance(source, io.BufferedReader) or not source.seekable():
            return
        size = os.path.getsize(path)
        many, long = (min(_PLACES, 1 + size // _APART), _PART) if size > _SMALL else (1, size)
        for number in range(1, many + 1):
            source.seek(size * number // many - long)
            whole = source.read(long).decode(name, "replace").split("\n")[1 : None if number == many else -1]
            for line in whole:
                yield from (row for row in parsed([line], options) if len(row) == width)


def parsed(lines: Iterable[str], options: Mapping[str, Any]) -> Iterator[list[str]]:
    """The rows that ``lines`` hold, as text; empty ones are left out."""
    delimiter = str(options.get("delimiter", ",")).replace("\\t", "\t")
    quote = options.get("quote", '"') or None
    escape = options.get("escape")
    single = delimiter if len(delimiter) == 1 else _UNIT
    if single != delimiter:
        lines = (line.replace(delimiter, _UNIT) for line in lines)
    reader = csv.reader(
        lines,
        delimiter=single,
        quotechar=quote,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        escapechar=escape if escape and escape != quote else None,
        doublequote=not escape or escape == quote,
    )
    try:
        for row in reader:
            if row:
                yield [cell.replace(_UNIT, delimiter) for cell in row] if single != delimiter else row
    except csv.Error:
        return  # what a sample cannot make out, the reader itself will name with its line


def _lines(source: Iterable[str], options: Mapping[str, Any]) -> Iterator[str]:
    comment = options.get("comment")
    for line in source:
        if not comment or not line.startswith(str(comment)):
            yield line
