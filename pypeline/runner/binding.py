"""What the window asks of relational modules before any run: columns, first rows, values.

In: an order that stands for a part of a flow. Out: plain data. A bind goes on past a module that
does not fit, so that every problem of a flow shows at once; a preview has run nothing but ``pure``
and ``reads`` when it is there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pypeline.core.configs import texts
from pypeline.core.modules import BaseModule, Effects
from pypeline.core.planned import PlannedModule
from pypeline.core.results import HandOver
from pypeline.core.variables import Reference, VariableError, find
from pypeline.runner.hand_overs import HandOverArtifact
from pypeline.runner.order import Order
from pypeline.schema.problems import Place, Problem, PypeError

SOURCES = "sources"
"""Where in an order's scratch folder converted text sources lie."""
LARGEST = 4 * 2**30

Make = Callable[[PlannedModule, Order], BaseModule]


def bind(order: Order, make: Make) -> dict[str, Any]:
    """``schemas`` by ``module.port`` and ``problems`` of all relational modules of ``order``.

    Modules below one with a problem, below code, or below a source whose file only the run knows and
    whose columns nobody declares, have no columns yet and are left out. Values that only the run knows
    (globals, items) count as null.
    """
    from pypeline.runner.tables import segment

    problems: list[Problem] = []
    rest = without(order, {m.id for m in order.modules if not m.relational or _known_late(m)})
    rest = replace(rest, modules=tuple(_drawn(m) for m in rest.modules))
    while rest.modules:
        try:
            instances = {}
            for module in rest.modules:
                instances[module.id] = make(module, rest)
            schemas = segment.bind(rest, instances)
        except PypeError as error:
            found = [p if p.place.module else replace(p, place=replace(p.place, module=module.id)) for p in error.problems]
            problems += found
            rest = without(rest, {p.place.module for p in found})
            continue
        return {"schemas": {port: [asdict(c) for c in columns] for port, columns in schemas.items()}, "problems": [p.to_json() for p in problems]}
    return {"schemas": {}, "problems": [p.to_json() for p in problems]}


def _known_late(module: PlannedModule) -> bool:
    """Whether only the run knows the columns of a source."""
    return module.kind == "source" and bool(module.templates) and not module.configs.get("columns") and module.source is None


def _drawn(module: PlannedModule) -> PlannedModule:
    """``module`` as it can be bound while nothing runs: what only the run knows is null in expressions
    and SQL, and stays as it is written in other texts."""
    references = [(text.path, ref) for text in texts(module.configs, None) if "{{" in text.text for ref in _found(text.text)]
    late = [(path, ref) for path, ref in references if ref.kind in ("iter", "global")]
    if not late:
        return module
    nulls = {ref.key: None for _, ref in late}
    kept = tuple(path for path in module.templates if path not in {path for path, _ in late})
    return replace(module, variables={**nulls, **module.variables}, globals_read=(), templates=kept)


def _found(text: str) -> list[Reference]:
    try:
        return find(text)
    except VariableError:
        return []  # the check of variables says so


def preview(order: Order, make: Make, port: str, rows: int) -> dict[str, Any]:
    """The first ``rows`` rows of ``port`` as an Arrow file at ``path`` in the order's scratch folder.

    Raises:
        PypeError: PYE464, the port lies below code that may do more than read, or a sink, or needs an item of its loop;
            or what binding and running say.
    """
    from pypeline.runner.tables import segment

    part = above(order, port.rpartition(".")[0])
    sources = Path(order.scratch) / SOURCES
    blocked = [m.id for m in part.modules if not (m.relational or m.kind == "source") or m.effects not in (Effects.PURE, Effects.READS)]
    if blocked:
        above_it = "comes from" if blocked[0] == port.rpartition(".")[0] else "lies below"
        message = f"`{port}` {above_it} `{blocked[0]}`, which a preview may not run"
        raise PypeError(Problem("PYE464", message, Place(module=blocked[0]), "Run the flow once to see its rows.", phase="run"))
    for module in part.modules:
        wanted = [ref.key for text in texts(module.configs, None) if text.path in module.templates for ref in _found(text.text) if ref.kind == "iter"]
        if wanted:
            message = f"`{port}` needs `{{{{{wanted[0]}}}}}` in module `{module.id}`, which has a value only while its loop runs"
            mend = "Run the flow once with previews (`pype run FLOW --previews`); its rows are shown then."
            raise PypeError(Problem("PYE464", message, Place(module=module.id), mend, phase="run"))
    part, listed = _with_listed(part, make, port)
    if port in listed:
        table = HandOverArtifact(listed[port]).first(rows)
    else:
        table = segment.preview(part, {m.id: make(m, part) for m in part.modules}, port, rows, sources if sources.exists() else None)
    import pyarrow as pa

    with tempfile.NamedTemporaryFile(dir=order.scratch, suffix=".arrow", delete=False) as file:
        path = Path(file.name)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return {"path": str(path), "rows": table.num_rows}


