"""Files of the window: open, save, the recent list, the reader for a dropped file.

Opening never runs anything. Saving writes the smallest change of the text, atomically; a file that
changed on disk meanwhile is never overwritten without a word.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pypeline.runner.store import atomic
from pypeline.schema.flow import Flow
from pypeline.schema.problems import Place, Problem, PypeError
from pypeline.schema.reader import read, read_file
from pypeline.schema.record import record
from pypeline.schema.writer import dump, write

RECENT_MOST = 12
READERS: Mapping[str, str] = {
    ".csv": "csv_source", ".tsv": "csv_source", ".txt": "csv_source", ".dat": "csv_source", ".gz": "csv_source",
    ".parquet": "parquet_source", ".pq": "parquet_source",
}  # fmt: skip
"""Which module type reads a dropped file, by its ending."""


@record
class OpenFile:
    """A flow file as it was last read or written: its text, the flow in it, and what the bytes were."""

    path: Path | None
    text: str
    flow: Flow
    digest: str = ""
    warnings: tuple[Problem, ...] = ()


def open_flow(path: Path) -> OpenFile:
    """The flow file at ``path``.

    Raises:
        PypeError: it cannot be read, or is no flow.
    """
    result = read_file(path)
    if result.flow is None:
        raise PypeError(*result.problems)
    return OpenFile(path, result.text, result.flow, _digest(path), result.problems)


def new_flow(name: str = "untitled") -> OpenFile:
    """An empty flow that has no file yet."""
    return OpenFile(None, "", Flow.model_validate({"flow": {"name": name}, "modules": []}))


def save(file: OpenFile, flow: Flow, path: Path, *, force: bool = False) -> OpenFile:
    """Write ``flow`` to ``path``; returns the file as it is now.

    Raises:
        PypeError: PYE494 the file on disk is not what was opened (``force`` overwrites it);
            PYE503, PYE504 it cannot be written, the old content is untouched.
    """
    same = file.path is not None and path.resolve() == file.path.resolve()
    if same and not force and path.exists() and _digest(path) != file.digest:
        raise PypeError(
            Problem("PYE494", f"{path.name} was changed on disk since it was opened", Place(str(path)), "Reload it, or save under another name.", phase="run")
        )
    if file.text and same:
        text = write(file.text, file.flow, flow)
    else:
        flow = flow if path.stem == flow.flow.name or flow.flow.name != "untitled" else _named(flow, path.stem)
        text = dump(flow)
    atomic.write_bytes(path, text.encode("utf-8"))
    again = read(text, str(path))
    if again.flow is None:
        raise PypeError(*again.problems)
    return OpenFile(path, text, again.flow, _digest(path), again.problems)


def changed_on_disk(file: OpenFile) -> bool:
    """Whether somebody else wrote the file since it was read or saved."""
    return file.path is not None and file.path.exists() and _digest(file.path) != file.digest


def reader_for(path: Path, folder: Path) -> tuple[str, dict[str, Any]] | None:
    """The module type and config that read this file (relative to the flow's folder where it lies below), or None."""
    ending = path.suffix.lower()
    type = READERS.get(ending)
    if type is None:
        return None
    inside = path.resolve().is_relative_to(folder.resolve())
    configs: dict[str, Any] = {"file_path": path.resolve().relative_to(folder.resolve()).as_posix() if inside else str(path.resolve())}
    if ending == ".tsv":
        configs["delimiter"] = "\t"
    return type, configs


def contexts(folder: Path, flow: Flow) -> list[str]:
    """The context environments there are: ``default`` first, then those with a file of their own."""
    prefix = f"{flow.flow.name}_"
    names = {p.stem.removeprefix(prefix) for p in (folder / "context").glob(f"{prefix}*.json")}
    return ["default", *sorted(names - {"default"})]


class Recent:
    """The list of recently opened files, newest first, in the user's settings folder. A broken list is an empty one."""

    def __init__(self, folder: Path | None = None) -> None:
        base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
        self._file = (folder or Path(base, "pypeline")) / "recent.json"

    def files(self) -> list[Path]:
        """Those that still exist."""
        try:
            found = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return []
        names = found if isinstance(found, list) else []
        return [Path(n) for n in names if isinstance(n, str) and Path(n).is_file()][:RECENT_MOST]

    def add(self, path: Path) -> None:
        """Put ``path`` first. A settings folder that cannot be written costs only the list."""
        names = [str(path.resolve()), *(str(p) for p in self.files() if p.resolve() != path.resolve())]
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            atomic.write_json(self._file, names[:RECENT_MOST])
        except (OSError, PypeError):
            return


def _named(flow: Flow, name: str) -> Flow:
    return flow.model_copy(update={"flow": flow.flow.model_copy(update={"name": name})})


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
