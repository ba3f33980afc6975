"""For the tests of expressions and SQL: a locked DuckDB instance and a small table to run them on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from pypeline.core import expressions
from pypeline.core.relation import col
from pypeline.runner.tables.connection import opened

INPUT = pa.table(
    {
        "i": pa.array([7, -7, None, 0], pa.int64()),
        "j": pa.array([2, 2, 2, 0], pa.int64()),
        "f": pa.array([2.5, -0.5, None, float("nan")], pa.float64()),
        "s": pa.array(["Ärger", "apple", None, ""], pa.string()),
        "b": pa.array([True, False, None, True], pa.bool_()),
        "My col": pa.array([1, 2, 3, 4], pa.int32()),
    }
)
COLUMNS = {name: col("input", name) for name in INPUT.column_names}


@contextmanager
def database(folder: Path, **tables: pa.Table) -> Iterator[Any]:
    """A locked instance in which ``tables`` (``input`` when none is named) can be read."""
    spill = folder / "spill"
    spill.mkdir(exist_ok=True)
    with opened(spill=str(spill), tables=tables or {"input": INPUT}) as connection:
        yield connection


def compiled(text: str, variables: dict[str, Any] | None = None, *, aggregates: bool = False) -> str:
    """The SQL of ``text`` over the columns of ``INPUT``."""
    return expressions.compile(text, COLUMNS, variables or {}, aggregates=aggregates).sql


def refusal(text: str, variables: dict[str, Any] | None = None, *, aggregates: bool = False) -> expressions.ExpressionError:
    """Why ``text`` is refused.

    Raises:
        AssertionError: it is not.
    """
    try:
        sql = compiled(text, variables, aggregates=aggregates)
    except expressions.ExpressionError as error:
        return error
    raise AssertionError(f"accepted: {text!r} as {sql!r}")
