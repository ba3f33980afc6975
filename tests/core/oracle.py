"""A reference scheduler, written from the rules alone: what a flow does, event by event, on a clock of its own.

It shares no code with the product: it reads the flow's plain data, asks a :class:`World` how long things take and how
they go, and looks at everything anew after every step. To be read beside the rules, whose numbers stand in brackets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop
from typing import Any

from tests.core.oracle_flow import Link
from tests.core.oracle_knowledge import ENDED, Frame, Loop, Place, Turn
from tests.core.oracle_tasks import Tasks, World


class Oracle(Tasks):
    """Runs ``flow`` (the mapping of a flow file) in ``world``; what happened is in the fields of :class:`Knowledge`."""

    def __init__(self, flow: Mapping[str, Any], world: World) -> None:
        super().__init__(flow, world)
        for time, kind in world.stops + (((self.settings["timeout"], "timeout"),) if "timeout" in self.settings else ()):
            self._at(time, "stop", kind)
        for s in range(len(self.subs)):
            if not self.around[s]:
                self._place(s, ())
        for s in self.roots:
            self._open(self.places[s, ()])

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

    def _after(self) -> None:
        self._settle()
        while self._halt() or self._each(self._pass) or self._end_frames() or self._begin_frames() or self._hook():
            self._settle()
        self._start()

    def _each(self, step: Callable[[Place], bool]) -> bool:
        """Take a step at every place, in DFS order; whether any was to be taken."""
        return sum(step(place) for place in self._ranked()) > 0

    # --- sub flows --------------------------------------------------------------------------------

    def _place(self, s: int, frame: Frame) -> None:
        orders = sorted({x.order for x in self.out[s]})
        self.places[s, frame] = Place(s, frame, [Turn([x for x in self.out[s] if x.order == order]) for order in orders])

    def _open(self, place: Place) -> None:
        if place.state == "pending":
            place.state = "open"
            if why := self.stopped(place):
                self._end(place, "cancelled", why)

    def _pass(self, place: Place) -> bool:
        """Gates and disabled sub flows have no work: they end when they would start."""
        modules = self.subs[place.sub]
        place.opened = place.opened or place.state == "open"
        if place.state != "open" or (not (off := all(m in self.off for m in modules)) and self.spec[modules[0]]["name"] != "sync_gate"):
            return False
        self._end(place, *(("cancelled", "disabled") if off else ("completed", "ok")))  # (19)
        return True

    def _settle(self) -> None:
        """To an end belongs its first order; what follows from all ends of an instant comes after (6)."""
        while self._outwards() or self._each(lambda p: not any(t.resolved for t in p.turns) and self._advance(p)) or self._each(self._advance):
            pass

    def _advance(self, place: Place) -> bool:
        """Resolve the next links of an ended sub flow, if it is their turn."""
        at = sum(turn.resolved for turn in place.turns)
        if place.state not in ENDED or at == len(place.turns) or (opens := self.fitting(place, at)) is None:
            return False
        turn = place.turns[at]
        if turn.asked is None:
            turn.asked = dict.fromkeys((x for x in opens if x.condition or x.trigger == "iterate"), None)
            for x in turn.asked:
                self._ask(place, turn, x, counting=not x.condition)
        if any(turn.asked[x] is None for x in opens if x in turn.asked):
            return False
        self._resolve(place, turn, opens)
        return True

    def _ask(self, place: Place, turn: Turn, x: Link, *, counting: bool) -> None:
        ask = self.world.items if counting else self.world.verdict
        seconds, said = ask(x.index, place.frame)
        self._at(self.now + seconds, "answer", place, turn, x, str(said))

    def _on_answer(self, place: Place, turn: Turn, x: Link, word: str) -> None:
        if x.trigger == "iterate" and word == "true":
            self._ask(place, turn, x, counting=True)
        elif turn.asked is not None and not turn.resolved:
            turn.asked[x] = word

    def _resolve(self, place: Place, turn: Turn, opens: list[Link]) -> None:
        turn.resolved = True
        answers = turn.asked or {}
        good = [x for x in opens if answers.get(x, "true") not in ("false", "null", "error", "-1")]
        closed = {x: self.closing(place, x, asked=x in opens) for x in turn.links}
        if place.state == "completed" and any(answers.get(x) in ("error", "-1") for x in opens):
            place.failed, place.since = True, place.since if place.failed else turn.links[0].order  # (13)
        for x in turn.links:
            self.when[x.index, place.frame] = self.now
            self.links[x.index, place.frame] = (x in good, "ok" if x in good else closed[x])
            if x.trigger == "iterate":
                if x in good:
                    loop = self.loops[x, place.frame] = Loop(x, place, int(answers[x] or 0), int(answers[x] or 0))
                    turn.waits.append(loop)
                    if not loop.count:
                        self._without_frames(x, place.frame, "no_items")
                else:
                    self._without_frames(x, place.frame, closed[x])
                continue
            target = self.places[x.t, place.frame]
            if x in good and target.state == "pending":
                self._gate(target, dead_too=False)
            elif x in good:
                late = target.state == "cancelled" and not target.begun  # (8)
                self.links[x.index, place.frame] = (True, "too_late" if late else "already_ran" if self.settled(target) else "joined")  # (3)
            if target.state != "pending" and x in good and x.trigger != "start":
                turn.waits.append(target)
        for x in turn.links:
            if x.trigger != "iterate" and (target := self.places[x.t, place.frame]).state == "pending":
                self._gate(target)
                if target.state != "pending":
                    turn.waits.append(target)  # (2)

    def _gate(self, place: Place, *, dead_too: bool = True) -> None:
        met, dead = self.gate_of(place)
        if met:
            self._open(place)
        elif dead and dead_too:
            self._end(place, "cancelled", dead)

    # --- loops ------------------------------------------------------------------------------------

    def _end_frames(self) -> bool:
        more = [loop for loop in self.loops.values() if self.ended_frames(loop) != loop.ended]
        for loop in more:
            loop.ended = self.ended_frames(loop)
        return bool(more)

    def _without_frames(self, x: Link, frame: Frame, why: str) -> None:
        for s in self.scope[x]:  # (21)
            self.unrun[s, "-".join(map(str, frame)) + "--" if frame else "-"] = (why, self.now)

    def _begin_frames(self) -> bool:
        for (x, frame), loop in list(self.loops.items()):
            if loop.begun == loop.count:
                continue
            if why := ((x, frame) in self.halts and (self.stop or "halted")) or self.stopped(loop.source):
                if not loop.begun:
                    self._without_frames(x, frame, why)
                loop.count = loop.begun
                return True
            if loop.begun - len(loop.ended) < x.parallel:
                for s in self.members(x):
                    self._place(s, (*frame, loop.begun))
                loop.begun += 1
                self._open(self.places[x.t, (*frame, loop.begun - 1)])
                return True
        return False

    # --- failures ---------------------------------------------------------------------------------

    def _outwards(self) -> bool:
        for place in self._ranked():
            if place.failed and not place.judged and not self.pending(place):
                place.judged = True
                if not self.handled(place):
                    if place.frame:
                        source = self.source_of(place)
                        source.since, source.failed = source.since if source.failed else self.around[place.sub][-1].order, True  # (14)
                        self.due.append((self.around[place.sub][-1], place.frame[:-1]))
                    elif self.root[place.sub] == "main":
                        self.due.append("main")
                return True
        return False

    # --- halts, stops, hooks ----------------------------------------------------------------------

    def _halt(self) -> bool:
        due, self.due = self.due, []
        if due and self.settings.get("fail_strategy", "halt") == "halt":
            self.halts.update(due)
            self._enforce(self.settings.get("on_halt", "finish") == "interrupt")
        return bool(due)

    def _enforce(self, interrupt: bool) -> None:
        for place in self._ranked():
            why = self.stopped(place)
            if why and (place.state == "open" or (place.state == "pending" and self.cut(place))):
                self._end(place, "cancelled", why)
        while self._each(lambda p: p.state == "completed" and not p.failed and bool(self.stopped(p)) and self._advance(p)):  # (16)
            self._settle()
        for place in self._ranked():
            if place.state == "running" and (why := self.stopped(place)):
                self._stop_tries(place, why if interrupt else "")

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
        if not all(self.over(p) for (s, _), p in self.places.items() if self.root[s] == "main"):
            return False
        if self.todo is None:  # (23)
            needed = self.stop or self.failures()[1]
            self.todo = [*(self.hooks[0] if needed else ()), *self.hooks[1]]
            for s in () if needed else self.hooks[0]:
                if self.places[s, ()].state == "pending":
                    self._end(self.places[s, ()], "cancelled", "not_needed")
            if self.todo:
                self._at(self.now + self.settings.get("finally_timeout", 60), "stop", "hooks")  # (24)
            return True
        if self.head >= 0 and not all(self.over(self.places[s, ()]) for s in {self.head} | self.below(self.head) if not self.around[s]):
            return False
        if self.todo:
            self.head = self.todo.pop(0)
            self._open(self.places[self.head, ()])
            return True
        self.final = self.outcome()
        return False
