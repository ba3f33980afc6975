"""Config values against JSON Schemas: the same verdict as the reference library, on random data."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pypeline.core.checks.values import misfits
from pypeline.core.configs import texts

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 12), st.sampled_from([0.5, 2.0, 1e300, -1.5]), st.sampled_from(["", "a", "ab", "abc", "xyz", "ümlaut"])
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "b", "name", "rows"]), inner, max_size=3)),
    max_leaves=8,
)


def _scalar_schemas() -> st.SearchStrategy[dict[str, Any]]:
    number = st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={"minimum": st.integers(-2, 4), "maximum": st.integers(3, 9), "exclusiveMinimum": st.integers(-1, 3), "exclusiveMaximum": st.integers(2, 8)},
    )
    text = st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"minLength": st.integers(0, 2), "maxLength": st.integers(1, 4), "pattern": st.sampled_from(["^a", "b$", "^[a-z]+$"])},
    )
    rest = st.sampled_from(
        [{}, {"type": "boolean"}, {"type": "null"}, {"enum": ["a", 2, None, True]}, {"const": "ab"}, {"const": 2}, {"type": ["string", "null"]}]
    )
    return st.one_of(number, text, rest)


def _containers(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    lists = st.fixed_dictionaries(
        {"type": st.just("array"), "items": inner}, optional={"minItems": st.integers(0, 2), "maxItems": st.integers(1, 3), "uniqueItems": st.booleans()}
    )
    tuples = st.fixed_dictionaries({"type": st.just("array"), "prefixItems": st.lists(inner, min_size=1, max_size=2), "items": st.just(False)})
    mappings = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from(["a", "name"]), inner, max_size=2)},
        optional={
            "required": st.lists(st.sampled_from(["a", "rows"]), unique=True, max_size=1),
            "additionalProperties": st.one_of(st.booleans(), inner),
            "minProperties": st.integers(0, 2),
            "maxProperties": st.integers(1, 3),
        },
    )
    several = st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)})
    return st.one_of(lists, tuples, mappings, several)


SCHEMAS = st.recursive(_scalar_schemas(), _containers, max_leaves=6)


@settings(max_examples=400, deadline=None)
@given(DATA, SCHEMAS)
def test_the_verdict_is_that_of_the_reference_library(data: Any, schema: dict[str, Any]) -> None:
    found = misfits(data, schema, schema)
    assert (not found) == Draft202012Validator(schema).is_valid(data), found


def test_references_are_followed_also_in_circles_of_data() -> None:
    schema: dict[str, Any] = {
        "$ref": "#/$defs/node",
        "$defs": {"node": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}, "additionalProperties": False}},
    }
    assert misfits({"next": {"next": None}}, schema, schema) == []
    (wrong,) = misfits({"next": {"next": {"nxet": None}}}, schema, schema)
    assert (wrong.code, wrong.path, wrong.mend) == ("PYE305", ("next", "next", "nxet"), "Did you mean `next`?")


def test_pye304_length_and_form() -> None:
    schema = {"type": "string", "minLength": 1, "maxLength": 4, "pattern": "^a", "examples": ["ab"]}
    assert [m.message for m in misfits("", schema, schema)] == [
        "is empty",
        "is the text ``, which does not match the pattern `^a`",
    ]
    assert [m.code for m in misfits("abcde", schema, schema)] == ["PYE304"]
    assert misfits("bcd", schema, schema)[0].mend == "For example: `ab`."
    assert misfits("bcd", {"pattern": "(?<broken"}, {}) == [], "a pattern of another dialect judges nothing"


def test_keys_that_are_not_text_and_values_left_open() -> None:
    assert [m.code for m in misfits({1: "x"}, {"type": "object"}, {})] == ["PYE301"]
    schema = {"type": "array", "items": {"type": "integer"}}
    assert misfits(["{{a}}", 3], schema, schema, lambda text: "{{" in text) == []


def test_texts_of_a_config_know_their_hints() -> None:
    schema: dict[str, Any] = {
        "properties": {
            "plain": {"type": "string"},
            "when": {"type": "string", "x-pype": {"editor": "expression"}},
            "files": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}], "x-pype": {"editor": "path"}},
            "measures": {
                "type": "object",
                "additionalProperties": {
                    "anyOf": [{"type": "string", "x-pype": {"editor": "aggregate"}}, {"$ref": "#/$defs/measure"}],
                },
            },
        },
        "$defs": {"measure": {"type": "object", "properties": {"column": {"anyOf": [{"type": "string", "x-pype": {"editor": "column"}}, {"type": "null"}]}}}},
    }
    config = {"plain": "a", "when": "b > 1", "files": ["x", "y"], "measures": {"n": "count(*)", "s": {"column": "price"}}, "more": "z"}
    assert [(text.path, text.editor) for text in texts(config, schema)] == [
        (("plain",), ""), (("when",), "expression"), (("files", 0), "path"), (("files", 1), "path"),
        (("measures", "n"), "aggregate"), (("measures", "s", "column"), "column"), (("more",), ""),
    ]  # fmt: skip
    assert [text.editor for text in texts(config, None)] == [""] * 7


@pytest.mark.parametrize(("value", "mend"), [(False, "Quote it to make it a text."), (1.0, "Quote it to make it a text."), (["a"], "For example: `;`.")])
def test_what_yaml_took_for_another_value_is_to_be_quoted(value: object, mend: str) -> None:
    (found,) = misfits({"word": value}, {"type": "object", "properties": {"word": {"type": "string", "examples": [";"]}}}, {})
    assert found.mend == mend
