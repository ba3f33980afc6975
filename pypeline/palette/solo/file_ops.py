"""``file_ops``: copies, moves, deletes and looks for files and folders.

What is copied or moved appears at its target as a whole or not at all: it is written beside it under another name
first. A relative path stays in the flow's folder, whatever a variable puts into it, unless ``outside`` allows more.
"""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from pypeline.palette.matching import is_pattern, matching
from pypeline.sdk import BaseModule, Effects, ModuleConfig, Place, Problem, PypeError, RunContext, path

Target = Annotated[str, path("save")]
Named = Annotated[str, path("open")]
_WITH_TARGET = frozenset({"copy", "move", "rename"})
_MAKES = frozenset({"touch", "make_folder"})


class Config(ModuleConfig):
    """What to do, with which files, and what is allowed on the way."""

    operation: Literal["copy", "move", "rename", "delete", "touch", "make_folder", "exists"] = Field(
        title="Operation",
        description="`rename` gives a new name in the same folder · `touch` makes an empty file or sets its time to now · `exists` only looks.",
    )
    path: Named | Annotated[list[Named], Field(min_length=1)] = Field(
        title="Path", description="Files or folders; patterns with * ? [ ] and ** may stand in it.", examples=["incoming/*.csv"]
    )
    target: Target | None = Field(
        default=None,
        title="Target",
        description="For copy and move a folder (it is there, ends with / or takes several files) or a file; for rename a name.",
        examples=["archive/"],
    )
    overwrite: Literal["fail", "skip", "replace", "newer"] = Field(
        default="fail", title="When the target is there", description="`newer` replaces a file only by one that was changed later."
    )
    recursive: bool = Field(default=False, title="Whole folders", description="Copy or delete folders with all that is in them.")
    make_folders: bool = Field(default=True, title="Make folders", description="Make folders of the target that are not there.")
    required: bool = Field(default=True, title="Must be there", description="Fail when a path names nothing; for `exists` the globals tell, and nothing fails.")
    outside: bool = Field(default=False, title="Outside too", description="Let relative paths lead out of the flow's folder, by `..` or by a link.")

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if (self.operation in _WITH_TARGET) != (self.target is not None):
            raise ValueError(f"{self.operation} {'needs a target' if self.operation in _WITH_TARGET else 'has no target'}")
        if self.operation in _MAKES and any(is_pattern(one) for one in self.paths):
            raise ValueError(f"{self.operation} takes no pattern")
        return self

    @property
    def paths(self) -> list[str]:
        """The path or paths, as a list."""
        return [self.path] if isinstance(self.path, str) else self.path


