"""A second way to know how a flow of control links ends: straight from the rules, by recursion.

Only for ``fail_strategy: continue``, where the result depends on no timing. Knows nothing of the
machine: it reads the graph, the outcome of each sub flow and the verdict of each condition.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from pypeline.core.plan import Plan, Valve

NEUTRAL = ("valve_closed", "gate_unmet", "disabled", "not_needed")


class Oracle:
    """``fails`` are the sub flows whose tasks fail; ``verdicts`` (by valve) are ``true``, ``false``,
    ``null`` or ``error``."""

    def __init__(self, plan: Plan, fails: frozenset[int], verdicts: Mapping[int, str]) -> None:
        self.plan = plan
        self.fails = fails
        self.verdicts = verdicts
        self.out: dict[int, list[Valve]] = {sub.index: [] for sub in plan.sub_flows}
        self.into: dict[int, list[Valve]] = {sub.index: [] for sub in plan.sub_flows}
        for valve in plan.valves:
            self.out[valve.source_sub_flow].append(valve)
            self.into[valve.target_sub_flow].append(valve)
        self.state = cache(self._state)
        self.links = cache(self._links)
        self.handled = cache(self._handled)
        self.good = cache(self._good)

    def _state(self, index: int) -> tuple[str, str]:
        sub = self.plan.sub_flows[index]
        links = self.into[index]
        if links:
            is_open = {valve.index: self.links(valve.source_sub_flow)[0][valve.index] for valve in links}
            count = sum(is_open.values())
            if not count:
                return "cancelled", "valve_closed"
            if sub.gate in ("any", "ended"):
                met = True
            elif sub.gate:
                met = count >= (len(links) if sub.gate == "all" else int(sub.gate))
            else:
                met = all(any(is_open[one] for one in group) for group in sub.inputs)
            if not met:
                return "cancelled", "gate_unmet"
        if not sub.tasks:
            return "cancelled", "disabled"
        return ("failed", "error:Test") if index in self.fails else ("completed", "ok")

    def _links(self, index: int) -> tuple[dict[int, bool], bool]:
        """(valve → open, a valve of it failed late)"""
        state, _ = self.state(index)
        found: dict[int, bool] = {}
        failed, late = state == "failed", False
        for order in sorted({valve.order for valve in self.out[index]}):
            broken = False
            for valve in (v for v in self.out[index] if v.order == order):
                fits = {"always": True, "error": failed, "ok": not failed}[valve.trigger]
                runs = state in ("completed", "failed") and self.plan.modules[valve.source].enabled
                verdict = self.verdicts[valve.index] if valve.condition else "true"
                found[valve.index] = runs and fits and verdict == "true"
                broken |= runs and fits and verdict == "error" and not failed
            failed |= broken
            late |= broken
        return found, late

    def has_failed(self, index: int) -> bool:
        """It failed, or a valve of it did."""
        return self.state(index)[0] == "failed" or self.links(index)[1]

    def _handled(self, index: int) -> bool:
        opened = [v for v in self.out[index] if v.trigger == "error" and self.links(index)[0][v.index]]
        return bool(opened) and all(self.state(v.target_sub_flow)[0] != "cancelled" and self.good(v.target_sub_flow) for v in opened)

    def _good(self, index: int) -> bool:
        """It and all that its open links lead to completed, or their failures are handled."""
        state, reason = self.state(index)
        own = self.handled(index) if self.has_failed(index) else state == "completed" or reason in NEUTRAL
        return own and all(self.good(v.target_sub_flow) for v in self.out[index] if self.links(index)[0][v.index])
