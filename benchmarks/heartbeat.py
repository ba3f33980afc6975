"""The window's heartbeat while a run floods it: ``python -m benchmarks.heartbeat [--seconds N] [--json FILE]``.

A timer of 10 ms beats in a real window (offscreen) with 1,000 modules, while a thread emits 10,000
events a second into the session, as a run does. Out: how late beats were by the clock, how long the
window's thread worked between two of them, and whether the counters at the end are exact. The same
is measured before without events, because a busy machine is late by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

from benchmarks.canvas.shapes import graph
from benchmarks.report import machine, table
from pypeline.app.desktop import files, loop, style
from pypeline.app.desktop.window import FlowWindow
from pypeline.core import events as e
from pypeline.core.watch import Watch
from pypeline.schema.flow import Flow

MODULES = 1_000
RATE = 10_000
ROUND = 20_000
BEAT = 0.010
SECONDS = 265.0
"""A little more than 20,000 beats."""
IDLE_SECONDS = 20.0
BAR = 50.0
"""Milliseconds that 999 of 1,000 beats may be late at most."""


@dataclass(frozen=True, slots=True)
class Beats:
    """``late`` by the clock and ``worked`` by the window's thread between two beats: quantiles in milliseconds."""

    number: int
    late_p50: float
    late_p99: float
    late_p999: float
    late_most: float
    worked_p50: float
    worked_p99: float
    worked_p999: float
    worked_most: float
    worked_share: float


class Heart(QObject):
    """Beats every 10 ms from :meth:`start` on; :meth:`stop` tells how."""

    def __init__(self) -> None:
        super().__init__()
        self._late: list[float] = []
        self._worked: list[float] = []
        self._last = self._cpu = self._began = self._spent = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(round(BEAT * 1000))
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        """Begin."""
        self._late.clear()
        self._worked.clear()
        self._last = self._began = time.perf_counter()
        self._cpu = self._spent = time.thread_time()
        self._timer.start()

    def _beat(self) -> None:
        now, cpu = time.perf_counter(), time.thread_time()
        self._late.append(max(0.0, now - self._last - BEAT) * 1000)
        self._worked.append((cpu - self._cpu) * 1000)
        self._last, self._cpu = now, cpu

    def stop(self) -> Beats:
        """End; needs at least one beat."""
        self._timer.stop()
        share = (time.thread_time() - self._spent) / (time.perf_counter() - self._began)
        late, worked = sorted(self._late), sorted(self._worked)

        def at(values: list[float], share: float) -> float:
            return round(values[min(len(values) - 1, int(share * len(values)))], 2)

        quantiles = [round(statistics.median(late), 2), at(late, 0.99), at(late, 0.999), round(late[-1], 2)]
        quantiles += [round(statistics.median(worked), 2), at(worked, 0.99), at(worked, 0.999), round(worked[-1], 2)]
        return Beats(len(late), *quantiles, round(share, 3))


class Flood(threading.Thread):
    """A run's events in the mix of a real one, ``rate`` a second, the same round again and again."""

    def __init__(self, flow: Flow, heard: Callable[[e.RunEvent], None], rate: int = RATE) -> None:
        super().__init__(daemon=True)
        self._heard, self._rate = heard, rate
        self._modules = [m.id for m in flow.modules]
        self._links = [str(link) for link in flow.connections.data]
        self._over = threading.Event()
        random_ = random.Random(5)
        self._round = [self._one(random_, random_.randrange(1, 10 ** random_.randrange(2, 8))) for _ in range(ROUND)]
        self.sent = 0

    def run(self) -> None:
        burst = self._rate // 100
        turn = time.perf_counter()
        while not self._over.is_set():
            for n in range(self.sent, self.sent + burst):
                self._heard(self._round[n % ROUND])
            self.sent += burst
            turn += burst / self._rate
            self._over.wait(max(0.0, turn - time.perf_counter()))

    def expected(self) -> Watch:
        """What a watch must say after all that was sent: only the last rounds decide."""
        watch = Watch()
        watch.feed(self._round[n % ROUND] for n in range(max(0, self.sent - 6 * ROUND), self.sent))
        return watch

    def _one(self, random_: random.Random, rows: int) -> e.RunEvent:
        common: dict[str, Any] = {"run": "r", "attempt": 1, "time": time.time()}
        kind = random_.random()
        module = random_.choice(self._modules)
        if kind < 0.7:
            return e.LinkCount(link=random_.choice(self._links), rows=rows, final=False, seconds=1.0 + rows / 1e6, **common)
        if kind < 0.88:
            return e.Progress(task=module, modules=(module,), fraction=random_.random(), rows=rows, **common)
        if kind < 0.95:
            state = random_.choice(("running", "completed", "failed"))
            return e.ModuleState(module=module, task=module, state=state, seconds=rows / 1e6, rows_out={"output": rows}, **common)
        return e.Log(level="INFO", message=f"{rows} rows so far", node_id=f"{module}#0", **common)

    def stop(self) -> None:
        """Emit no more; all that was sent has been heard when this returns."""
        self._over.set()
        self.join()


