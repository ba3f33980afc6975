"""The page of keys names every key of the models, and its default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from pypeline.schema import flow as f

PAGE = Path(__file__).resolve().parents[2] / "docs" / "flow-keys.md"
MODELS: dict[str, type[BaseModel]] = {
    "Top level": f.Flow,
    "flow": f.Head,
    "settings": f.Settings,
    "modules": f.Module,
    "retry": f.Retry,
    "resources": f.Resources,
    "connections": f.Connections,
    "canvas": f.Canvas,
}


def rows(section: str) -> dict[str, str]:
    """Key and default, as the section's table has them."""
    text = PAGE.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = [re.split(r"(?<!\\)\|", line)[1:4] for line in text.splitlines() if line.startswith("| `")]
    return {key.strip().strip("`"): default.strip().strip("`") for key, _, default in found}


@pytest.mark.parametrize("section", MODELS)
def test_every_key_is_there_with_its_default(section: str) -> None:
    said = rows(section)
    fields = {field.alias or name: field for name, field in MODELS[section].model_fields.items()}
    assert list(said) == list(fields)
    for key, field in fields.items():
        if field.is_required():
            assert said[key] == "", key
            continue
        value = field.get_default(call_default_factory=True)
        if isinstance(value, BaseModel):
            continue  # a mapping: its own keys say what holds
        assert said[key] == ("none" if value in (None, (), {}, "") else str(value).lower() if isinstance(value, bool) else str(value)), key
