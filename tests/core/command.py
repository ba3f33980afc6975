"""The simulation as a command: many random flows, with progress, and a table of what they put to the test."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice

from tests.core.compare import compare, compare_scheduler, features, record_of, told
from tests.core.random_flows import Case

CHUNK = 250
SHOWN = 5
"""How many differences are told in full."""
NAMED = 100
"""Of how many the seeds are printed."""


def some(first: int, count: int, *, ties: bool | None = None) -> tuple[Counter[str], dict[int, str]]:
    """Compare ``count`` cases from seed ``first`` on, every other one with ties unless said; where there are none, also
    on the real scheduler. Returns how often each feature came up, and by seed what differs."""
    seen: Counter[str] = Counter()
    problems: dict[int, str] = {}
    for seed in range(first, first + count):
        case = Case(seed, ties=seed % 2 == 0 if ties is None else ties)
        try:
            oracle, _ = compare(case)
            if not case.ties:
                compare_scheduler(Case(seed, ties=False, swift=True))
                seen["on the real scheduler, as well"] += 1
        except Exception as error:
            problems[seed] = str(error) if isinstance(error, AssertionError) else f"{error!r}\n{told(case)}"
        else:
            seen.update(features(case, oracle))
            seen["flows"] += 1
    return seen, problems


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code is 1 if anything differs."""
    asked = argparse.ArgumentParser(prog="python -m tests.core.simulation", description=__doc__)
    asked.add_argument("--flows", type=int, default=100_000)
    asked.add_argument("--seed", type=int, default=0, help="of the first flow; each next one has the next")
    asked.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked.add_argument("--show", type=int, metavar="SEED", help="tell one flow and what came of it")
    said = asked.parse_args(arguments)
    if said.show is not None:
        return show(said.show)
    began = time.monotonic()
    seen: Counter[str] = Counter()
    differ: list[int] = []
    starts = range(said.seed, said.seed + said.flows, CHUNK)
    counts = [min(CHUNK, said.seed + said.flows - first) for first in starts]
    with ProcessPoolExecutor(said.jobs) as pool:
        for done, (found, wrong) in enumerate(pool.map(partial(some), starts, counts), start=1):
            seen += found
            for problem in islice(wrong.values(), max(0, SHOWN - len(differ))):
                print(f"\n{problem}", flush=True)
            differ += wrong
            rate = (done * CHUNK) / (time.monotonic() - began)
            print(
                f"\r{min(done * CHUNK, said.flows):,} of {said.flows:,} flows, {len(differ)} differ, {rate:.0f} a second ",
                end="",
                file=sys.stderr,
                flush=True,
            )
    print(file=sys.stderr)
    flows = seen.pop("flows", 0)
    if differ:
        print("seeds that differ:", *differ[:NAMED], *["…"] * (len(differ) > NAMED))
    print(f"{flows:,} flows as the rules say, {len(differ):,} not, in {time.monotonic() - began:.0f} s; each run twice with equal logs. Of them had:")
    for name, times in sorted(seen.items(), key=lambda one: -one[1]):
        print(f"  {name:34}{times:>9,}  {100 * times / max(1, flows):5.1f} %")
    return 1 if differ else 0


def show(seed: int) -> int:
    """One flow, its starts as they happened, and how it compares."""
    case = Case(seed, ties=seed % 2 == 0)
    print(told(case))
    try:
        _, run = compare(case)
        if not case.ties:
            compare_scheduler(Case(seed, ties=False, swift=True))
    except AssertionError as error:
        print(error)
        return 1
    for kind, lines in record_of(run.plan, run.log, ties=case.ties).items():
        print(f"{kind}:", *lines, sep="\n  ")
    return 0
