"""Live progress of a run: one line a module and a total with a bar, redrawn in place ten times a second.

In: run events. Out: text on a terminal, whose list of modules stays when the run has ended; where
there is none, a plain line for each module that has ended. Modules of one task share its time: the
first line shows it. It follows the terminal's size, obeys ``NO_COLOR`` and shows names with control
characters escaped. It knows no engine and never waits for the run.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Literal

from pypeline.app.cli.output import plural
from pypeline.app.cli.progress_line import Look
from pypeline.core.aligned import cut, width
from pypeline.core.events import FrameState, Log, ModuleState, Retry, RunEvent
from pypeline.core.figures import duration
from pypeline.core.plan import Plan
from pypeline.core.results import TERMINAL
from pypeline.core.watch import Watch

Level = Literal["DEBUG", "INFO", "WARN", "ERROR"]
PERIOD = 0.1
PLAIN_WIDTH = 160
"""Columns of a line where there is no terminal."""
SELDOM = 5.0
"""Seconds between two lines about a loop, where there is no terminal."""
MOST_FAILED = 10
"""So many failed frames of a module have a line each there."""
_LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")
_FAILURE = re.compile(r"PYE\d{3} ")


@contextmanager
def progress(plan: Plan, stream: IO[str], level: str = "WARN") -> Iterator[Callable[[RunEvent], None]]:
    """A subscriber that shows the run of ``plan`` on ``stream`` while the block lasts; log lines from ``level`` on stand above it."""
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield Lines(plan, stream, level)
        return
    live = Live(plan, stream, level)
    live.start()
    try:
        yield live
    finally:
        live.stop()


def shown_in(stream: IO[str], out: IO[str]) -> bool:
    """Whether who reads ``out`` has just read the progress on ``stream`` there: both are one terminal, or one file."""
    try:
        return os.path.sameopenfile(stream.fileno(), out.fileno())
    except (OSError, ValueError):
        return False


class Lines:
    """Progress for a file or a pipe: a line per module when it has ended, and the log lines.

    The frames of a loop are folded: a line now and then, one for each of its modules at its end, and
    the first frames that failed."""

    def __init__(self, plan: Plan, stream: IO[str], level: str) -> None:
        self.look = Look(plan, stream)
        self.stream = stream
        self.level = level
        self.watch = Watch()
        self._failed: Counter[str] = Counter()
        self._idle: set[str] = set()
        self._told = time.monotonic()

    def __call__(self, event: RunEvent) -> None:
        self.watch.feed((event,))
        if isinstance(event, ModuleState) and event.state in TERMINAL:
            if event.frame.endswith("--"):
                # an inner loop without items: told once, however many passes of the outer one say so
                self._idle.add(event.module)
            elif event.module not in self.look.loops or event.frame == "-":
                self._say(self.look.module(event.module, self.watch, event.time, PLAIN_WIDTH))
            elif event.state == "failed" and event.reason != "task_failed" and self._failed[event.module] < MOST_FAILED:
                self._failed[event.module] += 1
                why = event.error.message if event.error else event.reason
                self._say(self.look.failed_frame(event.module, event.frame, why, PLAIN_WIDTH))
        elif isinstance(event, FrameState):
            self._loop(event)
        elif (log := heard(event)) is not None and loud(log, self.level):
            self._say(self.look.log(log))

    def _loop(self, event: FrameState) -> None:
        if "-" not in event.frame and event.state in TERMINAL and event.done == event.total:
            for id in self.look.within(event.valve):
                if id in self.watch.modules and (id in self._idle or self.watch.modules[id].frames.begun):
                    self._say(self.look.module(id, self.watch, event.time, PLAIN_WIDTH))
        elif time.monotonic() - self._told > SELDOM:
            self._say(self.look.loop(event.valve, self.watch))

    def _say(self, line: str) -> None:
        self._told = time.monotonic()
        print(line, file=self.stream, flush=True)


class Live:
    """Progress on a terminal. Events come from the run's thread, frames from a thread of its own."""

    def __init__(self, plan: Plan, stream: IO[str], level: str) -> None:
        self.look = Look(plan, stream)
        self.stream = stream
        self.level = level
        self.order = [id for task in plan.order for id in plan.tasks[task].modules]
        self.watch = Watch()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._logs: list[Log] = []
        self._drawn: list[str] = []
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def __call__(self, event: RunEvent) -> None:
        with self._lock:
            self.watch.feed((event,))
            log = heard(event)
            if log is not None and loud(log, self.level):
                self._logs.append(log)

    def start(self) -> None:
        """Begin to draw."""
        self._thread.start()

    def stop(self) -> None:
        """Draw no more, and leave the log lines and the list of modules, all of them."""
        self._over.set()
        self._thread.join()
        with self._lock:
            columns, _ = self._size()
            listed = self.order if self.watch.state != "pending" else []
            self._write([self.look.module(id, self.watch, time.time(), columns) for id in listed], columns)
            self._drawn = []

    def _run(self) -> None:
        while not self._over.wait(PERIOD):
            with self._lock:
                columns, rows = self._size()
                self._write(self._frame(columns, rows), columns)

    def _size(self) -> tuple[int, int]:
        try:
            size = os.get_terminal_size(self.stream.fileno())
        except OSError:
            return 80, 24
        return size.columns or 80, size.lines or 24

    def _write(self, lines: list[str], columns: int) -> None:
        """Replace what was drawn by ``lines``, log lines first; one write, so that nothing flickers."""
        # a terminal made narrower has wrapped our lines: count the rows they take now
        taken = sum(max(1, -(-_shown(line) // columns)) for line in self._drawn)
        logs, self._logs = self._logs, []
        text = "".join(f"{line}\n" for line in [*(self.look.log(event) for event in logs), *lines])
        if not text and not taken:
            return
        self.stream.write((f"\x1b[{taken}A\r\x1b[J" if taken else "") + text)
        self.stream.flush()
        self._drawn = lines

    def _frame(self, columns: int, rows: int) -> list[str]:
        if self.watch.state == "pending":
            return []
        now = time.time()
        room = max(1, rows - 3)
        shown = self.order if len(self.order) <= room else self._chosen(room - 1)
        lines = [self.look.module(id, self.watch, now, columns) for id in shown]
        if len(shown) < len(self.order):
            lines.append(cut(f"  … and {plural(len(self.order) - len(shown), 'module')} more", columns - 1))
        return [*lines, self._total(columns)]

    def _chosen(self, room: int) -> list[str]:
        """What most wants to be seen when there are more modules than lines: failed, running, the newest ended, the next to come."""
        rank = {"failed": 0, "running": 1, "completed": 2, "cancelled": 2, "pending": 3}

        def key(id: str) -> tuple[int, float]:
            seen = self.watch.modules.get(id)
            return (rank[seen.state], -seen.ended) if seen else (3, 0.0)

        chosen = set(sorted(self.order, key=key)[:room])
        return [id for id in self.order if id in chosen]

    def _total(self, columns: int) -> str:
        tally = self.watch.tally()
        over = sum(self.look.over(id, self.watch) for id in self.watch.modules)
        share = sum(self.look.share(id, self.watch) for id in self.watch.modules)
        total = max(self.watch.total, len(self.order), 1)
        spent = self.watch.seconds or max(0.0, time.time() - self.watch.started)
        parts = [f"{over}/{total} modules", duration(spent)]
        parts += [f"{tally['failed']} failed"] if tally.get("failed") else []
        return self.look.total(share / total, " · ".join(parts), self.watch.state, columns)


def heard(event: RunEvent) -> Log | None:
    """What is worth a line on the screen. A failure stands in the list and at the end, so only one that is tried again is told here."""
    if isinstance(event, Retry):
        why = f": {event.error.code} {event.error.message}" if event.error else ""
        text = f"try {event.attempt_no - 1} failed{why}; the next follows in {duration(event.delay)}"
        return Log(run=event.run, attempt=event.attempt, time=event.time, level="WARN", message=text, node_id=event.task)
    if isinstance(event, Log) and not (event.level == "ERROR" and _FAILURE.match(event.message)):
        return event
    return None


def loud(event: Log, level: str) -> bool:
    """Whether a log line is at ``level`` or above."""
    return _LEVELS.index(event.level) >= _LEVELS.index(level)


def _shown(line: str) -> int:
    """Columns of a line of ours: its colour codes take none."""
    plain, rest = "", line
    while rest:
        before, found, rest = rest.partition("\x1b[")
        plain += before
        rest = rest.partition("m")[2] if found else ""
    return width(plain)
