"""What every check shares: the flow with its graph and declarations, and the list of problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pypeline.core.catalogue import Catalogue
from pypeline.core.graph import PipelineGraph
from pypeline.core.modules import ModuleDecl
from pypeline.core.ports import role
from pypeline.schema.flow import ControlLink, DataLink, Flow, Module
from pypeline.schema.problems import Fix, Path, Place, Problem, Severity


class Finding:
    """A flow under examination. ``context`` holds the context variables where they are known."""

    def __init__(self, flow: Flow, catalogue: Catalogue, context: Mapping[str, Any] | None) -> None:
        self.flow = flow
        self.catalogue = catalogue
        self.context = context
        self.graph = PipelineGraph(flow, catalogue)
        self.modules: Mapping[str, Module] = {module.id: module for module in flow.modules}
        self.at: Mapping[str, int] = {module.id: at for at, module in enumerate(flow.modules)}
        self.problems: list[Problem] = []

    def decl(self, id: str) -> ModuleDecl | None:
        """The declaration of a module's type, None where the catalogue has none."""
        module = self.modules.get(id)
        return None if module is None else self.catalogue.types.get(module.name)

    def role(self, id: str) -> str:
        """What a module is to control links (:func:`pypeline.core.ports.role`); nothing for an unknown type."""
        decl = self.decl(id)
        return "" if decl is None else role(decl.kind, fed=bool(self.graph.fed_by[id]), feeds=bool(self.graph.feeds[id]))

    def say(self, code: str, message: str, place: Place, mend: str = "", *fixes: Fix, severity: Severity = "error") -> None:
        """Add a problem."""
        self.problems.append(Problem(code, message, place, mend, severity, "load", fixes))

    def module_place(self, id: str, *path: str | int) -> Place:
        """The place of a module, or of a key in it."""
        return self.flow.marks.place(("modules", self.at[id], *path), id)

    def data_place(self, index: int) -> Place:
        """The place of a data link by its place in the file."""
        return self.flow.marks.place(data_path(index), link=str(self.flow.connections.data[index]))

    def control_place(self, index: int) -> Place:
        """The place of a control link by its place in the file."""
        return self.flow.marks.place(control_path(index), link=str(self.flow.connections.control[index]))


def data_path(index: int) -> Path:
    """The key path of a data link."""
    return ("connections", "data", index)


def control_path(index: int) -> Path:
    """The key path of a control link."""
    return ("connections", "control", index)


def remove(link: DataLink | ControlLink, path: Path) -> Fix:
    """The fix that takes a link out."""
    return Fix(f"Remove `{link}`", path)


def line_of(place: Place) -> str:
    """``" (line 7)"``, or nothing where the line is not known."""
    return f" (line {place.line})" if place.line else ""
