"""By hand in DuckDB: declared types, rejected rows stored, all columns converted, order kept.

``pruned`` is what one would write who does not want bad values of unread columns found: the engine
may leave columns out of its scan.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.tables.meaning import PREVIEW_ROWS, STATUSES, TABLES, TIMESTAMP

SQL = {"int64": "BIGINT", "double": "DOUBLE", "string": "VARCHAR", "timestamp": "TIMESTAMP"}
PARQUET = "(format parquet, compression zstd)"


def main(flow: str, data: str, out: str, *, pruned: bool) -> int:
    """Run ``flow``; returns the rows written."""
    connection = duckdb.connect()  # noqa: TID251 - a reference of its own
    connection.execute(f"set threads = 2; set preserve_insertion_order = true; set temp_directory = '{out}/spill'")
    if not pruned:
        connection.execute("set disabled_optimizers = 'unused_columns'")
    if flow == "dedupe_sort":
        connection.execute("set memory_limit = '2GB'")

    def table(name: str) -> str:
        columns = ", ".join(f"'{column}': '{SQL[type]}'" for column, type in TABLES[name].items())
        rejects = f", store_rejects = true, rejects_table = 'bad_{name}', rejects_scan = 'scan_{name}'"
        return (
            f"read_csv('{data}/{name}.csv', auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', "
            f"columns = {{{columns}}}, timestampformat = '{TIMESTAMP}'{rejects})"
        )

    def write(sql: str, name: str) -> int:
        row: Any = connection.execute(f"copy ({sql}) to '{out}/{name}' {PARQUET if name.endswith('parquet') else '(format csv, header true)'}").fetchone()
        return int(row[0])

    if flow == "read_filter_write":
        return write(f"select * from {table('orders')} where status = 'paid' and quantity > 3", "read_filter_write.parquet")
    if flow == "derive_aggregate":
        used = f"with o as (select * from {table('orders')}), u as (select ts, country, status, price, quantity from o)"
        groups = "select strftime(ts, '%Y-%m') as month, country, status, sum(price * quantity) as total, count(*) as orders, avg(price) as mean_price"
        return write(f"{used} {groups} from u group by all", "derive_aggregate.csv")
    if flow == "join_aggregate_sort":
        used = (
            f"with o0 as (select * from {table('orders')}), c0 as (select * from {table('customers')}), p0 as (select * from {table('products')}), "
            "o as (select customer_id, product_id, price, quantity from o0), "
            "c as (select customer_id, segment from c0), p as (select product_id, category from p0)"
        )
        joined = "from o join c using (customer_id) left join p using (product_id)"
        return write(
            f"{used} select segment, category, sum(price * quantity) as revenue, count(*) as orders {joined} group by all order by revenue desc nulls last",
            "join_aggregate_sort.parquet",
        )
    if flow == "dedupe_sort":
        once = f"select distinct on (id) * from {table('orders')}"
        return write(f"select * from ({once}) order by country nulls last, ts nulls last, id nulls last", "dedupe_sort.parquet")
    if flow == "fan_out":
        connection.execute(f"create temp table o as from {table('orders')}")
        return sum(write(f"from o where status = '{status}'", f"fan_out_{status}.parquet") for status in STATUSES)
    return len(connection.execute(f"from '{data}/orders.parquet' where price > 400 limit {PREVIEW_ROWS}").fetchall())


if __name__ == "__main__":
    print("rows", main(*sys.argv[1:4], pruned="pruned" in sys.argv))
