"""Rows for the log, in the style that a module asks for.

In: the rows as the engine gives them, a JSON list, and the options of a :class:`Show`. Out: text, a
line or several. Every value passes ``clean``: a row cannot write a line that looks like one of ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pypeline.core.aligned import clean, table

NULL = "∅"


def as_text(rows: str | None, options: Mapping[str, Any]) -> str:
    """The rows as a ``table``, ``vertical`` (one value a line) or ``json`` (one object a row), below their title."""
    found: list[dict[str, Any]] = json.loads(rows or "[]")
    title = [clean(options["title"])] if options.get("title") else []
    style = options.get("style", "json")
    if not found:
        return "\n".join([*title, "no rows"])
    if style == "table":
        lines = [table(list(found[0]), [[_said(value) for value in row.values()] for row in found])]
    elif style == "vertical":
        widest = max(map(len, found[0]))
        lines = ["\n".join(f"{clean(name):{widest}}  {clean(_said(value))}" for name, value in row.items()) for row in found]
        return "\n".join([*title, "\n\n".join(lines)])
    else:
        lines = [json.dumps(row, ensure_ascii=False) for row in found]
    return "\n".join(title + lines)


def _said(value: Any) -> str:
    return NULL if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
