"""What a run of ours and the reference scheduler say about one case, as lines; and what must hold in every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import yaml

from pypeline.core import actions as act
from pypeline.core.plan import Plan
from pypeline.core.planner import plan
from pypeline.core.results import TERMINAL
from pypeline.schema.flow import Flow
from tests.core import virtual_scheduler
from tests.core.making import facts
from tests.core.oracle import Oracle
from tests.core.plain import HOOKS, MAIN, Loop
from tests.core.random_flows import Case, frame_text
from tests.core.virtual import VirtualRun

Log = Iterable[tuple[float, act.Action]]

Record = dict[str, list[str]]
STARTED = ("ok", "joined", "already_ran", "too_late")

LinkKey = tuple[str, tuple[int, int], str]
"""A link's text, its two sub flows and the frame."""


def record_of(plan: Plan, log: Log, *, ties: bool, at_once: Collection[LinkKey] = ()) -> Record:
    """What came of a run, as lines to compare; ``at_once`` as :func:`settled_at_once` says."""
    found: Record = {"starts": [], "sub flows": [], "modules": [], "frames": [], "run": []}
    links = {}
    titles = plan.sub_flows
    valves = {valve.index: valve for valve in plan.valves}
    for time, action in log:
        match action:
            case act.StartTask(task, frame, attempt):
                found["starts"].append(f"{time:g} {task}#{frame} t{attempt}")
            case act.SubFlowChanged(sub, frame, state, reason) if state in TERMINAL:
                found["sub flows"].append(f"{titles[sub].title}#{frame} {state}/{reason} at {time:g}")
            case act.ModuleChanged(module, _, frame, state, reason) if state in TERMINAL:
                found["modules"].append(f"{module}#{frame} {state}/{reason}")
            case act.ValveChanged(valve, frame, opened, reason):
                source, target = valves[valve].source_sub_flow, valves[valve].target_sub_flow
                links[valves[valve].text, (source, target), frame] = (time, opened, reason)
            case act.FrameChanged(valve, frame, state) if state in TERMINAL:
                found["frames"].append(f"{valves[valve].text}#{frame} {state}")
            case act.Finished(state, _, handled, unhandled):
                found["run"] = [
                    state,
                    f"handled {sorted({titles[s].title for s in handled})}",
                    f"unhandled {sorted({titles[s].title for s in unhandled})}",
                ]
    return finish(found, links, ties, at_once)


def record_of_oracle(oracle: Oracle, *, ties: bool) -> Record:
    """The same of the reference scheduler."""
    title = oracle.titles
    found: Record = {"starts": [], "sub flows": [], "modules": [], "frames": [], "run": []}
    found["starts"] = [f"{time:g} {module}#{frame_text(frame)} t{attempt}" for time, module, frame, attempt in oracle.clock.starts]
    for (s, frame), (state, reason, time) in oracle.ended.items():
        found["sub flows"].append(f"{title[s]}#{frame_text(frame)} {state}/{reason} at {time:g}")
        for module in oracle.subs[s]:
            state_of, why = oracle.ends.get((module, frame), (state, reason))
            found["modules"].append(f"{module}#{frame_text(frame)} {state_of}/{why}")
    links = {(x.text, (x.s, x.t), frame_text(frame)): (time, opened, why) for (x, frame), (opened, why, time) in oracle.said.items()}
    for (x, frame), (why, time) in unrun(oracle).items():
        without = frame_text(frame) + "--" if frame else "-"
        for s in set(oracle.scope[x]):
            found["sub flows"].append(f"{title[s]}#{without} cancelled/{why} at {time:g}")
            found["modules"] += [f"{module}#{without} cancelled/{why}" for module in oracle.subs[s]]
            links |= {(y.text, (y.s, y.t), without): (time, False, why) for y in oracle.out[s]}
    for x, frame in oracle.rows:
        if x is not None:
            found["frames"] += [f"{x.text}#{frame_text((*frame, i))} {oracle.pass_end((x, frame), i)}" for i in range(oracle.rows[x, frame])]
    lasting = {p[0] for p in oracle.failed if oracle.lasts(p)}
    found["run"] = [
        oracle.final,
        f"handled {sorted(title[s] for s in {p[0] for p in oracle.failed} - lasting)}",
        f"unhandled {sorted(title[s] for s in lasting)}",
    ]
    return finish(found, links, ties, settled_at_once(oracle))


def settled_at_once(oracle: Oracle) -> set[LinkKey]:
    """The links that opened at the very instant at which their target, and all below it, was over: it is no rule's
    business whether they joined it or found it done."""

    def over(one: Any) -> float:
        if one in oracle.rows:
            return float(oracle.over[one][1])
        links = [oracle.said[x, one[1]][2] for x in oracle.out[one[0]]]
        return float(max(oracle.ended[one][2], *links, *map(over, oracle.waits.get(one, ())), 0.0))

    opened = {(x, frame): time for (x, frame), (_, why, time) in oracle.said.items() if why == "already_ran"}
    return {(x.text, (x.s, x.t), frame_text(frame)) for (x, frame), time in opened.items() if over(oracle.target(x, frame)) == time}


