"""The tasks of the reference scheduler: tries that take their time, fail, are tried again, run out of time or are killed.

Numbers in brackets are those of the control rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import heappush
from itertools import count
from typing import Any, Protocol

from tests.core.oracle_flow import Link
from tests.core.oracle_knowledge import Frame, Knowledge, Place, Turn

TICKET = count()


class World(Protocol):
    """What happens to a flow: seconds and outcomes, the same whenever asked. ``stops`` are (time, polite | hard)."""

    slots: int
    stops: tuple[tuple[float, str], ...]

    def work(self, module: str, frame: Frame, attempt: int) -> tuple[float, str]: ...
    def grace(self, module: str, frame: Frame, attempt: int) -> float: ...
    def verdict(self, link: int, frame: Frame) -> tuple[float, str]: ...
    def items(self, link: int, frame: Frame) -> tuple[float, int]: ...


class Tasks(Knowledge):
    """Starts and ends tries of what is open, and ends a sub flow when all its tasks have."""

    def __init__(self, flow: Mapping[str, Any], world: World) -> None:
        super().__init__(flow)
        self.world = world

    def _rank_of(self, event: Any) -> tuple[Any, ...]:
        kind, place, module, *_ = event
        return kind, self.number[place.sub], place.frame, self.wave(module), list(self.spec).index(module)

    def _at(self, time: float, *what: Any) -> None:
        heappush(self.events, (time, next(TICKET), *what))

    def _start(self) -> None:
        """Start what may start, in the order of rule 5."""
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
                for at, m in enumerate(sorted(self.subs[place.sub], key=self.wave)):
                    idle = m not in place.ends and (m not in place.waiting or m in place.due) and (place, m) not in self.running and m not in self.off
                    if idle and all(place.ends.get(a, ("",))[0] == "completed" for _, a in self.fed[m] if a not in self.off):
                        yield self.number[place.sub], place.frame, at, place, m

    def _on_end(self, place: Place, module: str, attempt: int, killed: bool) -> None:
        if self.running.get((place, module), (0,))[0] != attempt:
            return
        why = self.running.pop((place, module))[1]
        outcome = self.world.work(module, place.frame, attempt)[1]
        if why and (killed or outcome != "ok" or (why == "late" and self.spec[module]["name"] in ("do", "python"))):
            outcome = "timeout" if why == "late" else "cancelled"
        retry = self.spec[module].get("retry") or {"attempts": 1 + self.spec[module].get("retries", self.settings.get("retries", 0))}
        covered = not retry.get("retry_on") or outcome.partition(":")[2] in retry["retry_on"]
        if outcome == "ok":
            place.ends[module] = ("completed", "ok")
        elif outcome == "cancelled":
            place.ends[module] = ("cancelled", why)
        elif attempt < retry["attempts"] and covered and not place.interrupted and not self.stopped(place):  # (18)
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
        return x.trigger == "always" and place.begun and x.source not in self.off and not self.cut(place)

    def _ranked(self) -> list[Place]:
        return sorted(self.places.values(), key=lambda p: (self.number[p.sub], p.frame))

    def _stop_tries(self, place: Place, why: str) -> None:
        """No try begins there any more (18); with a reason why, what runs is told to end."""
        if why:
            place.interrupted = place.interrupted or why
            for m in self.subs[place.sub]:
                if (place, m) in self.running:
                    self._kill(place, m, why)
                elif m not in self.off:
                    place.ends.setdefault(m, ("cancelled", why))
            place.waiting.clear()
        for module, outcome in place.waiting.items():
            self._fail(place, module, outcome, place.tries[module])
        place.waiting.clear()
        self._conclude(place)
