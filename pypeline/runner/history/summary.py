"""The runs of a store: which there are, which one a name means, and a summary where none was written.

In: a store's folder. Out: records, the newest first. Listing reads the summaries alone, so that a
thousand runs list at once; a run whose process is gone without a final record shows as lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pypeline.core import events as e
from pypeline.runner.history.records import Fold, RunRecord, json_object
from pypeline.runner.store import lease
from pypeline.runner.store.bundle import Bundle, attempts
from pypeline.schema.problems import Place, Problem, PypeError, capital, did_you_mean


def summarise(events: Iterable[e.RunEvent], plan: Mapping[str, Any]) -> dict[str, Any]:
    """The summary that a run's events give, in the form of ``summary.json``: for runs whose process wrote none."""
    found = Fold()
    for event in events:
        found.take(event)
    record = found.record(Path(), plan, {})
    return {
        "flow": record.flow,
        "run": record.run,
        "attempt": record.attempt,
        "state": record.state,
        "reason": record.reason,
        "started": record.started,
        "ended": record.ended,
        "seconds": record.seconds,
        "handled": list(record.handled),
        "modules": {id: {"task": m.task, "state": m.state, "reason": m.reason, "rows_out": dict(m.rows_out), "rejected": m.rejected,
                         "seconds": m.seconds, "cpu_seconds": m.cpu_seconds, "peak_rss": m.peak_rss} for id, m in record.modules.items()},
        "links": dict(record.links),
        **({"frames": frames} if (frames := {id: m.frames.counts() for id, m in record.modules.items() if m.frames.begun > 1}) else {}),
    }  # fmt: skip


def runs(store: Path) -> list[RunRecord]:
    """All attempts in a store, the newest first, from their summaries alone (no events, no plan)."""
    found = [_listed(bundle) for run in sorted((store / "run_bundles").glob("*")) if run.is_dir() for bundle in attempts(run)]
    return sorted(found, key=lambda r: (-r.started, r.run, -r.attempt))


def find(store: Path, name: str = "") -> Path:
    """The folder of the attempt that ``name`` means: ``RUN/2``, a run id or the beginning of one (its
    newest attempt), a flow's name, or nothing at all for the newest of all; ``RUN/2/part-0-t1`` is a flow that this attempt ran.

    Raises:
        PypeError: PYE488, no attempt or more than one run is meant.
    """
    known = runs(store)
    run, _, rest = name.partition("/")
    attempt, _, inside = rest.partition("/")
    meant = [r for r in known if run in (r.run, r.flow)] or [r for r in known if r.run.startswith(run)]
    if attempt:
        meant = [r for r in meant if str(r.attempt) == attempt]
    ids = {r.run for r in meant}
    if not meant or (len(ids) > 1 and run and not any(r.flow == run for r in meant)):
        message = f"`{name}` names no run" if not meant else f"`{name}` names {len(ids)} runs"
        mend = capital(did_you_mean(name, {r.run for r in known})) if known else "Run a flow first: `pype run FLOW`."
        raise PypeError(Problem("PYE488", message, Place(file=str(store)), mend, phase="run"))
    path = meant[0].path
    for each in inside.split("/") if inside else ():
        ran = {child.path.name: child.path for child in children(path)}
        if each not in ran:
            mend = capital(did_you_mean(each, ran)) if ran else "That run has run no other flow."
            raise PypeError(Problem("PYE488", f"`{name}` names no run", Place(file=str(store)), mend, phase="run"))
        path = ran[each]
    return path


def children(bundle: Path) -> list[RunRecord]:
    """The flows that the attempt in the folder ``bundle`` ran itself, in the order in which they began, from their summaries alone."""
    folder = Bundle(bundle, "", 1).children
    found = [_listed(Bundle(path, path.name, 1)) for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return sorted(found, key=lambda r: (r.started, r.path.name))


def _listed(bundle: Bundle) -> RunRecord:
    summary = json_object(bundle.summary)
    alive = not summary and lease.alive(bundle.owner)
    started = summary.get("started") or _born(bundle.path)
    return RunRecord(
        path=bundle.path,
        run=bundle.run_id,
        attempt=bundle.attempt,
        flow=str(summary.get("flow") or bundle.run_id.rpartition("-")[0]),
        state=str(summary.get("state") or ("running" if alive else "failed")),
        reason=str(summary.get("reason") or ("" if alive else "lost")),
        started=float(started),
        ended=float(summary.get("ended") or 0.0),
        seconds=float(summary.get("seconds") or 0.0),
        links=summary.get("links") or {},
        summary=summary,
    )


def _born(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
