"""Delimited text as SQL: every declared column of every row is converted, or the row is rejected.

The reader gets the full positional column list of the file, under names of our own (``c0`` …); a
second table gives the used columns their names. What the engine's reader cannot convert itself
(several date formats, trimmed text) is read as text and converted there, its failures being
rejected rows like any other: rows in the file = rows out + rejected rows.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pypeline.core.columns import Column, Schema, names
from pypeline.core.relation import Scan, quote
from pypeline.runner.tables import sniff
from pypeline.runner.tables.connection import text, texts
from pypeline.runner.tables.fused import Table
from pypeline.runner.tables.querysql import empty, sql_type
from pypeline.runner.tables.readings import Reading, Rejects, missing_column, narrowed
from pypeline.runner.tables.sniff import FINER, MOMENTS, RANGES, WHOLE, places
from pypeline.runner.tables.textfiles import NATIVE, encoding, readable
from pypeline.schema.record import record

NO_NULL = "\ue000\ue001"
"""A null text that no file has: for sources that declare none."""

_SAMPLED_FILES = 8
"""So many files of equal columns are looked at for values that would be taken with a loss."""

_ISO_DATE = "%Y-%m-%d"
"""What dates are read by where the flow says nothing: left to itself, the reader drops a time of day."""

_MOMENTS = {"date": "date_format", "timestamp": "timestamp_format", "timestamptz": "timestamp_format"}


@record
class Field:
    """One column of the file: ``name`` in the flow (None: dropped) and its type there; ``format`` of
    a moment; ``late`` says that it is read as text, and checked and converted in the second table."""

    name: str | None
    type: str = "string"
    format: str | None = None
    late: bool = False


def schema(table: Table, scan: Scan, files: Sequence[str]) -> Schema:
    """The columns a text source has: declared or sniffed, then those that tell where a row came from."""
    declared = scan.columns or (table.facts.columns if table.facts is not None else ())
    if not declared and files:
        declared = sniff.sniff(files, scan.options).columns
    told = [
        Column(name, "int64" if key == "line_column" else "string", False)
        for key in ("file_name_column", "file_path_column", "line_column")
        if (name := scan.options.get(key))
    ]
    return (*declared, *told)


def reading(table: Table, scan: Scan, files: Sequence[str], spill: str) -> Reading:
    """How to read a text source; files whose headers differ are read one group after the other.

    Raises:
        PypeError: PYE403 a declared column is not in a file, PYE405 a file is not in its encoding,
            PYE406 an archive does not hold exactly one file.
    """
    if not files:
        return Reading(empty(table.schema), ())
    options = {**scan.options, **sniff.dialect(files[0], scan.options), **(table.facts.dialect if table.facts is not None else {})}
    declared = scan.columns or (table.facts.columns if table.facts is not None else ()) or sniff.sniff(files, scan.options).columns
    plain = {path: readable(path, options, spill, table.module) for path in files}
    tag = "".join(c if c.isalnum() else "_" for c in table.module)
    errors, scans = f"rejects_{tag}", f"scans_{tag}"
    groups = _groups(table, scan, declared, options, files)
    doubtful = _doubtful(groups, options)
    groups = [([replace(f, late=f.late or f.name in doubtful) for f in fields], paths) for fields, paths in groups]
    parts = []
    for fields, paths in groups:
        formats, fields = _formats(fields)
        source = _read_csv([plain[p] for p in paths], fields, formats, options, errors, scans, parallel=not options.get("line_column"))
        parts.append(_columns(fields, declared, options, source))
    first = f"{table.name}$read"
    body = parts[0] if len(parts) == 1 else " UNION ALL ".join(f"({p})" for p in parts)
    if options.get("limit") is not None:
        body = f"SELECT * FROM ({body}) LIMIT {int(options['limit'])}"
    late = {f.name: f for group, _ in groups for f in _formats(group)[1] if f.late and f.name is not None}
    originals = {plain[p]: p for p in files if plain[p] != p}
    named = {key: _original(originals, kind) for key, kind in (("file_name_column", "name"), ("file_path_column", "path")) if options.get(key)}
    told = {options[key]: sql for key, sql in named.items()}
    rejects = Rejects(errors, scans, tuple(f.name or f"column {i + 1}" for i, f in enumerate(groups[0][0])), originals)
    if late:
        rejects = replace(rejects, fields={plain[p]: tuple(f.name for f in fields) for fields, paths in groups for p in paths}, options=options)
    else:
        converted = {c.name: _trimmed(c, options) for c in table.schema if _trims(c, options)}
        return Reading(narrowed(table.schema, {**converted, **told}, quote(first)), tuple(plain.values()), ((first, body, False),), rejects)
    return _late(table, declared, late, options, told, first, body, tuple(plain.values()), rejects, spill)


def _doubtful(groups: Sequence[tuple[list[Field], list[str]]], options: Mapping[str, Any]) -> set[str]:
    """The columns to be checked while they are converted, because the reader would take a value of theirs with a
    loss: all that can, if ``exact`` says so, else those whose sample shows one.
    To check every column takes two to three times as long as to read it."""
    found: set[str] = set()
    for fields, paths in groups:
        able = [f.name is not None and not f.late and _can_lose(f) for f in fields]
        if options.get("exact"):
            found.update(f.name for f, can in zip(fields, able, strict=True) if can and f.name is not None)
            continue
        types = [f.type if can else None for f, can in zip(fields, able, strict=True)]
        for path in paths[:_SAMPLED_FILES] if any(able) else ():
            found.update(fields[i].name or "" for i in sniff.doubtful(path, types, options))
    return found


def _can_lose(field: Field) -> bool:
    """Whether the reader may take a value of the column with a loss; one with a pattern fits it or is rejected."""
    return field.type == "string" or field.type in RANGES or places(field.type) is not None or (field.type in MOMENTS and field.format is None)


def _groups(table: Table, scan: Scan, declared: Schema, options: Mapping[str, Any], files: Sequence[str]) -> list[tuple[list[Field], list[str]]]:
    """Files that have the same columns in the same order, with those columns; in file order. One by
    one where rows are numbered, which begins anew with every file."""
    found: list[tuple[list[Field], list[str]]] = []
    by_position = options.get("match") == "position" or not options.get("header_rows", 1)
    for index, path in enumerate(files):
        known = table.facts.header if table.facts is not None and index == 0 else ()
        header = known or sniff.header(path, options)
        fields = _by_position(declared, header, options) if by_position else _by_name(table, declared, header, options, path)
        if found and found[-1][0] == fields and not options.get("line_column"):
            found[-1][1].append(path)
        else:
            found.append((fields, [path]))
    return found


def _by_name(table: Table, declared: Schema, header: Sequence[str], options: Mapping[str, Any], path: str) -> list[Field]:
    for column in declared:
        if column.name not in header and options.get("missing_columns") != "null":
            raise missing_column(table.module, column.name, header, path)
    types = {c.name: c for c in declared}
    return [_field(types[name], options) if name in types else Field(None) for name in header]


def _by_position(declared: Schema, header: Sequence[str], options: Mapping[str, Any]) -> list[Field]:
    more = max(0, len(header) - len(declared)) if options.get("header_rows", 1) else 0
    return [*(_field(c, options) for c in declared), *(Field(None) for _ in range(more))]


def _field(column: Column, options: Mapping[str, Any]) -> Field:
    key = _MOMENTS.get(column.type)
    said = (options.get("formats") or {}).get(column.name)
    format = said or (options.get(key) if key else None) or (_ISO_DATE if column.type == "date" else None)
    return Field(column.name, column.type, format, late=column.type == "time" and said is not None)


def _formats(fields: Sequence[Field]) -> tuple[dict[str, str], list[Field]]:
    """The reader's one format for dates and one for timestamps; columns of other formats come late."""
    chosen: dict[str, str] = {}
    made = []
    for option, kinds in (("dateformat", ("date",)), ("timestampformat", ("timestamp", "timestamptz"))):
        formats = {f.format for f in fields if f.type in kinds and not f.late}
        usual = _ISO_DATE if _ISO_DATE in formats else None
        if (only := formats.pop() if len(formats) == 1 else usual) is not None:
            chosen[option] = only
    for field in fields:
        option = "dateformat" if field.type == "date" else "timestampformat"
        late = field.late or (field.format is not None and chosen.get(option) != field.format)
        made.append(Field(field.name, field.type, field.format, late))
    return chosen, made


