"""Other node editors on the same graph, through their public calls: ``python -m benchmarks.canvas.peers NAME N``.

Prints one JSON line. Runs with the interpreter of the peers' own environment. What a peer does not
have (a state of a node) is measured as the least it could cost: a hundred of its items painted again.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_API", "pyside6")

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtWidgets import QApplication, QGraphicsView

from benchmarks.canvas.frames import Frames
from benchmarks.canvas.shapes import HEIGHT, WIDTH, graph, middle

Cards = list[tuple[float, float, str]]
Links = list[tuple[int, int]]
WIDE, HIGH = 1600, 900


@dataclass
class Peer:
    """A canvas with the graph on it. ``look(box)`` shows a scene rectangle, ``pan(pixels)`` and ``zoom(factor)`` from there."""

    view: Any
    items: list[Any]
    look: Callable[[QRectF], None]
    pan: Callable[[float], None]
    zoom: Callable[[float], None]


def node_graph_qt(cards: Cards, links: Links) -> Peer:
    """NodeGraphQt: its viewer keeps a scene range of its own for pan and zoom."""
    import NodeGraphQt

    class Step(NodeGraphQt.BaseNode):  # type: ignore[misc, name-defined]
        __identifier__ = "bench"
        NODE_NAME = "Step"

        def __init__(self) -> None:
            super().__init__()
            self.add_input("in", multi_input=True)
            self.add_output("out", multi_output=True)

    made = NodeGraphQt.NodeGraph()
    made.register_node(Step)
    nodes = [made.create_node("bench.Step", name=name, pos=[x, y], selected=False, push_undo=False) for x, y, name in cards]
    for a, b in links:
        nodes[a].output(0).connect_to(nodes[b].input(0), push_undo=False)
    view = made.viewer()
    keep.append(made)

    def look(box: QRectF) -> None:
        view._scene_range = QRectF(box)
        view._update_scene()

    def zoom(factor: float) -> None:
        seen = view._scene_range
        width, height = seen.width() / factor, seen.height() / factor
        look(QRectF(seen.center().x() - width / 2, seen.center().y() - height / 2, width, height))

    return Peer(view, [n.view for n in nodes], look, lambda pixels: view._set_viewer_pan(pixels * view._scene_range.width() / WIDE, 0), zoom)


def qt_py_node_editor(cards: Cards, links: Links) -> Peer:
    """qtpynodeeditor: an input takes one link there, so each node has three and further links are left out."""
    import qtpynodeeditor as q

    rows = q.NodeDataType(id="rows", name="rows")

    class Step(q.NodeDataModel):  # type: ignore[misc, name-defined]
        name = "Step"
        caption = "Step"
        caption_visible = True
        num_ports = {q.PortType.input: 3, q.PortType.output: 1}  # noqa: RUF012
        data_type = {q.PortType.input: {0: rows, 1: rows, 2: rows}, q.PortType.output: {0: rows}}  # noqa: RUF012

        def port_out_connection_policy(self, index: int) -> Any:
            return q.ConnectionPolicy.many

        def out_data(self, port: int) -> Any:
            return None

        def set_in_data(self, data: Any, port: Any) -> None:
            return None

        def embedded_widget(self) -> Any:
            return None

    registry = q.DataModelRegistry()
    registry.register_model(Step, category="bench")
    scene = q.FlowScene(registry=registry)
    view = q.FlowView(scene)
    nodes = []
    for x, y, _ in cards:
        node = scene.create_node(Step)
        node.position = QPointF(x, y)
        nodes.append(node)
    used: dict[int, int] = {}
    for a, b in links:
        port = used.get(b, 0)
        if port < 3:
            scene.create_connection(nodes[a][q.PortType.output][0], nodes[b][q.PortType.input][port], check_cycles=False)
            used[b] = port + 1
    keep.append(scene)
    return Peer(view, [n.graphics_object for n in nodes], *_plain(view))


def pyqtgraph_flowchart(cards: Cards, links: Links) -> Peer:
    """pyqtgraph's flowchart: a view box looks at the scene."""
    from pyqtgraph.flowchart import Flowchart, Node, library

    class Step(Node):  # type: ignore[misc]
        nodeName = "Step"

        def __init__(self, name: str) -> None:
            super().__init__(name, terminals={"I": {"io": "in", "multi": True}, "O": {"io": "out"}})

        def process(self, I: Any, display: bool = True) -> dict[str, Any]:  # noqa: E741 - the terminal's name
            return {"O": None}

    chart = Flowchart(terminals={})
    widget = chart.widget()
    chart.library = library.LIBRARY.copy()
    chart.library.addNodeType(Step, [("bench",)])
    nodes = [chart.createNode("Step", name=name, pos=(x, y)) for x, y, name in cards]
    for a, b in links:
        chart.connectTerminals(nodes[a]["O"], nodes[b]["I"])
    view, box = widget.chartWidget.view, widget.chartWidget.viewBox()
    box.setAspectLocked(False)
    keep.extend([chart, widget])

    def look(area: QRectF) -> None:
        box.setRange(area, padding=0)

    def pan(pixels: float) -> None:
        (left, right), _ = box.viewRange()
        box.translateBy(x=(right - left) / WIDE * pixels, y=0)

    return Peer(view, [n.graphicsItem() for n in nodes], look, pan, lambda factor: box.scaleBy((1 / factor, 1 / factor)))


