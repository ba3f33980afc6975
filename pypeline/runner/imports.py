"""Importing a module type's class, when it is used and from three places only.

A plan names a dotted path. It may be a built-in (a path that the shipped declarations name), the target of an installed
``pypeline.modules`` entry point, or a file of a project folder that is registered there and whose code is what was
registered. Everything else is refused before anything is imported. A project's folder is never on ``sys.path``: its
files are found last, so that a ``json.py`` or ``pandas.py`` in it shadows nothing.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from pypeline.core.modules import BaseModule
from pypeline.runner.failures import first_line
from pypeline.runner.session import TerminatedError
from pypeline.schema.problems import Place, Problem, PypeError

MODULE_PATH = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$")
OLD_ROOT, ROOT = "pypeline.modules.", "pypeline.palette."


def today(module_path: str) -> str:
    """``module_path`` as it is called now: files of the specification's layout say ``pypeline.modules.…``."""
    return ROOT + module_path.removeprefix(OLD_ROOT) if module_path.startswith(OLD_ROOT) else module_path


def class_in(module: ModuleType, name: str) -> type[BaseModule]:
    """The one module class that ``module`` defines.

    Raises:
        PypeError: it defines none, or several (PYE376).
    """
    found = [
        v
        for v in vars(module).values()
        if isinstance(v, type) and issubclass(v, BaseModule) and v.__module__ == module.__name__ and not v.__name__.startswith("_")
    ]
    if len(found) != 1:
        said = ", ".join(f"`{cls.__name__}`" for cls in found) or "none"
        mend = "A file holds one module type: one subclass of BaseModule. Begin the names of others with `_`, or give them files of their own."
        raise PypeError(Problem("PYE376", f"the file of `{name}` must define one module class, and defines {said}", Place(module=name), mend))
    return found[0]


def import_path(module_path: str, name: str) -> ModuleType:
    """The imported module.

    Raises:
        PypeError: importing it failed (PYE376).
    """
    try:
        return importlib.import_module(module_path)
    except TerminatedError:
        raise
    except (Exception, SystemExit) as error:
        message = f"`{name}` ({module_path}) cannot be imported: {type(error).__name__}: {first_line(error)}"
        raise PypeError(Problem("PYE376", message, Place(module=name), "Make the file importable by itself.")) from error


def import_file(file: Path, root: Path, name: str) -> ModuleType:
    """``file`` of the project ``root``, imported under its dotted path there.

    Raises:
        PypeError: it cannot be imported, or an installed package has its name (PYE376).
    """
    module_path = dotted(file, root)
    _Finder.serve(root, module_path.partition(".")[0])
    module = import_path(module_path, name)
    if Path(module.__file__ or "").resolve() != file.resolve():
        message = f"`{module_path}` is already the name of an installed package"
        raise PypeError(Problem("PYE376", message, Place(module=name), f"Rename `{Path(module_path.partition('.')[0])}` in the project."))
    return module


def dotted(file: Path, root: Path) -> str:
    """The dotted path of ``file`` below ``root``.

    Raises:
        PypeError: it lies elsewhere, or a part of the path is no Python name (PYE380).
    """
    try:
        path = ".".join(file.resolve().relative_to(root.resolve()).with_suffix("").parts)
    except ValueError:
        raise PypeError(Problem("PYE380", f"`{file}` lies outside the project `{root}`", mend="Copy it into the project's folder.")) from None
    if not MODULE_PATH.match(path):
        raise PypeError(
            Problem("PYE380", f"`{path}` is not a path that Python can import", mend="Use letters, digits and `_` in the names of the file and its folders.")
        )
    return path


def forget(root: Path) -> None:
    """Unload every module that came from below ``root``, so that changed code is read again."""
    inside = root.resolve()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        places = [file] if file else list(getattr(module, "__path__", []))
        if places and all(_below(place, inside) for place in places):
            del sys.modules[name]
    importlib.invalidate_caches()


def _below(place: str, root: Path) -> bool:
    try:
        return Path(place).resolve().is_relative_to(root)
    except OSError:
        return False


class _Finder:
    """Finds the top-level packages of one project, after everything installed."""

    _served: _Finder | None = None

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tops: set[str] = set()

    @classmethod
    def serve(cls, root: Path, top: str) -> None:
        """From now on find ``top`` in ``root``; another project's modules are unloaded first."""
        root = root.resolve()
        if cls._served is not None and cls._served.root != root:
            sys.meta_path.remove(cls._served)
            forget(cls._served.root)
            cls._served = None
        if cls._served is None:
            cls._served = cls(root)
            sys.meta_path.append(cls._served)
        cls._served.tops.add(top)
        importlib.invalidate_caches()

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The import system's question; only top-level names are answered, the rest follows by package paths."""
        return PathFinder.find_spec(fullname, [str(self.root)], target) if path is None and fullname in self.tops else None
