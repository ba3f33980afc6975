"""The document: one flow being drawn, its undo stack, and what is known about it.

The flow is an immutable value; every edit pushes one command that swaps it for another. Items and
panels follow the signals and decide nothing. What the outside world finds out (schemas, problems,
a run's states) is set as :class:`Knowledge`; the document never fetches it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from pypeline.canvas.commands import Swap
from pypeline.core.catalogue import Catalogue
from pypeline.core.columns import Schema
from pypeline.core.watch import Watch
from pypeline.schema.flow import ControlLink, DataLink, Flow
from pypeline.schema.problems import Problem

Link = DataLink | ControlLink


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known about the flow as drawn: schemas by ``module.port``, problems in file order, and
    the run being watched (None before the first run)."""

    schemas: Mapping[str, Schema] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    watch: Watch | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen modules (ids) and links."""

    modules: frozenset[str] = frozenset()
    links: frozenset[Link] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.modules or self.links)


class Document(QObject):
    """One open flow.

    Signals: ``flow_changed(old, new)``; ``selection_changed()``; ``knowledge_changed(names)`` with
    the ids of modules and links whose look changed (empty = any); ``clean_changed(bool)``.
    """

    flow_changed = Signal(object, object)
    selection_changed = Signal()
    knowledge_changed = Signal(object)
    clean_changed = Signal(bool)

    def __init__(self, flow: Flow, catalogue: Catalogue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._flow = flow
        self.catalogue = catalogue
        self.undo = QUndoStack(self)
        self.undo.setUndoLimit(10_000)
        self.undo.cleanChanged.connect(self.clean_changed)
        self._selection = Selection()
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

    def apply(self, label: str, flow: Flow, merge: str = "") -> None:
        """Make ``flow`` the drawn one as an undo step called ``label``; steps in a row with the same
        non-empty ``merge`` key become one. Nothing happens when nothing changed."""
        if flow != self._flow:
            self.undo.push(Swap(self, label, self._flow, flow, merge))

    def show(self, flow: Flow) -> None:
        """Swap the drawn flow without a command: called by commands and when a file is reloaded."""
        old, self._flow = self._flow, flow
        self._drop_lost_selection()
        self.flow_changed.emit(old, flow)

    def reload(self, flow: Flow) -> None:
        """Another text was read from disk: a new beginning, nothing to undo."""
        self.undo.clear()
        self.show(flow)

    def select(self, modules: Iterable[str] = (), links: Iterable[Link] = ()) -> None:
        """Choose exactly these."""
        chosen = Selection(frozenset(modules), frozenset(links))
        if chosen != self._selection:
            self._selection = chosen
            self.selection_changed.emit()

    def learn(self, changed: frozenset[str] = frozenset(), **news: Any) -> None:
        """Take in news (``schemas``, ``problems``, ``watch``); ``changed`` names what looks different now."""
        self._knowledge = replace(self._knowledge, **news)
        self.knowledge_changed.emit(changed)

    def problems_of(self, module: str) -> tuple[Problem, ...]:
        """The problems placed at this module."""
        return tuple(p for p in self._knowledge.problems if p.place.module == module)

    def _drop_lost_selection(self) -> None:
        here = {m.id for m in self._flow.modules}
        links = {*self._flow.connections.data, *self._flow.connections.control}
        self.select(self._selection.modules & here, self._selection.links & links)
