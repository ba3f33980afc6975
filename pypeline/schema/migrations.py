"""Migrations: plain data of an older format of the language → plain data of the next one.

One pure function per step, in order; the reader applies those that a file needs. Format 1 is the
first, and a file without ``format`` is of format 1. A sample of every format stays under
``tests/schema/formats`` for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pypeline.schema.flow import FORMAT
from pypeline.schema.scalars import text_of

Step = Callable[[dict[str, Any]], dict[str, Any]]

STEPS: Mapping[int, Step] = {}
"""Format N → the function that makes format N+1 of it; a copy, never a change in place."""


class UnknownFormat(Exception):
    """The file's ``format`` is none that this version knows; ``newer`` says that a later one made it."""

    def __init__(self, message: str, mend: str, newer: bool) -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend
        self.newer = newer


def format_of(data: Mapping[str, Any], newest: int = FORMAT) -> int:
    """The format that a file says it has; a missing or empty one is 1.

    Raises:
        UnknownFormat: it is newer than this version, or no format at all.
    """
    written = data.get("format")
    if written is None:
        return 1
    if isinstance(written, float) and written.is_integer():
        written = int(written)
    if isinstance(written, int) and not isinstance(written, bool) and written > newest:
        message = f"made by a newer PYpeline (format {written}, this one knows <= {newest})"
        raise UnknownFormat(message, "Open it with a newer PYpeline.", newer=True)
    if not isinstance(written, int) or isinstance(written, bool) or written < 1:
        known = ", ".join(str(number) for number in range(1, newest + 1))
        shown = text_of(written) if isinstance(written, str | int | float) else "no number"
        raise UnknownFormat(f"format `{shown}` is not known; known formats: {known}", "Leave `format` out: a missing one is 1.", newer=False)
    return written


def migrate(data: dict[str, Any], steps: Mapping[int, Step] = STEPS, newest: int = FORMAT) -> dict[str, Any]:
    """``data`` in the newest format; the same object when it is already there.

    Raises:
        UnknownFormat: see :func:`format_of`.
    """
    number = format_of(data, newest)
    while number < newest:
        data = {**steps[number](data), "format": number + 1}
        number += 1
    return data
