"""A flow as one self-contained SVG: what the canvas shows, for pages, reports and pull requests.

In: a Flow, the catalogue, and where there is a run its states and counts. Out: text. Every name is
escaped; there is no script, no link and no outside file in it. Colours stand in a style sheet, so
that ``theme="auto"`` follows the reader's light or dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from math import log10
from typing import Literal, cast

from pypeline.core import geometry as g
from pypeline.core.control_shapes import ControlShape, Frame, Loop, Notes
from pypeline.core.figures import count, elide, one_line, short_count, width
from pypeline.core.foot import config_foot, run_foot
from pypeline.core.layout import Card, Catalogue, Drawing, LinkShape, Place, draw
from pypeline.core.results import State
from pypeline.core.watch import ModuleWatch
from pypeline.resources.icons import ICONS, sign_of
from pypeline.resources.theme import DARK, LIGHT, MONO_FONTS, SMALL_SIZE, TEXT_FONTS, TEXT_SIZE, Theme, font_list, mix
from pypeline.schema.flow import Flow

MARGIN = 24.0
SIGN_SCALE = 0.75


def svg(
    flow: Flow,
    catalogue: Catalogue,
    states: Mapping[str, ModuleWatch | str] | None = None,
    counts: Mapping[str, int] | None = None,
    theme: Literal["light", "dark", "auto"] = "light",
    *,
    sub_flows: Mapping[int, str] | None = None,
    loops: Mapping[int, str] | None = None,
    valves: Mapping[int, tuple[bool, str]] | None = None,
    places: Mapping[str, Place] | None = None,
) -> str:
    """The picture of ``flow``.

    ``states`` by module: a :class:`ModuleWatch`, or a word like ``completed`` or ``completed:reused``;
    ``counts`` rows by link id; ``sub_flows`` the text at a frame's right by its index from 0,
    ``loops`` that of a loop by the place of its iterate link among the control links, ``valves`` whether the link
    at that place opened, and why not: the way a run took is drawn through, reasons stand beside closed valves.
    ``places`` overrides the positions. Sizes are pixels; the picture scales.
    """
    drawing = draw(flow, catalogue, places)
    views = {id: _view(value) for id, value in (states or {}).items()}
    modules = {m.id: m for m in flow.modules}
    box = drawing.box.grown(MARGIN)
    parts: list[str] = []
    parts += (_loop(shape, (loops or {}).get(shape.index, "")) for shape in drawing.loops)
    parts += (_frame(frame, (sub_flows or {}).get(frame.number - 1, "")) for frame in drawing.frames)
    parts += (_control(shape, (valves or {}).get(shape.index)) for shape in drawing.controls)
    parts += filter(None, map(_mark, drawing.controls))
    parts += (_link(shape, (counts or {}).get(shape.id)) for shape in drawing.links)
    came_in: dict[str, int] = {}
    for shape in drawing.links:
        if counts and shape.id in counts:
            came_in[shape.target] = came_in.get(shape.target, 0) + counts[shape.id]
    for id, card in drawing.cards.items():
        view = views.get(id)
        foot = (run_foot(view, came_in.get(id)) if view else "") or config_foot(modules[id], catalogue)
        parts.append(_card(card, view, foot, bool(states)))
    parts += _tags(drawing, counts or {})
    parts += _notes(drawing, valves or {})
    title = escape(one_line(flow.flow.name))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="pype-flow" role="img" aria-label="Flow {title}" '
        f'viewBox="{_n(box.x, box.y, box.width, box.height)}" width="{_n(box.width)}" height="{_n(box.height)}">\n'
        f"<title>{title}</title>\n<style>{style(theme)}</style>\n{_DEFS}\n"
        f'<rect class="ground" x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" height="{_n(box.height)}"/>\n'
        f'<rect fill="url(#pype-dots)" x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" height="{_n(box.height)}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def style(theme: Literal["light", "dark", "auto"] = "light") -> str:
    """The style sheet of :func:`svg`; every rule is bound to its own class, for use inside a page."""
    if theme == "auto":
        return _shapes() + _colours(LIGHT) + "@media screen and (prefers-color-scheme: dark){" + _colours(DARK) + "}"
    return _shapes() + _colours(DARK if theme == "dark" else LIGHT)


_DEFS = (
    '<defs><pattern id="pype-dots" width="24" height="24" patternUnits="userSpaceOnUse"><circle class="dot" cx="2" cy="2" r="0.9"/></pattern>'
    f'<clipPath id="pype-name"><rect x="0" y="0" width="{g.CARD_WIDTH - 27:g}" height="64"/></clipPath>'
    f'<clipPath id="pype-card"><rect x="4" y="0" width="{g.CARD_WIDTH - 8:g}" height="2000"/></clipPath></defs>'
)


def _shapes() -> str:
    """Rules without colour: fonts, strokes, dashes."""
    own = ".pype-flow "
    rules = {
        "text": f"font-family:{font_list(TEXT_FONTS, 'sans-serif')};font-size:{TEXT_SIZE:g}px;white-space:pre",
        ".mono": f"font-family:{font_list(MONO_FONTS, 'monospace')};font-size:{SMALL_SIZE:g}px",
        ".small": f"font-size:{SMALL_SIZE:g}px",
        ".strong": "font-weight:600",
        ".icon": "fill:none;stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round",
        ".link": "fill:none;stroke-linecap:round",
        ".link.rejects": "stroke-dasharray:5 4",
        ".control": "fill:none;stroke-width:1.75;stroke-dasharray:1 4;stroke-linecap:round",
        ".control.iterate": "stroke-dasharray:5 3 0.5 3",
        ".control.start": "stroke-dasharray:8 4",
        ".control.open": "stroke-width:2.4;stroke-dasharray:none",
        ".loop": "stroke-width:1.25;stroke-dasharray:7 4",
        ".port": "stroke-width:2",
        ".pill": "stroke-width:1.25",
    }
    return "".join(f"{own}{selector}{{{body}}}" for selector, body in rules.items())


def _colours(theme: Theme) -> str:
    """One theme's colours as rules."""
    rules = {
        ".ground": f"fill:{theme.canvas}",
        ".dot": f"fill:{theme.dot}",
        ".frame": f"fill:{theme.frame};fill-opacity:.8;stroke:{theme.frame_line}",
        ".loop": f"fill:{theme.solo};fill-opacity:.04;stroke:{theme.solo}",
        ".shadow": f"fill:{theme.shadow};fill-opacity:{0.05 if theme.name == 'light' else 0.35}",
        ".card": f"fill:{theme.panel};stroke:{theme.line}",
        ".rule": f"stroke:{theme.line}",
        ".text": f"fill:{theme.text}",
        ".muted": f"fill:{theme.muted}",
        ".bad": f"fill:{theme.failure_text}",
        ".tag": f"fill:{theme.panel};stroke:{theme.line}",
        ".track": f"fill:{theme.line}",
        ".done": f"fill:{theme.accent}",
        ".pill": f"fill:{theme.panel};stroke:{theme.solo}",
        ".pill.error": f"stroke:{theme.failure}",
        ".valve": f"fill:{theme.solo_text}",
        ".valve.error": f"fill:{theme.failure_text}",
        ".control": f"stroke:{theme.solo}",
        ".control.error": f"stroke:{theme.failure}",
        ".arrow": f"fill:{theme.solo}",
        ".arrow.error": f"fill:{theme.failure}",
        ".pill.closed": f"stroke:{theme.muted}",
        ".valve.closed": f"fill:{theme.muted}",
        ".control.closed": f"stroke:{theme.muted}",
        ".arrow.closed": f"fill:{theme.muted}",
        ".link.rejects": f"stroke:{theme.failure}",
        ".port.rejects": f"stroke:{theme.failure}",
        ".port": f"fill:{theme.panel}",
        ".card.running": f"stroke:{theme.accent};stroke-width:1.75",
        ".card.failed": f"stroke:{theme.failure};stroke-width:1.75",
        ".glow.running": f"fill:{theme.accent};fill-opacity:.16",
        ".glow.failed": f"fill:{theme.failure};fill-opacity:.14",
    }
    for kind in ("source", "mod", "sink", "solo", "unknown"):
        rules[f".link.{kind}"] = f"stroke:{theme.kind(kind)}"
        rules[f".port.{kind}"] = f"stroke:{theme.kind(kind)}"
        rules[f".icon.{kind}"] = f"stroke:{theme.kind(kind)}"
        rules[f".tile.{kind}"] = f"fill:{theme.tile(kind)}"
    for sign, colour in {
        "completed": theme.source, "running": theme.accent, "failed": theme.failure,
        "pending": theme.muted, "reused": theme.muted, "cancelled": theme.muted,
    }.items():  # fmt: skip
        rules[f".icon.sign-{sign}"] = f"stroke:{colour}"
        rules[f".badge.sign-{sign}"] = f"fill:{mix(colour, theme.panel, 0.15)}"
    # rejects are red whatever kind they leave: last, and more exact
    rules[".link.rejects.rejects"] = f"stroke:{theme.failure}"
    rules[".port.rejects.rejects"] = f"stroke:{theme.failure}"
    return "".join(f".pype-flow {selector}{{{body}}}" for selector, body in rules.items())


