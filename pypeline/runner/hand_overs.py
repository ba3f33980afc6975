"""Tables between tasks: what a code module returns goes to an Arrow file, and comes back as an artifact.

Out: any table a module may return (DataFrame, Arrow, Polars, Dask, list, artifact) becomes one
private Arrow IPC file, streamed batch by batch. In: a :class:`HandOver` becomes an artifact that
reads on demand. At this boundary NaN becomes null and every column gets a name that is text.
Nothing is ever pickled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from pypeline.core.columns import Column, Schema
from pypeline.core.results import HandOver
from pypeline.schema.problems import Place, Problem, PypeError

PREVIEW_ROWS = 200
LIST = b"pypeline.list"
"""Marks, in a file's metadata, the table of a plain list: its one column is ``item``."""


class HandOverArtifact:
    """A hand-over as a module's input. Reading a property never touches the file."""

    def __init__(self, table: HandOver) -> None:
        self._table = table

    @property
    def n_rows(self) -> int:
        return self._table.rows

    @property
    def uri(self) -> str:
        return Path(self._table.path).as_uri()

    @property
    def schema(self) -> Schema:
        return self._table.schema

    def to_arrow(self) -> Any:
        """The table, memory-mapped where its format allows it."""
        if self._table.format == "parquet":
            import pyarrow.parquet

            return pyarrow.parquet.read_table(self._table.path)
        import pyarrow as pa

        with pa.memory_map(self._table.path) as source:
            return pa.ipc.open_file(source).read_all()

    def first(self, rows: int) -> Any:
        """The first ``rows`` rows as an Arrow table; no more is read than that needs."""
        if self._table.format != "parquet":
            return self.to_arrow().slice(0, rows)
        import pyarrow as pa
        import pyarrow.parquet

        with pyarrow.parquet.ParquetFile(self._table.path) as file:
            batches = [batch for batch, _ in zip(file.iter_batches(batch_size=max(rows, 1)), range(1), strict=False)]
            return pa.Table.from_batches(batches, file.schema_arrow).slice(0, rows)

    def to_pandas(self) -> Any:
        """The table as a pandas frame on Arrow types: nulls stay nulls, integers stay integers."""
        import pandas as pd

        return self.to_arrow().to_pandas(types_mapper=pd.ArrowDtype)

    def to_dask(self) -> Any:
        """The table as a Dask frame of up to a million rows a partition."""
        import dask.dataframe as dd

        return dd.from_pandas(self.to_pandas(), npartitions=max(1, -(-self.n_rows // 1_000_000)))


def count(value: Any, where: str) -> int:
    """The rows of a table that nobody reads; ``where`` is its ``module.port``."""
    known = getattr(value, "n_rows", None)
    if isinstance(known, int):
        return known
    _, batches = _stream(value, where)
    return sum(batch.num_rows for batch in batches)


def write(value: Any, path: Path, where: str, preview: Path | None = None) -> HandOver:
    """Write ``value`` to ``path``, and its first rows to ``preview``; ``where`` is its ``module.port``.

    Raises:
        PypeError: PYE460, ``value`` is no table.
        OSError: the file cannot be written.
    """
    import pyarrow as pa

    schema, batches = _stream(value, where)
    rows = 0
    first: list[Any] = []
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            if rows < PREVIEW_ROWS and preview is not None:
                first.append(batch.slice(0, PREVIEW_ROWS - rows))
            rows += batch.num_rows
            writer.write_batch(batch)
    if preview is not None:
        with pa.OSFile(str(preview), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for batch in first:
                writer.write_batch(batch)
    columns = tuple(Column(f.name, type_name(f.type), f.nullable) for f in schema)
    return HandOver(str(path), "arrow", rows, columns, path.stat().st_size)


def _stream(value: Any, where: str) -> tuple[Any, Iterator[Any]]:
    """The Arrow schema of ``value`` and its record batches, clean for every reader."""
    import pyarrow as pa

    reader = _reader(value, where)
    names = reader.schema.names
    if not names:
        raise _refused(where, "has no columns")
    seen: dict[str, str] = {}
    for name in names:
        first = seen.get(name.casefold())
        # the engine, told of `a` and `A`, reads one of them twice
        if first is not None:
            raise _refused(where, f"has the column `{name}` twice" if first == name else f"has two columns that differ by case only, `{first}` and `{name}`")
        seen[name.casefold()] = name
    kept = {LIST: b"1"} if LIST in (reader.schema.metadata or {}) else None
    wanted = pa.schema([pa.field(f.name, _plain(f.type), f.nullable) for f in reader.schema], kept)
    return wanted, (_clean(batch, wanted) for batch in reader)


def _reader(value: Any, where: str) -> Any:
    import pyarrow as pa

    made_by = type(value).__module__.partition(".")[0]
    if hasattr(value, "to_arrow") and hasattr(value, "n_rows"):
        value = value.to_arrow()
    elif made_by == "pandas":
        value = _from_pandas(value, where)
    elif made_by == "polars" and hasattr(value, "collect"):
        value = value.collect()
    elif made_by.startswith("dask") and hasattr(value, "npartitions"):
        return _from_dask(value, where)
    elif isinstance(value, Mapping):
        value = pa.table(dict(value))
    elif isinstance(value, list | tuple):
        rows = [dict(r) for r in value if isinstance(r, Mapping)]
        value = pa.Table.from_pylist(rows) if rows and len(rows) == len(value) else pa.table({"item": list(value)}).replace_schema_metadata({LIST: b"1"})
    if isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    if isinstance(value, pa.Table):
        return value.to_reader()
    if hasattr(value, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(value)
    raise _refused(where, f"is {_article(type(value).__name__)}, not a table")


def _from_pandas(frame: Any, where: str) -> Any:
    import pyarrow as pa

    if not hasattr(frame, "columns"):
        frame = frame.to_frame(name=frame.name or "item")
    if any(name is not None for name in frame.index.names):
        # a named index is data, as after a group-by
        frame = frame.reset_index()
    frame = frame.set_axis([str(c) for c in frame.columns], axis=1)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise _refused(where, f"has a column of mixed types: {error}") from error


def _from_dask(frame: Any, where: str) -> Any:
    import pyarrow as pa

    parts = (_from_pandas(part.compute(), where) for part in frame.partitions)
    first = next(parts, None)
    if first is None:
        raise _refused(where, "is a Dask frame without partitions")
    batches = (b for table in chain([first], parts) for b in table.cast(first.schema).to_batches())
    return pa.RecordBatchReader.from_batches(first.schema, batches)


def _plain(type: Any) -> Any:
    """The type a column is handed over as: no dictionaries, and a column of nulls is text."""
    import pyarrow as pa

    if pa.types.is_dictionary(type):
        return _plain(type.value_type)
    return pa.string() if pa.types.is_null(type) else type


def _clean(batch: Any, wanted: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for column, target in zip(batch.columns, wanted, strict=True):
        made = column if column.type == target.type else pc.cast(column, target.type)
        if pa.types.is_floating(target.type) and pc.any(pc.is_nan(made)).as_py():
            made = pc.if_else(pc.is_nan(made), pa.scalar(None, target.type), made)
        columns.append(made)
    return pa.RecordBatch.from_arrays(columns, schema=wanted)


_NAMES = {
    "string": "string", "large_string": "string", "string_view": "string", "halffloat": "float", "float": "float", "double": "double",
    "date32[day]": "date", "date64[ms]": "date", "binary": "blob", "large_binary": "blob", "binary_view": "blob",
    "month_day_nano_interval": "interval",
}  # fmt: skip


def type_name(type: Any) -> str:
    """Our spelling of an Arrow type."""
    import pyarrow as pa

    text = str(type)
    if pa.types.is_timestamp(type):
        return "timestamptz" if type.tz else "timestamp"
    if pa.types.is_time(type):
        return "time"
    if pa.types.is_duration(type):
        return "interval"
    if pa.types.is_decimal(type):
        return f"decimal({type.precision},{type.scale})"
    if pa.types.is_list(type) or pa.types.is_large_list(type):
        return f"list<{type_name(type.value_type)}>"
    if pa.types.is_struct(type):
        return f"struct<{', '.join(f'{f.name}: {type_name(f.type)}' for f in type)}>"
    return _NAMES.get(text, text)


def missing(module: str, wanted: Iterable[str], given: Iterable[str]) -> PypeError:
    """The error of a module that did not return the ports others read."""
    gave = ", ".join(f"`{g}`" for g in given) or "nothing"
    ports = ", ".join(f"`{w}`" for w in wanted)
    message = f"module `{module}` returned {gave}, but its port {ports} is read by another module"
    return PypeError(Problem("PYE460", message, Place(module=module), "Return a mapping with a table for every output port that is linked.", phase="run"))


def _refused(where: str, what: str) -> PypeError:
    module, _, port = where.partition(".")
    mend = "Return a DataFrame, an Arrow or Polars table, a Dask frame, a list or an artifact."
    return PypeError(Problem("PYE460", f"what module `{module}` returned at port `{port}` {what}", Place(module=module), mend, phase="run"))


def _article(name: str) -> str:
    return f"an `{name}`" if name[:1].lower() in "aeiou" else f"a `{name}`"