class FileOps(BaseModule):
    """One operation on one or many files; the globals tell what was done."""

    TYPE = "solo"
    DESCRIPTION = "Copies, moves, renames, deletes, makes or looks for files"
    CATEGORY = "Files"
    TITLE: ClassVar[str] = "File operation"
    ICON: ClassVar[str] = "copy"
    GLOBALS: ClassVar[list[str]] = ["count", "exists", "path", "paths", "skipped"]
    EFFECTS: ClassVar[Effects] = Effects.WRITES
    Config: ClassVar[type[Any] | None] = Config

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        """Nothing, after the work; the paths that were made, or found and removed, are in the globals."""
        stopped = False

        def work() -> tuple[list[str], int]:
            done: list[str] = []
            skipped = 0
            for source in self._found():
                if stopped:
                    break
                made = self._one(source)
                skipped += made is None
                done += [made] if made is not None else []
            return done, skipped

        try:
            done, skipped = await ctx.executor.run_in_thread(work)
        finally:
            stopped = True  # a stop lets the file in hand be finished, and begins no other
        for name, value in {"count": len(done), "exists": bool(done), "path": done[0] if done else "", "paths": done[:10_000], "skipped": skipped}.items():
            ctx.set_global(name, value)
        return {}

    def _found(self) -> Iterator[str]:
        """What the paths name, in order; looked up before anything is changed."""
        config = self.config
        found: dict[str, None] = {}
        for one in config.paths:
            full = self._inside(one, "path")
            there = [full] if config.operation in _MAKES else [self._inside(each, "path") for each in matching(one, os.path.realpath(self.folder or "."))]
            if not there and config.required and config.operation != "exists":
                raise _refused(f"there is no {'file that fits' if is_pattern(one) else 'file'} `{one}`", "path", "Correct the path, or say `required: false`.")
            found |= dict.fromkeys(there)
        if config.operation in {"copy", "move"} and len(found) > 1 and not self._into_folder(len(found)):
            raise _refused(f"{len(found)} files cannot become the one file `{config.target}`", "target", "Name a folder: end it with `/`.")
        self._several = len(found) > 1
        return iter(found)

    def _one(self, source: str) -> str | None:
        """Do it to ``source``; the path that counts now, or None where it was left out."""
        operation = self.config.operation
        try:
            if operation in _WITH_TARGET:
                return self._placed(source)
            if operation == "delete":
                self._delete(source)
            elif operation == "touch":
                self._folder(os.path.dirname(source))
                Path(source).touch()
            elif operation == "make_folder":
                if self.config.make_folders:
                    Path(source).mkdir(parents=True, exist_ok=True)
                elif not os.path.isdir(source):
                    os.mkdir(source)
            return source
        except (OSError, shutil.Error) as error:
            reason = _reason(error)
            named = os.path.relpath(source, self.folder or ".")
            raise _refused(f"`{operation}` of `{named}` failed: {reason}", "path", "Check the path and its permissions.") from error

    def _placed(self, source: str) -> str | None:
        """Copy, move or rename ``source``; its new path."""
        config = self.config
        if config.operation == "rename":
            if os.path.basename(config.target) != config.target or config.target in {"", ".", ".."}:
                raise _refused(f"`{config.target}` is no name of a file", "target", "A new name has no `/`; use move to put it elsewhere.")
            if self._several:
                raise _refused("several files cannot get one name", "path", "Let the path name one file.")
            target = os.path.join(os.path.dirname(source), config.target)
        else:
            target = self._inside(config.target, "target")
            if self._into_folder(1):
                target = os.path.join(target, os.path.basename(source))
        folder = os.path.isdir(source) and not os.path.islink(source)
        if os.path.realpath(target) == os.path.realpath(source):
            raise _refused(f"`{config.target}` is the file itself", "target", "Name another target.")
        if folder and Path(os.path.realpath(target)).is_relative_to(os.path.realpath(source)):
            raise _refused(f"a folder cannot be put into itself: `{config.target}`", "target", "Name another target.")
        if folder and config.operation == "copy" and not config.recursive:
            raise _refused(f"`{os.path.basename(source)}` is a folder", "path", "Say `recursive: true` to copy all that is in it.")
        if os.path.lexists(target) and not self._may_replace(source, target):
            return None
        self._folder(os.path.dirname(target))
        put = _copied if config.operation == "copy" else _moved
        put(source, target, replace=config.overwrite in {"replace", "newer"})
        return target

    def _may_replace(self, source: str, target: str) -> bool:
        config = self.config
        if config.overwrite == "fail":
            raise _refused(
                f"`{os.path.relpath(target, self.folder or '.')}` is there already", "overwrite", "Choose another target, or what `overwrite` allows."
            )
        if config.overwrite == "newer":
            return os.stat(source).st_mtime_ns > os.stat(target).st_mtime_ns
        return bool(config.overwrite == "replace")

    def _delete(self, source: str) -> None:
        if os.path.islink(source) or not os.path.isdir(source):
            os.unlink(source)  # a link goes, what it leads to stays
            return
        if not self.config.recursive and os.listdir(source):
            raise _refused(f"the folder `{os.path.basename(source)}` is not empty", "recursive", "Say `recursive: true` to delete all that is in it.")
        held = os.path.realpath(source)
        for kept in (self.folder or ".", os.path.expanduser("~")):
            if Path(os.path.realpath(kept)).is_relative_to(held):
                raise _refused(f"`{source}` holds the flow itself or a home folder", "path", "Name folders below it.")
        shutil.rmtree(source)

    def _folder(self, folder: str) -> None:
        if not os.path.isdir(folder):
            if not self.config.make_folders:
                raise _refused(f"there is no folder `{os.path.relpath(folder, self.folder or '.')}`", "make_folders", "Make it, or say `make_folders: true`.")
            os.makedirs(folder, exist_ok=True)

    def _into_folder(self, count: int) -> bool:
        target = self.config.target or ""
        return target.endswith("/") or os.path.isdir(os.path.join(self.folder, target)) or (count > 1 and not Path(target).suffix)

    def _inside(self, one: str, field: str) -> str:
        """``one`` as an absolute path that leads where it seems to."""
        if "\0" in one or not one.strip():
            raise _refused("a path is empty, or holds a NUL character", field, "Correct the path.")
        root = os.path.realpath(self.folder or ".")
        full = os.path.join(root, one)
        if self.config.outside:
            return os.path.normpath(full)
        if os.path.isabs(one) and not one.startswith(root + os.sep):
            if ".." in Path(one).parts:
                raise _refused(f"`{one}` goes up by `..`", field, "Write the path out, or say `outside: true`.")
            return full
        # the last part may be a link: what is done is done to the link itself
        parent = os.path.realpath(os.path.dirname(full))
        if ".." in Path(one).parts or not (parent == root or parent.startswith(root.rstrip(os.sep) + os.sep)):
            raise _refused(f"`{one}` leads out of the flow's folder", field, "Write an absolute path, or say `outside: true`.")
        return os.path.normpath(full)


