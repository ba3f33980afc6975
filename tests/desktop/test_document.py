"""The document: every edit one step, undone and redone exactly."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pypeline.canvas.document import Document, Selection
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


def test_what_is_not_in_the_flow_cannot_be_selected(document: Document) -> None:
    gone = DataLink(source="a", source_port="output", target="b", target_port="input")
    document.select(["a", "b"], [gone])
    assert document.selection == Selection(frozenset(["a"]))
    renamed = edits.rename_module(document.flow, "a", "c")
    document.apply("Rename", renamed, choose=Selection(frozenset(["c", "a"])))
    assert document.selection == Selection(frozenset(["c"]))


def test_flow_and_selection_are_told_together_the_flow_first(document: Document) -> None:
    seen: list[tuple[str, bool, bool]] = []

    def note(what: str) -> None:
        seen.append((what, any(m.id == "a" for m in document.flow.modules), "a" in document.selection.modules))

    document.select(["a"])
    document.flow_changed.connect(lambda _old, _new: note("flow"))
    document.selection_changed.connect(lambda: note("selection"))
    document.apply("Delete a", edits.remove(document.flow, ["a"]))
    assert seen == [("flow", False, False), ("selection", False, False)]


@pytest.mark.parametrize("how", ["apply", "undo"])
def test_a_listener_that_edits_in_turn_is_told_after_everybody_knows_of_the_first(document: Document, how: str) -> None:
    start = document.flow
    if how == "undo":
        document.apply("Add", edits.add_module(start, LOG, (0, 0), id="b")[0])
    told: dict[str, list[tuple[Flow, Flow]]] = {"first": [], "last": []}

    def eager(old: Flow, new: Flow) -> None:
        told["first"].append((old, new))
        if len(told["first"]) == 1:
            document.apply("In turn", edits.add_module(document.flow, LOG, (0, 0), id="c")[0])

    document.flow_changed.connect(eager)
    document.flow_changed.connect(lambda old, new: told["last"].append((old, new)))
    if how == "undo":
        document.undo.undo()
    else:
        document.apply("Add", edits.add_module(start, LOG, (0, 0), id="b")[0])
    assert told["first"] == told["last"]
    assert [new for _, new in told["first"]][:-1] == [old for old, _ in told["first"]][1:]
    assert {"a", "c"} <= {m.id for m in document.flow.modules}
    while document.undo.canUndo():
        document.undo.undo()
    assert document.flow == start


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