def _read_csv(
    paths: Sequence[str], fields: Sequence[Field], formats: Mapping[str, str], options: Mapping[str, Any], errors: str, scans: str, *, parallel: bool
) -> str:
    header = int(options.get("header_rows", 1))
    skip = int(options.get("skip_rows", 0)) + (header if header > 1 else 0)
    quoted = options.get("quote", '"') or ""
    pads = options.get("missing_columns") == "null"
    # told of \r\n, the strict reader of DuckDB 2.0 gives no row at all; untold it takes them
    ends = {"lf": "\\n", "cr": "\\r"}.get(str(options.get("line_ending", "auto")))
    name = encoding(options)
    parts: dict[str, str] = {
        "auto_detect": "false",
        "columns": "{" + ", ".join(f"'c{i}': {text('VARCHAR' if f.name is None or f.late else sql_type(f.type))}" for i, f in enumerate(fields)) + "}",
        "header": "true" if header == 1 else "false",
        "skip": str(skip),
        "delim": text(str(options.get("delimiter", ",")).replace("\t", "\\t")),
        "quote": text(quoted),
        "escape": text(options.get("escape") or quoted),
        "nullstr": texts(options.get("null_strings", [""]) or [NO_NULL]),
        "allow_quoted_nulls": "true" if options.get("quoted_nulls", True) else "false",
        "strict_mode": "false" if options.get("extra_columns") == "ignore" else "true",
        "decimal_separator": text(str(options.get("decimal", "."))),
        "max_line_size": str(int(options.get("max_line_bytes", 2_097_152))),
        "encoding": text(name if name in NATIVE else "utf-8"),
        "compression": text(str(options.get("compression", "auto"))),
        "store_rejects": "true",
        "rejects_table": text(errors),
        "rejects_scan": text(scans),
    }
    parts |= {option: text(format) for option, format in formats.items()}
    if ends is not None:
        parts["new_line"] = text(ends)
    if options.get("thousands"):
        parts["thousands"] = text(str(options["thousands"]))
    if options.get("comment"):
        parts["comment"] = text(str(options["comment"]))
    if pads:
        parts["null_padding"] = "true"
    if pads or not parallel:
        # padded rows and quoted line breaks together need one reader; so does a count of rows
        parts["parallel"] = "false"
    if options.get("file_name_column") or options.get("file_path_column") or any(f.late for f in fields):
        parts["filename"] = "'file'"
    return f"read_csv({texts(paths)}, {', '.join(f'{k} = {v}' for k, v in parts.items())})"


