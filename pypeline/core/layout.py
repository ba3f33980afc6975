"""A flow as shapes: which card, port, link, control link and frame stands where.

In: a Flow (also one with mistakes in it) and, where known, the catalogue. Out: positions
(:func:`auto`, :func:`positions`) and a whole :class:`Drawing` that SVG writer and window stroke.
Positions in ``canvas.modules`` win; what has none, or a bad one, is placed. Nothing here touches a
font, a file or Qt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import isfinite, sqrt
from typing import Any, Literal

from pypeline.core import control_shapes
from pypeline.core import geometry as g
from pypeline.core.control_shapes import ControlShape, Frame, Loop, trigger
from pypeline.core.edits import GRID
from pypeline.core.layers import Edge, arrange, components, levels
from pypeline.core.modules import ModuleDecl
from pypeline.core.ports import input_ports, output_ports
from pypeline.resources.icons import icon_of
from pypeline.schema.flow import DataLink, Flow, Module
from pypeline.schema.record import record

__all__ = ["Card", "ControlShape", "Drawing", "Frame", "LinkShape", "Loop", "Place", "Port", "auto", "draw", "given_places", "moved", "ports", "positions"]

Place = tuple[float, float]
_FAR = 1_000_000.0
_TIDY = 2_000
"""Up to this many links are led around cards; beyond that nobody follows one with the eye."""


@record
class Port:
    """A port on a card's edge; ``at`` is its middle."""

    name: str
    at: g.Point
    reject: bool = False


@record
class Card:
    """A module's card. ``kind`` is ``unknown`` for a type that the catalogue does not know."""

    id: str
    type: str
    kind: str
    icon: str
    box: g.Box
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    head: bool = False


@record
class LinkShape:
    """A data link's curve; ``kind`` is its source's, which gives the colour."""

    id: str
    source: str
    target: str
    curve: g.Curve
    kind: str
    reject: bool = False


@record
class Drawing:
    """All shapes of a flow, in painting order within each kind, and the box around them."""

    cards: Mapping[str, Card]
    links: tuple[LinkShape, ...]
    controls: tuple[ControlShape, ...]
    frames: tuple[Frame, ...]
    box: g.Box
    loops: tuple[Loop, ...] = ()


Catalogue = Mapping[str, ModuleDecl]


def auto(flow: Flow, catalogue: Catalogue | None = None) -> dict[str, Place]:
    """A place (left, top) for every module, whatever the file says: sub flows in rows by control order."""
    return _Sketch(flow, catalogue or {}).places()


def given_places(flow: Flow) -> dict[str, Place]:
    """The places that the file itself gives, without the bad ones."""
    return {id: place for id, value in flow.canvas.modules.items() if (place := _place(value)) is not None}


def positions(flow: Flow, catalogue: Catalogue | None = None) -> dict[str, Place]:
    """The file's place of every module where it gives a good one; the others beside their own sub flow, or below all."""
    given = given_places(flow)
    ids = [m.id for m in flow.modules]
    if not any(id in given for id in ids):
        return auto(flow, catalogue)
    if all(id in given for id in ids):
        return {id: given[id] for id in ids}
    sketch = _Sketch(flow, catalogue or {})
    made = sketch.places()
    lowest = max(y for id, (_, y) in given.items() if id in made) + g.CARD_HEIGHT + g.FRAME_GAP + g.FRAME_HEAD
    answer: dict[str, Place] = {}
    for part in sketch.parts:
        members = [sketch.ids[n] for n in part]
        anchor = next((id for id in members if id in given), None)
        dx, dy = (given[anchor][0] - made[anchor][0], given[anchor][1] - made[anchor][1]) if anchor else (0.0, lowest)
        for id in members:
            answer[id] = given.get(id) or (_snap(made[id][0] + dx), _snap(made[id][1] + dy))
    return {id: answer[id] for id in ids}


