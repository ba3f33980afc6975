"""Slots: what a machine has to give at one time. A demand is booked as a whole or not at all.

In: hints of tasks. Out: amounts of cpus, memory, gpus and the named slots a flow declares. Who is
served next is the scheduler's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from pypeline.core.plan import Plan, Task
from pypeline.schema.problems import Place, Problem, PypeError

SHARE = 0.6
"""The part of the machine's memory that tasks without a hint divide among themselves."""
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_SIZE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$")

Demand = Mapping[str, int]
"""Resource → amount: ``cpus``, ``memory`` (bytes), ``gpus``, and names a flow declares."""


@dataclass
class Slots:
    """``capacity`` and what of it is ``free``, by resource; ``devices`` are the ids of the gpus that are free."""

    capacity: dict[str, int]
    pool: int = 0
    devices: list[str] = field(default_factory=list)
    free: dict[str, int] = field(default_factory=dict)
    waiting: list[Callable[[], None]] = field(default_factory=list)
    """Who shares these slots, a run and the flows that it runs: what one gives back, another may wait for."""

    def __post_init__(self) -> None:
        self.free = dict(self.capacity)
        self.devices = self.devices or [str(number) for number in range(self.capacity.get("gpus", 0))]
        self.pool = self.pool or int(self.capacity.get("memory", 0) * SHARE)

    def lacks(self, demand: Demand) -> list[str]:
        """The resources of which too little is free for ``demand``."""
        free = self.free
        for name, amount in demand.items():
            if amount > free.get(name, 0):
                return [name for name, amount in demand.items() if amount > free.get(name, 0)]
        return []

    def take(self, demand: Demand) -> tuple[str, ...]:
        """Book ``demand``; the ids of its gpus, which nobody else has meanwhile."""
        free = self.free
        for name, amount in demand.items():
            free[name] -= amount
        count = demand.get("gpus", 0)
        if not count:
            return ()
        taken, self.devices = tuple(self.devices[:count]), self.devices[count:]
        return taken

    def give(self, demand: Demand, devices: Collection[str] = ()) -> None:
        """Give back what :meth:`take` has booked."""
        free = self.free
        for name, amount in demand.items():
            free[name] += amount
        if devices:
            self.devices = sorted([*self.devices, *devices], key=lambda id: (len(id), id))
        if len(self.waiting) > 1:
            for told in tuple(self.waiting):
                told()

    def declare(self, named: Mapping[str, int]) -> None:
        """Add the named slots of a flow; only between runs."""
        self.capacity = {**{k: v for k, v in self.capacity.items() if k in ("cpus", "memory", "gpus")}, **named}
        self.free = dict(self.capacity)


def demand_of(task: Task, slots: Slots, segments: int, attempt: int = 1) -> dict[str, int]:
    """What try ``attempt`` of ``task`` books, when ``segments`` segments are ready or running with it.

    A segment without a hint gets its part of the cpus, as far as they are free, code and solos get one; memory without a
    hint is the same part of the pool. Memory that grows with the tries (``retry.memory_growth``)
    grows up to what there is. What only waits books neither, whatever the flow says for all.
    """
    if task.kind == "flow":
        return {"cpus": 0, "memory": 0}  # its own tasks book what they need; were it to hold some of that, they could wait for it for ever
    hints = task.resources
    cpus = slots.capacity["cpus"]
    # never more than is free: what could run on one cpu must not wait until the whole machine is idle
    own = hints.cpus or (max(1, min(cpus // max(1, segments), slots.free["cpus"])) if task.kind == "segment" else 1)
    memory = size(hints.memory) if hints.memory else slots.pool * min(own, cpus) // cpus
    if attempt > 1 and task.retry.memory_growth > 1:
        memory = max(memory, min(slots.capacity["memory"], int(memory * task.retry.memory_growth ** (attempt - 1))))
    demand = {"cpus": 0, "memory": 0} if task.waits else {"cpus": own, "memory": memory}
    if hints.gpus:
        demand["gpus"] = hints.gpus
    if hints.slots:
        demand.update(hints.slots)
    return demand


def check(plan: Plan, slots: Slots) -> list[Problem]:
    """PYE457 for every task whose demand this machine can never meet."""
    found = []
    for task in plan.tasks.values():
        if task.kind == "gate" or task.decision == "reuse":
            continue
        for name, amount in demand_of(task, slots, 1).items():
            have = slots.capacity.get(name, 0)
            if amount <= have:
                continue
            module = task.modules[0]
            message = f"module `{module}` asks for {_amount(name, amount)}, but there {'is' if have == 1 else 'are'} only {_amount(name, have)} here"
            own = name in ("cpus", "memory", "gpus")
            mend = "Ask for less, or run on a larger machine." if own else f"Declare `settings.slots.{name}` in the flow."
            origin = task.origins.get(name if own else f"slots.{name}", "")
            if origin in ("flow", "profile"):
                mend = f"{mend} {'The settings of the flow ask' if origin == 'flow' else 'The profile asks'} for it."
            path = ("resources", name) if own else ("resources", "slots", name)
            found.append(Problem("PYE457", message, Place(path=path, module=module), mend, phase="run"))
    return found


def size(text: str) -> int:
    """``2GiB`` as bytes.

    Raises:
        PypeError: PYE457, it is no size.
    """
    found = _SIZE.match(text)
    unit = found and _UNITS.get(found[2].upper())
    if found is None or unit is None:
        raise PypeError(Problem("PYE457", f"`{text}` is no amount of memory", mend="Write for example `512MiB` or `2GB`.", phase="run"))
    return int(float(found[1]) * unit)


def _amount(name: str, amount: int) -> str:
    if name == "memory":
        return f"{amount / 2**30:.1f} GiB of memory"
    return f"{amount:,} {name}"
