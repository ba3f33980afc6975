"""Who runs an attempt, and is it still alive?

The owner's record names host, boot, process and the moment that process began, so that a reused
process number is never taken for the owner. On another host only the record's age can tell.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pypeline.runner.store import foreign

LEASE = 600.0
"""Seconds after its last sign of life that an owner on another host counts as lost."""
RENEW = 30.0
"""Seconds between two signs of life."""


def owner() -> dict[str, Any]:
    """This process, as an owner's record."""
    return {"host": socket.gethostname(), "boot": _boot(), "pid": os.getpid(), "began": began(os.getpid())}


def alive(record: Path) -> bool:
    """Whether the owner named in ``record`` still runs. Without a record, whether its folder is so new
    that the record may still be on its way."""
    try:
        data = foreign.parse_json(foreign.read_bytes(record))
        age = time.time() - record.stat().st_mtime
    except FileNotFoundError:
        return time.time() - record.parent.stat().st_mtime < RENEW
    except (OSError, ValueError):
        return False
    if not isinstance(data, Mapping) or not isinstance(data.get("pid"), int):
        return False
    if data.get("host") != socket.gethostname():
        return age < LEASE
    found = began(data["pid"])
    return data.get("boot") == _boot() and found is not None and found == data.get("began")


def began(pid: int) -> int | None:
    """When process ``pid`` started, in clock ticks since boot; None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    # field 3 is the state, and a zombie has ended; field 22 is the start time
    return None if fields[0] in "ZX" else int(fields[19])


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
