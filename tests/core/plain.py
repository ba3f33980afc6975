"""What a flow's mapping says before anything runs, as plain data, and where things stand in it. Nothing here decides anything in a run.

What is prepared, with the numbers of the control rules that say so: sub flows and the waves in them; control links with their orders, without those inside
one sub flow (4); the inputs of each sub flow, in groups of which one open link is enough (7); which modules are disabled, with what only they feed (19);
what hangs below on_error and finally, and the roots of the rest (22); the scope of each loop, and after which loops rows are joined; how long a module
waits for its next try.
Turns, gates, and all that becomes of a failure are the scheduler's business (``oracle.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from tests.core.random_flows import Frame

LINK = re.compile(r"(\w+) \((\w+)\|(ok|error|always|iterate|start)?(?: ?x(\d+))? ?(?:if (.*))?\) (\w+)")
READ = re.compile(r"\{\{(\w+?)__result\}\}")


@dataclass(frozen=True)
class Link:
    """A control link, the ``index``-th in the file, from module ``source`` of sub flow ``s`` to ``target`` of ``t``."""

    index: int
    text: str
    source: str
    target: str
    s: int
    t: int
    order: float
    """``Last`` comes after all others."""
    trigger: str
    parallel: int
    condition: str
    reads: tuple[str, ...]
    """The modules whose ``result`` the condition reads."""


Place = tuple[int, Frame]
"""A sub flow in a frame."""
Loop = tuple[Any, Frame]
"""An iterate link in its source's frame. The main part of a run, and its hooks, are loops of one pass, too."""
MAIN: Loop = (None, ())
HOOKS: Loop = (None, (0,))


