"""A clock that jumps, and tries on it that take the time and go the way that their case says. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf
from typing import Any, NamedTuple

from tests.core.plain import Link
from tests.core.random_flows import Case, Frame

CODE = ("do", "python")
"""Types whose late results are discarded; a statement that ended in time has ended."""


class Ended(NamedTuple):
    """A try ended; ``why`` is ``ok``, what it failed of, or what it was told."""

    module: str
    frame: Frame
    state: str
    why: str


@dataclass
class _Try:
    number: int
    why: str = ""
    late: bool = False


class Clock:
    """``now`` in seconds; how many ``tries`` each module in a frame had, and which are ``running``; what was to be joined."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.now = 0.0
        self.running: dict[tuple[str, Frame], _Try] = {}
        self.pausing: set[tuple[str, Frame]] = set()
        self.tries: dict[tuple[str, Frame], int] = {}
        self.starts: list[tuple[float, str, Frame, int]] = []
        self.joins: dict[Any, tuple[float, bool]] = {}
        self._spec = {module["id"]: module for module in case.flow["modules"]}
        self._events: list[tuple[float, int, str, Any]] = []
        self._sequence = 0
        for time, kind in case.stops:
            self.at(time, kind)

    def at(self, time: float, what: Any) -> None:
        """Tell ``what`` then."""
        self._push(time, "told", what)

    def room(self, module: str) -> bool:
        """Whether there are slots for a try, the named ones too."""
        named = self._spec[module].get("resources", {}).get("slots", {})
        booked = {name: sum(name in self._spec[m].get("resources", {}).get("slots", {}) for m, _ in self.running) for name in named}
        return len(self.running) < self.case.slots and all(count < self.case.flow["settings"]["slots"][name] for name, count in booked.items())

    def start(self, module: str, frame: Frame) -> None:
        """A try begins; its end will be told."""
        assert (module, frame) not in self.running, "two tries of one module at once"
        number = self.tries[module, frame] = self.tries.get((module, frame), 0) + 1
        self.starts.append((self.now, module, frame, number))
        self.running[module, frame] = _Try(number)
        self._push(self.now + self.case.work(module, frame, number)[0], "end", (module, frame, number))
        if "timeout" in self._spec[module]:
            self._push(self.now + self._spec[module]["timeout"], "late", (module, frame, number))

    def end(self, module: str, frame: Frame, why: str, *, late: bool = False) -> None:
        """Tell a try to end. It takes its time for that, and may come to its own end meanwhile."""
        one = self.running[module, frame]
        if not one.why:
            one.why, one.late = why, late
            self._push(self.now + self.case.grace(module, frame, one.number), "killed", (module, frame, one.number))

    def ask(self, link: Link, frame: Frame, seen: tuple[Any, ...]) -> tuple[float, str]:
        """Ask for the condition of a link and, if it is true, for the rows of its loop. Returns when the answer will be known, and what it is."""
        seconds, word = self.case.verdict(link.index, frame, seen) if link.condition else (0.0, "true")
        if link.trigger == "iterate" and word == "true":
            more, count = self.case.items(link.index, frame)
            seconds, word = seconds + more, str(count) if count >= 0 else "error"
        self.at(self.now + seconds, None)
        return self.now + seconds, word

    def join(self, link: Link, frame: Frame) -> bool | None:
        """Bring together what a loop collected, once. Returns whether that failed; None until it is done."""
        if (link, frame) not in self.joins:
            seconds, broken = self.case.joining(link.index, frame)
            self.joins[link, frame] = (self.now + seconds, broken)
            self.at(self.now + seconds, None)
        until, broken = self.joins[link, frame]
        return broken if until <= self.now else None

    def instants(self, over: Callable[[], object]) -> Iterator[tuple[list[Ended], list[Any]]]:
        """The beginning, and then what :meth:`go_on` says, until it is ``over``."""
        yield [], []
        while not over():
            yield self.go_on()

    def pause(self, module: str, frame: Frame, seconds: float) -> None:
        """Wait before the next try of a module; until then it is among what is ``pausing``."""
        self.pausing.add((module, frame))
        self._push(self.now + seconds, "paused", (module, frame))

    def go_on(self) -> tuple[list[Ended], list[Any]]:
        """Go to the next instant at which something happens. Returns which tries ended then, and what was to be told."""
        ended: list[Ended] = []
        told: list[Any] = []
        self.now = self._events[0][0]
        assert self.now < inf, "deadlock"
        while self._events and self._events[0][0] == self.now:
            _, _, kind, what = heappop(self._events)
            if kind == "told":
                told.append(what)
            elif kind == "paused":
                self.pausing.discard(what)
            else:
                ended += self._happened(kind, *what)
        return ended, told

    def _push(self, time: float, kind: str, what: Any) -> None:
        self._sequence += 1
        heappush(self._events, (time, self._sequence, kind, what))

    def _happened(self, kind: str, module: str, frame: Frame, number: int) -> list[Ended]:
        one = self.running.get((module, frame))
        if one is None or one.number != number:
            return []
        if kind == "late":
            self.end(module, frame, "timeout", late=True)
            return []
        del self.running[module, frame]
        outcome = self.case.work(module, frame, number)[1]
        if one.why and (kind == "killed" or outcome != "ok" or (one.late and self._spec[module]["name"] in CODE)):
            return [Ended(module, frame, "failed" if one.late else "cancelled", one.why)]
        return [Ended(module, frame, "completed" if outcome == "ok" else "failed", outcome)]
