"""What may be the name of a variable that a module sets: what ``{{moduleid__name}}`` can say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

_NAME = re.compile(r"[^\W\d]\w{0,63}")
_Values = TypeVar("_Values", bound="Mapping[str, object]")


def fits(name: str) -> bool:
    """Whether ``name`` is letters, digits and ``_``, and begins with no digit."""
    return _NAME.fullmatch(name) is not None


def checked(values: _Values) -> _Values:
    """``values``, whose names fit and differ by more than case.

    Raises:
        ValueError: one does not.
    """
    seen: dict[str, str] = {}
    for name in values:
        if not fits(name):
            raise ValueError(f"`{name}` is no name of a variable; names are letters, digits and `_`")
        if (first := seen.setdefault(name.casefold(), name)) != name:
            raise ValueError(f"`{first}` and `{name}` are one name: variables do not tell capitals from small letters")
    return values
