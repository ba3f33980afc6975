"""Filling the templates of a planned module when its task starts: once, and nowhere else."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pypeline.core.planned import PlannedModule
from pypeline.core.planner import plan
from pypeline.runner.run_values import fill
from pypeline.schema.problems import PypeError
from tests.core.making import facts, flow


def planned(text: str, **known: Any) -> PlannedModule:
    words = ["b", {"id": "a", "name": "do", "configs": {"optional": {"text": text}}}]
    return plan(flow(words, flow={"name": "x", "env": ["HOME"]}), facts(**known)).modules["a"]


def test_globals_context_and_environment_fill_a_template_in_one_pass() -> None:
    module = planned("{{context.x}}|{{B__Result}}|{{env.HOME}}", context={"x": "{{b__result}}"}, env={"HOME": "/root"})
    made = fill(module, {"b#0.result": "{{env.HOME}}"}, "0", {"HOME": "/root"})
    assert made.configs["text"] == "{{b__result}}|{{env.HOME}}|/root"
    assert module.configs["text"].startswith("{{context.x}}"), "the plan stays as it is"


def test_a_value_filled_in_when_planning_is_left_alone() -> None:
    module = planned("{{context.x}}", context={"x": "literal {{b__result}}"})
    assert fill(module, {"b#0.result": 1}, "0", {"HOME": "/root"}).configs["text"] == "literal {{b__result}}"


def test_secrets_stay_references_and_a_whole_reference_keeps_its_type() -> None:
    assert fill(planned("{{vault:a#b}}"), {}, "0").configs["text"] == "{{vault:a#b}}"
    assert fill(planned("{{b__result}}"), {"b#0.Result": 7}, "0").configs["text"] == 7


def test_a_global_that_nobody_has_set_is_an_error() -> None:
    with pytest.raises(PypeError) as caught:
        fill(planned("{{b__result}}"), {}, "0")
    assert caught.value.problems[0].code == "PYE465"


@pytest.mark.parametrize(("value", "text"), [(7, "7"), (True, "true"), (2.5, "2.5"), (Decimal("1.10"), "1.10"), (date(2024, 1, 2), "2024-01-02")])
def test_a_value_becomes_a_text_where_nothing_but_a_text_may_stand(value: object, text: str) -> None:
    only, either = {"type": "string"}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}
    assert fill(planned("{{b__result}}"), {"b#0.result": value}, "0", schema={"properties": {"text": only}}).configs["text"] == text
    assert fill(planned("{{b__result}}"), {"b#0.result": value}, "0", schema={"properties": {"text": either}}).configs["text"] == value


@pytest.mark.parametrize("value", [None, ["a"], {"a": 1}, b"a"])
def test_what_is_no_single_value_is_left_for_the_module_to_refuse(value: object) -> None:
    schema = {"properties": {"text": {"type": "string"}}}
    assert fill(planned("{{b__result}}"), {"b#0.result": value}, "0", schema=schema).configs["text"] == value


def test_a_line_break_that_would_reach_a_shell_is_a_problem_of_the_module() -> None:
    schema = {"properties": {"text": {"type": "string", "x-pype": {"editor": "shell"}}}}
    with pytest.raises(PypeError) as caught:
        fill(planned("echo {{b__result}}"), {"b#0.result": "a\nid"}, "0", schema=schema)
    problem = caught.value.problems[0]
    assert (problem.code, problem.place.module) == ("PYE249", "a")
    assert problem.mend


@pytest.mark.parametrize(("text", "value", "refused"), [
    ("out/{{b__result}}.csv", "../../etc/x", True), ("out/{{b__result}}", "..", True), ("out/{{b__result}}.csv", "a..b", False),
    ("{{b__result}}", "../x.csv", False), ("../{{b__result}}.csv", "x", False), ("out/{{b__result}}.csv", "deep/x", False),
])  # fmt: skip
def test_a_value_leads_no_written_file_out_of_the_folder_that_the_flow_names(text: str, value: str, refused: bool) -> None:
    schema = {"properties": {"text": {"type": "string", "x-pype": {"editor": "path", "mode": "save"}}}}
    if not refused:
        assert fill(planned(text), {"b#0.result": value}, "0", schema=schema).configs["text"] == text.replace("{{b__result}}", value)
        return
    with pytest.raises(PypeError) as caught:
        fill(planned(text), {"b#0.result": value}, "0", schema=schema)
    assert caught.value.problems[0].code == "PYE411"
