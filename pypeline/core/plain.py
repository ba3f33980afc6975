"""Values as plain data: what JSON can say, in a fixed order, made without copying what is plain already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

PLAIN = frozenset({str, int, float, bool, type(None)})
"""Types of which every value is plain."""


def as_data(value: Any) -> Any:
    """``value`` with dataclasses, pydantic models and mappings as dicts, sequences as lists, sets sorted.

    Raises:
        TypeError: it holds something else.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is dict or isinstance(value, Mapping):
        return {str(k): as_data(v) for k, v in value.items()}
    if kind is tuple or isinstance(value, list | tuple):
        return [as_data(v) for v in value]
    if is_dataclass(value):
        return {f.name: as_data(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, set | frozenset):
        return sorted(as_data(v) for v in value)
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json", by_alias=True)
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no plain data")
