"""What a plain value may be: does it look like a secret, does it hold braces that stay braces.

Reads no file; where context values come from is ``runner/variables.py``'s business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pypeline.schema.problems import Place, Problem
from pypeline.schema.record import record

_SECRET_NAME = re.compile(r"(?:^|_)(?:password|passwd|pwd|passphrase|secret|token|apikey|(?:api|access|private|secret|auth)_?key|credentials?)$", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}|\bxox[abprs]-[\w-]{10,}|\bhvs\.[\w-]{20,}"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.|^[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@]+@"
)


@record
class Asked:
    """In a context, in place of a value that a person gives when the flow runs."""

    secret: bool = False


def known_now(values: Mapping[str, Any]) -> dict[str, Any]:
    """The context values that are known before a run."""
    return {name: value for name, value in values.items() if not isinstance(value, Asked)}


def looks_secret(name: str, value: Any) -> bool:
    """Whether a plain ``value`` called ``name`` seems to be a secret, by its name or by its look."""
    if not isinstance(value, str) or not value:
        return False
    return _SECRET_NAME.search(name) is not None or _SECRET_VALUE.search(value) is not None


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
