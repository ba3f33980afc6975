"""Plain data → a Flow, and every refusal of the models as a Problem with its place.

The models say what is allowed; here their errors become sentences: the key path in words, what was
expected, what was found, and the nearest known key. All problems are reported, not the first.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from pypeline.schema.flow import Flow
from pypeline.schema.marks import Marks
from pypeline.schema.problems import Path, Problem, did_you_mean, path_text
from pypeline.schema.scalars import resolve, text_of

# keys of other tools and older drafts → ours
_OTHER_WORDS = {
    "version": "format", "nodes": "modules", "steps": "modules", "tasks": "modules", "edges": "connections", "links": "connections",
    "layout": "canvas", "type": "name", "module": "name", "params": "configs", "parameters": "configs", "args": "configs",
}  # fmt: skip


def build(data: dict[str, Any], marks: Marks) -> tuple[Flow | None, list[Problem]]:
    """The Flow of ``data``, or all that keeps it from being one."""
    try:
        return Flow.model_validate(data, by_alias=True, by_name=False).with_marks(marks), []
    except ValidationError as refused:
        problems = [_problem(error, data, marks) for error in refused.errors(include_url=False)]
        return None, problems


def _problem(error: Any, data: Any, marks: Marks) -> Problem:
    kind: str
    kind, context = error["type"], error.get("ctx", {})
    path, found = _path(error["loc"], data)
    where = f"`{path_text(path)}`" if path else "the flow"
    place = marks.place(path, module=_module_id(path, data))
    if kind == "int_type" and isinstance(found, float) and not math.isfinite(found):
        kind = "finite_number"
    if kind == "missing":
        return Problem("PYE131", f"{where} is missing", place, f"Write `{path[-1]}:` and a value.")
    if kind == "extra_forbidden":
        return _unknown_key(path, marks, place.module)
    if kind == "literal_error":
        words = list(get_args(_walk(path)))
        hint = did_you_mean(found, words) if isinstance(found, str) else ""
        mend = f"{hint[:1].upper()}{hint[1:]}" if hint.startswith("did") else "Write one of them."
        choice = " or ".join(f"`{word}`" for word in words)
        return Problem("PYE134", f"{where}: expected {choice}, found {_shown(found)}", place, mend)
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number"):
        return Problem("PYE133", f"{where}: {text_of(found)} is out of range", place, f"Write a number {_range(path)}.")
    if kind == "string_too_short":
        return Problem("PYE133", f"{where} is empty", place, "Write a value.")
    if kind == "value_error":
        return Problem("PYE135", f"{where}: {context['error']}, found {_shown(found)}", place, "Quote the link and write it in that form.")
    expected = _EXPECTED.get(kind)
    if expected is None:
        return Problem("PYE132", f"{where}: {error['msg']}", place, "Check the value.")
    if path[:1] in (("finally",), ("on_error",)):
        mend = "Write the ids of modules that stand under `modules`."
        return Problem(
            "PYE132",
            f"{where}: expected {expected}, the id of a module, found {_shown(found)}"
            if kind == "string_type"
            else f"{where}: expected {expected}, found {_shown(found)}",
            place,
            mend,
        )
    return Problem("PYE132", f"{where}: expected {expected}, found {_shown(found)}", place, _mend(kind, found))


_EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def _mend(kind: str, found: Any) -> str:
    if kind == "bool_type" and isinstance(found, str) and found.lower() in ("yes", "on", "y", "no", "off", "n"):
        return f"Write `{'true' if found.lower() in ('yes', 'on', 'y') else 'false'}`."
    if kind == "string_type" and isinstance(found, bool | int | float):
        return f'Quote it: "{text_of(found)}".'
    if kind in ("int_type", "float_type") and isinstance(found, str) and not isinstance(resolve(found), str):
        return "Write the number without quotes."
    if kind == "tuple_type" and not isinstance(found, dict | list):
        return f"Write a list: [{found}]." if isinstance(found, str) and found.isidentifier() else "Write a list: `- …` lines, or […]."
    return "Change the value or remove the key."


def _shown(value: Any) -> str:
    """A value as an error names it: kind and text."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"text `{value if len(value) <= 60 else value[:60] + '…'}`"
    return f"`{text_of(value)}`"


