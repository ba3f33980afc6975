"""The engine host: one warm worker that binds, previews and checks for a window or a command.

In: a plan and a question. Out: columns and problems, the path of an Arrow file, a value. It executes
nothing that writes and no code. A question that takes too long costs the worker its life, and the
next one gets a new worker; cancelling the await interrupts the query.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pypeline.core.columns import Column, Schema
from pypeline.core.facts import SourceFacts
from pypeline.core.plan import Plan
from pypeline.runner import order as orders
from pypeline.runner.engines import machine
from pypeline.runner.engines.process import WorkerGoneError, WorkerProcess
from pypeline.runner.engines.starting import keep_back, start
from pypeline.runner.order import Limits, Order
from pypeline.runner.wire import problem_from_json
from pypeline.runner.withheld import withheld
from pypeline.schema.problems import Problem, PypeError
from pypeline.schema.record import record

PATIENCE: Mapping[str, float] = {"bind": 20.0, "preview": 60.0, "check": 5.0, "evaluate": 5.0, "sniff": 20.0}
"""Seconds that a question may take."""


@record
class Bound:
    """What binding a plan gives: columns by ``module.port``, and the problems of modules."""

    schemas: Mapping[str, Schema]
    problems: tuple[Problem, ...]


class EngineHost:
    """One worker at a time, started when it is first asked. Use it in one loop; close it at the end.

    With ``converts`` the text sources of what was previewed are converted while nobody asks, into its
    private folder: a window looks at the same links again and again.
    """

    def __init__(self, patience: Mapping[str, float] | None = None, *, converts: bool = False) -> None:
        self._converts = converts
        self._converting: tuple[WorkerProcess, int, asyncio.Future[Any]] | None = None
        self._patience = {**PATIENCE, **(patience or {})}
        self._worker: WorkerProcess | None = None
        self._code: dict[str, str] = {}
        self._room: Path | None = None

    async def bind(self, plan: Plan) -> Bound:
        """The columns of every port of ``plan`` that can be known without running it.

        Raises:
            PypeError: PYE463, no answer in time.
        """
        found = await self._ask("bind", plan, order=orders.to_json(self._order(plan)))
        schemas = {port: tuple(Column(**c) for c in columns) for port, columns in found["schemas"].items()}
        return Bound(schemas, tuple(problem_from_json(p) for p in found["problems"]))

    async def preview(self, plan: Plan, port: str, rows: int = 200) -> Path:
        """An Arrow file with the first rows of ``module.port``; it is the caller's to delete.

        Raises:
            PypeError: PYE464 it lies below code, PYE463 no answer in time, or what running it says.
        """
        found = await self._ask("preview", plan, order=orders.to_json(self._order(plan)), port=port, rows=rows)
        if self._converts:
            self._convert(plan, port)
        return Path(found["path"])

    async def check(self, text: str, *, aggregates: bool = False) -> Problem | None:
        """What is wrong with the form of an expression, or None."""
        found = await self._ask("check", text=text, aggregates=aggregates)
        return found and Problem(found["code"], f"at {found['offset'] + 1}: {found['message']}", mend=found["mend"])

    async def evaluate(self, expression: str, values: Mapping[str, Any]) -> Any:
        """The value of an expression over bound values; raises PypeError (PYE462)."""
        return await self._ask("evaluate", expression=expression, values=dict(values))

    async def sniff(self, files: Sequence[str], options: Mapping[str, Any]) -> SourceFacts:
        """Header, dialect and guessed columns of text files; raises PypeError when they cannot be read."""
        found = await self._ask("sniff", files=list(files), options=dict(options))
        columns = tuple(Column(**c) for c in found["columns"])
        return SourceFacts(header=tuple(found["header"]), columns=columns, sniffed=found["sniffed"], dialect=found["dialect"])

    def warm(self) -> None:
        """Start the worker now, so that the first question need not wait for it."""
        self._ready()

    async def close(self) -> None:
        """End the worker and remove its private folder."""
        self._convert_no_longer()
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close(patience=0.5)
        if self._room is not None:
            shutil.rmtree(self._room, ignore_errors=True)
            self._room = None

    async def _ask(self, op: str, plan: Plan | None = None, **parts: Any) -> Any:
        try:
            return await self._asked(op, plan, **parts)
        except WorkerGoneError as error:
            raise PypeError(Problem("PYE463", f"{error} while it had to {op}", mend="It was restarted: try again.", phase="run")) from error

    async def _asked(self, op: str, plan: Plan | None, **parts: Any) -> Any:
        self._convert_no_longer()
        worker = self._ready(plan)
        number, answer = worker.request(op, **parts)
        try:
            done, _ = await asyncio.wait([answer], timeout=self._patience[op])
        except asyncio.CancelledError:
            answer.add_done_callback(_forget)
            worker.cancel(number)
            raise
        if not done:
            worker.cancel(number, hard=True)
            answer.add_done_callback(_forget)
            raise PypeError(Problem("PYE463", f"no answer to {op} within {self._patience[op]:g} s", mend="It was restarted: try again.", phase="run"))
        if isinstance(answer.exception(), WorkerGoneError) and worker.pressed:
            # it was ended for a question that nobody waits for and that held it up; this one only stood behind that
            return await self._asked(op, plan, **parts)
        return answer.result()

    def _convert(self, plan: Plan, port: str) -> None:
        worker = self._ready(plan)
        number, answer = worker.request("convert", order=orders.to_json(self._order(plan)), port=port)
        answer.add_done_callback(_forget)
        self._converting = (worker, number, answer)

    def _convert_no_longer(self) -> None:
        """A question is on its way: what is converted meanwhile can wait."""
        if self._converting is not None:
            worker, number, answer = self._converting
            self._converting = None
            if not answer.done():
                worker.cancel(number)

    def _ready(self, plan: Plan | None = None) -> WorkerProcess:
        code = {m.type: m.code_hash for m in plan.modules.values()} if plan is not None else {}
        if plan is not None:
            keep_back(withheld(plan))
        stale = any(self._code.get(type, hash) != hash for type, hash in code.items()) or (self._worker is not None and self._worker.knows_secrets)
        # one that was told to end and has not yet: a statement may have kept the signal for itself
        if self._worker is not None and (stale or self._worker.dying):
            self._worker.kill()
            self._worker = None
        if self._worker is None or self._worker.gone is not None:
            self._worker = WorkerProcess(start(warm=("tables",)))
            self._worker.attach()
            self._code = {}
        self._code.update(code)
        return self._worker

    def _order(self, plan: Plan) -> Order:
        """All of ``plan`` as one order: previews and binds know no segments."""
        if self._room is None:
            self._room = Path(tempfile.mkdtemp(prefix="pypeline_host_"))
            (self._room / "spill").mkdir(mode=0o700)
        limits = Limits(machine.cpus(), machine.memory() // 4, str(self._room / "spill"))
        return Order(
            task="host",
            kind="segment",
            attempt_no=1,
            modules=tuple(plan.modules.values()),
            links=tuple(plan.links.values()),
            limits=limits,
            scratch=str(self._room),
            folder=plan.folder,
            env=plan.env,
            run=plan.run_id,
        )


def _forget(answer: asyncio.Future[Any]) -> None:
    """Nobody waits for this answer any more; its error, if any, has been told."""
    if not answer.cancelled():
        answer.exception()
