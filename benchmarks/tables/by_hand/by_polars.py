"""By hand in Polars, lazy and streaming: declared types and format, order kept.

Polars has no store for rejected rows: a bad value ends the program. Without ``pruned`` every column is
read and converted (no projection reaches the scan); with it the engine leaves out what nobody uses.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.tables.meaning import PREVIEW_ROWS, STATUSES, TABLES, TIMESTAMP

TYPES = {"int64": pl.Int64, "double": pl.Float64, "string": pl.String, "timestamp": pl.String}


def main(flow: str, data: str, out: str, *, pruned: bool) -> int:
    """Run ``flow``; returns the rows written, or -1 where the engine does not say."""
    how = pl.QueryOptFlags(projection_pushdown=pruned)

    def table(name: str) -> pl.LazyFrame:
        frame = pl.scan_csv(f"{data}/{name}.csv", schema={column: TYPES[type] for column, type in TABLES[name].items()})
        moments = [column for column, type in TABLES[name].items() if type == "timestamp"]
        return frame.with_columns(pl.col(column).str.to_datetime(TIMESTAMP, time_unit="us") for column in moments)

    def write(frame: pl.LazyFrame, name: str) -> int:
        if name.endswith("parquet"):
            frame.sink_parquet(f"{out}/{name}", compression="zstd", engine="streaming", optimizations=how)
        else:
            frame.sink_csv(f"{out}/{name}", engine="streaming", optimizations=how)
        return -1

    if flow == "read_filter_write":
        return write(table("orders").filter((pl.col("status") == "paid") & (pl.col("quantity") > 3)), "read_filter_write.parquet")
    if flow == "derive_aggregate":
        derived = table("orders").with_columns(total=pl.col("price") * pl.col("quantity"), month=pl.col("ts").dt.strftime("%Y-%m"))
        measures = [pl.col("total").sum(), pl.len().alias("orders"), pl.col("price").mean().alias("mean_price")]
        return write(derived.group_by("month", "country", "status").agg(measures), "derive_aggregate.csv")
    if flow == "join_aggregate_sort":
        joined = table("orders").join(table("customers"), on="customer_id", how="inner").join(table("products"), on="product_id", how="left")
        groups = joined.with_columns(revenue=pl.col("price") * pl.col("quantity")).group_by("segment", "category")
        measured = groups.agg(pl.col("revenue").sum(), pl.len().cast(pl.Int64).alias("orders"))
        return write(measured.sort("revenue", descending=True, nulls_last=True), "join_aggregate_sort.parquet")
    if flow == "dedupe_sort":
        return write(table("orders").unique("id", keep="any").sort("country", "ts", "id", nulls_last=True), "dedupe_sort.parquet")
    if flow == "fan_out":
        # collected once: the streaming engine would read the file for each of the eight
        orders = table("orders").collect(engine="streaming", optimizations=how).lazy()
        sinks = [
            orders.filter(pl.col("status") == status).sink_parquet(f"{out}/fan_out_{status}.parquet", compression="zstd", lazy=True) for status in STATUSES
        ]
        pl.collect_all(sinks, engine="streaming")
        return -1
    return pl.scan_parquet(f"{data}/orders.parquet").filter(pl.col("price") > 400).head(PREVIEW_ROWS).collect(engine="streaming").height


if __name__ == "__main__":
    print("rows", main(*sys.argv[1:4], pruned="pruned" in sys.argv))
