"""``file_list``: the files of a folder as a table: to iterate over, to join with, to look at."""

from __future__ import annotations

import fnmatch
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from pypeline.sdk import BaseModule, Effects, ModuleConfig, Place, Problem, PypeError, RunContext, did_you_mean, path, unit


class Config(ModuleConfig):
    """Which files, in which order."""

    folder: Annotated[str, path("folder")] = Field(min_length=1, title="Folder", description="Where to look.", examples=["incoming"])
    pattern: str = Field(default="*", min_length=1, title="Name pattern", description="File names that count, with * ? [ ].", examples=["orders-*.csv"])
    regex: str | None = Field(default=None, title="Name expression", description="A regular expression that the whole name must match too.")
    exclude: list[str] = Field(default=[], title="Leave out", description="Name patterns that do not count.", examples=[["*.tmp"]])
    recursive: bool = Field(default=False, title="Folders below", description="Look into folders below too.")
    hidden: bool = Field(default=False, title="Hidden files", description="Names that begin with a dot count too.")
    kind: Literal["files", "folders", "both"] = Field(default="files", title="What to list")
    min_size: Annotated[int, unit("bytes")] = Field(default=0, ge=0, title="Smallest size")
    max_size: Annotated[int | None, unit("bytes")] = Field(default=None, ge=0, title="Largest size")
    modified_after: str | None = Field(
        default=None, title="Modified after", description="ISO date or time, UTC; only files changed later.", examples=["2025-01-31"]
    )
    modified_before: str | None = Field(default=None, title="Modified before", description="ISO date or time, UTC; only files changed earlier.")
    sort: Literal["path", "name", "size", "modified"] = Field(default="path", title="Sort by")
    descending: bool = Field(default=False, title="Descending", description="The largest, the newest, the last name first.")
    limit: Annotated[int | None, unit("rows")] = Field(default=None, ge=0, title="Limit", description="Only the first so many.")
    required: bool = Field(default=False, title="Must find some", description="Fail when nothing is found.")

    @field_validator("regex")
    @classmethod
    def _is_regex(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
        return value

    @field_validator("modified_after", "modified_before")
    @classmethod
    def _is_time(cls, value: str | None) -> str | None:
        if value is not None:
            datetime.fromisoformat(value)
        return value


class FileList(BaseModule):
    """Lists files: path, name, folder, extension, size, modified, is_folder."""

    TYPE = "source"
    DESCRIPTION = "The files of a folder as a table"
    CATEGORY = "File Sources"
    TITLE: ClassVar[str] = "File list"
    ICON: ClassVar[str] = "folder"
    OUTPUT_PORTS: ClassVar[list[str]] = ["data"]
    GLOBALS: ClassVar[list[str]] = ["row_count", "total_size"]
    COLUMNS: ClassVar[dict[str, list[str]]] = {"data": ["path", "name", "folder", "extension", "size", "modified", "is_folder"]}
    EFFECTS: ClassVar[Effects] = Effects.READS
    Config: ClassVar[type[Any] | None] = Config

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        """The list, as an Arrow table."""
        rows = await ctx.executor.run_in_thread(self._rows)
        ctx.set_global("row_count", len(rows))
        ctx.set_global("total_size", sum(row["size"] for row in rows))
        return {"data": _table(rows)}

    def _rows(self) -> list[dict[str, Any]]:
        config = self.config
        folder = Path(self.folder, config.folder)
        if not folder.is_dir():
            near = did_you_mean(folder.name, [p.name for p in folder.parent.iterdir() if p.is_dir()]) if folder.parent.is_dir() else ""
            mend = near[:1].upper() + near[1:] or "Correct the path; it starts at the flow's folder."
            raise PypeError(Problem("PYE390", f"there is no folder `{config.folder}`", Place(path=("folder",)), mend, phase="run"))
        seen = (_row(entry) for entry in (folder.rglob("*") if config.recursive else folder.iterdir()) if self._counts(entry, folder))
        found = [row for row in seen if row is not None and self._fits(row)]
        if not found and config.required:
            message = f"nothing in `{config.folder}` fits `{config.pattern}`"
            raise PypeError(Problem("PYE390", message, Place(path=("pattern",)), "Widen the pattern, or say `required: false`.", phase="run"))
        found.sort(key=lambda row: row["path"])
        found.sort(key=lambda row: row[config.sort], reverse=config.descending)
        return found[: config.limit]

    def _counts(self, entry: Path, folder: Path) -> bool:
        config = self.config
        if not config.hidden and any(part.startswith(".") for part in entry.relative_to(folder).parts):
            return False
        if config.kind != "both" and entry.is_dir() != (config.kind == "folders"):
            return False
        if not fnmatch.fnmatchcase(entry.name, config.pattern) or any(fnmatch.fnmatchcase(entry.name, p) for p in config.exclude):
            return False
        return config.regex is None or re.fullmatch(config.regex, entry.name) is not None

    def _fits(self, row: dict[str, Any]) -> bool:
        config = self.config
        if row["size"] < config.min_size or (config.max_size is not None and row["size"] > config.max_size):
            return False
        if config.modified_after is not None and row["modified"] <= _moment(config.modified_after):
            return False
        return config.modified_before is None or row["modified"] < _moment(config.modified_before)


def _row(entry: Path) -> dict[str, Any] | None:
    """What the table says of ``entry``; None if it has gone while the folder was read.

    Raises:
        PypeError: PYE391, its name is no text.
    """
    try:
        str(entry).encode()
    except UnicodeEncodeError:
        message = f"the name of `{os.fsencode(entry).decode(errors='backslashreplace')}` is not UTF-8, and a table holds texts"
        raise PypeError(
            Problem("PYE391", message, Place(path=("folder",)), "Rename the file, or leave it out by `pattern` or `exclude`.", phase="run")
        ) from None
    try:
        found = entry.stat() if entry.exists() else entry.lstat()
    except FileNotFoundError:
        return None
    return {
        "path": str(entry),
        "name": entry.name,
        "folder": str(entry.parent),
        "extension": entry.suffix,
        "size": found.st_size,
        "modified": datetime.fromtimestamp(found.st_mtime, UTC),
        "is_folder": entry.is_dir(),
    }


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _table(rows: list[dict[str, Any]]) -> Any:
    import pyarrow as pa

    text = pa.string()
    schema = pa.schema(
        [
            ("path", text),
            ("name", text),
            ("folder", text),
            ("extension", text),
            ("size", pa.int64()),
            ("modified", pa.timestamp("us", "UTC")),
            ("is_folder", pa.bool_()),
        ]
    )
    return pa.Table.from_pylist(rows, schema)
