"""What every built-in says of itself: complete, true, and equal to the shipped file."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pypeline.core.declare import declare, from_registry, to_registry
from pypeline.palette import declarations
from pypeline.resources.icons import ICONS
from pypeline.runner.registry import built_in, module_class

ROOT = Path(__file__).parents[2]
TYPES = declarations.built_ins()
WANTED = {
    "csv_source", "parquet_source", "inline_source", "generate_source", "file_list", "filter_mod", "select_mod", "formula_mod", "join_mod",
    "aggregate_mod", "sort_mod", "union_mod", "unique_mod", "sql_mod", "python_mod", "log_mod", "csv_sink", "parquet_sink", "log_sink",
    "python_solo", "shell_solo", "sync_gate",
}  # fmt: skip


def test_the_first_types_are_there() -> None:
    assert set(TYPES) >= WANTED


def test_the_shipped_file_is_what_the_classes_say() -> None:
    assert (ROOT / "pypeline/resources/declarations.json").read_text(encoding="utf-8") == declarations.text()


def test_built_ins_are_entry_points_of_our_own() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pypeline.modules"]
    assert listed == {name: f"{cls.__module__}:{cls.__name__}" for name, cls in TYPES.items()}


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_type_tells_all(name: str) -> None:
    decl = declare(TYPES[name], name, TYPES[name].__module__)
    assert from_registry(name, json.loads(json.dumps(to_registry(decl))), "built-in") == decl == built_in()[name]
    assert module_class(decl.module_path, name) is TYPES[name]
    assert decl.title != name
    assert decl.description.endswith(("`", *"abcdefghijklmnopqrstuvwxyz)"))
    assert decl.icon in ICONS
    assert set(decl.required) == set((decl.json_schema or {}).get("required", ()))
    for field, said in decl.fields.items():
        assert said.get("title"), field
        assert said.get("title") != field, f"{field} has pydantic's own title"


def test_config_names_of_the_specification() -> None:
    assert built_in()["csv_source"].required == ("file_path",)
    assert "encoding" in built_in()["csv_source"].config_schema["optional"]
    assert built_in()["csv_source"].config_schema["optional"]["encoding"] == {
        "type": "str", "default": "utf-8", "description": built_in()["csv_source"].fields["encoding"]["description"],
    }  # fmt: skip
    assert built_in()["filter_mod"].required == ("condition",)
    assert built_in()["parquet_sink"].required == ("output_path",)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_examples_fit_the_schema(name: str) -> None:
    from jsonschema import Draft202012Validator

    for field, said in (built_in()[name].json_schema or {})["properties"].items():
        for example in said.get("examples", ()):
            assert Draft202012Validator(said).is_valid(example), (field, example)


def test_the_palette_is_read_without_importing_it() -> None:
    code = (
        "import sys; from pypeline.runner.registry import load; c = load('.'); c['csv_source'].fields\n"
        "print([m for m in sys.modules if m.startswith(('pydantic', 'pypeline.palette.', 'duckdb', 'importlib.metadata'))])"
    )
    found: Any = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
