"""User code of ``python_mod`` and ``python_solo``: from text or a file to a function, and what it wants to be given.

It runs where the runner runs code modules, a worker process, and never where a flow is merely opened.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from pypeline.sdk import Path, Place, Problem, PypeError, did_you_mean


def function(code: str | None, file: str | None, name: str, folder: str) -> Callable[..., Any]:
    """The function ``name`` of the text ``code``, or of the Python file ``file`` (relative to ``folder``).

    Raises:
        PypeError: the code does not run, or defines no such function (PYE384).
    """
    module = _from_text(code) if code is not None else _from_file(FilePath(folder, file or ""), folder)
    found = getattr(module, name, None)
    if not callable(found):
        known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        hint = did_you_mean(name, known)
        raise unfit(f"the code defines no function `{name}`", ("function",), hint[:1].upper() + hint[1:] or f"Write `def {name}(…):`.")
    return typing.cast("Callable[..., Any]", found)


def unfit(message: str, path: Path = (), mend: str = "") -> PypeError:
    """The error of user code that does not fit its module."""
    return PypeError(Problem("PYE384", message, Place(path=path), mend, phase="run"))


def wish(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> str:
    """In which form ``parameter`` wants its table: ``pandas``, ``polars``, ``arrow``, ``batches`` or ``artifact``."""
    said = hints.get(parameter.name, parameter.annotation)
    text = said if isinstance(said, str) else f"{getattr(said, '__module__', '')}.{getattr(said, '__qualname__', '')} {said!r}"
    if "RecordBatch" in text:
        return "batches"
    if "polars" in text or "pl." in text:
        return "polars"
    if "pyarrow" in text or "pa." in text:
        return "arrow"
    return "artifact" if "DataArtifact" in text else "pandas"


def given(artifact: Any, form: str) -> Any:
    """The table behind ``artifact`` in the wanted form."""
    if form == "artifact":
        return artifact
    if form == "pandas":
        return artifact.to_pandas()
    table = artifact.to_arrow()
    if form == "polars":
        try:
            import polars
        except ModuleNotFoundError:
            message = "the function wants a Polars frame, and Polars is not installed"
            raise PypeError(Problem("PYE383", message, mend="Install it: `python -m pip install polars`.", phase="run")) from None
        return polars.from_arrow(table)
    return iter(table.to_batches(max_chunksize=65_536)) if form == "batches" else table


def hints_of(called: Callable[..., Any]) -> dict[str, Any]:
    """The resolved annotations of ``called``; those that name what is not imported stay text."""
    try:
        return typing.get_type_hints(called)
    except Exception:
        return {}


def taken(value: Any, port: str, schema: Any = None) -> Any:
    """What a function returned for ``port``; a generator of batches becomes one stream."""
    if not isinstance(value, types.GeneratorType | Iterator) or hasattr(value, "__arrow_c_stream__"):
        return value
    import pyarrow as pa

    first = next(value, None)
    if first is None:
        if schema is None:
            raise unfit(f"the function yielded nothing for `{port}`, so that its columns are unknown", ("outputs",), "Yield at least one empty batch.")
        return pa.Table.from_batches([], schema)

    def batches() -> Iterator[Any]:
        yield from _batches(first, port)
        for item in value:
            yield from _batches(item, port)

    stream = batches()
    head = next(stream)
    return pa.RecordBatchReader.from_batches(head.schema, _again(head, stream))


def _again(head: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield head
    yield from rest


def _batches(item: Any, port: str) -> Iterator[Any]:
    import pyarrow as pa

    if isinstance(item, pa.RecordBatch):
        yield item
        return
    if type(item).__module__.partition(".")[0] == "pandas":
        item = pa.Table.from_pandas(item, preserve_index=False)
    elif hasattr(item, "to_arrow"):
        item = item.to_arrow()
    if not isinstance(item, pa.Table):
        raise unfit(f"the function yielded a {type(item).__name__} for `{port}`", (), "Yield record batches, tables or frames.")
    yield from item.to_batches() or [pa.RecordBatch.from_pylist([], item.schema)]


def _from_text(code: str) -> types.ModuleType:
    module = types.ModuleType("pypeline_user_code")
    try:
        # the user's own code, run by an explicit run in a worker process: this is what the module is for
        exec(compile(code, "<code>", "exec"), module.__dict__)  # noqa: S102
    except SyntaxError as error:
        raise unfit(f"the code is not Python: {error.msg} in line {error.lineno}", ("code",), "Correct it there.") from error
    return module


def _from_file(file: FilePath, folder: str) -> types.ModuleType:
    """The file as a module; what it imports may lie beside it or in the flow's folder, behind everything installed."""
    if not file.is_file():
        raise PypeError(Problem("PYE390", f"there is no file `{file}`", Place(path=("file",)), "Correct the path.", phase="run"))
    for place in (str(file.parent.resolve()), str(FilePath(folder).resolve())):
        if place not in sys.path:
            sys.path.append(place)
    spec = importlib.util.spec_from_file_location(f"pypeline_user_code_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise unfit(f"`{file}` is not a Python file", ("file",), "Give the path of a `.py` file.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise unfit(f"`{file}` is not Python: {error.msg} in line {error.lineno}", ("file",), "Correct it there.") from error
    return module
