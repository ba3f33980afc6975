"""Reading a small file that anybody may have put there: a job's, a registry, a context.

In: a path. Out: its bytes, or JSON data. A pipe is not waited for, a device not read to its end, a
huge file not taken into memory, and brackets without end are an error like any other.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

MOST = 64 * 2**20
"""Bytes of the largest file that is taken."""


def read_bytes(path: Path, most: int = MOST) -> bytes:
    """The content of the regular file ``path``.

    Raises:
        OSError: it cannot be read, is no regular file, or has more than ``most`` bytes.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        if found.st_size > most:
            raise OSError(errno.EFBIG, f"it is larger than {most >> 20} MiB", str(path))
        return file.read(most)


def parse_json(text: str | bytes, **more: Any) -> Any:
    """``text`` as JSON; ``more`` as for :func:`json.loads`.

    Raises:
        ValueError: it is none, or nested deeper than anything of ours.
    """
    try:
        return json.loads(text, **more)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
