"""Two attempts side by side: which counts, states and times differ."""

from __future__ import annotations

from collections.abc import Iterable

from pypeline.runner.history.records import RunRecord
from pypeline.schema.record import record

NOTICED = 0.1
"""Seconds by which a module's time must differ, and by half of the shorter one, to be listed."""


@record
class Change:
    """One difference. ``what`` is ``state``, ``rows``, ``rejected``, ``seconds`` or ``module``;
    ``subject`` a module's or a link's id, empty for the whole run; an empty side means absent."""

    what: str
    subject: str
    before: str
    after: str


def compare(old: RunRecord, new: RunRecord) -> tuple[Change, ...]:
    """All that differs between two attempts: the run itself, then its links, then its modules, each in the new one's order."""
    changes = [*_one("state", "", old.state, new.state), *_one("flow", "", old.flow, new.flow)]
    for link in _both(old.links, new.links):
        changes += _one("rows", link, _count(old.links.get(link)), _count(new.links.get(link)))
    for id in _both(old.modules, new.modules):
        before, after = old.modules.get(id), new.modules.get(id)
        if before is None or after is None:
            changes.append(Change("module", id, "" if before is None else before.state, "" if after is None else after.state))
            continue
        changes += _one("state", id, _state(before.state, before.reason), _state(after.state, after.reason))
        changes += _one("rejected", id, f"{before.rejected:,}", f"{after.rejected:,}")
        if abs(after.seconds - before.seconds) > max(NOTICED, min(before.seconds, after.seconds) / 2):
            changes.append(Change("seconds", id, f"{before.seconds:.2f}", f"{after.seconds:.2f}"))
    return tuple(changes)


def _both(old: Iterable[str], new: Iterable[str]) -> list[str]:
    first = list(new)
    return first + [name for name in old if name not in set(first)]


def _one(what: str, subject: str, before: str, after: str) -> list[Change]:
    return [] if before == after else [Change(what, subject, before, after)]


def _count(rows: int | None) -> str:
    return "" if rows is None else f"{rows:,}"


def _state(state: str, reason: str) -> str:
    return state if reason in {"", "ok"} else f"{state} ({reason})"
