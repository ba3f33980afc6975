"""The pictures of the window that the documentation shows: one theme at one scale, see ``screenshots.py``.

`python tools/window_shots.py PROJECT OUT THEME SUFFIX [NAME…]`. In: a folder with the demo's data. Out:
``OUT/NAME-THEME[SUFFIX].png``. Needs a screen; the scale is ``QT_SCALE_FACTOR``. Every pose is
reached as a person reaches it: with mouse and keys on a real window.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from pypeline.app.desktop import files, loop, style
from pypeline.app.desktop.window import FlowWindow
from pypeline.core import edits

SECONDS = 60
WIDE, HIGH = 1440, 900
COLOURS = 256
EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "concepts"
NIGHTLY = """\
flow: {name: nightly}
modules:
  - id: orders
    name: csv_source
    configs:
      required: {file_path: data/orders.csv}
      optional:
        columns: {order_id: int64, customer_id: string, ordered: date, item: string, quantity: int64, price: "decimal(10,2)", note: string}
        null_strings: ["", "NULL"]
  - {id: with_price, name: filter_mod, configs: {required: {condition: price is not null}}}
  - {id: clean, name: parquet_sink, configs: {required: {output_path: out/clean.parquet}}}
  - {id: bad_lines, name: csv_sink, configs: {required: {output_path: out/nightly_bad_lines.csv}}}
  - {id: publish, name: shell_solo, configs: {required: {command: [echo, published]}}}
  - {id: warn, name: shell_solo, configs: {required: {command: [echo, many bad lines]}}}
  - {id: open_ticket, name: shell_solo, configs: {required: {command: [echo, failed]}}}
  - {id: tidy, name: shell_solo, configs: {required: {command: [echo, tidy]}}}
connections:
  data: [orders.data - with_price.input, with_price.output - clean.input, orders.reject - bad_lines.input]
  control:
    - "clean (1|ok) publish"
    - "clean (2|if {{orders__rejected_count}} > 100) warn"
    - "clean (1|error) open_ticket"
    - "clean (Last|always) tidy"
"""

ACTIVE = """\
flow: {name: active}
modules:
  - {id: customers, name: csv_source, configs: {required: {file_path: data/customers.csv}}}
  - {id: filter, name: filter_mod, configs: {required: {condition: active}}}
  - {id: aggregate, name: aggregate_mod, configs: {required: {measures: {customers: count(*)}}, optional: {group_by: [country]}}}
  - {id: csv, name: csv_sink, configs: {required: {output_path: out/active.csv}}}
connections:
  data: [customers.data - filter.input, filter.output - aggregate.input, aggregate.output - csv.input]
"""


class Poser:
    """A window on a flow of the project, and a hand."""

    def __init__(self, project: Path, theme: str) -> None:
        self.project, self.theme = project, theme
        self.window: FlowWindow

    async def open(self, path: Path | None) -> FlowWindow:
        """Open a flow, or an empty one, and wait until it is understood."""
        file = files.open_flow(path) if path else files.new_flow()
        self.window = FlowWindow(file, self.theme)
        self.window.resize(WIDE, HIGH)
        self.window.move(40, 40)
        understood = asyncio.ensure_future(heard(self.window.session.understood))
        self.window.show()
        await until(lambda: self.window.isActiveWindow() and self.window.windowHandle().isExposed())
        self.window.board.view.start()
        await understood
        return self.window

    async def understood(self) -> None:
        """Wait for the problems and columns of the flow as drawn."""
        await heard(self.window.session.understood)

    async def run(self) -> None:
        """Press Run and wait for the end."""
        QTest.mouseClick(self.window.toolbar.run, Qt.MouseButton.LeftButton)
        await until(lambda: not self.window.session.running)

    async def choose(self, module: str) -> None:
        """Click a card and wait for its rows."""
        view = self.window.board.view
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.mapFromScene(self.card(module)))
        await heard(self.window.session.previewed)

    def card(self, id: str) -> QPointF:
        """A point on a card's foot."""
        box = self.window.board.scene.cards[id].card.box
        return QPointF(box.x + 90, box.bottom - 8)

    def point(self, scene: QPointF) -> QPoint:
        """Where a scene point is on the canvas widget."""
        return self.window.board.view.mapFromScene(scene)

    async def close(self) -> None:
        """Close without a word."""
        ended = asyncio.get_running_loop().create_future()
        self.window.closed.connect(lambda: ended.done() or ended.set_result(None))
        self.window.close_at_once()
        await asyncio.wait_for(ended, SECONDS)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(SECONDS):
        while not holds():  # noqa: ASYNC110 -- what Qt shows has no event of asyncio's
            await asyncio.sleep(0.02)


