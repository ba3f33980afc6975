"""Filling variables into module configs when a run is planned.

A text with references to context and run only is filled now. A text in which a global, a secret, the
environment or an iteration item stands stays a template, whole, and is filled once at run time: one
pass, so that no value is ever scanned again. Expressions and SQL stay text; their variables are
bound as values. Code is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pypeline.core import configs, variables, variables_shell
from pypeline.core.facts import Facts
from pypeline.core.modules import ModuleDecl
from pypeline.core.variables import Reference, VariableError
from pypeline.schema.flow import Module
from pypeline.schema.marks import Marks
from pypeline.schema.problems import Path, Place, PypeError
from pypeline.schema.record import record

_NONE: Mapping[str, Any] = {}


@record(quick=True)
class Filled:
    """A module's config, ready to be planned with. ``identity`` is what its fingerprint sees:
    the filled config, with the run's id and all that is filled later still as templates."""

    configs: Mapping[str, Any]
    variables: Mapping[str, Any]
    globals_read: tuple[str, ...]
    templates: tuple[Path, ...]
    identity: Mapping[str, Any]
    secrets: tuple[Path, ...] = ()


class Templates:
    """Fills configs from the context of one run."""

    def __init__(self, facts: Facts, run_id: str) -> None:
        self._context = {f"context.{name}": value for name, value in facts.context.items()}
        self._values = {**self._context, "run.id": run_id}
        self._stable = {**self._context, "run.id": "{{run.id}}"}
        self._bare: dict[str, Filled] = {}

    def fill(self, module: Module, decl: ModuleDecl, marks: Marks, at: int) -> Filled:
        """``module``'s config with defaults and variables. ``at`` is its place in the flow.

        Raises:
            PypeError: an unknown context variable.
        """
        bare = self._bare.get(decl.name)
        if bare is None:
            own = configs.defaults(decl.json_schema)
            bare = self._bare[decl.name] = Filled(own, _NONE, (), (), own)
        required, optional = module.configs.required, module.configs.optional
        if not required and not optional:
            # modules of a type that say nothing share one config
            return bare
        flat = {**bare.configs, **required, **optional}
        if configs.has_floats(required) or configs.has_floats(optional):
            # 1e3 is an integer in JSON Schema and a float in Python
            flat = configs.replaced(flat, configs.integers(flat, decl.json_schema))
        if not (configs.has_braces(required) or configs.has_braces(optional)):
            return Filled(flat, _NONE, (), (), flat)
        changed: dict[Path, Any] = {}
        stable: dict[Path, Any] = {}
        bound: dict[str, Any] = {}
        read: dict[str, None] = {}
        late: list[Path] = []
        secret: list[Path] = []
        for text in configs.texts(flat, decl.json_schema):
            if "{{" not in text.text or text.editor == "code":
                continue
            if text.editor == "secret":
                secret.append(text.path)
                continue
            place = marks.place(("modules", at, "configs", "required" if text.path[0] in required else "optional", *text.path), module.id)
            refs = self._references(text.text, place)
            now = all(ref.kind in ("context", "run") for ref in refs)
            if text.editor in configs.BOUND or not now:
                bound |= self._bind(refs, text.text, place)
                read |= dict.fromkeys(ref.name for ref in refs if ref.kind == "global")
                if text.editor not in configs.BOUND:
                    late.append(text.path)
                continue
            changed[text.path] = self._filled(text, self._values, place)
            stable[text.path] = self._filled(text, self._stable, place) if any(ref.kind == "run" for ref in refs) else changed[text.path]
        made = configs.replaced(flat, changed)
        identity: dict[str, Any] = configs.replaced(flat, stable)
        if bound:
            identity = {"configs": identity, "variables": {key: value for key, value in bound.items() if key != "run.id"}}
        return Filled(made, bound, tuple(read), tuple(late), identity, tuple(secret))

    def bound(self, text: str, place: Place) -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
        """The values bound in an expression now, and what it needs at run time: globals, and names of
        the loop's item.

        Raises:
            PypeError: an unknown context variable.
        """
        refs = self._references(text, place)
        globals, items = (tuple(dict.fromkeys(ref.name for ref in refs if ref.kind == kind)) for kind in ("global", "iter"))
        return self._bind(refs, text, place), globals, items

    def _bind(self, refs: list[Reference], text: str, place: Place) -> dict[str, Any]:
        try:
            return {ref.key: variables.value_of(ref, self._values) for ref in refs if ref.kind in ("context", "run")}
        except VariableError as error:
            raise PypeError(error.problem(place, text)) from error

    def _filled(self, text: configs.Text, values: Mapping[str, Any], place: Place) -> Any:
        try:
            return text.fitting((variables_shell.substitute_shell if text.editor == "shell" else variables.substitute)(text.text, values))
        except VariableError as error:
            raise PypeError(error.problem(place, text.text)) from error

    def _references(self, text: str, place: Place) -> list[Reference]:
        try:
            return variables.find(text)
        except VariableError as error:
            raise PypeError(error.problem(place, text)) from error