def finish(found: Record, links: Mapping[LinkKey, tuple[float, bool, str]], ties: bool, at_once: Collection[LinkKey]) -> Record:
    """Lines in an order of their own. What comes first of what happens at one target at one instant is no rule's
    business, nor why a link closed, unless a halt or a stop closed it."""
    at = Counter((sub, frame, time) for (_, ends, frame), (time, _, _) in links.items() for sub in ends)
    found["links"] = []
    for (text, ends, frame), (time, opened, reason) in links.items():
        target = ends[1]
        if opened and reason in STARTED and (ties or at[target, frame, time] > 1):
            reason = ""
        elif reason == "already_ran" and (text, ends, frame) in at_once:
            reason = "joined"
        elif not opened and reason not in ("halted", "stopped_by_user", "timeout", "not_needed"):
            reason = ""
        found["links"].append(f"{text}#{frame} {'open' if opened else 'closed'} {reason} at {time:g}")
    return {key: lines if key in ("starts", "run") else sorted(lines) for key, lines in found.items()}


def unrun(oracle: Oracle) -> dict[Loop, tuple[str, float]]:
    """The loops that began no pass: why not, and since when that is known."""
    return {loop: end for loop, end in oracle.over.items() if not oracle.begun[loop]}


def reasons(oracle: Oracle) -> set[str]:
    """Why the run may have ended as it did: one of the failures that nobody handled, else what stopped it."""
    lost = [p for p in oracle.failed if oracle.lasts(p)]
    found = {oracle.ended[p][1] if oracle.ended[p][0] == "failed" else "error:valve" for p in lost}
    found |= {"error:join" for loop, (_, broken) in oracle.clock.joins.items() if broken and oracle.source(loop) in lost}
    return found or {"timeout" if oracle.final == "failed" else oracle.stop or "ok"}


def compare(case: Case) -> tuple[Oracle, VirtualRun]:
    """Run ``case`` three times: as the rules say, and twice as we do.

    Raises:
        AssertionError: two of them differ, or an invariant is broken; the text has the seed and the flow.
    """
    made = plan_of(case)
    oracle = Oracle(case).run()
    run = VirtualRun(made, case).run()
    ours = record_of(made, run.log, ties=case.ties, at_once=settled_at_once(oracle))
    problem = "; ".join(broken(run)) or difference(record_of_oracle(oracle, ties=case.ties), ours)
    if not problem and repr(VirtualRun(made, case).run().log) != repr(run.log):
        problem = "a second run of the same case has another log"
    ended = run.state.finished
    if not problem and (ended is None or ended.reason not in reasons(oracle)):
        problem = f"the run ended for {ended and ended.reason}, the rules say {reasons(oracle)}"
    assert not problem, f"{problem}\n{told(case)}"
    return oracle, run


def compare_scheduler(case: Case) -> None:
    """Run ``case`` as the rules say and on the real scheduler, its time virtual.

    Raises:
        AssertionError: they differ; the text has the seed and the flow.
    """
    made = plan_of(case)
    oracle = Oracle(case).run()
    log, outcome = virtual_scheduler.run(made, case)
    wanted = record_of_oracle(oracle, ties=case.ties)
    handled = sorted(set(outcome.handled))
    had = {**record_of(made, log, ties=case.ties, at_once=settled_at_once(oracle)), "run": [outcome.state, f"handled {handled}", wanted["run"][2]]}
    problem = difference(wanted, had)
    assert not problem, f"on the scheduler: {problem}\n{told(case)}"


def plan_of(case: Case) -> Plan:
    """The plan of a case's flow."""
    return plan(Flow.model_validate(case.flow), facts())


def told(case: Case) -> str:
    """All that is needed to see it again."""
    text = yaml.safe_dump(case.flow, sort_keys=False, width=150)
    again = f"python -m tests.core.simulation --show {case.seed}"
    return f"seed {case.seed}{' with ties' if case.ties else ''}: {case.slots} slots, stops {case.stops}; {again}\n{text}"


def difference(wanted: Record, had: Record) -> str:
    """The first kind of record that differs, and how."""
    for kind in wanted:
        if wanted[kind] != had[kind]:
            ours = [line for line in had[kind] if line not in wanted[kind]]
            return f"{kind} differ: the rules say {[line for line in wanted[kind] if line not in had[kind]] or wanted[kind]}, we {ours or had[kind]}"
    return ""


