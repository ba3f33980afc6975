"""Columns and their types: one small vocabulary from YAML to screen, and its DuckDB spelling.

Types: ``bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float double decimal(p,s) string
date time timestamp timestamptz interval blob json`` and, from nested sources, ``list<T>`` and
``struct<name: T, …>``. A schema is a tuple of columns in order.
"""

from __future__ import annotations

import re

from pypeline.schema.record import record

SIMPLE = {
    "bool": "BOOLEAN", "int8": "TINYINT", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT",
    "int128": "HUGEINT", "uint8": "UTINYINT", "uint16": "USMALLINT", "uint32": "UINTEGER", "uint64": "UBIGINT",
    "float": "FLOAT", "double": "DOUBLE", "string": "VARCHAR", "date": "DATE", "time": "TIME",
    "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMP WITH TIME ZONE", "interval": "INTERVAL",
    "blob": "BLOB", "json": "JSON",
}  # fmt: skip
_DECIMAL = re.compile(r"^decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)$")


@record
class Column:
    """A column's name and type (our vocabulary)."""

    name: str
    type: str
    nullable: bool = True


Schema = tuple[Column, ...]


def names(schema: Schema) -> tuple[str, ...]:
    """The column names, in order."""
    return tuple(c.name for c in schema)


def duckdb_type(type: str) -> str:
    """The DuckDB spelling of one of our types.

    Raises:
        ValueError: no such type.
    """
    text = type.strip().lower()
    if text in SIMPLE:
        return SIMPLE[text]
    decimal = _DECIMAL.match(text)
    if decimal and 1 <= int(decimal[1]) <= 38 and int(decimal[2]) <= int(decimal[1]):
        return f"DECIMAL({decimal[1]},{decimal[2]})"
    if text == "decimal":
        return "DECIMAL(18,3)"
    if text.startswith("list<") and text.endswith(">"):
        return f"{duckdb_type(type.strip()[5:-1])}[]"
    raise ValueError(f"unknown type `{type}`")


_BACK = {v: k for k, v in SIMPLE.items()} | {"TIMESTAMPTZ": "timestamptz", "TIMESTAMP_NS": "timestamp", "TIMESTAMP_MS": "timestamp", "TIMESTAMP_S": "timestamp"}


def from_duckdb(type: str) -> str:
    """Our spelling of a DuckDB type; a type outside the vocabulary keeps its DuckDB text in lower case."""
    text = type.strip()
    if text in _BACK:
        return _BACK[text]
    if text.endswith("[]"):
        return f"list<{from_duckdb(text[:-2])}>"
    return text.lower()