class Plain:
    """``subs`` are sub flows, each the list of its modules, and known by their place in it: ``home`` has that of a module, ``out`` and ``into``
    their links, ``loop`` the link of the innermost loop around each. ``feeds``: module → input port → modules."""

    def __init__(self, flow: Mapping[str, Any]) -> None:
        self.settings: Mapping[str, Any] = {"fail_strategy": "halt", **flow.get("settings", {})}
        self.spec: dict[str, Mapping[str, Any]] = {module["id"]: module for module in flow["modules"]}
        self.feeds: dict[str, dict[str, list[str]]] = {id: {} for id in self.spec}
        parts = {id: {id} for id in self.spec}
        for text in flow["connections"]["data"]:
            a, _, b, port = re.split(r" - |\.", text)
            self.feeds[b].setdefault(port, []).append(a)
            both = parts[a] | parts[b]
            parts.update(dict.fromkeys(both, both))
        self.off = {id for id, module in self.spec.items() if not module.get("enabled", True)}  # (19)
        while more := {id for id, ports in self.feeds.items() if any(self.off.issuperset(fed) for fed in ports.values())} - self.off:
            self.off |= more
        self.fed = {id: [a for fed in ports.values() for a in fed if a not in self.off] for id, ports in self.feeds.items()}
        files = [[id for id in self.spec if id in part] for part in {id(p): p for p in parts.values()}.values()]
        self.subs = [sorted(modules, key=self.wave) for modules in files]
        self.titles = [modules[0] for modules in files]
        self.home = {id: sub for sub, modules in enumerate(self.subs) for id in modules}
        self.on_error, self.finally_ = ([self.home[id] for id in flow.get(key, ())] for key in ("on_error", "finally"))
        self.links = self._links(flow["connections"]["control"])
        every = range(len(self.subs))
        self.out = [sorted((x for x in self.links if x.s == s), key=lambda x: (x.order, x.index)) for s in every]
        self.into = [[x for x in self.links if x.t == s] for s in every]
        self.scope = {x: self.below(x.t) for x in self.links if x.trigger == "iterate"}
        self.loop: list[Any] = [min((x for x in self.scope if s in self.scope[x]), key=lambda x: len(self.scope[x]), default=None) for s in every]
        self.gate = [self.spec[m[0]].get("configs", {}).get("optional", {}).get("mode", "all") if self.spec[m[0]]["name"] == "sync_gate" else "" for m in files]
        self.groups = [self._groups(s) for s in every]
        self.hooked = {s for head in (*self.on_error, *self.finally_) for s in self.below(head)}
        self.roots = [s for s in every if not self.into[s] and s not in self.hooked]
        # a sink that appends is joined after the outermost loop around it
        adding = [id for id, module in self.spec.items() if module.get("configs", {}).get("optional", {}).get("mode") == "append"]
        self.joins = {self.around((self.home[id], (0,) * 9))[-2][0] for id in adding if self.loop[self.home[id]]}

    def _links(self, texts: list[str]) -> list[Link]:
        found = [match.groups() for text in texts if (match := LINK.fullmatch(text))]
        assert len(found) == len(texts), texts
        made = []
        for index, (a, order, trigger, parallel, condition, b) in enumerate(found):
            s, t = self.home[a], self.home[b]
            number = inf if order == "Last" else int(order)
            reads = tuple(READ.findall(condition or ""))
            made.append(Link(index, texts[index], a, b, s, t, number, trigger or "ok", int(parallel or 1), condition or "", reads))
        return [x for x in made if x.s != x.t]

    def _groups(self, s: int) -> list[list[Link]]:
        groups: list[list[Link]] = []
        for x in self.into[s]:  # (7)
            near = [] if self.gate[s] else [g for g in groups if any(x.target == y.target or x.s in self.below(y.s) or y.s in self.below(x.s) for y in g)]
            groups = [g for g in groups if g not in near] + [sum(near, [x])]
        return groups

    def below(self, s: int) -> list[int]:
        """``s`` and all that control links lead to from there, as one comes by."""
        return [s, *(t for x in self.out[s] for t in self.below(x.t))]

    def wave(self, module: str) -> int:
        """How many modules stand one after another up to this one."""
        return 1 + max((self.wave(a) for fed in self.feeds[module].values() for a in fed), default=0)

    def around(self, p: Place) -> list[Loop]:
        s, frame = p
        x = self.loop[s]
        return [(x, frame[:-1]), *self.around((x.s, frame[:-1]))] if x else [HOOKS if s in self.hooked else MAIN]

    def scopes(self, p: Place) -> list[tuple[Any, Frame]]:
        """The loop and the frame that ``p`` stands in, and those around it, from the inside out."""
        s, frame = p
        x = self.loop[s]
        return [(x, frame), *(self.scopes((x.s, frame[:-1])) if x else [])]

    def members(self, loop: Loop, i: int) -> list[Place]:
        x, frame = loop
        if x is None:
            return [(s, ()) for s in range(len(self.subs)) if self.loop[s] is None and (s in self.hooked) == (loop == HOOKS)]
        return [(s, (*frame, i)) for s in range(len(self.subs)) if self.loop[s] is x]

    def sources(self, p: Place) -> list[tuple[Link, Place]]:
        """The links into ``p``, each with the sub flow, in its frame, that it comes from."""
        s, frame = p
        return [(x, (x.s, frame[:-1] if x is self.loop[s] else frame)) for x in self.into[s]]

    def outer(self, p: Place) -> Any:
        """The source of the innermost loop around ``p``, in its frame; None outside loops."""
        return self.source(self.around(p)[0])

    def target(self, x: Link, frame: Frame) -> Any:
        """What ``x`` leads to: a sub flow in a frame, or a loop."""
        return (x if x.trigger == "iterate" else x.t, frame)

    def source(self, loop: Loop) -> Any:
        return (loop[0].s, loop[1]) if loop[0] else None

    def again(self, m: str, number: int, why: str) -> float | None:
        retry = self.spec[m].get("retry") or {"attempts": 1 + self.spec[m].get("retries", self.settings.get("retries", 0))}
        kind = why.partition(":")[2]
        if number >= retry["attempts"] or kind not in retry.get("retry_on", [kind]):
            return None
        factor = {"fixed": 1, "linear": number, "exponential": 2 ** (number - 1)}[retry.get("backoff", "fixed")]
        return float(min(retry.get("delay", 0) * factor, retry.get("max_delay", 10**9)))
