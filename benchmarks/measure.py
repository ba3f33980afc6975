"""One command as a whole tree of processes: processor seconds, wall seconds, peak memory.

In: a command. Out: a :class:`Measured`. Processor time is user and system time of the process and of
everything it started, as the kernel sums it when they are waited for. Memory is the highest sum of
resident memory of all of them at one moment, looked at every 10 ms; pages that two of them share
count twice. Use it from a process that has no other children.
"""

from __future__ import annotations

import compileall
import ctypes
import os
import resource
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

LOOK_EVERY = 0.01
_BECOME_REAPER = 36
"""Linux' PR_SET_CHILD_SUBREAPER: what outlives the command becomes our child, and is counted."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Measured:
    """``cpu`` and ``wall`` in seconds, ``memory`` in bytes; ``exit_code`` is negative for a signal."""

    cpu: float
    wall: float
    memory: int
    exit_code: int
    output: str


class DidNotRun(Exception):
    """A measured command failed, so that its figures mean nothing."""


def compile_project() -> None:
    """Compile our code, as an installation has it: where no bytecode may be written, an edited source tree would be
    compiled anew at every start, and that be taken for our time."""
    compileall.compile_dir(ROOT / "pypeline", quiet=1)


def measure(command: Sequence[str], *, folder: Path | None = None, env: Mapping[str, str] | None = None, most: float = 600.0) -> Measured:
    """Run ``command`` to its end and that of all it started.

    Args:
        folder: where it runs.
        env: variables on top of this process's.
        most: seconds after which it is killed.

    Raises:
        DidNotRun: it ended with another code than 0.
    """
    ctypes.CDLL(None).prctl(_BECOME_REAPER, 1, 0, 0, 0)
    over = threading.Event()
    highest = [0]

    def look() -> None:
        while not over.wait(LOOK_EVERY):
            highest[0] = max(highest[0], sum(map(_resident, _descendants(os.getpid()))))

    watcher = threading.Thread(target=look, daemon=True)
    before = _children_cpu()
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        watcher.start()
        late = threading.Timer(most, os.killpg, (process.pid, signal.SIGKILL))
        late.start()
        output, _ = process.communicate()
        wall = time.perf_counter() - began
        late.cancel()
    _reap()
    over.set()
    watcher.join()
    done = Measured(_children_cpu() - before, wall, highest[0], process.returncode, output.decode("utf-8", "replace"))
    if done.exit_code:
        raise DidNotRun(f"{' '.join(command)}\nended with {done.exit_code}:\n{done.output[-2000:]}")
    return done


def interleaved(tasks: Mapping[str, Callable[[], Measured]], repeats: int | Mapping[str, int]) -> dict[str, list[Measured]]:
    """Every task once, then every task again, …: what slows the machine for a while slows all of them."""
    wanted = {name: repeats if isinstance(repeats, int) else repeats[name] for name in tasks}
    found: dict[str, list[Measured]] = {name: [] for name in tasks}
    for turn in range(max(wanted.values())):
        for name, task in tasks.items():
            if turn < wanted[name]:
                found[name].append(task())
    return found


def median(values: Iterable[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reap() -> None:
    """Wait for what outlived the command."""
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _descendants(parent: int) -> list[int]:
    found: list[int] = []
    waiting = [parent]
    while waiting:
        number = waiting.pop()
        try:
            for task in os.scandir(f"/proc/{number}/task"):
                children = [int(word) for word in Path(task.path, "children").read_text("ascii").split()]
                found += children
                waiting += children
        except (OSError, ValueError):
            continue
    return found


def _resident(number: int) -> int:
    try:
        return int(Path(f"/proc/{number}/statm").read_text("ascii").split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0
