"""Variables in a shell command line: where they may stand (bare, so that quoting a value really protects), and filled in.

A value becomes one word in single quotes. Inside quotes of the user's own, right after a backslash
or a dollar sign, in a here-document or in arithmetic, those quotes would not hold and the value
could run as a command; there a variable is refused. What cannot be told apart is refused too.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from pypeline.core.variables import Reference, VariableError, as_text, find, joined, value_of

_UNTELLABLE = re.compile(r"<<|`|\$['\"]|\(\(|\$\{(?![A-Za-z_]\w*\})|\$\[")
_MEND = "Write the variable bare: its value becomes one quoted word, also next to other text, as in `--out={{context.name}}.csv`."


def substitute_shell(text: str, values: Mapping[str, Any]) -> str:
    """A shell command line with every reference replaced by its value as one quoted word.

    Raises:
        VariableError: a reference is misspelled, has no value, stands where quoting does not protect
            (see :func:`check_places`), or its value holds a line break.
    """
    refs = find(text)
    check_places(text, refs)
    words = []
    for ref in refs:
        word = as_text(value_of(ref, values))
        if any(c in word for c in "\n\r\0"):
            raise VariableError(
                "PYE249", f"the value of `{{{{{ref.key}}}}}` holds a line break", ref.start, "Pass such a value in a file or an environment variable."
            )
        words.append(shlex.quote(word))
    return joined(text, refs, words)


def check_places(text: str, refs: Sequence[Reference]) -> None:
    """Hold every reference of a command line to a bare place.

    Raises:
        VariableError: one stands where quoting would not protect.
    """
    if not refs:
        return
    bare = text
    for ref in refs:
        bare = bare[: ref.start] + "x" * (ref.end - ref.start) + bare[ref.end :]
    unclear = _UNTELLABLE.search(bare)
    if unclear:
        raise VariableError(
            "PYE256",
            f"variables cannot be used in a command line that holds `{unclear[0]}`",
            unclear.start(),
            "Pass them in the environment (`set`), or give the command as a list.",
        )
    starts = {ref.start: ref for ref in refs}
    quote, at = "", 0
    while at < len(bare):
        c = bare[at]
        here = starts.get(at)
        if here is not None:
            if quote:
                raise _refused(here, "inside quotes")
            if at and bare[at - 1] == "$":
                raise _refused(here, "right after `$`")
            at = here.end
            continue
        if c == "\\" and quote != "'":
            if at + 1 in starts:
                raise _refused(starts[at + 1], "right after a backslash")
            at += 2
            continue
        if quote == '"' and bare.startswith("$(", at):
            raise VariableError(
                "PYE256", "variables cannot be used beside a command substitution in quotes", at, "Split the command line, or give the command as a list."
            )
        if c == "#" and not quote and (at == 0 or bare[at - 1] in " \t\n;&|("):
            end = bare.find("\n", at)
            at = len(bare) if end < 0 else end
            continue
        if c in "'\"":
            quote = "" if quote == c else quote or c
        at += 1


def _refused(ref: Reference, where: str) -> VariableError:
    return VariableError("PYE256", f"`{{{{{ref.key}}}}}` stands {where}, where its value could run as a command", ref.start, _MEND)