def draw(flow: Flow, catalogue: Catalogue | None = None, places: Mapping[str, Place] | None = None, *, tidy: bool = True) -> Drawing:
    """All shapes of ``flow``. ``tidy`` leads long links around cards (not wanted while something is dragged)."""
    known = catalogue or {}
    where = places if places is not None else positions(flow, known)
    sketch = _Sketch(flow, known)
    heads = {link.target for link in flow.connections.control}
    cards = {m.id: _card(m, sketch, where[m.id], m.id in heads) for m in flow.modules if m.id in where}
    frames = tuple(_frame(n, sketch.titles[n], [sketch.ids[i] for i in part], cards) for n, part in enumerate(sketch.parts))
    links = _links(sketch.links, cards, tidy)
    controls, loops = _control(flow, cards, frames)
    box = g.around([*(f.box for f in frames), *(x.box for x in loops), *(g.curve_box(link.curve) for link in links), *(g.curve_box(c.curve) for c in controls)])
    return Drawing(cards, links, controls, frames, box, loops)


def moved(drawing: Drawing, flow: Flow, places: Mapping[str, Place], ids: Iterable[str]) -> Drawing:
    """``drawing`` with the cards ``ids`` at their new ``places``: only they, their links and frames are made anew."""
    gone = {id for id in ids if id in drawing.cards}
    cards = dict(drawing.cards)
    for id in gone:
        cards[id] = _at(cards[id], places[id])
    data = {str(link): link for link in flow.connections.data if link.source in gone or link.target in gone}
    fresh = {shape.id: shape for shape in _links(tuple(data.values()), cards, tidy=False)}
    links = tuple(fresh.get(shape.id, shape) for shape in drawing.links)
    frames = tuple(_frame(f.number - 1, f.title, list(f.modules), cards) if not gone.isdisjoint(f.modules) else f for f in drawing.frames)
    controls, loops = _control(flow, cards, frames)
    return Drawing(cards, links, controls, frames, g.around([drawing.box, *(f.box for f in frames)]), loops)


def ports(module: Module, decl: ModuleDecl | None, links: tuple[DataLink, ...]) -> tuple[tuple[str, ...], tuple[str, ...], frozenset[str]]:
    """Names of a module's inputs, outputs and, among these, reject ports; ports that only links name come last."""
    inputs = list(input_ports(decl, module)) if decl else []
    outputs = list(output_ports(decl, module)) if decl else []
    outputs += [port for port in (decl.reject_ports if decl else ()) if port not in outputs]
    for link in links:
        if link.source == module.id and link.source_port not in outputs:
            outputs.append(link.source_port)
        if link.target == module.id and link.target_port not in inputs:
            inputs.append(link.target_port)
    return tuple(inputs), tuple(outputs), frozenset(decl.reject_ports if decl else ()) | ({"reject"} & set(outputs))


def _place(value: Any) -> Place | None:
    """A position as the file gives it: two finite numbers of a sane size, or nothing."""
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return None
    if any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in value):
        return None
    if not all(isfinite(v) and abs(v) <= _FAR for v in value):
        return None
    return float(value[0]), float(value[1])


def _snap(value: float) -> float:
    return round(value / GRID) * float(GRID)


