"""The run folder: where an attempt keeps its records, and what lies where.

``HOME/run_bundles/RUN/attempt-N/`` holds ``plan.json``, ``events.jsonl``, ``summary.json`` (the one
terminal record, created once), ``report.html``, ``logs/run.log``, ``previews/``, and while it runs
``owner.json``, ``publish/`` and ``scratch/``. ``HOME`` is ``PYPELINE_HOME``, else ``.pypeline``
in the flow's or job's folder; it is private to its owner.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pypeline.runner.store import lease
from pypeline.runner.store.atomic import create_once, failure, json_bytes, write_json
from pypeline.schema.problems import Place, Problem, PypeError
from pypeline.schema.record import record

HOME = "PYPELINE_HOME"
SUMMARY_FORMAT = 1
SPILL_PREFIX = "pypeline_"
UNBORN = ".attempt-"
"""Begins the names of folders that will be attempts as soon as they are complete."""


@record
class Bundle:
    """One attempt's folder."""

    path: Path
    run_id: str
    attempt: int

    @property
    def owner(self) -> Path:
        return self.path / "owner.json"

    @property
    def plan(self) -> Path:
        return self.path / "plan.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def summary(self) -> Path:
        return self.path / "summary.json"

    @property
    def log(self) -> Path:
        return self.path / "logs" / "run.log"

    @property
    def previews(self) -> Path:
        return self.path / "previews"

    @property
    def publish(self) -> Path:
        return self.path / "publish"

    @property
    def scratch(self) -> Path:
        return self.path / "scratch"

    @property
    def children(self) -> Path:
        """Where the records of the flows lie that this one runs."""
        return self.path / "children"

    def family(self) -> Iterator[Bundle]:
        """This attempt and those of all flows that run in it, the innermost first."""
        if self.children.is_dir():
            for path in sorted(self.children.iterdir()):
                yield from Bundle(path, self.run_id, 1).family()
        yield self

    def spill(self, base: str) -> Path:
        """This attempt's own folder below ``base``, for an engine's spill files."""
        link = self.path / "spill"
        if not link.is_symlink():
            made = tempfile.mkdtemp(prefix=SPILL_PREFIX, dir=base)
            link.symlink_to(made, target_is_directory=True)
        return Path(os.readlink(link))

    def finish(self, summary: Mapping[str, Any]) -> bool:
        """Write the terminal record; False when another process has ended this attempt already."""
        return create_once(self.summary, json_bytes({"format": SUMMARY_FORMAT, **summary}))

    def sweep(self) -> None:
        """Remove what only a running attempt needs. Never follows a link out of the folder."""
        for folder in (self.scratch, self.publish):
            shutil.rmtree(folder, ignore_errors=True)
        link = self.path / "spill"
        if link.is_symlink():
            spill = Path(os.readlink(link))
            if spill.name.startswith(SPILL_PREFIX) and not spill.is_symlink():
                shutil.rmtree(spill, ignore_errors=True)
            link.unlink()


def home(folder: Path | str) -> Path:
    """The store that runs of the flow or job in ``folder`` use."""
    named = os.environ.get(HOME)
    return Path(named).absolute() if named else Path(folder).absolute() / ".pypeline"


def prepare(folder: Path | str, run_id: str) -> Bundle:
    """Make the folder of the next attempt of ``run_id``, private and owned by this process.

    Raises:
        PypeError: PYE500 the store is writable by everybody, PYE501 it is somebody else's,
            PYE502 it cannot be made, PYE503 the disk is full.
    """
    store = home(folder)
    for place in (Path(folder).absolute(), store):
        _nameable(place)
    try:
        _private(store)
        runs = store / "run_bundles"
        run = runs / run_id
        for place in (runs, run):
            place.mkdir(mode=0o700, exist_ok=True)
        # under its name it is there as a whole, with its owner: a kill in between leaves no attempt of nobody's
        made = Bundle(Path(tempfile.mkdtemp(prefix=UNBORN, dir=run)), run_id, 0)
        write_json(made.owner, lease.owner(), mode=0o600)
        for part in (made.log.parent, made.previews, made.publish, made.scratch):
            part.mkdir(mode=0o700)
        bundle = _named(made, run)
    except OSError as error:
        raise failure(error, store) from error
    return bundle


def attempts(run: Path) -> Iterator[Bundle]:
    """The attempts in a run's folder, oldest first."""
    found = [(int(path.name[8:]), path) for path in run.glob("attempt-*") if path.name[8:].isdigit() and path.is_dir()]
    for number, path in sorted(found):
        yield Bundle(path, run.name, number)


def end_lost(store: Path, recover: Callable[[Path], object]) -> list[Bundle]:
    """End every attempt whose process is gone without a terminal record as ``failed/lost``.

    ``recover`` gets the path of each publish record such an attempt left or was about to write, before
    it is closed, and finishes that task's renames or removes what it staged. Returns the attempts this call ended.
    """
    ended = []
    for run in sorted((store / "run_bundles").glob("*")):
        for unborn in run.glob(f"{UNBORN}*"):
            if not lease.alive(unborn / "owner.json"):
                shutil.rmtree(unborn, ignore_errors=True)
        for bundle in attempts(run):
            if bundle.summary.exists() or lease.alive(bundle.owner):
                continue
            for one in bundle.family():
                for name in sorted({path.name.removesuffix(".staged") for path in one.publish.glob("*.json*")}):
                    recover(one.publish / name)
                if one is not bundle:
                    one.finish({"state": "failed", "reason": "lost", "ended": time.time()})
                    one.sweep()
            lost = {"run": bundle.run_id, "attempt": bundle.attempt, "state": "failed", "reason": "lost", "ended": time.time()}
            if bundle.finish(lost):
                bundle.sweep()
                ended.append(bundle)
    return ended


def _named(made: Bundle, run: Path) -> Bundle:
    """``made`` as the next attempt of its run."""
    number = max((b.attempt for b in attempts(run)), default=0)
    while True:
        number += 1
        path = run / f"attempt-{number}"
        try:
            made.path.rename(path)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                continue
            raise
        return Bundle(path, made.run_id, number)


def _nameable(place: Path) -> None:
    """Hold a folder's name to text: records are JSON, and hold paths."""
    try:
        str(place).encode()
    except UnicodeEncodeError:
        message = f"the name of the folder `{os.fsencode(place).decode(errors='backslashreplace')}` is not UTF-8"
        raise PypeError(Problem("PYE502", message, Place(), "Rename the folder.", phase="run")) from None


def _private(store: Path) -> None:
    place = Place(file=str(store))
    try:
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = store.stat()
    except OSError as error:
        message = f"the run folder `{store}` cannot be made: {error.strerror}"
        raise PypeError(Problem("PYE502", message, place, f"Name a folder you may write to in {HOME}.", phase="run")) from error
    if found.st_uid != os.geteuid():
        message = f"the run folder `{store}` belongs to another user"
        raise PypeError(Problem("PYE501", message, place, f"Name a folder of your own in {HOME}.", phase="run"))
    if found.st_mode & stat.S_IWOTH:
        message = f"everybody may write to the run folder `{store}`"
        raise PypeError(Problem("PYE500", message, place, "Take the right away (`chmod o-w`) once you have checked what lies there.", phase="run"))
    if not os.access(store, os.W_OK | os.X_OK):
        message = f"the run folder `{store}` may not be written to"
        raise PypeError(Problem("PYE502", message, place, f"Name a folder you may write to in {HOME}.", phase="run"))
