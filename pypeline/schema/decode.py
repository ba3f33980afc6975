"""Bytes → text: UTF-8 only, the byte order mark kept, and no character that no text holds."""

from __future__ import annotations

import re

from pypeline.schema.problems import Place, Problem

BOM = "\ufeff"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_CONTROL_BYTE = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_HEAD = 4096
_OTHER_MARKS = {b"\xff\xfe\x00\x00": "UTF-32", b"\x00\x00\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def decode(data: bytes | str, file: str = "") -> tuple[str, Problem | None]:
    """The text, or the reason why it is none. Text passes the check for control characters only."""
    if isinstance(data, bytes):
        for mark, name in _OTHER_MARKS.items():
            if data.startswith(mark):
                return "", Problem("PYE103", f"the file is {name}, not UTF-8", Place(file, 1, 1), "Save it as UTF-8.")
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            return "", _undecodable(data, error.start, file)
    else:
        text = data
    found = _CONTROL.search(text)
    if found is None:
        return text, None
    line, column = position(text, found.start())
    message = f"control character U+{ord(found.group()):04X} at line {line} col {column}"
    return "", Problem("PYE104", message, Place(file, line, column), 'Delete it, or write it as an escape in double quotes ("\\x00").')


def _undecodable(data: bytes, at: int, file: str) -> Problem:
    control = _CONTROL_BYTE.search(data, 0, _HEAD)
    if control is not None:
        first = min(control.start(), at)
        message = f"not a text file (byte 0x{data[first]:02X} at offset {first})"
        return Problem("PYE102", message, Place(file), "Give the path of a flow file, which is YAML text.")
    line, column = position(data[:at].decode("utf-8"), at=None)
    message = f"not UTF-8 at line {line} col {column} (byte 0x{data[at]:02X})"
    return Problem("PYE103", message, Place(file, line, column), "Save the file as UTF-8.")


def position(text: str, at: int | None) -> tuple[int, int]:
    """1-based line and column of the character at ``at`` (None: of the text's end)."""
    before = (text if at is None else text[:at]).removeprefix(BOM)
    lines = re.split("\r\n|\r|\n", before)
    return len(lines), len(lines[-1]) + 1