def _view(value: ModuleWatch | str) -> ModuleWatch:
    if isinstance(value, ModuleWatch):
        return value
    state, _, reason = value.partition(":")
    return ModuleWatch(state=cast(State, state), reason=reason)


def _frame(frame: Frame, state: str) -> str:
    box = frame.box
    head = f"{frame.number}  "
    state = elide(state, box.width / 2, SMALL_SIZE)
    room = box.width - 28 - width(head, TEXT_SIZE, strong=True) - (width(state, SMALL_SIZE) + 12 if state else 0)
    title = elide(frame.title, room, TEXT_SIZE, strong=True)
    return (
        f'<g><rect class="frame" x="{_n(box.x + 0.5)}" y="{_n(box.y + 0.5)}" width="{_n(box.width - 1)}" height="{_n(box.height - 1)}" rx="10"/>'
        f'<text class="muted strong" x="{_n(box.x + 14)}" y="{_n(box.y + 21)}">{escape(head + title)}</text>'
        + (f'<text class="muted small" x="{_n(box.right - 14)}" y="{_n(box.y + 21)}" text-anchor="end">{escape(state)}</text>' if state else "")
        + "</g>"
    )


def _loop(shape: Loop, note: str = "") -> str:
    head = shape.boxes[0]
    note = elide(note, head.width / 2, SMALL_SIZE, mono=True)
    title = elide(shape.title, head.width * (0.5 if note else 1.0) - 32, TEXT_SIZE, strong=True)
    frames = "".join(
        f'<rect class="loop" x="{_n(box.x + 0.5)}" y="{_n(box.y + 0.5)}" width="{_n(box.width - 1)}" height="{_n(box.height - 1)}" rx="14"/>'
        for box in shape.boxes
    )
    return (
        f'<g>{frames}<text class="valve strong" x="{_n(head.x + 16)}" y="{_n(head.y + 17)}">{escape(title)}</text>'
        + (f'<text class="valve mono" x="{_n(head.right - 16)}" y="{_n(head.y + 17)}" text-anchor="end">{escape(note)}</text>' if note else "")
        + "</g>"
    )


