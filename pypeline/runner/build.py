"""Job folders: a flow with all that running it needs to know, to be copied anywhere.

``jobs/NAME/`` holds the flow as it was written, ``NAME_dag.json`` (modules with exact import paths,
declarations and code hashes, and the links), ``NAME_execution_metadata.json`` (settings, sub flows,
order), ``context/`` and, where the flow uses modules of the project, their files. The flows that it runs
lie in it as they lie in the project, with the same. Equal input gives equal bytes, and nothing names the machine.

A job runs without a registry. Relative paths in it start at the job folder. Code that travelled
with it runs only where somebody has registered or trusted it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from pypeline.core.catalogue import Catalogue
from pypeline.core.dag import dag, execution_metadata, types
from pypeline.core.declare import from_registry
from pypeline.core.hints import HINT
from pypeline.core.modules import ModuleDecl
from pypeline.core.tasks import FLOW
from pypeline.runner import children, profile, registry, variables
from pypeline.runner.codehash import reached_files
from pypeline.runner.facts import code_of
from pypeline.runner.imports import MODULE_PATH
from pypeline.runner.store import foreign
from pypeline.runner.variables import plain_secrets
from pypeline.schema.flow import Flow
from pypeline.schema.job import Dag, DagFlow, DagNode, DagType, ExecutionMetadata, JobModel
from pypeline.schema.problems import Place, Problem, PypeError
from pypeline.schema.reader import read_file
from pypeline.schema.record import record

CONTEXT = "context"
_Model = TypeVar("_Model", bound=JobModel)
_Types = Mapping[str, DagNode | DagType]
"""Module types by name, as a job describes them."""


@record
class Job:
    """A job folder, read: the flow, its module types as they were when it was built, and what is odd about it."""

    folder: Path
    flow: Flow
    catalogue: Catalogue
    warnings: tuple[Problem, ...] = ()


def build(flow: Flow, flow_path: Path, catalogue: Catalogue, out: Path) -> Path:
    """Write the job folder of a checked ``flow`` below ``out``; returns it. An older job of the name is replaced.

    Raises:
        PypeError: the folder holds something else than a job (PYE487), or a context file a plain secret (PYE397).
    """
    name, source = flow.flow.name, flow_path.resolve().parent
    job = out / name
    if job.exists() and not (job / f"{name}_dag.json").is_file():
        raise PypeError(Problem("PYE487", f"`{job}` is there already and is no job folder", Place(file=str(flow_path)), "Move it away, or build with --out."))
    within = _children(flow, source)
    files: dict[str, bytes] = {
        f"{name}.yaml": flow_path.read_bytes(),
        f"{name}_dag.json": dag(flow, catalogue, _code(flow, catalogue, source), _flows(within, source)).to_json().encode(),
        f"{name}_execution_metadata.json": execution_metadata(flow, catalogue).to_json().encode(),
        f"{CONTEXT}/{name}_default.json": b"{}\n",
    }
    for context in sorted((source / CONTEXT).glob(f"{name}_*.json")):
        files[f"{CONTEXT}/{context.name}"] = context.read_bytes()
        if secrets := plain_secrets(_values(context), str(context)):
            raise PypeError(*secrets)
    if flow.settings.profile and (source / profile.file_of(flow.settings.profile)).is_file():
        files[profile.file_of(flow.settings.profile)] = (source / profile.file_of(flow.settings.profile)).read_bytes()
    for decl in _of_project(flow, catalogue):
        for file in reached_files(_file(source, decl.module_path), source):
            files[file.as_posix()] = (source / file).read_bytes()
    files |= _of_children(within, source)
    for stale in _parts(job, name):
        stale.unlink()
    for part, content in files.items():
        target = job / part
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return job


def relative_paths(flow: Flow, catalogue: Catalogue) -> Iterator[tuple[str, str, str]]:
    """(module, config, path) of every path in the flow that is neither absolute nor starts with a variable."""
    for module in flow.modules:
        fields = catalogue[module.name].fields if module.name in catalogue else {}
        for config, value in module.configs.flat().items():
            hint = (fields.get(config) or {}).get(HINT, {})
            # a flow that is run is taken along
            if hint.get("editor") != "path" or hint.get("mode") == "flow":
                continue
            for path in [value] if isinstance(value, str) else value if isinstance(value, list) else []:
                if isinstance(path, str) and not path.startswith(("/", "{{")) and "://" not in path:
                    yield module.id, config, path


def load_job(folder: Path, *, trust: bool = False) -> Job:
    """The job in ``folder``, checked against the code that is installed here. With ``trust`` the modules
    that travelled with it are registered in it first.

    Raises:
        PypeError: it is no job folder (PYE482), is damaged (PYE483), its code is not what it was built with
            (PYE484), or a module of its own is not registered here (PYE382).
    """
    found = sorted(folder.glob("*_dag.json"))
    if len(found) != 1 or not (flow_path := folder / f"{(name := found[0].name.removesuffix('_dag.json'))}.yaml").is_file():
        raise PypeError(Problem("PYE482", "this folder is no job folder", Place(file=str(folder)), "Give a flow file, or a folder that `pype build` made."))
    result = read_file(flow_path)
    if result.flow is None:
        raise PypeError(*result.problems)
    nodes = _read(found[0], Dag)
    _read(folder / f"{name}_execution_metadata.json", ExecutionMetadata)
    if [(m.id, m.name) for m in result.flow.modules] != [(n.id, n.name) for n in nodes.nodes]:
        message = f"`{flow_path.name}` and `{found[0].name}` do not have the same modules"
        raise PypeError(Problem("PYE483", message, Place(file=str(found[0])), "Build the job again from its flow file."))
    folder = folder.resolve()
    own = {node.name: node for node in nodes.nodes}
    catalogue = Catalogue({type: _declared(node) for type, node in own.items()})
    parts: list[tuple[Flow, Path, _Types]] = [(result.flow, folder, own)]
    known = {flow.file: {type.name: type for type in flow.types} for flow in nodes.flows}
    parts += [(child.flow, child.folder, known.get(_named(child, folder), {})) for child in _children(result.flow, folder)]
    _admit(((part, node) for _, part, used in parts for node in used.values()), folder, trust=trust)
    for flow, part, used in parts:
        _same_code(used, _code(flow, Catalogue({type: _declared(node) for type, node in used.items()}), part), found[0])
    return Job(folder, result.flow, catalogue, result.problems)


def _declared(node: DagNode | DagType) -> ModuleDecl:
    entry = {**node.declaration, "module_path": node.module_path}
    built = registry.built_in().get(node.name)
    if built is not None and built.module_path == node.module_path:
        return from_registry(node.name, entry, "built-in")
    if not MODULE_PATH.fullmatch(node.module_path):
        message = f"`{node.module_path}` may not be loaded for `{node.name}`: it is no path of a Python module"
        raise PypeError(Problem("PYE380", message, _place(node), "Build the job again from its flow file."))
    here = registry.installed().get(node.name)
    return from_registry(node.name, entry, "entry point" if here is not None and here.module_path == node.module_path else "folder")


def _place(node: DagNode | DagType, file: str = "") -> Place:
    return Place(file=file, module=node.id if isinstance(node, DagNode) else "")


def _admit(nodes: Iterable[tuple[Path, DagNode | DagType]], job: Path, *, trust: bool) -> None:
    """Let modules that travelled with the job run if they are registered in it, if ``trust`` says so, or if the
    project that the job was built in, and still lies in, has registered the same code. Each is given with the folder
    of its flow: the job's, or one below it."""
    refused = []
    for folder, node in nodes:
        if _declared(node).origin != "folder":
            continue
        known = registry.load(folder).types
        project = job.parent.parent / folder.relative_to(job)
        file = _file(folder, node.module_path)
        if node.name in known and known[node.name].module_path == node.module_path:
            continue
        if file.is_file() and (trust or registry.registered_hash(node.name, project) == registry.project_hash(node.module_path, folder)):
            registry.register_module(str(file), folder)
            continue
        missing = "" if file.is_file() else ", and its file is not in the job folder"
        mend = f"Look at the file, then run again with --trust, or `pype register-module {file.relative_to(folder)} --folder {folder}`."
        message = f"`{node.name}` ({node.module_path}) is code that came with the job and is not registered here{missing}"
        refused.append(Problem("PYE382", message, _place(node, str(job)), mend))
    if refused:
        raise PypeError(*refused)


