"""The worker protocol: JSON objects in length-prefixed frames on one inherited socket.

Host to worker: ``hello · run · wait · cancel · release · bind · preview · check · evaluate · sniff · told · bye``;
worker to host: ``hello · event · result · ask · beat · bye`` (a module asks for a secret and is told it). A request carries an ``id``; its one
``result`` carries the same. The end of the stream means that the other side is gone. Tables never
travel here: they are Arrow files in the private run folder, and the frame names them.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from pypeline.schema.problems import Problem, PypeError

VERSION = 1
HEARTBEAT = 1.0
"""Seconds between two ``beat`` frames of a worker."""
MAX_FRAME = 256 * 2**20
"""Bytes; a longer frame is a broken stream, never a reason to allocate."""

Message = dict[str, Any]
_LENGTH = struct.Struct(">I")
_SPELL = json.JSONEncoder(separators=(",", ":")).encode


class BrokenStreamError(Exception):
    """What came in is no frame of this protocol."""


def encode(message: Mapping[str, Any]) -> bytes:
    """``message`` as one frame.

    Raises:
        BrokenStreamError: it is longer than a frame may be.
        TypeError: it holds something JSON cannot say.
    """
    body = _SPELL(message).encode()
    if len(body) > MAX_FRAME:
        raise BrokenStreamError(f"a frame of {len(body):,} bytes is longer than {MAX_FRAME:,}")
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Bytes in, in any pieces; whole messages out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that ``data`` completes.

        Raises:
            BrokenStreamError: the stream holds something else than frames.
        """
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MAX_FRAME:
                raise BrokenStreamError(f"a frame of {length:,} bytes is longer than {MAX_FRAME:,}")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            try:
                message = json.loads(body)
            except ValueError as error:
                raise BrokenStreamError(f"a frame is not JSON: {error}") from error
            if not isinstance(message, dict) or not isinstance(message.get("op"), str):
                raise BrokenStreamError("a frame names no operation")
            yield message


class Channel:
    """A blocking end of the stream, as the worker holds it. Any thread may send."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._poll = select.poll()
        self._poll.register(end, select.POLLIN)
        self._lock = threading.Lock()
        self._decoder = Decoder()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one message; raises OSError when the other side is gone."""
        frame = encode(message)
        with self._lock:
            self._socket.sendall(frame)

    def receive(self, timeout: float) -> list[Message] | None:
        """Messages that arrived within ``timeout`` seconds (perhaps none), or None at the end of the stream.

        Raises:
            BrokenStreamError: the stream holds something else than frames.
        """
        try:
            # not settimeout: that would cut a send of another thread short
            if not self._poll.poll(timeout * 1000):
                return []
            data = self._socket.recv(1 << 16)
        except OSError:
            return None
        return list(self._decoder.feed(data)) if data else None


def check_version(message: Mapping[str, Any]) -> None:
    """Refuse a ``hello`` of another version.

    Raises:
        PypeError: PYE450.
    """
    version = message.get("version")
    if message.get("op") != "hello" or version != VERSION:
        raise PypeError(
            Problem(
                "PYE450",
                f"the worker speaks protocol version {version!r}, this program speaks {VERSION}",
                mend="PYpeline was probably updated while it ran: start it again.",
                phase="run",
            ),
        )
