"""What a frame of a loop costs: CPU microseconds and memory, over many frames of a trivial Python solo.

``python -m benchmarks.frames 10000 100000``: per size the CPU time of scheduler and worker a frame, and
the peak memory of this process and of its workers. All of it is real: worker process, events, run folder.
On the way it tells time and memory at some counts of frames: memory should stay as it was.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from pypeline.core.events import FrameState, RunEvent
from pypeline.core.planner import plan
from pypeline.runner import registry
from pypeline.runner.facts import gather
from pypeline.runner.run import execute
from pypeline.schema.reader import read

FLOW = """
flow: {{name: frames}}
modules:
  - {{id: list, name: generate_source, configs: {{required: {{rows: {count}, columns: {{n: {{kind: sequence}}}}}}}}}}
  - {{id: work, name: python_solo, configs: {{optional: {{code: "def main(ctx):\\n    pass"}}}}}}
connections:
  control: ["list (1|iterate x2) work"]
"""

MARKS = frozenset({1_000, 10_000, 25_000, 50_000, 75_000, 100_000})


def measure(count: int, folder: Path) -> None:
    """Run ``count`` frames and print what they took."""
    result = read(FLOW.format(count=count).encode())
    assert result.flow is not None, [str(p) for p in result.problems]
    made = plan(result.flow, gather(result.flow, registry.load(folder), folder))
    own, workers = _cpu(resource.RUSAGE_SELF), _cpu(resource.RUSAGE_CHILDREN)
    began = time.monotonic()

    def look(event: RunEvent) -> None:
        if isinstance(event, FrameState) and event.state == "completed" and event.done in MARKS:
            used = (_cpu(resource.RUSAGE_SELF) - own) / event.done * 1e6
            print(
                f"{event.done:>8,} frames after {time.monotonic() - began:6.1f} s, scheduler {used:5.0f} µs of CPU a frame; memory {_rss():.1f} MiB", flush=True
            )

    summary = asyncio.run(execute(made, folder=folder, on_event=look))
    wall = time.monotonic() - began
    assert summary.state == "completed", summary.error
    assert summary.frames["work"]["completed"] == count
    own, workers = _cpu(resource.RUSAGE_SELF) - own, _cpu(resource.RUSAGE_CHILDREN) - workers
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{count:>8,} frames: {wall:6.1f} s, scheduler {own / count * 1e6:5.0f} µs and workers {workers / count * 1e6:5.0f} µs of CPU a frame; "
        f"memory {_rss():.0f} MiB now, {peak:.0f} at most, workers {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} at most",
        flush=True,
    )


def _rss() -> float:
    """MiB that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _cpu(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    for text in sys.argv[1:] or ["10000", "100000"]:
        with tempfile.TemporaryDirectory() as made:
            measure(int(text), Path(made))
