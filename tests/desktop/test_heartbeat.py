"""The window stays awake while a run floods it with events: a minute of `benchmarks/heartbeat.py`.

Judged by the work of the window's own thread, not by the clock: a busy machine makes every timer
late, but it does not make the thread work more. A signal for each event would show as hundreds of
drains a second, work in the window's thread as long turns.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import heartbeat
from pypeline.app.desktop.session import DRAIN_MS

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")
SECONDS = 50.0
IDLE = 10.0
LONGEST_WORK = 100.0
"""Milliseconds of processor time in one turn of the loop, with room for a processor that is shared."""


@pytest.mark.timeout(200)
def test_ten_thousand_events_a_second_keep_neither_the_window_nor_its_memory_busy(on_loop: Any, tmp_path: Path) -> None:
    told: list[heartbeat.Told] = []

    async def main() -> None:
        window = await heartbeat.opened(heartbeat.write_flow(tmp_path))
        told.append(await heartbeat.measure(window, IDLE, SECONDS))
        await window.session.close()

    on_loop(main)
    (found,) = told
    assert found.exact, "the counters at the end are not what was sent"
    assert found.sent > SECONDS * heartbeat.RATE / 4, "the flood itself was held up"
    assert found.drains <= SECONDS * 1000 / DRAIN_MS * 1.2 + 10, "the window is told more often than thirty times a second"
    assert found.busy.worked_p99 < LONGEST_WORK
    assert found.busy.worked_share < 0.8
    assert found.grown < 40 * 2**20
