"""Text files that the engine's reader cannot take as they are, made into ones it can.

In: a path and the reader's options. Out: the same path, or a UTF-8 copy in the private spill folder:
from another encoding, out of a zip archive, or without its footer lines.
"""

from __future__ import annotations

import codecs
import contextlib
import gzip
import io
import os
import tempfile
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from pypeline.schema.problems import Place, Problem, PypeError

NATIVE = frozenset({"utf-8", "latin-1", "utf-16"})
"""The encodings that the engine's reader knows."""

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NAMES = {"iso8859-1": "latin-1", "utf-8-sig": "utf-8", "utf_8_sig": "utf-8", "ascii": "utf-8"}


def encoding(options: Mapping[str, Any]) -> str:
    """The declared encoding under one name.

    Raises:
        PypeError: PYE405, there is no such encoding.
    """
    said = str(options.get("encoding") or "utf-8")
    try:
        # `hex` and `rot13` are codecs too, and none of text: they are not found here
        "".encode(said)
        name = codecs.lookup(said).name
    except (LookupError, ValueError):
        raise PypeError(
            Problem(
                "PYE405",
                f"there is no text encoding `{said}`",
                Place(path=("encoding",)),
                "Write for example utf-8, latin-1, windows-1252 or utf-16.",
                phase="run",
            )
        ) from None
    return _NAMES.get(name, name)


def byte_order_mark(path: str, options: Mapping[str, Any]) -> str | None:
    """The encoding that the first bytes of ``path`` announce, or None."""
    with open_bytes(path, options) as source:
        start = source.read(4)
    return next((name for mark, name in _MARKS if start.startswith(mark)), None)


def readable(path: str, options: Mapping[str, Any], spill: str, module: str) -> str:
    """``path``, or a copy that the reader understands.

    Raises:
        PypeError: PYE405 the bytes are not in the declared encoding, PYE406 the archive does not
            hold exactly one file.
    """
    footer = int(options.get("skip_footer", 0))
    archive = path.lower().endswith(".zip")
    if not archive and not footer and encoding(options) in NATIVE:
        return path
    handle, copy = tempfile.mkstemp(".csv", "text-", spill)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as target, open_text(path, options, module) as source:
        try:
            for chunk in _without_footer(source, footer) if footer else iter(lambda: source.read(1 << 20), ""):
                target.write(chunk)
        except UnicodeDecodeError as error:
            raise not_encoded(path, error, options, module) from error
    return copy


@contextlib.contextmanager
def open_text(path: str, options: Mapping[str, Any], module: str = "", errors: str = "strict") -> Iterator[IO[str]]:
    """``path`` as text, unpacked and decoded (``errors`` as Python's ``open``); line ends stay as they are."""
    with open_bytes(path, options, module) as raw:
        name = encoding(options)
        with io.TextIOWrapper(raw, encoding="utf-8-sig" if name == "utf-8" else name, errors=errors, newline="") as reader:
            yield reader


@contextlib.contextmanager
def open_bytes(path: str, options: Mapping[str, Any], module: str = "") -> Iterator[IO[bytes]]:
    """``path`` unpacked.

    Raises:
        PypeError: PYE406, it is not packed as its name says, or damaged, or an archive of several files.
    """
    try:
        with _unpacked(path, options, module) as source:
            yield source
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise _damaged(path, error, module) from error
    except OSError as error:
        if error.errno is not None:
            raise
        # what Arrow says of bytes that are no Zstandard
        raise _damaged(path, error, module) from error


@contextlib.contextmanager
def _unpacked(path: str, options: Mapping[str, Any], module: str) -> Iterator[IO[bytes]]:
    kind = str(options.get("compression", "auto"))
    lower = path.lower()
    if lower.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            if len(members) != 1:
                message = f"`{path}` holds {len(members)} files"
                raise PypeError(Problem("PYE406", message, Place(module=module), "Unpack it, or pack one file per archive.", phase="run"))
            with archive.open(members[0]) as member:
                yield member
    elif kind == "gzip" or (kind == "auto" and lower.endswith(".gz")):
        with gzip.open(path, "rb") as unpacked:
            yield unpacked  # type: ignore[misc]
    elif kind == "zstd" or (kind == "auto" and lower.endswith((".zst", ".zstd"))):
        import pyarrow as pa

        with pa.CompressedInputStream(pa.OSFile(path), "zstd") as stream:
            yield io.BufferedReader(_Raw(stream))
    else:
        with Path(path).open("rb") as plain:
            yield plain


def not_encoded(path: str, error: UnicodeDecodeError, options: Mapping[str, Any], module: str) -> PypeError:
    """The error for bytes that are not in the declared encoding."""
    byte = error.object[error.start]
    message = f"`{path}` holds the byte 0x{byte:02X}, which is not {options.get('encoding', 'utf-8')}"
    return PypeError(
        Problem(
            "PYE405", message, Place(module=module, path=("encoding",)), "Set `encoding` to the file's own, for example latin-1 or windows-1252.", phase="run"
        )
    )


def _damaged(path: str, error: Exception, module: str) -> PypeError:
    mend = "Pack it again, or set `compression` to what it is."
    return PypeError(Problem("PYE406", f"`{path}` cannot be unpacked: {error}", Place(module=module, path=("compression",)), mend, phase="run"))


class _Raw(io.RawIOBase):
    """An Arrow stream as Python's raw bytes."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _without_footer(source: IO[str], lines: int) -> Iterator[str]:
    held: deque[str] = deque()
    for line in source:
        held.append(line)
        if len(held) > lines:
            yield held.popleft()
