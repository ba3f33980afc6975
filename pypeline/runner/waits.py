"""Modules that only wait (``sleep``, ``wait_for_file``): all that a worker has, side by side on one loop.

In: orders, each with whom to tell. Out: a :class:`TaskResult` each, told in the loop's own thread. Hundreds of
them take one process and one thread; those that look at files share a few more. They are ours: none blocks the
loop, none holds anything to tear down, and each ends at once when it is cancelled.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from pypeline.core.results import TaskResult
from pypeline.runner.code_task import CodeTasks, Make
from pypeline.runner.order import Order

LOOKS = 8
"""Looks at files that one worker takes at a time; the others come right after."""


class Waits(CodeTasks):
    """What waits in this process."""

    def __init__(self) -> None:
        super().__init__(LOOKS)
        threading.Thread(target=self._loop.run_forever, name="waits", daemon=True).start()

    def begin(self, order: Order, stop: Any, make: Make, tell: Callable[[TaskResult], None]) -> None:
        """Begin a try of ``order``'s module beside the others; ``tell`` gets its result, once."""
        asyncio.run_coroutine_threadsafe(self._wait(order, stop, make, tell), self._loop)

    async def _wait(self, order: Order, stop: Any, make: Make, tell: Callable[[TaskResult], None]) -> None:
        work = self._loop.create_task(self._try(order, order.modules[0], make))
        stop.on_request(lambda: self._loop.call_soon_threadsafe(work.cancel))
        (ended,) = (await asyncio.wait([work]))[0]
        stop.on_request(None)
        self._lives.pop(order.node, None)
        error = asyncio.CancelledError() if ended.cancelled() else ended.exception()
        tell(ended.result() if error is None else self._over(order, stop, error))
