"""Appends its text to a file; fails the first ``fail`` times, takes ``seconds``, may print and set a global."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

from pypeline.sdk import BaseModule, RunContext


class Note(BaseModule):
    TYPE = "solo"
    GLOBALS: ClassVar[list[str]] = ["count"]
    CONFIG_SCHEMA: ClassVar[dict[str, Any]] = {
        "required": {"folder": {"type": "str"}, "text": {"type": "str"}},
        "optional": {
            "fail": {"type": "int", "default": 0},
            "error": {"type": "str", "default": "ValueError"},
            "seconds": {"type": "float", "default": 0.0},
            "how": {"type": "str", "default": "await"},
            "print": {"type": "str", "default": ""},
            "die": {"type": "str", "default": ""},
            "child": {"type": "bool", "default": False},
            "count": {"type": "int", "default": 0},
            "teardown": {"type": "str", "default": ""},
        },
    }

    def write(self, name: str, text: str) -> int:
        path = Path(self.configs["folder"], name)
        with path.open("a") as file:
            file.write(f"{text}\n")
        return len(path.read_text().split())

    async def setup(self, ctx: RunContext) -> None:
        self.write("lives", f"setup-{self.configs['text']}")
        self.tries = 0

    async def teardown(self, ctx: RunContext) -> None:
        self.write("lives", f"teardown-{self.configs['text']}")
        if self.configs["teardown"]:
            raise ValueError(self.configs["teardown"])

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        self.tries += 1
        text = self.configs["text"]
        self.write(f"{text}.pid", str(os.getpid()))
        if self.configs["child"]:
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            self.write("child.pid", str(child.pid))
        if self.configs["print"]:
            print(self.configs["print"])
            print("to stderr", file=sys.stderr)
            ctx.logger.info("by logger")
        self.write("began", text)
        if self.configs["how"] == "await":
            await asyncio.sleep(self.configs["seconds"])
        elif self.configs["how"] == "thread":
            await ctx.executor.run_in_thread(time.sleep, self.configs["seconds"])
        elif self.configs["how"] == "block":
            time.sleep(self.configs["seconds"])
        elif self.configs["how"] == "stubborn":
            until = time.monotonic() + self.configs["seconds"]
            while time.monotonic() < until:
                try:
                    time.sleep(0.05)
                except BaseException:
                    continue
        if self.configs["die"] == "kill":
            os.kill(os.getpid(), 9)
        elif self.configs["die"] == "exit":
            os._exit(7)
        if self.tries <= self.configs["fail"]:
            try:
                raise KeyError("the cause")
            except KeyError as cause:
                raise {"ValueError": ValueError, "ConnectionError": ConnectionError}[self.configs["error"]](f"try {self.tries} of {text}") from cause
        ctx.set_global("count", self.configs["count"])
        self.write("done", text)
        return {}
