"""The flows that a flow runs by ``run_flow``: read, looked through, and held against what is asked of them.

In: a flow, and the folder it lies in. Out: problems, each at the module that names the other flow; or the flow behind
such a module. Files are read only below the folder of the flow that a person started: a project is whole, and
nothing beside it is looked at.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pypeline.core.catalogue import Catalogue
from pypeline.core.check import check as core_check
from pypeline.core.configs import texts
from pypeline.core.graph import PipelineGraph
from pypeline.core.plan import Plan
from pypeline.core.scopes import scopes
from pypeline.core.tasks import FLOW
from pypeline.core.variables import VariableError, as_text, find, substitute
from pypeline.runner import registry
from pypeline.schema.flow import Flow, FlowPort, Module
from pypeline.schema.problems import Fix, Place, Problem, PypeError, capital, did_you_mean, errors
from pypeline.schema.reader import read_file
from pypeline.schema.record import record

INPUT, OUTPUT = "flow_input", "flow_output"
TABLE = "table"
DEEPEST = 32
"""Flows inside flows; more is a circle that no file shows."""
_TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str,), "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "list": (list,), "any": (object,),
}  # fmt: skip


@record
class Child:
    """A flow that another runs: its file, where its relative paths start, and the types it may use."""

    path: Path
    flow: Flow

    @property
    def folder(self) -> Path:
        """Where its relative paths start: beside its file, as when it runs by itself."""
        return self.path.parent

    @property
    def catalogue(self) -> Catalogue:
        """The module types of its folder."""
        return registry.load(self.folder)


def tables(ports: tuple[FlowPort, ...]) -> dict[str, FlowPort]:
    """The ports among ``ports`` that carry tables."""
    return {port.name: port for port in ports if port.type == TABLE}


def parameters(flow: Flow) -> dict[str, FlowPort]:
    """The parameters that ``flow`` declares."""
    return {port.name: port for port in flow.flow.inputs if port.type != TABLE}


def read(named: str, folder: Path, root: Path) -> Child:
    """The flow ``named`` by a module of the flow in ``folder``; it must lie below ``root``.

    Raises:
        PypeError: it lies elsewhere (PYE280), or is no regular file or no flow (PYE282).
    """
    place = Place(path=("flow",))
    inside = Path(os.path.realpath(root))
    path = Path(os.path.realpath(folder / named))
    if "://" in named or "\0" in named or os.path.isabs(named) or not path.is_relative_to(inside):
        raise PypeError(Problem("PYE280", f"the flow `{named}` is outside the project", place, "Put it into the project's folder and name it from here."))
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        near = did_you_mean(path.name, [file.name for file in path.parent.glob("*.y*ml")]) if path.parent.is_dir() else ""
        mend = capital(near) or "Correct the path; it starts at this flow's folder."
        raise PypeError(Problem("PYE282", f"the flow `{named}` cannot be read: {error.strerror}", place, mend)) from error
    if not regular:
        raise PypeError(Problem("PYE282", f"the flow `{named}` is not a regular file", place, "Name a flow file."))
    result = read_file(path)
    if result.flow is None:
        raise PypeError(broken(named, result.problems))
    return Child(path, result.flow)


def path_of(module: Module, folder: Path, context: Mapping[str, Any]) -> Path | None:
    """The file of the flow that ``module`` of a flow in ``folder`` runs; None where it runs none, or none that is known before a run."""
    if module.name != FLOW or not isinstance(module.configs.flat().get("flow"), str):
        return None
    try:
        return folder / _named(module, context)
    except PypeError:
        return None


def check(flow: Flow, folder: Path, context: Mapping[str, Any] | None = None) -> list[Problem]:
    """What is wrong with the flows that ``flow`` runs, and with its own ports for one that runs it."""
    return [*_ends(flow), *runs(flow, folder, context)]


def runs(flow: Flow, folder: Path, context: Mapping[str, Any] | None = None) -> list[Problem]:
    """What is wrong with the flows that ``flow`` runs; its own ports apart, which a part of a flow may lack."""
    look = _Look(folder)
    file = os.path.realpath(flow.marks.file) if flow.marks.file else ""
    look.through(flow, folder, context, (((flow.marks.file and Path(flow.marks.file).name) or flow.flow.name, file),))
    return look.problems


def files(flow: Flow, folder: Path, context: Mapping[str, Any]) -> dict[str, list[Child]]:
    """By module of ``flow``: the flow that it runs and all that this runs in turn, each once.

    Raises:
        PypeError: one cannot be read.
    """
    found: dict[str, list[Child]] = {}
    for module in _runs(flow):
        waiting = [(read(_named(module, context), folder, folder), dict(_given(module, context)))]
        seen: dict[Path, Child] = {}
        while waiting:
            child, given = waiting.pop()
            if child.path in seen:
                continue
            seen[child.path] = child
            values = _context(child, given)
            waiting += [(read(_named(inner, values), child.folder, folder), dict(_given(inner, values))) for inner in _runs(child.flow)]
        found[module.id] = list(seen.values())
    return found


def references(plan: Plan) -> frozenset[str]:
    """All that secret fields refer to in the flows that ``plan`` runs, as far as these are known before it runs."""
    sources = [module.source for module in plan.modules.values() if module.type == FLOW and module.source is not None]
    files = {Path(plan.folder, file.path) for source in sources for file in source.files}
    found: set[str] = set()
    for flow, catalogue in ((read_file(path).flow, registry.load(path.parent)) for path in sorted(files)):
        for module in flow.modules if flow is not None else ():
            schema = catalogue[module.name].json_schema if module.name in catalogue else None
            for text in texts(module.configs.flat(), schema):
                with suppress(VariableError):
                    found.update(ref.key for ref in find(text.text) if text.editor == "secret")
    return frozenset(found)


def _runs(flow: Flow) -> Iterator[Module]:
    return (module for module in flow.modules if module.name == FLOW and module.enabled and isinstance(module.configs.flat().get("flow"), str))


def _named(module: Module, context: Mapping[str, Any]) -> str:
    """The path that ``module`` names.

    Raises:
        PypeError: it holds a variable that is not known before a run (PYE282).
    """
    text = str(module.configs.flat()["flow"])
    try:
        return str(substitute(text, {f"context.{name}": value for name, value in context.items()}))
    except VariableError as error:
        message = f"which flow `{module.id}` runs must be known before a run: {error.message}"
        raise PypeError(Problem("PYE282", message, Place(path=("flow",)), "Use context variables only.")) from error


def _given(module: Module, context: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The parameters that ``module`` gives; what is known at run time only stays a text with braces, which fits anything."""
    known = {f"context.{name}": value for name, value in context.items()}
    for name, value in (module.configs.flat().get("parameters") or {}).items():
        if isinstance(value, str) and "{{" in value:
            try:
                value = substitute(value, known)
            except VariableError:
                pass
        yield name, value


