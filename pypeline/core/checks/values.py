"""Plain data against a JSON Schema, with messages for people. Pure; knows no flow.

The part of JSON Schema 2020-12 that pydantic models and the specification's config schemas use.
Goes out: :class:`Misfit` values with a path relative to the data, in document order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any

from pypeline.core.configs import resolved
from pypeline.schema.problems import Path, did_you_mean
from pypeline.schema.record import record

WORDS = {
    "string": "text", "integer": "integer", "number": "number", "boolean": "true or false",
    "array": "list", "object": "mapping", "null": "null",
}  # fmt: skip


@record
class Misfit:
    """One thing that does not fit: a PYE code, the path, and the message after the name of the place."""

    code: str
    path: Path
    message: str
    mend: str = ""


def misfits(value: Any, said: Mapping[str, Any], whole: Mapping[str, Any], is_open: Callable[[str], bool] = lambda text: False) -> list[Misfit]:
    """What in ``value`` does not fit ``said``, whose references lead into ``whole``. A text for which
    ``is_open`` is true stands for any value (a variable filled in later)."""
    found: list[Misfit] = []
    _check(value, said, (), _Schema(whole, is_open, found))
    return found


@record
class _Schema:
    whole: Mapping[str, Any]
    is_open: Callable[[str], bool]
    found: list[Misfit]

    def say(self, code: str, path: Path, message: str, mend: str = "") -> None:
        self.found.append(Misfit(code, path, message, mend))


def type_of(value: Any) -> str:
    """The JSON type of ``value``; whole floats are integers, as in JSON Schema."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def shown(value: Any) -> str:
    """``value`` in a message: short, and named by its kind."""
    if isinstance(value, str):
        return f"the text `{value if len(value) <= 40 else value[:40] + '…'}`"
    kind = type_of(value)
    if kind in ("array", "object"):
        return f"a {WORDS[kind]}"
    return {"null": "null", "boolean": str(value).lower()}.get(kind, f"{value!r}")


def _check(value: Any, said: Mapping[str, Any], path: Path, schema: _Schema) -> None:
    said = resolved(said, schema.whole)
    if isinstance(value, str) and schema.is_open(value):
        return
    if isinstance(value, float) and not isfinite(value):
        schema.say("PYE302", path, f"is {value!r}, which is no finite number", _range(said) or "Write a finite number.")
        return
    for key in ("anyOf", "oneOf"):
        if key in said:
            _any_of(value, [resolved(option, schema.whole) for option in said[key]], path, schema)
    for option in said.get("allOf", ()):
        _check(value, option, path, schema)
    if not _type_fits(value, said, path, schema):
        return
    if "enum" in said and not any(_same(value, each) for each in said["enum"]):
        schema.say("PYE303", path, f"is {shown(value)}, which is none of {_listed(said['enum'])}", _near(value, said["enum"]))
        return
    if "const" in said and not _same(value, said["const"]):
        schema.say("PYE303", path, f"is {shown(value)}, expected {_listed([said['const']])}")
        return
    kind = type_of(value)
    if kind in ("integer", "number"):
        _number(value, said, path, schema)
    elif kind == "string":
        _text(value, said, path, schema)
    elif kind == "array":
        _list(value, said, path, schema)
    elif kind == "object":
        _mapping(value, said, path, schema)


def _types(said: Mapping[str, Any]) -> tuple[str, ...]:
    wanted = said.get("type", ())
    return (wanted,) if isinstance(wanted, str) else tuple(wanted)


def _type_fits(value: Any, said: Mapping[str, Any], path: Path, schema: _Schema) -> bool:
    wanted = _types(said)
    kind = type_of(value)
    if not wanted or kind in wanted or (kind == "integer" and "number" in wanted):
        return True
    # YAML reads `no` and `1.0` as values of their own, also where a name or a word is meant
    mend = _example(said) if kind not in ("boolean", "integer", "number") or "string" not in wanted else "Quote it to make it a text."
    schema.say("PYE301", path, f"is {shown(value)}, expected {' or '.join(WORDS.get(w, w) for w in wanted)}", mend)
    return False


def _any_of(value: Any, options: Sequence[Mapping[str, Any]], path: Path, schema: _Schema) -> None:
    tried: list[list[Misfit]] = []
    for option in options:
        part = _Schema(schema.whole, schema.is_open, [])
        _check(value, option, path, part)
        if not part.found:
            return
        tried.append(part.found)
    # the alternative for this kind of value explains best what is wrong
    kind = type_of(value)
    for option, found in zip(options, tried, strict=True):
        wanted = _types(option)
        if kind in wanted or (kind == "integer" and "number" in wanted):
            schema.found.extend(found)
            return
    words = dict.fromkeys(WORDS.get(w, w) for option in options for w in (_types(option) or ("another value",)))
    schema.say("PYE301", path, f"is {shown(value)}, expected {' or '.join(words)}")


