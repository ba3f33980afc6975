"""Text for people: alignment with wide characters, cutting, and data that cannot drive the terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pypeline.app.cli.output import plural
from pypeline.core.aligned import clean, cut, table, width


def test_columns_line_up_with_wide_and_combining_characters() -> None:
    text = table(["name", "n"], [["日本", 5], ["e\u0301", 12345], ["plain", 1]], right=(1,))
    assert text.splitlines() == ["name       n", "─────  ─────", "日本       5", "e\u0301      12345", "plain      1"]


def test_control_characters_show_as_escapes() -> None:
    assert clean("\x1b]0;pwn\x07") == "\\u001b]0;pwn\\u0007"
    assert clean("a\nb\tc\u202e") == "a⏎b→c\\u202e"


@given(st.text(max_size=60), st.integers(2, 40))
def test_a_cut_text_fits_and_says_that_it_was_cut(text: str, most: int) -> None:
    shown = cut(text, most)
    assert width(shown) <= most or shown == text
    assert shown == text or shown.endswith("…")


def test_plural() -> None:
    assert [plural(1, "row"), plural(0, "row"), plural(12345, "link")] == ["1 row", "0 rows", "12,345 links"]
