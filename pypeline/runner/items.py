"""Items: the rows of a loop's item table, one for each frame, read in the process that needs them.

A table is frozen once as an Arrow file, so that every frame maps one row of it, however long it is.
An item is a mapping column → value; the table of a plain list gives the list's elements themselves.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path
from typing import Any

from pypeline.core.columns import Column
from pypeline.core.results import HandOver
from pypeline.runner.hand_overs import LIST, type_name
from pypeline.runner.order import Item
from pypeline.runner.store.atomic import failure
from pypeline.schema.problems import Place, Problem, PypeError, did_you_mean

BATCH = 1_024
"""Rows that are read together from a table that has to be converted."""
_OPEN = 8
"""Item tables that a process keeps mapped."""


def freeze(source: str, path: str) -> HandOver:
    """``source`` as one Arrow file at ``path``: a Parquet file, or a folder of such files and Arrow files
    named after their frames, one behind the other in the order of the frames.

    Raises:
        PypeError: PYE479, the tables of two frames do not fit together; PYE503 and PYE504, the file cannot be written.
    """
    try:
        return _frozen(source, path)
    except OSError as error:
        raise failure(error, path) from error


def _frozen(source: str, path: str) -> HandOver:
    import pyarrow as pa

    parts = [Path(source)] if Path(source).is_file() else sorted(Path(source).iterdir(), key=lambda part: [int(n) for n in part.stem.split("-")])
    with ExitStack() as opened:
        schema = _batches(parts[0], opened)[0]
        sink = opened.enter_context(pa.OSFile(path, "wb"))
        writer = opened.enter_context(pa.ipc.new_file(sink, schema))
        rows = 0
        for part in parts:
            with ExitStack() as reading:
                own, batches = _batches(part, reading)
                for batch in batches:
                    rows += batch.num_rows
                    writer.write_batch(batch if own.equals(schema) else _fitted(batch, schema, part.stem))
    columns = tuple(Column(f.name, type_name(f.type), f.nullable) for f in schema)
    return HandOver(path, "arrow", rows, columns, Path(path).stat().st_size)


def _batches(part: Path, opened: ExitStack) -> tuple[Any, Iterator[Any]]:
    import pyarrow as pa

    if part.suffix == ".parquet":
        import pyarrow.parquet

        table = opened.enter_context(pyarrow.parquet.ParquetFile(part))
        return table.schema_arrow, table.iter_batches(BATCH)
    reader = pa.ipc.open_file(opened.enter_context(pa.memory_map(str(part))))
    return reader.schema, (reader.get_batch(i) for i in range(reader.num_record_batches))


def _fitted(batch: Any, schema: Any, frame: str) -> Any:
    """``batch`` with the columns of ``schema``, by name."""
    import pyarrow as pa

    mend = "Declare the columns and types of what is read in the loop, or convert them before the sink."
    names = set(batch.schema.names)
    if names != set(schema.names):
        odd = sorted(names ^ set(schema.names))
        message = f"frame {frame} and the first have different columns: {', '.join(f'`{name}`' for name in odd[:8])} is only in one of them"
        raise PypeError(Problem("PYE479", message, mend=mend, phase="run"))
    columns = []
    for field in schema:
        try:
            columns.append(batch.column(field.name).cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            message = f"column `{field.name}` is {batch.schema.field(field.name).type} in frame {frame}, and {field.type} in the first"
            raise PypeError(Problem("PYE479", message, mend=mend, phase="run")) from None
    return pa.RecordBatch.from_arrays(columns, schema=schema)


class Items:
    """Reads items; keeps the tables mapped that it has read last."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, _Table] = OrderedDict()

    def item(self, item: Item) -> Any:
        """What ``ctx.iter_item`` is: the row as a mapping, or the element of a list."""
        table = self._table(item)
        row = table.row(item.row)
        return row["item"] if table.is_list else row

    def values(self, items: Sequence[Item]) -> dict[str, Any]:
        """The values of ``{{iter.…}}``, keyed as inside the braces: the innermost loop's first, then outwards;
        ``iter.index`` is the innermost's."""
        found: dict[str, Any] = {}
        for item in reversed(items):
            found.update((f"iter.{name}", value) for name, value in self._table(item).row(item.row).items())
        if items:
            found["iter.index"] = items[0].row
        return found

    def _table(self, item: Item) -> _Table:
        table = self._open.get(item.path)
        if table is None:
            table = self._open[item.path] = _Table(item.path)
            if len(self._open) > _OPEN:
                self._open.popitem(last=False)
        self._open.move_to_end(item.path)
        return table


class _Table:
    """One frozen table, mapped."""

    def __init__(self, path: str) -> None:
        import pyarrow as pa

        self._reader = pa.ipc.open_file(pa.memory_map(path))
        self.is_list = LIST in (self._reader.schema.metadata or {})
        self._ends: list[int] = []
        self._batch: tuple[int, Any] = (-1, None)

    def row(self, at: int) -> dict[str, Any]:
        if not self._ends:
            self._ends = list(accumulate(self._reader.get_batch(i).num_rows for i in range(self._reader.num_record_batches)))
        number = bisect_right(self._ends, at)
        if self._batch[0] != number:
            self._batch = (number, self._reader.get_batch(number))
        start = self._ends[number - 1] if number else 0
        batch = self._batch[1]
        return {name: column[at - start].as_py() for name, column in zip(batch.schema.names, batch.columns, strict=True)}


HERE = Items()
"""This process's items."""


def unknown(name: str, values: Mapping[str, Any], module: str) -> PypeError:
    """The error of ``{{iter.name}}`` where no item has such a column."""
    known = [key.removeprefix("iter.") for key in values]
    message = f"module `{module}` reads `{{{{iter.{name}}}}}`, and the item has no column `{name}`: {did_you_mean(name, known)}"
    mend = f"The columns there are: {', '.join(known[:20])}{', …' if len(known) > 20 else ''}."
    return PypeError(Problem("PYE469", message, Place(module=module), mend, phase="run"))
