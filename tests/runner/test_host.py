"""The engine host: columns, problems, previews and values from one warm worker that may be lost."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pypeline.core.columns import Column
from pypeline.runner.host import EngineHost
from pypeline.schema.problems import PypeError
from tests.runner.conftest import Project, flow

DATA = ("src.data - old.input", "old.output - out.input")


def modules(folder: Path, condition: str = "age > 18") -> tuple[str, ...]:
    (folder / "people.csv").write_text("id,name,age\n1,a,20\n2,b,15\n3,c,40\n")
    return (
        "  - {id: src, name: csv_source, configs: {required: {file_path: people.csv}, optional: {columns: {id: int64, name: string, age: int64}}}}",
        f"  - {{id: old, name: filter_mod, configs: {{required: {{condition: '{condition}'}}}}}}",
        "  - {id: out, name: csv_sink, configs: {required: {output_path: out.csv}}}",
    )


def with_host(ask: Callable[[EngineHost], Awaitable[Any]], **patience: float) -> Any:
    async def main() -> Any:
        host = EngineHost(patience)
        try:
            return await ask(host)
        finally:
            await host.close()

    return asyncio.run(main())


def test_columns_come_from_binding_without_a_run(project: Project) -> None:
    plan = project.plan(flow(*modules(project.folder), data=DATA))
    bound = with_host(lambda host: host.bind(plan))
    assert bound.problems == ()
    assert [c.name for c in bound.schemas["old.output"]] == ["id", "name", "age"]
    assert bound.schemas["src.data"][2] == Column("age", "int64")
    assert not (project.folder / "out.csv").exists()


def test_a_problem_names_its_module_and_the_rest_is_bound(project: Project) -> None:
    plan = project.plan(flow(*modules(project.folder, "agee > 18"), data=DATA))
    bound = with_host(lambda host: host.bind(plan))
    assert [p.place.module for p in bound.problems] == ["old"]
    assert "agee" in bound.problems[0].message
    assert "src.data" in bound.schemas
    assert "old.output" not in bound.schemas


def test_a_preview_runs_what_feeds_the_port_and_writes_nothing(project: Project) -> None:
    import pyarrow as pa

    plan = project.plan(flow(*modules(project.folder), data=DATA))

    async def ask(host: EngineHost) -> list[int]:
        path = await host.preview(plan, "old.output", rows=1)
        with pa.memory_map(str(path)) as file:
            return pa.ipc.open_file(file).read_all()["id"].to_pylist()

    assert with_host(ask) == [1]
    assert not (project.folder / "out.csv").exists()


def test_code_is_never_run_for_a_preview(project: Project) -> None:
    text = flow(
        "  - {id: n, name: numbers, configs: {required: {rows: 3}}}",
        "  - {id: f, name: filter_mod, configs: {required: {condition: n > 1}}}",
        "  - {id: out, name: csv_sink, configs: {required: {output_path: out.csv}}}",
        data=("n.data - f.input", "f.output - out.input"),
    )
    with pytest.raises(PypeError, match="PYE464"):
        with_host(lambda host: host.preview(project.plan(text), "f.output"))


def test_values_and_forms_of_expressions() -> None:
    async def ask(host: EngineHost) -> None:
        assert await host.evaluate("{{a__n}} > 1 and {{context.s}} = 'x'", {"a__n": 2, "context.s": "x"}) is True
        assert await host.evaluate("{{a__n}} > 1", {"a__n": None}) is None
        assert await host.check("a + ") is not None
        assert await host.check("a + 1") is None
        with pytest.raises(PypeError, match="PYE462"):
            await host.evaluate("cast('x' as integer)", {})

    with_host(ask)


def test_a_host_that_hangs_or_dies_is_replaced() -> None:
    async def ask(host: EngineHost) -> None:
        assert await host.evaluate("1 + 1", {}) == 2
        assert host._worker is not None
        first = host._worker.pid
        os.kill(first, signal.SIGSTOP)
        with pytest.raises(PypeError, match="PYE463"):
            await host.evaluate("1 + 1", {})
        assert await host.evaluate("1 + 2", {}) == 3
        assert host._worker.pid != first
        os.kill(host._worker.pid, signal.SIGKILL)
        with pytest.raises(PypeError, match="PYE463"):
            await host.evaluate("1 + 3", {})
        assert await host.evaluate("1 + 4", {}) == 5

    with_host(ask, evaluate=3.0)


def test_a_question_nobody_waits_for_is_interrupted(project: Project) -> None:
    minutes = (
        "  - {id: many, name: generate_source, configs: {required: {rows: 3000000000, columns: {n: {kind: sequence}}}}}",
        "  - {id: sorted, name: sort_mod, configs: {required: {keys: [{column: n, direction: desc}]}}}",
    )
    plan = project.plan(flow(*minutes, data=("many.data - sorted.input",)))

    async def ask(host: EngineHost) -> None:
        await host.evaluate("1", {})
        worker = host._worker
        asking = asyncio.create_task(host.preview(plan, "sorted.output"))
        await asyncio.sleep(1)
        assert not asking.done()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await host.evaluate("2", {}) == 2
        assert host._worker is worker
        assert worker is not None
        assert not worker.dying

    with_host(ask, evaluate=60.0)


def test_a_question_behind_one_that_cannot_be_interrupted_is_answered_by_the_next_worker() -> None:
    async def ask(host: EngineHost) -> None:
        await host.evaluate("1", {})
        worker = host._worker
        assert worker is not None
        # as a statement that stays in one function of the engine: it hears neither cancel nor signal
        os.kill(worker.pid, signal.SIGSTOP)
        asking = asyncio.create_task(host.evaluate("2", {}))
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await host.evaluate("3", {}) == 3
        assert host._worker is not worker
        assert worker.gone is not None

    with_host(ask, evaluate=60.0)


def test_a_host_that_converts_serves_later_previews_from_its_folder_and_notices_changes(project: Project) -> None:
    import pyarrow as pa

    plan = project.plan(flow(*modules(project.folder), data=DATA))

    async def main() -> None:
        host = EngineHost(converts=True)

        async def ids() -> list[int]:
            path = await host.preview(plan, "old.output")
            with pa.memory_map(str(path)) as file:
                found: list[int] = pa.ipc.open_file(file).read_all()["id"].to_pylist()
            room.append(path.parent)
            return found

        room: list[Path] = []
        try:
            assert await ids() == [1, 3]
            async with asyncio.timeout(30):
                while not list((room[0] / "sources").glob("[!.]*.parquet")):
                    await asyncio.sleep(0.02)
            assert await ids() == [1, 3]
            (project.folder / "people.csv").write_text("id,name,age\n7,changed,77\n")
            assert await ids() == [7]
        finally:
            await host.close()
        assert not room[0].exists()

    asyncio.run(main())
