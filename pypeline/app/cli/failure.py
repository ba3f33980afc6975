"""What goes wrong, as lines on standard error and an exit code. Never a traceback.

In: an exception that left a command. Problems print one line each; anything else is a bug of ours,
whose details go to a private file that the one line names.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Iterable

from pypeline.schema.problems import Place, Problem, PypeError, did_you_mean

BAD_INPUT, INTERNAL = 2, 3


def failed(error: Exception, words: list[str]) -> int:
    """Show ``error``; returns the exit code."""
    if isinstance(error, PypeError):
        show(error.problems)
        if "--json" in words:
            print(json.dumps({"ok": False, "problems": [p.to_json() for p in error.problems]}, indent=2, ensure_ascii=False))
        return BAD_INPUT
    place = write_details(error, words)
    message = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    show([Problem("PYE480", message, Place(file="pype"), f"This is a bug in PYpeline, your files are as they were. The details are in {place}.")])
    return INTERNAL


def show(problems: Iterable[Problem]) -> None:
    """One line per problem on standard error, errors in red on a terminal."""
    from pypeline.app.cli.output import Style

    style = Style(sys.stderr)
    for problem in problems:
        code, _, rest = str(problem).partition(" ")
        print(f"{style.warn(code) if problem.severity == 'warning' else style.bad(code)} {rest}", file=sys.stderr)


def write_details(error: Exception, words: list[str]) -> str:
    """The traceback in a private file; returns its path. The values of `--set` stay out: they may be secret."""
    kept = [w.partition("=")[0] + "=…" if "=" in w else w for w in words]
    handle, path = tempfile.mkstemp(prefix="pype-error-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"pype {' '.join(kept)}\nPython {platform.python_version()} on {platform.platform()}\n\n")
        file.writelines(traceback.format_exception(error))
    return path


def unknown_command(name: str, known: Iterable[str]) -> PypeError:
    """There is no command ``name``."""
    hint = did_you_mean(name, known)
    return PypeError(Problem("PYE481", f"there is no command `{name}`", Place(file="pype"), f"{hint[:1].upper()}{hint[1:]} See `pype --help`."))