async def heard(signal: Any) -> None:
    """Wait for a signal's next time."""
    got: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def hear(*_: object) -> None:
        if not got.done():
            got.set_result(None)

    signal.connect(hear)
    try:
        await asyncio.wait_for(got, SECONDS)
    finally:
        signal.disconnect(hear)


# --- the poses: each leaves the window as the picture shows it ------------------------------------------


async def run_and_look(pose: Poser) -> None:
    """After a run: counts on links, a module selected, its rows below."""
    window = await pose.open(pose.project / "shop.yaml")
    await pose.run()
    window.board.view.zoom_to(0.8)
    box = window.board.scene.cards["with_price"].card.box
    window.board.view.centerOn(box.right + 60, box.bottom + 90)
    await pose.choose("known")
    hover(window.board.view.viewport(), QPoint(5, 5))


async def drawing_a_link(pose: Poser) -> None:
    """A link on its way: what it fits lights up."""
    window = await pose.open(pose.project / "shop.yaml")
    flow, catalogue = window.document.flow, window.document.catalogue
    places = window.board.scene
    x, y = places.place("by_month")
    for type, dx, dy in (("sort_mod", 3, 0), ("parquet_sink", 3, 1), ("union_mod", 1, 1)):
        flow, _ = edits.add_module(flow, catalogue[type], (x + dx * 240, y + dy * 136))
    window.document.apply("Add", flow)
    await pose.understood()
    view, cards = window.board.view, places.cards
    view.centerOn(x + 480, y - 60)
    start = QPointF(*cards["in_order"].place_of("out", "output"))
    end = QPointF(*cards["parquet"].place_of("in", "input"))
    QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=pose.point(start))
    await heard(window.session.previewed)
    for step in range(1, 6):
        hover(view.viewport(), pose.point(start + (end - start) * step / 5), Qt.MouseButton.LeftButton)


