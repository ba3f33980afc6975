"""Buttons for problems that only the engine finds: a column that is called otherwise.

In: a problem of a module, and the flow it was found in. Out: the problem with its place in the flow
and, where the word that was meant is known, a fix. Pure.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from pypeline.core import expressions
from pypeline.core.expressions import ExpressionError
from pypeline.schema.flow import Flow, Module
from pypeline.schema.plain import plain
from pypeline.schema.problems import Fix, Path, Problem

_WRONG = re.compile(r"(?:unknown|there is no) column `([^`]+)`")
_MEANT = re.compile(r"[Dd]id you mean `([^`]+)`")


def mended(problem: Problem, flow: Flow, module: str) -> Problem:
    """``problem`` of ``module`` (its path within the module) at its line, with a fix where a program can mend it."""
    at = next((n for n, m in enumerate(flow.modules) if m.id == module), None)
    if at is None:
        return problem
    path = _path(flow.modules[at], at, problem.place.path)
    fix = _column_fix(problem, plain(flow), path)
    placed = problem.at(flow.marks.place(path, module))
    return replace(placed, fixes=(fix, *placed.fixes)) if fix is not None else placed


def of_whole(problem: Problem, part: Flow, flow: Flow) -> Problem:
    """``problem`` found in ``part`` of ``flow``, with the places and paths of the whole flow: a part counts its modules anew."""
    if part is flow:
        return problem
    at = {m.id: n for n, m in enumerate(flow.modules)}

    def moved(path: Path) -> Path:
        match path:
            case ("modules", int(n), *rest) if n < len(part.modules) and part.modules[n].id in at:
                return ("modules", at[part.modules[n].id], *rest)
        return path

    fixes = tuple(replace(fix, path=moved(fix.path), away=moved(fix.away)) for fix in problem.fixes)
    path = moved(problem.place.path)
    place = flow.marks.place(path, problem.place.module, problem.place.link) if path != problem.place.path else problem.place
    return replace(problem, place=place, fixes=fixes)


def _path(module: Module, at: int, path: Path) -> Path:
    """A module names its own fields; in the flow they stand under ``configs``."""
    for part in ("required", "optional"):
        if path and path[0] in getattr(module.configs, part):
            return ("modules", at, "configs", part, *path)
    return ("modules", at, *path)


def _column_fix(problem: Problem, data: Any, path: Path) -> Fix | None:
    wrong, meant = _WRONG.search(problem.message), _MEANT.search(f"{problem.message} {problem.mend}")
    if wrong is None or meant is None:
        return None
    here = data
    for step in path:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            return None
    fixed = _renamed(here, wrong[1], meant[1])
    return Fix(f"Use `{meant[1]}`", path, fixed) if fixed != here else None


def _renamed(value: Any, old: str, new: str) -> Any:
    """A field's value with column ``old`` called ``new``: a name, names in a list, or an expression."""
    if isinstance(value, list):
        return [_renamed(one, old, new) for one in value]
    if not isinstance(value, str):
        return value
    if value == old:
        return new
    try:
        return expressions.rename(value, old, new)
    except ExpressionError:
        return value
