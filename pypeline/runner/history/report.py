"""One self-contained page about one attempt: what happened, what failed and how to mend it.

In: an attempt's folder. Out: ``report.html`` in it. No script, no outside file, every text escaped;
a content security policy says so to the browser, too. It reads what the run wrote and nothing else.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from pypeline.core.figures import count, duration, rate, size
from pypeline.core.watch import ModuleWatch
from pypeline.resources.icons import ICONS
from pypeline.runner.history import records
from pypeline.runner.history.drawing import picture
from pypeline.runner.history.gantt import gantt
from pypeline.runner.history.markup import Markup, Piece, joined, tag
from pypeline.runner.history.records import RunRecord
from pypeline.runner.history.report_style import style
from pypeline.runner.history.summary import children

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
MOST_ROWS = 2_000
"""Table rows before a table is cut, and says so."""


def write(bundle: Path) -> Path:
    """Write ``report.html`` for the attempt in ``bundle`` and return its path.

    Raises:
        PypeError: there is no run in that folder.
        OSError: the page cannot be written.
    """
    path = bundle / "report.html"
    fresh = path.with_suffix(".html.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(page(records.load(bundle), children(bundle)))
    fresh.replace(path)
    return path


def page(record: RunRecord, ran: Sequence[RunRecord] = ()) -> str:
    """The whole page; ``ran`` are the flows that the attempt ran itself."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{record.flow} · {record.state} · attempt {record.attempt}"),
        tag("style", Markup(style())),
    )
    parts = [
        _headline(record),
        _facts(record),
        _failures(record),
        _next(record),
        _flow(record),
        _timeline(record),
        _loops(record),
        _ran(ran),
        _modules(record),
        _links(record),
    ]
    body = tag("body", tag("main", *parts, _log(record), _environment(record), _foot(record)))
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"


def _headline(record: RunRecord) -> Markup:
    mark = tag("svg", tag("path", d=ICONS["logo"]), viewBox="0 0 16 16", width="24", height="24", aria_hidden="true")
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.started)) if record.started else "not started"
    said = record.state + ("" if record.reason in {"", "ok"} else f" · {record.reason.replace('_', ' ')}")
    return tag(
        "header",
        tag("div", mark, class_="mark"),
        tag("div", tag("h1", record.flow), tag("div", f"{record.run} · attempt {record.attempt} · {when}", class_="muted"), class_="grow"),
        tag("div", said, class_=f"state {record.state}"),
    )


def _facts(record: RunRecord) -> Markup:
    planned = record.plan.get("modules", {})
    done = sum(m.state == "completed" for m in record.modules.values())
    source = sum(sum(m.rows_out.values()) for id, m in record.modules.items() if planned.get(id, {}).get("kind") == "source")
    written = sum(record.rows_in(id) or 0 for id, module in planned.items() if module.get("kind") == "sink")
    rejected = tag("span", count(record.rejected), class_="red") if record.rejected else "0"
    pairs: list[tuple[str, Piece]] = [
        ("duration", duration(record.seconds)),
        ("modules completed", f"{done} of {len(planned) or len(record.modules)}"),
        ("rows read", count(source)),
        ("rows into sinks", count(written)),
        ("rows rejected", rejected),
    ]
    return tag("div", *(tag("div", tag("b", value), tag("span", name, class_="muted"), class_="fact") for name, value in pairs), class_="facts")


def _section(title: str, *inside: Piece, class_: str = "") -> Markup:
    return tag("section", tag("h2", title), *inside, **({"class_": class_} if class_ else {}))


def _failures(record: RunRecord) -> Markup:
    """What failed, each error once, at the module it belongs to."""
    boxes: list[Markup] = []
    told: set[str] = set()
    for id, module in record.modules.items():
        error = module.error
        if module.state != "failed" or error is None or (error.module and error.module != id and error.module in record.modules):
            continue
        told.add(error.message)
        message = f"frame {error.frame}: {error.message}" if module.frames.begun > 1 else error.message
        boxes.append(_failure(record, id, error.code, message, error.mend, error.column, error.causes, module.tries))
    last = record.error
    if last is not None and last.message not in told:
        boxes.append(_failure(record, last.module, last.code, last.message, last.mend, last.column, last.causes, 1))
    return _section("What failed", *boxes) if boxes else Markup("")


