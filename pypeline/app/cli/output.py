"""Text for a person at a terminal: colours where they show, aligned tables, nothing that data can hijack.

Colour only on a terminal, never with ``NO_COLOR``. Every cell passes :func:`clean`, so that a column
name or a value cannot move the cursor.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from pypeline.schema.problems import printable


class Style:
    """Colours for one stream; plain text where the stream is no terminal."""

    def __init__(self, stream: IO[str]) -> None:
        self.on = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.on else text

    def bold(self, text: str) -> str:
        return self._paint("1", text)

    def faint(self, text: str) -> str:
        return self._paint("2", text)

    def good(self, text: str) -> str:
        return self._paint("32", text)

    def warn(self, text: str) -> str:
        return self._paint("33", text)

    def bad(self, text: str) -> str:
        return self._paint("31", text)

    def state(self, state: str, text: str) -> str:
        """``text`` in the colour of a module's or run's ``state``."""
        return {"completed": self.good, "failed": self.bad, "cancelled": self.warn}.get(state, str)(text)


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


def plural(count: int, word: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def shown(path: Path) -> str:
    """``path`` as one would type it from here."""
    absolute = path.resolve()
    near = os.path.relpath(absolute)
    return near if not near.startswith("../..") else str(absolute)
