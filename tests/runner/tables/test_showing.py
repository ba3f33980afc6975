"""Rows in the log, in three styles."""

from __future__ import annotations

from pypeline.runner.tables.showing import as_text

ROWS = '[{"name": "Ada\\nx", "age": 36}, {"name": null, "age": 5}]'


def test_a_table_lines_up_and_no_value_makes_a_line() -> None:
    assert as_text(ROWS, {"style": "table", "title": "people"}).splitlines() == ["people", "name   age", "─────  ───", "Ada⏎x  36", "∅      5"]


def test_vertical_is_one_value_a_line() -> None:
    assert as_text(ROWS, {"style": "vertical"}) == "name  Ada⏎x\nage   36\n\nname  ∅\nage   5"


def test_json_is_one_object_a_line() -> None:
    assert as_text(ROWS, {"style": "json"}).splitlines() == ['{"name": "Ada\\nx", "age": 36}', '{"name": null, "age": 5}']


def test_no_rows_are_told() -> None:
    assert as_text(None, {"title": "people"}) == "people\nno rows"
