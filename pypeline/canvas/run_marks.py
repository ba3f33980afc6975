"""What a run shows on the canvas: states on cards, counts on links, valves open or closed, frames at work."""

from __future__ import annotations

from collections.abc import Iterable

from pypeline.canvas.faces import GATE, Faces, tag_text
from pypeline.canvas.items.keeper import Keeper
from pypeline.canvas.paint import Tag
from pypeline.core import geometry as g
from pypeline.core.control_shapes import Frame, Loop
from pypeline.core.figures import width
from pypeline.core.watch import LoopWatch, Watch, sub_flow_mark, valve_mark
from pypeline.resources.theme import SMALL_SIZE


def show(kept: Keeper, faces: Faces, watch: Watch | None, changed: frozenset[str]) -> None:
    """Show what ``watch`` says of what ``changed`` names; an empty ``changed`` means everything."""
    for id in changed | _gates(kept, changed) if changed else kept.cards:
        item = kept.cards.get(id)
        if item is not None:
            item.show_face(faces.of(id))
    # in one order, so that the same run always sets its counts at the same places
    _counts(kept, watch, sorted(changed) if changed else kept.links)
    _control(kept, watch, changed)


def _gates(kept: Keeper, changed: frozenset[str]) -> set[str]:
    """The gates that one of these control links leads to: they say how many have opened."""
    valves = (item for item in kept.controls if valve_mark(item.data_shape.index) in changed)
    return {item.link.target for item in valves if item.link.target in kept.cards and kept.cards[item.link.target].card.type == GATE}


def _counts(kept: Keeper, watch: Watch | None, ids: Iterable[str]) -> None:
    for id in ids:
        item = kept.links.get(id)
        if item is None:
            continue
        seen = watch.links.get(id) if watch else None
        if seen is None:
            if item.tag is not None:
                kept.taken.remove(item.tag.box)
            kept.show_count(item, None, None)
            continue
        text, note = tag_text(seen, item.shape_data.reject)
        wide = max(width(text, SMALL_SIZE, mono=True), width(note, SMALL_SIZE, mono=True)) + 8
        high = g.TAG_HEIGHT * (1.7 if note else 1.0)
        box = item.tag.box if item.tag else None
        # a count that grows keeps its place as long as it fits there
        if box is None or box.width < wide or box.width > wide + 24 or box.height != high:
            if box is not None:
                kept.taken.remove(box)
            box = g.tag_place(item.shape_data.curve, wide, kept.taken, high)
            kept.taken.add(box)
        kept.show_count(item, seen.rows, Tag(box, text, note))


def _passes(seen: LoopWatch | None) -> tuple[str, str]:
    """State and words of a loop: how many of its passes are over, failed or under way."""
    if seen is None:
        return "", ""
    return "running" if seen.running else "failed" if seen.failed else "", seen.words


def _valves(kept: Keeper, watch: Watch | None, changed: frozenset[str]) -> None:
    if not changed:
        kept.forget_notes()
    every = not kept.noted
    for item in kept.controls:
        if not every and valve_mark(item.data_shape.index) not in changed:
            continue
        opened, reason = watch.valves.get(item.data_shape.index, (None, "")) if watch else (None, "")
        note = kept.notes.place(item.data_shape, reason.replace("_", " ")) if reason and opened is False else None
        item.show_state("" if opened is None else "open" if opened else "closed", reason, note)


def _control(kept: Keeper, watch: Watch | None, changed: frozenset[str]) -> None:
    _valves(kept, watch, changed)
    for shape in kept.loops:
        if isinstance(shape.frame, Loop) and (not changed or valve_mark(shape.frame.index) in changed):
            shape.show_state(*_passes(watch.loops.get(shape.frame.index) if watch else None))
    for drawn, item in enumerate(kept.frames):
        n = watch.number(drawn, item.frame.modules) if watch is not None and isinstance(item.frame, Frame) else drawn
        if not changed or sub_flow_mark(n) in changed:
            state, reason = watch.sub_flows.get(n, ("", "")) if watch else ("", "")
            item.show_state(state, (reason if state == "cancelled" and reason else state).replace("_", " "))
