"""The dialog before a run: what the context leaves to a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QVBoxLayout, QWidget

from pypeline.app.cli.parser import scalar
from pypeline.app.desktop.answers import GoOn
from pypeline.app.desktop.forms.labels import label
from pypeline.runner.variables import Question


class Questions(QDialog):
    """One line for each of ``questions``, what is proposed filled in; ``go_on`` is called with all answers, ``given_up`` without any."""

    def __init__(self, parent: QWidget, questions: Sequence[Question], context: str, go_on: GoOn, given_up: Callable[[], object]) -> None:
        super().__init__(parent)
        self.setWindowTitle("Before it runs")
        self.setMinimumWidth(420)
        self._questions = questions
        self.lines = [self._line(each) for each in questions]
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 20, 24, 16)
        box.setSpacing(4)
        box.addWidget(label("Before it runs", "heading"))
        box.addWidget(label(f"The context {context} leaves this to you.", "sub"))
        for question, line in zip(questions, self.lines, strict=True):
            box.addSpacing(10)
            box.addWidget(label(question.text or question.name, wrap=True))
            box.addWidget(line)
            if question.secret:
                box.addWidget(label("Not shown, and kept for this run only.", "sub"))
        buttons = QDialogButtonBox()
        self.run_button = buttons.addButton("Run", QDialogButtonBox.ButtonRole.AcceptRole)
        self.run_button.setDefault(True)
        self.cancel_button = buttons.addButton("Cancel", QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        box.addSpacing(16)
        box.addWidget(buttons)
        self.accepted.connect(lambda: go_on(self._answers()))
        self.rejected.connect(given_up)
        self._typed()

    def _line(self, question: Question) -> QLineEdit:
        line = QLineEdit()
        line.setAccessibleName(question.text or question.name)
        line.setToolTip(question.name)
        if question.secret:
            line.setEchoMode(QLineEdit.EchoMode.Password)
        elif question.proposal is not None:
            line.setText(_text(question.proposal))
        line.textChanged.connect(self._typed)
        return line

    def _typed(self) -> None:
        self.run_button.setEnabled(all(line.text().strip() for line in self.lines))

    def _answers(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for question, line in zip(self._questions, self.lines, strict=True):
            text = line.text()
            if question.secret:
                found[question.name] = text
            elif question.proposal is not None and text == _text(question.proposal):
                found[question.name] = question.proposal
            else:
                found[question.name] = scalar(text.strip())
        return found


def _text(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