def _plain(view: Any) -> tuple[Callable[[QRectF], None], Callable[[float], None], Callable[[float], None]]:
    """Look, pan and zoom of an ordinary graphics view."""

    def look(box: QRectF) -> None:
        # room around the graph, so that it can be panned at all
        known = QGraphicsView.scene(view).itemsBoundingRect()
        view.setSceneRect(known.adjusted(-known.width(), -known.height(), known.width(), known.height()))
        view.resetTransform()
        scale = min(WIDE / box.width(), HIGH / box.height())
        view.scale(scale, scale)
        view.centerOn(box.center())

    def pan(pixels: float) -> None:
        bar = view.horizontalScrollBar()
        bar.setValue(bar.value() + round(pixels))

    return look, pan, lambda factor: view.scale(factor, factor)


PEERS = {"NodeGraphQt": node_graph_qt, "qtpynodeeditor": qt_py_node_editor, "pyqtgraph": pyqtgraph_flowchart}
keep: list[Any] = []
"""What must live as long as the view."""


def main(name: str, number: int) -> dict[str, object]:
    """The same looks and gestures as ours, where the peer has them."""
    cards, links = graph(number)
    app = QApplication([])
    start, cpu = time.perf_counter(), time.process_time()
    peer = PEERS[name](cards, links)
    window = peer.view.window()
    peer.view.setMinimumSize(WIDE, HIGH)
    window.resize(WIDE, HIGH)
    window.show()
    whole = QRectF(0, 0, max(x for x, _, _ in cards) + WIDTH, max(y for _, y, _ in cards) + HEIGHT)
    peer.look(whole)
    app.processEvents()
    took = {"median": round((time.perf_counter() - start) * 1000, 1), "cpu": round((time.process_time() - cpu) * 1000, 1)}
    out: dict[str, object] = {"canvas": name, "modules": number, "links": len(links), "open": took}
    frames = Frames(app, peer.view.viewport())
    frames.settle()
    card = peer.items[middle(number)]
    place = card.pos()
    lively = sorted(peer.items, key=lambda item: (item.pos() - place).manhattanLength())[:100]
    near = QRectF(place.x() - WIDE / 2, place.y() - HIGH / 2, WIDE, HIGH)
    for look, box in (("whole", whole), ("near", near)):
        peer.look(box)
        frames.settle()
        out[f"{look} frame"] = frames.time(lambda _: peer.view.viewport().repaint(), 12, 8)
        out[f"{look} pan"] = frames.time(lambda i: peer.pan(12 if i % 24 < 12 else -12), 25, 8)
        out[f"{look} zoom"] = frames.time(lambda i: peer.zoom(1.07 if i % 2 else 1 / 1.07), 12, 8)
        peer.look(box)
        frames.settle()
        out[f"{look} drag"] = frames.time(lambda i: card.moveBy(8 if i % 2 else -8, 0), 25, 8)
        out[f"{look} 100 states"] = frames.time(lambda _: [item.update() for item in lively], 12, 8)
    out["unpainted"] = frames.missed
    out["memory MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return out


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))), flush=True)
    os._exit(0)
