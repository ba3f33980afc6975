"""Edits of a flow as pure functions: a Flow in, a new Flow out, nothing else touched.

What a person can do to a drawing is one of these; the window wraps each into one undo step and
the writer turns the difference into the smallest change of the file. Edits never judge: a wrong
link is drawn and then reported by :mod:`pypeline.core.check`. They raise KeyError for ids that
are not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pypeline.core.modules import ModuleDecl
from pypeline.schema.flow import Configs, Connections, ControlLink, DataLink, Flow, Module

GRID = 8
"""Canvas positions are multiples of this, so that a move is a small, stable change of the file."""

Position = tuple[float, float]
Link = DataLink | ControlLink


def snap(position: Position) -> list[int]:
    """The grid point nearest to ``position``, as it stands in the file."""
    return [round(v / GRID) * GRID for v in position]


def free_id(flow: Flow, wanted: str) -> str:
    """``wanted`` made a valid id, with ``_2``, ``_3`` … where it is taken (case does not count)."""
    stem = re.sub(r"_{2,}", "_", re.sub(r"\W+", "_", wanted)).strip("_")[:56] or "module"
    if stem[0].isdigit():
        stem = f"m_{stem}"
    taken = {m.id.casefold() for m in flow.modules}
    candidate, number = stem, 1
    while candidate.casefold() in taken:
        number += 1
        candidate = f"{stem}_{number}"
    return candidate


def add_module(flow: Flow, decl: ModuleDecl, position: Position, *, id: str | None = None, configs: Mapping[str, Any] | None = None) -> tuple[Flow, str]:
    """``flow`` with a new module of this type at ``position``, and its id."""
    stem = id or re.sub(r"_(source|mod|sink|solo)$", "", decl.name)
    made = free_id(flow, stem)
    given = dict(configs or {})
    required = {k: given.pop(k) for k in list(given) if k in decl.required}
    module = Module(id=made, name=decl.name, configs=Configs(required=required, optional=given))
    return move(_with(flow, modules=(*flow.modules, module)), {made: position}), made


def remove(flow: Flow, ids: Iterable[str] = (), links: Iterable[Link] = ()) -> Flow:
    """``flow`` without these modules, what hangs on them, and these links."""
    gone, cut = set(ids), set(links)
    keep = [m for m in flow.modules if m.id not in gone]

    def stays(link: Link) -> bool:
        return link not in cut and link.source not in gone and link.target not in gone

    connections = Connections(
        data=tuple(x for x in flow.connections.data if stays(x)),
        control=tuple(x for x in flow.connections.control if stays(x)),
    )
    places = {k: v for k, v in flow.canvas.modules.items() if k not in gone}
    return _with(
        flow,
        modules=tuple(keep),
        connections=connections,
        canvas=flow.canvas.model_copy(update={"modules": places}),
        on_error=tuple(x for x in flow.on_error if x not in gone),
        finally_=tuple(x for x in flow.finally_ if x not in gone),
    )


def move(flow: Flow, positions: Mapping[str, Position]) -> Flow:
    """``flow`` with these modules at these positions, on the grid."""
    places = {**flow.canvas.modules, **{id: snap(at) for id, at in positions.items()}}
    return _with(flow, canvas=flow.canvas.model_copy(update={"modules": places}))


def connect(flow: Flow, link: Link) -> Flow:
    """``flow`` with ``link`` added at the end of its list; a link that is there already is not added twice."""
    data, control = flow.connections.data, flow.connections.control
    if link in data or link in control:
        return flow
    if isinstance(link, DataLink):
        return _with(flow, connections=Connections(data=(*data, link), control=control))
    return _with(flow, connections=Connections(data=data, control=(*control, link)))


def replace_link(flow: Flow, old: Link, new: Link) -> Flow:
    """``flow`` with ``new`` standing where ``old`` stood (a re-plugged end, another valve)."""
    data = tuple(new if x == old else x for x in flow.connections.data)
    control = tuple(new if x == old else x for x in flow.connections.control)
    return _with(flow, connections=Connections.model_validate({"data": data, "control": control}))


def insert_on_link(flow: Flow, link: DataLink, id: str, input_port: str, output_port: str) -> Flow:
    """``flow`` with module ``id`` put between the two ends of ``link``."""
    first = DataLink(source=link.source, source_port=link.source_port, target=id, target_port=input_port)
    second = DataLink(source=id, source_port=output_port, target=link.target, target_port=link.target_port)
    return connect(replace_link(flow, link, first), second)


def detach(flow: Flow, id: str) -> Flow:
    """``flow`` with module ``id`` taken out of its line: what fed it feeds what it fed, where it has one input."""
    into = [x for x in flow.connections.data if x.target == id]
    outof = [x for x in flow.connections.data if x.source == id]
    healed = remove(flow, links=[*into, *outof])
    if len(into) == 1:
        for link in outof:
            healed = connect(healed, DataLink(source=into[0].source, source_port=into[0].source_port, target=link.target, target_port=link.target_port))
    return healed


def set_config(flow: Flow, id: str, field: str, value: Any, *, required: bool, keep_null: bool = False) -> Flow:
    """``flow`` with one config value of module ``id`` set; None takes an optional value away, unless ``keep_null``
    says that null itself is meant."""
    module = flow.module(id)
    halves = {"required": dict(module.configs.required), "optional": dict(module.configs.optional)}
    home = "required" if required else "optional"
    halves["optional" if required else "required"].pop(field, None)
    if value is None and not required and not keep_null:
        halves[home].pop(field, None)
    else:
        halves[home][field] = value
    return set_module(flow, id, configs=Configs(**halves))


def unset_config(flow: Flow, id: str, field: str) -> Flow:
    """``flow`` without a value for this config field of module ``id``, in whichever half it stands."""
    configs = flow.module(id).configs
    required = {k: v for k, v in configs.required.items() if k != field}
    optional = {k: v for k, v in configs.optional.items() if k != field}
    return set_module(flow, id, configs=Configs(required=required, optional=optional))


def set_module(flow: Flow, id: str, **keys: Any) -> Flow:
    """``flow`` with top-level keys of module ``id`` set (``enabled``, ``note``, ``retries`` …), checked."""
    old = flow.module(id)
    new = Module.model_validate({**{k: getattr(old, k) for k in old.model_fields_set}, **keys})
    return _with(flow, modules=tuple(new if m.id == id else m for m in flow.modules))


def set_settings(flow: Flow, **keys: Any) -> Flow:
    """``flow`` with keys of ``settings`` set, checked."""
    old = flow.settings
    new = type(old).model_validate({**{k: getattr(old, k) for k in old.model_fields_set}, **keys})
    return _with(flow, settings=new)


def set_head(flow: Flow, **keys: Any) -> Flow:
    """``flow`` with keys of ``flow:`` set (``name``, ``description`` …), checked."""
    old = flow.flow
    new = type(old).model_validate({**{k: getattr(old, k) for k in old.model_fields_set}, **keys})
    return flow.model_copy(update={"flow": new}).with_marks(flow.marks)


def rename_module(flow: Flow, id: str, new: str) -> Flow:
    """``flow`` with module ``id`` called ``new`` everywhere: links, canvas, hooks and ``{{id__Var}}`` references."""
    flow.module(id)

    def name(x: str) -> str:
        return new if x == id else x

    reference = re.compile(r"\{\{(\s*)" + re.escape(id) + r"__", re.IGNORECASE)

    def text(value: Any) -> Any:
        if isinstance(value, str):
            return reference.sub(lambda m: "{{" + m[1] + new + "__", value)
        if isinstance(value, dict):
            return {k: text(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(text(v) for v in value)
        return value

    def module(m: Module) -> Module:
        configs = Configs(required=text(m.configs.required), optional=text(m.configs.optional))
        return m.model_copy(update={"id": name(m.id)} | ({"configs": configs} if configs != m.configs else {}))

    data = tuple(x.model_copy(update={"source": name(x.source), "target": name(x.target)}) for x in flow.connections.data)
    control = tuple(x.model_copy(update={"source": name(x.source), "target": name(x.target), "valve": text(x.valve)}) for x in flow.connections.control)
    return _with(
        flow,
        modules=tuple(module(m) for m in flow.modules),
        connections=Connections(data=data, control=control),
        canvas=flow.canvas.model_copy(update={"modules": {name(k): v for k, v in flow.canvas.modules.items()}}),
        on_error=tuple(name(x) for x in flow.on_error),
        finally_=tuple(name(x) for x in flow.finally_),
    )


def part(flow: Flow, ids: Iterable[str]) -> Flow:
    """The modules ``ids`` with the links and positions among them: what is copied."""
    chosen = set(ids)
    return remove(flow, [m.id for m in flow.modules if m.id not in chosen])


def paste(flow: Flow, piece: Flow, offset: Position = (24, 24)) -> tuple[Flow, tuple[str, ...]]:
    """``flow`` with the modules and links of ``piece`` added under free ids, shifted by ``offset``, and the new ids."""
    made: list[str] = []
    for module in piece.modules:
        # rename inside the piece first, so that its own links and references follow
        taken = _with(flow, modules=(*flow.modules, *(m for m in piece.modules if m.id != module.id)))
        new = free_id(taken, module.id)
        if new != module.id:
            piece = rename_module(piece, module.id, new)
        made.append(new)
    places = {k: (v[0] + offset[0], v[1] + offset[1]) for k, v in piece.canvas.modules.items() if _is_position(v)}
    merged = _with(
        flow,
        modules=(*flow.modules, *piece.modules),
        connections=Connections(
            data=(*flow.connections.data, *piece.connections.data),
            control=(*flow.connections.control, *piece.connections.control),
        ),
    )
    return move(merged, places), tuple(made)


def _is_position(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(v, int | float) for v in value)


def _with(flow: Flow, **changes: Any) -> Flow:
    """A copy with these fields replaced; which fields were written by the user stays known."""
    return flow.model_copy(update=changes).with_marks(flow.marks)
