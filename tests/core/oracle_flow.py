"""How the reference scheduler reads a flow: sub flows, links with their orders, groups, scopes and numbers.

It reads the mapping of a flow file by itself, as plainly as it can, and shares nothing with the product. Numbers in
brackets are those of the control rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LINK = re.compile(r"(\w+) \((\w+)\|(ok|error|always|iterate|start)?(?: ?x(\d+))? ?(if .*)?\) (\w+)")


@dataclass(eq=False)
class Link:
    """A control link from sub flow ``s`` to sub flow ``t``."""

    index: int
    text: str
    source: str
    target: str
    s: int
    t: int
    order: int
    trigger: str
    condition: bool
    parallel: int


class Reading:
    """What ``flow`` says. ``around`` lists the loops a sub flow stands in, outermost first; ``off`` the modules that do not run."""

    def __init__(self, flow: Mapping[str, Any]) -> None:
        self.settings = flow.get("settings", {})
        self.spec = {m["id"]: m for m in flow["modules"]}
        data = [re.split(r" - |\.", text) for text in flow["connections"]["data"]]
        self.fed = {id: [(port, a) for a, _, b, port in data if b == id] for id in self.spec}
        self.off = {id for id, m in self.spec.items() if not m.get("enabled", True)}
        while more := {id for id, feeds in self.fed.items() if any(all(a in self.off for q, a in feeds if q == p) for p, _ in feeds)} - self.off:
            self.off |= more
        parts = {id: {id} for id in self.spec}
        for a, _, b, _ in data:
            both = parts[a] | parts[b]
            parts.update(dict.fromkeys(both, both))
        self.subs = [[m for m in self.spec if m in part] for part in {id(p): p for p in parts.values()}.values()]
        self.home = {m: s for s, part in enumerate(self.subs) for m in part}
        self.all = self._links(flow["connections"]["control"])
        self.out = [sorted((x for x in self.all if x.s == s), key=lambda x: (x.order, x.index)) for s in range(len(self.subs))]
        self.into = [[x for x in self.all if x.t == s] for s in range(len(self.subs))]
        self.scope = {x: {x.t} | self.below(x.t) for x in self.all if x.trigger == "iterate"}
        self.around = [sorted((x for x in self.scope if s in self.scope[x]), key=lambda x: -len(self.scope[x])) for s in range(len(self.subs))]
        self.hooks = [[self.home[id] for id in flow.get(key, ())] for key in ("on_error", "finally")]
        hooked = {s for head in [*self.hooks[0], *self.hooks[1]] for s in (head, *self.below(head))}
        self.root = ["hooks" if s in hooked else "main" for s in range(len(self.subs))]
        self.number: dict[int, int] = {}
        self.roots = [s for s in range(len(self.subs)) if not self.into[s] and s not in hooked]
        for s in (*self.roots, *self.hooks[0], *self.hooks[1]):
            self._count(s)
        self.groups = [self._groups(s) for s in range(len(self.subs))]

    def _links(self, texts: list[str]) -> list[Link]:
        found = []
        for index, text in enumerate(texts):
            match = LINK.fullmatch(text)
            assert match is not None, text
            a, order, trigger, parallel, condition, b = match.groups()
            if self.home[a] != self.home[b]:
                found.append(
                    Link(index, text, a, b, self.home[a], self.home[b], int(order.replace("Last", "0")), trigger or "ok", bool(condition), int(parallel or 1))
                )
        top = {s: max((x.order for x in found if x.s == s), default=0) for s in range(len(self.subs))}
        for x in found:
            x.order = x.order or top[x.s] + 1  # (4)
        return found

    def below(self, s: int) -> set[int]:
        targets = {x.t for x in self.all if x.s == s}
        return targets.union(*map(self.below, targets))

    def _count(self, s: int) -> None:
        if s not in self.number:  # (5)
            self.number[s] = len(self.number)
            for x in self.out[s]:
                self._count(x.t)

    def _groups(self, s: int) -> list[list[Link]]:
        groups: list[list[Link]] = []
        for x in self.into[s]:  # (7)
            near = [g for g in groups if any(x.target == y.target or x.s == y.s or x.s in self.below(y.s) or y.s in self.below(x.s) for y in g)]
            groups = [g for g in groups if g not in near] + [sum(near, [x])]
        return groups

    def wave(self, module: str) -> int:
        return 1 + max((self.wave(a) for _, a in self.fed[module]), default=0)
