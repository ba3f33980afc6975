"""Figures as people read them: counts, rates, times, sizes, and texts cut to a width without a font.

The same spelling on the canvas, in the terminal and in the report. Widths are estimates for the
widest font of the preference list, so that a text which fits here fits everywhere.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from pypeline.schema.problems import printable

_NARROW = frozenset("iljI.,:;'|!()[]{}` ")
_MEDIUM = frozenset('ftr-/\\"*_°·…')
_WIDE = frozenset("mwMW%@—&OQGDHNU∅")


def count(number: int) -> str:
    """``67663`` → ``67,663``."""
    return f"{number:,}"


def short_count(number: float) -> str:
    """At most five characters: ``67663`` → ``67.7k``, ``1234567`` → ``1.2M``."""
    size, unit = float(number), ""
    for unit in ("", "k", "M", "G", "T"):
        if abs(size) < 999.5 or unit == "T":
            break
        size /= 1000
    return f"{size:.0f}{unit}" if not unit or abs(size) >= 99.95 else f"{size:.1f}{unit}"


def rows(number: int) -> str:
    """``1 row``, ``67,663 rows``."""
    return f"{number:,} row" if number == 1 else f"{number:,} rows"


def rate(number: int, seconds: float) -> str:
    """Rows a second, ``1.6 M/s``; empty when no time is known."""
    if seconds <= 0 or number <= 0:
        return ""
    text = short_count(number / seconds)
    return f"{text[:-1]} {text[-1]}/s" if text[-1].isalpha() else f"{text}/s"


def duration(seconds: float) -> str:
    """``41 ms``, ``3.4 s``, ``2 min 05 s``, ``1 h 02 min``."""
    if seconds < 0.0995:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 9.995:
        return f"{seconds:.2f} s".replace("0 s", " s") if seconds < 0.995 else f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size(number: float) -> str:
    """Bytes in binary units: ``412 MiB``."""
    value, unit = float(number), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1023.5 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or value >= 9.95 else f"{value:.1f} {unit}"


def width(text: str, size: float, *, mono: bool = False, strong: bool = False) -> float:
    """About how many pixels ``text`` takes at ``size`` pixels."""
    if mono and text.isascii():
        return len(text) * 0.602 * size * (1.05 if strong else 1.0)
    total = 0.0
    for letter in text:
        if unicodedata.combining(letter):
            continue
        if unicodedata.east_asian_width(letter) in "WF":
            total += 1.2 if mono else 1.02
        elif mono:
            total += 0.602
        elif letter in _NARROW:
            total += 0.32
        elif letter in _MEDIUM:
            total += 0.42
        elif letter in _WIDE:
            total += 0.82
        else:
            total += 0.6 if letter.islower() or letter.isdigit() else 0.68
    return total * size * (1.05 if strong else 1.0)


def one_line(text: str) -> str:
    """``text`` on one line, runs of white space as one blank, control characters as escapes."""
    return printable(" ".join(text.split()))


@lru_cache(maxsize=8192)
def elide(text: str, room: float, size: float, *, mono: bool = False, strong: bool = False) -> str:
    """``text`` on one line, cut with an ellipsis to ``room`` pixels at ``size`` pixels."""
    text = one_line(text[:400])
    if width(text, size, mono=mono, strong=strong) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width(text[:middle].rstrip() + "…", size, mono=mono, strong=strong) <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…"
