"""Fixes for what only the engine finds: the column that was meant, in expressions, names and lists of names."""

from __future__ import annotations

from typing import Any

import pytest

from pypeline.core.mending import mended
from pypeline.schema.flow import Flow
from pypeline.schema.problems import Fix, Place, Problem

FLOW = Flow.model_validate(
    {
        "flow": {"name": "f"},
        "modules": [
            {"id": "a", "name": "filter_mod", "configs": {"required": {"condition": "prise > 0 and length('prise') > 2"}}},
            {"id": "b", "name": "sort_mod", "configs": {"required": {"keys": ["prise", {"column": "prise"}]}}},
            {"id": "c", "name": "aggregate_mod", "configs": {"optional": {"group_by": ["contry", "prise"]}}},
        ],
    }
)


def unknown(path: tuple[Any, ...], word: str = "prise", mend: str = "Did you mean `price`?") -> Problem:
    return Problem("PYE335", f"unknown column `{word}` (at character 1)", Place(path=path), mend)


@pytest.mark.parametrize(
    ("module", "path", "at", "value"),
    [
        ("a", ("condition",), ("modules", 0, "configs", "required", "condition"), "price > 0 and length('prise') > 2"),
        ("b", ("keys", 0), ("modules", 1, "configs", "required", "keys", 0), "price"),
        ("b", ("keys", 1, "column"), ("modules", 1, "configs", "required", "keys", 1, "column"), "price"),
        ("c", ("group_by",), ("modules", 2, "configs", "optional", "group_by"), ["contry", "price"]),
    ],
)
def test_the_word_that_was_meant_is_a_button(module: str, path: tuple[Any, ...], at: tuple[Any, ...], value: Any) -> None:
    found = mended(unknown(path), FLOW, module)
    assert found.fixes == (Fix("Use `price`", at, value),)
    assert found.place.path == at
    assert found.place.module == module


def test_without_a_near_word_or_a_place_there_is_no_button() -> None:
    assert mended(unknown(("condition",), mend="known: `a`, `b`."), FLOW, "a").fixes == ()
    assert mended(unknown(("nowhere",)), FLOW, "a").fixes == ()
    assert mended(unknown(("condition",), word="other"), FLOW, "a").fixes == ()
    problem = unknown(("condition",))
    assert mended(problem, FLOW, "gone") is problem
