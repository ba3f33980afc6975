"""Which of some sub flows stand above which others, for all that ask at once.

The sources of one implicit gate ask this of each other (rule 7). A walk from every source would visit
the same sub flows again and again; instead each source is a bit, and bits run down the control links,
a thousand sources in one pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

CHUNK = 1024
"""Sources in one pass: a number of so many bits a sub flow is held at a time."""


def above(order: Sequence[int], into: Sequence[Iterable[int]], asking: Mapping[int, Sequence[int]]) -> dict[int, list[tuple[int, int]]]:
    """For each set of sub flows in ``asking`` (by any key) its pairs (upper, lower) of which one is above
    the other. ``order`` lists all sub flows, each after those in ``into`` that lead to it."""
    found: dict[int, list[tuple[int, int]]] = {key: [] for key in asking}
    # what nothing leads to has nothing above it
    lower = {key: [one for one in some if into[one]] for key, some in asking.items()}
    uppers = sorted({one for key, some in asking.items() if lower[key] for one in some})
    for start in range(0, len(uppers), CHUNK):
        chunk = uppers[start : start + CHUNK]
        bit = {one: 1 << at for at, one in enumerate(chunk)}
        reached: dict[int, int] = {}
        for one in order:
            bits = 0
            for source in into[one]:
                bits |= reached.get(source, 0) | bit.get(source, 0)
            if bits:
                reached[one] = bits
        for key, some in lower.items():
            mine = sum(bit.get(one, 0) for one in set(asking[key])) if some else 0
            for one in some if mine else ():
                bits = reached.get(one, 0) & mine
                while bits:
                    last = bits & -bits
                    found[key].append((chunk[last.bit_length() - 1], one))
                    bits ^= last
    return found
