"""A sink as SQL and, where the engine writes something close, the last step to what was asked for.

In: a sink, the table it writes and its staging name. Out: a COPY. Encodings other than UTF-8,
Windows line ends and Arrow files are made from the engine's file afterwards; ``append`` puts what
was there in front. Publishing is another room's business.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import IO, Any

from pypeline.core.columns import Schema
from pypeline.core.relation import Write, quote
from pypeline.runner.tables.connection import text
from pypeline.runner.tables.querysql import columns
from pypeline.schema.problems import Place, Problem, PypeError
from pypeline.schema.record import record

_CHUNK = 1 << 20
STAGING = ".staging"


@record
class Target:
    """A file on its way: ``staging`` stands beside ``path`` and becomes it; ``written`` is the file
    that the engine writes (the staging itself, or one in the spill folder to be worked on); ``before``
    is what stood at ``path`` when the task began."""

    module: str
    write: Write
    path: str
    staging: str
    written: str
    before: tuple[int, ...] = ()


def target(module: str, write: Write, folder: str, spill: str, token: str) -> Target:
    """Where the sink of ``module`` writes first. Makes the target's folder.

    Raises:
        PypeError: PYE408 the target exists and may not, PYE409 it is a folder or a device, PYE410 the
            format cannot be appended to, PYE411 it cannot be a path here.
    """
    path = os.path.realpath(Path(folder, write.path))
    place = Place(module=module, path=("output_path",))
    if Path(path).is_dir():
        raise PypeError(Problem("PYE409", f"`{path}` is a folder", place, "Write a file name behind it.", phase="run"))
    if Path(path).exists() and not Path(path).is_file():
        # to rename over a device or a pipe would take it away from everybody
        raise PypeError(Problem("PYE409", f"`{path}` is a device or a pipe", place, "Name a file.", phase="run"))
    if write.mode == "create" and os.path.lexists(path):
        raise already_there(module, path)
    if write.mode == "append" and write.format == "arrow":
        raise PypeError(Problem("PYE410", "an Arrow file cannot be appended to", place, "Use mode replace, or write Parquet or CSV.", phase="run"))
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(module, path, error) from error
    staging = str(Path(path).with_name(f"{_staged_as(path)}{token}{STAGING}"))
    written = str(Path(spill, f"{token}.written")) if _reworked(write, path) else staging
    return Target(module, write, path, staging, written, identity(path))


def identity(path: str) -> tuple[int, ...]:
    """What tells one content of ``path`` from another; nothing where there is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def is_staging(path: str, target: str = "") -> bool:
    """Whether ``path`` is named as what :func:`target` stages, for ``target`` if one is given."""
    name = Path(path).name
    if not (name.startswith(".") and name.endswith(STAGING) and os.path.isabs(path)):
        return False
    return not target or (Path(path).parent == Path(target).parent and name.startswith(_staged_as(target)))


def _staged_as(path: str) -> str:
    return f".{Path(path).name[:100]}."


def copy(sink: Target, source: str, schema: Schema) -> str:
    """The COPY that writes the rows of table ``source``."""
    write = sink.write
    wanted = columns([c.name for c in schema])
    rows = f"SELECT {wanted} FROM {quote(source)}"
    if write.format == "parquet" and _appends(sink):
        rows = f"SELECT {wanted} FROM read_parquet({text(sink.path)}) UNION ALL {rows}"
    options = {"csv": _csv, "json": _json}.get(write.format, _parquet)(write, _appends(sink), sink.path)
    parts = ", ".join(f"{name} {value}".strip() for name, value in {**options, "USE_TMP_FILE": "false"}.items())
    return f"COPY ({rows}) TO {text(sink.written)} ({parts})"


def finish(sink: Target) -> None:
    """Bring what the engine wrote to the staging name, in the form asked for.

    Raises:
        PypeError: PYE405, the text does not fit the encoding.
        OSError: it cannot be written.
    """
    write = sink.write
    if sink.written == sink.staging:
        return
    if write.format == "arrow":
        _to_arrow(sink)
        return
    with Path(sink.staging).open("xb") as out:
        if _appends(sink):
            with Path(sink.path).open("rb") as before:
                shutil.copyfileobj(before, out, _CHUNK)
        _recode(sink, out)


def _reworked(write: Write, path: str) -> bool:
    if write.format in ("csv", "json") and write.mode == "append" and Path(path).exists():
        return True
    return write.format == "arrow" or (write.format == "csv" and (_encoding(write) != "utf-8" or write.options.get("line_ending") == "crlf"))


def _appends(sink: Target) -> bool:
    return sink.write.mode == "append" and Path(sink.path).exists()


def _encoding(write: Write) -> str:
    return str(write.options.get("encoding", "utf-8")).lower()


