"""HTML by construction: text is escaped unless it was made here.

:func:`tag` takes plain text (escaped, control characters shown) and :class:`Markup` (as it is); no
other way leads into a page, so that a hostile name cannot become a tag or an attribute.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from pypeline.schema.problems import printable

_EMPTY = frozenset({"meta", "br", "hr"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Piece = str | int | float | Markup | None


def text(value: Piece) -> Markup:
    """``value`` as the inside of an element."""
    if isinstance(value, Markup):
        return value
    return Markup("" if value is None else escape(printable(str(value)), quote=True))


def tag(name: str, /, *inside: Piece, **attributes: str) -> Markup:
    """An element. An attribute's name is given with ``_`` for ``-``, and a trailing ``_`` where Python has the word."""
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{text(value)}"' for key, value in attributes.items())
    if name in _EMPTY:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{''.join(text(piece) for piece in inside)}</{name}>")


def joined(pieces: Iterable[Piece]) -> Markup:
    """Pieces one after the other."""
    return Markup("".join(text(piece) for piece in pieces))