def _columns(fields: Sequence[Field], declared: Schema, options: Mapping[str, Any], source: str) -> str:
    """The first table: every column of one group of files under its name, as the reader gave it."""
    place = {f.name: i for i, f in enumerate(fields) if f.name is not None}
    late = {f.name for f in fields if f.late}
    read = {name: quote(f"c{at}") for name, at in place.items()}
    made = [
        f"{_value(read[c.name], c, late)} AS {quote(c.name)}"
        if c.name in read
        else f"CAST(NULL AS {'VARCHAR' if c.name in late else sql_type(c.type)}) AS {quote(c.name)}"
        for c in declared
    ]
    if options.get("file_name_column") or options.get("file_path_column") or late:
        made.append('"file" AS "file$"')
    if options.get("line_column"):
        made.append(f"row_number() OVER () AS {quote(str(options['line_column']))}")
    # the star: a column that is not read is not converted, and then cannot reject its row
    return f"SELECT {', '.join(made)} FROM (SELECT * FROM {source})"


def _value(value: str, column: Column, late: Container[str | None]) -> str:
    """A column as the reader gave it. A NUL character, which is no text, and a number that became infinite end
    the run: 4 % of the time to read the file is what it costs to look, and not to look would let them pass in silence."""
    if column.name in late or column.type not in {"string", *RANGES}:
        return value
    wrong, said = (f"contains({value}, chr(0))", "holds a NUL character") if column.type == "string" else (f"isinf({value})", "is infinite")
    return f"CASE WHEN {wrong} THEN error({text(f'a value of column `{column.name}` {said}')}) ELSE {value} END"


def _original(originals: Mapping[str, str], kind: str) -> str:
    path = '"file$"'
    if originals:
        cases = " ".join(f"WHEN {text(spilled)} THEN {text(path)}" for spilled, path in originals.items())
        path = f'CASE "file$" {cases} ELSE "file$" END'
    return f"parse_filename({path})" if kind == "name" else path


def _looked_at(type: str) -> int:
    """Decimal places to which a text is read to see whether ``type``, a whole or decimal one, holds it exactly."""
    if type in WHOLE:
        return 18
    width, kept = (int(part) for part in type[8:-1].split(","))
    return min(38 - (width - kept), kept + 10)


