"""Events on disk: ``events.jsonl`` and the log, written behind the run's back by one thread.

In: events, in order, from the loop, which never waits for a disk. Out: lines appended in batches,
fsynced at the end. When the disk is slower than the modules talk, ``behind`` says so and the engine
stops reading their output until it is not: memory stays bounded. A write that fails stops the run.
"""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from pypeline.core.events import RunEvent, to_json
from pypeline.runner.logs import LogWriter, private_file
from pypeline.runner.store.atomic import failure
from pypeline.schema.problems import PypeError

PAUSE = 0.1
"""Seconds between two batches."""
BACKLOG = 10_000
"""Events waiting, from which on modules have to wait too."""
_SPELL = json.JSONEncoder(ensure_ascii=False, default=str).encode


class EventFile:
    """A subscriber. ``renew`` is called about every half minute: the attempt's sign of life.

    ``on_error`` is called once, in the writing thread, when the disk refuses.
    """

    def __init__(self, path: Path, logs: Sequence[LogWriter], *, renew: Callable[[], None], on_error: Callable[[PypeError], None]) -> None:
        self._path = path
        self._file = private_file(path)
        self._logs = logs
        self._renew = renew
        self._on_error = on_error
        self._queue: deque[RunEvent] = deque()
        self._wake = threading.Event()
        self._over = False
        self.error: PypeError | None = None
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def __call__(self, event: RunEvent) -> None:
        self._queue.append(event)

    def behind(self) -> bool:
        """Whether more waits to be written than should."""
        return len(self._queue) > BACKLOG

    def close(self) -> None:
        """Write what is left, make it durable, and end. Called once."""
        self._over = True
        self._wake.set()
        self._thread.join()
        for log in self._logs:
            self._guarded(log.close)
        self._guarded(self._file.close)

    def _run(self) -> None:
        rounds = 0
        while not self._over:
            self._wake.wait(PAUSE)
            self._guarded(self._write)
            rounds += 1
            if rounds % 300 == 0:
                self._guarded(self._renew)
        self._guarded(self._write)
        self._guarded(lambda: os.fsync(self._file.fileno()))

    def _write(self) -> None:
        batch = [self._queue.popleft() for _ in range(len(self._queue))]
        if not batch:
            return
        self._file.write("".join(_SPELL(to_json(event)) + "\n" for event in batch))
        self._file.flush()
        for log in self._logs:
            for event in batch:
                log(event)
            log.flush()

    def _guarded(self, work: Callable[[], None]) -> None:
        if self.error is not None:
            self._queue.clear()
            return
        try:
            work()
        except OSError as error:
            self.error = failure(error, self._path)
            self._on_error(self.error)
