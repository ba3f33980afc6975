"""The shapes of control: frames of sub flows, links with their valves, the dashed frames of loops, and where a run's
words on a valve stand. Sizes are those of ``core/geometry.py``; nothing depends on a font."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pypeline.core import geometry as g
from pypeline.core.figures import elide, width
from pypeline.core.valves import TRIGGERS
from pypeline.resources.theme import SMALL_SIZE
from pypeline.schema.flow import ControlLink
from pypeline.schema.record import record

NOTE_ROOM = 180.0
"""How wide the reason of a closed valve may be."""
_OVER = 20.0
"""How far it may stand out of the frames: less than the margin of any picture."""


@record
class ControlShape:
    """A control link between two frames; ``way`` is the direction of its arrow, ``pill`` the valve's box and
    ``mark`` the middle of the sign that an iterate or start link carries where it leaves."""

    index: int
    text: str
    curve: g.Curve
    way: tuple[float, float]
    pill: g.Box
    trigger: str = "ok"
    mark: g.Point = (0.0, 0.0)

    @property
    def error(self) -> bool:
        """Whether it starts its target after a failure."""
        return self.trigger == "error"


@record
class Frame:
    """A sub flow's frame. ``number`` counts from 1 in file order."""

    number: int
    title: str
    box: g.Box
    modules: tuple[str, ...]


@record
class Loop:
    """What the iterate link ``index`` runs once for every row: a dashed frame around all sub flows of its scope,
    or one around each where something else stands between them. ``box`` holds all ``boxes``."""

    index: int
    title: str
    box: g.Box
    modules: tuple[str, ...]
    boxes: tuple[g.Box, ...]


@record
class Note:
    """What a run says of a valve, and where."""

    text: str
    box: g.Box


class Notes:
    """Places the notes of a drawing beside their pills, where they cover nothing else of it and hardly leave it."""

    def __init__(self, controls: Iterable[ControlShape], frames: Sequence[Frame], loops: Iterable[Loop] = ()) -> None:
        self._area = g.around(frame.box for frame in frames).grown(_OVER)
        self._taken = g.Grid(frame.box for frame in frames)
        for x, y, wide, high in (box for loop in loops for box in loop.boxes):
            # its title's line and its edges; between its frames there is room
            for edge in (g.Box(x, y, wide, g.LOOP_HEAD), g.Box(x, y, 4, high), g.Box(x + wide - 4, y, 4, high), g.Box(x, y + high - 4, wide, 4)):
                self._taken.add(edge)
        for shape in controls:
            self._taken.add(shape.pill)
            for share in range(13):
                x, y = g.point_at(shape.curve, share / 12)
                self._taken.add(g.Box(x - 3, y - 3, 6, 6))

    def place(self, shape: ControlShape, text: str) -> Note | None:
        """A note of this text at ``shape``; None where there is no room, until it is seen by pointing at the link."""
        text = elide(text, NOTE_ROOM, SMALL_SIZE)
        pill, wide, high = shape.pill, width(text, SMALL_SIZE) + 12, g.PILL_HEIGHT - 4
        x, level = pill.middle[0], pill.y + 2
        for left, top in (
            (pill.right + 4, level), (pill.x - wide - 4, level),
            (x + 6, pill.bottom + 2), (x - wide - 6, pill.bottom + 2), (x + 6, pill.y - high - 2), (x - wide - 6, pill.y - high - 2),
        ):  # fmt: skip
            box = g.Box(left, top, wide, high)
            if self._area.x <= left and box.right <= self._area.right and self._taken.free(box):
                self._taken.add(box)
                return Note(text, box)
        return None


def shapes(links: tuple[ControlLink, ...], cards: Mapping[str, g.Box], frames: tuple[Frame, ...], loops: tuple[Loop, ...]) -> tuple[ControlShape, ...]:
    """The control links between these frames; ``cards`` are the boxes of their ends. What leads into a loop ends at
    the loop's own frame, above its title."""
    frame_of = {id: frame for frame in frames for id in frame.modules}
    entered = {loop.index: loop for loop in loops}
    made: list[ControlShape] = []
    pills = g.Grid()
    for index, link in enumerate(links):
        source, target = frame_of.get(link.source), frame_of.get(link.target)
        if source is None or target is None or source is target:
            continue
        end = next((box for box in entered[index].boxes if box.meets(target.box)), target.box) if index in entered else target.box
        curve, way = g.control_curve(source.box, end, cards[link.source].middle[0], cards[link.target].middle[0])
        text = f"({link.valve.strip()})"
        pill = g.tag_place(curve, pill_width(text), pills, g.PILL_HEIGHT)
        pills.add(pill)
        made.append(ControlShape(index, text, curve, way, pill, trigger(link.valve), g.point_at(curve, g.MARK_AT)))
    return tuple(made)


def loops(links: tuple[ControlLink, ...], frames: tuple[Frame, ...]) -> tuple[Loop, ...]:
    """A frame around each iterate link's scope, the outer ones first and wide enough for those inside."""
    if not any(trigger(link.valve) == "iterate" for link in links):
        return ()
    frame_of = {id: n for n, frame in enumerate(frames) for id in frame.modules}
    after: dict[int, list[int]] = {}
    for link in links:
        if link.source in frame_of and link.target in frame_of:
            after.setdefault(frame_of[link.source], []).append(frame_of[link.target])
    scopes: dict[int, frozenset[int]] = {}
    for index, link in enumerate(links):
        if trigger(link.valve) == "iterate" and link.source in frame_of and link.target in frame_of:
            scopes[index] = _reached(frame_of[link.target], after)
    boxes: dict[int, tuple[g.Box, ...]] = {}
    for index in sorted(scopes, key=lambda i: len(scopes[i])):
        inside = [box for i in boxes if scopes[i] < scopes[index] for box in boxes[i]]
        members = [frames[n].box for n in sorted(scopes[index])]
        whole = _loop_box(g.around([*members, *inside]))
        strange = any(whole.meets(frame.box) for n, frame in enumerate(frames) if n not in scopes[index])
        boxes[index] = tuple(_loop_box(g.around([box, *(b for b in inside if b.meets(box))])) for box in members) if strange else (whole,)
    ids = {index: tuple(id for n in sorted(scope) for id in frames[n].modules) for index, scope in scopes.items()}
    order = sorted(scopes, key=lambda i: (-len(scopes[i]), i))
    return tuple(Loop(i, f"for every row of {links[i].source}", g.around(boxes[i]), ids[i], boxes[i]) for i in order)


def _loop_box(inner: g.Box) -> g.Box:
    return g.Box(inner.x - g.LOOP_PAD, inner.y - g.LOOP_HEAD, inner.width + 2 * g.LOOP_PAD, inner.height + g.LOOP_HEAD + g.LOOP_PAD)


def _reached(first: int, after: Mapping[int, list[int]]) -> frozenset[int]:
    """``first`` and all that control links lead to from it."""
    found, waiting = {first}, [first]
    while waiting:
        for n in after.get(waiting.pop(), ()):
            if n not in found:
                found.add(n)
                waiting.append(n)
    return frozenset(found)


def pill_width(text: str) -> float:
    """The width of a valve's pill; long conditions are cut at 34 letters when drawn."""
    return min(34, max(4, len(text))) * 6.4 + 16.0


def trigger(valve: str) -> str:
    """The trigger of a valve as far as it can be read; ``ok`` for what is none."""
    word = next(iter(valve.partition("|")[2].split()), "ok")
    return word if word in TRIGGERS else "ok"