class _Sketch:
    """The flow as numbers: modules, the links between them that exist, sub flows, ports."""

    def __init__(self, flow: Flow, catalogue: Catalogue) -> None:
        self.flow = flow
        self.catalogue = catalogue
        self.modules = {m.id: m for m in flow.modules}
        self.ids = list(self.modules)
        self.number = {id: n for n, id in enumerate(self.ids)}
        self.links = tuple(link for link in flow.connections.data if link.source in self.number and link.target in self.number)
        touching: dict[str, list[DataLink]] = {}
        for link in self.links:
            touching.setdefault(link.source, []).append(link)
            touching.setdefault(link.target, []).append(link)
        self.ports = {id: ports(m, catalogue.get(m.name), tuple(touching.get(id, ()))) for id, m in self.modules.items()}
        self.parts = components(len(self.ids), [(self.number[link.source], self.number[link.target]) for link in self.links])
        self.part_of = {node: index for index, part in enumerate(self.parts) for node in part}
        self.titles = _titles(flow, self.parts, self.ids)

    def height(self, id: str) -> float:
        inputs, outputs, _ = self.ports[id]
        return g.card_height(len(inputs), len(outputs))

    def places(self) -> dict[str, Place]:
        """Each sub flow layered, its frame then set into a row."""
        shapes = self._layered()
        origins = self._packed([self._frame_size(shape) for shape in shapes])
        answer: dict[str, Place] = {}
        for part, shape, (left, top) in zip(self.parts, shapes, origins, strict=True):
            for node in part:
                x, y = shape[node]
                answer[self.ids[node]] = (left + g.FRAME_PAD + x, top + g.FRAME_HEAD + y)
        return {id: answer[id] for id in self.ids}

    def _layered(self) -> list[dict[int, Place]]:
        inner: list[list[Edge]] = [[] for _ in self.parts]
        local = {node: index for part in self.parts for index, node in enumerate(part)}
        for link in self.links:
            a, b = self.number[link.source], self.number[link.target]
            leave = g.port_height(self.ports[link.source][1].index(link.source_port))
            enter = g.port_height(self.ports[link.target][0].index(link.target_port))
            if a != b:
                inner[self.part_of[a]].append(Edge(local[a], local[b], leave, enter))
        shapes: list[dict[int, Place]] = []
        for part, edges in zip(self.parts, inner, strict=True):
            placed = arrange([self.height(self.ids[n]) for n in part], edges)
            shapes.append({n: (placed.column[i] * g.COLUMN_STEP, placed.top[i]) for i, n in enumerate(part)})
        return shapes

    def _frame_size(self, shape: Mapping[int, Place]) -> tuple[float, float]:
        right = max(x for x, _ in shape.values()) + g.CARD_WIDTH
        bottom = max(y + self.height(self.ids[n]) for n, (_, y) in shape.items())
        return right + 2 * g.FRAME_PAD, bottom + g.FRAME_HEAD + g.FRAME_PAD

    def _packed(self, sizes: list[tuple[float, float]]) -> list[Place]:
        """Frames in rows: what starts nothing else first, then by the longest control path; wide rows wrap."""
        between = [
            (self.part_of[self.number[c.source]], self.part_of[self.number[c.target]])
            for c in self.flow.connections.control
            if c.source in self.number and c.target in self.number
        ]
        between = [(a, b) for a, b in between if a != b]
        level = levels(len(sizes), between)
        begun = {self.part_of[self.number[c.target]] for c in self.flow.connections.control if c.target in self.number and trigger(c.valve) == "iterate"}
        area = sum((w + g.FRAME_GAP) * (h + g.FRAME_GAP) for w, h in sizes)
        widest = max([w for w, _ in sizes] + [1440.0, sqrt(area * 1.6)], default=0.0)
        above: dict[int, list[int]] = {}
        for a, b in between:
            above.setdefault(b, []).append(a)
        origins: dict[int, Place] = {}
        top = 0.0
        for row in range(max(level, default=-1) + 1):
            members = [n for n in range(len(sizes)) if level[n] == row]
            # a loop begins with a line of its own above its first frame
            top += g.LOOP_HEAD if begun.intersection(members) else 0.0
            left, deepest, first = 0.0, 0.0, True
            for n in members:
                # below what starts it, as far as the frames before it in the row allow
                wish = _below([(origins[a][0], sizes[a][0]) for a in above.get(n, ()) if a in origins], sizes[n][0])
                x = max(left, _snap(wish))
                if not first and x + sizes[n][0] > widest:
                    top, deepest, x = top + deepest + g.FRAME_GAP, 0.0, 0.0
                origins[n] = (x, top)
                left, deepest, first = x + sizes[n][0] + g.FRAME_GAP / 2, max(deepest, sizes[n][1]), False
            top += deepest + g.FRAME_GAP
        return [origins[n] for n in range(len(sizes))]


def _below(above: list[tuple[float, float]], wide: float) -> float:
    """Where a frame's left edge goes below the (left, width) of those that start it: under one's, else in the middle of several."""
    if len(above) < 2:
        return above[0][0] if above else 0.0
    return max(0.0, sum(left + width / 2 for left, width in above) / len(above) - wide / 2)


