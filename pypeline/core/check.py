"""Everything that can be known to be wrong with a flow before any data is seen.

Comes in: a Flow that the reader accepted, and the Catalogue. Goes out: problems with the Flow's
places, in file order, each with a code, a mend and, where obvious, a fix. The workers are in
:mod:`pypeline.core.checks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pypeline.core.catalogue import Catalogue
from pypeline.core.checks import configs, control, data, frames, settings
from pypeline.core.checks.finding import Finding
from pypeline.core.variables_check import check_flow_variables
from pypeline.schema.flow import Flow
from pypeline.schema.problems import Place, Problem

_CHECKS = (
    data.types, data.links, data.cycles, data.inputs, data.bypasses,
    control.links, control.gates, control.hooks, control.loops, frames.frames,
    configs.modules, settings.settings, settings.modules,
)  # fmt: skip


def check(flow: Flow, catalogue: Catalogue, context: Mapping[str, Any] | None = None) -> list[Problem]:
    """The problems of ``flow``. ``context`` holds the context variables where they are known; without
    them a field that is filled from one is taken to fit. Linear in modules and links."""
    finding = Finding(flow, catalogue, context)
    for one in _CHECKS:
        one(finding)
    finding.problems += check_flow_variables(flow, catalogue, context, finding.graph)
    return sorted(finding.problems, key=lambda problem: (problem.place.line, problem.place.column))


def runnable(flow: Flow) -> list[Problem]:
    """What ``flow`` uses of the language that is read and checked but not run yet: sweeps."""
    return [_not_yet("sweeps do not run yet", flow.marks.place(("sweep",)))] if flow.sweep is not None else []


def _not_yet(message: str, place: Place) -> Problem:
    return Problem("PYE290", message, place, "Take that part out to run the flow.", phase="plan")
