"""What the reference scheduler knows while a flow runs, and the questions it asks of that: nothing here changes anything.

All is looked at anew every time instead of kept in books. Numbers in brackets are those of the control rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.core.oracle_flow import Link, Reading

Frame = tuple[int, ...]
ENDED = ("completed", "failed", "cancelled")
CATCHING = ("halted", "stopped_by_user", "timeout", "not_needed")
NEUTRAL = ("valve_closed", "gate_unmet", "disabled", "not_needed", "no_items")


@dataclass(eq=False)
class Turn:
    """The links of one order of one sub flow, and what that order waits for."""

    links: list[Link]
    asked: dict[Link, str | None] | None = None
    resolved: bool = False
    at_once: bool = False
    waits: list[Place | Loop] = field(default_factory=list)


@dataclass(eq=False)
class Place:
    """A sub flow in a frame. ``failed``: it counts as failed, for links of orders after ``since`` (13, 14)."""

    sub: int
    frame: Frame
    turns: list[Turn]
    state: str = "pending"
    reason: str = ""
    at: float = 0.0
    opened: bool = False
    begun: bool = False
    failed: bool = False
    since: int = 0
    judged: bool = False
    interrupted: str = ""
    tries: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    due: set[str] = field(default_factory=set)
    ends: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(eq=False)
class Loop:
    """An open iterate link, in the frame of its source."""

    link: Link
    source: Place
    count: int
    rows: int
    begun: int = 0
    ended: set[int] = field(default_factory=set)


class Knowledge(Reading):
    """The state of a run; ``starts``, ``links``, ``places``, ``unrun`` and ``final`` say in the end what happened."""

    def __init__(self, flow: Mapping[str, Any]) -> None:
        super().__init__(flow)
        self.places: dict[tuple[int, Frame], Place] = {}
        self.loops: dict[tuple[Link, Frame], Loop] = {}
        self.events: list[Any] = []
        self.running: dict[tuple[Place, str], tuple[int, str]] = {}
        self.halts: set[Any] = set()
        self.due: list[Any] = []
        self.todo: list[int] | None = None
        self.cuts: dict[str, str] = {}
        self.now, self.stop, self.head = 0.0, "", -1
        self.starts: list[tuple[float, str, Frame, int]] = []
        self.links: dict[tuple[int, Frame], tuple[bool, str]] = {}
        self.when: dict[tuple[int, Frame], float] = {}
        self.unrun: dict[tuple[int, str], tuple[str, float]] = {}
        self.final = ""

    def settled(self, one: Place | Loop) -> bool:
        """It, and all that it started in turn, has ended."""
        if isinstance(one, Loop):
            return self.done(one)
        return one.state in ENDED and all(turn.resolved and all(map(self.settled, turn.waits)) for turn in one.turns)

    def over(self, place: Place) -> bool:
        """It has ended and asks for nothing more, and so have its loops."""
        own = (loop for loop in self.loops.values() if loop.source is place)
        return place.state in ENDED and all(turn.resolved for turn in place.turns) and all(map(self.done, own))

    def members(self, x: Link) -> list[int]:
        return [s for s in self.scope[x] if self.around[s][-1] is x]

    def done(self, loop: Loop) -> bool:
        return loop.begun == loop.count == len(loop.ended)

    def source_of(self, place: Place) -> Place:
        """Where the loop around a place comes from."""
        return self.places[self.around[place.sub][-1].s, place.frame[:-1]]

    def targets(self, place: Place, *triggers: str) -> list[tuple[Link, Place | Loop]]:
        """What the open links of ``place`` lead to, whoever started it (11)."""
        opened = [x for x in self.out[place.sub] if x.trigger in triggers and self.links.get((x.index, place.frame), (False,))[0]]
        return [(x, self.loops[x, place.frame] if x.trigger == "iterate" else self.places[x.t, place.frame]) for x in opened]

    def quiet(self, one: Place | Loop) -> bool:
        if isinstance(one, Loop):
            return self.done(one)
        return (
            one.state in ENDED and all(t.resolved for t in one.turns) and all(self.quiet(t) for _, t in self.targets(one, "ok", "error", "always", "iterate"))
        )

    def pending(self, place: Place) -> bool:
        unresolved = any(x.trigger == "error" and (x.index, place.frame) not in self.links for x in self.out[place.sub])
        return unresolved or not all(self.quiet(target) for _, target in self.targets(place, "error"))  # (9)

    def handled(self, place: Place) -> bool:
        targets = [target for _, target in self.targets(place, "error") if isinstance(target, Place)]
        return bool(targets) and all(t.state != "cancelled" and self.good(t) for t in targets)  # (10)

    def good(self, place: Place) -> bool:
        """It and all below it completed, or their failures are handled (12)."""
        if not (self.handled(place) if place.failed else place.state == "completed" or place.reason in NEUTRAL):
            return False
        for _, target in self.targets(place, "ok", "error", "always", "iterate"):
            if isinstance(target, Place):
                if not self.good(target):
                    return False
            elif not place.failed and not self._good_loop(target):
                return False
        return True

    def _good_loop(self, loop: Loop) -> bool:
        inner = [each for each in self.loops.values() if each.source.frame[:-1] == loop.source.frame and self.around[each.source.sub][-1:] == [loop.link]]
        ends = [self.frame_end(loop, i) for i in range(loop.rows)]
        return ends == ["completed"] * loop.rows and all(each.source.failed or self._good_loop(each) for each in inner)

    def frame_end(self, loop: Loop, i: int) -> str:
        inside = [self.places[s, (*loop.source.frame, i)] for s in self.members(loop.link) if i < loop.begun]
        if any(p.failed and not self.handled(p) for p in inside):
            return "failed"
        return "cancelled" if not inside or any(p.state == "cancelled" and p.reason in CATCHING for p in inside) else "completed"

    def lasting(self, place: Place) -> bool:
        """Nobody handled its failure: neither its own error links nor those of the loops around it."""
        return not self.handled(place) and (not place.frame or self.lasting(self.source_of(place)))

    def arenas(self, place: Place) -> list[Any]:
        return [self.root[place.sub], *((x, place.frame[:depth]) for depth, x in enumerate(self.around[place.sub]))]

    def exempt(self, place: Place, arena: Any) -> bool:
        for x in self.into[place.sub]:  # (15)
            frame = place.frame if len(self.around[x.s]) == len(place.frame) else place.frame[:-1]
            source = self.places[x.s, frame]
            if self.links.get((x.index, frame), (False,))[0] and arena in self.arenas(source):
                seed = (source.failed and x.order > source.since and x.trigger in ("error", "always")) or source.state == "cancelled"
                if seed or self.exempt(source, arena):
                    return True
        return False

    def stopped(self, place: Place) -> str:
        return self.cut(place) or next((self.stop or "halted" for arena in self.arenas(place) if arena in self.halts and not self.exempt(place, arena)), "")

    def cut(self, place: Place) -> str:
        """Why nothing at all starts any more there: a hard stop, or the time of on_error and finally is up (24)."""
        return self.cuts.get(self.root[place.sub], "")

    def end_of(self, place: Place, module: str) -> tuple[str, str]:
        """The record of a module."""
        part = place.opened and module in self.off and not all(m in self.off for m in self.subs[place.sub])
        return ("cancelled", "disabled") if part else place.ends.get(module, (place.state, place.reason))

    def failures(self) -> tuple[set[int], set[int]]:
        """The sub flows that failed, by their tasks, a valve or a loop: handled ones, and others."""
        failed = [p for p in self.places.values() if p.failed]
        lasting = {p.sub for p in failed if self.lasting(p)}
        return {p.sub for p in failed} - lasting, lasting

    def frame_ends(self) -> dict[tuple[int, Frame], str]:
        """How each frame ended."""
        return {(x.index, (*frame, i)): self.frame_end(loop, i) for (x, frame), loop in self.loops.items() for i in range(loop.rows)}

    def gate_of(self, place: Place) -> tuple[bool, str]:
        """Whether it may open; if it never can, and that is known for good, the reason (7, 8, 16)."""
        said = {x: self.links.get((x.index, place.frame)) for x in self.into[place.sub]}
        opened, left = sum(1 for v in said.values() if v and v[0]), sum(1 for v in said.values() if v is None)
        spec = self.spec[self.subs[place.sub][0]]
        mode = str(spec.get("configs", {}).get("optional", {}).get("mode", "all")) if spec["name"] == "sync_gate" else ""
        if mode == "ended":
            met, dead = not left and opened > 0, not left and not opened
        elif mode:
            need = {"all": len(said), "any": 1}.get(mode) or int(mode)
            met, dead = opened >= need, opened + left < need
        else:
            views = [[said[x] for x in group] for group in self.groups[place.sub]]
            met = all(any(v and v[0] for v in view) for view in views)
            dead = any(all(v and not v[0] for v in view) for view in views)
        if met or not dead or not (opened or not left):
            return met, ""
        keys = {(x.index, place.frame) for x in said}
        caught = [why for key, (_, why) in self.links.items() if key in keys and why in CATCHING]
        return False, caught[0] if caught else "gate_unmet" if opened else "valve_closed"

    def fitting(self, place: Place, at: int) -> list[Link] | None:
        """Which links of its turn ``at`` fit its end (1, 14, 16, 17); None while it is not their turn."""
        turn = place.turns[at]
        if turn.at_once or self.cut(place) or (self.stopped(place) and place.state == "completed" and not place.failed):
            return []
        if at and not place.turns[at - 1].at_once and not all(map(self.settled, place.turns[at - 1].waits)):
            return None
        ok = place.state == "completed" and not place.failed
        fits = {"ok": ok, "start": ok, "iterate": ok, "error": place.failed, "always": True}
        return [x for x in turn.links if fits[x.trigger] and x.source not in self.off]

    def closing(self, place: Place, x: Link, *, asked: bool) -> str:
        """Why a link that does not open closes: its own answer, or what befell its source (16)."""
        if asked or (x.source in self.off and place.begun and place.state == "cancelled" and not self.cut(place)):
            return "valve_closed"
        why = self.cut(place) or (place.reason if place.state == "cancelled" else "" if place.failed else self.stopped(place))
        return why if why in CATCHING else "valve_closed"

    def ended_frames(self, loop: Loop) -> set[int]:
        """The frames in which all has ended that was started there (20)."""
        members = self.members(loop.link)
        return {i for i in range(loop.begun) if all(self.over(self.places[s, (*loop.source.frame, i)]) for s in members)}

    def outcome(self) -> str:
        """How the run ends, now that all has ended."""
        timeout = "timeout" in (self.cuts.get("hooks"), self.stop)
        return "failed" if self.failures()[1] or timeout else "cancelled" if self.stop else "completed"

    def outcome_reasons(self) -> set[str]:
        """Why: one of the failures that nobody handled, else what stopped the run."""
        failed = [place for place in self.places.values() if place.failed and self.lasting(place)]
        found = {place.reason if place.state == "failed" else "error:valve" for place in failed}
        return found or {"timeout" if self.final == "failed" else self.stop or "ok"}
