"""What all sides of a table benchmark agree on: columns, types, files, and what a result is.

In: the folder of the data, the folder for results. Out: paths, types by engine, and the fingerprint of
a result: its rows, and the sum of each of its columns (of lengths, for text).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

ORDERS = {
    "id": "int64", "customer_id": "int64", "product_id": "int64", "ts": "timestamp", "quantity": "int64",
    "price": "double", "status": "string", "country": "string", "note": "string",
}  # fmt: skip
CUSTOMERS = {"customer_id": "int64", "name": "string", "segment": "string", "birth_year": "int64", "city": "string"}
PRODUCTS = {"product_id": "int64", "product_name": "string", "category": "string", "cost": "double"}
TABLES = {"orders": ORDERS, "customers": CUSTOMERS, "products": PRODUCTS}
TIMESTAMP = "%Y-%m-%d %H:%M:%S"
STATUSES = ("new", "paid", "shipped", "returned", "cancelled", "pending", "refunded", "lost")
PREVIEW_ROWS = 200

FLOWS = ("read_filter_write", "derive_aggregate", "join_aggregate_sort", "dedupe_sort", "fan_out", "preview")
RESULTS = {
    "read_filter_write": ("read_filter_write.parquet",),
    "derive_aggregate": ("derive_aggregate.csv",),
    "join_aggregate_sort": ("join_aggregate_sort.parquet",),
    "dedupe_sort": ("dedupe_sort.parquet",),
    "fan_out": tuple(f"fan_out_{status}.parquet" for status in STATUSES),
    "preview": (),
}
"""Files that each flow writes; Dask makes a folder of each."""


def fingerprint(path: Path) -> dict[str, float]:
    """Rows and column sums of a result; equal for equal results in any order of rows.

    Args:
        path: a Parquet or CSV file, or a folder of Parquet files.
    """
    import duckdb

    with duckdb.connect() as connection:  # noqa: TID251 - the judge of results is not the product
        connection.execute("set TimeZone = 'UTC'")
        files = str(path / "*.parquet") if path.is_dir() else str(path)
        reader = f"read_csv('{files}'{_months_as_text(path)})" if path.suffix == ".csv" else f"read_parquet('{files}')"
        columns = connection.sql(f"select * from {reader} limit 0")
        types = dict(zip(map(str, columns.columns), map(str, columns.types), strict=True))
        sums = ", ".join(_sum(name, types[name]) for name in sorted(types))
        row: Any = connection.execute(f"select count(*), {sums} from {reader}").fetchone()
    return dict(zip(["rows", *sorted(types)], map(float, row), strict=True))


def differences(one: dict[str, float], other: dict[str, float]) -> list[str]:
    """What differs between two fingerprints; sums of fractions may differ in their last digits."""
    found = sorted(set(one) ^ set(other))
    return found + [name for name in sorted(set(one) & set(other)) if abs(one[name] - other[name]) > 1e-9 * max(1.0, abs(one[name]))]


def ordered_by(path: Path, columns: str) -> bool:
    """Whether the rows of a Parquet file come in the order of ``columns`` (ascending, nulls last)."""
    import duckdb

    with duckdb.connect() as connection:  # noqa: TID251
        sql = (
            f"select count(*) from (select row_number() over () as place, row_number() over (order by {columns}) as wanted from '{path}') where place <> wanted"
        )
        row: Any = connection.execute(sql).fetchone()
    return int(row[0]) == 0


def _months_as_text(path: Path) -> str:
    """``2024-05`` may be taken for a date or not, by what else is in the file."""
    with path.open(encoding="utf-8") as text:
        return ", types = {'month': 'VARCHAR'}" if "month" in text.readline().strip().split(",") else ""


def _sum(name: str, type: str) -> str:
    if type.startswith("VARCHAR"):
        return f'coalesce(sum(strlen("{name}")), 0)'
    if type.startswith("TIMESTAMP"):
        return f'sum(epoch("{name}"::timestamp))'
    return f'coalesce(sum("{name}"), 0)'
