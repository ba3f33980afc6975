"""What is wrong inside one piece of text (an expression, a valve, a variable), and where in it.

The small languages raise these; whoever knows where the text stands in the flow turns one into a
problem with :meth:`TextError.problem`. Knows no file and no module.
"""

from __future__ import annotations

from dataclasses import replace

from pypeline.schema.problems import Place, Problem


class TextError(ValueError):
    """``offset`` counts characters of the text from 0; ``mend`` is a sentence on how to mend it."""

    def __init__(self, code: str, message: str, offset: int = 0, mend: str = "") -> None:
        self.code = code
        self.message = message
        self.offset = offset
        self.mend = mend
        super().__init__(message)

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.code, self.message, self.offset, self.mend))

    def problem(self, place: Place, text: str) -> Problem:
        """A problem at ``place`` whose message says where in ``text`` it is."""
        return Problem(self.code, f"{self.message} ({position(text, self.offset)})", replace(place), self.mend)


def position(text: str, offset: int) -> str:
    """``at character 7``, or ``at line 2, character 3`` in a text of several lines; counts from 1."""
    if "\n" not in text.rstrip("\n"):
        return f"at character {offset + 1}"
    before = text[:offset]
    return f"at line {before.count(chr(10)) + 1}, character {offset - (before.rfind(chr(10)) + 1) + 1}"
