"""The engine's errors as a person reads them: a code, the module and column, and how to mend it.

A fused statement's error names no module: :mod:`pypeline.runner.tables.locate` finds it. Here the
error's kind becomes one of our codes, each with its mend, and a plan that writes is refused.
"""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pypeline.core.results import ErrorInfo, TaskResult
from pypeline.runner.order import Order
from pypeline.runner.tables.compile import Statement
from pypeline.runner.tables.fused import Fused
from pypeline.runner.tables.locate import locate
from pypeline.schema.problems import Place, Problem, PypeError

_WRITERS = ("COPY", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "DROP", "ALTER", "ATTACH", "EXPORT", "LOAD", "SET", "VACUUM")


def from_problem(problem: Problem) -> ErrorInfo:
    """A problem as a task's error."""
    place = problem.place
    column = next((str(p) for p in reversed(place.path) if isinstance(p, str)), "") if problem.code in ("PYE430", "PYE431") else ""
    return ErrorInfo(problem.code, "PypeError", problem.message, place.module, column, problem.mend)


def from_os(error: OSError) -> ErrorInfo:
    """An operating system error as a task's error."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ErrorInfo("PYE433", type(error).__name__, f"the disk is full: {error.filename or error}", mend="Free some space and run again.")
    return ErrorInfo("PYE434", type(error).__name__, f"{error.strerror or error}: `{error.filename}`", mend="Check the path and its permissions.")


def timed(result: TaskResult, seconds: float, cpu: float, peak: int) -> TaskResult:
    """``result`` with what it took: wall and CPU seconds, bytes at the peak."""
    return replace(result, seconds=seconds, cpu_seconds=cpu, peak_rss=peak)


def plan(connection: Any, statement: Statement) -> str:
    """The engine's plan of ``statement``, as JSON."""
    return str(connection.execute(f"EXPLAIN (FORMAT json) {statement.sql}").fetchall()[0][1])


def refuse_unplaced_writes(plan: str, statement: Statement) -> None:
    """Refuse a statement whose ``plan`` writes where we did not place a write.

    Raises:
        PypeError: PYE435; nothing has been executed.
    """
    writers = [name for name in _operators(plan) if any(word in name for word in _WRITERS)]
    copies = [name for name in writers if "COPY" in name]
    if len(writers) != len(copies) or len(copies) != statement.copies:
        found = next((name for name in writers if "COPY" not in name), "COPY")
        message = f"the segment's statement would run {found}, which no module of it asked for"
        raise PypeError(Problem("PYE435", message, Place(), "Look at the SQL of the segment's modules: only SELECT is allowed.", phase="run"))


def located(error: Exception, order: Order, fused: Fused, connection: Any, statement: Statement) -> PypeError:
    """The engine's ``error`` as a problem of the module where it arises, as far as can be told."""
    code, message, mend = classified(error)
    module, column, row = ("", "", "")
    if code in _IN_A_MODULE:
        module, column, row = locate(fused, connection, statement)
    if column:
        message = f"column `{column}`: {message}{f' in the row where {row}' if row else ''}"
    if not module and len(order.modules) == 1:
        module = order.modules[0].id
    return PypeError(Problem(code, message, Place(module=module, path=(column,) if column else ()), mend, phase="run"))


def classified(error: Exception) -> tuple[str, str, str]:
    """(code, message, mend) of an engine error, in one line without the engine's own advice."""
    text = _PREFIX.sub("", str(error).split("\n\n")[0].split("\nPossible ")[0]).replace("\n", " ").strip()
    kind = type(error).__name__
    for code, wanted, pattern, mend in _KINDS:
        if kind in wanted and re.search(pattern, str(error), re.IGNORECASE | re.DOTALL):
            return code, text, mend
    return "PYE436", text, "Look at the module's config and at the data that reaches it."


def _operators(plan: str) -> Iterator[str]:
    """The operator names of a plan."""
    waiting = list(json.loads(plan))
    while waiting:
        node = waiting.pop()
        yield str(node.get("name", "")).upper()
        waiting += node.get("children", [])


_PREFIX = re.compile(r"^[A-Z][A-Za-z ]* Error: ")
_IN_A_MODULE = {"PYE401", "PYE404", "PYE421", "PYE430", "PYE431", "PYE436"}
_ANY = r""
_DATA = ("ConversionException", "OutOfRangeException", "InvalidInputException")
_KINDS: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    ("PYE437", ("InterruptException",), _ANY, "Run it again when you want the result."),
    ("PYE432", ("OutOfMemoryException",), _ANY, "Give the task more memory (`resources.memory`), or free space for its spill folder."),
    ("PYE433", ("IOException", "Error", "HTTPException"), r"no space left|errno\W+28|disk quota|max_temp_directory_size", "Free some space and run again."),
    ("PYE401", ("IOException",), r"no such file|no files found|cannot open file", "Check the path, or whether what writes it has run."),
    ("PYE421", ("InvalidInputException",), r"holds a NUL character$|is infinite$", "Take it out of the file, or set `exact: true`, which rejects such rows."),
    ("PYE404", ("InvalidInputException", "IOException"), r"parquet|too small to be|magic bytes", "Check that the file is complete and of this format."),
    ("PYE421", ("InvalidInputException", "IOException", "Error"), r"csv|line", "Check delimiter, quote and line ends; files of mixed line ends need one kind."),
    ("PYE438", ("PermissionException",), _ANY, "Declare the file as a source of the flow: SQL reads its module's inputs only."),
    ("PYE430", ("OutOfRangeException", "ConversionException"), r"overflow|out of range", "Convert to a wider type first, for example `cast(x as double)`."),
    ("PYE431", _DATA, r"could not (convert|cast|parse)|can't be cast|field value", "Correct the data, or use `try_cast`, which gives null."),
    ("PYE415", ("BinderException", "CatalogException", "ParserException"), _ANY, "Correct the expression, or convert the types before this module."),
)
