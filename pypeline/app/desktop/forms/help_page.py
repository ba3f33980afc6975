"""What a module type says of itself: what it does, its ports, options and variables."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from pypeline.app.desktop.forms.labels import label, selectable
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.shapes import Field, fields
from pypeline.app.desktop.forms.texts import to_yaml


class HelpPage(QWidget):
    """Made once for a type; nothing in it changes."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self._room = room
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(12, 12, 12, 16)
        self._box.setSpacing(4)
        declaration = room.declaration
        if declaration is None:
            self._box.addWidget(label("This type is not known here, so there is no help for it.", "muted", wrap=True))
            self._box.addStretch(1)
            return
        self._box.addWidget(label(declaration.title or declaration.name, "heading", wrap=True))
        self._box.addWidget(label(f"{declaration.description}.", wrap=True))
        self._group("Ports")
        for port in declaration.input_ports:
            many = declaration.port_rules.get(port) == "many"
            self._line(port, "input, takes many links" if many else "input")
        for port in declaration.output_ports:
            self._line(port, "output of rejected rows" if port in declaration.reject_ports or port == "reject" else "output")
        if not declaration.input_ports and not declaration.output_ports:
            self._box.addWidget(label("none", "muted"))
        self._group("Settings")
        for field in fields(declaration.json_schema or {}):
            self._option(field, field.name in declaration.required)
        if declaration.globals:
            self._group("Variables it sets")
            for name in declaration.globals:
                self._box.addWidget(self._mono(f"{{{{{room.id}__{name}}}}}"))
        self._group("Type")
        self._line(declaration.name, f"version {declaration.version}, {declaration.origin}")
        self._box.addStretch(1)

    def _group(self, title: str) -> None:
        self._box.addSpacing(12)
        self._box.addWidget(label(title.upper(), "group"))

    def _mono(self, text: str) -> QWidget:
        made = selectable(label(text, wrap=True))
        made.setFont(self._room.mono)
        return made

    def _line(self, name: str, what: str) -> None:
        self._box.addWidget(self._mono(name))
        self._box.addWidget(label(what, "sub", wrap=True))

    def _option(self, field: Field, required: bool) -> None:
        self._box.addSpacing(4)
        self._box.addWidget(self._mono(field.name))
        facts = [field.title]
        if required:
            facts.append("required")
        elif field.has_default and field.default is not None:
            facts.append(f"default {to_yaml(field.default, one_line=True)}")
        if field.shape.options:
            facts.append("one of " + ", ".join(str(o) or '""' for o in field.shape.options))
        self._box.addWidget(label(" · ".join(facts), "sub", wrap=True))
        if field.description:
            self._box.addWidget(label(field.description, wrap=True))

    def refresh(self) -> None:
        """Nothing changes."""

    def learn(self) -> None:
        """Nothing changes."""
