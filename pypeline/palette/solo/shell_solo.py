"""``shell_solo``: a command of the operating system."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pypeline.sdk import BaseModule, ModuleConfig, Place, Problem, PypeError, RunContext, path, shell, unit

_GRACE = 2.0
"""Seconds between asking a command's process group to end and killing it, and for what it wrote to be read then."""
_PATIENCE = 0.2
"""Seconds in which those that a finished command has left behind may end by themselves."""
_LONGEST = 4096
"""Bytes of one line in the log."""
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
    stdout_as: Literal["text", "lines", "json"] = Field(
        default="text", title="Output is", description="What the global `stdout` is: the text, a list of its lines, or the JSON value that it spells."
    )
    log: Literal["none", "errors", "all"] = Field(
        default="errors", title="Show in the log", description="Line by line, while the command runs: what it writes to standard error, or all it writes."
    )


class _Failed(PypeError):
    """``returncode`` is what `retry_on` may name."""

    returncode: int = 0


class ShellSolo(BaseModule):
    """Runs a command in a process group of its own. When the command has ended, was stopped or ran out of time, whatever it
    left running in that group is ended too."""

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
        out = _Kept(config.capture, config.encoding, ctx.logger if config.log == "all" else None)
        err = _Kept(config.capture, config.encoding, ctx.logger if config.log != "none" else None)
        # what it writes is read beside the waiting: a child that it leaves behind may hold its output open for ever
        reading = [asyncio.create_task(_fed(process, config)), *(asyncio.create_task(k.read(s)) for k, s in ((out, process.stdout), (err, process.stderr)))]
        try:
            async with asyncio.timeout(config.timeout):
                code = await _exited(process)
            await asyncio.wait(reading, timeout=_PATIENCE)
            await _ended(process, ctx.logger)
            await asyncio.wait(reading, timeout=_GRACE)
        except TimeoutError:
            raise PypeError(
                Problem("PYE385", f"the command did not end within {config.timeout:g} seconds", Place(path=("timeout",)), "Give it more time.", phase="run")
            ) from None
        finally:
            await _ended(process)
            for one in reading:
                one.cancel()
        ctx.set_global("exit_code", code)
        ctx.set_global("stderr", err.text().rstrip("\n"))
        if code not in config.good_exit_codes:
            last = next((f": {line}" for line in reversed(err.text().splitlines()) if line.strip()), "")
            ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            mend = "See its output in the log, or add the code to good_exit_codes."
            failed = _Failed(Problem("PYE385", f"the command {ended}{last}", Place(path=("command",)), mend, phase="run"))
            failed.returncode = code
            raise failed
        ctx.set_global("stdout", self._as_said(out.text().rstrip("\n")))
        return {}

    def _as_said(self, text: str) -> Any:
        if self.config.stdout_as == "json":
            try:
                return json.loads(text)
            except ValueError as error:
                raise PypeError(Problem("PYE385", f"the command's output is not JSON: {error}", Place(path=("stdout_as",)), "See it in the log.")) from error
        return text.splitlines() if self.config.stdout_as == "lines" else text

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


class _Kept:
    """The first bytes of a stream that is read to its end; with a logger, its lines as they come."""

    def __init__(self, most: int, encoding: str, logger: Any) -> None:
        self._most = most
        self._encoding = encoding
        self._logger = logger
        self._bytes = bytearray()
        self._line = bytearray()

    async def read(self, stream: asyncio.StreamReader | None) -> None:
        """Read ``stream`` to its end."""
        while stream is not None and (chunk := await stream.read(65_536)):
            self._bytes += chunk[: self._most - len(self._bytes)]
            if self._logger is not None:
                *lines, rest = (bytes(self._line) + chunk).split(b"\n")
                self._line = bytearray(rest[:_LONGEST])
                for line in lines:
                    self._show(line)
        self._show(bytes(self._line))

    def text(self) -> str:
        """What was kept."""
        return self._bytes.decode(self._encoding, "replace")

    def _show(self, line: bytes) -> None:
        if self._logger is not None and line.strip():
            self._logger.info(line[:_LONGEST].decode(self._encoding, "replace").rstrip("\r"))


async def _fed(process: asyncio.subprocess.Process, config: Config) -> None:
    """Hand the command its input."""
    if config.stdin is None or process.stdin is None:
        return
    try:
        process.stdin.write(config.stdin.encode(config.encoding))
        await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # a command need not read its input
    process.stdin.close()


async def _exited(process: asyncio.subprocess.Process) -> int:
    """The exit code, as soon as the command itself has ended: ``process.wait`` also waits until nobody holds its output."""
    pause = 0.002
    while process.returncode is None:
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.05)
    return process.returncode


async def _ended(process: asyncio.subprocess.Process, logger: Any = None) -> None:
    """End whatever is left of the command's process group: asked first, killed after a grace; ``logger`` hears of it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not _living(process.pid) or not _signalled(process.pid, number):
            return
        if logger is not None:
            logger.warning("the command has left processes behind, which are ended with it")
            logger = None
        until = asyncio.get_running_loop().time() + _GRACE
        # the group lives as long as one of its members does, also when the command itself has gone
        while asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.01)
            if not _living(process.pid):
                return


def _living(group: int) -> bool:
    """Whether a process of ``group`` runs. One that has ended may be left in the table for as long as its parent likes."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as stat:
                    fields = stat.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] not in "ZX":
                return True
    return False


def _signalled(group: int, number: int) -> bool:
    """Send ``number`` to the process ``group``; False if nobody living is in it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
