"""The last net below secrets: what looks like a known value, in any usual spelling, becomes ``***``.

Comes in: values that must not be seen, and texts on their way out. A value is found as it is and as
JSON, Python, URLs, HTML, SQL and a shell spell it, also mixed and twice over, broken over lines,
backwards, in hexadecimal, and in base64 (inside a longer one too, as in a basic-auth header).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from html.entities import codepoint2name
from typing import Any, TypeVar

from pypeline.core.secret import HIDDEN

SHORTEST = 4
"""Characters; to hide a shorter value would hide half of every text."""
_LINE = 8
"""Characters from which on one line of a value of several lines is hidden on its own."""
_PIECE = 64
"""Characters; a longer line is hidden piece by piece."""
_CORE = 6
_GAP = r"(?:\s|\\+[nrt]|%0[AaDd])*"
_GAPS = re.compile(r"\s+")
_RUNS = re.compile(r"[A-Za-z0-9]+")
_TEXTS = frozenset({"message", "error", "reason", "uri", "mend", "detail", "causes"})
"""Fields of events and errors that hold texts; others hold ids and paths of our own making."""
_T = TypeVar("_T")


class Net:
    """Knows values and hides them. Without a value it costs nothing."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._signs: tuple[str, ...] = ()
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> None:
        """From now on hide ``value``, and each longer line of it."""
        wanted = set(_parts(value))
        if wanted <= self._known:
            return
        self._known |= wanted
        known = sorted(self._known, key=len, reverse=True)
        cores = sorted({core for part in known for core in _base64_cores(part)}, key=len, reverse=True)
        # a text without any of these holds no value: most texts are let through by that alone
        self._signs = tuple({_sign(part) for part in known} | {_sign(part[::-1]) for part in known} | {core[:_CORE] for core in cores})
        patterns = [_GAP.join(map(_character, text)) for part in known for text in (part, part[::-1])]
        patterns += [f"(?i:{_GAP.join(data.hex())})" for part in known for data in _encoded(part)]
        patterns += [rf"[\w+/-]?{_GAP.join(map(re.escape, core))}{_GAP}[\w+/-]?={{0,2}}" for core in cores]
        self._signs += tuple(data.hex()[:_CORE] for part in known for data in _encoded(part))
        self._pattern = re.compile("|".join(patterns))

    def hide(self, text: str) -> str:
        """``text`` with every known value as ``***``."""
        if self._pattern is None or not text:
            return text
        small = _GAPS.sub("", text).casefold()
        if not any(sign.casefold() in small for sign in self._signs) and "%" not in text and "\\" not in text and "&" not in text:
            return text
        return self._pattern.sub(HIDDEN, text)

    def cleaned(self, record: _T) -> _T:
        """An event or an error with the texts in it cleaned."""
        if self._pattern is None or not is_dataclass(record) or isinstance(record, type):
            return record
        changes = {f.name: self.within(getattr(record, f.name)) for f in fields(record) if f.name in _TEXTS}
        return replace(record, **changes)

    def within(self, value: Any) -> Any:
        """Plain data with the texts in it cleaned; keys stay, and so does ``value`` itself."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, list | tuple):
            return type(value)(self.within(each) for each in value)
        if isinstance(value, Mapping):
            return {key: self.within(each) for key, each in value.items()}
        return self.cleaned(value)


def _parts(value: str) -> Iterator[str]:
    """What of ``value`` is hidden on its own: all of it, or its lines, or pieces of long lines."""
    if len(value.strip()) >= SHORTEST and len(value) <= _PIECE:
        yield value.strip()
    lines = [line.strip() for line in value.splitlines()]
    for line in lines:
        if len(line) < _LINE:
            continue
        starts = range(0, max(1, len(line) - _LINE), _PIECE)
        yield from (line[start : start + _PIECE] if start != starts[-1] else line[start:] for start in starts)


def _sign(text: str) -> str:
    """The longest plain part of ``text``: every spelling but the encodings leaves it as it is."""
    return _GAPS.sub("", max(_RUNS.findall(text), key=len, default=""))


def _character(character: str) -> str:
    """All usual spellings of one character, as a pattern."""
    if character.isspace() and character.isascii():
        return r"(?:\s|\\+[nrtuU0-9a-fvx]+|%[0-9A-Fa-f]{2}|\+|&#\d+;)"
    if character.isalnum() and character.isascii():
        return character
    code = ord(character)
    data = character.encode(errors="replace")
    spelled = ["".join(f"%{byte:02x}" for byte in data), rf"%{code:02x}", rf"\\+u{code:04x}", rf"\\+x{code:02x}", "".join(rf"\\+x{byte:02x}" for byte in data)]
    spelled += [f"&#{code};", f"&#x{code:x};"]
    if code > 0xFFFF:
        high, low = divmod(code - 0x10000, 0x400)
        spelled += [rf"\\+u{high + 0xD800:04x}\\+u{low + 0xDC00:04x}", rf"\\+u{code:08x}"]
    if code in codepoint2name:
        spelled.append(f"&{codepoint2name[code]};")
    if character == "\b":
        spelled.append(r"\\+b")
    if character == "'":
        spelled += ["'+\"'\"'+", "''"]
    # behind any number of backslashes
    itself = rf"\\*{re.escape(character)}" if character != "\\" else r"\\+"
    return f"(?:(?i:{'|'.join(spelled)})|{itself})"


def _base64_cores(value: str) -> Iterator[str]:
    """What stays of the base64 of ``value`` wherever it stands inside a longer text."""
    for data in _encoded(value):
        for offset in range(3):
            first, last = (0, 2, 3)[offset], (offset + len(data)) * 8 // 6
            core = base64.b64encode(b"\0" * offset + data)[first:last].decode()
            if len(core) >= _CORE:
                yield core
                yield core.replace("+", "-").replace("/", "_")
        if len(data) < _CORE:
            yield base64.b64encode(data).decode().rstrip("=")


def _encoded(value: str) -> Iterator[bytes]:
    yield value.encode(errors="replace")
    # what HTTP libraries make of user and password
    if not value.isascii() and (old := value.encode("latin-1", "ignore")).decode("latin-1") == value:
        yield old
