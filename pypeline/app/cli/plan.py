"""`pype plan FLOW`: what a run would do, task by task, and why."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import textwrap

from pypeline.app.cli.opening import accept, checked, opened, planned, with_flow
from pypeline.app.cli.output import Style, plural
from pypeline.app.cli.parser import Parser, with_json
from pypeline.core.plan import Plan, Task

WHY = {
    "side_effect": "it writes",
    "not_deterministic": "it runs code",
    "first_run": "no earlier result is kept",
    "at_run": "it reads values that only the run knows",
}


def arguments(parser: Parser) -> None:
    with_flow(parser)
    parser.add_argument("--check", action="store_true", help="exit code 1 if there is work to do, 0 if not")
    parser.add_argument("--resources", action="store_true", help="show what each task asks of the machine")
    with_json(parser, "the plan")
    parser.epilog_example("pype plan flow.yaml", "pype plan flow.yaml --json --context prod")


def run(options: argparse.Namespace) -> int:
    found = opened(options.flow)
    accept(checked(found, options))
    _, plan = planned(found, options)
    work = [task for task in plan.tasks.values() if task.decision != "reuse"]
    if options.json:
        print(json.dumps(plan.to_json(), indent=2, ensure_ascii=False))
    else:
        show_plan(plan, resources=options.resources)
        print(Style(sys.stdout).faint(f"\n{plural(len(work), 'task')} to do · next: pype run {options.flow}"))
    return 1 if options.check and work else 0


def show_plan(plan: Plan, *, resources: bool) -> None:
    """Sub flow by sub flow: what starts it, its tasks, what each holds, why it executes and why it is a task of its own."""
    style = Style(sys.stdout)
    width = max(map(len, plan.order), default=0)
    room = max(60, min(120, shutil.get_terminal_size((100, 24)).columns)) - width - 5
    for sub_flow in sorted({plan.tasks[id].sub_flow for id in plan.order}):
        print(style.bold(f"sub flow {sub_flow + 1}") + style.faint(start(plan, sub_flow)))
        for task in (plan.tasks[id] for id in plan.order if plan.tasks[id].sub_flow == sub_flow):
            lines = [f"{task.kind}: {why(task)}"]
            if len(task.modules) > 1:
                lines += textwrap.wrap("one statement of " + ", ".join(task.modules), room)
            if apart := own(task):
                lines += textwrap.wrap(f"on its own because {apart}", room)
            if resources:
                lines.append(asked(task))
            for at, line in enumerate(lines):
                print(f"  {task.id if not at else '':{width}}  {line if not at else style.faint(line)}")


def start(plan: Plan, sub_flow: int) -> str:
    """What starts a sub flow, where it is not one of those that start at once."""
    modules = set(plan.sub_flows[sub_flow].modules)
    ends = [
        text
        for text, heads in ((" on_error: after a failure", plan.on_error), (" finally: at the end, whatever happened", plan.finally_))
        if modules & {*heads}
    ]
    links = [valve.text for valve in plan.valves if valve.target_sub_flow == sub_flow]
    loop = plan.sub_flows[sub_flow].loop
    inside = next((f", in every frame of {valve.text}" for valve in plan.valves if valve.index == loop and valve.text not in links), "")
    return ends[0] if ends else f" started by {', '.join(links)}{inside}" if links else ""


def why(task: Task) -> str:
    """What is decided about the task and why, in words, with the code that programs read."""
    decision = {"at_run": "decided in the run"}.get(task.decision, task.decision)
    words = WHY.get(task.reason, "")
    return f"{decision}, {words} ({task.reason})" if words else f"{decision} ({task.reason})"


def own(task: Task) -> str:
    """Why the task is not fused with its neighbours; empty where its kind says so."""
    after, _, reason = task.cut.rpartition(": ")
    if not after and reason in ("code", "solo"):
        return ""
    words = {"code": "Python code", "solo": "a solo"}.get(reason, reason)
    own_key = reason.removeprefix("own ")
    if own_key != reason:
        words = f"has a `{own_key}` of its own"
    if after:
        return f"it comes {after}, which {words if own_key != reason else f'is {words}'}"
    return f"it {words}" if reason.startswith(("reads ", "own ")) else words


def asked(task: Task) -> str:
    """What the task asks of the machine, and who says so; what nobody says is left to the run."""
    values = {key: str(value) for key in ("cpus", "memory", "gpus", "time") if (value := getattr(task.resources, key)) is not None}
    values |= {f"slots.{name}": str(count) for name, count in task.resources.slots.items()}
    parts = ["no cpu: it only waits"] if task.waits else [f"{key} {value} ({task.origins[key]})" for key, value in values.items()]
    parts += [f"timeout {task.timeout:g} s"] if task.timeout else []
    tries = plural(task.retry.attempts, "try").replace("trys", "tries")
    parts += [f"{tries}, each with {task.retry.memory_growth:g} times the memory" if task.retry.memory_growth > 1 else tries]
    return "asks for " + ", ".join(parts)
