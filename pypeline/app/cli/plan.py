"""`pype plan FLOW`: what a run would do, task by task, and why."""

from __future__ import annotations

import argparse
import json
import sys

from pypeline.app.cli.opening import accept, checked, opened, planned, with_flow
from pypeline.app.cli.output import Style, plural, table
from pypeline.app.cli.parser import Parser, with_json
from pypeline.core.plan import Plan, Task


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
    """One row for each task, in the order they would start; then the valves."""
    tasks = [plan.tasks[id] for id in plan.order]
    head = ["sub flow", "task", "kind", "decision", "reason", "modules"]
    rows: list[list[object]] = [[task.sub_flow + 1, task.id, task.kind, task.decision, reason(task), ", ".join(task.modules)] for task in tasks]
    if resources:
        head += ["cpus", "memory", "gpus", "timeout s", "tries"]
        rows = [
            [*row, task.resources.cpus or "–", task.resources.memory or "–", task.resources.gpus or "–", task.timeout or "–", task.retry.attempts]
            for row, task in zip(rows, tasks, strict=True)
        ]
    print(table(head, rows, right=(0,), most=60))
    if plan.valves:
        print()
        print(table(["control link", "order", "trigger", "if"], [[v.text, v.order, v.trigger, v.condition or ""] for v in plan.valves], right=(1,), most=60))


def reason(task: Task) -> str:
    """Why, and why it is a task of its own where that is not plain."""
    return task.reason + (f" (cut: {task.cut})" if task.cut else "")
