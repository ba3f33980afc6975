"""Editing, running, killing and changing inputs and code in any order: a run's output is always that of the flow as it is now."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from pypeline.core.planner import plan
from pypeline.runner import registry
from pypeline.runner.facts import gather
from pypeline.runner.history.summary import runs
from pypeline.runner.reload import Reloader
from pypeline.runner.run import execute
from pypeline.runner.store import bundle as bundles
from pypeline.schema.reader import read_file
from tests.runner.loaded import records, start

NUMBERS = st.lists(st.integers(-50, 50), max_size=8)
FLOW = """
flow: {{name: trial}}
modules:
  - {{id: numbers, name: csv_source, configs: {{required: {{file_path: in.csv}}, optional: {{columns: {{x: int64}}}}}}}}
  - {{id: some, name: filter_mod, configs: {{required: {{condition: "x >= {least}"}}}}}}
  - {{id: scaled, name: scale}}
  - {{id: out, name: csv_sink, configs: {{required: {{output_path: out.csv}}}}}}
connections: {{data: [numbers.data - some.input, some.output - scaled.input, scaled.output - out.input]}}
"""


class AnyOrder(RuleBasedStateMachine):
    """One project in one long-lived process, which also starts and kills runs of its own. The model: what the output has to be."""

    template: Path
    place: Path
    made = 0

    @initialize(rows=NUMBERS)
    def begin(self, rows: list[int]) -> None:
        type(self).made += 1
        self.folder = self.place / f"example-{self.made}"
        shutil.copytree(self.template, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        self.reloader = Reloader(self.folder)
        self.factor = 1
        self.possible = {""}
        self.edit_flow(0)
        self.change_input(rows)

    @property
    def wanted(self) -> str:
        return "".join(f"{line}\n" for line in ["x", *(x * self.factor for x in self.rows if x >= self.least)])

    @property
    def output(self) -> str:
        file = self.folder / "out.csv"
        return file.read_text() if file.exists() else ""

    @rule(least=st.integers(-50, 50))
    def edit_flow(self, least: int) -> None:
        self.least = least
        (self.folder / "flow.yaml").write_text(FLOW.format(least=least))

    @rule(rows=NUMBERS)
    def change_input(self, rows: list[int]) -> None:
        self.rows = rows
        (self.folder / "in.csv").write_text("".join(f"{line}\n" for line in ["x", *rows]))

    @rule(factor=st.integers(-9, 9))
    def change_code(self, factor: int) -> None:
        file = self.folder / "modules" / "scale.py"
        file.write_text(file.read_text().replace(f"FACTOR = {self.factor}\n", f"FACTOR = {factor}\n"))
        self.factor = factor

    @rule()
    def run(self) -> None:
        async def main() -> str:
            catalogue = await self.reloader.refresh() or registry.load(self.folder)
            flow = read_file(self.folder / "flow.yaml").flow
            assert flow is not None
            made = plan(flow, gather(flow, catalogue, self.folder))
            return (await execute(made, folder=self.folder, on_event=lambda _event: None)).state

        assert asyncio.run(main()) == "completed"
        assert self.output == self.wanted
        self.possible = {self.wanted}
        assert "running" not in {run.state for run in runs(bundles.home(self.folder))}
        assert all(records(self.folder).values())

    @rule(after=st.floats(0.1, 1.2))
    def kill(self, after: float) -> None:
        # a changed file has to be registered before a run of one's own process may use it
        asyncio.run(self.reloader.refresh())
        run = start(self.folder, "-m", "pypeline.app.cli.main", "run", "--quiet", "flow.yaml")
        time.sleep(after)
        run.process.kill()
        run.process.communicate(timeout=10)
        run.gone_within(5)
        self.possible |= {self.wanted}

    @precondition(lambda self: hasattr(self, "possible"))
    @invariant()
    def the_output_is_whole(self) -> None:
        assert self.output in self.possible


def check(registered: Path, place: Path, examples: int, steps: int) -> None:
    machine = type("Machine", (AnyOrder,), {"template": registered, "place": place, "made": 0})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck))
    )


def test_whatever_the_order_a_run_gives_what_the_flow_says_now(registered: Path, tmp_path: Path) -> None:
    check(registered, tmp_path, 3, 10)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_many_orders_of_many_steps(registered: Path, tmp_path: Path) -> None:
    check(registered, tmp_path, 60, 30)
