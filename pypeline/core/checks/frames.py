"""What stands in a loop: files of its own for every frame, and columns that the item has."""

from __future__ import annotations

from collections.abc import Iterator

from pypeline.core import configs
from pypeline.core.checks.finding import Finding
from pypeline.core.collecting import same_in, target
from pypeline.core.modules import Effects
from pypeline.core.scopes import Scopes, item_port, scopes
from pypeline.core.variables import Reference, VariableError, find
from pypeline.schema.flow import Module
from pypeline.schema.problems import capital, did_you_mean

INDEX = "index"
"""What every item has beside its columns."""


def frames(finding: Finding) -> None:
    """Targets that every frame would write anew (flow-language.md §5), and names that the item does not have."""
    if not any(edge.spec.trigger == "iterate" for edge in finding.graph.edges):
        return
    found = scopes(finding.graph)
    known = {edge.index: _columns(finding, edge.link.source) for edge in finding.graph.edges if edge.spec.trigger == "iterate"}
    for module in finding.flow.modules:
        loops = found.loops_of(module.id)
        if loops and module.enabled:
            _target(finding, found, module, loops)
            columns = [known[loop] for loop in loops]
            if all(columns):
                _items(finding, module, {INDEX, *(name for names in columns for name in names)})
    for edge in finding.graph.edges:
        columns = [known[each.index] for each in found.around(found.inner[edge.source])]
        if edge.spec.condition is not None and columns and all(columns):
            names = {INDEX, *(name for names in columns for name in names)}
            for ref in _references(edge.spec.condition):
                if ref.name not in names:
                    message = f"the item has no column `{ref.name}`, which the condition of `{edge.link}` reads"
                    finding.say("PYE279", message, finding.control_place(edge.index), capital(did_you_mean(ref.name, names)))


def _target(finding: Finding, found: Scopes, module: Module, loops: list[int]) -> None:
    decl = finding.decl(module.id)
    if decl is None or decl.kind != "sink" or decl.effects is not Effects.WRITES:
        return
    flat = {**configs.defaults(decl.json_schema), **module.configs.flat()}
    named = target(flat)
    if named is None or flat.get("mode") not in ("create", "replace"):
        return
    loop = same_in(named[1], loops, found.loops_of)
    if loop is None:
        return
    edge = next(edge for edge in finding.graph.edges if edge.index == loop)
    half = "required" if named[0] in module.configs.required else "optional"
    finding.say(
        "PYE278", f"`{module.id}` would {flat['mode']} the same file in every frame of `{edge.link}`",
        finding.module_place(module.id, "configs", half, named[0]),
        "Put something of the item into the path, like `{{iter.index}}`, or say `mode: append` to collect the rows of all frames.",
    )  # fmt: skip


def _items(finding: Finding, module: Module, names: set[str]) -> None:
    decl = finding.decl(module.id)
    for text in configs.texts(module.configs.flat(), decl.json_schema if decl is not None else None):
        if text.editor == "code":
            continue
        for ref in _references(text.text):
            if ref.name not in names:
                half = "required" if text.path[0] in module.configs.required else "optional"
                message = f"`{module.id}` reads `{{{{{ref.key}}}}}`, and the item has no column `{ref.name}`"
                finding.say("PYE279", message, finding.module_place(module.id, "configs", half, *text.path), capital(did_you_mean(ref.name, names)))


def _references(text: str) -> Iterator[Reference]:
    if "{{" not in text:
        return
    try:
        yield from (ref for ref in find(text) if ref.kind == "iter")
    except VariableError:
        return  # the check of variables says so


def _columns(finding: Finding, source: str) -> frozenset[str]:
    """The columns of the table that an iterate link from ``source`` goes over, where its type or its config
    says them all; else nothing."""
    decl = finding.decl(source)
    if decl is None:
        return frozenset()
    fixed = decl.columns.get(item_port(decl, finding.modules[source]))
    if fixed:
        return frozenset(fixed)
    flat = finding.modules[source].configs.flat()
    declared = flat.get("columns")
    if decl.kind != "source" or not decl.relational or not isinstance(declared, dict) or not declared:
        return frozenset()
    return frozenset(declared) | {value for name, value in flat.items() if name.endswith("_column") and isinstance(value, str)}
