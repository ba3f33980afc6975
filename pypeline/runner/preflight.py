"""Before the first task: what can be known to fail in the middle of a run is said at its start.

Packages that must be importable, source files that must still be there, folders that sinks must be
able to write to, demands the machine can meet. Reads names and permissions; writes nothing.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from pypeline.core.collecting import TARGET_FIELDS
from pypeline.core.modules import Effects
from pypeline.core.plan import Plan
from pypeline.core.planned import PlannedModule
from pypeline.runner import slots
from pypeline.runner.slots import Slots
from pypeline.schema.problems import Place, Problem

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def check(plan: Plan, machine: Slots) -> list[Problem]:
    """Everything that would stop this plan from running here."""
    wanted = {module for task in plan.tasks.values() if task.decision != "reuse" for module in task.modules}
    found = [problem for id in plan.modules if id in wanted for problem in _module(plan, plan.modules[id])]
    return [*found, *_shared_targets(plan, wanted), *slots.check(plan, machine)]


def _shared_targets(plan: Plan, wanted: set[str]) -> Iterator[Problem]:
    """Two sinks of one sub flow that write one file: nothing says whose rows would stay."""
    for sub_flow in plan.sub_flows:
        seen: dict[str, str] = {}
        for id in sub_flow.modules:
            module = plan.modules[id]
            if id not in wanted or module.kind != "sink" or module.effects is not Effects.WRITES:
                continue
            for field, value in _targets(module):
                path = os.path.realpath(Path(plan.folder or ".", value))
                if (first := seen.setdefault(path, id)) != id:
                    mend = "Give each a file of its own, or bring the tables together with `union_mod`."
                    yield Problem("PYE402", f"the sinks `{first}` and `{id}` both write `{path}`", Place(path=(field,), module=id), mend, phase="run")


def _targets(module: PlannedModule) -> Iterator[tuple[str, str]]:
    """The paths that a sink writes, each with its config, as far as they are known before it runs."""
    for field in TARGET_FIELDS:
        value = module.configs.get(field)
        if isinstance(value, str) and "{{" not in value and "://" not in value and "\0" not in value:
            yield field, value


def _module(plan: Plan, module: PlannedModule) -> Iterator[Problem]:
    place = Place(module=module.id)
    for requirement in module.packages:
        name = _NAME.match(requirement.strip())
        if name is not None and not installed(name[0]):
            message = f"module `{module.id}` ({module.type}) needs the package `{requirement}`, which is not installed"
            yield Problem("PYE455", message, place, f"Install it: `python -m pip install {name[0]}`.", phase="run")
    for file in module.source.files if module.source is not None else ():
        if not os.path.exists(os.path.join(plan.folder, file.path)):
            yield Problem("PYE458", f"module `{module.id}` reads `{file.path}`, which is no longer there", place, "Put it back, or plan again.", phase="run")
    if module.kind == "sink" and module.effects is Effects.WRITES:
        yield from _target(plan, module)


def _target(plan: Plan, module: PlannedModule) -> Iterator[Problem]:
    for field, value in _targets(module):
        place = Place(path=(field,), module=module.id)
        path = Path(plan.folder or ".") / value
        try:
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            mode = stat.S_IFREG
        except OSError as error:
            yield Problem("PYE456", f"sink `{module.id}` cannot write to `{path}`: {error.strerror}", place, "Correct the path.", phase="run")
            continue
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a device or a pipe"
            yield Problem("PYE456", f"sink `{module.id}` writes to `{path}`, which is {kind}", place, "Name a file.", phase="run")
            continue
        if path.suffix in (".yaml", ".yml") and path.exists():
            # sinks write tables: this is a flow, and likely the one that runs
            yield Problem("PYE456", f"sink `{module.id}` would write a table over `{path}`", place, "Name another file.", phase="run")
            continue
        folder = path.parent
        while not folder.exists() and folder != folder.parent:
            # a sink makes missing folders, so what counts is the first one there is
            folder = folder.parent
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            yield Problem("PYE456", f"sink `{module.id}` may not write to `{folder}`", place, "Change its permissions or the path.", phase="run")


def installed(name: str) -> bool:
    """Whether a distribution or an importable package has this name."""
    try:
        distribution(name)
    except PackageNotFoundError:
        try:
            return find_spec(name.replace("-", "_")) is not None
        except (ImportError, ValueError):
            return False
    return True
