"""Rows on a terminal."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from pypeline.app.cli.output import Style
from pypeline.app.cli.table import arrow_text, cell, rows_text
from pypeline.core.aligned import width

PLAIN = Style(io.StringIO())


def test_types_stand_below_names_and_numbers_to_the_right() -> None:
    text = rows_text(["id", "name"], ["int64", "string"], [(7, "Łódź"), (1000, None)], PLAIN, total=40)
    assert text.splitlines() == ["   id  name", "int64  string", "─────  ──────", "    7  Łódź", " 1000  ∅", "first 2 of 40 rows"]


def test_wide_letters_keep_the_columns_aligned() -> None:
    lines = rows_text(["city", "n"], ["string", "int64"], [("東京", 1), ("Rīga", 22), ("e\u0301", 3)], PLAIN).splitlines()
    assert len({width(line) for line in lines}) == 1


def test_control_characters_show_as_escapes() -> None:
    text = rows_text(["a\x1b]0;pwn\x07"], ["string"], [("x\ny\x9b2J",)], PLAIN)
    assert "\x1b" not in text
    assert "\\u001b]0;pwn\\u0007" in text
    assert "x⏎y\\u009b2J" in text


def test_columns_that_do_not_fit_are_named() -> None:
    names = [f"column_{n}" for n in range(9)]
    text = rows_text(names, ["string"] * 9, [["value"] * 9], PLAIN, columns=40)
    assert all(width(line) <= 40 for line in text.splitlines())
    assert "not shown for want of room: column_4" in text.replace("column_3, ", "")


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "∅"), (True, "true"), (0.1, "0.1"), (1e300, "1e+300"), (Decimal("1.50"), "1.50"), (Decimal("1E+3"), "1000"), (2**63 - 1, "9223372036854775807"),
     (date(2024, 2, 29), "2024-02-29"), (datetime(2024, 2, 29, 8, tzinfo=UTC), "2024-02-29 08:00:00+00:00"),
     (b"\x00\xff", "00ff"), ("", ""), ({"a": 1}, "{'a': 1}")],
)  # fmt: skip
def test_a_value_is_exact(value: object, text: str) -> None:
    assert cell(value) == text


def test_an_arrow_table_shows_our_names_of_its_types() -> None:
    import pyarrow as pa

    table = pa.table(
        {
            "n": pa.array([1, None], pa.int32()), "t": pa.array([datetime(2024, 1, 1), None], pa.timestamp("us")), "s": pa.array(["a", "b"], pa.large_string()),
            "d": pa.array([Decimal("1.5"), None], pa.decimal128(9, 2)), "z": pa.array([None, None], pa.timestamp("us", tz="UTC")),
        }
    )  # fmt: skip
    lines = arrow_text(table, PLAIN, most_rows=1).splitlines()
    assert lines[1].split() == ["int32", "timestamp", "string", "decimal(9,2)", "timestamptz"]
    assert lines[3].split() == ["1", "2024-01-01", "00:00:00", "a", "1.50", "∅"]
    assert lines[4] == "first 1 of 2 rows"
