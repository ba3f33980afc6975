"""The one front door: bytes or text in, a Flow with the place of every key out, or all that is wrong.

The way through: a regular file of bounded size → UTF-8 text → strict YAML → the newest format →
the models → the rule of ids. Nothing of the file is executed, imported or expanded on the way, and
no other function of the program may make a Flow from text. What module types, links and expressions
mean is checked later, by core.
"""

from __future__ import annotations

import os
import stat
from typing import Any

from pypeline.schema import collection, ids, migrations
from pypeline.schema.decode import decode
from pypeline.schema.flow import Flow, as_position
from pypeline.schema.marks import Marks
from pypeline.schema.problems import Path, Place, Problem, PypeError, errors
from pypeline.schema.record import record
from pypeline.schema.spots import SpotPaths
from pypeline.schema.validation import build
from pypeline.schema.yamltext import LIMITS, Limits, load


@record
class ReadResult:
    """``flow`` is None exactly when a problem is an error; ``text`` is the decoded text, byte order mark kept."""

    flow: Flow | None
    problems: tuple[Problem, ...]
    text: str = ""

    def require(self) -> Flow:
        """The Flow.

        Raises:
            PypeError: there is none; it carries all errors.
        """
        if self.flow is None:
            raise PypeError(*errors(self.problems))
        return self.flow


def read_file(path: str | os.PathLike[str], limits: Limits = LIMITS) -> ReadResult:
    """Read a flow file; a pipe, device, folder or oversized file is refused before a byte is read."""
    name = os.fspath(path)
    try:
        if not stat.S_ISREG(os.stat(name).st_mode):
            return _refused("PYE100", "not a regular file", name, "Give the path of a flow file.")
        # the file may have been exchanged since: a pipe must not hang us
        with open(os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                return _refused("PYE100", "not a regular file", name, "Give the path of a flow file.")
            if about.st_size > limits.flow_bytes:
                return _too_large(name, limits)
            data = file.read(limits.flow_bytes + 1)
    except FileNotFoundError:
        return _refused("PYE100", "no such file", name, "Check the path.")
    except (OSError, ValueError) as error:
        return _refused("PYE100", f"cannot be read: {getattr(error, 'strerror', None) or error}", name, "Check the path and the permissions.")
    return read(data, name, limits)


def read(data: bytes | str, file: str = "", limits: Limits = LIMITS) -> ReadResult:
    """Read a flow from bytes or text; ``file`` is the name that problems show. Linear in the size."""
    if len(data) > limits.flow_bytes:
        return _too_large(file, limits)
    text, problem = decode(data, file)
    if problem is not None:
        return ReadResult(None, (problem,), text)
    flow, problems = parse(text, file, limits)
    if flow is not None:
        problems = [*problems, *ids.check(flow), *_canvas(flow)]
    return ReadResult(None if errors(problems) else flow, tuple(problems), text)


def parse(text: str, file: str = "", limits: Limits = LIMITS) -> tuple[Flow | None, list[Problem]]:
    """The Flow of a text whatever its ids are, and the problems of its YAML and structure.

    The writer compares by this one: an unfinished flow, with two modules of one id, can be saved.
    """
    with collection.paused():
        return _parse(text, file, limits)


def _parse(text: str, file: str, limits: Limits) -> tuple[Flow | None, list[Problem]]:
    loaded = load(text.removeprefix("\ufeff"), file, limits)
    if loaded.broken:
        return None, loaded.problems
    top = Place(file, 1, 1)
    if loaded.data is None:
        return None, [Problem("PYE101", "flow is empty; a flow needs `flow:` and `modules:`", top, "Write both keys.")]
    if not isinstance(loaded.data, dict):
        found = "a list" if isinstance(loaded.data, list) else "a single value"
        place = Place(file, loaded.root.line, loaded.root.column)
        return None, [*loaded.problems, Problem("PYE113", f"expected a mapping at top level, found {found}", place, "Begin with `flow:` and `modules:`.")]
    marks = Marks(file, SpotPaths(loaded.root), SpotPaths(loaded.root, of_keys=True))
    try:
        data = migrations.migrate(loaded.data)
    except migrations.UnknownFormat as unknown:
        code = "PYE120" if unknown.newer else "PYE121"
        return None, [*loaded.problems, Problem(code, unknown.message, marks.place(("format",)), unknown.mend)]
    flow, problems = build(data, marks)
    if flow is None:
        problems += _ids(data, marks)
        if loaded.problems:
            problems = [*loaded.problems, *problems]
        return None, sorted(problems, key=lambda p: (p.place.line, p.place.column))
    return (None, [*loaded.problems, *ids.check(flow)]) if loaded.problems else (flow, [])


def _ids(data: dict[str, Any], marks: Marks) -> list[Problem]:
    """The id problems of data that is no Flow yet, as far as its ids are text."""
    modules = data.get("modules")
    named: list[tuple[str, Place]] = []
    for number, module in enumerate(modules if isinstance(modules, list) else ()):
        if isinstance(module, dict) and isinstance(module.get("id"), str):
            named.append((module["id"], marks.place(("modules", number, "id"), module=module["id"])))
    head = data.get("flow")
    name = head.get("name") if isinstance(head, dict) else None
    found = ids.name_problems(name, marks.place(("flow", "name"))) if isinstance(name, str) else []
    return found + ids.id_problems(named)


def _canvas(flow: Flow) -> list[Problem]:
    """Warnings for positions that cannot be used; the drawing never keeps a flow from being read."""
    found: list[Problem] = []
    for id, value in flow.canvas.modules.items():
        if as_position(value) is None:
            path: Path = ("canvas", "modules", id)
            message = f"the position of `{id}` is not `[x, y]` with two finite numbers"
            found.append(Problem("PYE136", message, flow.marks.place(path, module=id), "It is placed by the automatic layout.", severity="warning"))
    return found


def _too_large(file: str, limits: Limits) -> ReadResult:
    size = f"{limits.flow_bytes // 1024 // 1024} MiB"
    return _refused("PYE105", f"larger than {size} (limits.flow_bytes)", file, "Split the flow into smaller ones.")


def _refused(code: str, message: str, file: str, mend: str) -> ReadResult:
    return ReadResult(None, (Problem(code, message, Place(file), mend),))
