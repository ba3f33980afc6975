"""A reference scheduler, written from the rules alone: what a flow does, event by event, on a clock of its own.

It shares no code with the product: it reads the flow's plain data, asks a :class:`World` how long things take and how
they go, and looks at everything anew after every step instead of keeping books. Slow, small, and meant to be read
beside the rules, whose numbers stand here in brackets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any, Protocol

Frame = tuple[int, ...]
LINK = re.compile(r"(\w+) \((\w+)\|(ok|error|always|iterate|start)?(?: ?x(\d+))? ?(if .*)?\) (\w+)")
TICKET = count()
ENDED = ("completed", "failed", "cancelled")
CATCHING = ("halted", "stopped_by_user", "timeout", "not_needed")
NEUTRAL = ("valve_closed", "gate_unmet", "disabled", "not_needed", "no_items")


class World(Protocol):
    """What happens to a flow: seconds and outcomes, the same whenever asked. ``stops`` are (time, polite | hard)."""

    slots: int
    stops: tuple[tuple[float, str], ...]

    def work(self, module: str, frame: Frame, attempt: int) -> tuple[float, str]: ...
    def grace(self, module: str, frame: Frame, attempt: int) -> float: ...
    def verdict(self, link: int, frame: Frame) -> tuple[float, str]: ...
    def items(self, link: int, frame: Frame) -> tuple[float, int]: ...


@dataclass(eq=False)
class Link:
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


class Oracle:
    """Runs ``flow`` (the mapping of a flow file) in ``world``; ``starts``, ``states``, ``modules``, ``links``, ``frames`` and ``final`` say what happened."""

    def __init__(self, flow: Mapping[str, Any], world: World) -> None:
        self.world, self.settings = world, flow.get("settings", {})
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
        self.scope = {x: {x.t} | self._below(x.t) for x in self.all if x.trigger == "iterate"}
        self.around = [sorted((x for x in self.scope if s in self.scope[x]), key=lambda x: -len(self.scope[x])) for s in range(len(self.subs))]
        self.hooks = [[self.home[id] for id in flow.get(key, ())] for key in ("on_error", "finally")]
        hooked = {s for head in [*self.hooks[0], *self.hooks[1]] for s in (head, *self._below(head))}
        self.root = ["hooks" if s in hooked else "main" for s in range(len(self.subs))]
        self.number: dict[int, int] = {}
        roots = [s for s in range(len(self.subs)) if not self.into[s] and s not in hooked]
        for s in (*roots, *self.hooks[0], *self.hooks[1]):
            self._count(s)
        self.groups = [self._groups(s) for s in range(len(self.subs))]
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
        for time, kind in world.stops + (((self.settings["timeout"], "timeout"),) if "timeout" in self.settings else ()):
            self._at(time, "stop", kind)
        for s in range(len(self.subs)):
            if not self.around[s]:
                self._place(s, ())
        for s in roots:
            self._open(self.places[s, ()])

    # --- the flow ---------------------------------------------------------------------------------

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

    def _below(self, s: int) -> set[int]:
        targets = {x.t for x in self.all if x.s == s}
        return targets.union(*map(self._below, targets))

    def _count(self, s: int) -> None:
        if s not in self.number:  # (5)
            self.number[s] = len(self.number)
            for x in self.out[s]:
                self._count(x.t)

    def _groups(self, s: int) -> list[list[Link]]:
        groups: list[list[Link]] = []
        for x in self.into[s]:  # (7)
            near = [g for g in groups if any(x.target == y.target or x.s == y.s or x.s in self._below(y.s) or y.s in self._below(x.s) for y in g)]
            groups = [g for g in groups if g not in near] + [sum(near, [x])]
        return groups

    # --- the clock --------------------------------------------------------------------------------

    def run(self) -> Oracle:
        self._after()
        while not self.final:
            self.now, batch = self.events[0][0], []
            while self.events and self.events[0][0] == self.now:
                batch.append(heappop(self.events)[2:])
            for kind, *what in (event for event in batch if event[0] in ("answer", "retry")):
                getattr(self, "_on_" + kind)(*what)
            self._settle()
            for kind, *what in sorted((event for event in batch if event[0] in ("end", "late")), key=self._rank_of):
                getattr(self, "_on_" + kind)(*what)
            for place in self._ranked():  # (6) ends in DFS order, then halts, then starts
                self._conclude(place)
            self._settle()
            for kind, *what in batch:
                if kind == "stop":
                    self._stop(what[0])
            self._after()
        return self

    def _rank_of(self, event: Any) -> tuple[Any, ...]:
        kind, place, module, *_ = event
        return kind, self.number[place.sub], place.frame, self._wave(module), list(self.spec).index(module)

    def _at(self, time: float, *what: Any) -> None:
        heappush(self.events, (time, next(TICKET), *what))

    def _after(self) -> None:
        self._settle()
        while self._halt() or self._each(self._pass) or self._end_frames() or self._begin_frames() or self._hook():
            self._settle()
        while len(self.running) < self.world.slots and (ready := sorted(self._ready(), key=lambda one: one[:3])):
            _, _, _, place, module = ready[0]
            place.state, place.begun = "running", True
            place.waiting.pop(module, None)
            place.due.discard(module)
            attempt = place.tries[module] = place.tries.get(module, 0) + 1
            self.running[place, module] = (attempt, "")
            self.starts.append((self.now, module, place.frame, attempt))
            seconds, _ = self.world.work(module, place.frame, attempt)
            limit = self.spec[module].get("timeout")
            self._at(self.now + seconds, "end", place, module, attempt, False)
            if limit is not None:
                self._at(self.now + limit, "late", place, module, attempt)

    def _ready(self) -> Iterator[tuple[int, Frame, int, Place, str]]:
        for place in self.places.values():
            if place.state in ("open", "running") and not place.interrupted:
                for at, m in enumerate(sorted(self.subs[place.sub], key=self._wave)):
                    idle = m not in place.ends and (m not in place.waiting or m in place.due) and (place, m) not in self.running and m not in self.off
                    if idle and all(place.ends.get(a, ("",))[0] == "completed" for _, a in self.fed[m] if a not in self.off):
                        yield self.number[place.sub], place.frame, at, place, m

    def _wave(self, module: str) -> int:
        return 1 + max((self._wave(a) for _, a in self.fed[module]), default=0)

    def _each(self, step: Callable[[Place], bool]) -> bool:
        """Take a step at every place, in DFS order; whether any was to be taken."""
        return sum(step(place) for place in self._ranked()) > 0

    def _ranked(self) -> list[Place]:
        return sorted(self.places.values(), key=lambda p: (self.number[p.sub], p.frame))

    # --- tries ------------------------------------------------------------------------------------

    def _on_end(self, place: Place, module: str, attempt: int, killed: bool) -> None:
        if self.running.get((place, module), (0,))[0] != attempt:
            return
        why = self.running.pop((place, module))[1]
        outcome = self.world.work(module, place.frame, attempt)[1]
        if why and (killed or outcome != "ok"):
            outcome = "timeout" if why == "late" else "cancelled"
        retry = self.spec[module].get("retry") or {"attempts": 1 + self.spec[module].get("retries", self.settings.get("retries", 0))}
        covered = not retry.get("retry_on") or outcome.partition(":")[2] in retry["retry_on"]
        if outcome == "ok":
            place.ends[module] = ("completed", "ok")
        elif outcome == "cancelled":
            place.ends[module] = ("cancelled", why)
        elif attempt < retry["attempts"] and covered and not place.interrupted and not self._stopped(place):  # (18)
            place.waiting[module] = outcome
            factor = {"fixed": 1, "linear": attempt, "exponential": 2 ** (attempt - 1)}[retry.get("backoff", "fixed")]
            self._at(self.now + min(retry.get("delay", 0) * factor, retry.get("max_delay", 10**9)), "retry", place, module)
        else:
            self._fail(place, module, outcome, attempt)

    def _on_late(self, place: Place, module: str, attempt: int) -> None:
        if self.running.get((place, module)) == (attempt, ""):
            self._kill(place, module, "late")

    def _on_retry(self, place: Place, module: str) -> None:
        if module in place.waiting:
            place.due.add(module)

    def _kill(self, place: Place, module: str, why: str) -> None:
        attempt, already = self.running[place, module]
        if not already:
            self.running[place, module] = (attempt, why)
            self._at(self.now + self.world.grace(module, place.frame, attempt), "end", place, module, attempt, True)

    def _fail(self, place: Place, module: str, reason: str, attempt: int) -> None:
        place.ends[module] = ("failed", f"retries_exhausted:{reason.removeprefix('error:')}" if attempt > 1 else reason)
        place.failed = True
        while more := [
            m for m in self.subs[place.sub] if m not in place.ends and any(place.ends.get(a, ("",))[0] in ("failed", "cancelled") for _, a in self.fed[m])
        ]:
            place.ends.update(dict.fromkeys((m for m in more), ("cancelled", "upstream_failed")))

    # --- sub flows --------------------------------------------------------------------------------

    def _place(self, s: int, frame: Frame) -> Place:
        orders = sorted({x.order for x in self.out[s]})
        made = self.places[s, frame] = Place(s, frame, [Turn([x for x in self.out[s] if x.order == order]) for order in orders])
        return made

    def _open(self, place: Place) -> None:
        if place.state != "pending":
            return
        place.state = "open"
        if why := self._stopped(place):
            self._end(place, "cancelled", why)

    def _pass(self, place: Place) -> bool:
        """Gates and disabled sub flows have no work: they end when they would start."""
        modules = self.subs[place.sub]
        place.opened = place.opened or place.state == "open"
        if place.state != "open" or (not (off := all(m in self.off for m in modules)) and self.spec[modules[0]]["name"] != "sync_gate"):
            return False
        self._end(place, *(("cancelled", "disabled") if off else ("completed", "ok")))  # (19)
        return True

    def _conclude(self, place: Place) -> bool:
        done = all(m in place.ends or m in self.off for m in self.subs[place.sub])
        if place.state != "running" or not done:
            return False
        ends = [place.ends[m] for m in place.ends]
        state = "failed" if place.failed else "cancelled" if place.interrupted and ("cancelled", place.interrupted) in ends else "completed"
        self._end(place, state, next(reason for each, reason in ends if each == state))
        return True

    def _end(self, place: Place, state: str, reason: str) -> None:
        place.state, place.reason, place.at = state, reason, self.now
        if state == "cancelled":  # (1)
            fires = [[x for x in turn.links if self._fires(place, x)] for turn in place.turns]
            closing = Turn([x for turn in place.turns for x in turn.links if not self._fires(place, x)], at_once=True)
            place.turns = [closing, *(Turn(links) for links in fires if links)]

    def _fires(self, place: Place, x: Link) -> bool:
        """Whether a link of a cancelled sub flow fires all the same (17)."""
        return x.trigger == "always" and place.begun and x.source not in self.off and not self._cut(place)

    def _settle(self) -> None:
        while self._outwards() or self._each(self._advance):
            pass

    def _advance(self, place: Place) -> bool:
        """Resolve the next links of an ended sub flow, if it is their turn."""
        if place.state not in ENDED:
            return False
        why = self._stopped(place)
        for at, turn in enumerate(place.turns):
            if turn.resolved:
                continue
            if turn.at_once or self._cut(place) or (why and place.state == "completed" and not place.failed):
                opens = []  # (16)
            else:
                if at and not place.turns[at - 1].at_once and not all(map(self._settled, place.turns[at - 1].waits)):
                    return False
                ok = place.state == "completed" and not place.failed
                fits = {"ok": ok, "start": ok, "iterate": ok, "error": place.failed, "always": True}
                opens = [x for x in turn.links if fits[x.trigger] and x.source not in self.off]
            if turn.asked is None:
                turn.asked = dict.fromkeys((x for x in opens if x.condition or x.trigger == "iterate"), None)
                for x in turn.asked:
                    self._ask(place, turn, x)
            if any(turn.asked[x] is None for x in opens if x in turn.asked):
                return False
            self._resolve(place, turn, opens, why)
            return True
        return False

    def _ask(self, place: Place, turn: Turn, x: Link, counting: bool = False) -> None:
        assert turn.asked is not None
        if x.condition and not counting:
            seconds, word = self.world.verdict(x.index, place.frame)
        else:
            seconds, count = self.world.items(x.index, place.frame)
            word = str(count)
        self._at(self.now + seconds, "answer", place, turn, x, word)

    def _on_answer(self, place: Place, turn: Turn, x: Link, word: str) -> None:
        if turn.resolved or turn.asked is None:
            return
        if x.trigger == "iterate" and word == "true":
            self._ask(place, turn, x, counting=True)
        else:
            turn.asked[x] = word

    def _resolve(self, place: Place, turn: Turn, opens: list[Link], why: str) -> None:
        turn.resolved = True
        closed = self._cut(place) or (place.reason if place.state == "cancelled" else "" if place.failed else why)
        closed = closed if closed in CATCHING else "valve_closed"
        answers = turn.asked or {}
        good = [x for x in opens if answers.get(x, "true") not in ("false", "null", "error", "-1")]
        if place.state == "completed" and any(answers.get(x) in ("error", "-1") for x in opens):
            place.failed, place.since = True, place.since if place.failed else turn.links[0].order  # (13)
        for x in turn.links:
            self.when[x.index, place.frame] = self.now
            self.links[x.index, place.frame] = (
                x in good,
                "ok"
                if x in good
                else "valve_closed"
                if x in opens or (x.source in self.off and place.begun and place.state == "cancelled" and not self._cut(place))
                else closed,
            )
            if x.trigger == "iterate":
                if x in good:
                    loop = self.loops[x, place.frame] = Loop(x, place, int(answers[x] or 0), int(answers[x] or 0))
                    turn.waits.append(loop)
                    if not loop.count:
                        self._without_frames(x, place.frame, "no_items")
                else:
                    self._without_frames(x, place.frame, self.links[x.index, place.frame][1])
                continue
            target = self.places[x.t, place.frame]
            if x in good and target.state == "pending":
                self._gate(target, dead_too=False)
            elif x in good:
                late = target.state == "cancelled" and not target.begun  # (8)
                self.links[x.index, place.frame] = (True, "too_late" if late else "already_ran" if self._settled(target) else "joined")  # (3)
            if target.state != "pending" and x in good and x.trigger != "start":
                turn.waits.append(target)
        for x in turn.links:
            if x.trigger != "iterate" and (target := self.places[x.t, place.frame]).state == "pending":
                self._gate(target)
                if target.state != "pending":
                    turn.waits.append(target)  # (2)

    def _gate(self, place: Place, *, dead_too: bool = True) -> None:
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
        if met:
            self._open(place)
        elif dead_too and dead and (opened or not left):
            keys = {(x.index, place.frame) for x in said}
            caught = [why for key, (opened, why) in self.links.items() if key in keys and why in CATCHING]
            self._end(place, "cancelled", caught[-1] if caught else "gate_unmet" if opened else "valve_closed")  # (8, 16)

    def _settled(self, one: Place | Loop) -> bool:
        """It, and all that it started in turn, has ended."""
        if isinstance(one, Loop):
            return self._done(one)
        return one.state in ENDED and all(turn.resolved and all(map(self._settled, turn.waits)) for turn in one.turns)

    # --- loops ------------------------------------------------------------------------------------

    def _over(self, place: Place) -> bool:
        """It has ended and asks for nothing more, and so have its loops."""
        own = (loop for loop in self.loops.values() if loop.source is place)
        return place.state in ENDED and all(turn.resolved for turn in place.turns) and all(map(self._done, own))

    def _members(self, x: Link) -> list[int]:
        return [s for s in self.scope[x] if self.around[s][-1] is x]

    def _done(self, loop: Loop) -> bool:
        return loop.begun == loop.count == len(loop.ended)

    def _end_frames(self) -> bool:
        before = sum(len(loop.ended) for loop in self.loops.values())
        for loop in self.loops.values():
            frames = {i: [self.places[s, (*loop.source.frame, i)] for s in self._members(loop.link)] for i in range(loop.begun)}
            loop.ended = {i for i, places in frames.items() if all(map(self._over, places))}  # (20)
        return sum(len(loop.ended) for loop in self.loops.values()) > before

    def _without_frames(self, x: Link, frame: Frame, why: str) -> None:
        for s in self.scope[x]:  # (21)
            self.unrun[s, "-".join(map(str, frame)) + "--" if frame else "-"] = (why, self.now)

    def _begin_frames(self) -> bool:
        for (x, frame), loop in list(self.loops.items()):
            if loop.begun == loop.count:
                continue
            if why := ((x, frame) in self.halts and (self.stop or "halted")) or self._stopped(loop.source):
                if not loop.begun:
                    self._without_frames(x, frame, why)
                loop.count = loop.begun
                return True
            if loop.begun - len(loop.ended) < x.parallel:
                for s in self._members(x):
                    self._place(s, (*frame, loop.begun))
                loop.begun += 1
                self._open(self.places[x.t, (*frame, loop.begun - 1)])
                return True
        return False

    def _source(self, place: Place) -> Place:
        """Where the loop around a place comes from."""
        return self.places[self.around[place.sub][-1].s, place.frame[:-1]]

    # --- failures ---------------------------------------------------------------------------------

    def _targets(self, place: Place, *triggers: str) -> list[tuple[Link, Place | Loop]]:
        """What the open links of ``place`` lead to, whoever started it (11)."""
        opened = [x for x in self.out[place.sub] if x.trigger in triggers and self.links.get((x.index, place.frame), (False,))[0]]
        return [(x, self.loops[x, place.frame] if x.trigger == "iterate" else self.places[x.t, place.frame]) for x in opened]

    def _quiet(self, one: Place | Loop) -> bool:
        if isinstance(one, Loop):
            return self._done(one)
        return (
            one.state in ENDED and all(t.resolved for t in one.turns) and all(self._quiet(t) for _, t in self._targets(one, "ok", "error", "always", "iterate"))
        )

    def _pending(self, place: Place) -> bool:
        unresolved = any(x.trigger == "error" and (x.index, place.frame) not in self.links for x in self.out[place.sub])
        return unresolved or not all(self._quiet(target) for _, target in self._targets(place, "error"))  # (9)

    def _handled(self, place: Place) -> bool:
        targets = [target for _, target in self._targets(place, "error") if isinstance(target, Place)]
        return bool(targets) and all(t.state != "cancelled" and self._good(t) for t in targets)  # (10)

    def _good(self, place: Place) -> bool:
        """It and all below it completed, or their failures are handled (12)."""
        if not (self._handled(place) if place.failed else place.state == "completed" or place.reason in NEUTRAL):
            return False
        for _, target in self._targets(place, "ok", "error", "always", "iterate"):
            if isinstance(target, Place):
                if not self._good(target):
                    return False
            elif not place.failed and any(self._frame_end(target, i) != "completed" for i in range(target.rows)):
                return False
        return True

    def _frame_end(self, loop: Loop, i: int) -> str:
        inside = [self.places[s, (*loop.source.frame, i)] for s in self._members(loop.link) if i < loop.begun]
        if any(p.failed and not self._handled(p) for p in inside):
            return "failed"
        return "cancelled" if not inside or any(p.state == "cancelled" and p.reason in CATCHING for p in inside) else "completed"

    def _lasting(self, place: Place) -> bool:
        """Nobody handled its failure: neither its own error links nor those of the loops around it."""
        return not self._handled(place) and (not place.frame or self._lasting(self._source(place)))

    def _outwards(self) -> bool:
        for place in self._ranked():
            if place.failed and not place.judged and not self._pending(place):
                place.judged = True
                if not self._handled(place):
                    if place.frame:
                        source = self._source(place)
                        source.since = source.since if source.failed else self.around[place.sub][-1].order
                        source.failed = True  # (14)
                        self.due.append((self.around[place.sub][-1], place.frame[:-1]))
                    elif self.root[place.sub] == "main":
                        self.due.append("main")
                return True
        return False

    # --- halts, stops, hooks ----------------------------------------------------------------------

    def _arenas(self, place: Place) -> list[Any]:
        return [self.root[place.sub], *((x, place.frame[:depth]) for depth, x in enumerate(self.around[place.sub]))]

    def _exempt(self, place: Place, arena: Any) -> bool:
        for x in self.into[place.sub]:  # (15)
            frame = place.frame if len(self.around[x.s]) == len(place.frame) else place.frame[:-1]
            source = self.places[x.s, frame]
            if self.links.get((x.index, frame), (False,))[0] and arena in self._arenas(source):
                seed = (source.failed and x.order > source.since and x.trigger in ("error", "always")) or source.state == "cancelled"
                if seed or self._exempt(source, arena):
                    return True
        return False

    def _stopped(self, place: Place) -> str:
        return self._cut(place) or next((self.stop or "halted" for arena in self._arenas(place) if arena in self.halts and not self._exempt(place, arena)), "")

    def _cut(self, place: Place) -> str:
        """Why nothing at all starts any more there: a hard stop, or the time of on_error and finally is up (24)."""
        return self.cuts.get(self.root[place.sub], "")

    def _halt(self) -> bool:
        due, self.due = self.due, []
        if self.settings.get("fail_strategy", "halt") == "halt":
            for arena in due:
                self.halts.add(arena)
            if due:
                self._enforce(self.settings.get("on_halt", "finish") == "interrupt")
        return bool(due)

    def _enforce(self, interrupt: bool) -> None:
        for place in self._ranked():
            why = self._stopped(place)
            if why and (place.state == "open" or (place.state == "pending" and self._cut(place))):
                self._end(place, "cancelled", why)
        while self._each(lambda place: bool(self._stopped(place)) and self._advance(place)):  # (16)
            pass
        for place in self._ranked():
            if place.state == "running" and (why := self._stopped(place)):
                if interrupt:
                    place.interrupted = place.interrupted or why
                    for m in self.subs[place.sub]:
                        if (place, m) in self.running:
                            self._kill(place, m, why)
                        elif m not in self.off:
                            place.ends.setdefault(m, ("cancelled", why))
                    place.waiting.clear()
                for module, outcome in place.waiting.items():
                    self._fail(place, module, outcome, place.tries[module])  # (18)
                place.waiting.clear()
                self._conclude(place)

    def _stop(self, kind: str) -> None:
        if self.final or (kind in ("polite", "timeout") and self.todo is not None):
            return
        why = "timeout" if kind in ("timeout", "hooks") else "stopped_by_user"
        for root in {"hooks": ["hooks"], "hard": ["main", "hooks"]}.get(kind, []):
            self.cuts.setdefault(root, why)
        if kind != "hooks":
            self.stop = why if kind == "hard" else self.stop or why
            self.halts.add("main")
        self._enforce(True)

    def _hook(self) -> bool:
        if not all(self._over(p) for (s, _), p in self.places.items() if self.root[s] == "main"):
            return False
        if self.todo is None:  # (23)
            needed = self.stop or any(p.failed and self._lasting(p) for p in self.places.values())
            self.todo = [*(self.hooks[0] if needed else ()), *self.hooks[1]]
            for s in () if needed else self.hooks[0]:
                if self.places[s, ()].state == "pending":
                    self._end(self.places[s, ()], "cancelled", "not_needed")
            if self.todo:
                self._at(self.now + self.settings.get("finally_timeout", 60), "stop", "hooks")  # (24)
            return True
        if self.head >= 0 and not all(self._over(self.places[s, ()]) for s in {self.head} | self._below(self.head) if not self.around[s]):
            return False
        if self.todo:
            self.head = self.todo.pop(0)
            self._open(self.places[self.head, ()])
            return True
        stop = "timeout" if self.cuts.get("hooks") == "timeout" else self.stop
        failed = any(p.failed and self._lasting(p) for p in self.places.values())
        self.final = "failed" if failed or stop == "timeout" else "cancelled" if stop else "completed"
        return False

    # --- what one asks afterwards -----------------------------------------------------------------

    def end_of(self, place: Place, module: str) -> tuple[str, str]:
        """The record of a module."""
        part = place.opened and module in self.off and not all(m in self.off for m in self.subs[place.sub])
        return ("cancelled", "disabled") if part else place.ends.get(module, (place.state, place.reason))

    def failures(self) -> tuple[set[int], set[int]]:
        """The sub flows that failed, by their tasks, a valve or a loop: handled ones, and others."""
        failed = [p for p in self.places.values() if p.failed]
        lasting = {p.sub for p in failed if self._lasting(p)}
        return {p.sub for p in failed} - lasting, lasting

    def frame_ends(self) -> dict[tuple[int, Frame], str]:
        """How each frame ended."""
        return {(x.index, (*frame, i)): self._frame_end(loop, i) for (x, frame), loop in self.loops.items() for i in range(loop.rows)}
