"""A canvas to draw on in tests, and a hand: real mouse and key events at scene points."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from pypeline.canvas.document import Document
from pypeline.canvas.editor import Editor
from pypeline.canvas.look import look
from pypeline.canvas.scene import FlowScene
from pypeline.canvas.view import FlowView
from pypeline.core.catalogue import Catalogue
from pypeline.core.modules import ModuleDecl
from pypeline.schema.flow import Flow

SOURCE = ModuleDecl(name="inline_source", module_path="x", kind="source", output_ports=("data",), title="Inline table")
FILTER = ModuleDecl(
    name="filter_mod", module_path="x", kind="mod", input_ports=("input",), output_ports=("output", "reject"), reject_ports=("reject",), title="Filter"
)
JOIN = ModuleDecl(name="join_mod", module_path="x", kind="mod", input_ports=("left", "right"), output_ports=("output",), title="Join")
UNION = ModuleDecl(name="union_mod", module_path="x", kind="mod", input_ports=("input",), output_ports=("output",), port_rules={"input": "many"}, title="Union")
SINK = ModuleDecl(name="log_sink", module_path="x", kind="sink", input_ports=("input",), title="Log")
SOLO = ModuleDecl(name="shell_solo", module_path="x", kind="solo", title="Shell command")
CATALOGUE = Catalogue({d.name: d for d in (SOURCE, FILTER, JOIN, UNION, SINK, SOLO)})

NONE = Qt.KeyboardModifier.NoModifier


class Board:
    """A document, its scene, view and editor in one window of 1200 × 800."""

    def __init__(self, qtbot: Any, flow: dict[str, Any]) -> None:
        self.document = Document(Flow.model_validate({"flow": {"name": "f"}, **flow}), CATALOGUE)
        self.scene = FlowScene(self.document, look("light"))
        self.view = FlowView(self.scene)
        self.editor = Editor(self.view)
        self.said: list[str] = []
        self.view.said.connect(lambda text, _bad: self.said.append(text))
        self.view.resize(1200, 800)
        qtbot.addWidget(self.view)
        self.view.show()
        qtbot.waitExposed(self.view)
        self.view.fit()

    def card(self, id: str) -> QPointF:
        box = self.scene.cards[id].card.box
        return QPointF(box.x + 90, box.bottom - 8)

    def port(self, id: str, side: str, name: str) -> QPointF:
        return QPointF(*self.scene.cards[id].place_of(side, name))

    def at(self, point: QPointF) -> QPoint:
        return self.view.mapFromScene(point)

    def drag(self, start: QPointF, end: QPointF, modifiers: Qt.KeyboardModifier = NONE, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
        """Press, move in steps, release."""
        area = self.view.viewport()
        a, b = self.at(start), self.at(end)
        QTest.mousePress(area, button, modifiers, a)
        for step in range(1, 6):
            QTest.mouseMove(area, a + (b - a) * step / 5)
        QTest.mouseRelease(area, button, modifiers, b)

    def click(self, point: QPointF, modifiers: Qt.KeyboardModifier = NONE) -> None:
        QTest.mouseClick(self.view.viewport(), Qt.MouseButton.LeftButton, modifiers, self.at(point))

    def data(self) -> list[str]:
        return [str(x) for x in self.document.flow.connections.data]

    def control(self) -> list[str]:
        return [str(x) for x in self.document.flow.connections.control]