def _compression(write: Write, path: str) -> str:
    said = str(write.options.get("compression", "auto"))
    if said != "auto":
        return said
    return "gzip" if path.endswith(".gz") else "zstd" if path.endswith(".zst") else "none"


def _csv(write: Write, appends: bool, path: str) -> dict[str, str]:
    said = write.options
    mark = str(said.get("quote", '"'))
    options = {
        "FORMAT": "csv",
        "HEADER": "true" if said.get("header", True) and not appends else "false",
        "DELIMITER": text(str(said.get("delimiter", ",")).replace("\\t", "\t")),
        "QUOTE": text(mark),
        "ESCAPE": text(mark),
        "NULLSTR": text(str(said.get("null_string", ""))),
        "COMPRESSION": "none" if _is_recoded(write) else _compression(write, path),
    }
    return options | ({"FORCE_QUOTE": "*"} if said.get("quoting") == "all" else {})


def _json(write: Write, appends: bool, path: str) -> dict[str, str]:
    lines = write.options.get("layout", "lines") == "lines"
    return {"FORMAT": "json", "ARRAY": "false" if lines else "true", "COMPRESSION": _compression(write, path)}


def _parquet(write: Write, appends: bool, path: str) -> dict[str, str]:
    if write.format == "arrow":
        return {"FORMAT": "parquet", "COMPRESSION": "lz4"}
    said = str(write.options.get("compression", "zstd"))
    options = {"FORMAT": "parquet", "COMPRESSION": "uncompressed" if said == "none" else said}
    if write.options.get("compression_level") is not None and said == "zstd":
        options["COMPRESSION_LEVEL"] = str(int(write.options["compression_level"]))
    if write.options.get("row_group_size"):
        options["ROW_GROUP_SIZE"] = str(int(write.options["row_group_size"]))
    return options


def _is_recoded(write: Write) -> bool:
    return _encoding(write) != "utf-8" or write.options.get("line_ending") == "crlf"


def _recode(sink: Target, out: IO[bytes]) -> None:
    if not _is_recoded(sink.write):
        with Path(sink.written).open("rb") as made:
            shutil.copyfileobj(made, out, _CHUNK)
        return
    encoding, crlf = _encoding(sink.write), sink.write.options.get("line_ending") == "crlf"
    first = not _appends(sink)
    with _packed(out, _compression(sink.write, sink.path)) as packed, Path(sink.written).open(encoding="utf-8", newline="") as made:
        while chunk := made.read(_CHUNK):
            try:
                packed.write((chunk.replace("\n", "\r\n") if crlf else chunk).encode(encoding if first else _unmarked(encoding)))
            except UnicodeEncodeError as error:
                message = f"the character {error.object[error.start]!r} does not exist in {encoding}"
                place = Place(module=sink.module, path=("encoding",))
                raise PypeError(Problem("PYE405", message, place, "Write utf-8, or replace the character before the sink.", phase="run")) from error
            first = False


def _unmarked(encoding: str) -> str:
    """The encoding without its byte-order mark: only a file's beginning has one."""
    return {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(encoding, encoding)


def _packed(out: IO[bytes], compression: str) -> Any:
    import contextlib
    import gzip

    if compression == "gzip":
        return gzip.GzipFile(fileobj=out, mode="wb", mtime=0)
    if compression == "zstd":
        import pyarrow as pa

        return pa.CompressedOutputStream(out, "zstd")
    return contextlib.nullcontext(out)


def _to_arrow(sink: Target) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    source = pyarrow.parquet.ParquetFile(sink.written)
    with pa.OSFile(sink.staging, "wb") as out, pa.ipc.new_file(out, source.schema_arrow) as writer:
        for batch in source.iter_batches():
            writer.write_batch(batch)


def already_there(module: str, path: str) -> PypeError:
    """The error for a target that exists although ``mode`` is ``create``."""
    place = Place(module=module, path=("output_path",))
    return PypeError(Problem("PYE408", f"`{path}` exists already", place, "Use mode replace or append, or another path.", phase="run"))


def overtaken(module: str, path: str) -> PypeError:
    """The error for a target that somebody else wrote while rows were being added to it."""
    mend = "Run it again; let two writers of one file run one after the other."
    return PypeError(Problem("PYE407", f"`{path}` was changed while rows were added to it", Place(module=module, path=("output_path",)), mend, phase="run"))


def not_writable(module: str, path: str, error: OSError) -> PypeError:
    """The error for a target whose folder cannot be made or written."""
    message = f"cannot write `{path}`: {error.strerror or error}"
    return PypeError(Problem("PYE411", message, Place(module=module, path=("output_path",)), "Check the folder and its permissions.", phase="run"))
