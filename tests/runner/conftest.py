"""A project with module types of its own, made once, and flows that use them: everything real."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pypeline.core import events as ev
from pypeline.core.check import check
from pypeline.core.plan import Plan
from pypeline.core.planner import plan
from pypeline.core.results import ErrorInfo
from pypeline.runner import registry
from pypeline.runner.engines.local import LocalEngine
from pypeline.runner.facts import gather
from pypeline.runner.run import RunSummary, execute
from pypeline.runner.signals import StopSignal
from pypeline.schema.problems import PypeError, errors
from pypeline.schema.reader import read

TYPES = Path(__file__).parent / "project"


@pytest.fixture(scope="session")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's module types, copied and registered once."""
    folder = tmp_path_factory.mktemp("registered")
    shutil.copytree(TYPES, folder / "modules", ignore=shutil.ignore_patterns("__pycache__"))
    _, problems = registry.auto_register(folder)
    assert not problems, [str(p) for p in problems]
    return folder


@dataclass
class Project:
    """A folder in which flows run. ``events`` are those of the last run."""

    folder: Path
    events: list[ev.RunEvent] = field(default_factory=list)

    def plan(self, text: str) -> Plan:
        """The plan of the flow in ``text``."""
        result = read(text, "flow.yaml")
        assert result.flow is not None, [str(p) for p in result.problems]
        catalogue = registry.load(self.folder)
        if wrong := errors(check(result.flow, catalogue)):
            raise PypeError(*wrong)
        return plan(result.flow, gather(result.flow, catalogue, self.folder))

    def run(self, text: str, *, stop: StopSignal | None = None, seen: Callable[[ev.RunEvent], None] = lambda _: None, **more: Any) -> RunSummary:
        """Run the flow in ``text`` to its end."""
        made = self.plan(text)
        self.events.clear()

        def heard(event: ev.RunEvent) -> None:
            self.events.append(event)
            seen(event)

        more.setdefault("engine", LocalEngine(cpus=2, memory=2**30))
        return asyncio.run(execute(made, folder=self.folder, on_event=heard, stop=stop, **more))

    def states(self) -> dict[str, tuple[str, str]]:
        """The terminal state and reason of every module."""
        return {e.module: (e.state, e.reason) for e in self.events if isinstance(e, ev.ModuleState) and e.state != "running"}

    def order(self) -> list[str]:
        """Modules in the order they began; a try each."""
        return [e.module for e in self.events if isinstance(e, ev.ModuleState) and e.state == "running"]

    def failure(self, module: str) -> ErrorInfo:
        """The error of the module's terminal record."""
        (error,) = [e.error for e in self.events if isinstance(e, ev.ModuleState) and e.module == module and e.error is not None]
        return error

    def logs(self) -> list[str]:
        return [e.message for e in self.events if isinstance(e, ev.Log)]

    def lines(self, name: str) -> list[str]:
        """The lines that modules wrote to file ``name``."""
        path = self.folder / name
        return path.read_text().split() if path.exists() else []


@pytest.fixture
def project(registered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A fresh project; afterwards no process that it started may be left."""
    monkeypatch.delenv("PYPELINE_HOME", raising=False)
    folder = tmp_path / "flow"
    shutil.copytree(registered, folder, ignore=shutil.ignore_patterns("__pycache__"))
    yield Project(folder)
    eventually(lambda: not processes_of(folder), f"processes are left: {processes_of(folder)}")


def eventually(true: Callable[[], object], message: str, seconds: float = 5.0) -> None:
    """Wait until ``true`` holds, at most ``seconds``."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, message
        time.sleep(0.01)


def processes_of(folder: Path) -> list[str]:
    """Processes that wrote down their number in ``folder`` (``*.pid``) and still live."""
    found = []
    for path in folder.glob("*.pid"):
        for number in path.read_text().split():
            if alive(int(number)):
                found.append(f"{path.name}: {number}")
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def note(id: str, folder: Path, tail: str = "", **optional: Any) -> str:
    """A module of the project's type ``note`` that writes its id to files in ``folder``."""
    return f"  - {{id: {id}, name: note, configs: {{required: {{folder: '{folder}', text: {id}}}, optional: {json.dumps(optional)}}}{tail and ', ' + tail}}}"


def flow(*modules: str, control: Sequence[str] = (), data: Sequence[str] = (), settings: str = "", more: str = "") -> str:
    """The text of a flow of ``modules`` (list items, as :func:`note` makes them)."""
    return "\n".join(
        [
            "flow: {name: trial}",
            f"settings: {{{settings}}}",
            "modules:",
            *modules,
            "connections:",
            f"  data: {json.dumps(list(data))}",
            f"  control: {json.dumps(list(control))}",
            more,
            "",
        ]
    )


def running_as_root() -> bool:
    return os.geteuid() == 0
