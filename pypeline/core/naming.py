"""Column names in a module's config: finding them in a schema, keeping new ones apart.

DuckDB takes ``Value`` and ``value`` for one column and we do not: a config names columns exactly,
and a result in which two names differ by case only is a problem, never a silent overwrite.
Every function raises :class:`PypeError` with a place relative to the module's config.
"""

from __future__ import annotations

from collections.abc import Iterable

from pypeline.core.columns import Column, Schema, duckdb_type, names
from pypeline.schema.problems import Path, Place, Problem, PypeError, capital, did_you_mean


def misfit(code: str, message: str, path: Path, mend: str = "") -> PypeError:
    """The error a module raises about its config at ``path``."""
    return PypeError(Problem(code, message, Place(path=path), mend, phase="plan"))


def find(name: str, schema: Schema, path: Path, port: str = "input") -> Column:
    """The column ``name`` of ``schema``, which arrives at ``port``."""
    for column in schema:
        if column.name == name:
            return column
    raise misfit("PYE370", f"there is no column `{name}` at `{port}`", path, capital(did_you_mean(name, names(schema))))


def find_all(wanted: Iterable[str], schema: Schema, path: Path, port: str = "input") -> Schema:
    """The columns ``wanted``, in their order; naming one twice is a problem."""
    found = tuple(find(name, schema, (*path, index), port) for index, name in enumerate(wanted))
    distinct(names(found), path)
    return found


def fresh(name: str, taken: Iterable[str], mark: str = "_") -> str:
    """``name``, or ``name_1``, ``name_2`` … : the first that is not taken (case does not count)."""
    used = {t.casefold() for t in taken}
    candidate, number = name, 0
    while candidate.casefold() in used:
        number += 1
        candidate = f"{name}{mark}{number}"
    return candidate


def distinct(columns: Iterable[str], path: Path) -> None:
    """Nothing, if no two of the names are equal without regard to case."""
    seen: dict[str, str] = {}
    for name in columns:
        first = seen.get(name.casefold())
        if first is not None:
            raise misfit("PYE371", f"two columns would be called `{first}` and `{name}`", path, "Give one of them another name.")
        seen[name.casefold()] = name


def known_type(type: str, path: Path) -> str:
    """The DuckDB spelling of ``type``."""
    try:
        return duckdb_type(type)
    except ValueError:
        raise misfit("PYE372", f"`{type}` is no type", path, "Types are bool, int64, double, decimal(p,s), string, date, timestamp and the like.") from None
