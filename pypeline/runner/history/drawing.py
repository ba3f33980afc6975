"""A past run as a picture: the flow as its plan knew it, with the states and counts of that attempt."""

from __future__ import annotations

from pypeline.core.modules import ModuleDecl
from pypeline.core.picture import svg
from pypeline.runner.history.markup import Markup
from pypeline.runner.history.records import RunRecord
from pypeline.schema.flow import Configs, Connections, ControlLink, DataLink, Flow, Head, Module
from pypeline.schema.links import CONTROL_LINK

MOST = 300
"""Modules beyond which a picture says nothing any more."""
SCALE = 0.6
"""The least size at which it is shown before it scrolls."""


def picture(record: RunRecord) -> Markup | None:
    """Inline SVG that follows the page's light or dark; None for a run without a plan, or a huge one."""
    planned = record.plan.get("modules", {})
    if not planned or len(planned) > MOST:
        return None
    links = record.plan.get("links", {}).values()
    flow = Flow.model_construct(
        flow=Head.model_construct(name=record.flow),
        modules=tuple(
            Module.model_construct(id=id, name=m["type"], configs=Configs.model_construct(required=m.get("configs", {}))) for id, m in planned.items()
        ),
        connections=Connections.model_construct(
            data=tuple(DataLink.model_construct(**{k: link[k] for k in ("source", "source_port", "target", "target_port")}) for link in links),
            control=tuple(ControlLink.model_construct(source=v["source"], valve=_valve(v), target=v["target"]) for v in record.plan.get("valves", ())),
        ),
    )
    # ports that no link uses are left out: a report shows what happened
    types = {m["type"]: ModuleDecl(m["type"], m.get("module_path", ""), m["kind"]) for m in planned.values()}
    loops = {n: seen.words for n, seen in record.loops.items()}
    drawn = svg(flow, types, record.modules, record.links, "auto", sub_flows=record.sub_flows, loops=loops, valves=record.valves)
    width = float(drawn.partition(' width="')[2].partition('"')[0])
    shown = Markup(drawn.replace(' width="', f' style="min-width:{width * SCALE:.0f}px;width:100%" width="', 1))
    return Markup(f'<div class="scroll" style="max-width:{width:.0f}px">{shown}</div>')


def _valve(planned: dict[str, object]) -> str:
    """A planned valve's text without its parentheses; the plan keeps the whole link's text, if it knows it."""
    found = CONTROL_LINK.match(str(planned.get("text") or ""))
    return found["valve"] if found else f"{planned.get('order', 1)}|{planned.get('trigger', '')}"
