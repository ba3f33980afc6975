"""Plain text that lines up: tables in columns of letters, also wide ones, and nothing that data can hijack.

Every cell passes :func:`clean`, so that a column name or a value cannot move a terminal's cursor.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from pypeline.schema.problems import printable


def clean(value: Any) -> str:
    """``value`` on one line, control characters as escapes."""
    return printable("" if value is None else str(value)).replace("\n", "⏎").replace("\t", "→")


def width(text: str) -> int:
    """Columns that ``text`` takes on a terminal: wide characters two, combining ones none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def cut(text: str, most: int) -> str:
    """``text`` in at most ``most`` columns, with an ellipsis where something is missing."""
    if width(text) <= most:
        return text
    kept, used = [], 1
    for c in text:
        used += width(c)
        if used > most:
            break
        kept.append(c)
    return "".join(kept) + "…"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[int] = (), most: int = 48) -> str:
    """Aligned columns below a head; columns in ``right`` are set right, cells wider than ``most`` are cut."""
    cells = [[cut(clean(c), most) for c in row] for row in [head, *rows]]
    widths = [max(width(row[i]) for row in cells) for i in range(len(head))]
    lines = []
    for row in cells:
        parts = [(" " * (w - width(c)) + c) if i in right else c + " " * (w - width(c)) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(parts).rstrip())
    lines.insert(1, "  ".join("─" * w for w in widths))
    return "\n".join(lines)