def _with_listed(order: Order, make: Make, port: str) -> tuple[Order, dict[str, HandOver]]:
    """``order`` with the tables of its sources that are code and only read, such as a list of files: they are run here.

    Returns also these tables, by ``module.port``.
    """
    sources = [m for m in order.modules if not m.relational]
    if not sources:
        return order, {}
    from pypeline.runner.code_task import CodeTasks

    found: dict[str, HandOver] = {}
    tasks = CodeTasks(1)
    try:
        for module in sources:
            ports = dict.fromkeys([*(link.port for link in order.links if link.source == module.id), *([port] if port.rpartition(".")[0] == module.id else [])])
            alone = replace(order, task=module.id, kind="code", modules=(module,), links=(), hands_over=tuple(ports), count=(), watch="off")
            result = tasks.run(alone, _Unstopped(), make)
            if result.error is not None:
                error = result.error
                raise PypeError(Problem(error.code, error.message, Place(module=module.id), error.mend, phase="run"))
            found |= result.outputs
    finally:
        tasks.close()
    ids = {m.id for m in sources}
    tables = {link.id: found[link.port] for link in order.links if link.source in ids}
    return replace(order, modules=tuple(m for m in order.modules if m.id not in ids), tables=tables), found


class _Unstopped:
    """The wish to stop of somebody who interrupts the whole process instead."""

    requested = False

    def on_request(self, then: Callable[[], None] | None) -> None:
        """Nothing: it never comes."""


def convert(order: Order, make: Make, port: str) -> int:
    """Convert the text sources above ``port``, so that its next preview need not read text; how many were.

    Nothing is done for more than :data:`LARGEST` bytes of text, or where a preview would be refused.
    """
    from pypeline.runner.tables import source_cache
    from pypeline.runner.tables.bind import fuse

    part = above(order, port.rpartition(".")[0])
    if any(not m.relational or m.effects not in (Effects.PURE, Effects.READS) for m in part.modules):
        return 0
    fused = fuse(part, {m.id: make(m, part) for m in part.modules})
    if source_cache.size(fused, part) > LARGEST:
        return 0
    return source_cache.warm(fused, part, Path(order.scratch) / SOURCES)


def evaluate(expression: str, values: Mapping[str, Any]) -> Any:
    """The value of an expression without columns over bound ``values``.

    Raises:
        PypeError: PYE462, it does not compile or does not evaluate.
    """
    import duckdb

    from pypeline.core import expressions
    from pypeline.runner.tables import connection

    try:
        compiled = expressions.compile(expression, {}, values)
        with tempfile.TemporaryDirectory(prefix="pypeline_") as spill, connection.opened(spill=spill, memory=2**27) as locked:
            return locked.execute(f"SELECT ({compiled.sql})").fetchone()[0]
    except expressions.ExpressionError as error:
        raise PypeError(Problem("PYE462", f"`{expression}`: {error.message}", mend=error.mend, phase="run")) from error
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        raise PypeError(Problem("PYE462", f"`{expression}` has no value: {said}", mend="Check the values it reads.", phase="run")) from error


def above(order: Order, module: str) -> Order:
    """The part of ``order`` that ``module`` needs: itself and all that feeds it, by data links."""
    feeds: dict[str, set[str]] = {}
    for link in order.links:
        feeds.setdefault(link.target, set()).add(link.source)
    wanted, waiting = {module}, [module]
    while waiting:
        for source in feeds.get(waiting.pop(), ()):
            if source not in wanted:
                wanted.add(source)
                waiting.append(source)
    return _part(order, wanted)


def without(order: Order, refused: set[str]) -> Order:
    """``order`` without the ``refused`` modules and everything below them."""
    below: dict[str, set[str]] = {}
    for link in order.links:
        below.setdefault(link.source, set()).add(link.target)
    gone, waiting = set(refused), list(refused)
    while waiting:
        for target in below.get(waiting.pop(), ()):
            if target not in gone:
                gone.add(target)
                waiting.append(target)
    return _part(order, {m.id for m in order.modules} - gone)


def _part(order: Order, wanted: set[str]) -> Order:
    links = tuple(link for link in order.links if link.target in wanted and link.source in wanted)
    ports = tuple(dict.fromkeys(link.port for link in links))
    return replace(order, modules=tuple(m for m in order.modules if m.id in wanted), links=links, hands_over=(), count=ports)
