"""Random flows, and worlds in which they run: what both a run of ours and the reference scheduler are given.

A :class:`Case` is made from its seed alone, by integers and never by hashes of text, so the same seed is the same case
in every process. Times are multiples of 2^-20 s, so that sums are exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from zlib import crc32

Frame = tuple[int, ...]
FEATURES = frozenset(
    {
        "start",
        "iterate",
        "nested",
        "stops",
        "hooks",
        "timeouts",
        "retries",
        "conditions",
        "gates",
        "disabled",
        "halt",
        "hooks_timeout",
        "globals",
        "joins",
        "slots",
    }
)


@dataclass
class Case:
    """A flow as the mapping of its file, and the world it runs in.

    ``ties`` makes many things happen at one instant; without, no two do. ``swift`` is for real engines: what is told to end does so
    nearly at once, and an item table is known by its module alone."""

    seed: int
    features: frozenset[str] = FEATURES
    ties: bool = True
    swift: bool = False
    slots: int = 1
    flow: dict[str, Any] = field(default_factory=dict)
    stops: tuple[tuple[float, str], ...] = ()

    def __post_init__(self) -> None:
        Maker(self, Random(self.seed)).make()
        self.fails = 0.2

    def work(self, module: str, frame: Frame, attempt: int) -> tuple[float, str]:
        """How long a try takes, and its reason: ``ok``, ``error:Type`` or ``lost``."""
        random = self._random("work", module, frame, attempt)
        seconds = self.seconds(random, 4)
        return seconds, random.choice(["error:Busy", "error:Busy", "error:Wrong", "lost"]) if random.random() < self.fails else "ok"

    def grace(self, module: str, frame: Frame, attempt: int) -> float:
        """How long a try takes to end that is told to."""
        seconds = self.seconds(self._random("grace", module, frame, attempt), 2)
        return seconds / 2**8 if self.swift else seconds

    def value(self, module: str, frame: Frame) -> int:
        """The global ``result`` that a try sets when it completes."""
        return self._random("value", module, frame).randrange(1000)

    def verdict(self, link: int, frame: Frame, seen: tuple[Any, ...]) -> tuple[float, str]:
        """How long a condition takes that sees these globals, and whether it is ``true``, ``false``, ``null`` or an ``error``."""
        random = self._random(f"verdict {seen}", link, () if not self.ties else frame)
        return self.seconds(random, 2), random.choice(["true", "true", "true", "false", "null", "error"])

    def items(self, link: int, frame: Frame) -> tuple[float, int]:
        """How long an item table takes, and how many rows it has; -1: it could not be had."""
        random = self._random("items", self.flow["connections"]["control"][link].partition(" ")[0] if self.swift else link, frame)
        return self.seconds(random, 2), random.choice([0, 1, 1, 2, 2, 3, 4, -1])

    def joining(self, link: int, frame: Frame) -> tuple[float, bool]:
        """How long it takes to bring together what a loop collected, and whether that fails. A real scheduler does it itself: there, no time."""
        random = self._random("joining", link, frame)
        return (0.0, False) if self.swift else (self.seconds(random, 2), random.random() < 0.3)

    def seconds(self, random: Random, most: int) -> float:
        """Some time, at most ``most`` s; never nothing."""
        return random.randint(1, most) if self.ties else random.randint(1, most << 20) / 2**20

    def _random(self, what: str, where: str | int, frame: Frame, attempt: int = 0) -> Random:
        return Random(crc32(f"{what} {where} {frame} {attempt}".encode()) ^ self.seed << 32)


class Maker:
    """Makes the flow of a case: regions of sub flows, each loop's scope a region of its own."""

    def __init__(self, case: Case, random: Random) -> None:
        self.case, self.random = case, random
        self.parts: list[tuple[list[dict[str, Any]], list[str]]] = []
        self.heads: list[list[str]] = []
        self.tails: list[list[str]] = []
        self.links: dict[tuple[str, ...], str] = {}

    def has(self, feature: str, chance: float = 1.0) -> bool:
        """Whether a feature is wanted, by chance."""
        return self.random.random() < chance and feature in self.case.features

    def make(self) -> None:
        """Fill in the case."""
        random, case = self.random, self.case
        case.slots = random.choice([1, 1, 2, 3, 5])
        settings: dict[str, Any] = {
            "execution_mode": "pandas",
            "resources": {"cpus": 1},
            "slots": {"few": 1, "some": 2},
            "fail_strategy": "halt" if self.has("halt", 0.5) else "continue",
        }
        if settings["fail_strategy"] == "halt":
            settings["on_halt"] = random.choice(["finish", "interrupt"])
        if self.has("retries", 0.1):
            settings["retries"] = 1
        if self.has("timeouts", 0.06):
            settings["timeout"] = case.seconds(random, 25)
        self.region(random.randint(2, 7), 0)
        hooks: dict[str, list[str]] = {}
        for key in ("on_error", "finally"):
            heads = [self.region(random.choice([1, 1, 2, 3]), 1, single=True) for _ in range(random.choice([0, 1, 1, 2]) if self.has("hooks", 0.3) else 0)]
            if heads:
                hooks[key] = [random.choice(self.heads[head]) for head in heads]
        if hooks and self.has("hooks_timeout", 0.25):
            settings["finally_timeout"] = case.seconds(random, 8)
        if self.has("stops", 0.3):
            when = case.seconds(random, 15)
            case.stops = random.choice([((when, "polite"),), ((when, "hard"),), ((when, "polite"), (when + case.seconds(random, 3), "hard"))])
        random.shuffle(self.parts)
        links = list(self.links.values())
        random.shuffle(links)
        case.flow = {
            "flow": {"name": f"seed-{case.seed}"},
            "settings": settings,
            "modules": [module for modules, _ in self.parts for module in modules],
            "connections": {"data": [link for _, data in self.parts for link in data], "control": links},
            **hooks,
        }

    def region(self, size: int, depth: int, *, single: bool = False) -> int:
        """Sub flows joined by control links; in a loop's scope (``single``) all below the first. Returns the first."""
        random = self.random
        here = [self.sub_flow(table=self.has("iterate", 0.3)) for _ in range(size)]
        for at in range(1, size):
            # two heads: perhaps a gate between links from sources that know nothing of each other
            for _ in range(random.choice([2, 3, 4] if len(self.heads[here[at]]) > 1 else [1, 1, 2, 3] if single else [0, 1, 1, 1, 2, 3])):
                self.link(here[random.randrange(at)], here[at], depth)
        for source in here:
            if self.has("nested" if depth else "iterate", 0.4) and depth < 3 and (reads := self.tables(source)):
                head = self.region(random.choice([1, 1, 2, 3]), depth + 1, single=True)
                valve = f"{self.order()}|iterate{random.choice(['', '', ' x2', ' x3'])}{self.condition(depth)}"
                self.links[str(len(self.links)), ""] = f"{random.choice(reads)} ({valve}) {random.choice(self.heads[head])}"
        return here[0]

    def tables(self, sub: int) -> list[str]:
        """The modules of a sub flow that have a table and may start others."""
        return [id for id in self.tails[sub] if id.endswith("r")]

    def order(self) -> str:
        """An order of a valve."""
        return self.random.choice(["1", "1", "2", "2", "3", "Last"])

    def condition(self, depth: int) -> str:
        """Perhaps a condition; each differs from the others. A real engine is told no frame: there, none in loops."""
        if not self.has("conditions", 0.2) or (depth and self.case.swift):
            return ""
        known = [module["id"] for modules, _ in self.parts for module in modules if module["name"] != "sync_gate"]
        reads = f" and {{{{{self.random.choice(known)}__result}}}} >= 0" if known and self.has("globals", 0.6) else ""
        return f" if {len(self.links)} = {len(self.links)}{reads}"

    def link(self, source: int, target: int, depth: int) -> None:
        """A control link between two sub flows; none twice."""
        random = self.random
        triggers = ["", "", "ok", "error", "error", "always", *(["start"] if "start" in self.case.features else [])]
        trigger, a, b = random.choice(triggers), random.choice(self.tails[source]), random.choice(self.heads[target])
        condition = self.condition(depth)
        self.links.setdefault((a, trigger or "ok", condition, b), f"{a} ({self.order()}|{trigger}{condition}) {b}".replace("| ", "|"))

    def sub_flow(self, *, table: bool) -> int:
        """A solo, a gate, or a few modules joined by data links. Returns its number."""
        random = self.random
        number = len(self.parts)
        id, shape = f"s{number}", random.random()
        modules: list[dict[str, Any]] = []
        data: list[str] = []
        if table or shape < 0.15:
            modules, heads, tails = [self.module(f"{id}r", "read")], [f"{id}r"], [f"{id}r"]
        elif shape < 0.6:
            modules, heads, tails = [self.module(id, "do")], [id], [id]
        elif shape < 0.78 and "gates" in self.case.features:
            gate = {"id": id, "name": "sync_gate", "configs": {"optional": {"mode": random.choice(["all", "any", "ended", 1, 2])}}}
            modules, heads, tails = [gate], [id], [id]
        else:
            names = {"ar": "read", "br": "read", "j": "join", "c": "python", "w": "write"}
            modules = [self.module(id + tail, name) for tail, name in names.items()]
            data = [f"{id}ar.data - {id}j.left", f"{id}br.data - {id}j.right", f"{id}j.output - {id}c.input", f"{id}c.output - {id}w.input"]
            if random.random() < 0.5:
                modules.append(self.module(f"{id}v", "write"))
                data.append(f"{id}br.data - {id}v.input")
            heads, tails = [f"{id}ar", f"{id}br"], [f"{id}ar", f"{id}br", f"{id}w"]
        for module in modules:
            if self.has("disabled", 0.04):
                module["enabled"] = False
        self.parts.append((modules, data))
        self.heads.append(heads)
        self.tails.append(tails)
        return number

    def module(self, id: str, name: str) -> dict[str, Any]:
        """A module with retries and a timeout, perhaps."""
        random = self.random
        made: dict[str, Any] = {"id": id, "name": name}
        if name == "read":
            made["configs"] = {"required": {"path": "in.csv"}}
        if name == "write" and self.has("joins", 0.5):
            made["configs"] = {"optional": {"path": "all.csv", "mode": "append"}}
        if self.has("slots", 0.2):
            made["resources"] = {"slots": {random.choice(["few", "few", "some"]): 1}}
        if self.has("retries", 0.25):
            if random.random() < 0.4:
                made["retries"] = random.choice([0, 1, 2])
            else:
                made["retry"] = {
                    "attempts": random.randint(1, 4),
                    "delay": random.choice([0, 0, 1, 2]),
                    "backoff": random.choice(["fixed", "linear", "exponential"]),
                }
                if random.random() < 0.3:
                    made["retry"]["max_delay"] = 3
                if random.random() < 0.3:
                    made["retry"]["retry_on"] = ["Busy"]
        if self.has("timeouts", 0.08):
            made["timeout"] = self.case.seconds(random, 3)
        return made


def frame_text(frame: Iterable[int]) -> str:
    """A frame as records spell it."""
    return "-".join(map(str, frame)) or "0"
