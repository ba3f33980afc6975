"""One peer's scheduler on a chain of modules that do nothing: ``python -m benchmarks.scheduler_peers NAME MODULES``.

Runs in the peers' own environment and prints one line of JSON: processor seconds of building the graph
(``plan``) and of running it (``run``), with all processes it started, the clock's seconds of the run, and
the most memory in bytes. Each is asked for the least it can do: nothing stored, nothing logged, one worker
of this process where it has the choice. A chain is what all of them can express.
"""

# The peers are not installed where types are checked.
# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator, no-any-return, misc, no-untyped-call"

from __future__ import annotations

import json
import logging
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[[], Any]
_TICK = os.sysconf("SC_CLK_TCK")


def hamilton(size: int) -> Run:
    from hamilton import ad_hoc_utils, driver

    space: dict[str, Any] = {}
    lines = ["def n0() -> int:\n    return 1\n"]
    lines += [f"def n{i}(n{i - 1}: int) -> int:\n    return n{i - 1} + 1\n" for i in range(1, size)]
    exec("\n".join(lines), space)
    module = ad_hoc_utils.create_temporary_module(*(space[f"n{i}"] for i in range(size)), module_name=f"chain{size}")
    built = driver.Builder().with_modules(module).build()
    return lambda: built.execute([f"n{size - 1}"])[f"n{size - 1}"]


def dask(size: int) -> Run:
    from dask.delayed import delayed

    @delayed(pure=False)
    def step(value: int) -> int:
        return value + 1

    last: Any = 0
    for _ in range(size):
        last = step(last)
    return lambda: last.compute(scheduler="threads", num_workers=1, optimize_graph=False)


def doit(size: int) -> Run:
    from doit.cmd_base import ModuleTaskLoader
    from doit.doit_cmd import DoitMain

    ran = [0]

    def step() -> None:
        ran[0] += 1

    def task_chain() -> Any:
        for i in range(size):
            yield {"name": str(i), "actions": [step], "task_dep": [f"chain:{i - 1}"] if i else []}

    folder = tempfile.mkdtemp(prefix="bench-doit-")

    def run() -> int:
        code = DoitMain(ModuleTaskLoader({"task_chain": task_chain})).run(["run", "--reporter", "zero", "--db-file", f"{folder}/db"])
        if code:
            raise RuntimeError(f"doit ended with {code}")
        return ran[0]

    return run


def luigi(size: int) -> Run:
    import luigi

    done: set[int] = set()

    class Step(luigi.Task):
        i = luigi.IntParameter()

        def requires(self) -> Any:
            return Step(self.i - 1) if self.i else []

        def complete(self) -> bool:
            return self.i in done

        def run(self) -> None:
            done.add(self.i)

    def run() -> int:
        luigi.build([Step(size - 1)], local_scheduler=True, workers=1, log_level="CRITICAL")
        return len(done)

    return run


def prefect(size: int) -> Run:
    home = tempfile.mkdtemp(prefix="bench-prefect-")
    os.environ |= {"PREFECT_HOME": home, "PREFECT_LOGGING_LEVEL": "CRITICAL", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    from prefect import flow, task

    @task
    def step(value: int) -> int:
        return value + 1

    @flow
    def chain() -> int:
        value = 0
        for _ in range(size):
            value = step(value)
        return value

    return chain


PEERS: dict[str, Callable[[int], Run]] = {"Hamilton": hamilton, "Dask": dask, "doit": doit, "Luigi": luigi, "Prefect": prefect}


def cpu() -> float:
    """Processor seconds of this process, of the children it has waited for, and of those that live."""
    seconds = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text("ascii", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            seconds += (int(fields[11]) + int(fields[12])) / _TICK
    return seconds


def main() -> int:
    """Measure one; the chain must have been run to its end."""
    name, size = sys.argv[1], int(sys.argv[2])
    logging.disable(logging.CRITICAL)
    PEERS[name](2)()  # what is loaded or started once is not the scheduler's cost
    began = cpu()
    run = PEERS[name](size)
    planned, clock = cpu(), time.monotonic()
    result = run()
    used, wall = cpu() - planned, time.monotonic() - clock
    if result != size:
        raise AssertionError(f"{name}: {result} of {size}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"plan": planned - began, "run": used, "wall": wall, "memory": memory}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
