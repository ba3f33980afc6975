"""Thousands of random flows through run machine and scheduler, each compared with a scheduler written from the rules alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from pypeline.core.actions import StartTask
from tests.core import virtual_scheduler
from tests.core.command import some
from tests.core.compare import broken, compare, difference, record_of, record_of_oracle, settled_at_once
from tests.core.making import planned
from tests.core.oracle import Oracle
from tests.core.random_flows import Case

FLOWS = 2400
BLOCKS = 24

PRINT_LOGS = """
import hashlib
from tests.core.compare import compare
from tests.core.random_flows import Case
logs = [repr(compare(Case(seed, ties=seed % 2 == 0))[1].log) for seed in range(60)]
print(hashlib.sha256("".join(logs).encode()).hexdigest())
"""


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_random_flow_runs_as_the_rules_say_and_again_with_the_same_log(block: int) -> None:
    size = FLOWS // BLOCKS
    seen, problems = some(block * size, size)
    assert not problems, next(iter(problems.values()))
    assert seen["flows"] == size


def test_gates_that_begin_at_one_instant_end_one_by_one_each_with_all_that_follows() -> None:
    # two roots are gates: what the first opens (a `start`) comes before what the second does
    _, problems = some(74_388, 1)
    assert not problems, next(iter(problems.values()))


def test_a_stop_interrupts_nobody_who_is_exempt_from_it_though_his_loop_was_halted_before() -> None:
    _, problems = some(98_657, 1)
    assert not problems, next(iter(problems.values()))


def test_a_link_may_open_at_the_instant_at_which_its_target_is_over() -> None:
    # whether it joined or found it done is no rule's business there, and elsewhere it is
    case = Case(32_963, ties=False)
    oracle, _ = compare(case)
    assert len(settled_at_once(oracle)) == 1


def test_the_random_flows_reach_every_feature() -> None:
    seen, _ = some(0, 300)
    rare = {"too late", "nested loops", "gates, implicit", "timeouts of runs", "frames not begun"}
    assert rare <= set(seen)
    assert len(seen) >= 32


def test_logs_do_not_depend_on_the_hash_seed() -> None:
    digests = set()
    for seed in ("0", "1", "4711"):
        done = subprocess.run([sys.executable, "-c", PRINT_LOGS], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True)
        digests.add(done.stdout)
    assert len(digests) == 1


class Calm:
    """A world in which every try takes 1 s and is well, and a table 0.5 s and has one row."""

    slots = 1
    stops = ()

    def work(self, *_: object) -> tuple[float, str]:
        return 1.0, "ok"

    def items(self, *_: object) -> tuple[float, int]:
        return 0.5, 1

    def value(self, *_: object) -> int:
        return 0


def test_a_loop_that_collected_nothing_is_over_at_once_and_its_source_goes_on_in_its_turn() -> None:
    modules = ["files:read", "rows:read", {"id": "all", "name": "write", "configs": {"optional": {"mode": "append"}}}, "next", "other", "later"]
    links = ["files (1|iterate) rows", "files (2|) next", "other (1|) later"]
    plan = planned(modules, ["rows.data - all.input"], links, settings={"execution_mode": "pandas", "resources": {"cpus": 1}})
    assert any(valve.joins for valve in plan.valves)
    log, _ = virtual_scheduler.run(plan, cast(Case, Calm()))
    # `later` is ready while the loop runs; `next` stands before it
    assert [action.task for _, action in log if isinstance(action, StartTask)] == ["files", "other", "rows", "all", "next", "later"]


def test_the_rules_scheduler_shares_no_code_with_the_product() -> None:
    here = Path(__file__).parent
    assert [file.name for file in here.glob("oracle*.py")] == ["oracle.py"]
    assert len((here / "oracle.py").read_text().splitlines()) < 250
    for name in ("oracle.py", "plain.py", "virtual_clock.py", "random_flows.py"):
        imports = [line for line in (here / name).read_text().splitlines() if line.lstrip().startswith(("import ", "from "))]
        assert imports
        assert not any("pypeline" in line for line in imports)


def test_a_difference_is_told_with_its_seed_and_flow() -> None:
    case = Case(3)
    oracle, run = compare(case)
    wanted = record_of_oracle(oracle, ties=case.ties)
    had = record_of(run.plan, run.log, ties=case.ties)
    assert not difference(wanted, had)
    had["starts"] = [*had["starts"], "9 nobody#0 t1"]
    assert "nobody" in difference(wanted, had)
    run.log.append(run.log[0])
    assert "something happens after the end" in list(broken(run))


def test_a_case_is_the_same_whenever_it_is_made() -> None:
    assert Case(5).flow == Case(5).flow
    assert Oracle(Case(5)).run().clock.starts == Oracle(Case(5)).run().clock.starts
