"""A session: problems, columns, first rows and runs of a flow that is being drawn, on the window's loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pypeline.app.desktop.session import Session
from pypeline.canvas.document import Document
from pypeline.core import edits
from pypeline.runner.registry import load
from pypeline.schema.flow import Flow

FLOW: dict[str, Any] = {
    "flow": {"name": "small"},
    "modules": [
        {
            "id": "people",
            "name": "csv_source",
            "configs": {"required": {"file_path": "people.csv"}, "optional": {"columns": {"name": "string", "age": "int64"}}},
        },
        {"id": "adults", "name": "filter_mod", "configs": {"required": {"condition": "age >= 18"}}},
        {"id": "out", "name": "csv_sink", "configs": {"required": {"output_path": "adults.csv"}}},
    ],
    "connections": {"data": ["people.data - adults.input", "adults.output - out.input"]},
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text("name,age\nAda,36\nBob,7\nCyd,18\n", encoding="utf-8")
    return tmp_path


async def until(signal: Any, accept: Callable[..., bool] = lambda *_: True) -> tuple[Any, ...]:
    """Wait for a signal whose arguments are accepted."""
    got: asyncio.Future[tuple[Any, ...]] = asyncio.get_running_loop().create_future()

    def heard(*arguments: Any) -> None:
        if not got.done() and accept(*arguments):
            got.set_result(arguments)

    signal.connect(heard)
    try:
        return await asyncio.wait_for(got, 60)
    finally:
        signal.disconnect(heard)


def session_of(project: Path) -> tuple[Document, Session]:
    document = Document(Flow.model_validate(FLOW), load(project))
    return document, Session(document, project)


def test_columns_are_known_while_drawing_and_a_wrong_one_is_a_problem_at_its_module(on_loop: Any, project: Path) -> None:
    async def main() -> None:
        document, session = session_of(project)
        await until(session.understood)
        assert [c.name for c in document.knowledge.schemas["adults.output"]] == ["name", "age"]
        assert not document.knowledge.problems
        document.apply("wrong", edits.set_config(document.flow, "adults", "condition", "agee >= 18", required=True))
        await until(session.understood)
        (problem,) = document.problems_of("adults")
        assert "agee" in problem.message
        assert "age" in problem.mend
        assert "adults.output" not in document.knowledge.schemas
        assert "people.data" in document.knowledge.schemas
        await session.close()

    on_loop(main)


def test_a_link_can_be_looked_at_before_any_run_and_writes_nothing(on_loop: Any, project: Path) -> None:
    import pyarrow as pa

    async def main() -> None:
        _, session = session_of(project)
        await until(session.understood)
        session.preview("adults.output")
        port, path = await until(session.previewed)
        with pa.memory_map(str(path)) as source:
            assert pa.ipc.open_file(source).read_all().to_pylist() == [{"name": "Ada", "age": 36}, {"name": "Cyd", "age": 18}]
        assert port == "adults.output"
        assert not (project / "adults.csv").exists()
        await session.close()

    on_loop(main)


def test_a_run_in_the_window_shows_states_and_counts_and_drawing_goes_on(on_loop: Any, project: Path) -> None:
    async def main() -> None:
        document, session = session_of(project)
        await until(session.understood)
        assert session.run() == []
        assert session.running
        # editing while it runs changes the drawing, never the run
        document.apply("edit", edits.set_config(document.flow, "adults", "condition", "age > 100", required=True))
        await until(session.run_changed, lambda: not session.running)
        assert session.summary is not None
        assert session.summary.state == "completed"
        assert document.knowledge.watch is session.watch
        assert session.watch is not None
        assert session.watch.counts() == {"people.data - adults.input": 3, "adults.output - out.input": 2}
        assert {m.state for m in session.watch.modules.values()} == {"completed"}
        assert (project / "adults.csv").read_text().splitlines() == ["name,age", "Ada,36", "Cyd,18"]
        await session.close()

    on_loop(main)


def test_run_to_here_writes_nothing(on_loop: Any, project: Path) -> None:
    async def main() -> None:
        _, session = session_of(project)
        await until(session.understood)
        assert session.run(to="adults") == []
        await until(session.run_changed, lambda: not session.running)
        assert session.summary is not None
        assert session.summary.state == "completed"
        assert session.watch is not None
        assert set(session.watch.modules) == {"people", "adults"}
        assert not (project / "adults.csv").exists()
        await session.close()

    on_loop(main)


def test_run_to_here_keeps_what_becomes_of_rejected_rows(on_loop: Any, project: Path) -> None:
    (project / "people.csv").write_text("name,age\nAda,36\nBob,seven\n", encoding="utf-8")
    taker = {"id": "bad", "name": "csv_sink", "configs": {"required": {"output_path": "bad.csv"}}}
    linked = ["people.reject - bad.input", *FLOW["connections"]["data"]]
    flow = {**FLOW, "modules": [*FLOW["modules"], taker], "connections": {"data": linked}}

    async def main() -> None:
        for given, end in ((flow, "completed"), (FLOW, "failed")):
            session = Session(Document(Flow.model_validate(given), load(project)), project)
            await until(session.understood)
            assert session.run(to="adults") == []
            await until(session.run_changed, lambda session=session: not session.running)
            assert session.summary is not None
            assert session.summary.state == end
            assert not (project / "bad.csv").exists()
            await session.close()

    on_loop(main)


def test_a_flow_with_an_error_does_not_run_and_says_why(on_loop: Any, project: Path) -> None:
    async def main() -> None:
        document, session = session_of(project)
        document.apply("break", edits.remove(document.flow, ["people"]))
        forbidden = session.run()
        assert forbidden
        assert not session.running
        assert document.knowledge.problems
        await session.close()

    on_loop(main)


def test_why_a_run_could_not_begin_is_told_until_the_flow_is_another(on_loop: Any, project: Path) -> None:
    again = {"id": "again", "name": "csv_source", "configs": {"required": {"file_path": "adults.csv"}}}
    onwards = {"id": "onwards", "name": "filter_mod", "configs": {"required": {"condition": "name <> ''"}}}
    links = {"data": [*FLOW["connections"]["data"], "again.data - onwards.input"], "control": ["out (1|ok) again"]}
    flow = Flow.model_validate({**FLOW, "modules": [*FLOW["modules"], again, onwards], "connections": links})

    async def main() -> None:
        document = Document(flow, load(project))
        session = Session(document, project)
        await until(session.understood)
        assert not document.knowledge.problems  # the file will be there when it is read
        assert session.run(to="onwards") == []
        await until(session.understood)
        (problem,) = document.knowledge.problems
        assert (problem.code, problem.place.module, problem.place.path[:2]) == ("PYE390", "again", ("modules", 3))
        assert "run the whole flow" in problem.mend
        document.apply("edit", edits.remove(document.flow, ["onwards"]))
        await until(session.understood)
        assert not document.knowledge.problems
        await session.close()

    on_loop(main)


def test_a_run_is_stopped_by_the_button(on_loop: Any, project: Path) -> None:
    async def main() -> None:
        flow = Flow.model_validate({"flow": {"name": "slow"}, "modules": [{"id": "s", "name": "shell_solo", "configs": {"required": {"command": "sleep 30"}}}]})
        document = Document(flow, load(project))
        session = Session(document, project)
        assert session.run() == []
        await until(session.progressed, lambda: bool(session.watch and session.watch.modules.get("s") and session.watch.modules["s"].state == "running"))
        session.stop()
        await until(session.run_changed, lambda: not session.running)
        assert session.summary is not None
        assert (session.summary.state, session.summary.reason) == ("cancelled", "stopped_by_user")
        await session.close()

    on_loop(main)


def test_run_to_here_shows_rows_that_nothing_else_takes_also_below_code(on_loop: Any, project: Path) -> None:
    code = {"id": "py", "name": "python_mod", "configs": {"optional": {"code": "def transform(ctx, input):\n    return input\n"}}}
    links = {"data": ["people.data - py.input", "py.output - adults.input", "adults.output - out.input"]}
    flow = Flow.model_validate({**FLOW, "modules": [*FLOW["modules"], code], "connections": links})

    async def main() -> None:
        document = Document(flow, load(project))
        session = Session(document, project)
        await until(session.understood)
        for module, rows in {"adults": 2, "py": 3}.items():
            assert session.run(to=module) == []
            await until(session.run_changed, lambda: not session.running)
            assert session.summary is not None
            assert session.summary.state == "completed", session.watch and session.watch.logs
            assert session.watch is not None
            assert session.watch.modules[module].rows_out == {"output": rows}
            session.preview(f"{module}.output")
            _, path = await until(session.previewed)
            with pa.memory_map(str(path)) as source:
                assert pa.ipc.open_file(source).read_all().num_rows == rows
        await session.close()

    on_loop(main)
