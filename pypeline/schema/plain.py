"""A Flow → plain data in canonical form: the models' key order, defaults left out, links as texts."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel

from pypeline.schema.flow import Cache, ControlLink, DataLink, Flow
from pypeline.schema.links import control_link_parts, data_link_parts
from pypeline.schema.scalars import same


def plain(flow: Flow) -> dict[str, Any]:
    """The whole flow as a file would hold it. ``format`` is left out when it is the newest."""
    return model_data(flow)


def model_data(model: BaseModel) -> dict[str, Any]:
    """One model as a mapping, without the keys that say their default."""
    data: dict[str, Any] = {}
    for name, key, takes_any, default, plain_default in _fields(type(model)):
        value = getattr(model, name)
        if value is default:
            continue
        found = value_data(value)
        if isinstance(found, float) and not takes_any and found.is_integer() and abs(found) < 1e15:
            found = int(found)  # seconds are written 3600, not 3600.0
        if default is _REQUIRED or not same(found, plain_default):
            data[key] = found
    for key, value in (model.model_extra or {}).items():
        data[key] = value_data(value)
    return data


def value_data(value: Any) -> Any:
    """A field's value as plain data."""
    if isinstance(value, DataLink):
        return _link(value, data_link_parts)
    if isinstance(value, ControlLink):
        return _link(value, control_link_parts)
    if isinstance(value, BaseModel):
        data = model_data(value)
        return data["mode"] if isinstance(value, Cache) and list(data) == ["mode"] else data
    if isinstance(value, dict):
        return {key: value_data(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [value_data(inner) for inner in value]
    return value


def _link(link: DataLink | ControlLink, parts: Any) -> Any:
    """The link's short text, or its parts where the text would not read back."""
    data = {name: getattr(link, name) for name in type(link).model_fields}
    try:
        return str(link) if parts(str(link)) == data else data
    except ValueError:
        return data


_REQUIRED = object()


@cache
def _fields(model: type[BaseModel]) -> list[tuple[str, str, bool, Any, Any]]:
    """Of every field: name, key in the file, whether it takes any value, its default, and that as plain data."""
    found = []
    for name, field in model.model_fields.items():
        default = _REQUIRED if field.is_required() else field.get_default(call_default_factory=True)
        plain_default = None if default is _REQUIRED else value_data(default)
        found.append((name, field.alias or name, field.annotation is Any, default, plain_default))
    return found
