"""Rows for a terminal: columns with their types under the names, numbers to the right, ``∅`` for null.

In: an Arrow table, or names, types and rows of Python values. Out: text that fits a width; columns
that do not fit are left out and named. Control characters show as escapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from pypeline.app.cli.output import Style, plural
from pypeline.core.aligned import clean, cut, width

NULL = "∅"
MOST = 40
"""Columns of a terminal that one cell may take."""
_GAP = "  "


def arrow_text(table: Any, style: Style, *, columns: int = 120, most_rows: int = 50) -> str:
    """An Arrow table as text, its first ``most_rows`` rows."""
    names = [field.name for field in table.schema]
    types = [_type(str(field.type)) for field in table.schema]
    head = table.slice(0, most_rows)
    values = [column.to_pylist() for column in head.columns]
    rows = [tuple(column[i] for column in values) for i in range(head.num_rows)]
    return rows_text(names, types, rows, style, columns=columns, total=table.num_rows)


def rows_text(names: Sequence[str], types: Sequence[str], rows: Sequence[Sequence[Any]], style: Style, *, columns: int = 120, total: int | None = None) -> str:
    """Rows of Python values as text; ``total`` is how many there are in all, ``columns`` the terminal's width."""
    cells = [[cut(cell(value), MOST) for value in row] for row in rows]
    wide = [
        min(MOST, max([width(clean(name)), width(type), *(width(row[i]) for row in cells)])) for i, (name, type) in enumerate(zip(names, types, strict=True))
    ]
    shown = _fitting(wide, columns)
    right = {i for i in shown if _numeric(types[i])}

    def line(texts: Sequence[str], paint: Any = None) -> str:
        parts = []
        for i in shown:
            text = cut(texts[i], wide[i])
            space = " " * (wide[i] - width(text))
            painted = paint(text) if paint else style.faint(text) if text == NULL else text
            parts.append(space + painted if i in right else painted + space)
        return _GAP.join(parts).rstrip()

    lines = [line([clean(name) for name in names], style.bold), line(list(types), style.faint), _GAP.join("─" * wide[i] for i in shown)]
    lines += [line(row) for row in cells]
    left_out = [clean(names[i]) for i in range(len(names)) if i not in shown]
    if left_out:
        lines.append(style.faint(cut(f"not shown for want of room: {', '.join(left_out)}", columns)))
    if total is not None and total > len(rows):
        lines.append(style.faint(f"first {len(rows):,} of {plural(total, 'row')}"))
    return "\n".join(lines)


def cell(value: Any) -> str:
    """One value: exact for whole numbers and decimals, shortest exact form for floats."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, bytes):
        return value.hex() if len(value) <= 16 else f"{value[:16].hex()}… ({len(value):,} bytes)"
    return clean(value)


def _fitting(wide: Sequence[int], columns: int) -> list[int]:
    """The leading columns that fit; always the first one."""
    used = 0
    shown: list[int] = []
    for i, size in enumerate(wide):
        used += size + (len(_GAP) if shown else 0)
        if used > columns and shown:
            break
        shown.append(i)
    return shown


def _numeric(type: str) -> bool:
    return type.startswith(("int", "uint", "float", "double", "decimal"))


_OURS = {"large_string": "string", "utf8": "string", "binary": "blob", "large_binary": "blob", "date32[day]": "date", "halffloat": "float"}


def _type(arrow: str) -> str:
    """An Arrow type in the words of a flow file."""
    if arrow.startswith("timestamp"):
        return "timestamptz" if "tz=" in arrow else "timestamp"
    if arrow.startswith("decimal128"):
        return arrow.replace("decimal128", "decimal").replace(" ", "")
    if arrow.startswith("time"):
        return "time"
    return _OURS.get(arrow, arrow)
