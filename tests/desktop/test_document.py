"""The document: every edit one step, undone and redone exactly."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pypeline.canvas.document import Document
from pypeline.core import edits
from pypeline.core.catalogue import Catalogue
from pypeline.core.modules import ModuleDecl
from pypeline.schema.flow import DataLink, Flow

LOG = ModuleDecl(name="log_mod", module_path="x", kind="mod", input_ports=("input",), output_ports=("output",))


@pytest.fixture
def document(qapp: Any) -> Document:
    flow = Flow.model_validate({"flow": {"name": "f"}, "modules": [{"id": "a", "name": "log_mod"}]})
    return Document(flow, Catalogue({"log_mod": LOG}))


def test_moves_in_a_row_are_one_step_and_a_move_back_is_none(document: Document) -> None:
    start = edits.move(document.flow, {"a": (0, 0)})
    document.reload(start)
    for x in (8, 16, 24):
        document.apply("Move a", edits.move(document.flow, {"a": (x, 0)}), merge="move:1")
    assert document.undo.count() == 1
    document.apply("Move a", edits.move(document.flow, {"a": (0, 0)}), merge="move:1")
    assert document.undo.count() == 0
    assert document.flow == start


def test_a_step_that_changes_nothing_is_no_step(document: Document) -> None:
    document.apply("Nothing", document.flow.model_copy())
    assert document.undo.count() == 0


def test_what_is_deleted_is_no_longer_selected(document: Document, qtbot: Any) -> None:
    document.select(["a"])
    with qtbot.waitSignal(document.selection_changed, timeout=1000):
        document.apply("Delete a", edits.remove(document.flow, ["a"]))
    assert not document.selection
    document.undo.undo()
    assert [m.id for m in document.flow.modules] == ["a"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["add", "move", "link", "remove", "rename", "disable"]), st.integers(0, 7), st.integers(0, 7)), max_size=40))
def test_undoing_everything_gives_the_beginning_and_redoing_everything_the_end(document: Document, steps: list[tuple[str, int, int]]) -> None:
    document.undo.clear()
    start = document.flow
    for what, i, j in steps:
        flow = document.flow
        ids = [m.id for m in flow.modules] or [edits.add_module(flow, LOG, (0, 0))[1]]
        a, b = ids[i % len(ids)], ids[j % len(ids)]
        if what == "add" or a not in {m.id for m in flow.modules}:
            flow = edits.add_module(flow, LOG, (i * 40, j * 40))[0]
        elif what == "move":
            flow = edits.move(flow, {a: (i * 8, j * 8)})
        elif what == "link":
            flow = edits.connect(flow, DataLink(source=a, source_port="output", target=b, target_port="input"))
        elif what == "remove":
            flow = edits.remove(flow, [a])
        elif what == "rename":
            flow = edits.rename_module(flow, a, edits.free_id(flow, f"n{i}"))
        else:
            flow = edits.set_module(flow, a, enabled=not flow.module(a).enabled)
        document.apply(what, flow)
    end = document.flow
    while document.undo.canUndo():
        document.undo.undo()
    assert document.flow == start
    while document.undo.canRedo():
        document.undo.redo()
    assert document.flow == end
