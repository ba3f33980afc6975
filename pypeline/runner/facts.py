"""Gathers what planning needs from the world into frozen :class:`Facts`: context, source files, code, versions, machine.

The planner sees nothing else, so that equal facts give equal plans. A source that runs after something that writes is
left for the run itself: what its files will be is not known yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from pypeline.core.catalogue import Catalogue
from pypeline.core.configs import defaults
from pypeline.core.facts import Facts, FileFact, Machine, SourceFacts
from pypeline.core.graph import PipelineGraph
from pypeline.core.hints import HINT
from pypeline.core.modules import Effects, ModuleDecl
from pypeline.core.tasks import FLOW
from pypeline.core.variables import find, substitute
from pypeline.runner import profile, variables
from pypeline.runner.engines import machine
from pypeline.runner.imports import ROOT
from pypeline.runner.source_files import LARGE, fact, matching
from pypeline.schema.flow import Flow, Module
from pypeline.schema.problems import Place, Problem, PypeError, capital, did_you_mean, errors


def gather(
    flow: Flow,
    catalogue: Catalogue,
    folder: Path | str,
    *,
    context_name: str = variables.DEFAULT,
    sets: Mapping[str, Any] | None = None,
    deep: bool = False,
) -> Facts:
    """The facts of ``flow`` in ``folder``. ``deep`` looks into every file of a source, not only its first.

    Raises:
        PypeError: every missing or unreadable source file (PYE390, PYE391) and declared column that a file lacks
            (PYE395); a context that is unknown or broken (PYE392, PYE393), or has to be asked for (PYE398); an environment variable not set (PYE394);
            a profile that is unknown or broken (PYE277).
    """
    folder = Path(folder).resolve()
    context = variables.answered(variables.context(flow, folder, context_name, sets), flow)
    env = variables.environment(flow)
    known = {f"context.{name}": value for name, value in context.items()} | {f"env.{name}": value for name, value in env.items()}
    used = {module.name: catalogue[module.name] for module in flow.modules if module.name in catalogue}
    later = after_writers(flow, catalogue)
    sources: dict[str, SourceFacts] = {}
    problems: list[Problem] = []
    for at, module in enumerate(flow.modules):
        decl = used.get(module.name)
        if decl is None or not module.enabled:
            continue
        place = flow.marks.place(("modules", at, "configs"), module.id)
        try:
            found = _source(module, decl, folder, known, _digests(flow, module), after_writers=module.id in later, deep=deep)
        except PypeError as error:
            problems.extend(_placed(problem, flow, at, module, place) for problem in error.problems)
            continue
        if found is not None:
            sources[module.id] = found
    if not problems:
        sources |= _children(flow, folder, context)
    if problems:
        raise PypeError(*problems)
    return Facts(
        catalogue=catalogue,
        folder=str(folder),
        context=context,
        env=env,
        sources=sources,
        code={name: code_of(decl, folder) for name, decl in sorted(used.items())},
        versions=_versions(used.values()),
        machine=Machine(machine.cpus(), machine.memory()),
        profile=profile.read(flow, folder),
    )


def _children(flow: Flow, folder: Path, context: Mapping[str, Any]) -> dict[str, SourceFacts]:
    """By module the flow files that it runs: what they say is part of what the module means.

    Raises:
        PypeError: one cannot be run (PYE280–PYE284).
    """
    if not any(module.name == FLOW and module.enabled for module in flow.modules):
        return {}
    from pypeline.runner import children

    problems = errors(children.runs(flow, folder, context))
    if problems:
        raise PypeError(*problems)
    found = children.files(flow, folder, context).items()
    return {id: SourceFacts(tuple(fact(child.path, folder, "flow", content=True, most=LARGE) for child in each)) for id, each in found}


def code_of(decl: ModuleDecl, folder: Path) -> str:
    """The code hash of a module type; empty where its file is not there or is no Python (using it will say so)."""
    from pypeline.runner.codehash import code_hash

    parts = decl.module_path.split(".")
    if decl.origin == "folder":
        root = within = folder
    else:
        from importlib.util import find_spec

        spec = find_spec(parts[0])
        if spec is None or not spec.submodule_search_locations:
            return ""
        package = Path(next(iter(spec.submodule_search_locations)))
        root = package.parent
        within = root.joinpath(*ROOT.rstrip(".").split(".")) if decl.module_path.startswith(ROOT) else package
    file = root.joinpath(*parts).with_suffix(".py")
    try:
        return code_hash(file, root, within) if file.is_file() else ""
    except SyntaxError:
        return ""


def warnings(flow: Flow, facts: Facts) -> list[Problem]:
    """What a person should know of the facts: sources whose types were guessed."""
    found = []
    for at, module in enumerate(flow.modules):
        source = facts.sources.get(module.id)
        if source is not None and source.sniffed:
            types = ", ".join(f"{column.name}: {column.type}" for column in source.columns[:8]) + (", …" if len(source.columns) > 8 else "")
            place = flow.marks.place(("modules", at, "configs"), module.id)
            message = f"`{module.id}` declares no columns; found by looking at the file: {types}"
            found.append(Problem("PYE396", message, place, "Write the types into the flow.", "warning", "plan"))
    return found


def _source(
    module: Module, decl: ModuleDecl, folder: Path, known: Mapping[str, Any], digests: tuple[bool, int], *, after_writers: bool, deep: bool
) -> SourceFacts | None:
    """What the files of ``module`` are; None for a module that reads none, or whose files are known at run time only."""
    options = {**defaults(decl.json_schema), **module.configs.flat()}
    for name, said in decl.fields.items():
        hint = said.get(HINT, {})
        if hint.get("editor") != "path" or options.get(name) is None:
            continue
        if hint.get("mode") == "code":
            return _code_file(str(options[name]), folder, name)
        if hint.get("mode") == "open" and decl.kind == "source" and decl.relational:
            break
    else:
        return None
    filled = _filled(options, known)
    if after_writers or filled is None:
        return None
    paths = matching(filled[name], folder, str(hint.get("format") or ""), required=bool(filled.get("file_required", True)), field=name)
    always, most = digests
    files = tuple(fact(path, folder, name, content=always, most=most) for path in paths)
    if hint.get("format") != "csv" or not paths:
        return SourceFacts(files)
    return _text_source(files, [str(path) for path in paths], filled, deep=deep)


def _text_source(files: tuple[FileFact, ...], paths: list[str], options: Mapping[str, Any], *, deep: bool) -> SourceFacts:
    from pypeline.runner.tables import sniff

    declared = options.get("columns") or {}
    if not declared:
        found = sniff.sniff(paths, options)
        return SourceFacts(files, found.header, found.columns, True, found.dialect)
    dialect = sniff.dialect(paths[0], options)
    header = sniff.header(paths[0], {**options, **dialect})
    by_name = options.get("match", "name") == "name" and options.get("header_rows", 1)
    if by_name and options.get("missing_columns", "reject") != "null":
        problems = _missing(declared, header, paths[0])
        for path in paths[1:] if deep else ():
            problems += _missing(declared, sniff.header(path, {**options, **dialect}), path)
        if problems:
            raise PypeError(*problems)
    return SourceFacts(files, header, (), False, dialect)


def _missing(declared: Iterable[str], header: tuple[str, ...], path: str) -> list[Problem]:
    return [
        Problem("PYE395", f"`{Path(path).name}` has no column `{name}`", Place(path=("columns", name)), capital(did_you_mean(name, header)), phase="plan")
        for name in declared
        if name not in header
    ]


def _code_file(path: str, folder: Path, field: str) -> SourceFacts:
    """A file of user code: its identity is what it means, with all it reaches in the project."""
    from pypeline.runner.codehash import code_hash

    file = matching(path, folder, "", required=True, field=field)[0]
    plain = fact(file, folder, field, content=False, most=0)
    try:
        meaning = code_hash(file, folder if file.is_relative_to(folder) else file.parent)
    except SyntaxError as error:
        message = f"`{path}` is not Python: {error.msg} in line {error.lineno}"
        raise PypeError(Problem("PYE376", message, Place(path=(field,)), "Correct the file.", phase="plan")) from error
    return SourceFacts((FileFact(plain.path, plain.size, 0, 0, meaning),))


def _filled(options: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any] | None:
    """``options`` with context and environment filled in; None when a value is known at run time only."""
    made: dict[str, Any] = {}
    for name, value in options.items():
        texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        references = [ref for text in texts if isinstance(text, str) for ref in find(text)]
        if any(ref.key not in known and ref.kind not in ("context", "env") for ref in references):
            return None
        if not references:
            made[name] = value
        elif isinstance(value, str):
            made[name] = substitute(value, known)
        else:
            made[name] = [substitute(text, known) if isinstance(text, str) else text for text in value]
    return made


def _digests(flow: Flow, module: Module) -> tuple[bool, int]:
    """Whether to take content digests, and up to which size: only where results are kept between runs."""
    mode = module.cache or flow.settings.cache.mode
    if mode not in ("on", "read_only") or flow.settings.cache.verify == "stat":
        return False, 0
    return True, 2**63 if flow.settings.cache.verify == "content" else LARGE


def after_writers(flow: Flow, catalogue: Catalogue) -> frozenset[str]:
    """The modules of sub flows that run after one that can write files: below it, on a later order than it, or in one loop with it."""
    graph = PipelineGraph(flow, catalogue)
    types = {module.id: module.name for module in flow.modules}
    writing = {
        index
        for index, ids in enumerate(graph.sub_flows)
        if any(types[id] in catalogue and catalogue[types[id]].effects in (Effects.WRITES, Effects.CODE) for id in ids)
    }
    # where a writer is, or is below
    leads_to_writer = _spread(writing, [[edge.source for edge in edges] for edges in graph.edges_in])
    heads = [*graph.hooks] if writing else []
    # what a loop writes in one frame, it may read in the next
    heads += [edge.target for edge in graph.edges if edge.spec.trigger == "iterate" and edge.target in leads_to_writer]
    for index, edges in enumerate(graph.edges_out):
        written = index in writing
        for _, group in groupby(edges, key=lambda edge: edge.order):
            links = list(group)
            if written:
                heads += [edge.target for edge in links]
            # nobody waits for what a start link launches
            written = written or any(edge.target in leads_to_writer for edge in links if edge.spec.trigger != "start")
    after = _spread(heads, [[edge.target for edge in edges] for edges in graph.edges_out])
    return frozenset(id for index in after for id in graph.sub_flows[index])


def _spread(start: Iterable[int], steps: list[list[int]]) -> set[int]:
    """``start`` and all that ``steps`` lead to from there."""
    found: set[int] = set()
    stack = list(start)
    while stack:
        one = stack.pop()
        if one not in found:
            found.add(one)
            stack += steps[one]
    return found


def _versions(used: Iterable[ModuleDecl]) -> dict[str, str]:
    packages = sorted({package for decl in used for package in decl.packages})
    if not packages:
        return {}
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, str] = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _placed(problem: Problem, flow: Flow, at: int, module: Module, otherwise: Place) -> Problem:
    """``problem``, whose path is relative to the config, at its place in the flow file."""
    path = problem.place.path
    if not path:
        return problem.at(otherwise)
    half = "required" if path[0] in module.configs.required else "optional"
    return problem.at(flow.marks.place(("modules", at, "configs", half, *path), module.id))
