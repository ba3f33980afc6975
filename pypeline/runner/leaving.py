"""The end of a process that has nothing more to do.

Python takes its whole memory apart at the end, object by object: 40 ms of a processor after a check
of a flow, 100 ms after a run. The kernel takes it back at once. What must happen before, happens.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End this process: threads that must end are waited for, exit handlers run, streams are flushed."""
    with suppress(Exception):
        threading._shutdown()  # type: ignore[attr-defined]  # as the interpreter, and every copy of a process, begins its end
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)