def broken(run: VirtualRun) -> Iterator[str]:
    """Which of the invariants that hold in every run do not hold in this one."""
    made, tasks = run.plan, run.plan.tasks
    ends = Counter(key for _, action in run.log for key in _ended(action))
    yield from (f"{key} ended {count} times" for key, count in ends.items() if count != 1)
    if [action for _, action in run.log if isinstance(action, act.Finished)] != [run.log[-1][1]]:
        yield "something happens after the end"
    if run.busiest > run.case.slots:
        yield "more runs at one time than there are slots"
    hard = min((time for time, kind in run.case.stops if kind == "hard"), default=float("inf"))
    done: set[tuple[str, str]] = set()
    tries: Counter[tuple[str, str]] = Counter()
    for time, action in run.log:
        match action:
            case act.ModuleChanged(_, task, frame, "completed"):
                done.add((task, frame))
            case act.StartTask(task, frame, attempt):
                tries[task, frame] += 1
                if attempt != tries[task, frame] or attempt > tasks[task].retry.attempts:
                    yield f"{task}#{frame} has try {attempt} as its {tries[task, frame]}. of {tasks[task].retry.attempts}"
                if not {(before, frame) for before in tasks[task].after} <= done:
                    yield f"{task}#{frame} starts before what it needs"
                if time > hard:
                    yield f"{task}#{frame} starts after a hard stop"
    frames = {id: {frame for kind, at, frame in ends if kind == "sub flow" and at == str(sub.index)} for sub in made.sub_flows for id in sub.modules}
    yield from (f"{id}#{frame} has no record" for id, known in frames.items() for frame in known if ("module", id, frame) not in ends)
    yield from (f"{sub.title} has no record" for sub in made.sub_flows if not frames[sub.title])


def _ended(action: act.Action) -> Iterator[tuple[str, str, str]]:
    match action:
        case act.SubFlowChanged(sub, frame, state) if state in TERMINAL:
            yield "sub flow", str(sub), frame
        case act.ModuleChanged(module, _, frame, state) if state in TERMINAL:
            yield "module", module, frame
        case act.ValveChanged(valve, frame):
            yield "link", str(valve), frame
        case act.FrameChanged(valve, frame, state) if state in TERMINAL:
            yield "frame", str(valve), frame


def features(case: Case, oracle: Oracle) -> set[str]:
    """What a case put to the test: names of rules and features that really came up in it."""
    settings, said, ended = case.flow["settings"], oracle.said.items(), oracle.ended
    opened = {x.trigger for (x, _), (is_open, _, _) in said if is_open}
    reasons = {reason for _, (_, reason, _) in said}
    ends = {reason for _, reason, _ in ended.values()}
    lasting = {p for p in oracle.failed if oracle.lasts(p)}
    loops = {loop: rows for loop, rows in oracle.rows.items() if loop[0]}
    found = {
        "loops": "iterate" in opened,
        "nested loops": any(frame for (x, frame), (is_open, _, _) in said if is_open and x.trigger == "iterate"),
        "loops over no rows": "no_items" in {why for why, _ in unrun(oracle).values()},
        "frames side by side": any(loop[0].parallel > 1 and oracle.begun[loop] > 1 for loop in loops if loop[0]),
        "frames that failed": "failed" in {oracle.pass_end(loop, i) for loop in loops for i in range(loops[loop])},
        "frames not begun": any(oracle.begun[loop] < rows for loop, rows in loops.items()),
        "started branches": "start" in opened,
        "conditions": any(x.condition for x in oracle.links),
        "gates, sync_gate": any(oracle.gate[s] and oracle.into[s] for s, _ in ended),
        "gates, implicit": any(len(groups) > 1 for groups, gate in zip(oracle.groups, oracle.gate, strict=True) if not gate),
        "gates unmet": "gate_unmet" in ends,
        "joined": "joined" in reasons,
        "already ran": "already_ran" in reasons,
        "too late": "too_late" in reasons,
        "failures": bool(oracle.failed),
        "failures handled": bool({s for s, _ in oracle.failed} - {s for s, _ in lasting}),
        "failures not handled": bool(lasting),
        "failures of valves or loops": any(ended[p][0] != "failed" for p in oracle.failed),
        "retries": any(attempt > 1 for *_, attempt in oracle.clock.starts),
        "timeouts of tasks": any(state == "failed" and why.endswith("timeout") for state, why in oracle.ends.values()),
        "halts": "halted" in ends | reasons,
        "halts that interrupt": ("cancelled", "halted") in oracle.ends.values(),
        "stops, polite": oracle.stop == "stopped_by_user" and not oracle.cut,
        "stops, hard": oracle.cut.get(MAIN) == "stopped_by_user",
        "timeouts of runs": oracle.stop == "timeout",
        "timeouts of on_error and finally": oracle.cut.get(HOOKS) == "timeout",
        "on_error and finally": bool(oracle.hooked),
        "disabled modules": bool(oracle.off),
        "several roots": len(oracle.roots) > 1,
        "continue": settings["fail_strategy"] == "continue",
        "many things at one instant": case.ties,
    }
    return {name for name, is_so in found.items() if is_so}
