"""By hand in Dask's dataframe, on threads. Its results are folders of Parquet files.

Its reader cuts files at line breaks without looking at quotes: a cut inside a quoted value would fail.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import dask
import dask.dataframe as dd

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.tables.meaning import PREVIEW_ROWS, STATUSES, TABLES, TIMESTAMP

TYPES = {"int64": "int64", "double": "float64", "string": "str"}


def main(flow: str, data: str, out: str) -> int:
    """Run ``flow``; returns the rows written, or -1 where nobody counted."""

    def table(name: str) -> Any:
        types = {column: TYPES[type] for column, type in TABLES[name].items() if type != "timestamp"} | ({"quantity": "float64"} if name == "orders" else {})
        moments = [column for column, type in TABLES[name].items() if type == "timestamp"]
        return dd.read_csv(
            f"{data}/{name}.csv", dtype=types, parse_dates=moments, date_format=TIMESTAMP, keep_default_na=False, na_values=[""], blocksize="64MB"
        )

    def write(frame: Any, name: str, *, later: bool = False) -> Any:
        return frame.to_parquet(f"{out}/{name}", write_index=False, compression="zstd", compute=not later, overwrite=True)

    if flow == "preview":
        orders = dd.read_parquet(f"{data}/orders.parquet")
        return len(orders[orders["price"] > 400].head(PREVIEW_ROWS, npartitions=-1))
    orders = table("orders")
    if flow == "read_filter_write":
        write(orders[(orders["status"] == "paid") & (orders["quantity"] > 3)], "read_filter_write.parquet")
    elif flow == "derive_aggregate":
        orders["total"] = orders["price"] * orders["quantity"]
        orders["month"] = orders["ts"].dt.strftime("%Y-%m")
        groups = orders.groupby(["month", "country", "status"], dropna=False).agg({"total": "sum", "id": "count", "price": "mean"}).compute()
        groups.reset_index().rename(columns={"id": "orders", "price": "mean_price"}).to_csv(f"{out}/derive_aggregate.csv", index=False)
    elif flow == "join_aggregate_sort":
        joined = orders.merge(table("customers"), on="customer_id", how="inner").merge(table("products"), on="product_id", how="left")
        joined["revenue"] = joined["price"] * joined["quantity"]
        groups = joined.groupby(["segment", "category"], dropna=False).agg({"revenue": "sum", "id": "count"}).compute().reset_index()
        groups.rename(columns={"id": "orders"}).sort_values("revenue", ascending=False).to_parquet(f"{out}/join_aggregate_sort.parquet", index=False)
    elif flow == "dedupe_sort":
        # it sorts no column that begins with nulls: they get a text behind all others
        keyed = orders.drop_duplicates("id").assign(key=lambda frame: frame["country"].fillna("~"))
        write(keyed.sort_values(["key", "ts", "id"]).drop(columns="key"), "dedupe_sort.parquet")
    else:
        dask.compute(*(write(orders[orders["status"] == status], f"fan_out_{status}.parquet", later=True) for status in STATUSES))
    return -1


if __name__ == "__main__":
    print("rows", main(*sys.argv[1:4]))
