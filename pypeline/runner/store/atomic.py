"""Writing a file so that it is either whole or not there.

In: bytes and a target path. Out: the target with old content or new, never half, also after a
power cut. The recipe: a private temporary file beside the target (``O_EXCL``), write, fsync, check
close, rename (or link, to create exactly once), fsync of the folder. Knows nothing of runs.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any

from pypeline.schema.problems import Place, Problem, PypeError

PRIVATE = 0o600
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_bytes(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Put ``data`` at ``path``, atomically and durably.

    A symbolic link keeps pointing where it did: its target is replaced. An existing file keeps its
    permission bits, and its owner where the system allows it; a new one gets ``mode``, or what the
    umask leaves of 0666.

    Raises:
        PypeError: PYE503 the disk is full, PYE504 any other failure; the old content is untouched.
    """
    target = Path(os.path.realpath(path))
    temporary = _temporary(target)
    try:
        _fill(temporary, data, _mode_for(target, mode), _owner_of(target))
        os.replace(temporary, target)
        fsync_folder(target.parent)
    except OSError as error:
        _discard(temporary)
        raise failure(error, path) from error


def write_text(path: Path, text: str, *, mode: int | None = None) -> None:
    """Put ``text`` at ``path`` as UTF-8, atomically and durably; errors as :func:`write_bytes`."""
    write_bytes(path, text.encode(), mode=mode)


def write_json(path: Path, value: Any, *, mode: int | None = None) -> None:
    """Put ``value`` at ``path`` as indented JSON, atomically and durably; errors as :func:`write_bytes`."""
    write_bytes(path, json_bytes(value), mode=mode)


def create_once(path: Path, data: bytes) -> bool:
    """Create ``path`` with ``data`` unless it exists: True for the one caller that made it.

    However many processes race, exactly one wins, and what is there is always whole.

    Raises:
        PypeError: PYE503 the disk is full, PYE504 any other failure.
    """
    temporary = _temporary(path)
    try:
        _fill(temporary, data, PRIVATE, None)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        fsync_folder(path.parent)
        return True
    except OSError as error:
        raise failure(error, path) from error
    finally:
        _discard(temporary)


def json_bytes(value: Any) -> bytes:
    """``value`` as indented JSON with a final newline; keys keep their order."""
    return (json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n").encode()


def fsync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def failure(error: OSError, path: Path | str) -> PypeError:
    """``error`` while writing ``path`` as the problem a person sees."""
    if error.errno in _FULL:
        return PypeError(
            Problem("PYE503", f"disk full while writing `{path}`", Place(file=str(path)), "Free some space there and run again.", phase="run"),
        )
    reason = error.strerror or str(error)
    return PypeError(
        Problem("PYE504", f"cannot write `{path}`: {reason}", Place(file=str(path)), "Check the permissions of the folder and the disk.", phase="run"),
    )


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")


def _fill(path: Path, data: bytes, mode: int | None, owner: tuple[int, int] | None) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666 if mode is None else PRIVATE)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
        if owner is not None:
            os.fchown(handle, *owner)
        if mode is not None:
            os.fchmod(handle, mode)
        os.fsync(handle)
    finally:
        os.close(handle)


def _mode_for(target: Path, mode: int | None) -> int | None:
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        return mode


def _owner_of(target: Path) -> tuple[int, int] | None:
    """Whom the new file must be given to, where that is somebody else and we may do it."""
    try:
        found = target.stat()
    except FileNotFoundError:
        return None
    if (found.st_uid, found.st_gid) == (os.geteuid(), os.getegid()) or os.geteuid() != 0:
        return None
    return found.st_uid, found.st_gid


def _discard(path: Path) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
