"""The tries of a run's tasks as bars over time, as inline SVG for the report."""

from __future__ import annotations

from collections.abc import Sequence

from pypeline.core.figures import duration, elide
from pypeline.runner.history.markup import Markup, tag
from pypeline.runner.history.records import Bar

WIDTH = 1100.0
LABEL = 190.0
ROW = 24.0
MOST = 150
"""More rows than this are not drawn: the longest tasks are."""


def gantt(bars: Sequence[Bar], seconds: float) -> Markup:
    """One row per task, in the order in which they began; several tries share a row."""
    tasks = list(dict.fromkeys(bar.task for bar in bars))
    if len(tasks) > MOST:
        longest = sorted(tasks, key=lambda t: -sum(b.end - b.start for b in bars if b.task == t))[:MOST]
        tasks = [t for t in tasks if t in set(longest)]
    whole = max([seconds, *(bar.end for bar in bars)], default=0.0) or 1.0
    scale = (WIDTH - LABEL - 90) / whole
    height = ROW * len(tasks) + 30
    parts: list[Markup] = []
    for tick in _ticks(whole):
        x = f"{LABEL + tick * scale:.1f}"
        parts.append(tag("line", class_="tick", x1=x, x2=x, y1="18", y2=f"{height - 6:.0f}"))
        parts.append(tag("text", duration(tick) if tick else "0", class_="quiet", x=x, y="11", text_anchor="middle"))
    rows = {task: 22 + ROW * index for index, task in enumerate(tasks)}
    for task, y in rows.items():
        parts.append(tag("text", elide(task, LABEL - 14, 12), x="0", y=f"{y + 15:.0f}"))
    for bar in bars:
        if bar.task in rows:
            parts.append(_bar(bar, rows[bar.task], scale))
    return tag("svg", *parts, class_="gantt", viewBox=f"0 0 {WIDTH:.0f} {height:.0f}", width="100%", role="img", aria_label="Tasks over time")


def _bar(bar: Bar, y: float, scale: float) -> Markup:
    x, wide = LABEL + bar.start * scale, max(2.0, (bar.end - bar.start) * scale)
    spent = duration(bar.end - bar.start)
    which = f"{bar.tries:,} frames" if bar.tries > 1 else f"try {bar.attempt_no}" if bar.frame == "0" else f"frame {bar.frame}, try {bar.attempt_no}"
    note = tag("title", f"{bar.task}, {which}: {bar.state} {bar.reason}, {spent}; {', '.join(bar.modules)}")
    if bar.tries == 1 and bar.frame != "0":
        # frames stand side by side in one row: their times would hide each other
        return tag("rect", note, class_=f"bar-{bar.state}", x=f"{x:.1f}", y=f"{y + 4:.0f}", width=f"{wide:.1f}", height="15", rx="3")
    return Markup(
        tag("rect", note, class_=f"bar-{bar.state}", x=f"{x:.1f}", y=f"{y + 4:.0f}", width=f"{wide:.1f}", height="15", rx="3")
        + tag("text", spent, class_="quiet", x=f"{x + wide + 6:.1f}", y=f"{y + 15.5:.1f}")
    )


def _ticks(whole: float) -> list[float]:
    """Four to nine round moments from 0 to ``whole``."""
    step = 10.0**-3
    while whole / step > 9:
        for factor in (2.0, 2.5, 2.0):
            step *= factor
            if whole / step <= 9:
                break
    return [step * n for n in range(int(whole / step) + 1)]
