"""Identity as digests: canonical JSON and xxh3-128.

Equal meaning gives equal bytes gives equal digests: keys sorted, no spaces, numbers by ``repr``.
Secrets never come in: their templates (``{{vault:…}}``, ``{{env.…}}``) do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def canonical(value: Any) -> bytes:
    """``value`` (plain data, tuples, models) as canonical JSON.

    Raises:
        TypeError: something that is not plain data.
    """
    return "".join(_spell(value, 0)).encode()


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json", by_alias=True)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"no canonical form for {type(value).__name__}")


def _spelling() -> Callable[[Any, int], Iterable[str]]:
    """What spells values. The standard library's encoder sets up its C part anew for each, which takes as long as to
    spell a small one; here that is done once."""
    inside: Any = json.encoder
    if inside.c_make_encoder is None:
        encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)
        return lambda value, _: encoder.encode(value)
    made: Callable[[Any, int], Iterable[str]] = inside.c_make_encoder(None, _plain, inside.encode_basestring, None, ":", ",", True, False, True)
    return made


_spell = _spelling()


def digest(value: Any) -> str:
    """The xxh3-128 of ``value``'s canonical JSON, as 32 hex digits."""
    import xxhash

    made: str = xxhash.xxh3_128_hexdigest(canonical(value))
    return made


def fraction(seed: str) -> float:
    """A number in [0, 1) that depends on ``seed`` alone: chance that can be replayed."""
    return int(digest(seed)[:13], 16) / 16**13
