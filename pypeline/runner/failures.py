"""An exception as data: what failed, in one line, and where in the user's own code, without a traceback in sight.

The traceback is kept in ``detail`` and goes to the log; nobody is shown it unasked.
"""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

from pypeline.core.results import ErrorInfo
from pypeline.schema.problems import PypeError, printable

_NOT_THE_USERS = (Path(__file__).resolve().parents[1], *(Path(sysconfig.get_path(kind)) for kind in ("stdlib", "platlib", "purelib")))
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
            problem.code, "PypeError", problem.message + more, problem.place.module or module, str(column), problem.mend, causes, detail, kinds(error),
            exit_code=getattr(error, "exit_code", 0),
        )  # fmt: skip
    message = f"{type(error).__name__}: {first_line(error)}{own_line(error)}"
    mend = "The traceback is in logs/run.log of the run's folder."
    return ErrorInfo("PYE459", type(error).__name__, message, module, mend=mend, causes=causes, detail=detail, kinds=kinds(error))


def kinds(error: BaseException) -> tuple[str, ...]:
    """The names that ``retry_on`` may call ``error`` by: its class and all bases, plain and with their
    module, its problem's code, and the exit code of a command or of ``sys.exit``."""
    names: list[str] = []
    for cls in type(error).__mro__[:-1]:
        names.append(cls.__name__)
        if cls.__module__ != "builtins":
            names.append(f"{cls.__module__}.{cls.__qualname__}")
    if isinstance(error, PypeError):
        names += [problem.code for problem in error.problems]
    code = error.code if isinstance(error, SystemExit) else getattr(error, "returncode", None)
    if isinstance(code, int):
        names.append(str(int(code)))
    return tuple(dict.fromkeys(names))


def own_line(error: BaseException) -> str:
    """`` in line 3 of `mods/x.py` ``: the innermost line that is neither ours nor a library's; empty where there is none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == "<code>":
            return f" in line {frame.lineno} of the code"
        file = Path(frame.filename)
        if file.suffix == ".py" and not any(file.is_relative_to(place) for place in _NOT_THE_USERS):
            return f" in line {frame.lineno} of `{file.parent.name}/{file.name}`"
    return ""


def first_line(error: BaseException) -> str:
    """The first line of what ``error`` says, safe to print, also where asking it is an error itself."""
    try:
        lines = str(error).strip().splitlines()
    except Exception as broken:
        return f"its text cannot be read ({type(broken).__name__})"
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
