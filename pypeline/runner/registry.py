"""Which module types there are: built-ins, installed packages, and the project's ``ModRegistry.json``.

Reading the catalogue is reading JSON: no module class is imported, and installed entry points are looked up only when
a type is neither built in nor registered, or when all types are listed. A project's entry wins over an installed type,
and that over a built-in, so that a new built-in never changes what an old flow means.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from pypeline import resources
from pypeline.core.catalogue import Catalogue
from pypeline.core.declare import declare, from_registry, to_registry
from pypeline.core.modules import BaseModule, ModuleDecl
from pypeline.runner.imports import MODULE_PATH, ROOT, class_in, dotted, forget, import_file, import_path, today
from pypeline.runner.store import foreign
from pypeline.schema.problems import Place, Problem, PypeError, capital, did_you_mean

FILE = "ModRegistry.json"
GROUP = "pypeline.modules"
SHIPPED = "pypeline_modules.json"
"""A package that ships this file beside its code is read without importing it."""
FOLDERS = ("source", "mods", "sinks", "solo", "modules")
_log = logging.getLogger("pypeline.registry")


def load(folder: Path | str) -> Catalogue:
    """All module types a flow in ``folder`` can use.

    Raises:
        PypeError: the folder's ModRegistry.json cannot be read (PYE379).
    """
    return Catalogue(_Types(_project(Path(folder))))


@lru_cache(maxsize=1)
def built_in() -> Mapping[str, ModuleDecl]:
    """The types we ship, from their generated declarations."""
    text = Path(resources.__path__[0], "declarations.json").read_bytes()
    return {name: from_registry(name, entry, "built-in") for name, entry in json.loads(text).items()}


class _Types(Mapping[str, ModuleDecl]):
    """Registered types over installed ones over built-ins; the installed ones are looked up when first needed."""

    def __init__(self, project: Mapping[str, ModuleDecl]) -> None:
        self._known = {**built_in(), **project}
        self._project = project

    @cached_property
    def _all(self) -> Mapping[str, ModuleDecl]:
        return {**built_in(), **_installed(), **self._project}

    def __getitem__(self, name: str) -> ModuleDecl:
        return self._known[name] if name in self._known else self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


def module_class(module_path: str, name: str, folder: Path | str | None = None) -> type[BaseModule]:
    """The class of module type ``name``; ``folder`` is the project whose registered files may be used.

    Raises:
        PypeError: the path is not allowed (PYE380), not registered here (PYE382), its code is not what was registered
            (PYE381), or importing it failed (PYE376).
    """
    path = today(module_path)
    if not MODULE_PATH.fullmatch(path):
        raise _refused(module_path, name)
    if path.startswith(ROOT):
        if path not in {decl.module_path for decl in built_in().values()}:
            raise _refused(module_path, name)
        return class_in(import_path(path, name), name)
    entry = _entries(Path(folder)).get(name) if folder is not None else None
    if entry is not None and entry.get("module_path") == path:
        return _registered(entry, name, Path(folder or "."))
    for point in _entry_points():
        if point.name == name and point.value.partition(":")[0] == path:
            found: type[BaseModule] = _loaded(point)
            return found
    if folder is not None and Path(folder, *path.split(".")).with_suffix(".py").is_file():
        mend = f"Look at the file, then run `pype register-module {path.replace('.', '/')}.py` in this folder."
        raise PypeError(Problem("PYE382", f"`{name}` ({path}) is a file of this project that is not registered here", Place(module=name), mend))
    raise _refused(module_path, name)


def register_module(name_or_path: str, folder: Path | str) -> ModuleDecl:
    """Trust a module: import it once, and write its entry into the folder's ModRegistry.json.

    ``name_or_path`` is a file of the project, or the name of a file in it, of an installed type or of a built-in.

    Raises:
        PypeError: not found (PYE377), outside the project (PYE380), not importable or not one class (PYE376), breaking a
            rule (PYE375), or another type has its name (PYE378).
    """
    folder = Path(folder)
    file = _file(name_or_path, folder)
    if file is None:
        types = load(folder)
        if name_or_path not in types:
            mend = capital(did_you_mean(name_or_path, types)) or "Give the path of its file."
            message = f"there is no module `{name_or_path}` in this project, installed or built in"
            raise PypeError(Problem("PYE377", message, Place(str(folder)), mend))
        decl = types[name_or_path]
        _write(folder, {**_entries(folder), decl.name: to_registry(decl)})
        return decl
    decl, entry = _declared(file, folder)
    _write(folder, {**_entries(folder), decl.name: entry})
    return decl


def auto_register(folder: Path | str, places: Iterable[Path | str] = ()) -> tuple[list[ModuleDecl], list[Problem]]:
    """Register every module file in ``places`` (default: the folder's source, mods, sinks, solo and modules folders).

    Returns what was registered and the problems of files that could not be; files that define no module class at
    all, helpers, are passed over.
    """
    folder = Path(folder)
    roots = [Path(p) if Path(p).is_absolute() else folder / p for p in places] or [folder / name for name in FOLDERS]
    entries = dict(_entries(folder))
    done: list[ModuleDecl] = []
    problems: list[Problem] = []
    for file in sorted({f for root in roots if root.is_dir() for f in root.rglob("*.py") if _counts(f.relative_to(root))}):
        if b"Module" not in file.read_bytes():
            continue
        try:
            decl, entry = _declared(file, folder)
        except PypeError as error:
            problems.extend(p for p in error.problems if "defines none" not in p.message)
        else:
            entries[decl.name] = entry
            done.append(decl)
    _write(folder, entries)
    return done, problems


def clear_registry(folder: Path | str) -> int:
    """Empty the folder's ModRegistry.json; how many entries there were. Files, package and built-ins stay."""
    try:
        count = len(_entries(Path(folder)))
    except PypeError:
        count = 0
    if Path(folder, FILE).exists():
        _write(Path(folder), {})
    return count


def installed() -> Mapping[str, ModuleDecl]:
    """The types that installed packages bring."""
    return _installed()


def registered_hash(name: str, folder: Path | str) -> str:
    """The code hash under which ``folder`` has registered ``name``; empty where it has not."""
    return str((_entries(Path(folder)).get(name, {}).get("declaration") or {}).get("code_hash", ""))


def project_hash(module_path: str, folder: Path | str) -> str:
    """The code hash now of the project's module ``module_path``."""
    from pypeline.runner.codehash import code_hash

    return code_hash(_in(Path(folder), module_path), Path(folder))


def file_of(name: str, folder: Path | str) -> Path:
    """The file of the project's registered type ``name``; KeyError when it has none."""
    return _in(Path(folder), str(_entries(Path(folder))[name]["module_path"]))


def folder_hashes(folder: Path | str) -> dict[str, tuple[str, str]]:
    """Of each type whose file lies in the project: the code hash that was registered, and the one now (empty: no Python)."""
    folder = Path(folder)
    found = {}
    for name, entry in _entries(folder).items():
        if _in(folder, entry["module_path"]).is_file():
            try:
                now = project_hash(entry["module_path"], folder)
            except (OSError, SyntaxError):
                now = ""
            found[name] = (registered_hash(name, folder), now)
    return found


def _in(folder: Path, module_path: str) -> Path:
    return folder.joinpath(*module_path.split(".")).with_suffix(".py")


def _declared(file: Path, folder: Path) -> tuple[ModuleDecl, dict[str, Any]]:
    path, name = dotted(file, folder), file.stem
    known = load(folder).get(name)
    if known is not None and known.module_path != path:
        mend = "Give the file another name."
        raise PypeError(Problem("PYE378", f"`{name}` is already the name of a module type ({known.origin}, {known.module_path})", Place(module=name), mend))
    forget(folder)
    try:
        decl = declare(class_in(import_file(file, folder, name), name), name, path, "folder")
    except PypeError as error:
        near = file.resolve().relative_to(folder.resolve()).as_posix()
        raise PypeError(*(problem.at(replace(problem.place, file=near)) for problem in error.problems)) from error
    entry = to_registry(decl)
    entry["declaration"]["code_hash"] = project_hash(path, folder)
    return decl, entry


def _registered(entry: Mapping[str, Any], name: str, folder: Path) -> type[BaseModule]:
    path = str(entry["module_path"])
    file = folder.joinpath(*path.split(".")).with_suffix(".py")
    if not file.is_file():
        raise PypeError(Problem("PYE376", f"the file of `{name}`, {file}, is gone", Place(module=name), "Put it back, or register the module again."))
    if project_hash(path, folder) != (entry.get("declaration") or {}).get("code_hash"):
        mend = f"Look at the change, then run `pype register-module {name}`."
        raise PypeError(Problem("PYE381", f"the code of `{name}` is not what was registered", Place(module=name), mend))
    return class_in(import_file(file, folder, name), name)


def _file(name_or_path: str, folder: Path) -> Path | None:
    for candidate in (Path(name_or_path), folder / name_or_path):
        if candidate.suffix == ".py" and candidate.is_file():
            return candidate
    if name_or_path.endswith(".py") or os.sep in name_or_path:
        raise PypeError(Problem("PYE377", "there is no such file", Place(name_or_path), "Give the path of a Python file in the project's folder."))
    found = files_called(name_or_path, folder)
    if len(found) > 1:
        several = ", ".join(f"`{f.relative_to(folder)}`" for f in found)
        raise PypeError(Problem("PYE377", f"several files are called `{name_or_path}`: {several}", Place(str(folder)), "Give the path of the one you mean."))
    return found[0] if found else None


def files_called(name: str, folder: Path) -> list[Path]:
    """The files of the project's module folders that would bring a type of this name."""
    if not name.isidentifier():
        return []
    return sorted({f for place in FOLDERS for f in (folder / place).rglob(f"{name}.py") if _counts(f.relative_to(folder))})


def _counts(relative: Path) -> bool:
    return not any(part.startswith((".", "_")) for part in relative.parts)


def _project(folder: Path) -> Mapping[str, ModuleDecl]:
    """The folder's entries. One that stands for a built-in, by today's or an old path, is that built-in."""
    built = {decl.module_path: decl for decl in built_in().values()}
    return {name: built.get(today(entry.get("module_path", ""))) or from_registry(name, entry) for name, entry in _entries(folder).items()}


def _entries(folder: Path) -> Mapping[str, dict[str, Any]]:
    file = folder / FILE
    try:
        text = foreign.read_bytes(file)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise PypeError(Problem("PYE379", f"the registry cannot be read: {error.strerror}", Place(str(file)), "Check its permissions.")) from error
    try:
        entries = foreign.parse_json(text)
    except ValueError as error:
        raise PypeError(Problem("PYE379", f"the registry is not JSON: {error}", Place(str(file)), "Register the modules again.")) from error
    if not isinstance(entries, dict) or not all(isinstance(e, dict) and isinstance(e.get("module_path"), str) for e in entries.values()):
        message = "the registry must map type names to entries with a module_path"
        raise PypeError(Problem("PYE379", message, Place(str(file)), "Register the modules again."))
    return entries


def _write(folder: Path, entries: Mapping[str, Mapping[str, Any]]) -> None:
    text = json.dumps(dict(sorted(entries.items())), indent=2, ensure_ascii=False) + "\n"
    beside = folder / f".{FILE}.{os.getpid()}"
    beside.write_text(text, encoding="utf-8")
    beside.replace(folder / FILE)


@lru_cache(maxsize=1)
def _entry_points() -> tuple[Any, ...]:
    """Installed entry points of others; our own only say what the declarations say already."""
    from importlib.metadata import entry_points

    return tuple(point for point in entry_points(group=GROUP) if not point.value.startswith(ROOT))


@lru_cache(maxsize=1)
def _installed() -> Mapping[str, ModuleDecl]:
    found: dict[str, ModuleDecl] = {}
    shipped: dict[str, Mapping[str, Any]] = {}
    for point in _entry_points():
        package = point.value.partition(":")[0].partition(".")[0]
        if package not in shipped:
            shipped[package] = _shipped(package)
        try:
            entry = shipped[package].get(point.name)
            found[point.name] = (
                from_registry(point.name, entry, "entry point") if entry else declare(_loaded(point), point.name, point.value.partition(":")[0], "entry point")
            )
        except PypeError as error:
            _log.warning("the installed module type %s is left out: %s", point.name, error.problems[0].message)
    return found


def _shipped(package: str) -> Mapping[str, Any]:
    from importlib.util import find_spec

    spec = find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(place, SHIPPED)
        if file.is_file():
            declared: Mapping[str, Any] = json.loads(file.read_bytes())
            return declared
    return {}


def _loaded(point: Any) -> type[BaseModule]:
    module, _, attribute = point.value.partition(":")
    loaded = import_path(module, point.name)
    cls = getattr(loaded, attribute, None) if attribute else class_in(loaded, point.name)
    if not (isinstance(cls, type) and issubclass(cls, BaseModule)):
        raise PypeError(Problem("PYE376", f"the entry point of `{point.name}` ({point.value}) is no module class", Place(module=point.name)))
    return cls


def _refused(module_path: str, name: str) -> PypeError:
    message = f"`{module_path}` may not be loaded for `{name}`: it is no built-in, no installed module type and not registered here"
    return PypeError(Problem("PYE380", message, Place(module=name), "Register the module here with `pype register-module`, or install its package."))
