"""The sample project's data: a web shop's orders and customers, as dirty as real exports are.

Deterministic: the same seed gives the same bytes on every machine and Python. Each kind of dirt
is put in on purpose and counted, so that the demo can say what the flow had to deal with.
"""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

COUNTRIES = ("Österreich", "Deutschland", "Česko", "France", "España", "日本", "Suomi", "Ελλάδα")
FIRST = ("Zoë", "Jürgen", "Łukasz", "Chloé", "Íñigo", "さくら", "Aino", "Ελένη", "Björn", "Noor", "Anna", "Tom")
LAST = ("O'Neill", "Müller", "Nowák", "d'Arc", "Peña", "山田", "Virtanen", "Παππά", "Åkesson", "van den Berg", "Novak", "Smith")
GOODS = (("lamp", 3999), ("chair, oak", 12900), ('27" screen', 24950), ("desk", 31900), ("cable; 2 m", 890), ("mug", 1250))
NOTES = ("", "", "", "", "gift", "leave at the door", 'ring the "front" bell\nthen wait', "ruf an:\n+43 1 234", "émoji 🎁 please")
FIRST_DAY = date(2025, 1, 1)


def make(folder: Path, *, customers: int = 2_000, orders: int = 20_000, seed: int = 7) -> dict[str, int]:
    """Write ``customers.csv`` and ``orders.csv`` into ``folder``; returns how much dirt of each kind is in them."""
    chance = random.Random(seed)  # noqa: S311 -- sample data
    (folder / "customers.csv").write_text(_customers(chance, customers), encoding="utf-8", newline="")
    text, dirt = _orders(chance, customers, orders)
    (folder / "orders.csv").write_text(text, encoding="utf-8", newline="")
    return dict(dirt)


def _customers(chance: random.Random, count: int) -> str:
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(("customer_id", "name", "country", "active"))
    for number in range(1, count + 1):
        name = f"{_pick(chance, FIRST)} {_pick(chance, LAST)}"
        write((f"{number:05d}", name, _pick(chance, COUNTRIES), "false" if chance.random() < 0.08 else "true"))
    return out.getvalue()


def _orders(chance: random.Random, customers: int, count: int) -> tuple[str, Counter[str]]:
    dirt: Counter[str] = Counter()
    lines = [_line(("order_id", "customer_id", "ordered", "item", "quantity", "price", "note"))]
    for number in range(1, count + 1):
        item, cents = GOODS[chance.randrange(len(GOODS))]
        customer = chance.randrange(1, customers + 1)
        day = FIRST_DAY + timedelta(days=chance.randrange(365))
        row = [f"{number}", f"{customer:05d}", day.isoformat(), item, f"{chance.randrange(1, 6)}", f"{cents / 100:.2f}", _pick(chance, NOTES)]
        for name, share, spoil in DIRT:
            if chance.random() < share:
                row = spoil(row, chance)
                dirt[name] += 1
                break
        line = _line(row)
        lines.append(line)
        if chance.random() < 0.01:
            lines.append(line)
            dirt["rows twice"] += 1
    return "".join(lines), dirt


def _orphan(row: list[str], chance: random.Random) -> list[str]:
    return [row[0], f"9{chance.randrange(1000, 10_000)}", *row[2:]]


def _no_price(row: list[str], chance: random.Random) -> list[str]:
    return [*row[:5], _pick(chance, ("", "NULL")), row[6]]


def _bad_date(row: list[str], chance: random.Random) -> list[str]:
    return [*row[:2], _pick(chance, ("2025-02-30", "31.12.2025", "soon")), *row[3:]]


def _bad_number(row: list[str], chance: random.Random) -> list[str]:
    return [*row[:4], _pick(chance, ("two", "1,5", "--")), *row[5:]]


def _short(row: list[str], chance: random.Random) -> list[str]:
    return row[: chance.randrange(3, 6)]


def _long(row: list[str], chance: random.Random) -> list[str]:
    return [*row, _pick(chance, ("?", "overflow"))]


DIRT: tuple[tuple[str, float, Callable[[list[str], random.Random], list[str]]], ...] = (
    ("unknown customers", 0.01, _orphan),
    ("missing prices", 0.01, _no_price),
    ("impossible dates", 0.004, _bad_date),
    ("text for numbers", 0.003, _bad_number),
    ("short lines", 0.002, _short),
    ("long lines", 0.002, _long),
)
"""Name, share of rows, and what it does to a row."""


def _pick(chance: random.Random, choices: tuple[str, ...]) -> str:
    return choices[chance.randrange(len(choices))]


def _line(row: list[str] | tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(row)
    return out.getvalue()
