"""A run from a plan to its terminal record.

In: a plan and who wants to know. Out: events while it runs, and a run folder that tells it all
afterwards. This is the one way to run a flow, for the command line and the window alike: it checks
what can be checked first, ends what crashed runs left open, prepares the private folder, runs, and
whatever happens writes exactly one final record and removes what only the run itself needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import platform
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import Any

from pypeline.core import events as ev
from pypeline.core.masking import Net
from pypeline.core.plan import Plan
from pypeline.core.results import ErrorInfo, State
from pypeline.runner import keeping, logs, preflight
from pypeline.runner.child import Around, WithFlows
from pypeline.runner.dispatch import Dispatch
from pypeline.runner.engines.base import Engine
from pypeline.runner.engines.local import LocalEngine
from pypeline.runner.engines.starting import keep_back
from pypeline.runner.event_file import EventFile
from pypeline.runner.failures import describe
from pypeline.runner.scheduler import Outcome, Scheduler
from pypeline.runner.secrets import Secrets
from pypeline.runner.signals import StopSignal
from pypeline.runner.store import bundle as bundles
from pypeline.runner.store.bundle import Bundle
from pypeline.runner.tally import Tally
from pypeline.runner.withheld import withheld
from pypeline.schema.problems import Problem, PypeError
from pypeline.schema.record import record

THREADS = "PYPELINE_THREADS"
ORDERED = 0.01
"""Seconds after which the first orders have left."""
OnEvent = Callable[[ev.RunEvent], None]


@record
class RunSummary:
    """How a run ended. ``modules`` holds the last state of each module, with the rows and seconds of all
    frames of a loop together, ``frames`` how many of its frames ended how where there was more than one,
    ``links`` rows by data link, ``exit_code`` what a process that did nothing else should end with."""

    state: State
    reason: str
    seconds: float
    run_id: str
    attempt: int
    bundle: Path
    modules: Mapping[str, ev.ModuleState]
    links: Mapping[str, int]
    exit_code: int
    error: ErrorInfo | None = None
    frames: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class _Bus:
    """Hands each event to every subscriber in turn, known secrets hidden. A subscriber that fails is told off once and left out."""

    def __init__(self, subscribers: list[OnEvent], net: Net) -> None:
        self._subscribers = subscribers
        self._net = net

    def __call__(self, event: ev.RunEvent) -> None:
        event = self._net.cleaned(event)
        for subscriber in self._subscribers:
            try:
                subscriber(event)
            except Exception as error:
                self._subscribers = [s for s in self._subscribers if s is not subscriber]
                message = f"a subscriber of run events failed and gets no more: {type(error).__name__}: {error}"
                self(ev.Log(run=event.run, attempt=event.attempt, time=time.time(), level="ERROR", message=message))


async def execute(
    plan: Plan,
    *,
    folder: Path | str,
    on_event: OnEvent,
    engine: Engine | None = None,
    stop: StopSignal | None = None,
    previews: bool = False,
    secrets: Secrets | None = None,
) -> RunSummary:
    """Run ``plan`` for the flow or job in ``folder``.

    Args:
        on_event: gets every event in the loop's thread, as soon as it happens.
        engine: where to run, opened and closed here; None for this machine.
        stop: whose wish to stop is heeded.
        previews: keep the first rows of every link for looking at.
        secrets: where secret fields get their values; None for Vault and the environment of this process.

    Raises:
        PypeError: something that can be known before the first task is wrong (PYE402, PYE455–PYE458,
            PYE470–PYE477, PYE500–PYE504); nothing has run.
    """
    stop = stop or StopSignal()
    threads = _threads(plan)
    secrets = Secrets() if secrets is None else secrets
    keep_back(withheld(plan))
    engine = LocalEngine() if engine is None else engine
    if isinstance(engine, LocalEngine):
        engine.configure(plan, threads)
        engine.secrets = secrets
    else:
        engine.slots.declare(plan.settings.slots)
    bundle = None
    with contextlib.ExitStack() as open_now:
        try:
            _raise(preflight.check(plan, engine.slots))
            await secrets.check(plan)
            bundles.end_lost(bundles.home(folder), _recover)
            # from the first file of the attempt on a signal is a wish to stop, which ends in a record
            open_now.enter_context(stop.listening())
            bundle = bundles.prepare(folder, plan.run_id)
            keeping.plan(bundle, plan, secrets.net)
        except BaseException:
            await engine.close()
            if bundle is not None:
                bundle.sweep()
                keeping.record(bundle, {"state": "failed", "reason": "error:start", "ended": time.time()})
            raise
        return await _Run(plan, Path(folder), bundle, engine, stop, previews, secrets).go(on_event)


class _Run:
    """One attempt, from its first event to its final record."""

    def __init__(self, plan: Plan, folder: Path, bundle: Bundle, engine: Engine, stop: StopSignal, previews: bool, secrets: Secrets) -> None:
        self.plan = plan
        self.folder = folder
        self.bundle = bundle
        self.engine = engine
        self.stop = stop
        self.secrets = secrets
        self.watch: Any = "previews" if previews else plan.settings.watch
        self.tally = Tally()
        self.started = time.time()

    async def go(self, on_event: OnEvent) -> RunSummary:
        loop = asyncio.get_running_loop()
        clock = time.monotonic()
        disk_error: list[PypeError] = []
        scheduler: Scheduler | None = None

        def disk_failed(error: PypeError) -> None:
            disk_error.append(error)
            loop.call_soon_threadsafe(wish, "polite")

        def wish(kind: Any) -> None:
            if scheduler is not None:
                scheduler.stop(kind)

        events = EventFile(self.bundle.events, self._logs(), renew=lambda: os.utime(self.bundle.owner), on_error=disk_failed)
        bus = _Bus([self.tally, events, on_event], self.secrets.net)
        if isinstance(self.engine, LocalEngine):
            self.engine.throttle = events.behind
        dispatch = Dispatch(self.plan, self.bundle if self.engine.private_folders else None, self.watch)
        engine = self.engine if isinstance(self.engine, WithFlows) else WithFlows(self.engine, Around(self.folder.resolve(), self.bundle, self._child))
        scheduler = Scheduler(self.plan, engine, dispatch, attempt=self.bundle.attempt, emit=bus)
        bug: BaseException | None = None
        with self.stop.heard_by(wish):
            bus(self._event(ev.RunStarted, flow=self.plan.flow, tasks=len(self.plan.tasks), modules=len(self.plan.modules), folder=str(self.bundle.path)))
            # the report is written at the end; its code is loaded while the first tasks are at work elsewhere
            loading = loop.call_later(ORDERED, loop.run_in_executor, None, keeping.load_report)
            try:
                await self.engine.open()
                async with self.secrets.kept():
                    outcome = self.secrets.net.cleaned(await scheduler.run())
            except BaseException as error:
                bug = error
                outcome = self._interrupted(error)
            loading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await engine.close()
                await self.engine.close()
            self._report_teardowns(bus)
            if disk_error:
                outcome = Outcome("failed", "error:disk", _disk(disk_error[0]), outcome.handled)
            seconds = time.monotonic() - clock
            bus(self._ended(outcome, seconds))
            await asyncio.to_thread(events.close)
            self.bundle.sweep()
            summary = self._summary(outcome, seconds)
            refused = keeping.record(self.bundle, self._record(outcome, summary)) or (disk_error[0] if disk_error else None)
            if refused is not None and summary.state == "completed":
                # the work is done, but nothing on disk says so: whoever asked must hear of it
                summary = replace(summary, state="failed", reason="error:disk", exit_code=1, error=_disk(refused))
            await asyncio.to_thread(keeping.report, self.bundle, bus)
        if bug is not None and not isinstance(bug, PypeError):
            raise bug
        return summary

    async def _child(self, plan: Plan, folder: Path, bundle: Bundle, engine: Engine, stop: StopSignal, previews: bool, on_event: OnEvent) -> RunSummary:
        """A run inside this one, of a flow that it runs."""
        keep_back(withheld(plan))
        if isinstance(engine, LocalEngine):
            engine.secrets = self.secrets
        _raise(preflight.check(plan, engine.slots))
        await self.secrets.check(plan)
        keeping.plan(bundle, plan, self.secrets.net)
        return await _Run(plan, folder, bundle, engine, stop, previews, self.secrets).go(on_event)

    def _logs(self) -> list[logs.LogWriter]:
        setting = self.plan.settings.logging
        own = logs.LogWriter(logs.private_file(self.bundle.log), level="DEBUG", own=True)
        return [own, *logs.writers(setting.destinations, self.folder, level=setting.level, format=setting.format)]

    def _event(self, kind: Callable[..., ev.RunEvent], **parts: Any) -> ev.RunEvent:
        return kind(run=self.plan.run_id, attempt=self.bundle.attempt, time=time.time(), **parts)

    def _interrupted(self, error: BaseException) -> Outcome:
        """The outcome when the loop itself was ended, or something failed that must not."""
        if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
            return Outcome("cancelled", "stopped_by_user", None, ())
        info = describe(error)
        return Outcome("failed", f"error:{info.type}", info, ())

    def _report_teardowns(self, bus: OnEvent) -> None:
        if not isinstance(self.engine, LocalEngine):
            return
        for node, why in self.engine.lost_teardowns():
            bus(self._event(ev.Log, level="WARN", message=why, node_id=node))

    def _ended(self, outcome: Outcome, seconds: float) -> ev.RunEvent:
        return self._event(
            ev.RunEnded,
            state=outcome.state,
            reason=outcome.reason,
            seconds=seconds,
            completed=self.tally.count("completed"),
            failed=self.tally.count("failed"),
            cancelled=self.tally.count("cancelled"),
            handled=outcome.handled,
            error=outcome.error,
        )

    def _summary(self, outcome: Outcome, seconds: float) -> RunSummary:
        stopped = self.stop.kind is not None and outcome.state != "completed"
        code = self.stop.exit_code if stopped else 0 if outcome.state == "completed" else (outcome.error and outcome.error.exit_code) or 1
        return RunSummary(
            state=outcome.state,
            reason=outcome.reason,
            seconds=seconds,
            run_id=self.plan.run_id,
            attempt=self.bundle.attempt,
            bundle=self.bundle.path,
            modules=self.tally.modules(),
            links=self.tally.watch.counts(),
            exit_code=code,
            error=outcome.error,
            frames=self.tally.frames(),
        )

    def _record(self, outcome: Outcome, summary: RunSummary) -> dict[str, Any]:
        from pypeline.core.plan import PLAN_FORMAT

        modules = {id: ev.to_json(state) for id, state in summary.modules.items()}
        return {
            "flow": self.plan.flow,
            "run": summary.run_id,
            "attempt": summary.attempt,
            "state": summary.state,
            "reason": summary.reason,
            "started": self.started,
            "ended": time.time(),
            "seconds": summary.seconds,
            "completed": self.tally.count("completed"),
            "failed": self.tally.count("failed"),
            "cancelled": self.tally.count("cancelled"),
            "handled": list(outcome.handled),
            "error": outcome.error and asdict(outcome.error),
            "engine": self.engine.name,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "python": platform.python_version(),
            "pypeline": importlib.import_module("pypeline").__version__,
            "plan_format": PLAN_FORMAT,
            "modules": modules,
            "links": dict(summary.links),
            **({"frames": summary.frames, "loops": self.tally.loops(self.plan)} if summary.frames or self.tally.watch.loops else {}),
        }


def _threads(plan: Plan) -> int:
    """Threads of a worker's pool: the flow's, else PYPELINE_THREADS, else twice the cpus.

    Raises:
        PypeError: PYE457, the variable is no positive number.
    """
    from pypeline.runner.engines import machine

    if plan.settings.threads:
        return plan.settings.threads
    said = os.environ.get(THREADS, "")
    if not said:
        return machine.cpus() * 2
    if not said.isdigit() or int(said) < 1:
        raise PypeError(
            Problem("PYE457", f"{THREADS} is `{said}`, which is no number of threads", mend="Set it to a positive number, or unset it.", phase="run")
        )
    return int(said)


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise PypeError(*problems)


def _recover(record: Path) -> object:
    from pypeline.runner.tables import publish

    return publish.settle(record)


def _disk(error: PypeError) -> ErrorInfo:
    problem = error.problems[0]
    return ErrorInfo(problem.code, "DiskError", problem.message, mend=problem.mend)
