"""Figures as people read them, and texts cut to a width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypeline.core import figures as f


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 ms"), (0.041, "41 ms"), (0.0996, "0.1 s"), (0.26, "0.26 s"), (0.5, "0.5 s"), (3.44, "3.4 s"), (9.999, "10 s"),
     (59.6, "1 min 00 s"), (125, "2 min 05 s"), (3720, "1 h 02 min")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert f.duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999, "999"), (1000, "1.0k"), (67_663, "67.7k"), (999_999, "1.0M"), (1_234_567, "1.2M"), (123_456_789, "123M")]
)
def test_short_counts(number: int, text: str) -> None:
    assert f.short_count(number) == text


def test_rates_and_sizes() -> None:
    assert f.rate(67_663, 0.041) == "1.7 M/s"
    assert f.rate(8, 0.26) == "31/s"
    assert f.rate(8, 0) == ""
    assert (f.size(0), f.size(1023), f.size(1024), f.size(432_013_312)) == ("0 B", "1023 B", "1.0 KiB", "412 MiB")
    assert (f.rows(1), f.rows(67_663)) == ("1 row", "67,663 rows")


@given(st.text(max_size=80), st.floats(20, 400), st.booleans(), st.booleans())
def test_a_cut_text_fits_and_is_the_beginning_of_the_whole(text: str, room: float, mono: bool, strong: bool) -> None:
    cut = f.elide(text, room, 12, mono=mono, strong=strong)
    whole = f.one_line(text)
    assert f.width(cut, 12, mono=mono, strong=strong) <= room
    assert cut == whole or (cut.endswith("…") and whole.startswith(cut[:-1]))


def test_wide_and_combining_letters_count_as_they_show() -> None:
    assert f.width("日本", 10) > 2 * f.width("ab", 10) * 0.8
    assert f.width("e\u0301", 10) == f.width("e", 10)
    assert f.one_line("a\x1b]0;pwn\x07\n b\u202e") == "a\\u001b]0;pwn\\u0007 b\\u202e"
