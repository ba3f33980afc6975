"""A worker's way to the value of a secret: a question to its host over the inherited socket, one answer.

The worker itself knows no Vault, no token and no secret variable of the environment.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any

from pypeline.core.secret import SecretRef
from pypeline.runner.wire import problem_from_json
from pypeline.schema.problems import PypeError


class Asking:
    """The questions of this process. Any thread may ask; the answer comes from the thread that reads the socket."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._send: Callable[[Mapping[str, Any]], None] | None = None
        self._waiting: dict[int, queue.SimpleQueue[Mapping[str, Any]]] = {}
        self._asked = 0

    def open(self, send: Callable[[Mapping[str, Any]], None]) -> None:
        """From now on there is a host: ``send`` takes messages to it."""
        self._send = send

    def reveal(self, reference: str) -> str:
        """What ``reference`` refers to, fetched now; the host may have to ask a server first.

        Raises:
            PypeError: there is no host, or it says why not.
        """
        if self._send is None:
            return SecretRef(reference).reveal()
        box: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
        with self._lock:
            self._asked += 1
            number = self._asked
            self._waiting[number] = box
        self._send({"op": "ask", "number": number, "reference": reference})
        answer = box.get()
        if "problems" in answer:
            raise PypeError(*(problem_from_json(each) for each in answer["problems"]))
        value: str = answer["value"]
        return value

    def told(self, message: Mapping[str, Any]) -> None:
        """The host's answer to one question."""
        with self._lock:
            box = self._waiting.pop(int(message["number"]))
        box.put(message)


HERE = Asking()
"""This process's questions."""
