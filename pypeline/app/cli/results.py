"""How a run went, for a person: a row for each module, and its failures as problems.

In: the newest record of every module, from a run that just ended or from one long past.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from pypeline.app.cli.output import SAME_TASK, Style, plural, shown
from pypeline.core.aligned import table
from pypeline.core.results import ErrorInfo
from pypeline.core.watch import ModuleWatch, Watch
from pypeline.runner.run import RunSummary
from pypeline.schema.flow import Flow
from pypeline.schema.problems import Place, Problem

MOST_FILES = 100
"""So many files are looked through for the flow of a run."""
Modules = Mapping[str, ModuleWatch]


def module_table(modules: Modules, links: Mapping[str, int]) -> str:
    """One row for each module, task by task. ``links`` are the counts by link: a sink's rows are those that came in."""
    into: dict[str, int] = {}
    for link, count in links.items():
        target = link.rpartition(" - ")[2].partition(".")[0]
        into[target] = into.get(target, 0) + count
    tasks = {task: at for at, task in enumerate(dict.fromkeys(seen.task or id for id, seen in modules.items()))}
    rows: list[list[str]] = []
    above = ""
    for id, seen in sorted(modules.items(), key=lambda one: tasks[one[1].task or one[0]]):
        state = seen.state if seen.reason in ("", "ok") else f"{seen.state}: {seen.reason.removeprefix('error:').replace('_', ' ')}"
        passes = seen.frames.words
        state = f"{state} ({passes})" if passes else state
        first, others = rows_text(seen, into.get(id) if seen.state == "completed" else None)
        never = seen.state == "cancelled" and not seen.seconds
        spent = "" if never else SAME_TASK if seen.task and seen.task == above else f"{seen.seconds:.2f}"
        rows.append([id, state, first, others, spent])
        above = seen.task
    head = ["module", "state", "rows", "other rows", "s"]
    left = [at for at in range(len(head)) if at != 3 or any(row[3] for row in rows)]
    text = table([head[at] for at in left], [[row[at] for at in left] for row in rows], right=(2, len(left) - 1))
    shared = any(row[-1] == SAME_TASK for row in rows)
    return text + (f"\n{SAME_TASK} in one task with the module above" if shared else "")


def rows_text(seen: ModuleWatch, came: int | None) -> tuple[str, str]:
    """Rows of the first port, for a module without ports the rows that ``came`` in; and what left by other ports."""
    counts = list(seen.rows_out.items())
    others = [f"{port} {count:,}" for port, count in counts[1:]]
    if seen.rejected and "reject" not in seen.rows_out:
        others.append(f"{seen.rejected:,} rejected")
    first = counts[0][1] if counts else came
    return "" if first is None else f"{first:,}", ", ".join(others)


def told(summary: RunSummary, watch: Watch, flow: str, stream: IO[str], *, listed: bool) -> str:
    """What a person reads when a run has ended: the modules, unless they are ``listed`` right above, how it ended, where the record lies."""
    style = Style(stream)
    state = style.state(summary.state, summary.state) + ("" if summary.reason in ("ok", "") else f" ({summary.reason.removeprefix('error:')})")
    end = f"{flow}: {state} in {summary.seconds:.2f} s, {plural(len(watch.modules), 'module')}"
    above = [] if listed else [module_table(watch.modules, watch.counts())]
    return "\n".join([*above, "", end, style.faint(f"record: {shown(summary.bundle)}")])


def failures(modules: Modules, ended: ErrorInfo | None, flow: Flow | None = None, *, handled: bool = False) -> list[Problem]:
    """What failed, each cause once, at the module it belongs to; in the flow file where that is at hand.

    ``handled``: the run completed all the same, so these are warnings.
    """
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
        # what fails at a module after its loop, such as a join, has the frame around that loop
        looped = id in modules and modules[id].frames.begun > 1 and (modules[id].error == error or error.frame != "0")
        frame = f"frame {error.frame}: " if looped else ""
        message = f"`{id}`: {frame}{error.message}" if place.line and not error.message.startswith(f"`{id}` ") else f"{frame}{error.message}"
        message = f"{message.rstrip('.')} (handled)" if handled else message
        problems.append(Problem(error.code, message, place, error.mend, severity="warning" if handled else "error", phase="run"))
    return problems


def flow_of(folder: str, name: str) -> Flow | None:
    """The flow ``name`` that was run, as it is now: of the flow files in its ``folder`` the one of that name. None where there is none or are several."""
    from pypeline.schema.reader import read_file

    found = []
    for path in sorted(Path(folder).glob("*.y*ml"))[:MOST_FILES] if folder else ():
        with suppress(OSError):
            if name.encode() in path.read_bytes():
                found.append(read_file(os.path.relpath(path)).flow)
    flows = [flow for flow in found if flow is not None and flow.flow.name == name]
    return flows[0] if len(flows) == 1 else None


def next_step(summary: RunSummary, folder: Path) -> str:
    """What to do after a run."""
    command = "report" if summary.state == "completed" else "show"
    there = "" if folder.resolve() == Path.cwd() else f" --folder {shown(folder)}"
    return f"next: pype {command} {summary.run_id}/{summary.attempt}{there}"