def _titles(flow: Flow, parts: list[list[int]], ids: list[str]) -> list[str]:
    """A sub flow's title: that of a canvas group around it, else its first and last module, rejects left out."""
    named: dict[str, str] = {}
    for group in flow.canvas.groups:
        if isinstance(group, Mapping) and isinstance(group.get("title"), str) and isinstance(group.get("modules"), (list, tuple)):
            named.update({id: group["title"] for id in group["modules"] if isinstance(id, str)})
    aside = {link.target for link in flow.connections.data if link.source_port == "reject"}
    titles: list[str] = []
    for part in parts:
        members = [ids[n] for n in part]
        common = {named.get(id) for id in members}
        title = common.pop() if len(common) == 1 else None
        last = next((id for id in reversed(members) if id not in aside), members[-1])
        titles.append(title or (members[0] if last == members[0] else f"{members[0]} → {last}"))
    return titles


def _card(module: Module, sketch: _Sketch, place: Place, head: bool) -> Card:
    decl = sketch.catalogue.get(module.name)
    inputs, outputs, rejects = sketch.ports[module.id]
    x, y = place
    kind: Literal["source", "mod", "sink", "solo", "unknown"] = decl.kind if decl else "unknown"
    return Card(
        module.id,
        module.name,
        kind,
        icon_of(module.name if decl else "", kind, decl.icon if decl else ""),
        g.Box(x, y, g.CARD_WIDTH, g.card_height(len(inputs), len(outputs))),
        tuple(Port(name, (x, y + g.port_height(i))) for i, name in enumerate(inputs)),
        tuple(Port(name, (x + g.CARD_WIDTH, y + g.port_height(i)), name in rejects) for i, name in enumerate(outputs)),
        head,
    )


def _at(card: Card, place: Place) -> Card:
    """``card`` with its top left at ``place``."""
    dx, dy = place[0] - card.box.x, place[1] - card.box.y
    box = g.Box(place[0], place[1], card.box.width, card.box.height)
    inputs, outputs = (tuple(Port(p.name, (p.at[0] + dx, p.at[1] + dy), p.reject) for p in ports) for ports in (card.inputs, card.outputs))
    return replace(card, box=box, inputs=inputs, outputs=outputs)


def _frame(index: int, title: str, modules: list[str], cards: Mapping[str, Card]) -> Frame:
    inner = g.around(cards[id].box for id in modules if id in cards)
    box = g.Box(inner.x - g.FRAME_PAD, inner.y - g.FRAME_HEAD, inner.width + 2 * g.FRAME_PAD, inner.height + g.FRAME_HEAD + g.FRAME_PAD)
    return Frame(index + 1, title, box, tuple(modules))


def _links(links: tuple[DataLink, ...], cards: Mapping[str, Card], tidy: bool) -> tuple[LinkShape, ...]:
    blocks = g.Grid(card.box for card in cards.values()) if tidy and len(links) <= _TIDY else None
    shapes: list[LinkShape] = []
    for link in links:
        source, target = cards.get(link.source), cards.get(link.target)
        if source is None or target is None:
            continue
        leave = next(p for p in source.outputs if p.name == link.source_port)
        enter = next(p for p in target.inputs if p.name == link.target_port)
        curve = g.route(leave.at, enter.at, blocks) if blocks else g.link_curve(leave.at, enter.at)
        shapes.append(LinkShape(str(link), link.source, link.target, curve, source.kind, leave.reject))
    return tuple(shapes)


def _control(flow: Flow, cards: Mapping[str, Card], frames: tuple[Frame, ...]) -> tuple[tuple[ControlShape, ...], tuple[Loop, ...]]:
    links = flow.connections.control
    if not links:
        return (), ()
    loops = control_shapes.loops(links, frames)
    ends = {id: cards[id].box for link in links for id in (link.source, link.target) if id in cards}
    return control_shapes.shapes(links, ends, frames, loops), loops
