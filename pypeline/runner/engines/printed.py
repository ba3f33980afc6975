"""What a worker's modules print: lines out of a pipe, read when there are any and when they are wanted.

When those who write the lines down are behind, the pipe is left to fill up: the module that talks so
much waits, and no memory grows.
"""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Callable
from typing import IO

_CHUNK = 1 << 16
_PAUSE = 0.05
"""Seconds until a pipe that was left alone is looked at again."""


class Printed:
    """One pipe. ``on_line(stream, text)`` gets whole lines, and pieces of very long ones."""

    def __init__(self, stream: str, pipe: IO[bytes], on_line: Callable[[str, str], None], throttle: Callable[[], bool]) -> None:
        """Read ``pipe`` in the running loop from now on."""
        self._stream = stream
        self._pipe = pipe
        self._number = pipe.fileno()
        self._on_line = on_line
        self._throttle = throttle
        self._rest = bytearray()
        self._loop = asyncio.get_running_loop()
        self._closed = False
        os.set_blocking(self._number, False)
        self._listen()

    def drain(self) -> None:
        """Take all that is there now."""
        poll = select.poll()
        poll.register(self._number, select.POLLIN)
        while poll.poll(0) and self._take():
            pass

    def close(self) -> None:
        """Let go of the pipe."""
        self._closed = True
        self._loop.remove_reader(self._number)
        self._pipe.close()

    def _listen(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._number, self._readable)

    def _readable(self) -> None:
        if self._throttle():
            self._loop.remove_reader(self._number)
            self._loop.call_later(_PAUSE, self._listen)
        elif not self._take():
            self._loop.remove_reader(self._number)

    def _take(self) -> bool:
        """Read once; False at the end of the pipe."""
        try:
            data = os.read(self._number, _CHUNK)
        except BlockingIOError:
            return True
        self._rest += data
        *whole, last = bytes(self._rest).split(b"\n")
        if len(last) > _CHUNK or not data:
            whole.append(last)
            last = b""
        self._rest[:] = last
        for line in whole:
            if text := line.decode(errors="replace").rstrip("\r"):
                self._on_line(self._stream, text)
        return bool(data)
