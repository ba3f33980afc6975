"""The one table of problem codes. ``docs/errors.md`` and ``pype explain CODE`` come from it.

load 1xx · graph 2xx · config 3xx · run 4xx · store 5xx. A code, once released, keeps its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means (``title``), why it exists (``why``) and what to do about it (``mend``)."""

    code: str
    title: str
    why: str
    mend: str


_ROWS: tuple[tuple[str, str, str, str], ...] = (
    # --- load 1xx: reading the file -------------------------------------------------------------
    ("PYE100", "the file cannot be read", "It is missing, is not a regular file, or may not be opened.", "Check the path and the permissions."),
    # --- graph 2xx: ids, ports, links, valves, variables ------------------------------------------
    (
        "PYE290",
        "not yet",
        "The flow uses a part of the language that this version reads and checks but does not run.",
        "Take that part out to run the flow, or wait for the release that runs it.",
    ),
    # --- config 3xx: module types, configs, expressions, SQL --------------------------------------
    # --- run 4xx -----------------------------------------------------------------------------------
    # --- store 5xx ---------------------------------------------------------------------------------
)

CODES: dict[str, Code] = {row[0]: Code(*row) for row in _ROWS}
