"""How two lists correspond: which items stayed, which moved, came or went.

Items are matched by what they are, modules by their id; what stayed in order keeps its place in the
text. Plain data in, index pairs out, in n log n.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

Kind = Literal["keep", "change", "drop", "add", "move"]


class Step(NamedTuple):
    """One step along the new list. ``old`` and ``new`` are indices, -1 where there is none.

    ``keep`` and ``change`` stay where they stand, ``move`` brings old text to another place (its old
    place is dropped by a step of its own), ``add`` is new text.
    """

    kind: Kind
    old: int
    new: int


def steps(old: Sequence[Any], new: Sequence[Any]) -> list[Step]:
    """The steps from ``old`` to ``new``, in the order of the text."""
    old_keys, new_keys = _keys(old), _keys(new)
    where = {key: number for number, key in enumerate(old_keys)}
    known = [(where[key], number) for number, key in enumerate(new_keys) if key in where]
    stay = _rising(known)
    moved = {new_index: old_index for old_index, new_index in known if (old_index, new_index) not in stay}
    result: list[Step] = []
    last_old, last_new = 0, 0
    for old_index, new_index in [*sorted(stay), (len(old), len(new))]:
        result += _between(range(last_old, old_index), range(last_new, new_index), old, new, moved)
        if old_index < len(old):
            result.append(Step("keep", old_index, new_index))
        last_old, last_new = old_index + 1, new_index + 1
    return result


def _between(olds: range, news: range, old: Sequence[Any], new: Sequence[Any], moved: dict[int, int]) -> list[Step]:
    """The steps of a stretch in which nothing stayed: neighbours that are much alike count as changed."""
    taken = set(moved.values())
    free = [number for number in olds if number not in taken]
    result = [Step("drop", number, -1) for number in olds if number in taken]
    for number in news:
        if number in moved:
            result.append(Step("move", moved[number], number))
        elif free and _alike(old[free[0]], new[number]):
            result.append(Step("change", free.pop(0), number))
        else:
            result.append(Step("add", -1, number))
    result += [Step("drop", number, -1) for number in free]
    return result


def _alike(left: Any, right: Any) -> bool:
    """Whether a change in place says more than a removal and an addition: other scalars, a renamed module."""
    if isinstance(left, dict) and isinstance(right, dict):
        return "id" not in left or {**left, "id": None} == {**right, "id": None}
    return not isinstance(left, dict | list) and not isinstance(right, dict | list)


def _keys(items: Sequence[Any]) -> list[tuple[str, int]]:
    """What each item is: a module's id, else its content; equal ones are counted."""
    seen: Counter[str] = Counter()
    keys: list[tuple[str, int]] = []
    for item in items:
        id = item.get("id") if isinstance(item, dict) else None
        key = f"id {id}" if isinstance(id, str) else item if isinstance(item, str) else json.dumps(item, default=repr)
        keys.append((key, seen[key]))
        seen[key] += 1
    return keys


def _rising(pairs: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """The longest choice of pairs, given by rising new index, whose old index rises too (patience sorting)."""
    tails: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for number, (old, _) in enumerate(pairs):
        place = bisect_left(tails, old)
        before.append(at[place - 1] if place else -1)
        if place == len(tails):
            tails.append(old)
            at.append(number)
        else:
            tails[place], at[place] = old, number
    chosen: set[tuple[int, int]] = set()
    number = at[-1] if at else -1
    while number >= 0:
        chosen.add(pairs[number])
        number = before[number]
    return chosen
