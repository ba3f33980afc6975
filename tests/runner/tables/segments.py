"""Tiny relational modules and orders by hand: the table engine without registry, planner or worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from pypeline.core.columns import Column, Schema
from pypeline.core.events import Log, RunEvent
from pypeline.core.modules import Effects, PartitionNeed, RelationalModule
from pypeline.core.planned import PlannedLink, PlannedModule
from pypeline.core.relation import Expr, Inputs, Query, Relation, Scan, Show, UnionAll, Values, Write, col, passed
from pypeline.core.results import HandOver, TaskResult
from pypeline.runner.order import Limits, Order
from pypeline.runner.tables import segment

Relate = Callable[[Inputs, frozenset[str]], Relation]


class Module(RelationalModule):
    """A module that relates as it is told."""

    GLOBALS: ClassVar[list[str]] = ["row_count", "rejected_count", "file_path"]

    def __init__(self, relate: Relate, need: PartitionNeed = PartitionNeed.SINGLE, outputs: Sequence[str] = ("output", "data")) -> None:
        self._relate = relate
        self.PARTITION = need  # type: ignore[misc]
        self.OUTPUT_PORTS = list(outputs)  # type: ignore[misc]

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        return self._relate(inputs, wanted)


def e(sql: str, *reads: str, port: str = "input") -> Expr:
    """An expression; ``{name}`` in it is that column of ``port``."""
    return Expr(sql.format(**{name: f'"{port}"."{name}"' for name in reads}), frozenset((port, name) for name in reads))


def columns(**types: str) -> Schema:
    return tuple(Column(name, type) for name, type in types.items())


def csv(path: Path | str, schema: Schema = (), **options: Any) -> Module:
    return Module(lambda i, w: Relation(outputs={"data": Scan("csv", (str(path),), schema, options)}), outputs=("data", "reject"))


def parquet(path: Path | str, **options: Any) -> Module:
    return Module(lambda i, w: Relation(outputs={"data": Scan("parquet", (str(path),), (), options)}))


def rows(schema: Schema, *values: tuple[Any, ...]) -> Module:
    return Module(lambda i, w: Relation(outputs={"data": Values(schema, values)}))


def where(sql: str, *reads: str) -> Module:
    """A filter; what does not pass leaves by ``reject``, over one shared step."""

    def relate(inputs: Inputs, wanted: frozenset[str]) -> Relation:
        schema = inputs["input"][0]
        if "reject" not in wanted:
            return Relation(outputs={"output": Query(passed("input", schema), Expr('"input"'), where=e(sql, *reads))}, change="fewer")
        step = Query((*passed("input", schema), ("ok", e(sql, *reads))), Expr('"input"'))
        good = Query(passed("tested", schema), Expr('"tested"'), where=col("tested", "ok"))
        bad = Query(passed("tested", schema), Expr('"tested"'), where=e("{ok} IS NOT TRUE", "ok", port="tested"))
        return Relation(outputs={p: q for p, q in (("output", good), ("reject", bad)) if p in wanted}, steps={"tested": step}, change="fewer")

    return Module(relate, PartitionNeed.ANY, ("output", "reject"))


def formula(**made: Expr) -> Module:
    return Module(
        lambda i, w: Relation(outputs={"output": Query((*passed("input", i["input"][0], made), *made.items()), Expr('"input"'))}, change="same"),
        PartitionNeed.ANY,
    )


def group(by: str, **measures: Expr) -> Module:
    def relate(inputs: Inputs, wanted: frozenset[str]) -> Relation:
        key = col("input", by)
        return Relation(outputs={"output": Query(((by, key), *measures.items()), Expr('"input"'), group_by=(key,))}, blocking=True)

    return Module(relate)


def sort(*keys: str, limit: int | None = None) -> Module:
    def relate(inputs: Inputs, wanted: frozenset[str]) -> Relation:
        by = tuple(e("{k} ASC NULLS LAST".replace("k", key), key) for key in keys)
        return Relation(outputs={"output": Query(passed("input", inputs["input"][0]), Expr('"input"'), order_by=by, limit=limit)}, blocking=True)

    return Module(relate)


def first(number: int) -> Module:
    return Module(lambda i, w: Relation(outputs={"output": Query(passed("input", i["input"][0]), Expr('"input"'), limit=number)}, change="fewer"))


def join(key: str, kind: str = "JOIN") -> Module:
    def relate(inputs: Inputs, wanted: frozenset[str]) -> Relation:
        on = Expr(f'"left" {kind} "right" ON ("left"."{key}" = "right"."{key}")', frozenset({("left", key), ("right", key)}))
        made = (*passed("left", inputs["left"][0]), *passed("right", inputs["right"][0], [key]))
        return Relation(outputs={"output": Query(made, on)})

    return Module(relate, PartitionNeed.BY)


def union() -> Module:
    def relate(inputs: Inputs, wanted: frozenset[str]) -> Relation:
        parts = [Query(passed(a, s), Expr(f'"{a}"')) for a, s in zip(("input", "input$2", "input$3"), inputs["input"], strict=False)]
        return Relation(outputs={"output": UnionAll(tuple(parts))})

    return Module(relate)


def sink(path: Path | str, format: Any = "parquet", mode: str = "replace", **options: Any) -> Module:
    return Module(lambda i, w: Relation(writes=(Write("input", format, str(path), mode, options),)), outputs=())


def show(number: int = 20) -> Module:
    return Module(lambda i, w: Relation(shows=(Show("input", number),)), outputs=())


@dataclass
class Segment:
    """An order in the making: modules, links as ``"a.port -> b.port"``, and what to hand over or count."""

    folder: Path
    modules: Mapping[str, Module]
    links: Sequence[str]
    hands_over: tuple[str, ...] = ()
    count: tuple[str, ...] | None = None
    watch: Any = "counts"
    mode: Any = "auto"
    on_reject: Any = "fail"
    tables: Mapping[str, HandOver] = field(default_factory=dict)
    publish: str = ""
    memory: int = 2**29
    events: list[RunEvent] = field(default_factory=list)

    def order(self) -> Order:
        for name in ("spill", "scratch"):
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)
        planned = tuple(PlannedModule(m, "t", "t", "mod", Effects.PURE, True, {}, on_reject=self.on_reject) for m in self.modules)
        links = []
        for text in self.links:
            source, target = text.split(" -> ")
            (a, b), (c, d) = source.split("."), target.split(".")
            links.append(PlannedLink(text, a, b, c, d, sum(x.target == c and x.target_port == d for x in links)))
        counted = tuple(dict.fromkeys(x.port for x in links if x.id not in self.tables)) if self.count is None else self.count
        limits = Limits(2, self.memory, str(self.folder / "spill"))
        return Order(
            "t", "segment", 1, planned, tuple(links), limits, str(self.folder / "scratch"), str(self.folder), self.tables, self.hands_over, counted,
            self.watch, self.mode, self.publish,
        )  # fmt: skip

    def run(self) -> TaskResult:
        return segment.run(self.order(), self.modules, self.events.append)

    def ok(self) -> TaskResult:
        result = self.run()
        assert result.state == "completed", result.error
        return result

    def logged(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Log)]

    def preview(self, port: str, number: int = 200, **more: Any) -> pa.Table:
        return segment.preview(replace(self.order(), count=()), self.modules, port, number, **more)


def read(path: Path | str) -> list[tuple[Any, ...]]:
    """The rows of a Parquet file."""
    table = pq.read_table(path)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True)) if table.num_rows else []
