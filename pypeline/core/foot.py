"""The one line at a card's foot: what makes this module this one, or what became of it in a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pypeline.core.figures import duration, rows
from pypeline.core.modules import ModuleDecl
from pypeline.core.watch import ModuleWatch
from pypeline.schema.flow import Module

_FIRST = (("path",), ("expression", "aggregate", "sql"), ("columns", "column", "types", "new_column"))
"""Editors of the fields that say most, best first."""


def run_foot(seen: ModuleWatch, came_in: int | None = None, most: int = 0) -> str:
    """The most useful thing to say of a module in a run; empty before it began. ``came_in`` is said where nothing
    goes out; ``most`` is how often it may be tried, where that is known."""
    if seen.waits:
        return f"{_try(seen, most)} in {duration(seen.waits)}"
    if seen.state == "failed":
        if seen.reason == "task_failed" and seen.error is not None and seen.error.module:
            return f"not finished: `{seen.error.module}` failed"
        return seen.error.message if seen.error else seen.reason
    if seen.state == "running":
        if seen.rows_so_far is not None:
            return rows(seen.rows_so_far)
        return "running" if seen.tries == 1 else _try(seen, most)
    if seen.state == "cancelled":
        return seen.reason.replace("_", " ")
    return _done(seen, came_in) if seen.state == "completed" else ""


def _try(seen: ModuleWatch, most: int) -> str:
    return f"try {seen.tries}" + (f" of {most}" if most >= seen.tries else "")


def gate_foot(mode: object, met: int, links: int) -> str:
    """What a gate says: when it opens, and how many of the links into it have opened."""
    return f"{mode} · {met} of {links} open" if links else str(mode)


def _done(seen: ModuleWatch, came_in: int | None) -> str:
    if seen.reason in {"reused", "not_needed"} and not seen.rows_out:
        return seen.reason.replace("_", " ")
    # the main port is named first; what it rejected stands beside it
    main = next(iter(seen.rows_out.values()), came_in)
    if seen.rejected:
        return f"{main or 0:,} + {seen.rejected:,} rejected"
    last = "reused" if seen.reason == "reused" else duration(seen.seconds) if seen.seconds else ""
    return " ".join(part for part in ("" if main is None else rows(main), last) if part)


def config_foot(module: Module, catalogue: Mapping[str, ModuleDecl]) -> str:
    """What a card's foot says before a run: the file, condition or columns that make the module this one."""
    decl = catalogue.get(module.name)
    given = module.configs.flat()
    fields: Mapping[str, Any] = decl.fields if decl else {}
    for wanted in (("path",), ("expression", "aggregate", "sql"), ("columns", "column", "types", "new_column")):
        for name, value in given.items():
            hint = fields.get(name)
            editor = hint.get("x-pype", {}).get("editor") if isinstance(hint, Mapping) else None
            if editor in wanted:
                return _short(value, path=editor == "path")
    for name in decl.required if decl else tuple(module.configs.required):
        if name in given:
            return _short(given[name], path=False)
    return ""


def _short(value: Any, *, path: bool) -> str:
    if isinstance(value, Mapping):
        return ", ".join(str(key) for key in value)
    if isinstance(value, (list, tuple)):
        return ", ".join(item if isinstance(item, str) else str(next(iter(item.values()), "")) if isinstance(item, Mapping) else str(item) for item in value)
    text = str(value)
    return text.rstrip("/").rpartition("/")[2] if path else text
