"""The published JSON Schemas: equal to the generated ones, equal verdicts on good files, composed with module configs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

import pypeline.schema
from pypeline.schema.flow import Flow
from pypeline.schema.job import Dag, DagEdge, DagNode, ExecutionMetadata, JobSubFlow
from pypeline.schema.jsonschema import PUBLISHED, dag_schema, execution_metadata_schema, flow_schema, published
from pypeline.schema.reader import read
from pypeline.schema.writer import dump
from pypeline.schema.yamltext import load
from tests.schema.making import flows

FORMATS = Path(__file__).parent / "formats"
CONFIG = {
    "type": "object",
    "properties": {"file_path": {"type": "string"}, "rows": {"type": "integer"}, "columns": {"type": "array", "items": {"$ref": "#/$defs/Column"}}},
    "required": ["file_path"],
    "additionalProperties": False,
    "$defs": {"Column": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_file_is_the_generated_one(name: str) -> None:
    file = Path(pypeline.schema.__file__).with_name(name)
    assert file.read_text(encoding="utf-8") == published(name), "run `python -m pypeline.schema.jsonschema`"
    Draft202012Validator.check_schema(PUBLISHED[name]())


@pytest.mark.parametrize("file", sorted(FORMATS.iterdir()), ids=lambda file: file.name)
def test_good_files_are_good_to_reader_and_schema(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert read(text).problems == ()
    errors = [error.message for error in Draft202012Validator(flow_schema()).iter_errors(load(text).data)]
    assert errors == []


@given(flows())
@settings(max_examples=30, deadline=None)
def test_random_flows_are_good_to_the_schema_too(flow: Flow) -> None:
    data = load(dump(flow)).data
    assert [error.message for error in _VALIDATOR.iter_errors(data)] == []


_VALIDATOR = Draft202012Validator(flow_schema())
BASE: dict[str, Any] = {"flow": {"name": "base"}, "modules": [{"id": "a", "name": "b"}]}
PARTS: list[dict[str, Any]] = [
    {"settings": None},
    {"settings": []},
    {"settings": {"threads": 1.0}},
    {"settings": {"threads": 1.5}},
    {"settings": {"threads": "4"}},
    {"settings": {"threads": True}},
    {"settings": {"threads": 0}},
    {"settings": {"timeout": 0}},
    {"settings": {"timeout": "5"}},
    {"settings": {"cache": "on"}},
    {"settings": {"cache": {"mode": "x"}}},
    {"settings": {"cache": 5}},
    {"settings": {"slots": {"a": -1}}},
    {"settings": {"slots": {"a": None}}},
    {"settings": {"logging": None}},
    {"settings": {"memory_limit": 5}},
    {"modules": None},
    {"modules": {}},
    {"modules": []},
    {"modules": [None]},
    {"modules": [{"id": "a"}]},
    {"modules": [{"id": "a", "name": ""}]},
    {"modules": [{"id": "a", "name": 5}]},
    {"modules": [{"id": 5, "name": "b"}]},
    {"modules": [{"id": "a", "name": "b", "configs": None}]},
    {"modules": [{"id": "a", "name": "b", "configs": {"required": None}}]},
    {"modules": [{"id": "a", "name": "b", "enabled": "no"}]},
    {"modules": [{"id": "a", "name": "b", "note": 5}]},
    {"modules": [{"id": "größe", "name": "b"}]},
    {"modules": [{"id": "a-b", "name": "b"}]},
    {"flow": {"name": "a-b", "version": 1.0}},
    {"flow": {"name": "a b"}},
    {"flow": {"name": "a", "stages": ["x", {"name": "y"}]}},
    {"flow": {"name": "a", "stages": [5]}},
    {"flow": {"name": "a", "inputs": [{"name": "x", "default": {"any": 1}}]}},
    {"flow": {"name": "a", "authors": "me"}},
    {"flow": None},
    {"connections": {"data": ["a.b - c.d"]}},
    {"connections": {"data": ["a.b-c.d"]}},
    {"connections": {"data": [{"source": "a"}]}},
    {"connections": {"control": ["a (1|) b", "a(1|)b"]}},
    {"connections": {"control": ["a b"]}},
    {"connections": {"control": None, "data": None}},
    {"on_error": ["a"]},
    {"finally": ["a"]},
    {"finally_": ["a"]},
    {"on_error": [""]},
    {"sweep": {}},
    {"sweep": {"parameters": {"x": [1]}}},
    {"sweep": {"parameters": {"x": 1}}},
    {"canvas": {"anything": 1}},
    {"canvas": []},
    {"canvas": {"modules": []}},
    {"databases": {"x": {}}},
    {"databases": {"x": {"url": "u"}}},
    {"databases": {"x": {"url": "u", "breaker": {"failures": 0}}}},
    {"format": 1},
    {"format": 2},
    {"format": 0},
    {"format": None},
    {"version": 1},
    {"modules": [{"id": "a", "name": "b", "retry": {"attempts": 0}}]},
    {"modules": [{"id": "a", "name": "b", "resources": {"cpus": None, "memory": 2}}]},
]


@pytest.mark.parametrize("part", PARTS, ids=repr)
def test_reader_and_schema_agree_on_structure(part: dict[str, Any]) -> None:
    import json

    data = {**BASE, **part}
    reader = read(json.dumps(data)).flow is not None
    assert _VALIDATOR.is_valid(data) is reader


@pytest.mark.parametrize(
    ("configs", "good"),
    [
        ({"required": {"file_path": "x"}}, True),
        ({"required": {"file_path": "x"}, "optional": {"rows": 5, "columns": [{"name": "a"}]}}, True),
        ({"required": {"file_path": "x"}, "optional": {"rows": "{{context.rows}}"}}, True),
        ({"required": {"file_path": "x"}, "optional": {"rows": "many"}}, False),
        ({"required": {"file_path": "x"}, "optional": {"columns": [{}]}}, False),
        ({"required": {"file_path": "x"}, "optional": {"row": 5}}, False),
        ({"required": {}}, False),
        ({"required": {"file_path": "x", "rows": 5}}, False),
        (None, False),
    ],
)
def test_a_composed_schema_checks_configs_of_the_types_it_knows(configs: Any, good: bool) -> None:
    validator = Draft202012Validator(flow_schema({"csv_source": CONFIG}))
    module = {"id": "a", "name": "csv_source", "configs": configs} if configs is not None else {"id": "a", "name": "csv_source"}
    assert validator.is_valid({"flow": {"name": "base"}, "modules": [module]}) is good
    assert validator.is_valid({"flow": {"name": "base"}, "modules": [{"id": "a", "name": "other", "configs": {"required": {"x": 1}}}]})


def test_job_files_are_good_to_their_schemas() -> None:
    import json

    node = DagNode(id="a", name="csv_source", module_path="pypeline.palette.source.csv_source", type="source", version="1.0.0", output_ports=("data",))
    edge = DagEdge(source="a", target="b", order=1, trigger="ok", condition="{{a__row_count}} > 0")
    graph = Dag(flow="f", nodes=(node,), edges=(edge,))
    metadata = ExecutionMetadata(flow="f", settings={"threads": 2}, sub_flows=(JobSubFlow(index=0, modules=("a",), waves=(("a",),)),), execution_order=("a",))
    Draft202012Validator(dag_schema()).validate(json.loads(graph.to_json()))
    Draft202012Validator(execution_metadata_schema()).validate(json.loads(metadata.to_json()))
    assert Dag.model_validate_json(graph.to_json()) == graph
    assert ExecutionMetadata.model_validate_json(metadata.to_json()) == metadata
