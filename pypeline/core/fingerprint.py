"""Identity as digests: canonical JSON and xxh3-128.

Equal meaning gives equal bytes gives equal digests: keys sorted, no spaces, numbers by ``repr``.
Secrets never come in: their templates (``{{vault:…}}``, ``{{env.…}}``) do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def canonical(value: Any) -> bytes:
    """``value`` (plain data, tuples, models) as canonical JSON.

    Raises:
        TypeError: something that is not plain data.
    """
    return _ENCODER.encode(value).encode()


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json", by_alias=True)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"no canonical form for {type(value).__name__}")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def digest(value: Any) -> str:
    """The xxh3-128 of ``value``'s canonical JSON, as 32 hex digits."""
    import xxhash

    made: str = xxhash.xxh3_128_hexdigest(canonical(value))
    return made


def fraction(seed: str) -> float:
    """A number in [0, 1) that depends on ``seed`` alone: chance that can be replayed."""
    return int(digest(seed)[:13], 16) / 16**13
