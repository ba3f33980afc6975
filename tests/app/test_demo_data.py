"""The sample data: the same bytes everywhere, and each kind of dirt really in it."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

from pypeline.app.cli.demo_data import DIRT, make


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    dirt = make(tmp_path, customers=50, orders=400)
    digest = hashlib.sha256((tmp_path / "customers.csv").read_bytes() + (tmp_path / "orders.csv").read_bytes()).hexdigest()
    assert digest == "cc73220aa71cc5564f59858eebd1e87012b5f089f2a4ad6d5a472c81e8938ba5"
    again = tmp_path / "again"
    again.mkdir()
    assert make(again, customers=50, orders=400) == dirt
    assert (again / "orders.csv").read_bytes() == (tmp_path / "orders.csv").read_bytes()


def test_every_kind_of_dirt_is_in_it(tmp_path: Path) -> None:
    dirt = make(tmp_path)
    assert set(dirt) == {name for name, _, _ in DIRT} | {"rows twice"}
    with (tmp_path / "orders.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    # a short or long line may be written twice
    assert sum(len(row) < 7 for row in rows) >= dirt["short lines"]
    assert sum(len(row) > 7 for row in rows) >= dirt["long lines"]
    assert len(rows) == 20_000 + dirt["rows twice"]
    assert any("\n" in row[-1] for row in rows)
