"""A reference scheduler, written from the rules alone, which shares no code with the product: at each instant of its clock every rule is asked anew of
every sub flow in every frame, until none has anything more to say. To be read beside the control rules, whose numbers stand in brackets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf
from typing import Any

from tests.core.plain import HOOKS, MAIN, Link, Loop, Place, Plain
from tests.core.random_flows import Case, Frame
from tests.core.virtual_clock import Clock

CUT_SHORT = ("halted", "stopped_by_user", "timeout", "not_needed")


class Oracle(Plain):
    """Runs the flow of ``case``. Known is of each module in a frame why its last try was ``lost_by`` and how it ``ends``; of sub flows whether they
    ``opened``, how they ``ended``, for which orders they ``failed``; of links what was ``asked`` and ``said``; of loops ``rows``, passes ``begun``, the end."""

    def __init__(self, case: Case) -> None:
        super().__init__(case.flow)
        self.case, self.clock, self.stop, self.final = case, Clock(case), "", ""
        self.lost_by, self.ends, self.ended, self.failed, self.asked, self.said, self.waits, self.globals = (dict[Any, Any]() for _ in range(8))
        self.halted, self.cut, self.over = (dict[Any, Any]() for _ in range(3))
        self.rows, self.begun = {MAIN: 1, HOOKS: 1}, {MAIN: 1, HOOKS: 1}
        self.number = {s: n for n, s in enumerate(dict.fromkeys(t for head in (*self.roots, *self.on_error, *self.finally_) for t in self.below(head)))}  # (5)
        self.opened, self.began = set[Any]((s, ()) for s in self.roots), set[Any]()
        self.heads: list[int] | None = None
        self.clock.at(self.settings.get("timeout", inf), "timeout")

    def run(self) -> Oracle:
        for ended, told in self.clock.instants(lambda: self.final):  # (6) ends come first, then halts and stops, then what begins
            for one in sorted(ended, key=lambda one: (self.number[self.home[one.module]], one.frame, self.subs[self.home[one.module]].index(one.module))):
                self.try_ended(*one)
            while self.settle() or self.next_pass(self.clock.joins):
                pass
            for kind in (one for one in told if isinstance(one, str)):
                self.stop_run(kind)
            while self.settle() or self.halt() or self.each(self.enter) or self.next_pass(self.rows) or self.next_head() or self.each(self.start):
                pass
        return self

    def settle(self) -> bool:
        return self.each(self.forbid, self.interrupt, self.conclude, self.judge, self.advance, self.give_up)

    def each(self, *rules: Callable[[Place], bool]) -> bool:  # (5) ask rules of every place, in DFS order, until one changes anything
        places = [p for loop, begun in self.begun.items() for i in range(begun) for p in self.members(loop, i)]
        return any(rule(p) for rule in rules for p in sorted(places, key=lambda p: (self.number[p[0]], p[1])))

    def enter(self, p: Place) -> bool:  # (19) gates and disabled modules have no work, and end when they would start
        idle = [m for m in self.subs[p[0]] if p in self.opened and p not in self.ended and (m in self.off or self.gate[p[0]]) and (m, p[1]) not in self.ends]
        self.ends |= {(m, p[1]): ("cancelled", "disabled") if m in self.off else ("completed", "ok") for m in idle}
        return bool(idle)

    def start(self, p: Place) -> bool:  # (5) ready work starts in waves, as far as there are slots
        for key in [(m, p[1]) for m in self.subs[p[0]] if p in self.opened and p not in self.ended and (m, p[1]) not in self.ends]:
            fed = all(self.ends.get((a, p[1])) == ("completed", "ok") for a in self.fed[key[0]])
            if fed and key not in self.clock.running and key not in self.clock.pausing and self.clock.room(key[0]):
                self.clock.start(*key)
                self.began.add(p)
        return False

    def try_ended(self, m: str, frame: Frame, state: str, why: str) -> None:
        self.lost_by[m, frame], pause = why, self.again(m, self.clock.tries[m, frame], why)
        if state != "failed":
            self.ends[m, frame] = (state, why)
            self.globals |= {(self.loop[self.home[m]], frame, m): self.case.value(m, frame)} if state == "completed" else {}
        elif pause is None or self.stopped((self.home[m], frame)):  # (18)
            self.fail(m, frame)
        else:
            self.clock.pause(m, frame, pause)

    def fail(self, m: str, frame: Frame) -> None:
        why = self.lost_by[m, frame]
        self.failed.setdefault((self.home[m], frame), 0)
        self.ends[m, frame] = ("failed", why if self.clock.tries[m, frame] == 1 else "retries_exhausted:" + why.removeprefix("error:"))
        for b in self.subs[self.home[m]]:
            if any(self.ends.get((a, frame), ("completed",))[0] != "completed" for a in self.fed[b]):
                self.ends.setdefault((b, frame), ("cancelled", "upstream_failed"))

    def conclude(self, p: Place) -> bool:
        ends = [end for (m, frame), end in self.ends.items() if (self.home[m], frame) == p]
        if done := p in self.opened and p not in self.ended and len(ends) == len(self.subs[p[0]]):
            self.ended[p] = (*max(ends, key=lambda end: (end[1] != "disabled", ["completed", "cancelled", "failed"].index(end[0]))), self.clock.now)
        return done

    def advance(self, p: Place) -> bool:  # (1) all links of an order resolve together, once their conditions are known
        left = [x for x in self.out[p[0]] if (x, p[1]) not in self.said] if p in self.ended else []
        turn = [x for x in left if self.shut(p, x)] or [x for x in left if x.order == left[0].order and all(map(self.settled, self.waits.get(p, ())))]
        ok = bool(turn) and self.ended[p][0] == "completed" and p not in self.failed
        opens = [x for x in turn if {"error": p in self.failed, "always": True}.get(x.trigger, ok) and x.source not in self.off and not self.shut(p, x)]
        self.asked |= {(x, p[1]): self.clock.ask(x, p[1], self.seen(x, p)) for x in opens if (x, p[1]) not in self.asked}
        answers = {x: self.asked[x, p[1]] for x in opens}
        if not turn or any(time > self.clock.now for time, _ in answers.values()):
            return False
        for x in turn:
            why = "ok" if answers.get(x, (0, "false"))[1] not in ("false", "null", "error") else self.shut(p, x)
            self.said[x, p[1]] = (why == "ok", why if why in ("ok", *CUT_SHORT) else "valve_closed", self.clock.now)
            self.opened |= {(x, p[1])} if why == "ok" else set()
            one, fresh = self.target(x, p[1]), self.target(x, p[1]) not in self.opened | self.ended.keys()
            if x.trigger == "iterate":
                self.begun[one], self.rows[one] = 0, int(answers[x][1]) if why == "ok" else 0
                if not self.rows[one]:  # (21)
                    self.over[one] = ("no_items" if why == "ok" else self.said[one][1], self.clock.now)
            elif fresh:
                self.pass_gate(one)
            elif why == "ok":  # (8)
                late = one in self.ended and self.ended[one][0] == "cancelled" and one not in self.began
                self.said[x, p[1]] = (True, "too_late" if late else "already_ran" if self.settled(one) else "joined", self.clock.now)
            if (one in self.opened or one in self.ended) and (fresh or why == "ok") and (why != "ok" or x.trigger != "start"):  # (2, 3)
                self.waits.setdefault(p, []).append(one)
        self.failed |= {p: turn[0].order} if ok and "error" in {word for _, word in answers.values()} else {}  # (13)
        return True

    def seen(self, x: Link, p: Place) -> tuple[Any, ...]:  # the globals that its condition reads: those of its frame first, then outwards
        return tuple(next((self.globals[*scope, m] for scope in self.scopes(p) if (*scope, m) in self.globals), None) for m in x.reads)

    def shut(self, p: Place, x: Link) -> str:  # (1, 16, 17) why a link closes as soon as its source has ended, whatever its order
        (state, why, _), cut = self.ended[p], self.cut.get(self.around(p)[-1], "")
        if state != "cancelled" or cut:
            return cut if p in self.failed else self.stopped(p)
        return why if p not in self.began else "disabled" if x.source in self.off else "" if x.trigger == "always" else why

    def pass_gate(self, p: Place) -> None:  # (7, 8, 16) one open link of each group is enough
        said = {x: self.said.get((x, p[1]), (None, "", inf)) for x in self.into[p[0]]}
        groups, ends = [{said[x][0] for x in group} for group in self.groups[p[0]]], {opened for opened, _, _ in said.values()}
        won, left = sum(True in group for group in groups), sum(True not in group and None in group for group in groups)
        need = {"all": len(groups), "": len(groups), "any": 1, "ended": 1}.get(self.gate[p[0]]) or int(self.gate[p[0]])
        if won >= need and not (left and self.gate[p[0]] == "ended"):
            self.opened.add(p)
        elif won + left < need and (True in ends or None not in ends):
            cut_short = sorted((time, why) for _, why, time in said.values() if why in CUT_SHORT)
            self.ended[p] = ("cancelled", cut_short[0][1] if cut_short else "gate_unmet" if True in ends else "valve_closed", self.clock.now)

    def settled(self, one: Any) -> bool:  # it, and all that it set off in turn, has ended
        return one in self.over if one in self.rows else self.resolved(one) and all(map(self.settled, self.waits.get(one, ())))

    def resolved(self, p: Place) -> bool:
        return p in self.ended and all((x, p[1]) in self.said for x in self.out[p[0]])

    def good(self, one: Any) -> bool | None:  # (11, 12) whether it and all below it completed or was handled; None while that is not known
        if one in self.rows:
            inner = [self.good(loop) for loop in self.rows for i in range(self.begun[one]) if self.source(loop) in self.members(one, i)]
            whole = one in self.over and all(self.pass_end(one, i) == "completed" for i in range(self.rows[one])) and all(inner)
            return whole or self.source(one) in self.failed if one in self.over else None
        below = [self.good(self.target(x, one[1])) for x in self.out[one[0]] if x.trigger != "start" and (x, one[1]) in self.opened]
        if not self.resolved(one) or None in below:
            return None
        return (self.handled(one) if one in self.failed else self.ended[one][1] not in CUT_SHORT) and all(below)

    def handled(self, p: Place) -> bool | None:  # (9, 10) None while the failure is pending
        errors = [x for x in self.out[p[0]] if x.trigger == "error"]
        ends = [self.good((x.t, p[1])) and self.ended[x.t, p[1]][0] != "cancelled" for x in errors if (x, p[1]) in self.opened]
        known = None not in ends and all((x, p[1]) in self.said for x in errors)
        return bool(ends) and all(ends) if known else None

    def pass_end(self, loop: Loop, i: int) -> str:
        places = self.members(loop, i) if i < self.begun[loop] else []
        if any(p in self.failed and not self.handled(p) for p in places):
            return "failed"
        return "cancelled" if not places or any(self.ended[p][1] in CUT_SHORT and p not in self.failed for p in places) else "completed"

    def judge(self, p: Place) -> bool:  # (14) the source of a loop answers for a failure that is unhandled in its frame
        new = {q: self.loop[p[0]].order for q in [self.outer(p)] if q and q not in self.failed and p in self.failed and self.handled(p) is False}
        self.failed |= new
        return bool(new)

    def lasts(self, p: Place) -> bool:  # (14) nobody handled its failure, neither there nor further out
        return not self.handled(p) and (self.outer(p) is None or self.lasts(self.outer(p)))

    def halt(self) -> bool:
        lost = {self.around(p)[0] for p in self.failed if self.settings["fail_strategy"] == "halt" and self.handled(p) is False} - {HOOKS, *self.halted}
        self.halted |= dict.fromkeys(lost, self.settings.get("on_halt", "finish"))
        return bool(lost)

    def stop_run(self, kind: str) -> None:  # (23, 24)
        why = "timeout" if kind in ("timeout", "hooks") else "stopped_by_user"
        self.cut = dict.fromkeys({"hard": (MAIN, HOOKS), "hooks": (HOOKS,)}.get(kind, ()), why) | self.cut
        if kind == "hard" or (kind != "hooks" and self.heads is None):
            self.stop = why if kind == "hard" else self.stop or why
            self.halted[MAIN] = "interrupt"

    def halts(self, p: Place) -> list[Loop]:
        return [loop for loop in self.around(p) if loop in self.halted and not self.exempt(p, loop)]

    def stopped(self, p: Place) -> str:  # why nothing new begins there
        return str(self.cut.get(self.around(p)[-1]) or (self.stop or "halted" if self.halts(p) else ""))

    def exempt(self, p: Place, loop: Loop) -> bool:  # (15, 16)
        sources = [(x, q) for x, q in self.sources(p) if loop in self.around(q) and (x, q[1]) in self.opened]
        failed = any(x.order > self.failed.get(q, inf) and x.trigger in ("error", "always") for x, q in sources)
        return failed or any(self.ended[q][0] == "cancelled" or self.exempt(q, loop) for _, q in sources)

    def forbid(self, p: Place) -> bool:  # who is stopped does not begin
        idle = p not in self.ended and p not in self.began and (p in self.opened or self.around(p)[-1] in self.cut) and self.stopped(p)
        self.ended |= {p: ("cancelled", self.stopped(p), self.clock.now)} if idle else {}
        return bool(idle)

    def interrupt(self, p: Place) -> bool:  # (17) what runs there is told to end, what does not run has ended
        told = p in self.began and (self.around(p)[-1] in self.cut or "interrupt" in map(self.halted.get, self.halts(p)))
        left = [(m, p[1]) for m in self.subs[p[0]] if told and (m, p[1]) not in self.ends]
        for key in self.clock.running.keys() & left:
            self.clock.end(*key, self.stopped(p))
        self.ends |= {key: ("cancelled", self.stopped(p)) for key in left if key not in self.clock.running}
        return any(key in self.ends for key in left)

    def give_up(self, p: Place) -> bool:  # (18) what waits for another try has failed
        left = [(m, p[1]) for m in self.subs[p[0]] if (m, p[1]) in self.clock.tries.keys() - self.ends.keys() - self.clock.running.keys()]
        for key in left if self.stopped(p) else ():
            self.fail(*key)
        return any(key in self.ends for key in left)

    def next_pass(self, loops: Iterable[Loop]) -> bool:
        for loop in [loop for loop in loops if loop not in self.over]:
            begun, left, source = self.begun[loop], self.begun[loop] < self.rows[loop], self.source(loop)
            over = sum(self.is_over(self.members(loop, i)) for i in range(begun))
            why = left and ((self.stop or "halted") if loop in self.halted else self.stopped(source))
            if over == begun and (why or not left):
                broken = begun and loop[0] in self.joins and self.clock.join(*loop)
                if broken is None and not self.cut:
                    continue
                self.over[loop] = (why, self.clock.now)
                self.failed |= {source: loop[0].order} if broken and source not in self.failed else {}
                last = sorted((key for key in self.globals if loop[0] and key[0] is loop[0] and key[1][:-1] == loop[1]), key=lambda key: key[1])
                self.globals |= {(*self.scopes(source)[0], key[2]): self.globals[key] for key in last}
                return True
            if left and not why and begun - over < loop[0].parallel:
                self.opened.add((loop[0].t, (*loop[1], begun)))
                self.begun[loop] += 1
                return True
        return False

    def is_over(self, places: list[Place]) -> bool:  # (20) all that was started there has ended
        return all(map(self.resolved, places)) and all(loop in self.over for loop in self.rows if self.source(loop) in places)

    def next_head(self) -> bool:  # (22, 23) when all else has ended: on_error if need be, then finally, head by head
        if MAIN not in self.over or not self.is_over([p for p in self.members(HOOKS, 0) if p in self.opened or p in self.ended]):
            return False
        lasting = any(map(self.lasts, self.failed))
        if self.heads is None:
            self.heads = [*(self.on_error if lasting or self.stop else ()), *self.finally_]
            self.ended |= {(s, ()): ("cancelled", "not_needed", self.clock.now) for s in self.on_error if s not in self.heads and (s, ()) not in self.ended}
            self.clock.at(self.clock.now + self.settings.get("finally_timeout", 60) if self.heads else inf, "hooks")
        elif self.heads:
            self.opened.add((self.heads.pop(0), ()))
        else:
            self.final = "failed" if lasting or "timeout" in (self.cut.get(HOOKS), self.stop) else "cancelled" if self.stop else "completed"
        return not self.final