_MARKS = {"iterate": "reused", "start": "run"}


def _mark(shape: ControlShape) -> str:
    """The sign of an iterate or start link where it leaves its source."""
    if shape.trigger not in _MARKS:
        return ""
    x, y = shape.mark
    half = 8 * 0.7
    return (
        f'<circle class="pill" cx="{_n(x)}" cy="{_n(y)}" r="{_n(g.MARK_RADIUS)}"/>'
        f'<path class="icon solo" transform="translate({_n(x - half)} {_n(y - half)}) scale(0.7)" stroke-width="2" d="{ICONS[_MARKS[shape.trigger]]}"/>'
    )


def _notes(drawing: Drawing, valves: Mapping[int, tuple[bool, str]]) -> Iterable[str]:
    """Why valves stayed closed, each beside its own."""
    closed = {index: reason.replace("_", " ") for index, (opened, reason) in valves.items() if reason and not opened}
    if not closed:
        return
    notes = Notes(drawing.controls, drawing.frames, drawing.loops)
    for shape in drawing.controls:
        note = notes.place(shape, closed[shape.index]) if shape.index in closed else None
        if note is not None:
            x, y = note.box.middle
            yield f'<text class="muted small" x="{_n(x)}" y="{_n(y + 3.75)}" text-anchor="middle">{escape(one_line(note.text))}</text>'


