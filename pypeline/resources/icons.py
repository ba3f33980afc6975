"""Our own icons as path data: 16 px grid, 1.5 px stroke, round ends, one colour, tinted when drawn.

A path uses absolute ``M``, ``L``, ``C`` and ``Z`` only, so that an SVG writer puts it into ``d=``
as it is and any painter can follow :func:`commands`. Icons are stroked, never filled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

SIZE = 16
STROKE = 1.5
_ROUND = 0.5523
"""How far the control points of a quarter circle lie from its ends, in radii."""


def _n(*values: float) -> str:
    return " ".join(f"{v:.4g}" for v in values)


def _line(*points: float) -> str:
    """A polyline through x, y, x, y, …"""
    pairs = [_n(*points[i : i + 2]) for i in range(0, len(points), 2)]
    return "M " + " L ".join(pairs)


def _closed(*points: float) -> str:
    return _line(*points) + " Z"


def _curve(*points: float) -> str:
    """A start point and then cubics: x, y, (x1, y1, x2, y2, x, y)…"""
    return f"M {_n(*points[:2])}" + "".join(f" C {_n(*points[i : i + 6])}" for i in range(2, len(points), 6))


def _ellipse(cx: float, cy: float, rx: float, ry: float) -> str:
    kx, ky = rx * _ROUND, ry * _ROUND
    return (
        f"M {_n(cx + rx, cy)} C {_n(cx + rx, cy + ky, cx + kx, cy + ry, cx, cy + ry)} C {_n(cx - kx, cy + ry, cx - rx, cy + ky, cx - rx, cy)} "
        f"C {_n(cx - rx, cy - ky, cx - kx, cy - ry, cx, cy - ry)} C {_n(cx + kx, cy - ry, cx + rx, cy - ky, cx + rx, cy)} Z"
    )


def _circle(cx: float, cy: float, radius: float) -> str:
    return _ellipse(cx, cy, radius, radius)


def _box(x: float, y: float, width: float, height: float, radius: float = 1.5) -> str:
    right, bottom, k = x + width, y + height, radius * (1 - _ROUND)
    return (
        f"M {_n(x + radius, y)} L {_n(right - radius, y)} C {_n(right - k, y, right, y + k, right, y + radius)} "
        f"L {_n(right, bottom - radius)} C {_n(right, bottom - k, right - k, bottom, right - radius, bottom)} "
        f"L {_n(x + radius, bottom)} C {_n(x + k, bottom, x, bottom - k, x, bottom - radius)} "
        f"L {_n(x, y + radius)} C {_n(x, y + k, x + k, y, x + radius, y)} Z"
    )


def _join(*parts: str) -> str:
    return " ".join(parts)


_SHEET = _join(_closed(3.5, 2, 9.5, 2, 12.5, 5, 12.5, 14, 3.5, 14), _line(9.5, 2, 9.5, 5, 12.5, 5))
_CYLINDER = _join(
    _ellipse(8, 4, 5, 2),
    _curve(3, 4, 3, 4, 3, 12, 3, 12, 3, 13.1, 5.2, 14, 8, 14, 10.8, 14, 13, 13.1, 13, 12, 13, 12, 13, 4, 13, 4),
    _curve(3, 8, 3, 9.1, 5.2, 10, 8, 10, 10.8, 10, 13, 9.1, 13, 8),
)

ICONS: Mapping[str, str] = {
    # --- sources and sinks ---------------------------------------------------------------------
    "file": _join(_SHEET, _line(5.75, 8, 10.25, 8), _line(5.75, 11, 10.25, 11)),
    "box": _join(_closed(8, 1.75, 13.5, 4.75, 13.5, 11.25, 8, 14.25, 2.5, 11.25, 2.5, 4.75), _line(2.5, 4.75, 8, 7.75, 13.5, 4.75), _line(8, 7.75, 8, 14.25)),
    "table": _join(_box(2, 3, 12, 10), _line(2, 6.5, 14, 6.5), _line(6.5, 6.5, 6.5, 13)),
    "dice": _join(_box(2.5, 2.5, 11, 11, 2.5), _circle(5.5, 5.5, 0.25), _circle(10.5, 10.5, 0.25), _circle(8, 8, 0.25)),
    "folder": _closed(2, 3.5, 6, 3.5, 7.5, 5.25, 14, 5.25, 14, 12.75, 2, 12.75),
    "database": _CYLINDER,
    # --- transforms ----------------------------------------------------------------------------
    "filter": _closed(2, 3, 14, 3, 9.5, 8.25, 9.5, 13.5, 6.5, 12, 6.5, 8.25),
    "columns": _join(_box(2, 2.75, 12, 10.5), _line(6, 2.75, 6, 13.25), _line(10, 2.75, 10, 13.25)),
    "formula": _join(
        _curve(9, 2.75, 7.4, 2, 6.3, 2.9, 6, 4.6, 5.6, 7.1, 5.2, 9.4, 4.8, 11.5, 4.5, 13.2, 3.4, 14, 2, 13.3),
        _line(3.5, 6.5, 8, 6.5),
        _line(9.5, 8.5, 13.5, 13),
        _line(13.5, 8.5, 9.5, 13),
    ),
    "join": _join(
        _curve(1.75, 4.5, 6.5, 4.5, 6.5, 11.5, 11, 11.5, 11, 11.5, 14, 11.5, 14, 11.5),
        _curve(1.75, 11.5, 6.5, 11.5, 6.5, 4.5, 11, 4.5, 11, 4.5, 14, 4.5, 14, 4.5),
        _line(12, 2.5, 14, 4.5, 12, 6.5),
        _line(12, 9.5, 14, 11.5, 12, 13.5),
    ),
    "sigma": _line(12, 4.5, 12, 2.75, 4, 2.75, 8.5, 8, 4, 13.25, 12, 13.25, 12, 11.5),
    "sort": _join(_line(4.5, 13, 4.5, 3), _line(2, 5.5, 4.5, 3, 7, 5.5), _line(9.5, 3.5, 14, 3.5), _line(9.5, 8, 12.75, 8), _line(9.5, 12.5, 11.5, 12.5)),
    "union": _join(_curve(2, 3.5, 6, 3.5, 5, 8, 9, 8), _curve(2, 12.5, 6, 12.5, 5, 8, 9, 8), _line(2, 8, 14, 8), _line(11.5, 5.5, 14, 8, 11.5, 10.5)),
    "unique": _join(
        _box(2, 2, 8, 8),
        _curve(
            12.5, 5.5, 13.4, 5.5, 14, 6.1, 14, 7, 14, 7, 14, 12.5, 14, 12.5, 14, 13.4, 13.4, 14, 12.5, 14, 12.5, 14, 7, 14, 7, 14, 6.1, 14, 5.5, 13.4, 5.5, 12.5
        ),
        _line(4.25, 6, 5.5, 7.25, 7.75, 4.75),
    ),
    "map": _join(
        _curve(2, 3.5, 2, 3.5, 4, 3.5, 4, 3.5, 7.5, 3.5, 7.5, 8, 10, 8, 10, 8, 14, 8, 14, 8),
        _curve(2, 12.5, 2, 12.5, 4, 12.5, 4, 12.5, 7.5, 12.5, 7.5, 8, 10, 8),
        _line(11.5, 3.5, 14, 3.5),
        _line(11.5, 12.5, 14, 12.5),
    ),
    "lookup": _join(_circle(6.75, 6.75, 4.25), _line(10, 10, 14, 14), _line(5, 5.75, 8.5, 5.75), _line(5, 7.75, 8.5, 7.75)),
    # --- code and control ------------------------------------------------------------------------
    "code": _join(_line(5, 4, 1.5, 8, 5, 12), _line(11, 4, 14.5, 8, 11, 12), _line(9.25, 2.75, 6.75, 13.25)),
    "python": _join(
        _curve(10.5, 5, 5.5, 5, 5.5, 5, 5.5, 5, 3.6, 5, 2.25, 6.3, 2.25, 8.25, 2.25, 10.2, 3.4, 11, 5, 11),
        _curve(
            5.5,
            5,
            5.5,
            3.2,
            6.2,
            2,
            8,
            2,
            9.8,
            2,
            10.5,
            3.2,
            10.5,
            5,
            10.5,
            5,
            10.5,
            6,
            10.5,
            6,
            10.5,
            7.4,
            9.7,
            8,
            8.5,
            8,
            8.5,
            8,
            7.5,
            8,
            7.5,
            8,
            6.3,
            8,
            5.5,
            8.6,
            5.5,
            10,
            5.5,
            10,
            5.5,
            11,
            5.5,
            11,
            5.5,
            12.8,
            6.2,
            14,
            8,
            14,
            9.8,
            14,
            10.5,
            12.8,
            10.5,
            11,
        ),
        _curve(5.5, 11, 10.5, 11, 10.5, 11, 10.5, 11, 12.4, 11, 13.75, 9.7, 13.75, 7.75, 13.75, 5.8, 12.6, 5, 11, 5),
    ),
    "log": _join(_box(2, 2.5, 12, 11), _line(4.75, 6, 11.25, 6), _line(4.75, 8.5, 9.5, 8.5), _line(4.75, 11, 7.5, 11)),
    "terminal": _join(_box(1.75, 2.75, 12.5, 10.5), _line(4.5, 6, 6.75, 8, 4.5, 10), _line(8.25, 10.25, 11.5, 10.25)),
    "gate": _join(_circle(8, 8, 2), _line(8, 1.75, 8, 6), _line(8, 10, 8, 14.25), _line(1.75, 8, 6, 8), _line(10, 8, 14.25, 8)),
    "mail": _join(_box(1.75, 3.25, 12.5, 9.5), _line(2.25, 4.25, 8, 8.75, 13.75, 4.25)),
    "web": _join(_circle(8, 8, 6), _ellipse(8, 8, 2.5, 6), _line(2, 8, 14, 8)),
    "module": _join(_box(2.5, 4, 11, 8, 2), _line(1, 8, 2.5, 8), _line(13.5, 8, 15, 8)),
    "unknown": _join(
        _box(2.5, 2.5, 11, 11, 2),
        _curve(6.25, 6.5, 6.25, 5.2, 7, 4.75, 8, 4.75, 9, 4.75, 9.75, 5.3, 9.75, 6.4, 9.75, 7.6, 8, 7.8, 8, 9.2),
        _line(8, 11.25, 8, 11.3),
    ),
    # --- the window ------------------------------------------------------------------------------
    "logo": _join(
        _curve(2, 4.5, 2, 4.5, 4, 4.5, 4, 4.5, 7, 4.5, 7, 8, 10, 8, 10, 8, 14, 8, 14, 8),
        _curve(2, 11.5, 2, 11.5, 4, 11.5, 4, 11.5, 7, 11.5, 7, 8, 10, 8),
        _line(10, 4.5, 14, 4.5),
        _line(10, 11.5, 14, 11.5),
    ),
    "run": _closed(4.5, 2.75, 13, 8, 4.5, 13.25),
    "run_to": _join(_closed(2.5, 3.5, 9, 8, 2.5, 12.5), _line(12.5, 3, 12.5, 13)),
    "stop": _box(3.5, 3.5, 9, 9, 1),
    "plan": _join(_line(2, 3.75, 10.5, 3.75), _line(4.5, 8, 14, 8), _line(2, 12.25, 8.5, 12.25)),
    "runs": _join(_circle(8, 8, 6), _line(8, 4.5, 8, 8, 10.5, 9.5)),
    "search": _join(_circle(7, 7, 4.5), _line(10.5, 10.5, 14, 14)),
    "fit": _join(
        _line(2.5, 6, 2.5, 2.5, 6, 2.5), _line(10, 2.5, 13.5, 2.5, 13.5, 6), _line(13.5, 10, 13.5, 13.5, 10, 13.5), _line(6, 13.5, 2.5, 13.5, 2.5, 10)
    ),
    "plus": _join(_line(8, 3, 8, 13), _line(3, 8, 13, 8)),
    "minus": _line(3, 8, 13, 8),
    "undo": _join(
        _curve(2.75, 6, 2.75, 6, 9.5, 6, 9.5, 6, 12, 6, 13.5, 7.5, 13.5, 9.5, 13.5, 11.5, 12, 13, 9.5, 13, 9.5, 13, 6, 13, 6, 13),
        _line(6, 2.75, 2.75, 6, 6, 9.25),
    ),
    "redo": _join(
        _curve(13.25, 6, 13.25, 6, 6.5, 6, 6.5, 6, 4, 6, 2.5, 7.5, 2.5, 9.5, 2.5, 11.5, 4, 13, 6.5, 13, 6.5, 13, 10, 13, 10, 13),
        _line(10, 2.75, 13.25, 6, 10, 9.25),
    ),
    "new": _join(_SHEET, _line(8, 7.25, 8, 11.75), _line(5.75, 9.5, 10.25, 9.5)),
    "open": _join(_line(2, 12.5, 2, 3.5, 6, 3.5, 7.5, 5.25, 12.5, 5.25, 12.5, 7.5), _closed(2, 12.75, 4.25, 7.5, 14.5, 7.5, 12.5, 12.75)),
    "save": _join(
        _closed(2.5, 2.5, 11, 2.5, 13.5, 5, 13.5, 13.5, 2.5, 13.5), _line(5, 13.5, 5, 9, 11, 9, 11, 13.5), _line(5.5, 2.5, 5.5, 5.5, 9.5, 5.5, 9.5, 2.5)
    ),
    "build": _join(_box(2, 6, 12, 7.75), _line(2, 9.5, 14, 9.5), _line(5.5, 6, 5.5, 3, 10.5, 3, 10.5, 6)),
    "validate": _join(_circle(8, 8, 6), _line(5.25, 8.25, 7.25, 10.25, 10.75, 6)),
    "eye": _join(
        _curve(1.5, 8, 3.5, 4.75, 5.6, 3.5, 8, 3.5, 10.4, 3.5, 12.5, 4.75, 14.5, 8, 12.5, 11.25, 10.4, 12.5, 8, 12.5, 5.6, 12.5, 3.5, 11.25, 1.5, 8),
        _circle(8, 8, 2),
    ),
    "link": _join(_circle(3.5, 8, 1.75), _circle(12.5, 8, 1.75), _line(5.25, 8, 10.75, 8)),
    "chart": _join(_line(2.5, 2.5, 2.5, 13.5, 13.5, 13.5), _line(5.5, 11, 5.5, 8.5), _line(8.5, 11, 8.5, 5), _line(11.5, 11, 11.5, 7)),
    "outline": _join(
        _line(2.5, 3.5, 6, 3.5), _line(5, 8, 13.5, 8), _line(5, 12.5, 13.5, 12.5), _line(2.5, 6, 2.5, 12.5), _line(2.5, 8, 3, 8), _line(2.5, 12.5, 3, 12.5)
    ),
    "settings": _join(
        _line(2, 4.5, 8, 4.5), _line(12, 4.5, 14, 4.5), _circle(10, 4.5, 1.75), _line(2, 11.5, 4, 11.5), _line(8, 11.5, 14, 11.5), _circle(6, 11.5, 1.75)
    ),
    "layout": _join(
        _box(1.75, 2.5, 4.5, 3.5, 1),
        _box(1.75, 10, 4.5, 3.5, 1),
        _box(9.75, 6.25, 4.5, 3.5, 1),
        _curve(6.25, 4.25, 8.25, 4.25, 7.75, 8, 9.75, 8),
        _curve(6.25, 11.75, 8.25, 11.75, 7.75, 8, 9.75, 8),
    ),
    "delete": _join(_line(2.5, 4, 13.5, 4), _line(6, 4, 6, 2.25, 10, 2.25, 10, 4), _line(4, 4, 4.6, 13.75, 11.4, 13.75, 12, 4)),
    "copy": _join(_box(5.5, 5.5, 8.5, 8.5), _line(10.5, 2.5, 2.5, 2.5, 2.5, 10.5)),
    "close": _join(_line(4, 4, 12, 12), _line(12, 4, 4, 12)),
    "down": _line(4, 6, 8, 10, 12, 6),
    "right": _line(6, 4, 10, 8, 6, 12),
    "warning": _join(_closed(8, 2.25, 14.25, 13.25, 1.75, 13.25), _line(8, 6.5, 8, 9.5), _line(8, 11.4, 8, 11.45)),
    "error": _join(_circle(8, 8, 6), _line(8, 4.75, 8, 8.75), _line(8, 11, 8, 11.05)),
    "sun": _join(
        _circle(8, 8, 3),
        _line(8, 1.5, 8, 2.5),
        _line(8, 13.5, 8, 14.5),
        _line(1.5, 8, 2.5, 8),
        _line(13.5, 8, 14.5, 8),
        _line(3.4, 3.4, 4.1, 4.1),
        _line(11.9, 11.9, 12.6, 12.6),
        _line(3.4, 12.6, 4.1, 11.9),
        _line(11.9, 4.1, 12.6, 3.4),
    ),
    "moon": _curve(
        13.5, 9.25, 12.8, 11.9, 10.6, 13.75, 7.9, 13.75, 4.7, 13.75, 2.25, 11.3, 2.25, 8.1, 2.25, 5.4, 4.1, 3.2, 6.75, 2.5, 6.1, 6.5, 9.5, 9.9, 13.5, 9.25
    ),
    # --- signs of run states, drawn in the badge at a card's top right -----------------------------
    "completed": _line(4.5, 8.25, 7, 10.75, 11.5, 5.5),
    "running": _join(_circle(8, 8, 3.2), _circle(8, 8, 1.7), _circle(8, 8, 0.5)),
    "pending": _circle(8, 8, 3.5),
    "reused": _join(
        _curve(11.75, 8, 11.75, 10.1, 10.1, 11.75, 8, 11.75, 5.9, 11.75, 4.25, 10.1, 4.25, 8, 4.25, 5.9, 5.9, 4.25, 8, 4.25, 9.4, 4.25, 10.5, 4.9, 11.5, 6),
        _line(11.75, 3.25, 11.75, 6, 9, 6),
    ),
    "failed": _join(_line(8, 4, 8, 8.75), _line(8, 11.5, 8, 11.55)),
    "cancelled": _line(5, 8, 11, 8),
}

OF_TYPE: Mapping[str, str] = {
    "csv_source": "file", "parquet_source": "box", "inline_source": "table", "generate_source": "dice", "file_list": "folder", "db_source": "database",
    "csv_sink": "file", "parquet_sink": "box", "log_sink": "log", "db_sink": "database", "filter_mod": "filter", "select_mod": "columns",
    "formula_mod": "formula", "join_mod": "join", "aggregate_mod": "sigma", "sort_mod": "sort", "union_mod": "union", "unique_mod": "unique",
    "sql_mod": "code", "python_mod": "python", "log_mod": "log", "map_mod": "map", "lookup_mod": "lookup", "python_solo": "python",
    "shell_solo": "terminal", "sync_gate": "gate", "sql_solo": "database", "send_mail": "mail", "run_flow": "run",
}  # fmt: skip
"""Icons of the types that we ship, for a declaration that names none."""

_OF_KIND: Mapping[str, str] = {"source": "file", "mod": "module", "sink": "box", "solo": "run"}


def icon_of(type: str, kind: str, named: str = "") -> str:
    """The name of the icon for a module type: the one it names, ours for the type, or its kind's."""
    if named in ICONS:
        return named
    return OF_TYPE.get(type) or _OF_KIND.get(kind, "unknown")


def sign_of(state: str, reason: str = "") -> str:
    """The icon for a run state: ✓ completed, ● running, ○ pending, ↻ reused, ! failed, – cancelled."""
    if state == "completed" and reason in {"reused", "not_needed"}:
        return "reused"
    return state if state in {"completed", "running", "failed", "cancelled"} else "pending"


def commands(path: str) -> Iterator[tuple[str, tuple[float, ...]]]:
    """The steps of a path: ``("M", (x, y))``, ``("L", (x, y))``, ``("C", (x1, y1, x2, y2, x, y))``, ``("Z", ())``."""
    words = path.split()
    place = 0
    while place < len(words):
        step = words[place]
        count = {"M": 2, "L": 2, "C": 6, "Z": 0}[step]
        yield step, tuple(float(w) for w in words[place + 1 : place + 1 + count])
        place += 1 + count
