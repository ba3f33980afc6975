"""The one graph that every canvas is measured on: columns of cards, links to the next columns, seeded."""

from __future__ import annotations

import math
import random

STEP_X, STEP_Y, WIDTH, HEIGHT = 260.0, 110.0, 168.0, 64.0


def graph(number: int, seed: int = 7) -> tuple[list[tuple[float, float, str]], list[tuple[int, int]]]:
    """``number`` cards (x, y, name) in about √number rows, and 1.5 × as many links (from, to)."""
    random_ = random.Random(seed)
    rows = max(4, math.isqrt(number))
    cards = [((i // rows) * STEP_X, (i % rows) * STEP_Y, f"step_{i:05d}") for i in range(number)]
    links: dict[tuple[int, int], None] = {}
    while len(links) < int(1.5 * number):
        a = random_.randrange(number - 1)
        column = a // rows + (1 if random_.random() < 0.95 else random_.randint(2, 4))
        b = column * rows + min(rows - 1, max(0, a % rows + random_.randint(-2, 2)))
        if b < number:
            links[(a, b)] = None
        elif a >= number - rows:
            links[(random_.randrange(number - rows), a)] = None
    return cards, list(links)


def middle(number: int) -> int:
    """The index of the card in the middle."""
    rows = max(4, math.isqrt(number))
    return (-(-number // rows) // 2) * rows + rows // 2
