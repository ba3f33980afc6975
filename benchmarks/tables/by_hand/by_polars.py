"""By hand in Polars, lazy and streaming: declared types and format, order kept.

Polars has no store for rejected rows, so they are found by hand: the columns are read as text and converted without
complaint, and a row where something became null goes to a file of its own. ``strict`` is what one would write who is
content that a bad value ends the program. Both read and convert every column (no projection reaches the scan);
``pruned`` is ``strict``, and the engine leaves out what nobody uses.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.tables.meaning import PREVIEW_ROWS, STATUSES, TABLES, TIMESTAMP

TYPES = {"int64": pl.Int64, "double": pl.Float64, "string": pl.String, "timestamp": pl.String}


def main(flow: str, data: str, out: str, how: str = "") -> int:
    """Run ``flow`` in one of the ways above; returns the rows written, or -1 where the engine does not say."""
    seen = pl.QueryOptFlags(projection_pushdown=how == "pruned")
    rejects: dict[str, pl.LazyFrame] = {}

    def table(name: str) -> pl.LazyFrame:
        types = TABLES[name]
        if how:
            frame = pl.scan_csv(f"{data}/{name}.csv", schema={column: TYPES[type] for column, type in types.items()})
            return frame.with_columns(converted(column, type, strict=True) for column, type in types.items() if type == "timestamp")
        text = pl.scan_csv(f"{data}/{name}.csv", schema=dict.fromkeys(types, pl.String))
        typed = [column for column, type in types.items() if type != "string"]
        both = text.with_columns(converted(column, types[column], strict=False).alias(f"{column} typed") for column in typed)
        both = both.with_columns(pl.any_horizontal(pl.col(c).is_not_null() & pl.col(f"{c} typed").is_null() for c in typed).alias("is bad"))
        rejects[name] = both.filter("is bad").select(list(types))
        return both.filter(~pl.col("is bad")).select(pl.col(f"{c} typed").alias(c) if c in typed else c for c in types)

    def write(*results: tuple[pl.LazyFrame, str]) -> int:
        sinks = [
            frame.sink_parquet(f"{out}/{name}", compression="zstd", lazy=True) if name.endswith("parquet") else frame.sink_csv(f"{out}/{name}", lazy=True)
            for frame, name in results
        ]
        sinks += [frame.sink_parquet(f"{out}/bad_{name}.parquet", lazy=True) for name, frame in rejects.items()]
        pl.collect_all(sinks, engine="streaming", optimizations=seen)
        return -1

    if flow == "read_filter_write":
        return write((table("orders").filter((pl.col("status") == "paid") & (pl.col("quantity") > 3)), "read_filter_write.parquet"))
    if flow == "derive_aggregate":
        derived = table("orders").with_columns(total=pl.col("price") * pl.col("quantity"), month=pl.col("ts").dt.strftime("%Y-%m"))
        measures = [pl.col("total").sum(), pl.len().alias("orders"), pl.col("price").mean().alias("mean_price")]
        return write((derived.group_by("month", "country", "status").agg(measures), "derive_aggregate.csv"))
    if flow == "join_aggregate_sort":
        joined = table("orders").join(table("customers"), on="customer_id", how="inner").join(table("products"), on="product_id", how="left")
        groups = joined.with_columns(revenue=pl.col("price") * pl.col("quantity")).group_by("segment", "category")
        measured = groups.agg(pl.col("revenue").sum(), pl.len().cast(pl.Int64).alias("orders"))
        return write((measured.sort("revenue", descending=True, nulls_last=True), "join_aggregate_sort.parquet"))
    if flow == "dedupe_sort":
        return write((table("orders").unique("id", keep="any").sort("country", "ts", "id", nulls_last=True), "dedupe_sort.parquet"))
    if flow == "fan_out":
        # collected once: the streaming engine would read the file for each of the eight
        orders, *bad = (frame.lazy() for frame in pl.collect_all([table("orders"), *rejects.values()], engine="streaming", optimizations=seen))
        rejects.update(zip(rejects, bad, strict=True))
        return write(*((orders.filter(pl.col("status") == status), f"fan_out_{status}.parquet") for status in STATUSES))
    return pl.scan_parquet(f"{data}/orders.parquet").filter(pl.col("price") > 400).head(PREVIEW_ROWS).collect(engine="streaming").height


def converted(column: str, type: str, *, strict: bool) -> pl.Expr:
    """The column, read as text, in its declared type."""
    text = pl.col(column)
    return text.str.to_datetime(TIMESTAMP, time_unit="us", strict=strict) if type == "timestamp" else text.cast(TYPES[type], strict=strict)


if __name__ == "__main__":
    print("rows", main(*sys.argv[1:]))
