"""What a task asks of the machine: each value from the nearest that says it, and who that was.

Comes in: the resources of a module, of the flow's settings and of the profile that they name. Goes
out: one :class:`Resources`, and ``module``, ``flow`` or ``profile`` for each value that is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pypeline.schema.flow import Resources

NOTHING: tuple[Resources, Mapping[str, str]] = (Resources(), MappingProxyType({}))
_KEYS = ("cpus", "memory", "gpus", "time")


def resolve(module: Resources | None, flow: Resources | None, profile: Resources | None) -> tuple[Resources, Mapping[str, str]]:
    """The values, and by key (``cpus``, ``slots.NAME``) where each came from; what nobody says is left out."""
    if module is None and flow is None and profile is None:
        return NOTHING
    values: dict[str, Any] = {}
    slots: dict[str, int] = {}
    origins: dict[str, str] = {}
    for origin, said in (("module", module), ("flow", flow), ("profile", profile)):
        if said is None:
            continue
        for key in _KEYS:
            if key not in values and (value := getattr(said, key)) is not None:
                values[key] = value
                origins[key] = origin
        for name, count in said.slots.items():
            if name not in slots:
                slots[name] = count
                origins[f"slots.{name}"] = origin
    return Resources(**values, slots=slots), origins
