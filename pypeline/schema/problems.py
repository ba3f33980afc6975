"""Problems: what is wrong, where, and how to mend it; the same value in terminal, window and report.

Every code lives once, in :mod:`pypeline.schema.codes`. A problem is data: rooms make them,
``app`` shows them. Nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, field, replace
from difflib import get_close_matches
from typing import Any, Literal

from pypeline.schema.record import record

Severity = Literal["error", "warning"]
Phase = Literal["load", "plan", "run"]
Path = tuple[str | int, ...]


@record
class Place:
    """Where: a file with 1-based line and column (0 = unknown), a key path, a module or a link."""

    file: str = ""
    line: int = 0
    column: int = 0
    path: Path = ()
    module: str = ""
    link: str = ""

    def __str__(self) -> str:
        parts = [self.file or "flow"]
        if self.line:
            parts.append(str(self.line))
            parts.append(str(self.column))
        return ":".join(parts)


@record
class Fix:
    """A mend a program can apply: put ``value`` at ``path`` (``None`` as value removes the key), and remove what is at ``away``."""

    title: str
    path: Path = ()
    value: Any = None
    away: Path = ()


@record
class Problem:
    """One thing that is wrong. ``mend`` is a sentence for a person, ``fixes`` are for a button."""

    code: str
    message: str
    place: Place = field(default_factory=Place)
    mend: str = ""
    severity: Severity = "error"
    phase: Phase = "load"
    fixes: tuple[Fix, ...] = ()

    def __str__(self) -> str:
        """One line: ``PYE204 flow.yaml:7:3 what is wrong. how to mend it``."""
        tail = f" {self.mend}" if self.mend else ""
        warn = "warning: " if self.severity == "warning" else ""
        return printable(f"{self.code} {self.place} {warn}{sentence(self.message)}{tail}").replace("\n", "\\n")

    def at(self, place: Place) -> Problem:
        """This problem, at another place."""
        return replace(self, place=place)

    def to_json(self) -> dict[str, Any]:
        """Plain data for ``--json`` and the run folder."""
        return asdict(self)


class PypeError(Exception):
    """The one exception that carries problems out of a room; shown without a traceback, exit 2."""

    def __init__(self, *problems: Problem) -> None:
        self.problems: tuple[Problem, ...] = problems
        super().__init__("\n".join(str(p) for p in problems))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), self.problems)


def sentence(text: str) -> str:
    """``text`` ending in exactly one full stop, question or exclamation mark."""
    text = text.rstrip()
    return text if text.endswith((".", "?", "!")) else f"{text}."


def printable(text: str) -> str:
    """``text`` with control and bidi characters shown as escapes, so that data cannot drive a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\u{ord(c):04x}" for c in text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``"did you mean `x`?"`` or the short list of what is known; empty when nothing is."""
    names: Sequence[str] = sorted(set(known))
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    if not names:
        return ""
    shown = ", ".join(f"`{n}`" for n in names[:8])
    return f"known: {shown}{', …' if len(names) > 8 else ''}."


def capital(text: str) -> str:
    """``text`` with its first letter large and all others as they are: they may be names."""
    return text[:1].upper() + text[1:]


def path_text(path: Path) -> str:
    """A key path in words: ``modules[2].configs.required.rows``."""
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return words[1:] if words.startswith(".") else words


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """The problems that stop a build or a run."""
    return [p for p in problems if p.severity == "error"]
