"""Log lines out of run events: JSON for programs, text for people.

A line says time, level, run, attempt, node_id and message. Control characters come out as escapes;
secrets have been hidden in the events.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TextIO

from pypeline.core import events as ev
from pypeline.schema.problems import Place, Problem, PypeError, printable

Level = Literal["DEBUG", "INFO", "WARN", "ERROR"]
LEVELS: Mapping[str, int] = {"DEBUG": 10, "INFO": 20, "WARN": 30, "ERROR": 40}
_SECRET_WORDS = ("password", "passwd", "secret", "token", "apikey", "api_key", "credential", "private_key")


def line_of(event: ev.RunEvent) -> tuple[Level, str, str] | None:
    """Level, node id and message of an event; None for one that is no line."""
    if isinstance(event, ev.Log):
        return event.level, event.node_id, event.message
    if isinstance(event, ev.ModuleState) and event.state != "running":
        rows = sum(event.rows_out.values())
        counted = f", {rows:,} rows" if event.rows_out else ""
        took = f" in {event.seconds:.2f} s" if event.state == "completed" else ""
        why = f" ({event.reason})" if event.reason not in ("", "ok") else ""
        level: Level = "ERROR" if event.state == "failed" else "INFO"
        return level, f"{event.module}#{event.frame}", f"{event.state}{why}{took}{counted}"
    if isinstance(event, ev.Retry):
        return "WARN", f"{event.task}#0", f"try {event.attempt_no} follows in {event.delay:g} s"
    if isinstance(event, ev.ValveResolved):
        return (
            "DEBUG",
            f"{event.source}#0",
            f"control link to {event.target} is {'open' if event.open else 'closed'}{f' ({event.reason})' if event.reason else ''}",
        )
    if isinstance(event, ev.RunStarted):
        return "INFO", "", f"run of {event.flow} started: {event.modules} modules in {event.tasks} tasks"
    if isinstance(event, ev.RunEnded):
        return ("INFO" if event.state == "completed" else "ERROR"), "", f"run {event.state} ({event.reason}) in {event.seconds:.2f} s"
    return None


class LogWriter:
    """Writes lines of at least ``level`` to one place, in one format."""

    def __init__(self, out: TextIO, *, level: str = "INFO", format: Literal["json", "text"] = "json", own: bool = False) -> None:
        self._out = out
        self._floor = LEVELS[level]
        self._text = format == "text"
        self._own = own

    def __call__(self, event: ev.RunEvent) -> None:
        line = line_of(event)
        if line is None or LEVELS[line[0]] < self._floor:
            return
        level, node, message = line
        self._out.write((as_text if self._text else as_json)(event, level, node, message))

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> None:
        """Flush, and close the place if it is this writer's own."""
        self._out.flush()
        if self._own:
            self._out.close()


def as_json(event: ev.RunEvent, level: str, node: str, message: str) -> str:
    """One JSON object and a line feed."""
    stamp = datetime.fromtimestamp(event.time, UTC).isoformat(timespec="milliseconds")
    line = {"time": stamp, "level": level, "run": event.run, "attempt": event.attempt, "node_id": node, "message": message}
    return json.dumps(line, ensure_ascii=False) + "\n"


def as_text(event: ev.RunEvent, level: str, node: str, message: str) -> str:
    """One line for a person: local time, level, node, message."""
    stamp = datetime.fromtimestamp(event.time).astimezone().strftime("%H:%M:%S")
    where = f"{node}: " if node else ""
    return printable(f"{stamp} {level:<5} {where}{message}").replace("\n", "\\n") + "\n"


def secrets_in(env: Mapping[str, str]) -> list[str]:
    """Values of variables whose names say that they are secret."""
    return [value for name, value in env.items() if len(value) >= 4 and any(word in name.casefold() for word in _SECRET_WORDS)]


def writers(destinations: Iterable[str], folder: Path, *, level: str, format: str) -> list[LogWriter]:
    """Writers for a flow's ``logging.destinations``: ``stderr``, ``stdout`` or paths from ``folder``.

    Raises:
        PypeError: PYE504, a file cannot be opened.
    """
    made = []
    for name in destinations:
        stream: Any = {"stderr": sys.stderr, "stdout": sys.stdout}.get(name)
        own = stream is None
        if own:
            stream = private_file(folder / name)
        text = format == "text" or (format == "auto" and not own and stream.isatty())
        made.append(LogWriter(stream, level=level, format="text" if text else "json", own=own))
    return made


def private_file(path: Path) -> TextIO:
    """A log file that only its owner reads, open for appending.

    Raises:
        PypeError: PYE504, it cannot be opened.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        message = f"cannot write `{path}`: {error.strerror}"
        raise PypeError(Problem("PYE504", message, Place(file=str(path)), "Check the permissions of the folder and the disk.", phase="run")) from error
    return open(handle, "a", encoding="utf-8", errors="backslashreplace")
