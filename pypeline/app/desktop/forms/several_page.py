"""Several things are selected: how many, and what can be done with them."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from pypeline.app.desktop.forms.labels import label
from pypeline.app.desktop.forms.room import Room

_CAN = (
    ("Drag", "moves them together"),
    ("Arrow keys", "nudge them on the grid"),
    ("Ctrl+C, Ctrl+V", "copy them as text, here or into another window"),
    ("Ctrl+D", "duplicates them"),
    ("Delete", "takes them out"),
)


class SeveralPage(QWidget):
    """Follows the selection."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self._room = room
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 12, 12, 16)
        box.setSpacing(4)
        self.title = label("", "heading", wrap=True)
        self.kinds = label("", "sub", wrap=True)
        box.addWidget(self.title)
        box.addWidget(self.kinds)
        box.addSpacing(8)
        for keys, what in _CAN:
            box.addSpacing(4)
            box.addWidget(label(keys))
            box.addWidget(label(what, "sub", wrap=True))
        box.addStretch(1)
        self.refresh()

    def refresh(self) -> None:
        """Count what is selected."""
        document = self._room.document
        chosen = document.selection
        modules, links = len(chosen.modules), len(chosen.links)
        parts = [f"{modules} modules" if modules != 1 else "1 module"] if modules else []
        parts += [f"{links} links" if links != 1 else "1 link"] if links else []
        self.title.setText(" and ".join(parts) + " selected")
        types: dict[str, int] = {}
        for module in document.flow.modules:
            if module.id in chosen.modules:
                types[module.name] = types.get(module.name, 0) + 1
        self.kinds.setText(" · ".join(f"{n} {name}" if n > 1 else name for name, n in types.items()))
        self.kinds.setVisible(bool(types))

    def learn(self) -> None:
        """Nothing known changes this."""
