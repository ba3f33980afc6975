"""A window's process without Qt: one loop, one engine host, embedded runs; goes on until somebody ends it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from pypeline.core.planner import plan
from pypeline.runner import registry
from pypeline.runner.facts import gather
from pypeline.runner.host import EngineHost
from pypeline.runner.run import execute
from pypeline.schema.reader import read_file


async def main(file: Path) -> None:
    folder = file.resolve().parent
    flow = read_file(file).flow
    assert flow is not None
    host = EngineHost(converts=True)
    while True:
        made = plan(flow, gather(flow, registry.load(folder), folder))
        await host.bind(made)
        running = asyncio.create_task(execute(made, folder=folder, on_event=lambda _event: None, previews=True))
        while not running.done():
            await asyncio.wait([running], timeout=0.3)
            await host.bind(made)
        running.result()


asyncio.run(main(Path(sys.argv[1])))
