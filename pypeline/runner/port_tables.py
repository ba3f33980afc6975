"""Tables that pass the border of a flow: whether they are what was declared, and a name for them on the other side."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

from pypeline.core.columns import duckdb_type
from pypeline.core.planned import PlannedModule
from pypeline.core.results import HandOver
from pypeline.schema.problems import Place, Problem, PypeError


def fits(module: PlannedModule, port: str, table: HandOver) -> None:
    """Nothing, if ``table`` has the columns that ``module`` declares for ``port``, with their types.

    Raises:
        PypeError: PYE283, one is missing or of another type.
    """
    there = {column.name: column.type for column in table.schema}
    for name, type in module.configs["columns"].items():
        if name not in there:
            message = f"the table at `{port}` lacks the column `{name}`, which `{module.id}` declares"
        elif _spelled(there[name]) != _spelled(type):
            message = f"the table at `{port}` has `{name}` as {there[name]}, and `{module.id}` declares {type}"
        else:
            continue
        raise PypeError(Problem("PYE283", message, Place(path=("columns", name), module=module.id), "Convert it before this module, with select_mod."))


def _spelled(type: str) -> str:
    try:
        return duckdb_type(type)
    except ValueError:
        return type


def linked(table: HandOver, path: Path) -> HandOver:
    """``table`` under a second name, ``path`` with the file's own ending, which outlives the first.

    Raises:
        OSError: the disk refuses it.
    """
    target = path.with_name(path.name + Path(table.path).suffix)
    target.unlink(missing_ok=True)
    try:
        os.link(table.path, target)
    except OSError:
        shutil.copyfile(table.path, target)
    return replace(table, path=str(target))