def _context(child: Child, given: Mapping[str, Any], name: str = "default") -> dict[str, Any]:
    from pypeline.runner.variables import context

    return context(child.flow, child.folder, name, given)


@dataclass(slots=True)
class _Look:
    """One look through all flows below the first."""

    root: Path
    problems: list[Problem] = field(default_factory=list)

    def through(self, flow: Flow, folder: Path, context: Mapping[str, Any] | None, chain: tuple[tuple[str, str], ...]) -> None:
        at = {module.id: number for number, module in enumerate(flow.modules)}
        for module in _runs(flow):
            try:
                self._one(flow, module, folder, context or {}, chain)
            except PypeError as error:
                for problem in error.problems:
                    self.problems.append(_placed(problem, flow, module, at[module.id]))

    def _one(self, flow: Flow, module: Module, folder: Path, context: Mapping[str, Any], chain: tuple[tuple[str, str], ...]) -> None:
        named = _named(module, context)
        child = read(named, folder, self.root)
        trail = (*chain, (named, str(child.path)))
        if str(child.path) in {path for _, path in chain} or len(trail) > DEEPEST:
            told = " -> ".join(name for name, _ in trail)
            mend = "Take one of them out; what repeats belongs below an `iterate` link."
            raise PypeError(Problem("PYE281", f"flows run each other in a circle: {told}", Place(path=("flow",)), mend))
        problems = [*_ports(flow, module, child, named), *_parameters(module, child, named)]
        given = dict(_given(module, context))
        values = _context(child, given, str(module.configs.flat().get("context", "default")))
        own = errors(core_check(child.flow, child.catalogue, values))
        inner = _Look(self.root)
        inner.through(child.flow, child.folder, values, trail)
        circles = [problem for problem in inner.problems if problem.code == "PYE281"]
        problems += [Problem("PYE281", circles[0].message, Place(path=("flow",)), circles[0].mend)] if circles else []
        wrong = [*own, *_ends(child.flow), *(problem for problem in inner.problems if problem not in circles)]
        if wrong:
            problems.append(broken(named, wrong))
        if problems:
            raise PypeError(*problems)


