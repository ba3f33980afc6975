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
from pypeline.app.desktop import style
from pypeline.app.desktop.board import Board
from pypeline.app.desktop.garbage import WindowCollector
from pypeline.canvas.document import Document
from pypeline.canvas.look import look
from pypeline.canvas.paint import FAR, TEXT_FROM
from pypeline.core import edits
from pypeline.core import events as ev
from pypeline.core.catalogue import Catalogue
from pypeline.core.modules import ModuleDecl
from pypeline.core.watch import Watch
from pypeline.schema.flow import Flow

STEP = ModuleDecl(name="step_mod", module_path="x", kind="mod", input_ports=("input",), output_ports=("output",), port_rules={"input": "many"})
ZOOMS = {"whole": 0.0, "names": FAR + 0.01, "half": TEXT_FROM + 0.01, "near": 1.0, "double": 2.0}
"""The distances that are measured: 0 for all in sight; just nearer than where names, and where all texts, appear."""


def bench_flow(number: int) -> Flow:
    """The graph of all canvases as a flow."""
    cards, links = graph(number)
    return Flow.model_validate(
        {
            "flow": {"name": "bench"},
            "modules": [{"id": name, "name": STEP.name} for _, _, name in cards],
            "connections": {"data": [f"{cards[a][2]}.output - {cards[b][2]}.input" for a, b in links]},
            "canvas": {"modules": {name: [x, y] for x, y, name in cards}},
        }
    )


def main(number: int) -> dict[str, object]:
    """Build, look from five distances, pan, zoom, drag, and follow a run."""
    cards, links = graph(number)
    flow = bench_flow(number)
    app = QApplication([])
    style.apply(app, "light")
    WindowCollector(app).__enter__()  # as in the window: cycles are collected by a timer
    start, cpu = time.perf_counter(), time.process_time()
    document = Document(flow, Catalogue({STEP.name: STEP}))
    board = Board(document, look("light"))
    board.resize(1600, 900)
    board.show()
    board.view.fit()
    app.processEvents()
    took = {"median": round((time.perf_counter() - start) * 1000, 1), "cpu": round((time.process_time() - cpu) * 1000, 1)}
    out: dict[str, object] = {"canvas": "PYpeline", "modules": number, "links": len(links), "open": took}
    scene, view = board.scene, board.view
    frames = Frames(app, view.viewport())
    frames.settle()
    centre = middle(number)
    card = cards[centre][2]
    watch = Watch()
    document.learn(watch=watch)
    frames.settle()
    # a hundred modules that change at once: the nearest to the middle, so that all who can be seen are
    x, y, _ = cards[centre]
    lively = {name for _, _, name in sorted(cards, key=lambda c: abs(c[0] - x) + abs(c[1] - y))[:100]}
    carrying = [str(link) for link in flow.connections.data if link.source in lively]

    def flip(i: int) -> None:
        state = ("running", "completed")[i % 2]
        events = [ev.ModuleState(run="r", attempt=1, time=float(i), module=name, task=name, state=state) for name in lively]
        counts = [ev.LinkCount(run="r", attempt=1, time=float(i), link=link, rows=1000 * i + 7, final=False, seconds=i + 1.0) for link in carrying]
        document.learn(watch.feed([*events, *counts]), watch=watch)

    def drag(i: int) -> None:
        scene.drag([card], 8 * (i % 5 + 1), 0)

    def edit(i: int) -> None:
        document.apply("Move", edits.move(document.flow, {card: (x + i * 8, y + i * 8)}), merge="bench")

    for name, zoom in ZOOMS.items():
        if zoom:
            view.zoom_to(zoom)
            view.centerOn(x, y)
        else:
            view.fit()
        frames.settle()
        out[f"{name} frame"] = frames.time(lambda _: view.viewport().repaint(), 25)
        out[f"{name} pan"] = frames.time(lambda i: view.pan_by(12 if i % 24 < 12 else -12, 0), 40)
        frames.settle()
        out[f"{name} zoom"] = frames.time(lambda i: view.zoom_by(0.5 if i % 2 else -0.5), 24)
        view.zoom_to(zoom) if zoom else view.fit()
        frames.settle()
        out[f"{name} drag"] = frames.time(drag, 25)
        scene.drag([card], 0, 0)
        frames.settle()
        out[f"{name} 100 states"] = frames.time(flip, 25, rest=0.12)
    out["edit"] = frames.time(edit, 5)
    out["unpainted"] = frames.missed
    out["memory MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return out


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))), flush=True)
    os._exit(0)
