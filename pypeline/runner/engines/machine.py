"""What this machine, or the container it is in, has to give: cpus, memory, and kills for want of memory."""

from __future__ import annotations

import os
from pathlib import Path

from pypeline.runner.tables.memory import limit

_CGROUP = Path("/sys/fs/cgroup")


def cpus() -> int:
    """Cores this process may use: its affinity, and the cgroup's quota rounded up."""
    own = len(os.sched_getaffinity(0))
    quota = _quota()
    return max(1, min(own, -int(-quota // 1))) if quota else max(1, own)


def memory() -> int:
    """Bytes this process may use: the machine's, or a cgroup's limit where that is lower."""
    return limit()


def gpus() -> tuple[str, ...]:
    """Ids of the graphics cards this process may use: those in ``CUDA_VISIBLE_DEVICES``, else all that the driver shows."""
    said = os.environ.get("CUDA_VISIBLE_DEVICES")
    if said is not None:
        return tuple(id.strip() for id in said.split(",") if id.strip() not in ("", "-1"))
    try:
        return tuple(str(number) for number in range(len(os.listdir("/proc/driver/nvidia/gpus"))))
    except OSError:
        return ()


def oom_kills() -> int:
    """How often the kernel has killed something in this cgroup for want of memory."""
    for name in ("memory.events", "memory/memory.oom_control"):
        for line in _lines(_CGROUP / name):
            key, _, value = line.partition(" ")
            if key == "oom_kill" and value.strip().isdigit():
                return int(value)
    return 0


def _quota() -> float:
    for line in _lines(_CGROUP / "cpu.max"):
        share, _, period = line.partition(" ")
        return int(share) / int(period) if share.isdigit() and period.isdigit() else 0.0
    share_us, period_us = _number(_CGROUP / "cpu/cpu.cfs_quota_us"), _number(_CGROUP / "cpu/cpu.cfs_period_us")
    return share_us / period_us if share_us and period_us and share_us > 0 else 0.0


def _number(path: Path) -> int:
    text = "".join(_lines(path)).strip()
    return int(text) if text.lstrip("-").isdigit() else 0


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
