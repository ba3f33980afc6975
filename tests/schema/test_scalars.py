"""What plain scalars mean, and that a number remembers how it was written."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from pypeline.schema.scalars import WrittenFloat, resolve, same, text_of

TEXT = ("no", "yes", "on", "off", "00123", "12:30", "2024-01-01", "=", "0x1F", "0o17", "1_000", "1.2.3", "-", ".", "+", "e3", "1e", "١", "nul", "9" * 500)
VALUES = {"": None, "~": None, "null": None, "true": True, "False": False, "0": 0, "-7": -7, "+7": 7, "1.5": 1.5, ".5": 0.5, "1e3": 1000.0, "12E5": 1.2e6}


@pytest.mark.parametrize("text", TEXT)
def test_what_looks_odd_stays_text(text: str) -> None:
    assert resolve(text) == text


@pytest.mark.parametrize("text", VALUES)
def test_words_and_numbers_have_values(text: str) -> None:
    assert same(resolve(text), VALUES[text])


@pytest.mark.parametrize("text", ["1e3", "1.10", "+7", "12E5", "1.0", "-0", "true", "17"])
def test_a_text_field_gets_the_text_that_was_written(text: str) -> None:
    value = resolve(text)
    assert text_of(value) == text
    assert text_of(copy.deepcopy(value)) == text
    assert text_of(pickle.loads(pickle.dumps(value))) == text


@pytest.mark.parametrize(("left", "right"), [(1, True), (1, 1.0), (0, False), ("1", 1), ([1], [1.0]), ({"a": 1}, {"a": True}), (None, False)])
def test_values_of_different_kinds_differ(left: Any, right: Any) -> None:
    assert not same(left, right)


def test_a_written_number_equals_its_value_and_nan_itself() -> None:
    assert same(WrittenFloat(1000.0, "1e3"), 1000.0)
    assert same(float("nan"), float("nan"))
    assert same((1, [2]), [1, (2,)])