def _number(value: float, said: Mapping[str, Any], path: Path, schema: _Schema) -> None:
    low, high = said.get("minimum"), said.get("maximum")
    above, below = said.get("exclusiveMinimum"), said.get("exclusiveMaximum")
    outside = (low is not None and value < low) or (high is not None and value > high)
    if outside or (above is not None and value <= above) or (below is not None and value >= below):
        schema.say("PYE302", path, f"is {value!r}, which is out of range", _range(said))
    step = said.get("multipleOf")
    if step and value % step:
        schema.say("PYE302", path, f"is {value!r}, which is no multiple of {step}")


def _range(said: Mapping[str, Any]) -> str:
    parts = [
        f"{words} {said[key]}"
        for key, words in (("minimum", "at least"), ("exclusiveMinimum", "more than"), ("maximum", "at most"), ("exclusiveMaximum", "less than"))
        if key in said
    ]
    return f"Write a number of {' and '.join(parts)}." if parts else ""


def _text(value: str, said: Mapping[str, Any], path: Path, schema: _Schema) -> None:
    _size(len(value), ("minLength", "maxLength"), "characters", said, path, schema)
    pattern = said.get("pattern")
    if pattern is not None:
        form = _pattern(pattern)
        if form is not None and not form.search(value):
            schema.say("PYE304", path, f"is {shown(value)}, which does not match the pattern `{pattern}`", _example(said))


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text)
    except re.error:
        # a pattern of another dialect is its author's affair, not the flow's
        return None


def _list(value: Sequence[Any], said: Mapping[str, Any], path: Path, schema: _Schema) -> None:
    _size(len(value), ("minItems", "maxItems"), "items", said, path, schema)
    first: Sequence[Any] = said.get("prefixItems", ())
    items = said.get("items")
    for at, item in enumerate(value):
        if at < len(first):
            _check(item, first[at], (*path, at), schema)
        elif isinstance(items, Mapping):
            _check(item, items, (*path, at), schema)
        elif items is False:
            schema.say("PYE304", (*path, at), f"is one item too many: the list has {len(first)}")
            break
    if said.get("uniqueItems"):
        for at, item in enumerate(value):
            if any(_same(item, other) for other in value[:at]):
                schema.say("PYE304", (*path, at), f"is {shown(item)}, which stands in the list already")
                break


def _mapping(value: Mapping[Any, Any], said: Mapping[str, Any], path: Path, schema: _Schema) -> None:
    named: Mapping[str, Any] = said.get("properties", {})
    other = said.get("additionalProperties", True)
    _size(len(value), ("minProperties", "maxProperties"), "entries", said, path, schema)
    for name in said.get("required", ()):
        if name not in value:
            schema.say("PYE306", path, f"lacks `{name}`", "Write it.")
    for name, item in value.items():
        if not isinstance(name, str):
            schema.say("PYE301", path, f"has the key {name!r}, expected text", f'Quote it: `"{name}"`.')
        elif name in named:
            _check(item, named[name], (*path, name), schema)
        elif other is False:
            hint = did_you_mean(name, named)
            schema.say("PYE305", (*path, name), "is not known here", hint[:1].upper() + hint[1:])
        elif isinstance(other, Mapping):
            _check(item, other, (*path, name), schema)


def _size(size: int, keys: tuple[str, str], what: str, said: Mapping[str, Any], path: Path, schema: _Schema) -> None:
    low, high = said.get(keys[0], 0), said.get(keys[1])
    if size < low:
        schema.say("PYE304", path, "is empty" if low == 1 else f"has {size} {what}, expected at least {low}")
    elif high is not None and size > high:
        schema.say("PYE304", path, f"has {size} {what}, expected at most {high}")


def _same(one: Any, other: Any) -> bool:
    return type_of(one) == type_of(other) and bool(one == other)


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(f"`{'null' if each is None else str(each).lower() if isinstance(each, bool) else each}`" for each in values)


def _near(value: Any, options: Sequence[Any]) -> str:
    words = [each for each in options if isinstance(each, str)]
    hint = did_you_mean(value, words) if isinstance(value, str) else ""
    return hint[:1].upper() + hint[1:] if hint.startswith("did") else ""


def example(said: Mapping[str, Any]) -> str:
    """The first example of a schema, in backquotes, as it is written in a file; empty without one."""
    examples = said.get("examples")
    if not isinstance(examples, Sequence) or not examples:
        return ""
    return f"`{examples[0] if isinstance(examples[0], str) else json.dumps(examples[0], ensure_ascii=False)}`"


def _example(said: Mapping[str, Any]) -> str:
    shown_example = example(said)
    return f"For example: {shown_example}." if shown_example else ""