def _number(name: str, options: Mapping[str, Any]) -> str:
    """A number's text as SQL reads it."""
    number = f"trim({quote(name)})"
    if options.get("thousands"):
        number = f"replace({number}, {text(str(options['thousands']))}, '')"
    return f"replace({number}, ',', '.')" if options.get("decimal") == "," else number


def _checked(name: str, field: Field, options: Mapping[str, Any]) -> tuple[str, str, str]:
    """SQL of a text's value, SQL that tells whether the text is not taken exactly, and how to say so."""
    type = sql_type(field.type)
    if places(field.type) is not None:
        number = _number(name, options)
        value = f"try_cast({number} AS {type})"
        lossy = f"{value} IS NULL OR try_cast({number} AS DECIMAL(38, {_looked_at(field.type)})) IS DISTINCT FROM {value}"
        return value, lossy, f"exactly to {field.type}"
    if field.type in RANGES:
        number = _number(name, options)
        value = f"try_cast({number} AS {type})"
        return value, f"{value} IS NULL OR isinf({value}) AND NOT contains(lower({number}), 'inf')", f"to {field.type}: it is no number, or too large"
    if field.format is None:
        value = f"try_cast({quote(name)} AS {type})"
        return value, f"{value} IS NULL OR regexp_matches({quote(name)}, {text(FINER.pattern)})", f"to {field.type}, which keeps six digits below the second"
    value = f"CAST(try_strptime(trim({quote(name)}), {text(field.format)}) AS {type})"
    return value, f"{value} IS NULL", f"with the format {field.format}"


def _trims(column: Column, options: Mapping[str, Any]) -> bool:
    return bool(options.get("trim")) and column.type == "string" and column.name not in {options.get("file_name_column"), options.get("file_path_column")}


def _trimmed(column: Column, options: Mapping[str, Any]) -> str:
    value = f"trim({quote(column.name)}, ' \t\u00a0')"
    for null in options.get("null_strings", [""]):
        value = f"nullif({value}, {text(null)})"
    return value


def _late(
    table: Table,
    declared: Schema,
    late: Mapping[str, Field],
    options: Mapping[str, Any],
    told: Mapping[str, str],
    first: str,
    body: str,
    paths: tuple[str, ...],
    rejects: Rejects,
    spill: str,
) -> Reading:
    """A scan with columns to convert after reading: one table converts, good rows and bad ones part."""
    second = f"{table.name}$converted"
    values: dict[str, str] = {}
    wrong: dict[str, str] = {}
    reasons: dict[str, str] = {}
    kinds = {c.name: c for c in table.schema}
    for name, field in late.items():
        if field.type == "string":
            values[name] = _trimmed(kinds[name], options) if name in kinds and _trims(kinds[name], options) else quote(name)
            wrong[name] = f"contains({quote(name)}, chr(0))"
            reasons[name] = "to text: it holds a NUL character"
            continue
        values[name], lossy, reasons[name] = _checked(name, field, options)
        wrong[name] = f"{quote(name)} IS NOT NULL AND ({lossy})"
    wanted = [c for c in table.schema if c.name not in told]
    made = [f"{values.get(c.name, _trimmed(c, options) if _trims(c, options) else quote(c.name))} AS {quote(c.name)}" for c in wanted]
    made += [f"{sql} AS {quote(name)}" for name, sql in told.items() if name in names(table.schema)]
    failures = ", ".join(
        f"CASE WHEN {test} THEN {{'column': {text(name)}, 'value': {quote(name)}, 'reason': {text(reasons[name])}}} END" for name, test in wrong.items()
    )
    # a null text makes its test null, and is not wrong
    any_wrong = f"coalesce({' OR '.join(f'({test})' for test in wrong.values())}, false)"
    made += [
        f'{any_wrong} AS "wrong$"',
        f'CASE WHEN {any_wrong} THEN list_filter([{failures}], lambda x: x IS NOT NULL) END AS "failures$"',
        '"file$"',
    ]
    converted = f"SELECT {', '.join(made)} FROM {quote(first)}"
    select = narrowed(table.schema, {}, f'{quote(second)} WHERE NOT "wrong$"')
    bad = f"{table.name}$rejected"
    failed = f'SELECT "failures$" AS failures, "file$" AS file FROM {quote(second)} WHERE "wrong$"'
    tables = ((first, body, False), (second, converted, True), (bad, failed, False))
    return Reading(select, paths, tables, replace(rejects, converted=bad, converted_path=str(Path(spill, f"{rejects.errors}.parquet"))))
