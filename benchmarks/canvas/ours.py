"""Our canvas: ``python -m benchmarks.canvas.ours N`` prints one JSON line. Everything that is drawn is really drawn."""

from __future__ import annotations

import json
import os
import resource
import sys
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from benchmarks.canvas.frames import Frames
from benchmarks.canvas.shapes import graph, middle
from pypeline.canvas.document import Document
from pypeline.canvas.editor import Editor
from pypeline.canvas.look import look
from pypeline.canvas.minimap import Minimap
from pypeline.canvas.scene import FlowScene
from pypeline.canvas.view import FlowView
from pypeline.core import edits
from pypeline.core import events as ev
from pypeline.core.catalogue import Catalogue
from pypeline.core.modules import ModuleDecl
from pypeline.core.watch import Watch
from pypeline.schema.flow import Flow

STEP = ModuleDecl(name="step_mod", module_path="x", kind="mod", input_ports=("input",), output_ports=("output",), port_rules={"input": "many"})


def main(number: int) -> dict[str, object]:
    """Build, look at all and at one, pan, zoom, drag, and follow a run."""
    cards, links = graph(number)
    flow = Flow.model_validate(
        {
            "flow": {"name": "bench"},
            "modules": [{"id": name, "name": "step_mod"} for _, _, name in cards],
            "connections": {"data": [f"{cards[a][2]}.output - {cards[b][2]}.input" for a, b in links]},
            "canvas": {"modules": {name: [x, y] for x, y, name in cards}},
        }
    )
    app = QApplication([])
    start = time.perf_counter()
    document = Document(flow, Catalogue({STEP.name: STEP}))
    scene = FlowScene(document, look("light"))
    view = FlowView(scene)
    Editor(view)
    Minimap(view)
    view.resize(1600, 900)
    view.show()
    view.fit()
    app.processEvents()
    out: dict[str, object] = {"canvas": "PYpeline", "modules": number, "links": len(links), "open": round((time.perf_counter() - start) * 1000, 1)}
    frames = Frames(app, view.viewport())
    frames.settle()
    card = cards[middle(number)][2]
    whole, near = view.transform(), 1.0
    watch = Watch()
    document.learn(watch=watch)
    frames.settle()

    def flip(i: int) -> None:
        state = ("running", "completed")[i % 2]
        events = [ev.ModuleState(run="r", attempt=1, time=float(i), module=name, task=name, state=state) for _, _, name in cards[:: max(1, number // 100)]]
        document.learn(watch.feed(events), watch=watch)

    def drag(i: int) -> None:
        scene.drag([card], 8 * (i % 5 + 1), 0)

    def edit(i: int) -> None:
        document.apply("Move", edits.move(document.flow, {card: (i * 8, i * 8)}), merge="bench")

    for name in ("whole", "near"):
        if name == "whole":
            view.setTransform(whole)
            view.fit()
        else:
            view.zoom_to(near)
            view.show_module(card)
            x, y = scene.place(card)
            view.centerOn(x, y)
        frames.settle()
        out[f"{name} frame"] = frames.time(lambda _: view.viewport().repaint(), 12)
        out[f"{name} pan"] = frames.time(lambda i: view.pan_by(12 if i % 2 else -13, 0), 25)
        out[f"{name} zoom"] = frames.time(lambda i: view.zoom_by(0.5 if i % 2 else -0.5), 12)
        out[f"{name} drag"] = frames.time(drag, 25)
        scene.drag([card], 0, 0)
        out[f"{name} 100 states"] = frames.time(flip, 15)
    out["edit"] = frames.time(edit, 5)
    out["unpainted"] = frames.missed
    out["memory MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return out


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))), flush=True)
    os._exit(0)
