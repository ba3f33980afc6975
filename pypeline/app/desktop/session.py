"""A session: what a window finds out about one open flow, and the runs it starts.

The document tells what is drawn; this asks the core (problems), the engine host (columns, first
rows) and the runner (runs), and tells the document what came back. Everything waits on the one
loop; work happens in worker processes. A run holds its own plan: drawing on is always safe.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QObject, QTimer, Signal

from pypeline.app.desktop import loop
from pypeline.app.desktop.answers import Answers, Ask
from pypeline.canvas.document import Document
from pypeline.core.check import check, runnable
from pypeline.core.events import RunEvent
from pypeline.core.mending import mended, of_whole
from pypeline.core.plan import Plan
from pypeline.core.planner import plan as make_plan
from pypeline.core.ports import output_ports
from pypeline.core.sound import sound_part, upstream_of, with_rows_of
from pypeline.core.watch import Watch
from pypeline.runner import children, variables
from pypeline.runner import facts as facts_room
from pypeline.runner.host import EngineHost
from pypeline.runner.reload import Reloader
from pypeline.runner.run import RunSummary, execute
from pypeline.runner.secrets import Secrets
from pypeline.runner.signals import StopSignal
from pypeline.schema.flow import Flow
from pypeline.schema.problems import Place, Problem, PypeError, errors, sentence

DRAIN_MS = 33
"""Events are shown this often, however many there are."""
_SLICE, _FLOOD = 1_000, 100_000
"""So many events are shown at once, so that the hand never waits for long; more only before the ring runs over."""
UNDERSTAND_MS = 150
"""How long the hand must rest before the flow is checked and bound again."""


class Session(QObject):
    """One per document.

    Signals: ``previewed(port, path)`` an Arrow file; ``preview_failed(port, message)``;
    ``run_changed()`` a run began or ended; ``stop_wished()`` it shall stop; ``progressed()`` events were shown; ``logged(lines)`` log lines and retries;
    ``understood()`` problems and schemas are those of the flow as drawn.
    """

    previewed = Signal(str, object)
    preview_failed = Signal(str, str)
    run_changed = Signal()
    stop_wished = Signal()
    progressed = Signal()
    logged = Signal(list)
    understood = Signal()

    def __init__(self, document: Document, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.folder = folder
        self.answers = Answers()
        self.ask: Ask = lambda _questions, go_on: go_on({})
        self.host = EngineHost(converts=True)
        self._reloader = Reloader(folder)
        self.watch: Watch | None = None
        self.summary: RunSummary | None = None
        self._plan: Plan | None = None
        self._plan_of: Flow | None = None
        # why the last run did not begin; told until the flow is another or runs
        self._refused: tuple[Problem, ...] = ()
        self._understanding: asyncio.Task[None] | None = None
        self._previewing: asyncio.Task[None] | None = None
        self._running: asyncio.Task[None] | None = None
        self._stop: StopSignal | None = None
        # the ring: a run may emit faster than anyone can look; the newest matter
        self._ring: deque[RunEvent] = deque(maxlen=200_000)
        self._drain = QTimer(self)
        self._drain.setInterval(DRAIN_MS)
        self._drain.timeout.connect(self._show_events)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(UNDERSTAND_MS)
        self._rest.timeout.connect(self._understand_now)
        document.flow_changed.connect(self._flow_changed)
        self._rest.start()

    # --- understanding what is drawn ---------------------------------------------------------------

    def _flow_changed(self, old: Flow, new: Flow) -> None:
        if _meaning(old) != _meaning(new):
            self._refused = ()
            self._rest.start()

    def _understand_now(self) -> None:
        if self._understanding is not None:
            self._understanding.cancel()
        self._understanding = loop.start(self._understand(self.document.flow))

    def understand(self) -> None:
        """Check and bind the flow again, whether or not it changed: files may have."""
        self._understand_now()

    def move_to(self, folder: Path) -> None:
        """The flow was saved into another folder: relative paths start there now."""
        self.folder = folder
        self._understand_now()

    def set_context(self, name: str) -> None:
        """Look at the flow with another context's values."""
        self.answers.context_name = name
        self._understand_now()

    async def _understand(self, flow: Flow) -> None:
        problems, plan = await asyncio.to_thread(self._think, flow)
        self._tell(problems, flow)
        schemas: dict[str, Any] = {}
        if plan is not None and plan.modules:
            try:
                bound = await self.host.bind(plan)
            except PypeError as error:
                problems = [*problems, *error.problems]
            else:
                schemas = dict(bound.schemas)
                problems = [*problems, *(mended(p, flow, p.place.module) for p in bound.problems)]
        if flow is not self.document.flow and _meaning(flow) != _meaning(self.document.flow):
            return
        self._plan, self._plan_of = plan, flow
        self._tell(problems, flow, schemas=schemas)
        self.understood.emit()

    def _tell(self, problems: Sequence[Problem], flow: Flow, **more: Any) -> None:
        told = [*problems, *(p for p in self._refused if p not in problems)]
        self.document.learn(problems=tuple(_in_file_order(told, flow)), **more)

    def _think(self, flow: Flow) -> tuple[list[Problem], Plan | None]:
        """Problems of the flow, and a plan of its sound part; runs off the loop, reads files."""
        catalogue = self.document.catalogue
        name, folder = self.answers.context_name, self.folder
        try:
            sets, context = self.answers.sets(flow, folder), self.answers.values(flow, folder)
        except PypeError as error:
            return [*check(flow, catalogue), *error.problems], None
        problems = [*check(flow, catalogue, context), *children.check(flow, folder, context)]
        # what is asked for when the flow runs is no problem; what reads it has no columns until then
        waiting = variables.waiting(flow, context)
        part = sound_part(flow, catalogue, [*problems, *(Problem("PYE398", "", Place(module=id)) for id in waiting)])
        # what an earlier sub flow writes will be there when it is read
        later = facts_room.after_writers(flow, catalogue)
        for _ in range(3):
            try:
                facts = facts_room.gather(part, catalogue, folder, context_name=name, sets=sets)
                return problems, make_plan(part, facts)
            except PypeError as error:
                # a missing file leaves the rest of the flow as good as it is
                told = [of_whole(p, part, flow) for p in error.problems]
                problems = [*problems, *(p for p in told if p.code != "PYE390" or p.place.module not in later)]
                smaller = sound_part(part, catalogue, error.problems)
                if len(smaller.modules) == len(part.modules):
                    return problems, None
                part = smaller
        return problems, None

    # --- looking at a link ---------------------------------------------------------------------------

    def preview(self, port: str) -> None:
        """Fetch the first rows of ``module.port``; a later wish replaces an earlier one."""
        if self._previewing is not None:
            self._previewing.cancel()
        self._previewing = loop.start(self._preview(port))

    async def _preview(self, port: str) -> None:
        if self._rest.isActive():
            # whoever wishes to see rows rests already
            self._rest.stop()
            self._understand_now()
        if self._understanding is not None and not self._understanding.done():
            await asyncio.wait([self._understanding])
        module = port.rpartition(".")[0]
        reason = self._why_not(module)
        if self._plan is not None and module in self._plan.modules:
            try:
                self.previewed.emit(port, await self.host.preview(self._plan, port))
                return
            except PypeError as error:
                reason = "\n".join(f"{sentence(p.message)} {p.mend}" for p in error.problems)
        sample = self._sample(port)
        if sample is not None:
            self.previewed.emit(port, sample)
        else:
            self.preview_failed.emit(port, reason)

    def _why_not(self, module: str) -> str:
        with suppress(PypeError):
            if names := self.answers.open_for(self.document.flow, module, self.folder):
                return f"Rows are here after a run, which asks for {', '.join(names)}."
        return f"Nothing can be shown yet: {module} or what feeds it has problems."

    def _sample(self, port: str) -> Path | None:
        """What the last run kept of a port: all there is below code, which a preview may not run."""
        kept = self.watch.previews.get(port) if self.watch is not None else None
        return Path(kept) if kept and Path(kept).exists() else None

    # --- running ---------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether a run is going on."""
        return self._running is not None and not self._running.done()

    def run(self, to: str | None = None) -> list[Problem]:
        """Start a run of the flow as drawn, or of what leads to module ``to``; returns what forbids it."""
        if self.running:
            return []
        flow = upstream_of(self.document.flow, to) if to else self.document.flow
        catalogue = self.document.catalogue
        try:
            context = self.answers.values(flow, self.folder)
            problems = [*check(flow, catalogue, context), *children.check(flow, self.folder, context), *runnable(flow)]
            asked = self.answers.questions(flow, self.folder)
        except PypeError as error:
            problems = list(error.problems)
        if errors(problems):
            problems = [of_whole(p, flow, self.document.flow) for p in problems]
            self.document.learn(problems=tuple(_in_file_order([*self.document.knowledge.problems, *errors(problems)], self.document.flow)))
            return errors(problems)
        if asked:
            self.ask(asked, lambda given: self._begin(flow, to, self.answers.take(asked, given)))
        else:
            self._begin(flow, to, Secrets({}))
        return []

    def _begin(self, flow: Flow, to: str | None, secrets: Secrets) -> None:
        if self.running:
            return
        self._refused = ()
        self._stop = StopSignal()
        heard = self.follow(frozenset(m.id for m in flow.modules) if to else None)
        self._running = loop.start(self._run(flow, to, self._stop, heard, secrets))
        self.run_changed.emit()

    def stop(self) -> None:
        """Wish the run to stop: politely, then hard."""
        if self._stop is not None and self.running:
            self._stop.request()
            self.stop_wished.emit()

    @property
    def stopping(self) -> Literal["", "polite", "hard"]:
        """How the run that is going on was asked to stop, if it was."""
        return (self._stop.kind or "") if self._stop is not None and self.running else ""

    def follow(self, only: frozenset[str] | None = None) -> Callable[[RunEvent], None]:
        """Begin to show a run, of the modules ``only`` or of all; its events go into what this returns, from any thread,
        as fast as they come."""
        self._ring.clear()
        self.watch = Watch()
        self.watch.state, self.watch.only = "running", only
        self.summary = None
        self.document.learn(watch=self.watch)
        self._drain.start()
        return self._ring.append

    def follow_no_longer(self) -> None:
        """Show what is still in the ring, then rest."""
        self._drain.stop()
        while self._ring and self.watch is not None:
            self._show_events()

    async def _run(self, flow: Flow, to: str | None, stop: StopSignal, heard: Callable[[RunEvent], None], secrets: Secrets) -> None:
        failed: tuple[Problem, ...] = ()
        try:
            if self._reloader.folder != self.folder:
                self._reloader = Reloader(self.folder)
            if (fresh := await self._reloader.refresh()) is not None:
                self.document.learn_types(fresh)
            sets, name = self.answers.sets(flow, self.folder), self.answers.context_name
            facts = await asyncio.to_thread(facts_room.gather, flow, self.document.catalogue, self.folder, context_name=name, sets=sets)
            plan = await asyncio.to_thread(make_plan, flow, facts)
            if to and (decl := facts.catalogue.types.get(flow.module(to).name)) is not None:
                # what is run to is looked at, and nothing else may take its rows
                ports = [port for port in output_ports(decl, flow.module(to)) if port != "reject"]
                plan = with_rows_of(plan, to, ports, self.document.flow.connections.data)
            self.summary = await execute(plan, folder=self.folder, on_event=heard, stop=stop, previews=True, secrets=secrets)
        except PypeError as error:
            failed = tuple(self._of_run(p, flow) for p in error.problems)
        finally:
            self.follow_no_longer()
            if failed:
                self._not_started(failed)
            # the task is still this one: say "not running" already now
            self._running = None
            # a run writes files, and columns come from files
            self._rest.start()
            self.run_changed.emit()

    def _of_run(self, problem: Problem, ran: Flow) -> Problem:
        """A problem of the part that was to run, as one of the whole flow."""
        whole = self.document.flow
        written = ran is not whole and problem.code == "PYE390" and problem.place.module in facts_room.after_writers(whole, self.document.catalogue)
        mend = "An earlier sub flow writes it: run the whole flow once." if written else problem.mend
        return of_whole(replace(problem, mend=mend), ran, whole)

    def _not_started(self, problems: tuple[Problem, ...]) -> None:
        self.watch, self._refused = None, problems
        self.document.learn(watch=None)
        self._tell(self.document.knowledge.problems, self.document.flow)

    def _show_events(self) -> None:
        if not self._ring or self.watch is None:
            return
        most = _SLICE if len(self._ring) < _FLOOD else 20 * _SLICE
        events = [self._ring.popleft() for _ in range(min(len(self._ring), most))]
        lines = len(self.watch.logs)
        changed = self.watch.feed(events)
        self.document.learn(changed, watch=self.watch)
        fresh = [e for e in events if e.kind in {"log", "retry"}]
        if fresh or lines != len(self.watch.logs):
            self.logged.emit(fresh)
        self.progressed.emit()

    async def close(self) -> None:
        """Stop what runs, end the host."""
        self._rest.stop()
        self.stop()
        tasks = [t for t in (self._running, self._understanding, self._previewing) if t is not None and not t.done()]
        for task in tasks:
            if task is not self._running:
                task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=15)
        await self.host.close()


def _meaning(flow: Flow) -> tuple[Any, ...]:
    """What understanding depends on: all but the drawing."""
    return flow.flow, flow.settings, flow.modules, flow.connections, flow.databases, flow.on_error, flow.finally_, flow.sweep


def _in_file_order(problems: list[Problem], flow: Flow) -> list[Problem]:
    """Errors first, then by module in file order; each problem once."""
    place = {m.id: n for n, m in enumerate(flow.modules)}
    unique = {(p.code, p.message, p.place): p for p in problems}
    return sorted(unique.values(), key=lambda p: (p.severity != "error", place.get(p.place.module, -1)))