async def quick_add(pose: Poser) -> None:
    """Typing on the canvas offers modules."""
    window = await pose.open(pose.project / "shop.yaml")
    view = window.board.view
    view.setFocus()
    hover(view.viewport(), QPoint(view.width() // 2, 60))
    QTest.keyClick(view, "s")
    QTest.keyClick(window.board.editor.quick_add.line, "o")


async def problems(pose: Poser) -> None:
    """A misspelt column: badge, message and a button that mends it."""
    window = await pose.open(pose.project / "shop.yaml")
    flow = edits.set_config(window.document.flow, "with_price", "condition", "prise is not null and quantity > 0", required=True)
    flow = edits.remove(flow, links=[link for link in flow.connections.data if link.target == "best_first"])
    window.document.apply("Set condition", flow)
    window.document.select(["with_price"])
    await pose.understood()
    QTest.keyClick(window, Qt.Key.Key_F6)
    await pose.understood()


async def control_links(pose: Poser) -> None:
    """Sub flows, started by control links with valves, after a run."""
    path = pose.project / "nightly.yaml"
    path.write_text(NIGHTLY, encoding="utf-8")
    window = await pose.open(path)
    await pose.run()
    window.document.select(links=[window.document.flow.connections.control[1]])
    window.tabs.setCurrentWidget(window.log)


async def first_flow(pose: Poser) -> None:
    """The flow of docs/first-flow.md after its run, its last link chosen."""
    path = pose.project / "active.yaml"
    path.write_text(ACTIVE, encoding="utf-8")
    window = await pose.open(path)
    await pose.run()
    link = window.document.flow.connections.data[-1]
    middle = window.board.scene.link_items[str(link)].path.pointAtPercent(0.5)
    QTest.mouseClick(window.board.view.viewport(), Qt.MouseButton.LeftButton, pos=pose.point(middle))
    await heard(window.session.previewed)


async def empty(pose: Poser) -> None:
    """A new flow."""
    await pose.open(None)


async def concept(name: str, pose: Poser) -> None:
    """A flow of examples/concepts after its run, whole."""
    folder = pose.project / "concepts"
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
    with flaky_server() as url:
        (folder / "context" / "flaky_http_default.json").write_text(json.dumps({"url": url}), encoding="utf-8")
        window = await pose.open(folder / f"{name}.yaml")
        await pose.run()
    window.document.select()
    window.actions_by_id["view.fit"].trigger()


class Flaky(BaseHTTPRequestHandler):
    """Answers every third request."""

    asked = 0

    def do_GET(self) -> None:
        """Two refusals, then a table."""
        type(self).asked += 1
        if self.asked % 3:
            self.send_error(503)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"currency,rate\nEUR,1.0\nNOK,11.6\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def flaky_server() -> Iterator[str]:
    """A server on a port of its own, for as long as it is needed; gives the address of its table."""
    with HTTPServer(("127.0.0.1", 0), Flaky) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/rates.csv"
        finally:
            server.shutdown()
            thread.join()


POSES: dict[str, Callable[[Poser], Awaitable[None]]] = {
    "window": run_and_look,
    "drawing": drawing_a_link,
    "quick-add": quick_add,
    "problems": problems,
    "control": control_links,
    "first-flow": first_flow,
    "empty": empty,
    **{f"concept-{path.stem}": partial(concept, path.stem) for path in sorted(EXAMPLES.glob("*.yaml"))},
}


def hover(widget: QWidget, at: QPoint, held: Qt.MouseButton = Qt.MouseButton.NoButton) -> None:
    """The pointer goes there. QTest's own move runs a nested loop, which would enter a task inside this one."""
    place = QPointF(widget.mapToGlobal(at))
    QApplication.sendEvent(widget, QMouseEvent(QEvent.Type.MouseMove, QPointF(at), place, Qt.MouseButton.NoButton, held, Qt.KeyboardModifier.NoModifier))


def _most_frequent(cubes: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The most frequent colour of each cube of the colour space, the most frequent first."""
    keys = cubes @ np.array([65536, 256, 1])
    order = np.lexsort((-count, keys))
    first = order[np.unique(keys[order], return_index=True)[1]]
    return first[np.argsort(-count[first])]


def write(image: QImage, path: Path) -> str:
    """Write ``image`` with a palette of :data:`COLOURS` colours: a third of the size, and no eye sees it; says how large it is."""
    plain = image.convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(plain.constBits(), np.uint32).reshape(plain.height(), plain.bytesPerLine() // 4)[:, : plain.width()]
    colours, at, count = np.unique(pixels, return_inverse=True, return_counts=True)
    parts = np.stack([(colours >> shift) & 0xFF for shift in (16, 8, 0)], axis=1).astype(np.int32)
    # flat areas stay exact; every region of the colour space is kept, however rare; the rest share what is near
    wanted = [np.argsort(-count)[: COLOURS // 8], _most_frequent(parts >> 5, count), _most_frequent(parts >> 4, count)]
    kept = np.array(list(dict.fromkeys(np.concatenate(wanted).tolist()))[:COLOURS])
    nearest = np.empty(len(colours), np.uint8)
    for start in range(0, len(colours), 4096):
        far = ((parts[start : start + 4096, None, :] - parts[None, kept, :]) ** 2).sum(axis=2)
        nearest[start : start + 4096] = far.argmin(axis=1)
    index = np.ascontiguousarray(nearest[at].reshape(pixels.shape))
    made = QImage(index.data, plain.width(), plain.height(), plain.width(), QImage.Format.Format_Indexed8)
    made.setColorTable([int(c) | 0xFF000000 for c in colours[kept]])
    if not made.save(str(path), "PNG", 0):  # type: ignore[call-overload]
        raise OSError(f"cannot write {path}")
    return f"{path.name}  {path.stat().st_size // 1024} KiB"


def main(arguments: list[str]) -> int:
    """Take the named pictures, or all."""
    project, out, theme, suffix, *names = arguments
    QGuiApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    app = QApplication(sys.argv[:1])
    app.setCursorFlashTime(0)
    style.apply(app, theme)
    failures: list[str] = []

    async def take() -> int:
        # the concepts show what a flow looks like, not how sharp the window is
        for name in names or [name for name in POSES if not (suffix and name.startswith("concept-"))]:
            pose = Poser(Path(project), theme)
            await POSES[name](pose)
            # one turn of the loop and a painted frame: what the pose changed is on the screen
            await asyncio.sleep(0.3)
            print(write(pose.window.grab().toImage(), Path(out, f"{name}-{theme}{suffix}.png")), flush=True)
            await pose.close()
        return 0

    code = loop.run(app, take, lambda _, detail: failures.append(detail))
    for detail in failures:
        print(detail, file=sys.stderr)
    return 1 if failures else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
