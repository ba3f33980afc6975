"""Artifacts: tables as modules hold them, in memory or in a private Parquet file, by one policy.

The specification's protocol (``to_pandas``, ``to_dask``, ``n_rows``, ``uri``, ``register``, ``adopt``)
and two more ways to look: ``to_arrow``, ``schema``. Every artifact is realised: ``n_rows`` is a
number, and reading a property runs nothing. Safe to use from several threads.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pypeline.core.columns import Column, Schema
from pypeline.core.modules import DataArtifact
from pypeline.runner.tables import memory

log = logging.getLogger(__name__)

SPILL_THRESHOLD_ROWS = 5_000_000
MAX_RAM_SHARE = 0.6
PARTITION_ROWS = 1_000_000


class MemoryArtifact:
    """A pandas or Dask frame held in memory."""

    def __init__(self, obj: Any, n_rows: int | None = None) -> None:
        """``n_rows`` must be given for a Dask frame: counting one would run it."""
        self._obj = obj
        if n_rows is None and _is_dask(obj):
            raise ValueError("a Dask frame's rows are unknown until it runs; give n_rows")
        self._n_rows = len(obj) if n_rows is None else n_rows
        self._uri = f"memory://{secrets.token_hex(8)}"

    def to_pandas(self) -> Any:
        """The frame itself, or the Dask frame computed."""
        return self._obj.compute() if _is_dask(self._obj) else self._obj

    def to_dask(self) -> Any:
        """The Dask frame itself, or the pandas frame in partitions of up to a million rows."""
        if _is_dask(self._obj):
            return self._obj
        import dask
        import dask.dataframe as dd

        with dask.config.set({"dataframe.convert-string": False}):  # it would rewrite decimals as text
            return dd.from_pandas(self._obj, npartitions=max(1, -(-self._n_rows // PARTITION_ROWS)))

    def to_arrow(self) -> Any:
        """An Arrow table of the same rows."""
        return _to_arrow(self.to_pandas())

    @property
    def n_rows(self) -> int:
        return self._n_rows

    @property
    def uri(self) -> str:
        return self._uri

    @property
    def schema(self) -> Schema:
        import pyarrow as pa

        empty = self._obj._meta if _is_dask(self._obj) else self._obj.iloc[:0]
        return _columns(pa.Schema.from_pandas(empty, preserve_index=False))


class ParquetArtifact:
    """A table in one local Parquet file."""

    def __init__(self, path: str | Path) -> None:
        """Look at the file's footer.

        Raises:
            OSError: there is no such file.
        """
        import pyarrow.parquet

        self._path = Path(path).resolve()
        footer = pyarrow.parquet.read_metadata(self._path)
        self._n_rows = int(footer.num_rows)
        self._schema = _columns(footer.schema.to_arrow_schema())

    @classmethod
    def write(cls, obj: Any, folder: str | Path) -> ParquetArtifact:
        """Write a pandas or Dask frame to a new file in ``folder``, a Dask frame partition by partition."""
        import pyarrow.parquet

        path = Path(folder, f"{secrets.token_hex(8)}.parquet")
        writer: Any = None
        try:
            for frame in _frames(obj):
                table = _to_arrow(frame)
                if writer is None:
                    writer = pyarrow.parquet.ParquetWriter(path, table.schema, compression="lz4")
                writer.write_table(table.cast(writer.schema))
        finally:
            if writer is not None:
                writer.close()
        return cls(path)

    def to_pandas(self) -> Any:
        """The rows as a pandas frame on Arrow types."""
        import pandas as pd

        return self.to_arrow().to_pandas(types_mapper=pd.ArrowDtype)

    def to_dask(self) -> Any:
        """The rows as a lazy Dask frame."""
        import dask
        import dask.dataframe as dd

        with dask.config.set({"dataframe.convert-string": False}):
            return dd.read_parquet(self._path, dtype_backend="pyarrow")

    def to_arrow(self) -> Any:
        """The rows as an Arrow table."""
        import pyarrow.parquet

        return pyarrow.parquet.read_table(self._path)

    @property
    def n_rows(self) -> int:
        return self._n_rows

    @property
    def uri(self) -> str:
        return self._path.as_uri()

    @property
    def schema(self) -> Schema:
        return self._schema


class ArtifactManager:
    """Chooses memory or Parquet for every frame that is registered.

    ``config``: ``spill_threshold_rows`` (5,000,000), ``max_ram_share`` (0.6, of the machine's or the
    cgroup's memory), ``spill_dir`` (None: a private folder that :meth:`close` removes).
    """

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        said = dict(config or {})
        self.spill_threshold_rows = int(said.pop("spill_threshold_rows", SPILL_THRESHOLD_ROWS))
        self.max_ram_share = float(said.pop("max_ram_share", MAX_RAM_SHARE))
        self._given: str | None = said.pop("spill_dir", None)
        if said:
            raise ValueError(f"unknown artifact settings: {', '.join(sorted(said))}")
        self._own: Path | None = None
        self._lock = threading.Lock()

    def register(self, obj: Any) -> DataArtifact:
        """An artifact of a pandas or Dask frame: in memory if it is small enough and there is room.

        A Dask frame whose rows are not known is written, and counted on the way.
        """
        rows = _rows(obj)
        if rows is not None and rows <= self.spill_threshold_rows and memory.share() < self.max_ram_share:
            return MemoryArtifact(obj, rows)
        artifact = ParquetArtifact.write(obj, self._folder())
        log.info("spill to parquet at %s", artifact.uri.removeprefix("file://"))
        return artifact

    def adopt(self, art: DataArtifact) -> DataArtifact:
        """``art`` itself; for code that treats new and old tables alike."""
        return art

    def close(self) -> None:
        """Remove the spill folder made here, with everything in it."""
        with self._lock:
            if self._own is not None:
                shutil.rmtree(self._own, ignore_errors=True)
                self._own = None

    def _folder(self) -> Path:
        with self._lock:
            if self._given is not None:
                folder = Path(self._given)
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                return folder
            if self._own is None:
                self._own = Path(tempfile.mkdtemp(prefix="pypeline_"))
                os.chmod(self._own, 0o700)
            return self._own


def _is_dask(obj: Any) -> bool:
    return type(obj).__module__.partition(".")[0] == "dask"


def _rows(obj: Any) -> int | None:
    """The rows of a frame where they are known without running anything."""
    if not _is_dask(obj):
        return len(obj)
    try:
        from dask.dataframe.dask_expr._expr import Literal
        from dask.dataframe.dask_expr._reductions import Len
    except ImportError:  # another release keeps them elsewhere: then rows are counted while written
        return None
    counted = Len(obj.expr).optimize(fuse=False)
    return int(counted.value) if isinstance(counted, Literal) else None


def _frames(obj: Any) -> Iterator[Any]:
    if not _is_dask(obj):
        yield obj
        return
    for part in obj.to_delayed():
        yield part.compute(scheduler="threads")


def _to_arrow(frame: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)


def _columns(schema: Any) -> Schema:
    return tuple(Column(field.name, _type(field.type), field.nullable) for field in schema)


def _type(kind: Any) -> str:
    """Our spelling of an Arrow type."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _type(kind.value_type)
    for test, name in ((pa.types.is_boolean, "bool"), (pa.types.is_float16, "float"), (pa.types.is_float32, "float"), (pa.types.is_float64, "double"),
                       (pa.types.is_date, "date"), (pa.types.is_time, "time"), (pa.types.is_duration, "interval"), (pa.types.is_null, "string")):  # fmt: skip
        if test(kind):
            return name
    if pa.types.is_integer(kind):
        return str(kind)
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "timestamptz" if kind.tz else "timestamp"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return "string"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list<{_type(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{f.name}: {_type(f.type)}' for f in kind)}>"
    return "blob" if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) else str(kind)
