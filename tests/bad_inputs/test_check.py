"""Rows 34-57 of the bad-input table that need the palette: reader, then core's check against the built-in types."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from pypeline.core.catalogue import Catalogue
from pypeline.core.check import check
from pypeline.core.variables import VariableError, substitute
from pypeline.core.variables_shell import substitute_shell
from pypeline.runner import children
from pypeline.runner.registry import load
from pypeline.schema.codes import CODES
from pypeline.schema.jsonschema import flow_schema
from pypeline.schema.reader import read_file
from pypeline.schema.writer import write
from pypeline.schema.yamltext import load as load_text
from tests.bad_inputs.table import CHECK, FILES, Row

CONTEXT = {"input_dir": "data"}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return load(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize("row", CHECK, ids=lambda row: row.file)
def test_a_flow_that_means_nothing_gets_its_code_place_message_and_mend(
    row: Row, catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    began = time.monotonic()
    flow = read_file(FILES / row.file).require()
    problems = [*check(flow, catalogue, CONTEXT), *children.check(flow, FILES, CONTEXT)]
    assert time.monotonic() - began < 2
    problem = next(problem for problem in problems if problem.code == row.code)
    assert (problem.place.line, problem.place.column) == (row.line, row.column)
    assert row.says in problem.message
    assert row.mend in problem.mend
    assert problem.severity == "error"
    assert all("\n" not in str(each) and each.code in CODES for each in problems)
    assert not list(tmp_path.iterdir()), "checking wrote a file"


@pytest.mark.parametrize("row", CHECK, ids=lambda row: row.file)
def test_the_composed_json_schema_gives_the_verdict_that_the_table_says(row: Row, catalogue: Catalogue) -> None:
    schema = flow_schema({name: decl.json_schema for name, decl in catalogue.items() if decl.json_schema is not None})
    data = load_text((FILES / row.file).read_text(encoding="utf-8")).data
    assert Draft202012Validator(schema).is_valid(data) is not row.schema


def test_row_34_a_placeholder_is_saved_back_as_it_was() -> None:
    result = read_file(FILES / "34_unknown_type.yaml")
    flow = result.require()
    assert write(result.text, flow, flow.model_copy()).encode() == (FILES / "34_unknown_type.yaml").read_bytes()


def test_row_54_braces_in_a_value_stay_as_they_are() -> None:
    assert substitute("{{context.a}}/x", {"context.a": "{{context.b}}", "context.b": "no"}) == "{{context.b}}/x"


def test_row_55_a_line_break_in_a_shell_value_is_refused_and_all_else_quoted() -> None:
    with pytest.raises(VariableError) as refused:
        substitute_shell("ls {{context.a}}", {"context.a": "x\nrm -rf /"})
    assert refused.value.code == "PYE249"
    assert substitute_shell("ls {{context.a}}", {"context.a": "x; rm -rf /"}) == "ls 'x; rm -rf /'"
