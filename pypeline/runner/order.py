"""An order: one try of one task, with all a worker needs and nothing it must look up.

JSON-able both ways (:func:`to_json`, :func:`from_json`): it crosses the worker's pipe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any, Literal

from pypeline.core.columns import Column
from pypeline.core.facts import FileFact, SourceFacts
from pypeline.core.modules import Effects
from pypeline.core.plain import as_data
from pypeline.core.planned import PlannedLink, PlannedModule, TaskKind
from pypeline.core.results import HandOver
from pypeline.schema.record import record


@record(quick=True)
class Limits:
    """Threads, bytes of memory and seconds for this try; ``spill`` is a private folder. ``most`` are the
    bytes over which its processes are ended (0: nobody asked for a limit), ``gpus`` the ids of its devices."""

    threads: int
    memory: int
    spill: str
    timeout: float | None = None
    most: int = 0
    gpus: tuple[str, ...] = ()


@record(quick=True)
class Item:
    """The row of a frozen item table (an Arrow file) that a frame stands for, from 0."""

    path: str
    row: int


@record(quick=True)
class Order:
    """``links`` are the task's inner links and those that come in; a link that comes in has its
    table in ``tables`` (link id → hand-over). ``hands_over`` and ``count`` list ports
    (``module.port``). ``scratch`` is a private folder of this try, for hand-over and previews;
    ``publish`` the path of its publish record. ``folder`` is where relative paths start. ``items`` are
    those of the loops around it, innermost first. What only ``waits`` shares its worker with others that do."""

    task: str
    kind: TaskKind
    attempt_no: int
    modules: tuple[PlannedModule, ...]
    links: tuple[PlannedLink, ...]
    limits: Limits
    scratch: str
    folder: str
    tables: Mapping[str, HandOver] = field(default_factory=dict)
    hands_over: tuple[str, ...] = ()
    count: tuple[str, ...] = ()
    watch: Literal["counts", "previews", "off"] = "counts"
    mode: Literal["auto", "pandas", "dask"] = "auto"
    publish: str = ""
    globals: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    frame: str = "0"
    run: str = ""
    items: tuple[Item, ...] = ()
    waits: bool = False

    @property
    def node(self) -> str:
        """``task#frame``: what an instance of a code module lives for."""
        return f"{self.task}#{self.frame}"


def to_json(order: Order) -> dict[str, Any]:
    """``order`` as plain data."""
    return {name: as_data(getattr(order, name)) for name in _NAMES}


class Spelling:
    """:func:`to_json` for many orders: modules in a loop, which are the same in all its frames, are spelled once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[PlannedModule, ...], Any]] = {}

    def __call__(self, order: Order) -> dict[str, Any]:
        if not order.items:
            return to_json(order)
        modules, spelled = self._known.get(order.task, ((), None))
        if modules != order.modules:
            spelled = as_data(order.modules)
            self._known[order.task] = order.modules, spelled
        return {name: spelled if name == "modules" else as_data(getattr(order, name)) for name in _NAMES}


def from_json(data: Mapping[str, Any]) -> Order:
    """The order in ``data``."""
    return Order(
        **{
            **data,
            "modules": tuple(_module(m) for m in data["modules"]),
            "links": tuple(PlannedLink(**link) for link in data["links"]),
            "limits": Limits(**{**data["limits"], "gpus": tuple(data["limits"]["gpus"])}),
            "tables": {k: hand_over(v) for k, v in data["tables"].items()},
            "hands_over": tuple(data["hands_over"]),
            "count": tuple(data["count"]),
            "items": tuple(Item(**item) for item in data["items"]),
        }
    )


_NAMES = tuple(each.name for each in fields(Order))


def hand_over(data: Mapping[str, Any]) -> HandOver:
    """The hand-over in ``data``."""
    return HandOver(**{**data, "schema": tuple(Column(**c) for c in data["schema"])})


def _module(data: Mapping[str, Any]) -> PlannedModule:
    source = data.get("source")
    facts = source and SourceFacts(
        **{
            **source,
            "files": tuple(FileFact(**f) for f in source["files"]),
            "header": tuple(source["header"]),
            "columns": tuple(Column(**c) for c in source["columns"]),
        }
    )
    return PlannedModule(
        **{
            **data,
            "effects": Effects(data["effects"]),
            "globals_read": tuple(data["globals_read"]),
            "templates": tuple(tuple(path) for path in data["templates"]),
            "secrets": tuple(tuple(path) for path in data["secrets"]),
            "packages": tuple(data.get("packages", ())),
            "source": facts,
        }
    )
