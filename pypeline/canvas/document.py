"""The document: one flow being drawn, its undo stack, and what is known about it.

The flow is an immutable value; every edit pushes one command that swaps it for another. Items and
panels follow the signals and decide nothing. What the outside world finds out (schemas, problems,
a run's states) is set as :class:`Knowledge`; the document never fetches it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from pypeline.canvas.commands import Swap
from pypeline.core.catalogue import Catalogue
from pypeline.core.columns import Schema
from pypeline.core.watch import Watch
from pypeline.schema.flow import ControlLink, DataLink, Flow
from pypeline.schema.problems import Problem
from pypeline.schema.record import record

Link = DataLink | ControlLink


@record
class Knowledge:
    """What is known about the flow as drawn: schemas by ``module.port``, problems in file order, and
    the run being watched (None before the first run)."""

    schemas: Mapping[str, Schema] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    watch: Watch | None = None


@record
class Selection:
    """The chosen modules (ids) and links."""

    modules: frozenset[str] = frozenset()
    links: frozenset[Link] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.modules or self.links)


class Document(QObject):
    """One open flow. What is selected is always part of the flow.

    Signals: ``flow_changed(old, new)``; ``selection_changed()``; ``knowledge_changed(names)`` with
    the ids of modules and links whose look changed (empty = any); ``clean_changed(bool)``.

    Flow and selection change together and are told one after the other, the flow first. What a
    listener changes in turn is told when everybody knows of the change before, so that all see the
    same changes in the same order.
    """

    flow_changed = Signal(object, object)
    selection_changed = Signal()
    knowledge_changed = Signal(object)
    clean_changed = Signal(bool)

    def __init__(self, flow: Flow, catalogue: Catalogue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._flow = self._told_flow = flow
        self.catalogue = catalogue
        self.undo = QUndoStack(self)
        self.undo.setUndoLimit(10_000)
        self.undo.cleanChanged.connect(self.clean_changed)
        # every step ends with this signal, when the stack is whole again and may be pushed to
        self.undo.indexChanged.connect(self._tell)
        self._selection = self._told_selection = Selection()
        self._telling = False
        self._knowledge = Knowledge()

    @property
    def flow(self) -> Flow:
        """The flow as drawn now."""
        return self._flow

    @property
    def selection(self) -> Selection:
        return self._selection

    @property
    def knowledge(self) -> Knowledge:
        return self._knowledge

    def apply(self, label: str, flow: Flow, merge: str = "", choose: Selection | None = None) -> None:
        """Make ``flow`` the drawn one as an undo step called ``label``, with ``choose`` selected; steps in a
        row with the same non-empty ``merge`` key become one. Without a difference there is no step."""
        if flow != self._flow:
            self._telling, before = True, self._telling
            self.undo.push(Swap(self, label, self._flow, flow, merge))
            self._telling = before
        if choose is not None:
            self._selection = _part_of(self._flow, choose)
        self._tell()

    def put(self, flow: Flow) -> None:
        """Swap the drawn flow and tell nobody yet: for commands, whose stack tells when it is whole."""
        self._flow = flow
        self._selection = _part_of(flow, self._selection)

    def show(self, flow: Flow) -> None:
        """Swap the drawn flow without a command, as when a file is saved."""
        self.put(flow)
        self._tell()

    def learn_types(self, catalogue: Catalogue) -> None:
        """Other module types are known now; the flow is told as changed, since it looks different."""
        self.catalogue = catalogue
        self.show(self._flow.model_copy())

    def reload(self, flow: Flow) -> None:
        """Another text was read from disk: a new beginning, nothing to undo."""
        self.undo.clear()
        self.show(flow)

    def select(self, modules: Iterable[str] = (), links: Iterable[Link] = ()) -> None:
        """Choose exactly these, as far as they are there."""
        self._selection = _part_of(self._flow, Selection(frozenset(modules), frozenset(links)))
        self._tell()

    def learn(self, changed: frozenset[str] = frozenset(), **news: Any) -> None:
        """Take in news (``schemas``, ``problems``, ``watch``); ``changed`` names what looks different now."""
        self._knowledge = replace(self._knowledge, **news)
        self.knowledge_changed.emit(changed)

    def problems_of(self, module: str) -> tuple[Problem, ...]:
        """The problems placed at this module."""
        return tuple(p for p in self._knowledge.problems if p.place.module == module)

    def _tell(self, *_: object) -> None:
        """Tell what changed since it was told last, until nothing did."""
        if self._telling:
            return
        self._telling = True
        try:
            while True:
                if self._told_flow is not self._flow:
                    old, self._told_flow = self._told_flow, self._flow
                    self.flow_changed.emit(old, self._told_flow)
                elif self._told_selection != self._selection:
                    self._told_selection = self._selection
                    self.selection_changed.emit()
                else:
                    return
        finally:
            self._telling = False


def _part_of(flow: Flow, chosen: Selection) -> Selection:
    """``chosen`` without what is not in ``flow``."""
    if not chosen:
        return chosen
    links = {*flow.connections.data, *flow.connections.control} if chosen.links else frozenset()
    return Selection(chosen.modules & {m.id for m in flow.modules} if chosen.modules else frozenset(), chosen.links & links)


def only_moved(old: Flow, new: Flow) -> frozenset[str] | None:
    """The modules whose places differ, if nothing else that is drawn does; else None."""
    same = old.modules == new.modules and old.connections == new.connections and old.canvas.groups == new.canvas.groups
    if not same:
        return None
    before, after = old.canvas.modules, new.canvas.modules
    if not before.keys() <= after.keys():
        return None
    return frozenset(id for id, place in after.items() if before.get(id) != place)
