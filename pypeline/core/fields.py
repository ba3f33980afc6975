"""What a config field is for, beyond its Python type: hints for check, templater and inspector.

A module type's config model annotates its fields with these; they land in the JSON Schema under
``x-pype`` and so in the registry, which is all that planner, checker and window ever read::

    condition: Annotated[str, expression("input")]
    file_path: Annotated[str, path("open")]
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from pypeline.core.hints import HINT


class ModuleConfig(BaseModel):
    """Base of a module type's config model: frozen, no unknown keys, and as strict as its JSON Schema."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


def _hint(editor: str, **more: Any) -> Any:
    info: FieldInfo = Field(json_schema_extra={HINT: {"editor": editor, **{k: v for k, v in more.items() if v is not None}}})
    return info


def expression(port: str | None = None, result: str | None = None) -> Any:
    """One scalar expression over ``port``'s columns; ``result`` names the type it must have."""
    return _hint("expression", port=port, result=result)


def aggregate(port: str = "input") -> Any:
    """One expression in which aggregate functions may stand."""
    return _hint("aggregate", port=port)


def sql(tables: str | None = None) -> Any:
    """One SELECT over the input ports; variables in it are bound as values. ``tables`` is the config field that gives
    the inputs other names, a list in the order of the links."""
    return _hint("sql", tables=tables)


def column(port: str = "input") -> Any:
    """The name of one column of ``port``."""
    return _hint("column", port=port)


def columns(port: str = "input") -> Any:
    """Names of columns of ``port``: the items of a list, or the keys of a mapping."""
    return _hint("columns", port=port)


def new_column() -> Any:
    """The name of a column this module adds."""
    return _hint("new_column")


def path(mode: str = "open", format: str | None = None) -> Any:
    """A file or folder path: ``open``, ``save``, ``folder`` or ``code`` (a Python file); relative ones start at the
    flow's folder. An ``open`` field of a source is looked at before planning; ``format`` says what its files are:
    ``csv`` has the header row read, and the types found where none are declared."""
    return _hint("path", mode=mode, format=format)


def code(language: str = "python") -> Any:
    """Source text; the templater leaves it alone."""
    return _hint("code", language=language)


def shell() -> Any:
    """A command line for /bin/sh: the value of a variable in it becomes one quoted word."""
    return _hint("shell")


def multiline() -> Any:
    """A long text."""
    return _hint("multiline")


def types(port: str | None = None) -> Any:
    """A mapping column → type in our vocabulary."""
    return _hint("types", port=port)


def unit(name: str) -> Any:
    """What a number counts: ``rows``, ``bytes``, ``seconds`` …"""
    return _hint("number", unit=name)