def _ends(flow: Flow) -> Iterator[Problem]:
    """The modules at which tables of ``flow.inputs`` and ``flow.outputs`` come in and go out: one for each, in no loop."""
    scope = None
    for type, key, ports in ((INPUT, "inputs", flow.flow.inputs), (OUTPUT, "outputs", flow.flow.outputs)):
        declared = tables(ports)
        seen: dict[str, str] = {}
        for number, module in enumerate(flow.modules):
            if module.name != type:
                continue
            port = module.configs.flat().get("port")
            place = flow.marks.place(("modules", number, "configs", "required", "port"), module.id)
            if port not in declared:
                mend = capital(did_you_mean(str(port), declared)) or f"Write `{key}: [{{name: {port}}}]` under `flow`."
                yield Problem("PYE283", f"`flow.{key}` declares no table `{port}`", place, mend)
            elif (first := seen.setdefault(str(port), module.id)) != module.id:
                yield Problem("PYE283", f"`{first}` and `{module.id}` are both the port `{port}`", place, "Keep one of them.")
            elif type == OUTPUT:
                graph = scope[0] if scope else PipelineGraph(flow)
                scope = scope or (graph, scopes(graph))
                if scope[1].inner[graph.sub_flow_of[module.id]] is not None:
                    mend = "Collect the rows in the loop with a sink that does, and hand them out after it."
                    yield Problem("PYE283", f"`{module.id}` lies in a loop, and `{port}` is one table", place, mend)
        for name in declared.keys() - seen.keys():
            at = next(number for number, port in enumerate(ports) if port.name == name)
            place = flow.marks.place(("flow", key, at))
            yield Problem("PYE283", f"no `{type}` is the port `{name}` of this flow", place, f"Add a module of the type `{type}` with `port: {name}`.")


def _ports(flow: Flow, module: Module, child: Child, named: str) -> Iterator[Problem]:
    linked = {link.target_port for link in flow.connections.data if link.target == module.id}
    at = next(number for number, each in enumerate(flow.modules) if each.id == module.id)
    for key, ports in (("inputs", child.flow.flow.inputs), ("outputs", child.flow.flow.outputs)):
        declared = tables(ports)
        fix = Fix(f"Take the ports of `{named}`", ("modules", at, "configs", "optional", key), list(declared))
        asked = module.configs.flat().get(key) or []
        for port in asked if isinstance(asked, list) else []:
            if port not in declared:
                mend = capital(did_you_mean(str(port), declared)) or f"It declares no tables under `flow.{key}`."
                yield Problem("PYE283", f"`{named}` has no table `{port}` under `flow.{key}`", Place(path=(key,)), mend, fixes=(fix,))
        for name, port in declared.items() if key == "inputs" else ():
            if port.required and name not in linked:
                message = f"`{named}` needs a table at `{name}`, and no data link leads to `{module.id}.{name}`"
                yield Problem("PYE283", message, Place(path=(key,)), f"Write `inputs: [{', '.join(declared)}]`, and link the table in.", fixes=(fix,))


def _parameters(module: Module, child: Child, named: str) -> Iterator[Problem]:
    declared = parameters(child.flow)
    given = module.configs.flat().get("parameters") or {}
    for name, value in given.items() if isinstance(given, Mapping) else ():
        place = Place(path=("parameters", name))
        if name not in declared:
            mend = capital(did_you_mean(name, declared)) or f"Declare it there: `flow: {{inputs: [{{name: {name}, type: text}}]}}`."
            yield Problem("PYE284", f"`{named}` has no parameter `{name}`", place, mend)
        elif not (isinstance(value, str) and "{{" in value) and (why := misfit(declared[name], value)):
            yield Problem("PYE284", f"the parameter `{name}` of `{named}` {why}", place, "Correct the value.")
    for name, port in declared.items():
        if port.required and port.default is None and name not in given:
            yield Problem("PYE284", f"`{named}` needs the parameter `{name}`", Place(path=("parameters",)), "Write it under `parameters`.")


def fitting(port: FlowPort, value: Any) -> Any:
    """``value``, which a variable gave, as the parameter takes it: one number, truth value or date as text where text is declared."""
    one = value is not None and not isinstance(value, str | bytes | Mapping | list | tuple)
    return as_text(value) if one and port.type in ("text", "string") else value


def misfit(port: FlowPort, value: Any) -> str:
    """Why ``value`` is none for the parameter ``port``; empty if it is one."""
    wanted = _TYPES.get(port.type)
    if wanted is None:
        return f"is declared with the type `{port.type}`, which is none of {', '.join(_TYPES)}"
    if value is None:
        return "is null" if port.required else ""
    # a truth value is an integer to Python, and to nobody else
    fits = isinstance(value, wanted) and (not isinstance(value, bool) or bool in wanted or object in wanted)
    return "" if fits else f"is {value!r}, and has to be of the type {port.type}"


def broken(named: str, wrong: list[Problem] | tuple[Problem, ...]) -> Problem:
    """The one problem of a flow that cannot be run for reasons of its own."""
    first = wrong[0]
    where = ":".join(str(part) for part in (Path(first.place.file).name or named, first.place.line, first.place.column) if part)
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return Problem("PYE282", f"the flow `{named}` has errors: {first.code} {where} {first.message}{more}", Place(path=("flow",)), first.mend)


def _placed(problem: Problem, flow: Flow, module: Module, at: int) -> Problem:
    from dataclasses import replace

    half = "required" if problem.place.path[:1] and problem.place.path[0] in module.configs.required else "optional"
    return replace(problem, place=flow.marks.place(("modules", at, "configs", half, *problem.place.path), module.id))
