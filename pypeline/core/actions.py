"""What goes into the run machine and what comes out of it: small frozen values, nothing else.

Inputs tell :class:`pypeline.core.state.RunState` what happened; actions tell the scheduler what to
do or to announce. ``frame`` is the iteration frame (:mod:`pypeline.core.control.frames`), ``"0"``
outside loops; ``valve`` is the index of a control link in the file; a sub flow is its index in the
plan. Seconds for times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from pypeline.core.results import State
from pypeline.schema.record import record

Timer = Literal["run", "hooks"]

# --- inputs ---------------------------------------------------------------------------------------


@record(quick=True)
class TaskEnded:
    """A started try ended. ``reason`` is ``ok``, ``error:<Type>``, ``timeout``, ``lost`` …;
    ``again`` is False where another try cannot help. ``modules`` holds the records that differ from
    the task's own; ``globals`` what its modules set, by ``module__Var``; ``kinds`` the names that a
    failure answers to in ``retry_on``, beside its reason."""

    task: str
    state: State
    reason: str = "ok"
    frame: str = "0"
    again: bool = True
    modules: Mapping[str, tuple[State, str]] = field(default_factory=dict)
    globals: Mapping[str, Any] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()


@record(quick=True)
class Evaluated:
    """A valve's condition gave ``value`` (None = null); ``error`` says why it could not be evaluated."""

    valve: int
    value: bool | None
    error: str = ""
    frame: str = "0"


@record(quick=True)
class ItemsCounted:
    """The item table of iterate link ``valve`` is frozen and has ``count`` rows; ``error`` says why it
    could not be frozen. ``frame`` is the source's own."""

    valve: int
    count: int
    frame: str = "0"
    error: str = ""


@record(quick=True)
class FramesJoined:
    """What the sinks of ``Valve.joins`` collected in the passes of loop ``valve`` is one table now;
    ``error`` says why it could not be; ``globals`` what the sinks set then, by ``module__Var``."""

    valve: int
    frame: str = "0"
    error: str = ""
    globals: Mapping[str, Any] = field(default_factory=dict)


@record(quick=True)
class RetryDue:
    """The delay of a :class:`ScheduleRetry` is over."""

    task: str
    frame: str = "0"


@record(quick=True)
class TimedOut:
    """A timer set by :class:`SetTimer` rang."""

    timer: Timer


@record(quick=True)
class StopRequested:
    """``polite``: interrupt what runs, then on_error and finally; ``hard``: nothing more starts."""

    kind: Literal["polite", "hard"] = "polite"


Input = TaskEnded | Evaluated | ItemsCounted | FramesJoined | RetryDue | TimedOut | StopRequested

# --- actions --------------------------------------------------------------------------------------


@record(quick=True)
class StartTask:
    """Start a try of a task (``attempt_no`` from 1). Answer with :class:`TaskEnded`."""

    task: str
    frame: str
    attempt_no: int


@record(quick=True)
class CancelTask:
    """Interrupt a running try. It still ends with one :class:`TaskEnded`."""

    task: str
    frame: str
    reason: str


@record(quick=True)
class Evaluate:
    """Evaluate a valve's condition over ``values`` (by the text inside the braces; a global nobody
    set is None). The columns it reads of the loop's item (``Valve.iter_read``) are for the scheduler
    to add, as ``iter.name``. Answer with :class:`Evaluated`."""

    valve: int
    frame: str
    expression: str
    values: Mapping[str, Any] = field(default_factory=dict)


@record(quick=True)
class CountItems:
    """Freeze the item table of iterate link ``valve`` as its source left it in ``frame``, and count
    its rows. Answer with :class:`ItemsCounted`."""

    valve: int
    frame: str


@record(quick=True)
class JoinFrames:
    """All passes of loop ``valve`` have ended: bring together what its ``joins`` collected, in the order of
    the frames. Said only where there are ``joins``. Answer with :class:`FramesJoined`; only then the loop is
    over."""

    valve: int
    frame: str


@record(quick=True)
class ScheduleRetry:
    """Try ``attempt_no`` of a task is due in ``delay`` seconds. Answer with :class:`RetryDue`."""

    task: str
    frame: str
    attempt_no: int
    delay: float
    reason: str


@record(quick=True)
class SetTimer:
    """Ring after ``seconds``: the run's own limit, or that of on_error and finally."""

    timer: Timer
    seconds: float


@record(quick=True)
class SubFlowChanged:
    """A sub flow began or ended; announce it."""

    sub_flow: int
    frame: str
    state: State
    reason: str = ""


@record(quick=True)
class ValveChanged:
    """A control link resolved; announce it. Each resolves exactly once."""

    valve: int
    frame: str
    open: bool
    reason: str


@record(quick=True)
class ModuleChanged:
    """A module runs or has its one terminal record; announce it. ``task`` is empty for a module
    that is in no task (disabled)."""

    module: str
    task: str
    frame: str
    state: State
    reason: str = ""
    attempt_no: int = 1


@record(quick=True)
class FrameChanged:
    """Frame ``frame`` of iterate link ``valve`` began, or has its one terminal record; announce it.
    ``done`` of the loop's ``total`` frames have ended."""

    valve: int
    frame: str
    state: State
    reason: str
    done: int
    total: int


@record(quick=True)
class Finished:
    """The one terminal record of the run. ``handled`` and ``unhandled`` are the failed sub flows, those
    inside loops once each and with them the sources of their loops. ``cause`` is the task, and its
    frame, whose failure ``reason`` tells; empty where it was no task's."""

    state: State
    reason: str
    handled: tuple[int, ...] = ()
    unhandled: tuple[int, ...] = ()
    cause: tuple[str, str] = ("", "")


Action = (
    StartTask | CancelTask | Evaluate | CountItems | JoinFrames | ScheduleRetry | SetTimer
    | SubFlowChanged | ValveChanged | FrameChanged | ModuleChanged | Finished
)  # fmt: skip
