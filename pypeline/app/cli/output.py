"""Text for a person at a terminal: colours where they show, numbers and paths as one says them.

Colour only on a terminal, never with ``NO_COLOR``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO

SAME_TASK = "↑"
"""In place of a module's seconds: it ran in one task with the module above, which has them."""


def silence_output() -> None:
    """What standard output still holds goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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


def plural(count: int, word: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def shown(path: Path) -> str:
    """``path`` as one would type it from here."""
    absolute = path.resolve()
    near = os.path.relpath(absolute)
    return near if not near.startswith("../..") else str(absolute)
