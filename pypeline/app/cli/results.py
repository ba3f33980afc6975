"""How a run went, for a person: a row for each module, and its failures as problems.

In: the newest record of every module, from a run that just ended or from one long past.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO

from pypeline.app.cli.output import Style, plural, shown, table
from pypeline.core.results import ErrorInfo
from pypeline.core.watch import ModuleWatch
from pypeline.runner.run import RunSummary
from pypeline.schema.flow import Flow
from pypeline.schema.problems import Place, Problem

Modules = Mapping[str, ModuleWatch]


def module_table(modules: Modules) -> str:
    """One row for each module, in the order of the run."""
    rows = [
        [id, seen.state, "" if seen.reason == "ok" else seen.reason, rows_text(seen.rows_out), seen.rejected or "", f"{seen.seconds:.2f}"]
        for id, seen in modules.items()
    ]
    return table(["module", "state", "reason", "rows", "rejected", "s"], rows, right=(3, 4, 5))


def rows_text(rows: Mapping[str, int]) -> str:
    """Rows by port; the port's name only where there are several."""
    if len(rows) == 1:
        return f"{next(iter(rows.values())):,}"
    return ", ".join(f"{port} {count:,}" for port, count in rows.items())


def told(summary: RunSummary, modules: Modules, flow: str, stream: IO[str]) -> str:
    """What a person reads when a run has ended: the modules, how it ended, where the record lies."""
    style = Style(stream)
    state = style.state(summary.state, summary.state) + ("" if summary.reason in ("ok", "") else f" ({summary.reason})")
    return "\n".join(
        [
            module_table(modules),
            "",
            f"{flow}: {state} in {summary.seconds:.2f} s, {plural(len(modules), 'module')}",
            style.faint(f"record: {shown(summary.bundle)}"),
        ]
    )


def failures(modules: Modules, ended: ErrorInfo | None, flow: Flow | None = None) -> list[Problem]:
    """What failed, each cause once, at the module it belongs to; in the flow file where that is at hand."""
    found: dict[ErrorInfo, str] = {}
    for id, seen in modules.items():
        if seen.state == "failed" and seen.error is not None:
            found.setdefault(seen.error, seen.error.module or id)
    if ended is not None and not found:
        found[ended] = ended.module
    places = {module.id: ("modules", at) for at, module in enumerate(flow.modules)} if flow is not None else {}
    problems = []
    for error, id in found.items():
        place = flow.marks.place(places[id], id) if flow is not None and id in places else Place(file=id or "run", module=id)
        message = f"`{id}`: {error.message}" if place.line else error.message
        problems.append(Problem(error.code, message, place, error.mend, phase="run"))
    return problems


def next_step(summary: RunSummary, folder: Path) -> str:
    """What to do after a run."""
    command = "report" if summary.state == "completed" else "show"
    return f"next: pype {command} {summary.run_id}/{summary.attempt} --folder {shown(folder)}"
