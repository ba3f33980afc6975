"""``shell_solo``: a command of the operating system."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Annotated, Any, ClassVar

from pydantic import Field

from pypeline.sdk import BaseModule, ModuleConfig, Place, Problem, PypeError, RunContext, path, shell, unit

_GRACE = 2.0
"""Seconds between asking a command's process group to end and killing it."""
_ALWAYS = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


class Config(ModuleConfig):
    """What to run, where, and what counts as success."""

    command: Annotated[str, shell()] | Annotated[list[str], Field(min_length=1)] = Field(
        title="Command",
        description="A list is a program and its arguments, handed over as they are. A text is run by /bin/sh; variables in it become quoted words.",
        examples=[["gzip", "-k", "out/people.csv"], "sort -u in.txt > out.txt"],
    )
    working_folder: Annotated[str, path("folder")] = Field(default=".", title="Working folder", description="Where the command runs.")
    environment: list[str] = Field(
        default=[], title="Environment", description="Names of environment variables that the command gets, besides PATH, HOME, LANG, LC_ALL, TZ and TMPDIR."
    )
    set: dict[str, str] = Field(default={}, title="Set", description="Environment variables with the values they get.")
    stdin: str | None = Field(default=None, title="Standard input", description="Text that the command reads; null gives it nothing.")
    timeout: Annotated[float | None, unit("seconds")] = Field(
        default=None, gt=0, title="Time limit", description="Then the command and all it started are ended."
    )
    good_exit_codes: list[int] = Field(default=[0], min_length=1, title="Good exit codes", description="Any other fails the module.")
    capture: Annotated[int, unit("bytes")] = Field(
        default=65_536,
        ge=0,
        le=16_777_216,
        title="Output to keep",
        description="So much of the output becomes the globals `stdout` and `stderr`; all of it is read.",
    )
    encoding: str = Field(default="utf-8", title="Encoding", description="Of the command's input and output.")


class ShellSolo(BaseModule):
    """Runs a command in a process group of its own; nothing of it outlives a stop or a time limit."""

    TYPE = "solo"
    DESCRIPTION = "Runs a command of the operating system"
    CATEGORY = "Code"
    TITLE: ClassVar[str] = "Shell command"
    ICON: ClassVar[str] = "terminal"
    GLOBALS: ClassVar[list[str]] = ["exit_code", "stdout", "stderr"]
    Config: ClassVar[type[Any] | None] = Config

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        """Nothing, after the command has ended well; its output is in the globals."""
        config = self.config
        process = await self._started()
        try:
            async with asyncio.timeout(config.timeout):
                given = config.stdin.encode(config.encoding) if config.stdin is not None else None
                out, err = await asyncio.gather(_fed(process, given, process.stdout, config.capture), _kept(process.stderr, config.capture))
                code = await process.wait()
        except TimeoutError:
            raise PypeError(
                Problem("PYE385", f"the command did not end within {config.timeout:g} seconds", Place(path=("timeout",)), "Give it more time.", phase="run")
            ) from None
        finally:
            await _ended(process)
        stdout, stderr = (kept.decode(config.encoding, "replace") for kept in (out, err))
        for line in stderr.splitlines()[-50:]:
            ctx.logger.info(line)
        ctx.set_global("exit_code", code)
        ctx.set_global("stdout", stdout.rstrip("\n"))
        ctx.set_global("stderr", stderr.rstrip("\n"))
        if code not in config.good_exit_codes:
            last = next((f": {line}" for line in reversed(stderr.splitlines()) if line.strip()), "")
            ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            mend = "See its output in the log, or add the code to good_exit_codes."
            raise PypeError(Problem("PYE385", f"the command {ended}{last}", Place(path=("command",)), mend, phase="run"))
        return {}

    async def _started(self) -> asyncio.subprocess.Process:
        config = self.config
        names = (*_ALWAYS, *config.environment)
        environment = {name: os.environ[name] for name in names if name in os.environ} | config.set
        command = ["/bin/sh", "-c", config.command] if isinstance(config.command, str) else config.command
        folder = os.path.join(self.folder, config.working_folder)
        try:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE if config.stdin is not None else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=folder,
                env=environment,
                # a group, not a session of its own: the worker's session is how the host finds what a dead worker left
                process_group=0,
            )
        except (OSError, ValueError) as error:
            what = (
                f"the folder `{config.working_folder}`"
                if isinstance(error, FileNotFoundError | NotADirectoryError) and error.filename == folder
                else f"`{command[0]}`"
            )
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise PypeError(Problem("PYE385", f"{what} cannot be used: {reason}", Place(path=("command",)), "Correct the command.", phase="run")) from error


async def _fed(process: asyncio.subprocess.Process, given: bytes | None, stream: asyncio.StreamReader | None, most: int) -> bytes:
    """What the command wrote, while it is fed ``given``."""
    if given is None or process.stdin is None:
        return await _kept(stream, most)
    writer = process.stdin

    async def feed() -> None:
        try:
            writer.write(given)
            await writer.drain()
        except (BrokenPipeError, ConnectionResetError):
            pass  # a command need not read its input
        writer.close()

    _, kept = await asyncio.gather(feed(), _kept(stream, most))
    return kept


async def _kept(stream: asyncio.StreamReader | None, most: int) -> bytes:
    """The first ``most`` bytes of ``stream``, which is read to its end."""
    kept = bytearray()
    while stream is not None and (chunk := await stream.read(65_536)):
        kept += chunk[: most - len(kept)]
    return bytes(kept)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Ends whatever is left of the command's process group: asked first, killed after a grace."""
    for number, wait in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, _GRACE)):
        if process.returncode is not None and number is signal.SIGTERM:
            return
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            await asyncio.wait_for(process.wait(), wait)
        except TimeoutError:
            continue