def _control(shape: ControlShape, valve: tuple[bool, str] | None = None) -> str:
    error = " error" if shape.error else f" {shape.trigger}" if shape.trigger in _MARKS else ""
    if valve is not None:
        error += " open" if valve[0] else " closed"
    tip = shape.curve[-1]
    head = g.arrow_head(tip, shape.way)
    text = shape.text if len(shape.text) <= 34 else shape.text[:33] + "…"
    x, y = shape.pill.middle
    return (
        f'<g><title>{escape(one_line(shape.text))}</title><path class="control{error}" d="{path(shape.curve)}"/>'
        f'<path class="arrow{error}" d="M {_n(*head[0])} L {_n(*head[1])} L {_n(*head[2])} Z"/>'
        f'<rect class="pill{error}" x="{_n(shape.pill.x)}" y="{_n(shape.pill.y)}" width="{_n(shape.pill.width)}" height="{_n(shape.pill.height)}" rx="10"/>'
        f'<text class="valve mono{error}" x="{_n(x)}" y="{_n(y + 3.75)}" text-anchor="middle">{escape(one_line(text))}</text></g>'
    )


def _link(shape: LinkShape, carried: int | None) -> str:
    classes = f"link {shape.kind}" + (" rejects" if shape.reject else "")
    note = f": {carried:,} rows" if carried is not None else ""
    return f'<path class="{classes}" d="{path(shape.curve)}" stroke-width="{link_width(carried):.2f}"><title>{escape(one_line(shape.id + note))}</title></path>'


def link_width(carried: int | None) -> float:
    """A link's stroke: thicker the more rows, from 1.5 to 4.5 pixels."""
    return 1.75 if carried is None else min(4.5, 1.5 + 0.4 * log10(1 + max(0, carried)))


def _card(card: Card, view: ModuleWatch | None, foot: str, in_run: bool) -> str:
    box = card.box
    sign = sign_of(view.state, view.reason) if view else "pending"
    failed = view is not None and view.state == "failed"
    loud = f" {view.state}" if view and view.state in {"running", "failed"} else ""
    name = escape(elide(card.id, g.NAME_ROOM, TEXT_SIZE, strong=True))
    type = escape(elide(card.type, g.TYPE_ROOM, SMALL_SIZE))
    foot = escape(elide(foot, g.FOOT_ROOM, SMALL_SIZE, mono=True))
    left, top, tile = g.TILE
    line = box.height - g.FOOT_HEIGHT
    parts = [
        f'<g transform="translate({_n(box.x)} {_n(box.y)})"><title>{escape(_tooltip(card, view))}</title>',
        f'<rect class="glow{loud}" x="-3" y="-3" width="{_n(box.width + 6)}" height="{_n(box.height + 6)}" rx="12"/>' if loud else "",
        f'<rect class="shadow" x="0" y="1.5" width="{_n(box.width)}" height="{_n(box.height)}" rx="9"/>' if not loud else "",
        f'<rect class="card{loud}" x="0" y="0" width="{_n(box.width)}" height="{_n(box.height)}" rx="9"/>',
        f'<rect class="tile {card.kind}" x="{_n(left)}" y="{_n(top)}" width="{_n(tile)}" height="{_n(tile)}" rx="7"/>',
        f'<path class="icon {card.kind}" transform="translate({_n(left + 5)} {_n(top + 5)})" d="{ICONS[card.icon]}"/>',
        f'<g clip-path="url(#pype-name)"><text class="text strong" x="{_n(g.TEXT_LEFT)}" y="{_n(g.NAME_BASE)}">{name}</text></g>',
        f'<g clip-path="url(#pype-card)"><text class="muted small" x="{_n(g.TEXT_LEFT)}" y="{_n(g.TYPE_BASE)}">{type}</text>',
        f'<text class="{"bad" if failed else "muted"} mono" x="10" y="{_n(box.height - 6.25)}">{foot}</text></g>',
        f'<path class="rule" d="M 1 {_n(line)} L {_n(box.width - 1)} {_n(line)}"/>',
        _badge(sign) if in_run else "",
        _progress(box, view),
        f'<path class="arrow" d="M {_n(box.width / 2 - 5)} -0.5 L {_n(box.width / 2 + 5)} -0.5 L {_n(box.width / 2)} 5 Z"/>' if card.head else "",
    ]
    for port in (*card.inputs, *card.outputs):
        classes = f"port {card.kind}" + (" rejects" if port.reject else "")
        x, y = port.at[0] - box.x, port.at[1] - box.y
        parts.append(f'<circle class="{classes}" cx="{_n(x)}" cy="{_n(y)}" r="{g.PORT_RADIUS - 0.75:g}"><title>{escape(one_line(port.name))}</title></circle>')
    return "".join(parts) + "</g>"


