"""What scheduling costs: our scheduler against asyncio alone, timed in the same process.

`python -m benchmarks.scheduler [--modules N …] [--shape NAME …] [--repeats N] [--json FILE]`. Modules do
nothing and nothing is stored: what is left is planning, the run state, slots, orders and events. Each
size and shape is a process of its own, in which all take turns; processor seconds, medians.

The three floors and the shapes are :mod:`benchmarks.scheduler_floors`; the bar is measured against the tasks.

Then other schedulers (:mod:`benchmarks.scheduler_peers`), each in a process of its own, on the chain,
beside ours and asyncio's in the same run; ``--alone`` leaves them out.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import median
from benchmarks.report import machine, table
from benchmarks.scheduler_floors import SHAPES, Graph, graph, queue_floor, slot_floor, task_floor

SIZES = (1_000, 10_000, 100_000)
BAR = 4.0
PLAN_BAR = 0.25
MEMORY_BAR = 90 * 2**20
BAR_SIZE = 10_000
"""Plan time and memory have their bars at this size."""

PEERS = ("Hamilton", "Dask", "doit", "Luigi", "Prefect")
# the newest that go together on the day of the figures; Prefect's server does not start with a newer fastapi
PACKAGES = ("sf-hamilton==1.90.0", "dask==2026.8.0", "doit==0.37.0", "luigi==3.8.1", "prefect==3.8.8", "fastapi==0.139.0")
CHAINS = (500, 1_000, 10_000)
PEER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One shape and size: processor seconds of planning, running and the three floors; ``memory`` in bytes
    over an interpreter that has done nothing."""

    shape: str
    modules: int
    plan: float
    run: float
    queue: float
    tasks: float
    slots: float
    memory: int

    @property
    def ratio(self) -> float:
        return self.run / self.tasks


def flow_and_facts(nodes: Graph, shape: str) -> tuple[Any, Any]:
    """The same graph as a flow whose modules are code that does nothing."""
    from pypeline.core.catalogue import Catalogue
    from pypeline.core.facts import Facts
    from pypeline.core.modules import Effects, ModuleDecl
    from pypeline.schema.flow import Flow

    empty = {"type": "object", "properties": {}, "additionalProperties": False}
    common: dict[str, Any] = {"json_schema": empty, "effects": Effects.CODE}
    catalogue = Catalogue(
        {
            "begin": ModuleDecl("begin", "benchmarks.begin", "source", output_ports=("output",), **common),
            "step": ModuleDecl("step", "benchmarks.step", "mod", input_ports=("input",), output_ports=("output",), port_rules={"input": "many"}, **common),
            "alone": ModuleDecl("alone", "benchmarks.alone", "solo", **common),
        }
    )
    kinds = ["alone" if shape == "control" else "step" if reads else "begin" for reads in nodes]
    if shape == "control":
        links = {"control": [f"m{source} (1|ok) m{node}" for node, reads in enumerate(nodes) for source in reads]}
    else:
        links = {"data": [f"m{source}.output - m{node}.input" for node, reads in enumerate(nodes) for source in reads]}
    modules = [{"id": f"m{i}", "name": kind} for i, kind in enumerate(kinds)]
    return Flow.model_validate({"flow": {"name": "scheduling"}, "modules": modules, "connections": links}), Facts(catalogue=catalogue)


def ours(plan: Any) -> int:
    """Run ``plan``; how many modules completed."""
    from pypeline.core.events import ModuleState
    from pypeline.core.results import HandOver, TaskResult
    from pypeline.runner.dispatch import Dispatch
    from pypeline.runner.engines.inline import InlineEngine
    from pypeline.runner.scheduler import Scheduler

    completed = 0
    no_table = HandOver("", "parquet", 0, ())

    def work(order: Any) -> TaskResult:
        return TaskResult(order.task, "completed", outputs=dict.fromkeys(order.hands_over, no_table))

    def emit(event: Any) -> None:
        nonlocal completed
        completed += isinstance(event, ModuleState) and event.state == "completed"

    asyncio.run(Scheduler(plan, InlineEngine(work), Dispatch(plan, None, "counts"), attempt=1, emit=emit).run())
    return completed


def one(shape: str, size: int, repeats: int) -> Figure:
    """Measure in this process, which should be new."""
    bare = resident()
    nodes = graph(size, shape)
    flow, facts = flow_and_facts(nodes, shape)
    from pypeline.core.planner import plan

    plans: list[float] = []
    runs: list[float] = []
    queues: list[float] = []
    tasks: list[float] = []
    slots: list[float] = []
    memory = 0
    for turn in range(repeats):
        made = timed(lambda: plan(flow, facts), plans)
        done = timed(lambda: ours(made), runs)  # noqa: B023 - called at once
        if turn == 0:
            memory = peak() - bare
        ran = timed(lambda: queue_floor(nodes), queues), timed(lambda: task_floor(nodes), tasks), timed(lambda: slot_floor(nodes), slots)
        if {done, *ran} != {size}:
            raise AssertionError(f"{shape} of {size}: {done} completed, the floors ran {ran}")
    return Figure(shape, size, median(plans), median(runs), median(queues), median(tasks), median(slots), memory)


def timed(work: Callable[[], Any], into: list[float]) -> Any:
    """What ``work`` gives; its processor seconds go ``into`` the list."""
    # the collector must not look through what the other sides have left behind
    gc.collect()
    gc.freeze()
    began = time.process_time()
    result = work()
    into.append(time.process_time() - began)
    return result


