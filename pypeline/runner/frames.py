"""The loops of one run: which item stands for which frame, and what is seen and kept in each.

Comes in: the plan, item tables once they are frozen, globals as tasks set them. Goes out: the items
and globals that a task in a frame sees. What belongs to a frame goes when the frame has ended, so a
hundred thousand frames hold no more than the few that run. It knows no files and no engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pypeline.core.plan import Plan, Task
from pypeline.core.results import HandOver
from pypeline.runner.order import Item

OUTSIDE = "0"
"""The frame of all that stands in no loop."""

Scope = tuple[int | None, str]
"""The innermost loop (by its valve) and the frame: ``(None, "0")`` outside loops. A frame alone would
not do: it names a pass of whatever loop its reader stands in."""


def outer(frame: str) -> str:
    """The frame around ``frame``."""
    return frame.rpartition("-")[0] or OUTSIDE


def index(frame: str) -> int:
    """Which row of its item table ``frame`` is, from 0."""
    return int(frame.rpartition("-")[2])


class Frames:
    """Nesting, item tables and globals. ``within`` lists the tasks that stand directly in a loop."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._around = {valve.index: plan.sub_flows[valve.source_sub_flow].loop for valve in plan.valves if valve.trigger == "iterate"}
        self.within: dict[int, list[Task]] = {valve: [] for valve in self._around}
        for task in plan.tasks.values() if self._around else ():
            loop = plan.sub_flows[task.sub_flow].loop
            if loop is not None:
                self.within[loop].append(task)
        self._tables: dict[Scope, HandOver] = {}
        self._globals: dict[Scope, Mapping[str, Any]] = {(None, OUTSIDE): {}}
        self._last: dict[Scope, dict[tuple[str, str], tuple[int, Any]]] = {}

    def loop_of(self, task: Task) -> int | None:
        """The innermost loop around ``task``, by its valve."""
        return self._plan.sub_flows[task.sub_flow].loop

    def loops(self, loop: int | None) -> list[int]:
        """``loop`` and the loops around it, from the inside out."""
        found = []
        while loop is not None:
            found.append(loop)
            loop = self._around[loop]
        return found

    def scopes(self, loop: int | None, frame: str) -> list[Scope]:
        """``loop`` in ``frame`` and all that stands around it, from the inside out."""
        found: list[Scope] = [(loop, frame)]
        while loop is not None:
            loop, frame = self._around[loop], outer(frame)
            found.append((loop, frame))
        return found

    # --- items ----------------------------------------------------------------------------------

    def freeze(self, valve: int, frame: str, table: HandOver) -> None:
        """``table`` is what the loop of ``valve`` goes over in its source's ``frame``."""
        self._tables[valve, frame] = table

    def items(self, loop: int | None, frame: str) -> tuple[Item, ...]:
        """The items that a task directly in ``loop`` stands for, innermost first."""
        return tuple(Item(self._tables[valve, outer(at)].path, index(at)) for valve, at in self.scopes(loop, frame) if valve is not None)

    # --- globals --------------------------------------------------------------------------------

    def set(self, loop: int | None, frame: str, module: str, values: Mapping[str, Any]) -> None:
        """What ``module`` set in ``frame``."""
        if values:
            scope = (loop, frame)
            # a new mapping: whoever has seen the one before keeps it as it was
            self._globals[scope] = {**self._globals.get(scope, {}), **{f"{module}#{frame}.{name}": value for name, value in values.items()}}

    def seen(self, loop: int | None, frame: str) -> Mapping[str, Any]:
        """The globals that a task directly in ``loop`` sees, by full key: those of its frame and of all around it."""
        if loop is None:
            return self._globals[None, OUTSIDE]
        found: dict[str, Any] = {}
        for scope in self.scopes(loop, frame):
            found.update(self._globals.get(scope, {}))
        return found

    # --- ends -----------------------------------------------------------------------------------

    def frame_over(self, valve: int, frame: str) -> None:
        """Pass ``frame`` of the loop has ended: what it set is kept only while no later pass has set it."""
        values = self._globals.pop((valve, frame), None)
        if not values:
            return
        last = self._last.setdefault((valve, outer(frame)), {})
        for key, value in values.items():
            node, _, name = key.partition(".")
            who = (node.partition("#")[0], name)
            if who not in last or last[who][0] < index(frame):
                last[who] = (index(frame), value)

    def loop_over(self, valve: int, frame: str) -> HandOver | None:
        """All passes have ended: the last values are seen in ``frame``, around the loop. Returns its item table."""
        for (module, name), (_, value) in self._last.pop((valve, frame), {}).items():
            self.set(self._around[valve], frame, module, {name: value})
        return self._tables.pop((valve, frame), None)
