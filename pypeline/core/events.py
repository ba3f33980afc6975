"""Run events: the one stream that canvas, progress, log, run folder and programs all read.

An event is frozen data with a ``kind``; :func:`to_json` and :func:`from_json` are its only
spellings. ``time`` is seconds since the epoch (UTC), ``v`` the version of the vocabulary, ``frame``
the pass of a loop (``"3"``, nested ``"3-0"``; ``"0"`` outside loops). A reader ignores kinds and keys
it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, field, fields, is_dataclass
from typing import Any, ClassVar, Literal

from pypeline.core.plain import PLAIN
from pypeline.core.results import ErrorInfo, State
from pypeline.schema.record import record

VERSION = 1
Level = Literal["DEBUG", "INFO", "WARN", "ERROR"]


@record(quick=True)
class RunEvent:
    """What all events share. ``run`` is the run id, ``attempt`` its ordinal from 1. Who makes them by the
    ten thousand says the fields in order: by name takes twice as long."""

    kind: ClassVar[str] = ""
    run: str
    attempt: int
    time: float


@record(quick=True)
class RunStarted(RunEvent):
    """The plan is fixed and the first task may start."""

    kind: ClassVar[str] = "run_started"
    flow: str
    tasks: int
    modules: int
    folder: str = ""


@record(quick=True)
class SubFlowState(RunEvent):
    """A sub flow started or ended."""

    kind: ClassVar[str] = "sub_flow_state"
    sub_flow: int
    title: str
    state: State
    reason: str = ""
    frame: str = "0"


@record(quick=True)
class ValveResolved(RunEvent):
    """A control link opened or closed."""

    kind: ClassVar[str] = "valve_resolved"
    valve: int
    source: str
    target: str
    open: bool
    reason: str = ""
    frame: str = "0"


@record(quick=True)
class ModuleState(RunEvent):
    """A module changed state. Terminal states carry rows, times and, on failure, the error."""

    kind: ClassVar[str] = "module_state"
    module: str
    task: str
    state: State
    reason: str = ""
    frame: str = "0"
    attempt_no: int = 1
    rows_out: Mapping[str, int] = field(default_factory=dict)
    rejected: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss: int = 0
    error: ErrorInfo | None = None


@record(quick=True)
class Progress(RunEvent):
    """How far a running task is: ``fraction`` 0..1 where it can be known, else None."""

    kind: ClassVar[str] = "progress"
    task: str
    modules: tuple[str, ...] = ()
    fraction: float | None = None
    rows: int | None = None
    frame: str = "0"


@record(quick=True)
class LinkCount(RunEvent):
    """Rows that a data link carried. ``final`` is False while it may still grow."""

    kind: ClassVar[str] = "link_count"
    link: str
    rows: int
    final: bool = True
    seconds: float = 0.0
    frame: str = "0"


@record(quick=True)
class ArtifactReady(RunEvent):
    """A table or file exists that others may read."""

    kind: ClassVar[str] = "artifact_ready"
    module: str
    port: str
    uri: str
    rows: int
    bytes: int = 0
    frame: str = "0"


@record(quick=True)
class PreviewReady(RunEvent):
    """The first rows of a port lie at ``path`` (Arrow IPC file)."""

    kind: ClassVar[str] = "preview_ready"
    module: str
    port: str
    path: str
    frame: str = "0"


@record(quick=True)
class FrameState(RunEvent):
    """One pass of the loop of link ``valve`` began or has ended: ``done`` of its ``total`` frames have."""

    kind: ClassVar[str] = "frame_state"
    source: str
    frame: str
    state: State
    done: int = 0
    total: int = 0
    reason: str = ""
    valve: int = -1


@record(quick=True)
class Retry(RunEvent):
    """A try failed and another will follow after ``delay`` seconds."""

    kind: ClassVar[str] = "retry"
    task: str
    attempt_no: int
    delay: float
    error: ErrorInfo | None = None
    frame: str = "0"


@record(quick=True)
class Log(RunEvent):
    """A line for people. ``node_id`` is ``module#frame`` or empty."""

    kind: ClassVar[str] = "log"
    level: Level
    message: str
    node_id: str = ""


@record(quick=True)
class RunEnded(RunEvent):
    """The one terminal record of an attempt."""

    kind: ClassVar[str] = "run_ended"
    state: State
    reason: str
    seconds: float
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    handled: tuple[str, ...] = ()
    error: ErrorInfo | None = None


KINDS: dict[str, type[RunEvent]] = {
    c.kind: c
    for c in (RunStarted, SubFlowState, ValveResolved, ModuleState, Progress, LinkCount, ArtifactReady, PreviewReady, FrameState, Retry, Log, RunEnded)
}


_NAMES = {kind: tuple(f.name for f in fields(made)) for kind, made in KINDS.items()}


def to_json(event: RunEvent) -> dict[str, Any]:
    """``event`` as plain data."""
    data: dict[str, Any] = {"v": VERSION, "kind": event.kind}
    for name in _NAMES[event.kind]:
        value = getattr(event, name)
        data[name] = value if type(value) in PLAIN or not is_dataclass(value) else asdict(value)  # type: ignore[arg-type]
    return data


def from_json(data: Mapping[str, Any]) -> RunEvent | None:
    """The event in ``data``, or None for a kind this version does not know."""
    made = KINDS.get(data.get("kind", ""))
    if made is None:
        return None
    known = {f.name for f in fields(made)}
    values = {k: v for k, v in data.items() if k in known}
    if isinstance(values.get("error"), Mapping):
        keep = {f.name for f in fields(ErrorInfo)}
        error: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values["error"].items() if k in keep}
        values["error"] = ErrorInfo(**error)
    event: Callable[..., RunEvent] = made
    return event(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