def _path(location: tuple[str | int, ...], data: Any) -> tuple[Path, Any]:
    """Pydantic's location without the names of union members, and the value that stands there."""
    path: list[str | int] = []
    value = data
    for number, part in enumerate(location):
        if (isinstance(value, dict) and part in value) or (isinstance(value, list) and isinstance(part, int) and part < len(value)):
            value = value[part]  # type: ignore[index]
        elif number == len(location) - 1 and isinstance(value, dict):
            value = None  # a missing key
        else:
            continue
        path.append(part)
    return tuple(path), value


def _module_id(path: Path, data: Any) -> str:
    """The id of the module that a path leads into, as far as it has one."""
    if len(path) < 2 or path[0] != "modules" or not isinstance(path[1], int):
        return ""
    module = data["modules"][path[1]]
    id = module.get("id") if isinstance(module, dict) else None
    return id if isinstance(id, str) else ""


def _unknown_key(path: Path, marks: Marks, module: str) -> Problem:
    key, parent = str(path[-1]), path[:-1]
    model = _model(parent)
    known = [field.alias or name for name, field in model.model_fields.items()] if model is not None else []
    hint = did_you_mean(key, known)
    if not hint.startswith("did") and _OTHER_WORDS.get(key) in known:
        hint = f"did you mean `{_OTHER_WORDS[key]}`?"
    if parent and parent[-1] == "configs":
        hint = f"put it under `{path_text((*parent, 'required'))}` or `{path_text((*parent, 'optional'))}`."
    within = f" in `{path_text(parent)}`" if parent else ""
    return Problem("PYE130", f"unknown key `{key}`{within}", marks.key_place(path, module=module), f"{hint[:1].upper()}{hint[1:]}" or "Remove it.")


def _model(path: Path) -> type[BaseModel] | None:
    """The model class whose keys stand under ``path``."""
    found = _walk(path)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _range(path: Path) -> str:
    """The allowed range of the number at ``path``, in words."""
    limits: dict[str, Any] = {}
    _walk(path, lambda part: limits.update({name: getattr(part, name) for name in ("ge", "gt", "le", "lt") if getattr(part, name, None) is not None}))
    if "ge" in limits and "le" in limits:
        return f"from {limits['ge']} to {limits['le']}"
    words = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))
    return " and ".join(f"{word} {limits[name]}" for name, word in words if name in limits)


def _walk(path: Path, note: Callable[[Any], None] = lambda part: None) -> Any:
    """The bare type at ``path`` below Flow; ``note`` sees the annotations of its last step."""
    at: Any = Flow
    for number, part in enumerate(path):
        at = _bare(at)
        last = note if number == len(path) - 1 else (lambda part: None)
        if isinstance(at, type) and issubclass(at, BaseModel):
            field = _field(at, str(part))
            if field is None:
                return None
            for item in field.metadata:
                last(item)
            at = field.annotation
        elif get_origin(at) is dict:
            at = get_args(at)[1]
        elif get_origin(at) is tuple:
            at = get_args(at)[0]
        else:
            return None
        at = _bare(at, last)
    return at


def _field(model: type[BaseModel], key: str) -> FieldInfo | None:
    for name, field in model.model_fields.items():
        if key == (field.alias or name):
            return field
    return None


def _bare(kind: Any, note: Callable[[Any], None] = lambda part: None) -> Any:
    """A type without ``Annotated`` and ``| None``; of a union the model, as only its keys are asked for."""
    while True:
        if get_origin(kind) is Annotated:
            for item in get_args(kind)[1:]:
                for inner in getattr(item, "metadata", ()):
                    note(inner)
                note(item)
            kind = get_args(kind)[0]
        elif get_origin(kind) in (Union, types.UnionType):
            members = [_bare(member, note) for member in get_args(kind) if member is not type(None)]
            models = [member for member in members if isinstance(member, type) and issubclass(member, BaseModel)]
            kind = (models or [member for member in members if get_origin(member) is Literal] or members)[0]
        else:
            return kind
