"""The room an editor stands in: the module it edits, and what may be offered there.

Columns come from what the document knows of the ports that feed the module, variables from the
context and from the modules above. Nothing is fetched; nothing is kept, so that it is never old.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QToolButton, QWidget

from pypeline.app.desktop.fixing import with_fix
from pypeline.app.desktop.session import Session
from pypeline.canvas.document import Document
from pypeline.canvas.icons import plain
from pypeline.canvas.look import Look, font
from pypeline.core import joining
from pypeline.core.columns import Column, Schema
from pypeline.core.modules import ModuleDecl
from pypeline.resources import theme
from pypeline.schema.flow import Flow, Module
from pypeline.schema.problems import Fix, PypeError


def _reason(error: ValueError) -> str:
    """Why the flow's models refuse a value, in a few words."""
    listed = getattr(error, "errors", None)
    return str(listed()[0]["msg"]) if callable(listed) else str(error)


class Room:
    """What editors of module ``id`` may know; ``id`` is "" for the flow's own settings."""

    def __init__(self, document: Document, session: Session, look: Look, id: str = "") -> None:
        self.document, self.session, self.look, self.id = document, session, look, id
        self.mono: QFont = font(theme.MONO_FONTS, 11.5)
        # code shows the characters that are written, not one sign for two of them
        self.mono.setFeature(QFont.Tag("calt"), 0)
        self.mono.setFeature(QFont.Tag("liga"), 0)

    @property
    def folder(self) -> Path:
        """Where relative paths start."""
        return self.session.folder

    @property
    def module(self) -> Module | None:
        """The module as drawn now."""
        return next((m for m in self.document.flow.modules if m.id == self.id), None)

    @property
    def declaration(self) -> ModuleDecl | None:
        """Its type, where the catalogue knows it."""
        module = self.module
        return self.document.catalogue.get(module.name) if module is not None else None

    def edit(self, label: str, made: Callable[[Flow], Flow], merge: str = "") -> str:
        """Do ``made`` to the flow as an undo step; returns why the flow's models refuse it, empty when they do not.
        What is typed into the form of a module that is gone (undone meanwhile) has no place any more."""
        if self.id and self.module is None:
            return ""
        try:
            flow = made(self.document.flow)
        except ValueError as error:
            return _reason(error)
        self.document.apply(label, flow, merge)
        return ""

    def fix(self, fix: Fix) -> None:
        """Do what ``fix`` says as an undo step, where it still fits."""
        fixed = with_fix(self.document.flow, fix)
        if fixed is not None:
            self.document.apply(fix.title, fixed)

    def feeds(self, port: str) -> list[str]:
        """The ``module.port`` that lead into an input port, in file order."""
        links = self.document.flow.connections.data
        return [f"{x.source}.{x.source_port}" for x in links if x.target == self.id and x.target_port == port]

    def schema(self, port: str) -> Schema | None:
        """The columns at an input port (the first link's, where it takes many); None while unknown."""
        feeds = self.feeds(port)
        return self.document.knowledge.schemas.get(feeds[0]) if feeds else None

    def output(self, port: str) -> Schema | None:
        """The columns of an output port of this module; None while unknown."""
        return self.document.knowledge.schemas.get(f"{self.id}.{port}")

    def columns(self, port: str) -> Schema:
        """What to offer for a column of ``port``; of all inputs, each name once, when it is empty."""
        if port:
            return self.schema(port) or ()
        found: dict[str, Column] = {}
        for name in self.input_ports:
            for column in self.schema(name) or ():
                found.setdefault(column.name, column)
        return tuple(found.values())

    @property
    def input_ports(self) -> tuple[str, ...]:
        """The input ports of the module's type."""
        declaration = self.declaration
        return declaration.input_ports if declaration is not None else ()

    def variable_names(self) -> tuple[str, ...]:
        """What may stand between double braces here, most useful first."""
        flow = self.document.flow
        try:
            names = [f"context.{name}" for name in self.session.answers.values(flow, self.folder)]
        except PypeError:
            names = []
        # what lies below has not run yet
        later = joining.below(flow, self.id) if self.id else frozenset()
        for module in flow.modules:
            declaration = self.document.catalogue.get(module.name)
            if declaration is not None and module.id not in later:
                names += [f"{module.id}__{name}" for name in declaration.globals]
        return (*names, "run.id", *(f"env.{name}" for name in flow.flow.env))

    def shown_path(self, path: str) -> str:
        """A chosen path as the file should say it: relative where it lies below the flow's folder."""
        relative = os.path.relpath(path, self.folder)
        return path if relative.startswith("..") else Path(relative).as_posix()

    def button(self, icon: str, tip: str, run: Callable[[], object], parent: QWidget | None = None) -> QToolButton:
        """A quiet button with an icon; ``tip`` is its name for everybody."""
        made = QToolButton(parent)
        made.setObjectName("quiet")
        made.setIcon(plain(icon, self.look, self.look.theme.muted))
        made.setIconSize(QSize(14, 14))
        made.setFixedSize(24, 28)
        made.setToolTip(tip)
        made.setAccessibleName(tip)
        made.clicked.connect(lambda _=False: run())
        return made
