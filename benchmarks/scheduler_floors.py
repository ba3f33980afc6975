"""What running a graph of modules that do nothing takes with asyncio alone: the floors under every scheduler.

The ``queue`` calls each module from one ready queue, so that no module could ever wait for anything; the
``tasks`` give each module an asyncio task that awaits those it reads, the least that lets modules wait; the
``slots`` are these tasks with what no scheduler can be without: one of two slots is taken while a module
runs, and its start and its end are noted.

Shapes: ``chain`` (one behind the other), ``fan`` (one, all others, one), ``layered`` (layers as wide as
deep; each reads two of the layer before), these three over data links; ``control`` is a chain of
single modules over control links, each a sub flow with a valve.
"""

from __future__ import annotations

import asyncio
import time

SHAPES = ("chain", "fan", "layered", "control")

Graph = list[list[int]]
"""For each node the nodes it reads."""


def graph(size: int, shape: str) -> Graph:
    """The dependencies of a shape, in topological order."""
    if shape in ("chain", "control"):
        return [[i - 1] if i else [] for i in range(size)]
    if shape == "fan":
        return [[], *([0] for _ in range(size - 2)), list(range(1, size - 1))]
    width = max(2, int(size**0.5))
    return [[] if i < width else sorted({i - width, i - width + (1 if (i % width) < width - 1 else 1 - width)}) for i in range(size)]


def queue_floor(nodes: Graph) -> int:
    """Run the graph with as little as asyncio allows: counters of what is missing, one queue, two takers."""

    async def run() -> int:
        missing = [len(reads) for reads in nodes]
        readers: list[list[int]] = [[] for _ in nodes]
        for node, reads in enumerate(nodes):
            for source in reads:
                readers[source].append(node)
        ready: asyncio.Queue[int] = asyncio.Queue()
        for node, count in enumerate(missing):
            if not count:
                ready.put_nowait(node)
        results: dict[int, int] = {}
        over = asyncio.Event()

        async def take() -> None:
            while True:
                node = await ready.get()
                results[node] = max((results[source] for source in nodes[node]), default=0) + 1
                for reader in readers[node]:
                    missing[reader] -= 1
                    if not missing[reader]:
                        ready.put_nowait(reader)
                if len(results) == len(nodes):
                    over.set()

        takers = [asyncio.create_task(take()) for _ in range(2)]
        await over.wait()
        for taker in takers:
            taker.cancel()
        return len(results)

    return asyncio.run(run())


def task_floor(nodes: Graph) -> int:
    """Run the graph with an asyncio task a module, each awaiting the tasks of those it reads."""

    async def run() -> int:
        tasks: list[asyncio.Task[int]] = []

        async def step(reads: list[int]) -> int:
            return max([await tasks[source] for source in reads], default=0) + 1

        tasks += [asyncio.create_task(step(reads)) for reads in nodes]
        return len(await asyncio.gather(*tasks))

    return asyncio.run(run())


def slot_floor(nodes: Graph) -> int:
    """As :func:`task_floor`, two modules at a time, with a record of each start and end."""

    async def run() -> int:
        tasks: list[asyncio.Task[int]] = []
        slots = asyncio.Semaphore(2)
        records: list[tuple[int, str, float]] = []

        async def step(node: int, reads: list[int]) -> int:
            deepest = max([await tasks[source] for source in reads], default=0)
            async with slots:
                records.append((node, "running", time.time()))
                deepest += 1
                records.append((node, "completed", time.time()))
            return deepest

        tasks += [asyncio.create_task(step(node, reads)) for node, reads in enumerate(nodes)]
        await asyncio.gather(*tasks)
        return len(records) // 2

    return asyncio.run(run())
