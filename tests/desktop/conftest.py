"""Windows in tests: offscreen, one pinned font, the Fusion style."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the desktop extra is not installed")

import shiboken6
from PySide6.QtCore import QEvent

from pypeline.app.desktop import loop
from pypeline.canvas.scene import FlowScene


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["pypeline-tests", "-style", "Fusion"]


@pytest.fixture(autouse=True)
def tidy(qapp: Any) -> Iterator[None]:
    """Qt's objects go while their test ends, in an order: scenes first; never in the middle of a later test."""
    gc.disable()
    yield
    for scene in [o for o in gc.get_objects() if type(o) is FlowScene and shiboken6.isValid(o)]:
        scene.dispose()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()


@pytest.fixture
def on_loop(qapp: Any) -> Iterator[Callable[[Callable[[], Coroutine[Any, Any, None]]], None]]:
    """Runs a coroutine function on Qt's and asyncio's one loop; what any task fails with fails the test."""
    hooks = sys.excepthook, threading.excepthook

    def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        failures: list[str] = []

        async def all_of_it() -> int:
            await asyncio.wait_for(main(), 120)
            return 0

        loop.run(qapp, all_of_it, lambda line, detail: failures.append(detail))
        assert not failures, failures[0]

    yield run
    sys.excepthook, threading.excepthook = hooks
