"""Seeded data for the table flows: orders (CSV and Parquet), customers and products (CSV).

`python -m benchmarks.data [--rows N] [--seed S]` writes into ``benchmarks/data/N``; data that is
there already is kept. The traps are those of real files: a country ``NA`` beside nulls, notes with
commas, quotes, line breaks and blanks at both ends, texts that only look like null, two rows in a
hundred written twice, customers that do not exist, segments and categories that are missing.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import IO, Any

ROWS = 10_000_000
SEED = 42
CUSTOMERS = 500_000
PRODUCTS = 20_000
BATCH = 1_000_000
FOLDER = Path(__file__).resolve().parent / "data"
FORMAT = 1
"""Grows when the same seed begins to give other rows."""

STATUSES = ("new", "paid", "shipped", "returned", "cancelled", "pending", "refunded", "lost")
COUNTRIES = ("DE", "FR", "US", "GB", "NA", "JP", "BR", "IN", "CN", "IT", "ES", "PL", "SE", "NL", "CH", "AT")
CITIES = ("Köln", "München", "Paris", "São Paulo", "New York", "Tōkyō")
SEGMENTS = ("consumer", "smb", "enterprise", "public")
NOTES = (
    "ok", "call before delivery", "gift, wrapped", 'said "leave at door"', "line1\nline2", "Übergabe an Müller", "日本語メモ",
    "naïve café 🎁", "a,b,c", "NULL", "  padded  ", "fragile", "N/A", "x" * 60,
)  # fmt: skip
NULL_SHARES = {"quantity": 0.005, "price": 0.01, "country": 0.02, "note": 0.6}
UNIQUE_SHARE = 0.98
_PRIME = 1_000_000_007
"""Ids are spread over this range, so that the file is not in their order."""


def make(rows: int = ROWS, seed: int = SEED, folder: Path | None = None) -> Path:
    """The folder with the data, made if it is not there.

    Args:
        rows: orders, at least 1; customers and products shrink with them below ten million.
        folder: where to; None for a folder of this size beside this file.
    """
    folder = folder or FOLDER / str(rows)
    stamp = folder / "made.json"
    said = {"format": FORMAT, "rows": rows, "seed": seed}
    if stamp.exists() and json.loads(stamp.read_text("utf-8")) == said:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    customers, products = max(50, min(CUSTOMERS, rows // 20)), max(40, min(PRODUCTS, rows // 20))
    _customers(customers, seed).write_csv(folder / "customers.csv")
    _products(products, seed).write_csv(folder / "products.csv")
    _orders(folder, rows, seed, customers, products)
    stamp.write_text(json.dumps(said), "utf-8")
    return folder


def _customers(number: int, seed: int) -> Any:
    import numpy as np
    import polars as pl

    random = np.random.default_rng(seed + 1)
    ids = np.arange(1, number + 1)
    columns = {
        "customer_id": ids,
        "name": np.char.add("Customer ", ids.astype(str)),
        "segment": np.array(SEGMENTS)[random.integers(0, len(SEGMENTS), number)],
        "birth_year": random.integers(1940, 2007, number),
        "city": np.array(CITIES)[random.integers(0, len(CITIES), number)],
    }
    return pl.DataFrame(columns).with_columns(_with_nulls("segment", 0.03, random, number))


def _products(number: int, seed: int) -> Any:
    import numpy as np
    import polars as pl

    random = np.random.default_rng(seed + 2)
    ids = np.arange(1, number + 1)
    categories = np.array([f"cat{i:02d}" for i in range(40)])
    columns = {
        "product_id": ids,
        "product_name": np.char.add("Product, no ", ids.astype(str)),
        "category": categories[random.integers(0, len(categories), number)],
        "cost": np.round(random.gamma(2, 20, number), 2),
    }
    return pl.DataFrame(columns).with_columns(_with_nulls("category", 0.02, random, number))


def _orders(folder: Path, rows: int, seed: int, customers: int, products: int) -> None:
    import numpy as np
    import polars as pl
    import pyarrow.parquet as pq

    random = np.random.default_rng(seed)
    writer: Any = None
    first, left = 1, rows
    with (folder / "orders.csv").open("wb") as text:
        while left:
            size = min(BATCH, left)
            unique = max(1, int(size * UNIQUE_SHARE))
            batch = _batch(first, unique, random, customers, products)
            twice = batch.sample(size - unique, seed=seed + first)
            batch = pl.concat([batch, twice]).sample(fraction=1.0, shuffle=True, seed=seed + first + 1)
            _write_csv(batch, text, header=left == rows)
            table = batch.to_arrow()
            writer = writer or pq.ParquetWriter(folder / "orders.parquet", table.schema, compression="zstd")
            writer.write_table(table, row_group_size=122_880)
            first, left = first + unique, left - size
    writer.close()


def _batch(first: int, number: int, random: Any, customers: int, products: int) -> Any:
    import numpy as np
    import polars as pl

    seconds = random.integers(0, 3 * 365 * 86_400, number).astype("timedelta64[s]")
    columns = {
        "id": np.arange(first, first + number) * 7919 % _PRIME,
        "customer_id": random.integers(1, int(customers * 1.02), number),
        "product_id": np.minimum((random.pareto(1.2, number) * 200).astype(np.int64) + 1, products),
        "ts": (np.datetime64("2023-01-01T00:00:00", "s") + seconds).astype("datetime64[us]"),
        "quantity": random.integers(1, 11, number),
        "price": np.round(random.gamma(2, 40, number), 2),
        "status": np.array(STATUSES)[random.integers(0, len(STATUSES), number)],
        "country": np.array(COUNTRIES)[random.integers(0, len(COUNTRIES), number)],
        "note": np.array(NOTES)[random.integers(0, len(NOTES), number)],
    }
    return pl.DataFrame(columns).with_columns(*(_with_nulls(name, share, random, number) for name, share in NULL_SHARES.items()))


def _with_nulls(name: str, share: float, random: Any, number: int) -> Any:
    import polars as pl

    return pl.when(pl.Series(random.random(number) < share)).then(None).otherwise(pl.col(name)).alias(name)


def _write_csv(batch: Any, text: IO[bytes], *, header: bool) -> None:
    batch.write_csv(text, include_header=header, quote_style="necessary", datetime_format="%Y-%m-%d %H:%M:%S")


def main() -> None:
    """Make the data and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data", description="Make the data of the table benchmarks.")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"orders (default: {ROWS})")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    folder = make(options.rows, options.seed)
    for path in sorted(folder.iterdir()):
        print(f"{path.stat().st_size:>12,}  {path}")


if __name__ == "__main__":
    main()
