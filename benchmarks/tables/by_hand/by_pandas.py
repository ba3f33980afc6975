"""By hand in pandas: declared types and format; a missing whole number makes its column a float, as it does there."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.tables.meaning import PREVIEW_ROWS, STATUSES, TABLES, TIMESTAMP

TYPES = {"int64": "int64", "double": "float64", "string": "str"}


def main(flow: str, data: str, out: str) -> int:
    """Run ``flow``; returns the rows written."""

    def table(name: str) -> pd.DataFrame:
        types = {column: TYPES[type] for column, type in TABLES[name].items() if type != "timestamp"} | ({"quantity": "float64"} if name == "orders" else {})
        moments = [column for column, type in TABLES[name].items() if type == "timestamp"]
        frame = pd.read_csv(f"{data}/{name}.csv", dtype=types, parse_dates=moments, date_format=TIMESTAMP, keep_default_na=False, na_values=[""])
        return pd.DataFrame(frame)

    def write(frame: pd.DataFrame, name: str) -> int:
        if name.endswith("parquet"):
            frame.to_parquet(f"{out}/{name}", index=False, compression="zstd")
        else:
            frame.to_csv(f"{out}/{name}", index=False)
        return len(frame)

    if flow == "preview":
        orders = pd.read_parquet(f"{data}/orders.parquet")
        return len(orders[orders["price"] > 400].head(PREVIEW_ROWS))
    orders = table("orders")
    if flow == "read_filter_write":
        return write(orders[(orders["status"] == "paid") & (orders["quantity"] > 3)], "read_filter_write.parquet")
    if flow == "derive_aggregate":
        orders["total"] = orders["price"] * orders["quantity"]
        orders["month"] = orders["ts"].dt.strftime("%Y-%m")
        groups = orders.groupby(["month", "country", "status"], dropna=False)
        return write(groups.agg(total=("total", "sum"), orders=("id", "size"), mean_price=("price", "mean")).reset_index(), "derive_aggregate.csv")
    if flow == "join_aggregate_sort":
        joined = orders.merge(table("customers"), on="customer_id", how="inner").merge(table("products"), on="product_id", how="left")
        joined["revenue"] = joined["price"] * joined["quantity"]
        measured = joined.groupby(["segment", "category"], dropna=False).agg(revenue=("revenue", "sum"), orders=("id", "size")).reset_index()
        return write(measured.sort_values("revenue", ascending=False), "join_aggregate_sort.parquet")
    if flow == "dedupe_sort":
        return write(orders.drop_duplicates("id").sort_values(["country", "ts", "id"], na_position="last"), "dedupe_sort.parquet")
    return sum(write(orders[orders["status"] == status], f"fan_out_{status}.parquet") for status in STATUSES)


if __name__ == "__main__":
    print("rows", main(*sys.argv[1:4]))
