"""All files of a task become visible together: staged, made durable, recorded, renamed.

The record (``publish.json``) names every rename before the first is made. After a crash
:func:`recover` finishes the renames if the record is there, and otherwise the staging files are
deleted: a target has its old content or its new, never half of one, and of two sinks both or none.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pypeline.runner.store import foreign
from pypeline.runner.store.atomic import fsync_folder, write_json
from pypeline.runner.store.private import user_umask
from pypeline.runner.tables.write import Target, already_there, finish, identity, is_staging, not_writable, overtaken
from pypeline.schema.problems import PypeError

FORMAT = 1


def publish(targets: Sequence[Target], record: str) -> tuple[str, ...]:
    """Rename every staging file to its target; the paths, in order.

    Args:
        record: where the publish record goes while this happens; empty for none.

    Raises:
        PypeError: PYE407 somebody else wrote a target that is appended to, PYE408 a target came to be
            although mode is create, PYE411 a file cannot be written. Nothing has been published then.
    """
    if not targets:
        return ()
    with _alone(targets):
        return _publish(targets, record)


def _publish(targets: Sequence[Target], record: str) -> tuple[str, ...]:
    try:
        for target in targets:
            if target.write.mode == "append" and identity(target.path) != target.before:
                raise overtaken(target.module, target.path)
        for target in targets:
            try:
                finish(target)
                _settle(target)
                if target.written != target.staging:
                    Path(target.written).unlink()
            except OSError as error:
                raise not_writable(target.module, target.path, error) from error
        for target in targets:
            if target.write.mode == "create" and os.path.lexists(target.path):
                raise already_there(target.module, target.path)
        if record:
            renames = [{"staging": t.staging, "target": t.path} for t in targets]
            write_json(Path(record), {"format": FORMAT, "renames": renames})
    except PypeError:
        discard(targets, record)
        raise
    _rename((t.staging, t.path) for t in targets)
    if record:
        Path(record).unlink()
        _staged(record).unlink(missing_ok=True)
        fsync_folder(Path(record).parent)
    return tuple(t.path for t in targets)


@contextlib.contextmanager
def _alone(targets: Sequence[Target]) -> Iterator[None]:
    """One at a time among those who create or append to files of a folder, in whatever process: what
    was seen of a target still holds when it is renamed. Where the file system has no locks, no wait."""
    folders = sorted({str(Path(t.path).parent) for t in targets if t.write.mode in ("append", "create")})
    with contextlib.ExitStack() as held:
        for folder in folders:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            held.callback(os.close, handle)
            with contextlib.suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def discard(targets: Iterable[Target], record: str = "") -> None:
    """Remove what was staged, and the note of it; the targets stay as they were."""
    for target in targets:
        for path in {target.staging, target.written}:
            Path(path).unlink(missing_ok=True)
    if record:
        _staged(record).unlink(missing_ok=True)


def announce(targets: Sequence[Target], record: str) -> None:
    """Note beside ``record`` what will be staged, so that :func:`settle` finds it when this process dies first."""
    if targets and record:
        _staged(record).write_text(json.dumps([t.staging for t in targets]), "utf-8")


def settle(record: str | Path) -> tuple[str, ...]:
    """Tidy up after a process that died while it had ``record``: finish its renames, remove what it only staged."""
    finished = recover(record)
    note = _staged(record)
    if note.exists():
        with contextlib.suppress(ValueError, TypeError):
            for path in foreign.parse_json(note.read_bytes()):
                if isinstance(path, str) and is_staging(path):
                    Path(path).unlink(missing_ok=True)
        note.unlink()
    return finished


def recover(record: str | Path) -> tuple[str, ...]:
    """Finish the publishing that ``record`` tells of; the target paths, or none without a record.

    Run it again as often as you like: a rename already made is skipped.
    """
    path = Path(record)
    if not path.exists():
        return ()
    pairs = _pairs(path.read_bytes())
    _rename(pairs)
    path.unlink()
    fsync_folder(path.parent)
    return tuple(target for _, target in pairs)


def _pairs(text: bytes) -> list[tuple[str, str]]:
    """The renames of a record: only of what a sink stages, beside its target. A record may have come with
    somebody's folder, and must not move or replace any other file."""
    try:
        said = foreign.parse_json(text)["renames"]
        pairs = [(str(r["staging"]), str(r["target"])) for r in said]
    except (ValueError, TypeError, KeyError):
        return []
    return [(staging, target) for staging, target in pairs if is_staging(staging, target)]


def _staged(record: str | Path) -> Path:
    return Path(f"{record}.staged")


def _settle(target: Target) -> None:
    """Give the staged file its permission bits and make its bytes durable."""
    try:
        mode = os.stat(target.path).st_mode & 0o7777
    except FileNotFoundError:
        mode = 0o666 & ~user_umask()
    handle = os.open(target.staging, os.O_RDONLY)
    try:
        os.fchmod(handle, mode)
        os.fsync(handle)
    finally:
        os.close(handle)


def _rename(pairs: Iterable[tuple[str, str]]) -> None:
    folders = set()
    for staging, target in pairs:
        if os.path.lexists(staging):
            os.replace(staging, target)
        folders.add(Path(target).parent)
    for folder in sorted(folders):
        fsync_folder(folder)
