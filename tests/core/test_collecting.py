"""Which sinks collect their rows frame by frame, after which loop they are joined, and what a plan says of loops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pypeline.core.collecting import same_in
from pypeline.core.plan import Plan
from pypeline.core.planner import plan
from pypeline.runner.facts import after_writers, gather
from pypeline.runner.registry import load
from pypeline.schema.reader import read

CATALOGUE = load(".")


def source(id: str, **optional: Any) -> dict[str, Any]:
    return {"id": id, "name": "inline_source", "configs": {"required": {"columns": {"n": "int64"}, "rows": [[1], [2]]}, "optional": optional}}


def sink(id: str, path: str, mode: str) -> dict[str, Any]:
    return {"id": id, "name": "csv_sink", "configs": {"required": {"output_path": path}, "optional": {"mode": mode}}}


def planned(folder: Path, modules: list[dict[str, Any]], data: list[str], control: list[str]) -> Plan:
    flow = read(json.dumps({"flow": {"name": "f"}, "modules": modules, "connections": {"data": data, "control": control}})).flow
    assert flow is not None
    return plan(flow, gather(flow, CATALOGUE, folder))


def nested(folder: Path, path: str, mode: str = "append", name: str = "csv_sink") -> dict[str, tuple[str, ...]]:
    """The sinks joined after each loop of a loop in a loop."""
    setters = [{"id": id, "name": "python_solo", "configs": {"optional": {"code": "def main(): return {'V': 1}"}}} for id in ("outside", "in_a", "in_b")]
    write = sink("write", path, mode) if name == "csv_sink" else {"id": "write", "name": name}
    made = planned(
        folder, [*setters, source("a"), source("b"), source("rows"), write], ["rows.data - write.input"],
        ["outside (1|) a", "a (1|iterate) in_a", "in_a (1|) b", "b (1|iterate) in_b", "in_b (1|) rows"],
    )  # fmt: skip
    return {valve.source: valve.joins for valve in made.valves if valve.trigger == "iterate"}


@pytest.mark.parametrize(
    ("path", "joined"),
    [
        ("out.csv", "a"), ("out/{{outside__V}}.csv", "a"), ("out/{{OUTSIDE__v}}.csv", "a"), ("out/{{in_a__V}}.csv", "b"),
        ("out/{{in_b__V}}.csv", ""), ("out/{{iter.n}}.csv", ""), ("out/{{iter.index}}-{{in_a__V}}.csv", ""),
    ],
)  # fmt: skip
def test_an_appending_sink_is_joined_after_the_outermost_loop_it_does_not_vary_with(tmp_path: Path, path: str, joined: str) -> None:
    assert nested(tmp_path, path) == {"a": ("write",) if joined == "a" else (), "b": ("write",) if joined == "b" else ()}


def test_a_buffer_collects_over_all_loops_and_other_modes_do_not(tmp_path: Path) -> None:
    assert nested(tmp_path, "", name="buffer_sink") == {"a": ("write",), "b": ()}
    assert nested(tmp_path, "out/{{iter.n}}.csv", "replace") == {"a": (), "b": ()}


def test_a_broken_reference_is_left_to_its_check() -> None:
    assert same_in("out/{{iter.n", [1], lambda _: []) is None


def test_what_stands_in_a_loop_is_decided_in_the_run(tmp_path: Path) -> None:
    made = planned(tmp_path, [source("a"), source("rows"), sink("write", "out.csv", "append")], ["rows.data - write.input"], ["a (1|iterate) rows"])
    assert {task.id: task.decision for task in made.tasks.values()} == {"a": "execute", "rows": "at_run"}
    assert made.tasks["a"].hands_over == ("a.data",)


def test_what_a_loop_writes_it_may_read_in_the_next_frame() -> None:
    modules = [
        source("a"),
        {"id": "read", "name": "csv_source", "configs": {"required": {"file_path": "state.csv"}}},
        sink("write", "{{iter.n}}.csv", "replace"),
    ]
    for writes, late in ((True, {"read", "write"}), (False, set())):
        wired = {"data": ["read.data - write.input"] if writes else [], "control": ["a (1|iterate) read"]}
        flow = read(json.dumps({"flow": {"name": "f"}, "modules": modules if writes else modules[:2], "connections": wired})).flow
        assert flow is not None
        assert after_writers(flow, CATALOGUE) == late