def _failure(record: RunRecord, id: str, code: str, message: str, mend: str, column: str, causes: tuple[str, ...], tries: int) -> Markup:
    planned = record.plan.get("modules", {}).get(id, {})
    place = [id] if id else ["the run"]
    place += [f"({planned['type']})"] if planned.get("type") else []
    place += [f"column {column}"] if column else []
    place += [f"after {tries} tries"] if tries > 1 else []
    handled = any(id in name for name in record.handled) if id else False
    return tag(
        "div",
        tag("p", tag("code", code), " ", " ".join(place), tag("span", " · handled by an error link") if handled else None, class_="muted"),
        tag("p", _said(message), class_="what"),
        tag("p", _said(mend)) if mend else None,
        *(tag("p", "because: ", tag("span", cause, class_="mono"), class_="muted") for cause in causes),
        class_="failure",
    )


def _said(sentence: str) -> Markup:
    """A problem's sentence: what stands between back quotes is a name or a value."""
    return joined(tag("code", piece) if odd % 2 else piece for odd, piece in enumerate(sentence.split("`")))


def _next(record: RunRecord) -> Markup:
    """What to do now, as commands."""
    steps: list[Markup] = []
    codes = dict.fromkeys(m.error.code for m in record.modules.values() if m.error is not None and m.error.code)
    steps += [tag("li", "Read what the error means: ", tag("code", f"pype explain {code}")) for code in list(codes)[:3]]
    if record.state != "completed":
        steps.append(tag("li", "See the log lines of this attempt in ", tag("code", "logs/run.log"), " beside this page."))
    if record.rejected:
        steps.append(
            tag("li", f"Look at the {count(record.rejected)} rejected rows: link the module's reject port to a sink, or read the sink it is linked to.")
        )
    steps.append(tag("li", "See this attempt in the terminal: ", tag("code", f"pype show {record.name}")))
    return _section("What to do next", tag("ol", *steps, class_="next"))


def _flow(record: RunRecord) -> Markup:
    drawn = picture(record)
    return _section("The flow", drawn, class_="flow") if drawn else Markup("")


def _timeline(record: RunRecord) -> Markup:
    return _section("Tasks over time", tag("div", gantt(record.bars, record.seconds), class_="scroll")) if record.bars else Markup("")


def _loops(record: RunRecord) -> Markup:
    """Every loop with its frames folded; those that failed one by one."""
    texts = {valve.get("index"): valve.get("text", "") for valve in record.plan.get("valves", ())}
    rows: list[list[Piece]] = []
    for valve, loop in sorted(record.loops.items()):
        frames = loop.frames
        red = tag("span", count(frames.failed), class_="red") if frames.failed else ""
        shown = ", ".join(f"{frame} ({reason.removeprefix('error:').replace('_', ' ')})" for frame, reason in loop.failures[:20])
        more = f" and {count(frames.failed - 20)} more" if frames.failed > 20 else ""
        left = count(frames.cancelled) if frames.cancelled else ""
        rows.append([str(texts.get(valve, valve)), count(loop.total), count(frames.completed), red, left, shown + more])
    heads = ["loop", "frames", "completed", "failed", "cancelled", "frames that failed"]
    return _section("Loops", _table(heads, rows, numbers={1, 2, 3, 4})) if rows else Markup("")


def _ran(ran: Sequence[RunRecord]) -> Markup:
    """The flows in the flow, by the names under which ``pype show`` and ``pype report`` know them; first those that did not complete."""
    worst = sorted(ran, key=lambda each: each.state == "completed")
    rows: list[list[Piece]] = [[tag("code", each.name), each.flow, each.state, each.reason.replace("_", " "), duration(each.seconds)] for each in worst]
    return _section("Flows it ran", _table(["name", "flow", "state", "reason", "time"], rows, numbers={4})) if rows else Markup("")


