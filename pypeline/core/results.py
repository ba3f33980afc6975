"""What running something gave: results of tasks and modules, hand-over tables, errors with a cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from pypeline.core.columns import Schema
from pypeline.schema.problems import sentence
from pypeline.schema.record import record

State = Literal["pending", "running", "completed", "failed", "cancelled"]
TERMINAL: frozenset[State] = frozenset({"completed", "failed", "cancelled"})
NEUTRAL = frozenset({"valve_closed", "gate_unmet", "disabled", "not_needed"})
"""Reasons with which a cancelled branch is no harm: it does not count against a handler (control rule 12)."""

FAILURE_GLOBALS = ("error_message", "error_code")
"""Globals that a module which failed leaves for those that handle it; null after one that did not."""


@record(quick=True)
class ErrorInfo:
    """A failure as data: PYE ``code``, exception ``type``, one-line ``message``, the ``module`` and
    ``column`` it belongs to where known, a ``mend``, and the chain of ``causes`` (outermost first).
    ``kinds`` are the names that ``retry_on`` may call it by: its classes, an exit code. ``frame`` and
    ``attempt_no`` say in which pass of a loop and in which try it happened; empty and 0 outside a run. ``exit_code`` is the one that whoever failed
    wants a process to end with, 0 without a wish."""

    code: str
    type: str
    message: str
    module: str = ""
    column: str = ""
    mend: str = ""
    causes: tuple[str, ...] = ()
    detail: str = ""
    kinds: tuple[str, ...] = ()
    frame: str = ""
    attempt_no: int = 0
    exit_code: int = 0

    def line(self) -> str:
        """Code, message and mend as a line of a log."""
        return f"{self.code} {sentence(self.message)} {self.mend}".rstrip()


@record(quick=True)
class HandOver:
    """A table on disk that another task reads: private to the run folder."""

    path: str
    format: Literal["parquet", "arrow"]
    rows: int
    schema: Schema = ()
    bytes: int = 0


@record(quick=True)
class ModuleResult:
    """One module's record of one try. ``rows_out`` by output port, ``rows_in`` by link id."""

    module: str
    state: State
    reason: str = "ok"
    rows_in: Mapping[str, int] = field(default_factory=dict)
    rows_out: Mapping[str, int] = field(default_factory=dict)
    rejected: int = 0
    globals: Mapping[str, Any] = field(default_factory=dict)
    schemas: Mapping[str, Schema] = field(default_factory=dict)


@record(quick=True)
class TaskResult:
    """One try of a task. ``counts`` by port (``module.port``), ``outputs`` by port, ``previews`` by
    port as paths of Arrow files; seconds for times, bytes for memory."""

    task: str
    state: State
    reason: str = "ok"
    modules: tuple[ModuleResult, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    outputs: Mapping[str, HandOver] = field(default_factory=dict)
    previews: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    error: ErrorInfo | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss: int = 0
    host: str = ""
    pid: int = 0
    sql: str = ""
