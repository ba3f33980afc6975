"""Plain data → YAML text in the house style: stable, safe to read back, kind to diffs.

Texts stand plain only where every YAML reader agrees that they are text; code and other long texts
are literal blocks; lists of short words stand on one line, everything else one entry a line. No
anchors, no folding, no line width. Values in, lines out; knows nothing of flows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pypeline.schema.scalars import WrittenFloat, WrittenInt, resolve

INDENT = 2
QUOTE = '"'
# plain texts are those that neither YAML 1.1 nor 1.2 reads as anything else, inside [ ] and { } too
_PLAIN = re.compile(r"[^\W\d](?:[\w ./+*%=<>()$^~;@-]*[\w./+*%=<>()$^~;@-])?\Z|/[\w./+*%=-]*\Z|[0-9]+(?:\.[0-9]+){2,}\Z")
_WORDS_1_1 = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_SHORT_ITEM = re.compile(r"[\w./*-]*\Z")
_SHORT_LINE = 100
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


def scalar(value: Any, quote: str = "") -> str:
    """One scalar on one line; ``quote`` (``'`` or ``"``) is the sign that its place used before."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, WrittenInt | WrittenFloat):
        return value.text
    if isinstance(value, float):
        return ".nan" if math.isnan(value) else repr(value).replace("inf", ".inf")
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if not quote and _is_plain(text):
        return text
    if text.isprintable() and (quote == "'" or (quote != '"' and ('"' in text or "\\" in text))):
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_ESCAPES.get(sign) or (sign if sign.isprintable() else _escape(sign)) for sign in text) + '"'


def _is_plain(text: str) -> bool:
    return bool(_PLAIN.match(text)) and text.lower() not in _WORDS_1_1 and isinstance(resolve(text), str)


def _escape(sign: str) -> str:
    number = ord(sign)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def literal(text: str, indent: int) -> list[str] | None:
    """``text`` as a literal block: the header and lines indented by ``indent``; None where only quotes are exact."""
    if "\n" not in text or not text.strip("\n") or text.endswith("\n\n") or text.lstrip("\n ").startswith("\t"):
        return None
    if any(not (sign.isprintable() or sign in "\n\t") for sign in text):
        return None
    header = "|" + (str(INDENT) if text[0] in " \n" else "") + ("" if text.endswith("\n") else "-")
    return [header, *(" " * indent + line if line else "" for line in text.removesuffix("\n").split("\n"))]


def flow(value: Any) -> str:
    """Any value on one line: ``[a, b]``, ``{key: value}`` or a scalar."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if is_list(value):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    return scalar(value)


def is_list(value: Any) -> bool:
    """A list or tuple; a text is none."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def block(value: Any, indent: int) -> list[str]:
    """The lines of a filled mapping or list whose entries begin at column ``indent``."""
    if isinstance(value, Mapping):
        return [line for key, inner in value.items() for line in entry(key, inner, indent)]
    return [line for inner in value for line in item(inner, indent)]


def entry(key: str, value: Any, indent: int) -> list[str]:
    """The lines of one mapping entry."""
    head = " " * indent + scalar(key) + ":"
    tail = inline(value, indent + INDENT)
    return [f"{head} {tail[0]}", *tail[1:]] if tail is not None else [head, *block(value, indent + INDENT)]


def item(value: Any, indent: int) -> list[str]:
    """The lines of one list item, whose dash stands at column ``indent``."""
    dash = " " * indent + "-"
    if isinstance(value, str) and " " in value and "\n" not in value:
        return [f"{dash} {scalar(value, QUOTE)}"]  # links, expressions: sentences in a list stand in quotes
    tail = inline(value, indent + INDENT)
    if tail is not None:
        return [f"{dash} {tail[0]}", *tail[1:]]
    lines = block(value, indent + INDENT)
    if isinstance(value, Mapping):
        return [f"{dash} {lines[0].lstrip(' ')}", *lines[1:]]
    return [dash, *lines]


def inline(value: Any, indent: int) -> list[str] | None:
    """What follows ``key:`` or ``-`` on its line (a literal block goes on below), or None when a block must follow."""
    if isinstance(value, Mapping):
        return None if value else ["{}"]
    if is_list(value):
        line = flow(value)
        short = len(line) <= _SHORT_LINE and all(
            not isinstance(part, Mapping) and not is_list(part) and _SHORT_ITEM.match(scalar(part).strip("\"'")) for part in value
        )
        return [line] if short else None
    return (literal(value, indent) if isinstance(value, str) else None) or [scalar(value)]
