"""What every editor of a form is: a widget that shows one value and says when a person changed it."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget


class _Nothing(Enum):
    UNSET = "unset"


UNSET: Final = _Nothing.UNSET
"""The value of a field that is not written."""


class Editor(QWidget):
    """Signals: ``edited(value, typing)``: a person changed it; ``typing`` says that more of the same
    will follow (steps of typing are one undo step). ``refused(reason)``: what stands there is no value;
    an empty reason takes that back."""

    edited = Signal(object, bool)
    refused = Signal(str)

    def show_value(self, value: Any) -> None:
        """Show ``value`` (:data:`UNSET` for none) without saying anything; the cursor stays where it can."""
        raise NotImplementedError

    def value(self) -> Any:
        """What is shown, as it would be written; :data:`UNSET` for nothing."""
        raise NotImplementedError

    def show_hint(self, text: str) -> None:
        """Say what an empty field means."""

    def show_name(self, title: str, description: str = "") -> None:
        """Say what this is the editor of, also to who cannot see it."""
        target = self.target()
        target.setAccessibleName(title)
        target.setAccessibleDescription(description)
        if description:
            target.setToolTip(description)

    def says(self) -> tuple[str, ...]:
        """The messages of what is wrong that the editor itself shows."""
        return ()

    def learn(self) -> None:
        """Columns or variables may be others now: look again."""

    def target(self) -> QWidget:
        """The widget that takes the keyboard."""
        return self


def mark(widget: QWidget, bad: bool) -> None:
    """Give ``widget`` the red edge of what is wrong, or take it away."""
    if bool(widget.property("bad")) != bad:
        widget.setProperty("bad", bad)
        widget.style().unpolish(widget)
        widget.style().polish(widget)
