"""How much memory this process has and may have, in bytes; a cgroup's limit counts as the machine's."""

from __future__ import annotations

import os
from pathlib import Path

_UNLIMITED = 1 << 60


def limit() -> int:
    """The memory this process may use: the smallest of the machine's and its cgroups' limits."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *_cgroup_limits()])


def used() -> int:
    """The resident memory of this process."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def share() -> float:
    """The part of the limit in use, 0 to 1."""
    return used() / limit()


def _cgroup_limits(proc: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> list[int]:
    """Limits set on this process's cgroup and its parents, of version 2 and of version 1."""
    found = []
    try:
        lines = proc.read_text("ascii").splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            found += _along(root, root / path.lstrip("/"), "memory.max") + _along(root / "unified", root / "unified" / path.lstrip("/"), "memory.max")
        elif "memory" in controllers.split(","):
            base = root / "memory"
            found += _along(base, base / path.lstrip("/"), "memory.limit_in_bytes")
    return found


def _along(top: Path, folder: Path, name: str) -> list[int]:
    found = []
    for place in (folder, *folder.parents):
        try:
            value = (place / name).read_text("ascii").strip()
        except OSError:
            value = "max"
        if value != "max" and int(value) < _UNLIMITED:
            found.append(int(value))
        if place == top:
            break
    return found