def _same_code(nodes: _Types, here: Mapping[str, str], place: Path) -> None:
    changed = [n for n in nodes.values() if n.code_hash and here.get(n.name, "") != n.code_hash]
    if changed:
        mend = "Build the job again, or install the version it was built with."
        raise PypeError(
            *(Problem("PYE484", f"the code of `{n.name}` ({n.module_path}) is not what the job was built with", _place(n, str(place)), mend) for n in changed)
        )


def _read(path: Path, model: type[_Model]) -> _Model:
    place = Place(file=str(path))
    mend = "Build the job again from its flow file."
    try:
        data = foreign.parse_json(foreign.read_bytes(path))
    except OSError as error:
        raise PypeError(Problem("PYE483", f"`{path.name}` cannot be read: {error.strerror}", place, mend)) from error
    except ValueError as error:
        raise PypeError(Problem("PYE483", f"`{path.name}` is not JSON: {error}", place, mend)) from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PypeError(Problem("PYE483", f"`{path.name}`: {where or 'it'}: {first['msg']}", place, mend)) from error


def _values(path: Path) -> dict[str, Any]:
    values = json.loads(path.read_bytes())
    return values if isinstance(values, dict) else {}


def _code(flow: Flow, catalogue: Catalogue, folder: Path) -> dict[str, str]:
    return {type: code_of(catalogue[type], folder) for type in sorted({m.name for m in flow.modules}) if type in catalogue}


