"""JSON Schemas (2020-12) of what the program reads and writes, generated from the models.

An editor with a YAML language server checks and completes flow files by them; their verdict on
parsed data is the reader's, as far as JSON Schema can say it (not: doubled ids, Unicode forms).
``python -m pypeline.schema.jsonschema`` writes the published files anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pypeline.schema.flow import Flow
from pypeline.schema.job import Dag, ExecutionMetadata

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# bounds that stand behind a validator keep pydantic's names
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
# a config field may hold a variable instead of a value of its type
_VARIABLE = {"type": "string", "pattern": r"\{\{[\s\S]*\}\}"}


def flow_schema(catalogue_fields: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """The JSON Schema of a flow file.

    Args:
        catalogue_fields: module type → the JSON Schema of its config (``ModuleDecl.json_schema``:
            one object of required and optional fields). Configs of the types given are then checked
            too; types that are not given stay open, as placeholders do.
    """
    schema = _closed(Flow, "PYpeline flow")
    if catalogue_fields:
        _compose(schema, catalogue_fields)
    return schema


def dag_schema() -> dict[str, Any]:
    """The JSON Schema of a job folder's ``NAME_dag.json``."""
    return _closed(Dag, "PYpeline job: nodes and edges", nothing=False)


def execution_metadata_schema() -> dict[str, Any]:
    """The JSON Schema of a job folder's ``NAME_execution_metadata.json``."""
    return _closed(ExecutionMetadata, "PYpeline job: settings, sub flows and order", nothing=False)


PUBLISHED = {
    "flow.schema.json": flow_schema,
    "dag.schema.json": dag_schema,
    "execution_metadata.schema.json": execution_metadata_schema,
}


def published(name: str) -> str:
    """The text of a published schema file."""
    return json.dumps(PUBLISHED[name](), indent=2, ensure_ascii=False) + "\n"


def _closed(model: type[BaseModel], title: str, nothing: bool = True) -> dict[str, Any]:
    schema = _bounded(model.model_json_schema(by_alias=True))
    parts = schema.pop("$defs", {})
    for part in (schema, *parts.values()):
        _tidy(part, nothing)
    return {"$schema": DIALECT, "title": title, **{k: v for k, v in schema.items() if k != "title"}, "$defs": parts}


def _bounded(value: Any) -> Any:
    if isinstance(value, dict):
        number = value.get("type") in ("integer", "number")
        return {_BOUNDS.get(key, key) if number else key: _bounded(inner) for key, inner in value.items()}
    return [_bounded(inner) for inner in value] if isinstance(value, list) else value


def _tidy(part: dict[str, Any], nothing: bool) -> None:
    """Drop generated titles; with ``nothing``, let every optional key be empty, as the reader does."""
    part.pop("title", None)
    required = part.get("required", ())
    for name, field in part.get("properties", {}).items():
        field.pop("title", None)
        if nothing and name not in required:
            part["properties"][name] = _or_nothing(field)


def _or_nothing(field: dict[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = {key: field[key] for key in ("description", "default") if key in field}
    said = {key: value for key, value in field.items() if key not in about}
    options = said["anyOf"] if set(said) == {"anyOf"} else [said]
    if not said or {"type": "null"} in options:
        return field
    return {"anyOf": [*options, {"type": "null"}], **about}


def _compose(schema: dict[str, Any], catalogue_fields: Mapping[str, Mapping[str, Any]]) -> None:
    """Add the config schema of every module type: ``name`` chooses it."""
    parts = schema["$defs"]
    rules: list[dict[str, Any]] = []
    for name in sorted(catalogue_fields):
        config = _inside(deepcopy(dict(catalogue_fields[name])), f"config:{name}")
        for inner, part in config.pop("$defs", {}).items():
            parts[f"config:{name}:{inner}"] = part
        parts[f"config:{name}"] = _halves(config)
        rules.append(
            {
                "if": {"properties": {"name": {"const": name}}, "required": ["name"]},
                "then": {"properties": {"configs": {"$ref": f"#/$defs/config:{name}"}}, **({"required": ["configs"]} if config.get("required") else {})},
            }
        )
    parts["Module"]["allOf"] = rules


def _halves(config: dict[str, Any]) -> dict[str, Any]:
    """A flat config schema as the two halves of ``configs:``."""
    required = list(config.get("required", ()))
    fields = config.get("properties", {})
    closed = config.get("additionalProperties", True)

    def half(names: list[str]) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {name: {"anyOf": [fields[name], _VARIABLE]} for name in names},
            "additionalProperties": closed,
        }

    first = {**half([name for name in fields if name in required]), "required": required}
    second = half([name for name in fields if name not in required])
    halves: dict[str, Any] = {"type": "object", "properties": {"required": first, "optional": {"anyOf": [second, {"type": "null"}]}}}
    if required:
        halves["required"] = ["required"]
    else:
        halves["properties"]["required"] = {"anyOf": [first, {"type": "null"}]}
    return halves


def _inside(value: Any, prefix: str) -> Any:
    """The schema with its references pointing to where its definitions will stand in the whole."""
    if isinstance(value, dict):
        return {
            key: inner.replace("#/$defs/", f"#/$defs/{prefix}:") if key == "$ref" and isinstance(inner, str) else _inside(inner, prefix)
            for key, inner in value.items()
        }
    return [_inside(inner, prefix) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    for file in PUBLISHED:
        Path(__file__).with_name(file).write_text(published(file), encoding="utf-8")