def write_flow(folder: Path, number: int = MODULES) -> Path:
    """A flow of ``number`` modules that the window can understand: written rows, and unions of them."""
    cards, links = graph(number)
    fed = {b for _, b in links}
    modules: list[dict[str, Any]] = []
    for index, (_, _, name) in enumerate(cards):
        if index in fed:
            modules.append({"id": name, "name": "union_mod"})
        else:
            modules.append({"id": name, "name": "generate_source", "configs": {"required": {"rows": 10}}})
    data = {
        "flow": {"name": "heartbeat"},
        "modules": modules,
        "connections": {"data": [f"{cards[a][2]}.{'output' if a in fed else 'data'} - {cards[b][2]}.input" for a, b in links]},
        "canvas": {"modules": {name: [x, y] for x, y, name in cards}},
    }
    path = folder / "heartbeat.yaml"
    path.write_text(json.dumps(data), "utf-8")
    return path


def same(watch: Watch, expected: Watch) -> bool:
    """Whether a window's watch says exactly what was sent."""
    return (
        watch.counts() == expected.counts()
        and {id: m.state for id, m in watch.modules.items()} == {id: m.state for id, m in expected.modules.items()}
        and [log.message for log in watch.logs] == [log.message for log in expected.logs]
    )


def resident() -> int:
    """This process's memory in bytes."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Told:
    """What one measurement found. ``drains`` is how often the window was told anything."""

    idle: Beats
    busy: Beats
    sent: int
    exact: bool
    drains: int
    grown: int
    """Bytes that memory grew from a fifth of the time to the end."""


async def measure(window: FlowWindow, idle_seconds: float, seconds: float, rate: int = RATE) -> Told:
    """Beats of a shown window, first idle, then flooded. The window has been understood."""
    heart = Heart()
    heart.start()
    await asyncio.sleep(idle_seconds)
    idle = heart.stop()
    drains = [0]

    def count(_: object) -> None:
        drains[0] += 1

    window.document.knowledge_changed.connect(count)
    flood = Flood(window.document.flow, window.session.follow(), rate)
    flood.start()
    heart.start()
    await asyncio.sleep(seconds / 5)
    before = resident()
    await asyncio.sleep(seconds * 4 / 5)
    grown = resident() - before
    busy = heart.stop()
    flood.stop()
    window.session.follow_no_longer()
    watch = window.session.watch
    return Told(idle, busy, flood.sent, watch is not None and same(watch, flood.expected()), drains[0], grown)


async def opened(path: Path) -> FlowWindow:
    """A window on the flow at ``path``, shown and understood, at a distance where all its texts are read."""
    window = FlowWindow(files.open_flow(path), "light")
    understood = asyncio.get_running_loop().create_future()
    window.session.understood.connect(lambda: understood.done() or understood.set_result(None))
    window.resize(1600, 1000)
    window.show()
    window.board.view.zoom_to(0.6)
    window.board.view.centerOn(window.board.scene.flow_box().center())
    await asyncio.wait_for(understood, 120)
    return window


def main() -> int:
    """Measure, print; 1 if counters were wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.heartbeat", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of the flood (default: {SECONDS:g})")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    app = QApplication([])
    style.apply(app, "light")
    told: list[Told] = []

    async def all_of_it() -> int:
        with tempfile.TemporaryDirectory() as folder:
            window = await opened(write_flow(Path(folder)))
            told.append(await measure(window, IDLE_SECONDS, options.seconds))
            await window.session.close()
        return 0

    failures: list[str] = []
    work: Callable[[], Coroutine[Any, Any, int]] = all_of_it
    loop.run(app, work, lambda line, detail: failures.append(detail))
    for failure in failures:
        print(failure, file=sys.stderr)
    found = told[0]
    head = ["heartbeat, ms", "beats", "late p50", "p99", "p99.9", "most", "worked p50", "p99", "p99.9", "most"]
    lines = [
        [
            name,
            f"{b.number:,}",
            *(f"{v:.1f}" for v in (b.late_p50, b.late_p99, b.late_p999, b.late_most, b.worked_p50, b.worked_p99, b.worked_p999, b.worked_most)),
        ]
        for name, b in (("idle", found.idle), (f"{found.sent / options.seconds:,.0f} events/s", found.busy))
    ]
    print(f"{machine()}\n\n{table(head, lines, range(1, len(head)))}\n")
    print(
        f"{found.sent:,} events, counters {'exact' if found.exact else 'WRONG'}, shown {found.drains / options.seconds:.1f} times a second, "
        f"{found.busy.worked_share:.0%} of the window's thread, memory {found.grown / 2**20:+.1f} MB in the last four fifths. Bar: p99.9 ≤ {BAR:g} ms late."
    )
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), **asdict(found)}, indent=1), "utf-8")
    return int(not found.exact or bool(failures))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
