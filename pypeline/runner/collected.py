"""What sinks collect in the frames of a loop: one part a frame, joined in the order of the frames.

In a frame such a sink (``Valve.joins``) is not run: the table that would reach it becomes a part in the
run folder. When the loop is over all parts are made one table, which the sink writes as it would any
other; a buffer keeps it. Under ``continue`` the parts of frames that completed count, under ``halt`` all
frames have to complete or nothing is written: a target has its old content or all of the new.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pypeline.core.collecting import BUFFER
from pypeline.core.plan import Plan, Task
from pypeline.core.planned import PlannedLink
from pypeline.core.results import HandOver, ModuleResult, TaskResult
from pypeline.runner.frames import OUTSIDE, Frames, Scope, outer
from pypeline.runner.order import Order
from pypeline.runner.store.bundle import Bundle
from pypeline.schema.record import record


@record
class Parts:
    """All parts of ``sink``, in ``folder``; they become the file ``path``. ``keep`` is False where a
    frame that did not complete spoils them all, ``whole`` where the rows of such a frame are missing."""

    sink: str
    folder: Path
    path: Path
    keep: bool
    whole: bool


class Collected:
    """The parts of one run."""

    def __init__(self, plan: Plan, frames: Frames, bundle: Bundle | None) -> None:
        self._plan = plan
        self._bundle = bundle
        self._joins = {valve.index: valve.joins for valve in plan.valves}
        self._loop = {sink: valve.index for valve in plan.valves for sink in valve.joins} if bundle is not None else {}
        # a buffer outside loops has one part, which is the whole of it
        self._whole = {id for id, module in plan.modules.items() if module.type == BUFFER and bundle is not None and id not in self._loop}
        self._link = {link.target: link for link in plan.links.values() if link.target in self._loop or link.target in self._whole}
        homes = {id: sub_flow.loop for sub_flow in plan.sub_flows for id in sub_flow.modules} if self._loop else {}
        self._loops = {sink: frames.loops(homes[sink]) for sink in self._loop}
        self._spoiled: set[Scope] = set()
        self._short: set[str] = set()

    def sinks(self, task: Task) -> list[str]:
        """The modules of ``task`` that collect."""
        return [id for id in task.modules if id in self._link] if self._link else []

    def link(self, sink: str) -> PlannedLink:
        """The link whose rows ``sink`` collects."""
        return self._link[sink]

    def without(self, order: Order) -> Order:
        """``order`` without the sinks that collect; what would reach them is handed over."""
        gone = {m.id for m in order.modules if m.id in self._link} if self._link else None
        if not gone:
            return order
        made = {m.id for m in order.modules}
        ports = [self._link[sink].port for sink in gone if self._link[sink].source in made]
        return replace(
            order,
            modules=tuple(m for m in order.modules if m.id not in gone),
            links=tuple(link for link in order.links if link.target not in gone),
            tables={id: table for id, table in order.tables.items() if self._plan.links[id].target not in gone},
            hands_over=tuple(dict.fromkeys([*order.hands_over, *ports])),
        )

    def take(self, task: Task, result: TaskResult, frame: str, tables: Mapping[tuple[str, str], HandOver]) -> TaskResult:
        """Keep the parts of a completed try; its result with the records of the sinks. ``tables`` are those handed over before.

        Raises:
            OSError: a part cannot be kept.
        """
        if not self._link:
            return result
        records = []
        for sink in self.sinks(task):
            link = self._link[sink]
            table = result.outputs.get(link.port) or tables[link.port, frame]
            made: dict[str, Any] = {"row_count": table.rows}
            if sink in self._whole:
                path = self._buffer(sink, frame, Path(table.path).suffix)
                os.link(table.path, path)
                made = {"row_count": table.rows, "table": str(path)}
            else:
                folder = self._folder(sink, self._around(sink, frame))
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                part = folder / f"{frame}{Path(table.path).suffix}"
                part.unlink(missing_ok=True)
                os.link(table.path, part)
            records.append(ModuleResult(sink, "completed", rows_in={link.id: table.rows}, globals=made))
        return replace(result, modules=(*result.modules, *records)) if records else result

    def failed(self, task: Task, result: TaskResult) -> TaskResult:
        """``result`` of a failed try whose worker was not told of these sinks: they are not what went wrong."""
        records = [ModuleResult(sink, "failed", "task_failed") for sink in self.sinks(task)] if result.modules else []
        return replace(result, modules=(*result.modules, *records)) if records else result

    def frame_over(self, valve: int, frame: str, *, good: bool) -> None:
        """A pass has ended; the parts of one that did not complete do not count."""
        if good or not self._loop:
            return
        if self._plan.settings.fail_strategy == "halt":
            self._spoiled.add((valve, outer(frame)))
        else:
            self._forget(valve, frame)

    def loop_over(self, valve: int, frame: str) -> None:
        """All passes have ended; under halt all that a spoiled loop gave to one around it does not count."""
        if (valve, frame) in self._spoiled:
            self._forget(valve, frame, joined_there=False)
            if not self._joins[valve]:
                self._spoiled.discard((valve, frame))

    def parts(self, valve: int, frame: str) -> list[Parts]:
        """What is to be joined after the loop, sink by sink; a sink that no frame reached has nothing."""
        if self._bundle is None:
            return []
        keep = (valve, frame) not in self._spoiled
        self._spoiled.discard((valve, frame))
        folders = [(sink, self._folder(sink, frame)) for sink in self._joins[valve]]
        return [
            Parts(sink, folder, self._buffer(sink, frame, ".arrow"), keep, sink not in self._short)
            for sink, folder in folders
            if folder.is_dir() and any(folder.iterdir())
        ]

    def is_buffer(self, sink: str) -> bool:
        """Whether ``sink`` keeps its rows in the run instead of writing them."""
        return self._plan.modules[sink].type == BUFFER

    def nothing(self, sink: str) -> dict[str, Any]:
        """The globals of ``sink`` when no frame gave it rows."""
        return {"row_count": 0, "table": ""} if self.is_buffer(sink) else {"row_count": 0}

    def drop(self, parts: Parts) -> None:
        """The parts have been joined, or do not count."""
        shutil.rmtree(parts.folder, ignore_errors=True)

    def _forget(self, valve: int, frame: str, *, joined_there: bool = True) -> None:
        """Remove the parts of ``frame``, and of all frames inside it, of the sinks below ``valve``."""
        for sink, loop in self._loop.items():
            loops = self._loops[sink]
            if valve in loops and loops.index(valve) <= loops.index(loop) and (joined_there or valve != loop):
                self._short.add(sink)
                folder = self._folder(sink, self._around(sink, frame))
                inside = loops[0] != valve or not joined_there
                for part in folder.glob(f"{frame}*") if inside else (folder / f"{frame}.arrow", folder / f"{frame}.parquet"):
                    if part.stem == frame or part.stem.startswith(f"{frame}-"):
                        part.unlink(missing_ok=True)

    def _around(self, sink: str, frame: str) -> str:
        """The frame in which the loop stands after which ``sink`` is joined; ``frame`` is one inside it."""
        loops = self._loops[sink]
        return "-".join(frame.split("-")[: len(loops) - 1 - loops.index(self._loop[sink])]) or OUTSIDE

    def _folder(self, sink: str, frame: str) -> Path:
        assert self._bundle is not None
        return self._bundle.scratch / "parts" / f"{sink}#{frame}"

    def _buffer(self, sink: str, frame: str, suffix: str) -> Path:
        assert self._bundle is not None
        folder = self._bundle.scratch / "buffers"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{sink}#{frame}{suffix}"