def _of_project(flow: Flow, catalogue: Catalogue) -> Iterator[ModuleDecl]:
    for type in sorted({m.name for m in flow.modules}):
        if type in catalogue and catalogue[type].origin == "folder":
            yield catalogue[type]


def _file(folder: Path, module_path: str) -> Path:
    return folder.joinpath(*module_path.split(".")).with_suffix(".py")


def _named(child: children.Child, folder: Path) -> str:
    """The file of ``child`` as the job folder names it."""
    return child.path.relative_to(folder).as_posix()


def _flows(within: Iterable[children.Child], source: Path) -> list[DagFlow]:
    used = ((child, child.catalogue) for child in sorted(within, key=lambda child: child.path))
    return [DagFlow(file=_named(child, source), types=types(child.flow, known, _code(child.flow, known, child.folder))) for child, known in used]


def _of_children(within: Iterable[children.Child], source: Path) -> dict[str, bytes]:
    """Flows that lie below the folder ``source``, with their contexts and their modules' files."""
    found: dict[str, bytes] = {}
    for child in within:
        place = child.folder.relative_to(source)
        found[(place / child.path.name).as_posix()] = child.path.read_bytes()
        for context in sorted((child.folder / CONTEXT).glob(f"{child.flow.flow.name}_*.json")):
            found[(place / CONTEXT / context.name).as_posix()] = context.read_bytes()
            if secrets := plain_secrets(_values(context), str(context)):
                raise PypeError(*secrets)
        for decl in _of_project(child.flow, child.catalogue):
            for file in reached_files(_file(child.folder, decl.module_path), child.folder):
                found[(place / file).as_posix()] = (child.folder / file).read_bytes()
    return found


def _children(flow: Flow, folder: Path) -> list[children.Child]:
    """The flows that ``flow`` runs, with all that they run, each once."""
    each = children.files(flow, folder, variables.context(flow, folder)) if any(module.name == FLOW for module in flow.modules) else {}
    return list({child.path: child for found in each.values() for child in found}.values())


def _parts(job: Path, name: str) -> list[Path]:
    """The files that an earlier build wrote."""
    if not job.is_dir():
        return []
    own = [job / f"{name}.yaml", job / f"{name}_dag.json", job / f"{name}_execution_metadata.json", *(job / CONTEXT).glob(f"{name}_*.json")]
    return [path for path in own if path.is_file()]
