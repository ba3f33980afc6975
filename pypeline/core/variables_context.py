"""Context values: layers of flat names, the later over the earlier, held to what a context may be.

Comes in: what the files of `context/` and `--set` say. Goes out: name → number, text, true, false
or null. Reads no file.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pypeline.schema.problems import Place, Problem, PypeError, did_you_mean

Layer = tuple[str, Any]
"""(the file or option it comes from, what it says)"""

_NAME = re.compile(r"[^\W\d]\w*")
_SECRET_NAME = re.compile(r"(?:^|_)(?:password|passwd|pwd|passphrase|secret|token|apikey|(?:api|access|private|secret|auth)_?key|credentials?)$", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}|\bxox[abprs]-[\w-]{10,}|\bhvs\.[\w-]{20,}"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.|^[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@]+@"
)


def looks_secret(name: str, value: Any) -> bool:
    """Whether a plain ``value`` called ``name`` seems to be a secret, by its name or by its look."""
    if not isinstance(value, str) or not value:
        return False
    return _SECRET_NAME.search(name) is not None or _SECRET_VALUE.search(value) is not None


def resolve_context(layers: Sequence[Layer]) -> dict[str, Any]:
    """The context values of ``layers``, the later over the earlier.

    Raises:
        PypeError: every layer that is no flat mapping of names to JSON scalars, every plain secret.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for source, layer in layers:
        if not isinstance(layer, Mapping):
            problems.append(Problem("PYE250", "the context is not one mapping of names to values", Place(source), 'Write for example {"threshold": 10}.'))
            continue
        for name, value in layer.items():
            wrong = _wrong(name, value, Place(source, path=(str(name),)))
            if wrong is not None:
                problems.append(wrong)
            else:
                values[name] = value
    if problems:
        raise PypeError(*problems)
    return values


def context_warnings(values: Mapping[str, Any]) -> list[Problem]:
    """A warning for every value that holds braces: they stay as they are."""
    return [
        Problem(
            "PYE254",
            f"the value of `context.{name}` holds `{{{{`, which stays as it is: a value is never looked into for variables",
            Place("context", path=(name,)),
            "Write the value itself; a variable cannot be made of others.",
            severity="warning",
        )
        for name, value in values.items()
        if isinstance(value, str) and "{{" in value
    ]


def parse_set(text: str) -> tuple[str, Any]:
    """Name and value of one ``--set name=value``: a JSON number, ``true``, ``false``, ``null`` or text
    in double quotes is that; anything else is the text itself.

    Raises:
        PypeError: no ``=``, a name that is none, or a list or mapping.
    """
    name, equals, word = text.partition("=")
    name = name.strip().removeprefix("context.")
    place = Place("--set")
    if not equals or not _NAME.fullmatch(name):
        raise PypeError(Problem("PYE252", f"`{text}` is not `name=value`", place, "Write for example `--set threshold=10`."))
    try:
        value = json.loads(word, parse_constant=lambda constant: constant)
    except ValueError:
        return name, word
    if isinstance(value, (list, dict)):
        raise PypeError(Problem("PYE252", f"the value of `{name}` is a list or a mapping", place, "A context value is a number, a text, true, false or null."))
    if isinstance(value, float) and not math.isfinite(value):
        return name, word
    return name, value


def unknown_context(name: str, known: Iterable[str], place: Place | None = None) -> Problem:
    """The problem of a context that has no file; ``known`` are those that have one."""
    hint = did_you_mean(name, known)
    mend = hint[:1].upper() + hint[1:] if hint else "Add a file `context/FLOW_NAME.json` beside the flow."
    return Problem("PYE253", f"there is no context `{name}`", place or Place("context"), mend)


def _wrong(name: Any, value: Any, place: Place) -> Problem | None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return Problem("PYE250", f"`{name}` cannot be the name of a context variable", place, "Use letters, digits and `_`, and start with a letter or `_`.")
    if isinstance(value, (dict, list, tuple)):
        return Problem(
            "PYE250",
            f"the value of `{name}` is a {'mapping' if isinstance(value, dict) else 'list'}",
            place,
            "A value is a number, a text, true, false or null.",
        )
    if value is not None and not isinstance(value, (str, bool, int, float)):
        return Problem("PYE250", f"the value of `{name}` is a {type(value).__name__}", place, "A value is a number, a text, true, false or null.")
    if isinstance(value, float) and not math.isfinite(value):
        return Problem("PYE250", f"the value of `{name}` is not a finite number", place, "Write a number, or null.")
    if looks_secret(name, value):
        # the value itself is never shown
        return Problem(
            "PYE251",
            f"`{name}` looks like a secret",
            place,
            "Keep it in the vault or the environment, and put `{{vault:path#key}}` or `{{env.NAME}}` into the secret field.",
        )
    return None
