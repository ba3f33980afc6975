"""Module configs: the fields of the type, in the right half, with values that fit, and expressions.

Values are held against the JSON Schema in the type's declaration. A text that is one variable stands
for its value where the context is known, and for any value where it is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pypeline.core import configs, variables
from pypeline.core.checks.finding import Finding
from pypeline.core.checks.values import Misfit, example, misfits
from pypeline.core.modules import ModuleDecl
from pypeline.core.relation import port_alias
from pypeline.core.texterror import TextError
from pypeline.core.variables_context import known_now
from pypeline.schema.flow import Module
from pypeline.schema.problems import Fix, Path, Place, did_you_mean


def modules(finding: Finding) -> None:
    """The configs of all modules whose type is known."""
    for module in finding.flow.modules:
        decl = finding.catalogue.types.get(module.name)
        if decl is not None:
            _halves(finding, module, decl)
            _values(finding, module, decl)
            _languages(finding, module, decl)


def _place(finding: Finding, module: Module, path: Path) -> tuple[Place, str]:
    half = "required" if path and path[0] in module.configs.required else "optional"
    full: Path = ("configs", half, *path) if path else ("configs",)
    place = finding.module_place(module.id, *full)
    return place, spelled(place.path)


def spelled(path: Path) -> str:
    """A key path as people write it: ``modules[2].configs.required.rows``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _halves(finding: Finding, module: Module, decl: ModuleDecl) -> None:
    known = decl.fields
    required = set(decl.required)
    both = module.configs.required.keys() & module.configs.optional.keys()
    for half, values in (("required", module.configs.required), ("optional", module.configs.optional)):
        right = "optional" if half == "required" else "required"
        for name, value in values.items():
            path: Path = ("modules", finding.at[module.id], "configs", half, name)
            place = finding.flow.marks.place(path, module.id)
            if name not in known:
                hint = did_you_mean(name, known)
                finding.say(
                    "PYE305", f"`{module.name}` has no field `{name}`", place, hint[:1].upper() + hint[1:] or "The type has no fields.",
                    Fix(f"Remove `{name}`", path),
                )  # fmt: skip
            elif name in both and half == "optional":
                finding.say(
                    "PYE307",
                    f"`{name}` stands under `required` and again under `optional`",
                    place,
                    "Remove one of the two.",
                    Fix(f"Remove `{name}` here", path),
                )
            elif (name in required) != (half == "required") and name not in both:
                finding.say(
                    "PYE307", f"`{name}` of `{module.name}` is {'required' if name in required else 'optional'} and stands under `{half}`", place,
                    f"Write it under `configs.{right}`.", Fix(f"Move it to `{right}`", (*path[:-2], right, name), value, path), Fix("Remove it here", path),
                )  # fmt: skip
    given = module.configs.flat()
    for name in decl.required:
        if name not in given:
            finding.say(
                "PYE306", f"`{module.id}` ({module.name}) needs `{name}`", finding.module_place(module.id, "configs"),
                f"Write it under `configs.required`{_about(known.get(name, {}))}.",
            )  # fmt: skip


def _about(said: Mapping[str, Any]) -> str:
    shown = example(said)
    return f", for example {shown}" if shown else ""


def _values(finding: Finding, module: Module, decl: ModuleDecl) -> None:
    whole = decl.json_schema or {}
    fields = decl.fields
    for name, value in _with_context(finding, module.configs.flat(), decl).items():
        said = fields.get(name)
        if not isinstance(said, Mapping):
            continue
        for misfit in misfits(value, said, whole, _is_open):
            _report(finding, module, name, misfit)


def _report(finding: Finding, module: Module, name: str, misfit: Misfit) -> None:
    place, where = _place(finding, module, (name, *misfit.path))
    finding.say(misfit.code, f"`{where}` {misfit.message}", place, misfit.mend)


def _is_open(text: str) -> bool:
    """Whether ``text`` holds a variable whose value is not known yet."""
    return "{{" in text


def _with_context(finding: Finding, config: Mapping[str, Any], decl: ModuleDecl) -> Mapping[str, Any]:
    """``config`` with its context variables filled in, where a context is given."""
    if finding.context is None or not configs.has_braces(config):
        return config
    known = {f"context.{name}": each for name, each in known_now(finding.context).items()}
    filled: dict[Path, Any] = {}
    for text in configs.texts(config, decl.json_schema):
        # what fails is reported, with its place, where variables are checked
        with suppress(variables.VariableError):
            filled[text.path] = text.fitting(variables.substitute(text.text, known)) if "{{" in text.text else text.text
    return configs.replaced(config, filled)


def _languages(finding: Finding, module: Module, decl: ModuleDecl) -> None:
    """Expressions and SQL: syntax and what is allowed in them. Columns and types need tables."""
    for text in configs.texts(module.configs.flat(), decl.json_schema):
        wrong: TextError | None
        if text.editor in configs.EXPRESSIONS:
            from pypeline.core import expressions

            wrong = expressions.check(text.text, aggregates=text.editor == "aggregate")
        elif text.editor == "sql":
            from pypeline.core import sqlcheck

            wrong = sqlcheck.check(text.text, _tables(finding, module, decl, text))
        else:
            continue
        if wrong is not None:
            finding.problems.append(wrong.problem(_place(finding, module, text.path)[0], text.text))


def _tables(finding: Finding, module: Module, decl: ModuleDecl, text: configs.Text) -> list[str]:
    """What SQL of ``module`` may call its inputs: a port, and ``port$2`` … where a port takes many; or the names
    that another field of the config gives them, in order."""
    said = text.hint.get("tables")
    named = module.configs.flat().get(said, ()) if said else ()
    counts = dict.fromkeys(decl.input_ports, 0)
    for link in finding.graph.links_into[module.id]:
        if link.target_port in counts:
            counts[link.target_port] += 1
    aliases = [port_alias(port, index) for port, count in counts.items() for index in range(max(count, 1))]
    return [*named[: len(aliases)], *aliases[len(named) :]] if isinstance(named, list) else aliases
