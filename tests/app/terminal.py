"""A terminal to test with: a real pty, and a screen that follows what is written to it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

_STEP = re.compile(r"\x1b\[(\d*)([AJm])|\r|\n|[^\x1b\r\n]")


class Terminal:
    """Both ends of a pty. ``stream`` is what a program writes to; ``text`` all it wrote."""

    def __init__(self, columns: int, rows: int) -> None:
        self._own, self._program = pty.openpty()
        self.resize(columns, rows)
        self.stream: IO[str] = os.fdopen(self._program, "w", encoding="utf-8")
        self._bytes = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def resize(self, columns: int, rows: int) -> None:
        self.columns = columns
        fcntl.ioctl(self._own, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._own, 65536)
            except OSError:
                return
            self._bytes += piece

    def close(self) -> None:
        """The program is done; all it wrote has been read afterwards."""
        if self.stream.closed:
            return
        self.stream.close()
        self._thread.join(10)
        os.close(self._own)

    @property
    def text(self) -> str:
        return self._bytes.decode("utf-8", "ignore")

    @property
    def plain(self) -> str:
        """All that was written, without colours."""
        return re.sub(r"\x1b\[\d*m", "", self.text)

    def screen(self) -> list[str]:
        """The lines that stand there in the end. Knows what we use: colours, cursor up, clear downwards, wrapping."""
        lines, row, column = [""], 0, 0
        for found in _STEP.finditer(self.text):
            step, number, kind = found[0], int(found[1] or 1) if found[1] is not None else 1, found[2]
            if kind == "A":
                row = max(0, row - number)
            elif kind == "J":
                lines = [*lines[:row], lines[row][:column]]
            elif step == "\r":
                column = 0
            elif step == "\n":
                row += 1
            elif kind is None:
                if column == self.columns:
                    row, column = row + 1, 0
                while len(lines) <= row:
                    lines.append("")
                lines[row] = lines[row][:column].ljust(column) + step + lines[row][column + 1 :]
                column += 1
            while len(lines) <= row:
                lines.append("")
        return [line.rstrip() for line in lines]


@contextmanager
def terminal(columns: int = 100, rows: int = 30) -> Iterator[Terminal]:
    made = Terminal(columns, rows)
    try:
        yield made
    finally:
        made.close()
