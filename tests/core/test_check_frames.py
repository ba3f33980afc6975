"""What stands in a loop: targets of its own for every frame, and names that the item has."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pypeline.core.check import check
from pypeline.runner.registry import load
from pypeline.schema.problems import Problem
from pypeline.schema.reader import read

CATALOGUE = load(".")
LIST = {"id": "list", "name": "file_list", "configs": {"required": {"folder": "in"}}}
READ = {"id": "read", "name": "csv_source", "configs": {"required": {"file_path": "{{iter.path}}"}}}


def sink(path: str, **optional: Any) -> dict[str, Any]:
    return {"id": "write", "name": "csv_sink", "configs": {"required": {"output_path": path}, "optional": optional}}


def problems(*modules: dict[str, Any], control: tuple[str, ...] = ("list (1|iterate) read",), data: tuple[str, ...] = ()) -> list[Problem]:
    text = json.dumps({"flow": {"name": "f"}, "modules": [LIST, *modules], "connections": {"data": data, "control": control}})
    flow = read(text).flow
    assert flow is not None
    return check(flow, CATALOGUE, {})


TO = ("read.data - write.input",)


@pytest.mark.parametrize("mode", ["create", "replace"])
def test_a_file_that_every_frame_would_write_anew(mode: str) -> None:
    (wrong,) = problems(READ, sink("out.csv", mode=mode), data=TO)
    assert (wrong.code, wrong.place.module, wrong.place.line > 0) == ("PYE278", "write", True)
    assert f"`write` would {mode} the same file in every frame of `list (1|iterate) read`" in wrong.message
    assert "mode: append" in wrong.mend


@pytest.mark.parametrize("path", ["out/{{iter.name}}", "out/{{iter.index}}.csv", "out/{{name__V}}.csv"])
def test_a_path_that_varies_with_the_item_is_fine(path: str) -> None:
    name = {"id": "name", "name": "python_solo", "configs": {"optional": {"code": "def main(): return {'V': 1}"}}}
    assert problems(name, READ, sink(path), control=("list (1|iterate) name", "name (1|) read"), data=TO) == []


def test_append_collects_and_outside_a_loop_nothing_is_asked() -> None:
    assert problems(READ, sink("out.csv", mode="append"), data=TO) == []
    assert problems({**READ, "configs": {"required": {"file_path": "a.csv"}}}, sink("out.csv"), control=("list (1|) read",), data=TO) == []


def test_a_global_of_the_outer_loop_does_not_vary_in_the_inner_one() -> None:
    name = {"id": "name", "name": "python_solo", "configs": {"optional": {"code": "def main(): return {'V': 1}"}}}
    inner = {**LIST, "id": "inner"}
    control = ("list (1|iterate) name", "name (1|) inner", "inner (1|iterate) read")
    (wrong,) = problems(name, inner, READ, sink("out/{{name__V}}.csv"), control=control, data=TO)
    assert "every frame of `inner (1|iterate) read`" in wrong.message


def test_a_column_that_the_item_does_not_have_is_known_before_the_run() -> None:
    (wrong,) = problems({**READ, "configs": {"required": {"file_path": "{{iter.pth}}"}}}, sink("{{iter.index}}.csv"), data=TO)
    assert (wrong.code, wrong.mend) == ("PYE279", "Did you mean `path`?")
    wait = {"id": "wait", "name": "python_solo", "configs": {"optional": {"code": "def main(): pass"}}}
    (wrong,) = problems(READ, sink("{{iter.index}}.csv"), wait, data=TO, control=("list (1|iterate) read", "write (1|if {{iter.sze}} > 0) wait"))
    assert (wrong.code, wrong.mend) == ("PYE279", "Did you mean `size`?")


def test_declared_columns_are_known_and_others_are_not_guessed() -> None:
    def of(source: dict[str, Any]) -> list[str]:
        text = {"id": "say", "name": "shell_solo", "configs": {"required": {"command": ["echo", "{{iter.b}}"]}}}
        modules = [source, text]
        flow = read(json.dumps({"flow": {"name": "f"}, "modules": modules, "connections": {"control": ["s (1|iterate) say"]}})).flow
        assert flow is not None
        return [p.code for p in check(flow, CATALOGUE, {})]

    assert of({"id": "s", "name": "inline_source", "configs": {"required": {"columns": {"a": "int64"}, "rows": [[1]]}}}) == ["PYE279"]
    assert of({"id": "s", "name": "csv_source", "configs": {"required": {"file_path": "x.csv"}, "optional": {"columns": {"a": "int64"}}}}) == ["PYE279"]
    assert of({"id": "s", "name": "csv_source", "configs": {"required": {"file_path": "x.csv"}}}) == []
    with_line = {"columns": {"a": "int64"}, "line_column": "b"}
    assert of({"id": "s", "name": "csv_source", "configs": {"required": {"file_path": "x.csv"}, "optional": with_line}}) == []