def _reason(error: OSError | shutil.Error) -> str:
    """Why it failed, in words; of a folder's many files the first."""
    if error.args and isinstance(error.args[0], list) and error.args[0]:
        (*_, first), more = error.args[0][0], len(error.args[0]) - 1
        return f"{first}{f' (and {more} more)' if more else ''}"
    return error.strerror or str(error)


def _refused(message: str, field: str, mend: str) -> PypeError:
    return PypeError(Problem("PYE386", message, Place(path=(field,)), mend, phase="run"))


def _beside(target: str, make: Callable[[str], object], replace: bool) -> None:
    """Let ``make`` write a temporary path beside ``target``, and give it that name when it is whole."""
    staged = os.path.join(os.path.dirname(target), f".{os.path.basename(target)[:100]}.{uuid.uuid4().hex[:12]}.part")
    try:
        make(staged)
        if os.path.isdir(staged) and not os.path.islink(staged):
            _folder_to(staged, target, replace)
        elif replace:
            os.replace(staged, target)
        else:
            _fresh(staged, target)
    except BaseException:
        if os.path.isdir(staged) and not os.path.islink(staged):
            shutil.rmtree(staged, ignore_errors=True)
        elif os.path.lexists(staged):
            os.unlink(staged)
        raise


def _folder_to(staged: str, target: str, replace: bool) -> None:
    """Rename a folder to ``target``; a folder that is there goes out of the way first, and comes back if that fails."""
    if not replace or not os.path.lexists(target):
        os.rename(staged, target)
        return
    old = f"{staged}.old"
    os.rename(target, old)
    try:
        os.rename(staged, target)
    except OSError:
        os.rename(old, target)
        raise
    if os.path.isdir(old) and not os.path.islink(old):
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.unlink(old)


def _copied(source: str, target: str, *, replace: bool) -> None:
    def write(staged: str) -> None:
        if os.path.islink(source):
            os.symlink(os.readlink(source), staged)
        elif os.path.isdir(source):
            shutil.copytree(source, staged, symlinks=True)
        elif not os.path.isfile(source):
            raise OSError(None, "it is no regular file")
        else:
            shutil.copy2(source, staged)
            descriptor = os.open(staged, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    _beside(target, write, replace)


def _moved(source: str, target: str, *, replace: bool) -> None:
    try:
        if os.path.isdir(source) and not os.path.islink(source):
            _folder_to(source, target, replace)
        elif replace:
            os.replace(source, target)
        else:
            _fresh(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # another disk: whole at its target before it goes here
        _copied(source, target, replace=replace)
        if os.path.isdir(source) and not os.path.islink(source):
            shutil.rmtree(source)
        else:
            os.unlink(source)


def _fresh(source: str, target: str) -> None:
    """Rename a file to a name that is free: unlike a rename, a hard link never replaces what somebody put there meanwhile."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        if os.path.lexists(target):  # a disk without hard links: as near as it gets
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from None
        os.rename(source, target)
        return
    os.unlink(source)
