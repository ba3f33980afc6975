"""``wait_for_file``: the flow goes on when files have come, are complete, or have gone."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pypeline.palette.matching import matching
from pypeline.sdk import BaseModule, Effects, ModuleConfig, Place, Problem, PypeError, RunContext, path, unit

Named = Annotated[str, path("open")]
Look = Mapping[str, tuple[int, int]]
"""Path → size and time of its last change."""


class Config(ModuleConfig):
    """Which files, what has to become of them, and how long to wait."""

    path: Named | Annotated[list[Named], Field(min_length=1)] = Field(
        title="Path", description="Files or folders; patterns with * ? [ ] and ** may stand in it.", examples=["incoming/orders-*.csv"]
    )
    until: Literal["exists", "gone", "changed"] = Field(
        default="exists",
        title="Wait until",
        description="`exists`: they are there · `gone`: none is · `changed`: one came, went or was written since the start.",
    )
    count: Annotated[int, unit("files")] = Field(default=1, ge=1, title="How many", description="So many files must be there.")
    min_size: Annotated[int, unit("bytes")] = Field(default=0, ge=0, title="Smallest size", description="Smaller files do not count yet.")
    stable: Annotated[float, unit("seconds")] = Field(
        default=0, ge=0, le=86_400, title="Unchanged for", description="Sizes and times must have stood still so long: whoever writes has finished."
    )
    timeout: Annotated[float | None, unit("seconds")] = Field(default=3600, gt=0, title="Time limit", description="Null waits for ever.")
    poll: Annotated[float, unit("seconds")] = Field(default=1, ge=0.05, le=3600, title="Look every", description="The time between two looks.")
    on_timeout: Literal["fail", "go_on"] = Field(
        default="fail", title="After the time limit", description="`go_on` completes with the global `found` false, which a valve's condition may read."
    )


class WaitForFile(BaseModule):
    """Looks again and again; a stop ends it at once."""

    TYPE = "solo"
    DESCRIPTION = "Waits until files have come, stand still, or have gone"
    CATEGORY = "Files"
    TITLE: ClassVar[str] = "Wait for file"
    ICON: ClassVar[str] = "search"
    GLOBALS: ClassVar[list[str]] = ["found", "path", "paths", "count", "seconds"]
    EFFECTS: ClassVar[Effects] = Effects.READS
    Config: ClassVar[type[Any] | None] = Config

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        """Nothing, when it has come to pass; what was found is in the globals."""
        config = self.config
        began = time.monotonic()
        first: Look | None = None
        last: Look = {}
        still = began
        while True:
            look: Look = await ctx.executor.run_in_thread(self._look)
            now = time.monotonic()
            first = look if first is None else first
            if look != last:
                last, still = look, now
            if self._come(look, first) and now - still >= config.stable:
                break
            left = None if config.timeout is None else began + config.timeout - now
            if left is not None and left <= 0:
                if config.on_timeout == "fail":
                    raise self._late(look)
                self._say(ctx, look, now - began, found=False)
                return {}
            # with a stable time the last moment counts, not the next look
            due = still + config.stable - now if config.stable else config.poll
            await asyncio.sleep(max(min(config.poll, due, config.poll if left is None else left), 0.01))
        self._say(ctx, look, time.monotonic() - began, found=True)
        return {}

    def _look(self) -> Look:
        config = self.config
        found: dict[str, tuple[int, int]] = {}
        for pattern in [config.path] if isinstance(config.path, str) else config.path:
            for file in matching(pattern, self.folder):
                try:
                    facts = os.stat(file)
                except OSError:
                    continue  # it went while we looked
                if facts.st_size >= config.min_size:
                    found[file] = (facts.st_size, facts.st_mtime_ns)
        return found

    def _come(self, look: Look, first: Look) -> bool:
        if self.config.until == "gone":
            return not look
        return look != first if self.config.until == "changed" else len(look) >= self.config.count

    def _late(self, look: Look) -> PypeError:
        config = self.config
        named = config.path if isinstance(config.path, str) else ", ".join(config.path)
        what = {"gone": "to go", "changed": "to change"}.get(config.until, "to come" if not config.stable else "to come and to stand still")
        message = f"waited {config.timeout:g} seconds for `{named}` {what}; there {'is' if len(look) == 1 else 'are'} {len(look)}"
        return PypeError(Problem("PYE387", message, Place(path=("path",)), "Give it more time, or say `on_timeout: go_on`.", phase="run"))

    def _say(self, ctx: RunContext, look: Look, seconds: float, *, found: bool) -> None:
        paths = sorted(look)
        said = {"found": found, "path": paths[0] if paths else "", "paths": paths[:10_000], "count": len(paths), "seconds": round(seconds, 3)}
        for name, value in said.items():
            ctx.set_global(name, value)
