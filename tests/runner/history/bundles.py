"""Attempts on disk as a run writes them, with names and texts of the test's choosing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pypeline.core import events as e
from pypeline.core.results import ErrorInfo

START = 1_795_169_230.0
RUN = "orders-0123456789ab"


def attempt(
    store: Path, *, run: str = RUN, number: int = 1, flow: str = "orders", source: str = "read", sink: str = "write", text: str = "disk full",
    failed: bool = False, rows: int = 67_663, started: float = START, finished: bool = True,
) -> Path:  # fmt: skip
    """A source and a sink in two tasks; ``failed`` fails the sink at its second try, ``finished=False`` leaves the end out."""
    folder = store / "run_bundles" / run / f"attempt-{number}"
    folder.mkdir(parents=True)
    link = f"{source}.data - {sink}.input"
    error = ErrorInfo("PYE503", "OSError", text, module=sink, mend=f"Mend: {text}", causes=(f"because {text}",))

    def event(kind: Any, after: float, **parts: Any) -> dict[str, Any]:
        return e.to_json(kind(run=run, attempt=number, time=started + after, **parts))

    told = [
        event(e.RunStarted, 0, flow=flow, tasks=2, modules=2),
        event(e.SubFlowState, 0.1, sub_flow=0, title=source, state="running"),
        event(e.ModuleState, 0.1, module=source, task=source, state="running"),
        event(e.LinkCount, 0.9, link=link, rows=rows),
        event(e.ModuleState, 1.0, module=source, task=source, state="completed", reason="ok", rows_out={"data": rows}, rejected=12, seconds=0.9),
        event(e.ModuleState, 1.0, module=sink, task=sink, state="running"),
    ]
    if failed:
        told += [
            event(e.Retry, 1.5, task=sink, attempt_no=2, delay=0.5, error=error),
            event(e.Log, 1.6, level="WARN", message=f"again: {text}", node_id=f"{sink}#0"),
            event(e.ModuleState, 2.0, module=sink, task=sink, state="running", attempt_no=2),
            event(e.ModuleState, 3.0, module=sink, task=sink, state="failed", reason="error:OSError", attempt_no=2, seconds=1.0, error=error),
        ]
    else:
        told.append(event(e.ModuleState, 2.0, module=sink, task=sink, state="completed", reason="ok", seconds=1.0))
    state, seconds = ("failed", 3.0) if failed else ("completed", 2.0)
    if finished:
        told.append(event(e.SubFlowState, seconds, sub_flow=0, title=source, state=state))
        told.append(event(e.RunEnded, seconds, state=state, reason="error:OSError" if failed else "ok", seconds=seconds, error=error if failed else None))
        summary = {"run": run, "attempt": number, "flow": flow, "state": state, "reason": "error:OSError" if failed else "ok", "started": started,
                   "ended": started + seconds, "seconds": seconds, "links": {link: rows}, "host": text}  # fmt: skip
        (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in told))
    plan = {
        "flow": flow, "folder": "/flows", "settings": {}, "tasks": {source: {}, sink: {}}, "valves": [],
        "modules": {source: {"type": "csv_source", "kind": "source", "configs": {}}, sink: {"type": "csv_sink", "kind": "sink", "configs": {}}},
        "links": {link: {"source": source, "source_port": "data", "target": sink, "target_port": "input"}},
    }  # fmt: skip
    (folder / "plan.json").write_text(json.dumps(plan))
    return folder
