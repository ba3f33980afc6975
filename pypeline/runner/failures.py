"""An exception as data: what failed, in one line, and why, without a traceback in sight.

The traceback is kept in ``detail`` for a report or a bug; nobody is shown it unasked.
"""

from __future__ import annotations

import traceback

from pypeline.core.results import ErrorInfo
from pypeline.schema.problems import PypeError, printable

MAX_TEXT = 16 * 1024
"""Characters of one text in a record; the rest is cut with a mark."""


def describe(error: BaseException, module: str = "") -> ErrorInfo:
    """``error``, raised while ``module`` ran, with the chain of its causes (outermost first)."""
    causes = tuple(f"{type(e).__name__}: {first_line(e)}" for e in _causes(error))
    detail = cut("".join(traceback.format_exception(error)))
    if isinstance(error, PypeError) and error.problems:
        problem = error.problems[0]
        more = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
        column = problem.place.path[-1] if problem.place.path else ""
        return ErrorInfo(
            problem.code, "PypeError", problem.message + more, problem.place.module or module, str(column), problem.mend, causes, detail
        )  # fmt: skip
    message = f"{type(error).__name__}: {first_line(error)}"
    return ErrorInfo("PYE459", type(error).__name__, message, module, mend="Read the module's log and configs.", causes=causes, detail=detail)


def first_line(error: BaseException) -> str:
    """The first line of what ``error`` says, safe to print."""
    lines = str(error).strip().splitlines()
    return printable(cut(lines[0])) if lines else "no message"


def cut(text: str) -> str:
    """``text``, at most :data:`MAX_TEXT` characters."""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text) - MAX_TEXT:,} characters cut)"


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    seen = {id(error)}
    step: BaseException | None = error
    while step is not None:
        step = step.__cause__ or (None if step.__suppress_context__ else step.__context__)
        if step is None or id(step) in seen:
            break
        seen.add(id(step))
        found.append(step)
    return found