def resident() -> int:
    """Memory of a Python process that has imported nothing of ours, in bytes."""
    words = [sys.executable, "-c", "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"]
    return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout) * 1024


def peak() -> int:
    """The most memory this process has held, in bytes."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def markdown(figures: Sequence[Figure]) -> str:
    """The figures as a table, and what misses its bar."""
    lines = [
        [
            f.shape,
            f"{f.modules:,}",
            f"{f.queue / f.modules * 1e6:.1f}",
            f"{f.tasks / f.modules * 1e6:.1f}",
            f"{f.slots / f.modules * 1e6:.1f}",
            f"{f.run / f.modules * 1e6:.1f}",
            f"{f.ratio:.1f}",
            f"{f.run / f.slots:.1f}",
            f"{f.run / f.queue:.1f}",
            f"{f.plan / f.modules * 1e6:.1f}",
            f"{f.plan:.2f}",
            f"{f.memory / 2**20:,.0f}",
        ]
        for f in figures
    ]
    head = [
        "shape",
        "modules",
        "queue µs a module",
        "tasks µs a module",
        "slots µs a module",
        "ours µs a module",
        "ours ÷ tasks",
        "ours ÷ slots",
        "ours ÷ queue",
        "plan µs a module",
        "plan s",
        "MiB over the interpreter",
    ]
    wrong = [f"- misses its bar: {f.shape} of {f.modules:,}: {f.ratio:.1f} × asyncio tasks of {BAR:.0f}" for f in figures if f.ratio > BAR]
    wrong += [f"- misses its bar: plan of {f.shape}: {f.plan:.2f} s of {PLAN_BAR}" for f in figures if f.modules == BAR_SIZE and f.plan > PLAN_BAR]
    wrong += [
        f"- misses its bar: memory of {f.shape}: {f.memory / 2**20:.0f} MiB of {MEMORY_BAR / 2**20:.0f}"
        for f in figures
        if f.modules == BAR_SIZE and f.memory > MEMORY_BAR
    ]
    return f"{machine()}\n\n{table(head, lines, right=range(1, 12))}\n\n" + ("\n".join(wrong) or "All bars are held.")


def beside_peers(repeats: int) -> list[list[str]]:
    """A line for each scheduler and length of the chain: what it takes, or why it has none. A length that a
    scheduler has failed at is its last, and one that takes too long to be asked again is asked once."""
    from benchmarks.peers import figures, interpreter

    python = str(interpreter("scheduler", PACKAGES))
    lines = []
    for name in PEERS:
        for size in CHAINS:
            print(f"… {name}, chain of {size:,}", file=sys.stderr, flush=True)
            command = [python, "-m", "benchmarks.scheduler_peers", name, str(size)]
            found = [figures(command, PEER_SECONDS)]
            while "failed" not in found[-1] and len(found) < repeats and found[0]["wall"] + found[0]["plan"] < 2:
                found.append(figures(command, PEER_SECONDS))
            if "failed" in found[-1]:
                lines.append([name, f"{size:,}", "–", "–", "–", found[-1]["failed"][:60]])
                break
            middle = {key: median(one[key] for one in found) for key in found[0]}
            each = [f"{middle[key] / size * 1e6:,.1f}" for key in ("plan", "run")]
            lines.append([name, f"{size:,}", *each, f"{middle['memory'] / 2**20:,.0f}", "done"])
    return lines


def peers_markdown(all: Sequence[Figure], lines: Sequence[Sequence[str]]) -> str:
    """Ours and asyncio's chains, then the peers'."""
    rows = []
    for f in (f for f in all if f.shape == "chain"):
        each = [f"{seconds / f.modules * 1e6:,.1f}" for seconds in (f.plan, f.run)]
        rows.append(["asyncio, a task a module", f"{f.modules:,}", "–", f"{f.tasks / f.modules * 1e6:,.1f}", "–", "done"])
        rows.append(["PYpeline", f"{f.modules:,}", *each, f"{f.memory / 2**20:,.0f} over the interpreter", "done"])
    head = ["scheduler", "chain of", "plan µs a module", "run µs a module", "peak MiB", "end"]
    return table(head, [*rows, *lines], right=(1, 2, 3, 4))


def main(words: Sequence[str] | None = None) -> int:
    """Each shape and size in a process of its own; print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scheduler", description="Our scheduler against asyncio alone.")
    parser.add_argument("--modules", type=int, nargs="+", default=list(SIZES), help="sizes")
    parser.add_argument("--shape", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--alone", action="store_true", help="without the other schedulers")
    parser.add_argument("--one", action="store_true", help="measure the one shape and size in this process and print JSON")
    options = parser.parse_args(words)
    if options.one:
        print(json.dumps(asdict(one(options.shape[0], options.modules[0], options.repeats))))
        return 0
    figures = []
    for shape in options.shape:
        for size in options.modules:
            print(f"… {shape} of {size:,}", file=sys.stderr, flush=True)
            command = [sys.executable, "-m", "benchmarks.scheduler", "--one", "--shape", shape, "--modules", str(size), "--repeats", str(options.repeats)]
            figures.append(Figure(**json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)))
    print(markdown(figures))
    peers = [] if options.alone else beside_peers(options.repeats)
    if peers:
        print(f"\n{peers_markdown(figures, peers)}")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "figures": [asdict(f) for f in figures], "peers": peers}, indent=1), "utf-8")
    return 0


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parent.parent)
    sys.exit(main())