def _modules(record: RunRecord) -> Markup:
    planned = record.plan.get("modules", {})
    order = list(dict.fromkeys([*planned, *record.modules]))
    rows: list[list[Piece]] = []
    for id in order:
        seen = record.modules.get(id)
        state = seen.state if seen else "pending"
        word = "reused" if seen and seen.reason == "reused" else state
        into = record.rows_in(id)
        rows.append(
            [
                id,
                tag("span", str(planned.get(id, {}).get("type", "")), class_="muted"),
                tag("span", word, class_=f"pill {word}"),
                "" if into is None else count(into),
                _ports(seen.rows_out) if seen else "",
                tag("span", count(seen.rejected), class_="red") if seen and seen.rejected else "",
                duration(seen.seconds) if seen and seen.seconds else "",
                size(seen.peak_rss) if seen and seen.peak_rss else "",
                _reason(seen),
            ]
        )
    heads = ["module", "type", "state", "rows in", "rows out", "rejected", "time", "memory", "reason"]
    return _section("Modules", _table(heads, rows, numbers={3, 4, 5, 6, 7}))


def _reason(seen: ModuleWatch | None) -> str:
    if seen is None:
        return ""
    parts = ["" if seen.reason in {"", "ok", "reused"} else seen.reason.replace("_", " "), seen.frames.words]
    return "; ".join(part for part in parts if part)


def _ports(rows_out: object) -> Piece:
    if not isinstance(rows_out, dict) or not rows_out:
        return ""
    if len(rows_out) == 1:
        return count(next(iter(rows_out.values())))
    return joined(tag("div", tag("span", f"{port} ", class_="muted"), count(rows)) for port, rows in rows_out.items())


def _links(record: RunRecord) -> Markup:
    if not record.links:
        return Markup("")
    seconds = {id: record.modules[id].seconds for id in record.modules}
    planned = record.plan.get("links", {})
    rows: list[list[Piece]] = [[id, count(rows), rate(rows, seconds.get(planned.get(id, {}).get("source", ""), 0.0))] for id, rows in record.links.items()]
    return _section("Links", _table(["link", "rows", "speed"], rows, numbers={1, 2}))


def _log(record: RunRecord) -> Markup:
    lines = [line for line in record.logs if line.level in {"WARN", "ERROR"}]
    if not lines:
        return Markup("")
    rows: list[list[Piece]] = [
        [
            duration(max(0.0, line.time - record.started)),
            tag("span", line.level, class_="red" if line.level == "ERROR" else "muted"),
            line.node_id,
            line.message,
        ]
        for line in lines
    ]
    return _section("Warnings and errors in the log", _table(["at", "level", "module", "message"], rows, numbers={0}))


def _table(heads: list[str], rows: list[list[Piece]], numbers: set[int]) -> Markup:
    kind = [{"class_": "number"} if i in numbers else {} for i in range(len(heads))]
    body = [tag("tr", *(tag("td", cell, **kind[i]) for i, cell in enumerate(row))) for row in rows[:MOST_ROWS]]
    if len(rows) > MOST_ROWS:
        body.append(tag("tr", tag("td", f"and {len(rows) - MOST_ROWS:,} more", colspan=str(len(heads)), class_="muted")))
    head = tag("tr", *(tag("th", name, **kind[i]) for i, name in enumerate(heads)))
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), class_="scroll")


def _environment(record: RunRecord) -> Markup:
    summary, settings = record.summary, record.plan.get("settings", {})
    pairs = {
        "folder": str(record.path),
        "flow's folder": record.plan.get("folder"),
        "machine": summary.get("host"),
        "engine": summary.get("engine"),
        "PYpeline": summary.get("pypeline"),
        "Python": summary.get("python"),
        "mode": settings.get("execution_mode"),
        "on failure": settings.get("fail_strategy"),
        "tasks": len(record.plan.get("tasks", {})) or None,
        "tries repeated": len(record.retries) or None,
        "lines of the event log that could not be read": record.damaged or None,
    }
    return _section("Where it ran", tag("dl", *(joined([tag("dt", name), tag("dd", str(value))]) for name, value in pairs.items() if value)))


def _foot(record: RunRecord) -> Markup:
    return tag("footer", f"Made by PYpeline from the records in {record.path.name}. Nothing on this page loads anything or runs anything.")