def _badge(sign: str) -> str:
    x, y = g.SIGN
    half = 8 * SIGN_SCALE
    return (
        f'<circle class="badge sign-{sign}" cx="{_n(x)}" cy="{_n(y)}" r="{_n(g.SIGN_RADIUS)}"/>'
        f'<path class="icon sign-{sign}" transform="translate({_n(x - half)} {_n(y - half)}) scale({SIGN_SCALE})" stroke-width="2" d="{ICONS[sign]}"/>'
    )


def _progress(box: g.Box, view: ModuleWatch | None) -> str:
    if view is None or view.state != "running" or view.fraction is None:
        return ""
    whole = box.width - 12
    share = max(0.0, min(1.0, view.fraction))
    return (
        f'<rect class="track" x="6" y="{_n(box.height - 2.75)}" width="{_n(whole)}" height="2" rx="1"/>'
        f'<rect class="done" x="6" y="{_n(box.height - 2.75)}" width="{_n(whole * share)}" height="2" rx="1"/>'
    )


def _tooltip(card: Card, view: ModuleWatch | None) -> str:
    text = f"{card.id} ({card.type})"
    if view:
        text += f": {view.state}" + (f", {run_foot(view)}" if run_foot(view) else "")
    return one_line(text[:600])


def _tags(drawing: Drawing, counts: Mapping[str, int]) -> Iterable[str]:
    """Counts on links, each where it covers neither card nor port nor another count."""
    taken = g.Grid(card.box.grown(g.PORT_RADIUS + 1) for card in drawing.cards.values())
    for shape in drawing.links:
        if shape.id not in counts:
            continue
        carried = counts[shape.id]
        text = count(carried) if carried < 10_000_000 else short_count(carried)
        box = g.tag_place(shape.curve, width(text, SMALL_SIZE, mono=True) + 10, taken)
        taken.add(box)
        x, y = box.middle
        tone = "bad" if shape.reject else "text"
        yield (
            f"<g><title>{escape(one_line(shape.id))}: {carried:,} rows</title>"
            f'<rect class="tag" x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" height="{_n(box.height)}" rx="5"/>'
            f'<text class="{tone} mono" x="{_n(x)}" y="{_n(y + 3.75)}" text-anchor="middle">{escape(text)}</text></g>'
        )


def path(curve: g.Curve) -> str:
    """A curve as SVG path data."""
    return f"M {_n(*curve[0])}" + "".join(f" C {_n(*curve[i], *curve[i + 1], *curve[i + 2])}" for i in range(1, len(curve), 3))


def _n(*values: float) -> str:
    """Numbers with at most two decimals, blank between."""
    return " ".join(f"{v:.2f}".rstrip("0").rstrip(".") if v else "0" for v in values)
