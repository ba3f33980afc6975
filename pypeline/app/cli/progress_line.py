"""One line of a run's progress: a module with its rows, rate and time, the whole with its bar, a log line.

In: what the run's events have told so far. Out: text for one stream: signs that it can show, colours
where it may, cut to a width. It writes nothing.
"""

from __future__ import annotations

from typing import IO

from pypeline.app.cli.output import SAME_TASK, Style
from pypeline.core.aligned import clean, cut, width
from pypeline.core.events import Log
from pypeline.core.figures import duration, rate
from pypeline.core.figures import rows as rows_text
from pypeline.core.plan import Plan
from pypeline.core.results import TERMINAL
from pypeline.core.watch import ModuleWatch, Watch

_SIGNS = {"completed": "✓", "running": "●", "pending": "○", "reused": "↻", "failed": "!", "cancelled": "–"}
_PLAIN_SIGNS = {"completed": "+", "running": ">", "pending": ".", "reused": "=", "failed": "!", "cancelled": "-"}


class Look:
    """How a line is made: signs the stream can show, colours where it may, cut to the width."""

    def __init__(self, plan: Plan, stream: IO[str]) -> None:
        self.style = Style(stream)
        self.types = {id: module.type for id, module in plan.modules.items()}
        self.loops = {id: sub_flow.loop for sub_flow in plan.sub_flows if sub_flow.loop is not None for id in sub_flow.modules}
        self.around = {valve.index: plan.sub_flows[valve.source_sub_flow].loop for valve in plan.valves if valve.trigger == "iterate"}
        self.links = {valve.index: valve.text for valve in plan.valves}
        self.first = {id for task in plan.tasks.values() for id in task.modules[:1]}
        self.into: dict[str, list[str]] = {}
        for link in plan.links.values():
            self.into.setdefault(link.target, []).append(link.id)
        self.name = min(28, max((width(clean(id)) for id in plan.modules), default=8))
        self.type = min(18, max((width(clean(type)) for type in self.types.values()), default=8))
        self.rich = _can_show(f"✓●○↻–━{SAME_TASK}", stream)
        self.same = SAME_TASK if self.rich else "^"
        self.signs = _SIGNS if self.rich else _PLAIN_SIGNS

    def module(self, id: str, watch: Watch, now: float, columns: int) -> str:
        """One module's line."""
        seen = watch.modules.get(id) or ModuleWatch()
        between = seen.state == "completed" and not self.over(id, watch)
        said = self._facts(seen, self._rows(id, seen, watch), now, first=id in self.first)
        said = "  ".join(part for part in (said, self._frames(id, seen, watch)) if part)
        sign = "reused" if seen.state == "completed" and seen.reason in {"reused", "not_needed"} else "running" if between else seen.state
        name, type = _padded(clean(id), self.name), _padded(clean(self.types.get(id, "")), self.type)
        facts = cut(said, max(0, columns - self.name - self.type - 9))
        paint = {"completed": self.style.good, "failed": self.style.bad, "running": self.style.bold, "cancelled": self.style.warn}.get(sign, self.style.faint)
        if columns < self.name + self.type + 24:  # a narrow terminal: the name and what became of it
            return cut(f"  {self.signs[sign]} {name} {' '.join(said.split())}".rstrip(), columns - 1)
        faint = self.style.faint
        shown = paint(facts) if sign == "failed" else facts if sign == "running" or not facts else faint(facts)
        return f"  {paint(self.signs[sign])} {name if sign != 'pending' else faint(name)}  {faint(type)}  {shown}".rstrip()

    def over(self, id: str, watch: Watch) -> bool:
        """Whether a module has ended for good: in a loop that is once no pass is left."""
        seen = watch.modules.get(id)
        if seen is None or seen.state not in TERMINAL:
            return False
        loop = watch.loops.get(self.loops.get(id, -1))
        return loop is None or not (loop.around or loop.running)

    def share(self, id: str, watch: Watch) -> float:
        """How much of a module is done, 0..1: in a loop its part of the passes."""
        loop = watch.loops.get(self.loops.get(id, -1))
        if loop is None or self.over(id, watch):
            return float(self.over(id, watch))
        return loop.done / loop.total if loop.total else 0.0

    def within(self, valve: int) -> list[str]:
        """The modules in a loop and in all loops inside it."""
        inside, found = {valve}, []
        for _ in self.around:
            inside |= {loop for loop, outer in self.around.items() if outer in inside}
        for id, loop in self.loops.items():
            found += [id] if loop in inside else []
        return found

    def failed_frame(self, id: str, frame: str, why: str, columns: int) -> str:
        """One line for a failed pass of a module."""
        return cut(f"  {self.style.bad(self.signs['failed'])} {_padded(clean(id), self.name)}  frame {frame}: {clean(why)}", columns)

    def loop(self, valve: int, watch: Watch) -> str:
        """One line for a loop under way."""
        loop = watch.loops[valve]
        failed = f", {loop.failed:,} failed" if loop.failed else ""
        return f"  {self.style.bold(self.signs['running'])} {clean(self.links[valve])}  frame {loop.done:,}/{loop.total:,}{failed}"

    def _frames(self, id: str, seen: ModuleWatch, watch: Watch) -> str:
        """How far a module is in its loop."""
        loop = watch.loops.get(self.loops.get(id, -1))
        if loop is None or not seen.frames.begun:
            return ""
        if not self.over(id, watch):
            return f"frame {min(seen.frames.ended + 1, loop.total):,}/{loop.total:,}" + (f", {seen.frames.failed:,} failed" if seen.frames.failed else "")
        return "" if seen.state == "failed" else seen.frames.words

    def _rows(self, id: str, seen: ModuleWatch, watch: Watch) -> int | None:
        """Rows out of its first port; for a sink the rows that came in; while it runs the rows so far."""
        if seen.rows_out:
            return next(iter(seen.rows_out.values()))
        came = [watch.links[link].rows for link in self.into.get(id, ()) if link in watch.links]
        return sum(came) if came and seen.state == "completed" else seen.rows_so_far

    def _facts(self, seen: ModuleWatch, rows: int | None, now: float, *, first: bool) -> str:
        spent = seen.seconds or (max(0.0, now - seen.started) if seen.state == "running" and seen.started else 0.0)
        if seen.state == "failed":
            frames = seen.frames.words
            if seen.reason == "task_failed" and seen.error is not None and seen.error.module:
                return clean(f"not finished{frames and f' in {frames}'}: `{seen.error.module}` failed")
            which = f"{frames} failed, frame {seen.error.frame}: " if seen.error and frames else ""
            return clean(which + (seen.error.message if seen.error else seen.reason))
        if seen.state == "cancelled":
            return clean(seen.reason.replace("_", " "))
        if seen.state == "pending":
            return ""
        number, _, unit = rows_text(rows).partition(" ") if rows is not None else ("", "", "")
        # modules of one task have no times of their own
        timed = [f"{rate(rows or 0, spent):>9}", f"{duration(spent):>8}" if spent else " " * 8] if first else [" " * 9, f"{self.same:>8}"]
        parts = [f"{number:>12} {unit:4}", *timed]
        parts += [f"{seen.rejected:,} rejected"] if seen.rejected else []
        parts += [f"try {seen.tries}"] if seen.tries > 1 else []
        parts += [f"{seen.fraction:.0%}"] if seen.fraction is not None else []
        parts += [seen.reason.replace("_", " ")] if seen.state == "completed" and seen.reason not in {"", "ok"} else []
        return "  ".join(parts).rstrip()

    def total(self, share: float, text: str, state: str, columns: int) -> str:
        """The line below: a bar and what it stands for."""
        paint = {"completed": self.style.good, "failed": self.style.bad, "cancelled": self.style.warn}.get(state, self.style.bold)
        room = min(32, columns - width(text) - 6)
        if room < 8:
            return cut(text, columns - 1)
        full = round(max(0.0, min(1.0, share)) * room)
        done, rest = ("━", "─") if self.rich else ("#", ".")
        left = self.style.faint(rest * (room - full)) if full < room else ""
        return f"  {paint(done * full) if full else ''}{left}  {text}"

    def log(self, event: Log) -> str:
        """A log line."""
        paint = {"ERROR": self.style.bad, "WARN": self.style.warn}.get(event.level, self.style.faint)
        who = f"{clean(event.node_id)}: " if event.node_id else ""
        lines = [clean(line) for line in event.message.split("\n")]
        # lines of a text are set in, so that none of them looks like one of ours
        said = lines[0] if len(lines) == 1 else "".join(f"\n  {line}" for line in lines)
        return f"{paint(event.level)} {who}{said}"


def _padded(text: str, columns: int) -> str:
    text = cut(text, columns)
    return text + " " * (columns - width(text))


def _can_show(text: str, stream: IO[str]) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
