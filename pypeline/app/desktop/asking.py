"""Asking and telling without a nested loop: every dialog is opened, and its answer arrives as a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QMessageBox, QWidget


def show(dialog: QDialog) -> None:
    """Open ``dialog`` and let it go when it is closed."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, True)
    dialog.open()


def tell(parent: QWidget, title: str, text: str) -> QMessageBox:
    """Say something; there is nothing to choose."""
    return choose(parent, title, text, {}, cancel="Close")


def choose(parent: QWidget, title: str, text: str, answers: Mapping[str, Callable[[], object]], cancel: str = "Cancel") -> QMessageBox:
    """Ask; the chosen answer's function is called. Esc and ``cancel`` call nothing."""
    box = QMessageBox(parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(title)
    box.setInformativeText(text)
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    buttons = {box.addButton(name, QMessageBox.ButtonRole.AcceptRole): run for name, run in answers.items()}
    box.setEscapeButton(box.addButton(cancel, QMessageBox.ButtonRole.RejectRole))
    if buttons:
        box.setDefaultButton(next(iter(buttons)))

    def clicked(button: object) -> None:
        for made, run in buttons.items():
            if made is button:
                run()

    box.buttonClicked.connect(clicked)
    show(box)
    return box
