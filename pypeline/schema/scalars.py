"""What a plain YAML scalar means here: null, true/false, decimal numbers; everything else is text.

The rules are those of YAML 1.2's core schema minus its surprises: a number with leading zeros, a
date, ``12:30``, ``no`` or ``0x1F`` stays the text that was written. A number whose text is not the
one Python would write (``1e3``, ``1.10``) remembers it, so that a text field can have it back.
Text in, plain values out; knows nothing of flows.
"""

from __future__ import annotations

import math
import re
from typing import Any

_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_FIRST = frozenset("+-.0123456789tTfFnN~")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
# Python refuses to convert longer digit runs, and nobody means a number by them
_MAX_DIGITS = 400


class WrittenInt(int):
    """An integer that remembers how it was written (``+5``)."""

    text: str

    def __new__(cls, value: int, text: str = "") -> WrittenInt:
        self = super().__new__(cls, value)
        self.text = text or str(value)
        return self


class WrittenFloat(float):
    """A float that remembers how it was written (``1e3``, ``1.10``)."""

    text: str

    def __new__(cls, value: float, text: str = "") -> WrittenFloat:
        self = super().__new__(cls, value)
        self.text = text or repr(float(value))
        return self


def resolve(text: str) -> Any:
    """The value of a plain (unquoted) scalar: None, bool, int, float or the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST or len(text) > _MAX_DIGITS:
        return text
    if _INT.match(text):
        whole = int(text)
        return whole if str(whole) == text else WrittenInt(whole, text)
    if _FLOAT.match(text):
        number = float(text)
        return number if repr(number) == text else WrittenFloat(number, text)
    if _SPECIAL.match(text):
        return float(text.replace(".", "", 1))
    return text


def text_of(value: Any) -> Any:
    """A scalar as the text it was written as; anything that is no scalar comes back unchanged."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, WrittenInt | WrittenFloat):
        return value.text
    return repr(value) if isinstance(value, int | float) else value


def same(left: Any, right: Any) -> bool:
    """Equal as YAML values: ``1``, ``1.0`` and ``true`` differ, a NaN equals itself.

    A recursion over plain data (mappings, lists, tuples, scalars); depth is bounded by the reader.
    """
    if left is right:
        return True
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(same(v, right[k]) for k, v in left.items())
    if isinstance(left, list | tuple):
        return isinstance(right, list | tuple) and len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, int) and isinstance(right, int):
        return left == right
    return type(left) is type(right) and bool(left == right)
