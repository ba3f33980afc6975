"""Writes ``resources/declarations.json``: what the built-in types say of themselves, for readers that import none.

``python -m pypeline.palette.declarations`` after every change of a built-in type; a test holds the file equal to the classes.
"""

from __future__ import annotations

import json
import pkgutil
from importlib import import_module
from importlib.resources import files

from pypeline import palette
from pypeline.sdk import BaseModule, declare, to_registry


def built_ins() -> dict[str, type[BaseModule]]:
    """Type name → class of every built-in, in name order."""
    found: dict[str, type[BaseModule]] = {}
    for room in pkgutil.iter_modules(palette.__path__):
        if not room.ispkg:
            continue
        package = import_module(f"{palette.__name__}.{room.name}")
        for entry in pkgutil.iter_modules(package.__path__):
            module = import_module(f"{package.__name__}.{entry.name}")
            for value in vars(module).values():
                if isinstance(value, type) and issubclass(value, BaseModule) and value.__module__ == module.__name__:
                    found[entry.name] = value
    return dict(sorted(found.items()))


def text() -> str:
    """The file's text: one registry entry a type."""
    entries = {name: to_registry(declare(cls, name, cls.__module__)) for name, cls in built_ins().items()}
    return json.dumps(entries, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    target = files("pypeline.resources") / "declarations.json"
    target.write_text(text(), encoding="utf-8")  # type: ignore[attr-defined]
