"""What goes wrong, as lines on standard error and an exit code. Never a traceback.

In: an exception that left a command. Problems print one line each; anything else is a bug of ours,
whose details go to a private file that the one line names.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pypeline.schema.problems import Place, Problem, PypeError, did_you_mean

BAD_INPUT, INTERNAL = 2, 3
_REFUSALS = frozenset(
    {errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EISDIR, errno.ENOTDIR}
    | {errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG, errno.EMFILE, errno.ENFILE, errno.ENODEV, errno.ENXIO, errno.ESTALE}
)
"""Errors that the machine or a path makes, whoever wrote the program."""


def failed(error: Exception, words: list[str]) -> int:
    """Show ``error``; returns the exit code."""
    if isinstance(error, PypeError):
        show(error.problems)
        if "--json" in words:
            print(json.dumps({"ok": False, "problems": [p.to_json() for p in error.problems]}, indent=2, ensure_ascii=False))
        return BAD_INPUT
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        show([refused(error)])
        return BAD_INPUT
    place = write_details(error, words)
    message = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    show([Problem("PYE480", message, Place(file="pype"), f"This is a bug in PYpeline, your files are as they were. The details are in {place}.")])
    return INTERNAL


def refused(error: OSError) -> Problem:
    """What the system would not do, as a problem of the user's and not a bug of ours."""
    if error.filename is not None:
        what = f"`{os.fsdecode(error.filename)}`: {error.strerror}"
    elif error.errno == errno.ENOENT:
        what = "the current folder is not there any more"
    else:
        from pypeline.app.cli.output import silence_output

        # what is written without a name is mostly standard output: Python must not try again at exit
        what = f"standard output or a file cannot be written: {error.strerror}"
        silence_output()
    return Problem("PYE493", what, Place(file="pype"), "Check the path, its permissions and the disk.")


def show(problems: Iterable[Problem]) -> None:
    """One line per problem on standard error, errors in red on a terminal."""
    from pypeline.app.cli.output import Style, shown

    style = Style(sys.stderr)
    for problem in problems:
        if os.path.isabs(problem.place.file):
            problem = replace(problem, place=replace(problem.place, file=shown(Path(problem.place.file))))
        code, _, rest = str(problem).partition(" ")
        with contextlib.suppress(OSError):
            # where standard error takes nothing, the exit code must tell
            print(f"{style.warn(code) if problem.severity == 'warning' else style.bad(code)} {rest}", file=sys.stderr)


def write_details(error: Exception, words: list[str]) -> str:
    """The traceback in a private file; returns its path. The values of `--set` stay out: they may be secret."""
    import platform
    import tempfile
    import traceback

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
