"""What a module has by its type and by its config together: ports, globals, and the part it plays among its links.

A declaration's ``port_rules`` are data. A port's own rule holds the words ``many`` (any number of links) and
``optional`` (none will do). ``inputs_from``, ``outputs_from`` and ``globals_from`` say where the config names more of
them: ``optional.outputs[].name`` goes through a list, ``required.variables{}`` through the keys of a mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pypeline.core.modules import Kind, ModuleDecl
from pypeline.core.results import FAILURE_GLOBALS
from pypeline.schema.flow import Configs, Module


def input_ports(decl: ModuleDecl, module: Module) -> tuple[str, ...]:
    """The input ports of ``module``: those of its type, then those its config names."""
    return _with(decl.input_ports, decl, module, "inputs_from")


def output_ports(decl: ModuleDecl, module: Module) -> tuple[str, ...]:
    """The output ports of ``module``: those of its type, then those its config names."""
    return _with(decl.output_ports, decl, module, "outputs_from")


def set_globals(decl: ModuleDecl, module: Module) -> tuple[str, ...]:
    """The globals that ``module`` sets; a ``*`` among them stands for any name. Every failure sets its own."""
    return (*_with(decl.globals, decl, module, "globals_from"), *FAILURE_GLOBALS)


def rule(decl: ModuleDecl, port: str) -> tuple[str, ...]:
    """The words of a port's rule: ``many``, ``optional``."""
    if port not in decl.input_ports and "inputs_from" in decl.port_rules:
        return ("optional",)
    return tuple(decl.port_rules.get(port, "").split())


def role(kind: Kind, *, fed: bool, feeds: bool) -> Kind:
    """What a module of ``kind`` is to control links. A solo may have optional ports: fed with a table it ends a sub
    flow as a sink does, feeding one it begins it as a source does, with both it stands in the middle."""
    if kind != "solo":
        return kind
    return "mod" if fed and feeds else "sink" if fed else "source" if feeds else "solo"


def named(configs: Configs, path: str) -> list[str]:
    """The texts at ``path`` in ``configs``."""
    found: list[Any] = [{"required": configs.required, "optional": configs.optional}]
    for step in path.split("."):
        key = step.removesuffix("[]").removesuffix("{}")
        found = [value[key] for value in found if isinstance(value, Mapping) and key in value]
        if step.endswith("[]"):
            found = [item for value in found if isinstance(value, (list, tuple)) for item in value]
        elif step.endswith("{}"):
            found = [item for value in found if isinstance(value, Mapping) for item in value]
    return [value for value in found if isinstance(value, str)]


def _with(own: Iterable[str], decl: ModuleDecl, module: Module, key: str) -> tuple[str, ...]:
    path = decl.port_rules.get(key, "")
    return tuple(dict.fromkeys([*own, *(named(module.configs, path) if path else ())]))
