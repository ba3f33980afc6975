"""Contexts per environment, and values that a person is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pypeline.core.check import check
from pypeline.core.variables_context import Asked
from pypeline.runner.variables import Question, answered, context, questions
from pypeline.schema.flow import Flow
from pypeline.schema.problems import PypeError
from tests.core.making import CATALOGUE
from tests.core.making import flow as make

FLOW = make([{"id": "a", "name": "do", "configs": {"optional": {"x": "{{context.day}} {{ context.region }}", "y": ["{{context.password}}"]}}}])


def files(folder: Path, **layers: dict[str, Any]) -> Path:
    (folder / "context").mkdir(exist_ok=True)
    for name, values in layers.items():
        (folder / "context" / f"test_{name}.json").write_text(json.dumps(values))
    return folder


def test_the_environment_lies_over_the_default_and_set_over_both(tmp_path: Path) -> None:
    files(tmp_path, default={"a": 1, "b": 1, "c": 1}, prod={"b": 2, "c": 2})
    assert context(FLOW, tmp_path) == {"a": 1, "b": 1, "c": 1}
    assert context(FLOW, tmp_path, "prod", {"c": 3, "d": 3}) == {"a": 1, "b": 2, "c": 3, "d": 3}


def test_a_question_is_open_until_something_answers_it(tmp_path: Path) -> None:
    files(
        tmp_path,
        default={"day": "2026-01-31", "day?": "Which day?", "region?": "Which region?", "password?secret": "Password"},
        prod={"region": "north"},
        test={"day": "2000-01-01", "day?": "Day of the test?"},
    )
    file = str(tmp_path / "context" / "test_default.json")
    assert questions(FLOW, tmp_path) == (
        Question("day", "Which day?", False, "2026-01-31", file),
        Question("region", "Which region?", False, None, file),
        Question("password", "Password", True, None, file),
    )
    assert [each.name for each in questions(FLOW, tmp_path, "prod")] == ["day", "password"]
    assert [each.name for each in questions(FLOW, tmp_path, "prod", {"day": "x"})] == ["password"]
    assert questions(FLOW, tmp_path, "test")[0].text == "Day of the test?"
    assert context(FLOW, tmp_path, sets={"region": "n"}) == {"day": "2026-01-31", "region": "n", "password": Asked(secret=True)}


def test_nobody_is_asked_for_what_the_flow_does_not_read(tmp_path: Path) -> None:
    files(tmp_path, default={"region?": "Which region?", "password?secret": "Password", "day": 1})
    other = make(["a"])
    assert questions(other, tmp_path) == ()
    assert answered(context(other, tmp_path), other) == {"day": 1}


def test_what_nobody_answered_stops_the_plan_and_names_set(tmp_path: Path) -> None:
    files(tmp_path, default={"region?": "Which region?", "day": 1, "day?": "Which?", "password?secret": "Password"})
    with pytest.raises(PypeError) as caught:
        answered(context(FLOW, tmp_path), FLOW)
    (problem,) = caught.value.problems
    assert (problem.code, "--set region=" in problem.mend) == ("PYE398", True)
    assert answered(context(FLOW, tmp_path, sets={"region": "n"}), FLOW) == {"day": 1, "region": "n"}


def test_a_secret_is_not_given_on_a_command_line(tmp_path: Path) -> None:
    files(tmp_path, default={"password?secret": "Password"})
    with pytest.raises(PypeError) as caught:
        context(FLOW, tmp_path, sets={"password": "hunter22"})
    assert caught.value.problems[0].code == "PYE398"
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("values", [{"a?": 1}, {"a?": " "}, {"a?secret": "Which?", "a": "hunter22"}, {"a?number": "Which?"}, {"?": "Which?"}])
def test_questions_that_cannot_be_asked(tmp_path: Path, values: dict[str, Any]) -> None:
    files(tmp_path, default=values)
    with pytest.raises(PypeError) as caught:
        context(FLOW, tmp_path)
    assert caught.value.problems[0].code == "PYE393"
    assert "hunter22" not in str(caught.value)


def reading(password: str, **more: Any) -> Flow:
    return make([{"id": "r", "name": "read", "configs": {"required": {"path": more.pop("path", "in.csv")}, "optional": {"password": password}}}], **more)


def codes(flow: Flow, known: dict[str, Any] | None = None) -> list[str]:
    return [problem.code for problem in check(flow, CATALOGUE, known)]


def test_an_asked_secret_stands_in_secret_fields_only() -> None:
    asked = {"pw": Asked(secret=True), "day": Asked()}
    assert codes(reading("{{context.pw}}"), asked) == []
    assert codes(reading("{{context.pw}}")) == []
    assert codes(reading("{{context.day}}"), asked) == ["PYE248"]
    assert codes(reading("{{context.pw}}"), {"pw": "hunter22"}) == ["PYE248"]
    assert codes(reading("{{context.nope}}"), asked) == ["PYE242", "PYE248"]
    assert codes(reading("{{context.pw}}", path="{{context.pw}}"), asked) == ["PYE247"]
    assert codes(reading("{{context.pw}}", path="{{context.day}}.csv"), asked) == []


def test_a_secret_variable_of_the_environment_stands_in_no_open_field() -> None:
    head = {"name": "test", "env": ["PW", "DIR"]}
    assert codes(reading("{{env.PW}}", path="{{env.DIR}}/in.csv", flow=head)) == []
    assert codes(reading("{{env.PW}}", path="{{env.PW}}/in.csv", flow=head)) == ["PYE257"]
