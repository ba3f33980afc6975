"""Loops and started branches in real runs: items, frames, globals, sinks, failures and stops, in worker processes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pypeline.core import events as ev
from pypeline.runner.signals import StopSignal
from tests.runner.conftest import Project, flow, note


def items(id: str, *values: Any) -> str:
    """A source whose items are ``values``, in a column ``n``."""
    kind = "int64" if all(isinstance(v, int) for v in values) else "string"
    return f"  - {{id: {id}, name: inline_source, configs: {{required: {{columns: {{n: {kind}}}, rows: {json.dumps([[v] for v in values])}}}}}}}"


def python(id: str, code: str, tail: str = "") -> str:
    """A solo of Python ``code``, whose lines may be indented."""
    return f"  - {{id: {id}, name: python_solo, configs: {{optional: {{code: {json.dumps(textwrap.dedent(code))}}}}}{tail and ', ' + tail}}}"


def module(id: str, name: str, tail: str = "", **configs: Any) -> str:
    required = {k: v for k, v in configs.items() if k in ("file_path", "output_path", "folder", "condition", "columns", "rows", "table")}
    optional = {k: v for k, v in configs.items() if k not in required}
    if name in ("csv_source", "parquet_source") and "columns" in required:
        optional["columns"] = required.pop("columns")
    return f"  - {{id: {id}, name: {name}, configs: {{required: {json.dumps(required)}, optional: {json.dumps(optional)}}}{tail and ', ' + tail}}}"


def say(id: str, text: str) -> str:
    """A solo that logs ``text``, in which variables may stand."""
    code = "def main(text, ctx):\n    ctx.logger.info(text)"
    return f"  - {{id: {id}, name: python_solo, configs: {{optional: {{code: {json.dumps(code)}, parameters: {{text: {json.dumps(text)}}}}}}}}}"


def frames(project: Project) -> list[tuple[str, str]]:
    """Frames that ended, in the order of their ends, with their state."""
    return [(e.frame, e.state) for e in project.events if isinstance(e, ev.FrameState) and e.state != "running"]


def nodes(project: Project) -> dict[str, str]:
    """The terminal state of every ``module#frame``."""
    return {f"{e.module}#{e.frame}": e.state for e in project.events if isinstance(e, ev.ModuleState) and e.state != "running"}


def test_a_frame_for_every_row_in_row_order(project: Project) -> None:
    seen = python("say", "def main(ctx):\n    ctx.logger.info(f'{ctx.iter_index} {ctx.iter_item}')")
    summary = project.run(flow(items("list", 5, 7, 9), seen, control=("list (1|iterate) say",)))
    assert summary.state == "completed"
    assert [(e.node_id, e.message) for e in project.events if isinstance(e, ev.Log)] == [
        ("say#0", "0 {'n': 5}"), ("say#1", "1 {'n': 7}"), ("say#2", "2 {'n': 9}"),
    ]  # fmt: skip
    assert frames(project) == [("0", "completed"), ("1", "completed"), ("2", "completed")]
    assert nodes(project) == {"list#0": "completed", "say#0": "completed", "say#1": "completed", "say#2": "completed"}
    assert not (summary.bundle / "scratch").exists()


def test_items_are_known_in_configs_expressions_sql_paths_and_conditions(project: Project) -> None:
    for name, age in (("a", 10), ("b", 20), ("c", 30)):
        (project.folder / f"{name}.csv").write_text(f"name,age\n{name},{age}\n{name},99\n")
    modules = [
        items("list", "a", "b", "c"),
        module("read", "csv_source", file_path="{{iter.n}}.csv", columns={"name": "string", "age": "int64"}),
        module("old", "filter_mod", condition="age > 15 + {{iter.index}} and name = {{iter.n}}"),
        '  - {id: ask, name: sql_mod, configs: {required: {query: "select *, {{iter.index}} as i from input"}}}',
        module("write", "csv_sink", output_path="out/{{iter.index}}-{{iter.n}}.csv"),
        python("last", "def main(ctx):\n    ctx.logger.info('for ' + ctx.iter_item['n'])"),
    ]
    summary = project.run(
        flow(*modules, data=("read.data - old.input", "old.output - ask.input", "ask.output - write.input"),
             control=("list (1|iterate) read", "write (1|if {{iter.n}} <> 'b' and {{write__row_count}} > 0) last")),
    )  # fmt: skip
    assert summary.state == "completed", summary.error
    written = {p.name: p.read_text() for p in (project.folder / "out").iterdir()}
    assert written == {"0-a.csv": "name,age,i\na,99,0\n", "1-b.csv": "name,age,i\nb,20,1\nb,99,1\n", "2-c.csv": "name,age,i\nc,30,2\nc,99,2\n"}
    assert [m for m in project.logs() if m.startswith("for")] == ["for a", "for c"]
    assert nodes(project)["last#1"] == "cancelled"


def test_an_unknown_column_of_the_item_is_named_with_those_there_are(project: Project) -> None:
    (project.folder / "list.csv").write_text("path,size\na.csv,1\n")
    lister = module("list", "csv_source", file_path="list.csv")
    read = module("read", "csv_source", file_path="{{iter.pth}}", columns={"x": "int64"})
    summary = project.run(flow(lister, read, module("show", "log_sink"), data=("read.data - show.input",), control=("list (1|iterate) read",)))
    assert summary.state == "failed"
    assert summary.error is not None
    assert (summary.error.code, summary.error.module, summary.error.frame) == ("PYE469", "read", "0")
    assert "no column `pth`: did you mean `path`?" in summary.error.message
    assert "path, size, index" in summary.error.mend


def test_a_list_gives_its_elements_themselves(project: Project) -> None:
    (project.folder / "modules" / "letters.py").write_text(
        textwrap.dedent(
            """
            from pypeline.sdk import BaseModule


            class Letters(BaseModule):
                TYPE = "source"
                OUTPUT_PORTS = ["data"]

                async def run(self, inputs, ctx):
                    return {"data": ["x", "y"]}
            """
        )
    )
    from pypeline.runner import registry

    registry.auto_register(project.folder)
    say = python("say", "def main(ctx):\n    ctx.logger.info(f'{ctx.iter_item} {ctx.iter_index}')")
    also = module("also", "shell_solo", command="echo {{iter.item}} {{iter.index}}")
    also = '  - {id: also, name: shell_solo, configs: {required: {command: "echo {{iter.item}} {{iter.index}}"}}}'
    project.run(flow("  - {id: list, name: letters}", say, also, control=("list (1|iterate) say", "say (1|) also")))
    assert [m for m in project.logs() if m in ("x 0", "y 1")] == ["x 0", "y 1"]
    assert nodes(project)["also#1"] == "completed"


@pytest.mark.parametrize("parallel", ["", " x4"])
def test_files_read_in_frames_and_added_to_one_equal_all_files_at_once(project: Project, parallel: str) -> None:
    folder = project.folder / "in"
    folder.mkdir()
    for number in range(12):
        rows = "".join(f"{number},{row},{'x' * (number % 3)}\n" for row in range(number * 50))
        (folder / f"f{number:02}.csv").write_text("file,row,text\n" + rows)
    columns = {"file": "int64", "row": "int64", "text": "string"}
    lister = module("list", "file_list", folder="in")
    read = module("read", "csv_source", file_path="{{iter.path}}", columns=columns)
    write = module("write", "csv_sink", output_path="out.csv", mode="append")
    count = note("after", project.folder)
    text = flow(lister, read, write, count, data=("read.data - write.input",),
                control=(f"list (1|iterate{parallel}) read", "list (2|if {{write__row_count}} = 3300) after"))  # fmt: skip
    summary = project.run(text)
    assert summary.state == "completed", summary.error
    assert nodes(project)["after#0"] == "completed"
    at_once = flow(module("read", "csv_source", file_path="in/*.csv", columns=columns),
                   module("write", "csv_sink", output_path="whole.csv"), data=("read.data - write.input",))  # fmt: skip
    project.run(at_once)
    assert (project.folder / "out.csv").read_bytes() == (project.folder / "whole.csv").read_bytes()
    # once more: what was there stays in front
    assert project.run(text).state == "completed"
    lines = (project.folder / "out.csv").read_text().splitlines()
    assert len(lines) == 2 * 3300 + 1
    assert summary.links["read.data - write.input"] == 3300


def test_frames_run_side_by_side_but_never_more_than_asked_for(project: Project) -> None:
    f = project.folder
    project.run(flow(items("list", *range(6)), note("work", f, seconds=0.15), control=("list (1|iterate x2) work",)))
    most = now = 0
    for event in project.events:
        if isinstance(event, ev.FrameState):
            now += 1 if event.state == "running" else -1
            most = max(most, now)
    assert most == 2
    assert [e.frame for e in project.events if isinstance(e, ev.FrameState) and e.state == "running"] == list("012345")


def test_loops_inside_a_loop(project: Project) -> None:
    modules = [
        items("outer", "a", "b"),
        "  - {id: inner, name: inline_source, configs: {required: {columns: {k: int64}, rows: [[0], [1], [2]]}}}",
        python("leaf", "def main(ctx):\n    ctx.logger.info(f'{ctx.iter_index} {ctx.iter_item}')\n    return {'V': ctx.iter_item['k'] * 10}"),
        say("both", "both {{iter.n}}-{{iter.k}}-{{iter.index}}-{{leaf__V}}"),
        say("after", "after {{iter.n}} {{leaf__V}}"),
        say("end", "end {{leaf__V}}"),
    ]
    control = ("outer (1|iterate) inner", "inner (1|iterate) leaf", "leaf (1|) both", "inner (2|) after", "outer (2|) end")
    summary = project.run(flow(*modules, control=control))
    assert summary.state == "completed", summary.error
    found = nodes(project)
    assert {f"leaf#{i}-{k}" for i in (0, 1) for k in (0, 1, 2)} <= set(found)
    stdout = {e.node_id: e.message for e in project.events if isinstance(e, ev.Log)}
    assert stdout["leaf#1-2"] == "1-2 {'k': 2}"
    end = json.loads((summary.bundle / "summary.json").read_text())
    assert end["state"] == "completed"
    assert set(found.values()) == {"completed"}
    assert [m for m in project.logs() if m.startswith("both")] == [f"both {n}-{k}-{k}-{k * 10}" for n in "ab" for k in (0, 1, 2)]
    assert [m for m in project.logs() if m.startswith(("after", "end"))] == ["after a 20", "after b 20", "end 20"]


def test_globals_are_seen_in_their_frame_and_the_last_after_the_loop(project: Project) -> None:
    modules = [
        items("list", 3, 1, 2),
        python("set", "import time\ndef main(ctx):\n    time.sleep(0.2 / ctx.iter_item['n'])\n    ctx.set_global('V', ctx.iter_item['n'])"),
        python("read", "def main(ctx):\n    ctx.logger.info(f\"in {ctx.iter_index}: {ctx.get_global('set', 'v')}\")"),
        '  - {id: told, name: python_solo, configs: {optional: {code: "def main(v, ctx): ctx.logger.info(f\'config {v}\')", parameters: {v: "{{set__V}}"}}}}',
        python("after", "def main(ctx):\n    ctx.logger.info(f\"after: {ctx.get_global('set', 'V')}\")"),
    ]
    project.run(flow(*modules, control=("list (1|iterate x3) set", "set (1|) read", "set (2|) told", "list (2|if {{set__V}} = 2) after")))
    assert sorted(m for m in project.logs() if m.startswith("in")) == ["in 0: 3", "in 1: 1", "in 2: 2"]
    assert sorted(m for m in project.logs() if m.startswith("config")) == ["config 1", "config 2", "config 3"]
    assert "after: 2" in project.logs()


def test_a_frame_does_not_see_what_another_has_set(project: Project) -> None:
    code = """
        def main(ctx):
            if ctx.iter_index == '0':
                ctx.set_global('V', 1)
    """
    reading = """
        def main(ctx):
            try:
                ctx.get_global('set', 'V')
                ctx.logger.info('seen ' + ctx.iter_index)
            except KeyError:
                ctx.logger.info('unset ' + ctx.iter_index)
    """
    reading = """
        def main(ctx):
            try:
                ctx.get_global('set', 'V')
                ctx.logger.info('seen ' + ctx.iter_index)
            except KeyError:
                ctx.logger.info('unset ' + ctx.iter_index)
    """
    read = python("read", reading)
    project.run(flow(items("list", 1, 2), python("set", code), read, control=("list (1|iterate) set", "set (1|) read")))
    assert [m for m in project.logs() if "seen" in m or "unset" in m] == ["seen 0", "unset 1"]


def test_no_rows_complete_at_once(project: Project) -> None:
    f = project.folder
    summary = project.run(flow(items("list"), note("never", f), note("after", f), control=("list (1|iterate) never", "list (2|) after")))
    assert summary.state == "completed"
    assert project.lines("done") == ["after"]
    assert nodes(project) == {"list#0": "completed", "never#-": "cancelled", "after#0": "completed"}
    assert project.states()["never"] == ("cancelled", "no_items")


FAILS = "def main(ctx):\n    if ctx.iter_item['n'] == 2:\n        raise ValueError('two')\n    ctx.logger.info('did ' + ctx.iter_index)"


def test_a_failing_frame_stops_its_loop_under_halt_and_is_handled_by_the_source(project: Project) -> None:
    f = project.folder
    text = flow(
        items("list", 1, 2, 3),
        python("work", FAILS),
        note("mend", f),
        note("next", f),
        control=("list (1|iterate) work", "list (2|error) mend", "list (2|) next"),
    )
    summary = project.run(text)
    assert summary.state == "completed"
    assert project.lines("done") == ["mend"]
    assert frames(project) == [("0", "completed"), ("1", "failed"), ("2", "cancelled")]
    summary = project.run(text.replace("list (2|error) mend", "list (2|always) mend"))
    assert summary.state == "failed"
    assert summary.error is not None
    assert (summary.error.message.startswith("ValueError: two"), summary.error.frame) == (True, "1")


def test_a_failing_frame_leaves_the_others_alone_under_continue(project: Project) -> None:
    f = project.folder
    text = flow(
        items("list", 1, 2, 3),
        python("work", FAILS),
        note("mend", f),
        control=("list (1|iterate) work", "list (2|error) mend"),
        settings="fail_strategy: continue",
    )
    summary = project.run(text)
    assert summary.state == "completed"
    assert frames(project) == [("0", "completed"), ("1", "failed"), ("2", "completed")]
    assert [m for m in project.logs() if m.startswith("did")] == ["did 0", "did 2"]
    summary = project.run(text.replace("list (2|error) mend", "list (2|) mend"))
    assert summary.state == "failed"


@pytest.mark.parametrize(("strategy", "rows"), [("continue", ["1", "1", "3", "3"]), ("halt", [])])
def test_the_rows_of_a_failed_frame_are_not_added(project: Project, strategy: str, rows: list[str]) -> None:
    for number in (1, 2, 3):
        (project.folder / f"{number}.csv").write_text(f"v\n{number}\n{number}\n")
    modules = [
        items("list", 1, 2, 3),
        module("read", "csv_source", file_path="{{iter.n}}.csv", columns={"v": "int64"}),
        module("write", "csv_sink", output_path="out.csv", mode="append"),
        python("check", FAILS),
    ]
    (project.folder / "out.csv").write_text("v\n0\n")
    summary = project.run(
        flow(*modules, data=("read.data - write.input",), control=("list (1|iterate) read", "write (1|) check"), settings=f"fail_strategy: {strategy}")
    )
    assert summary.state == "failed"
    assert (project.folder / "out.csv").read_text().split() == ["v", "0", *rows]
    assert any("not all frames" in m for m in project.logs()) is (strategy == "halt")
    warned = [e.message for e in project.events if isinstance(e, ev.Log) and e.level == "WARN" and "a second time" in e.message]
    assert [w.partition(" added")[0] for w in warned] == (["4 rows of the frames that completed"] if strategy == "continue" else [])


def test_a_sink_that_collects_is_not_what_failed_in_its_frame(project: Project) -> None:
    (project.folder / "1.csv").write_text("v\nx\n")
    modules = [
        items("list", 1),
        module("read", "csv_source", file_path="{{iter.n}}.csv", columns={"v": "int64"}),
        module("each", "csv_sink", output_path="{{iter.n}}.out"),
        module("write", "csv_sink", output_path="out.csv", mode="append"),
    ]
    project.run(flow(*modules, data=("read.data - each.input", "read.data - write.input"), control=("list (1|iterate) read",)))
    ended = {e.module: e.reason for e in project.events if isinstance(e, ev.ModuleState) and e.state == "failed"}
    assert ended == {"read": "error:PYE420", "each": "task_failed", "write": "task_failed"}


def test_a_stop_in_the_middle_ends_every_frame_once_and_leaves_nothing(project: Project) -> None:
    f = project.folder
    stop = StopSignal()

    def seen(event: ev.RunEvent) -> None:
        if isinstance(event, ev.FrameState) and event.frame == "3" and event.state == "running":
            stop.request("polite")

    text = flow(items("list", *range(8)), note("work", f, seconds=0.1), note("tidy", f), control=("list (1|iterate x2) work",), more="finally: [tidy]")
    summary = project.run(text, stop=stop, seen=seen)
    assert summary.state == "cancelled"
    ends = dict(frames(project))
    assert len(frames(project)) == len(ends) == 8
    assert ends["7"] == "cancelled"
    assert project.lines("done")[-1] == "tidy"
    assert project.lines("lives").count("setup-work") == project.lines("lives").count("teardown-work")


def test_every_frame_has_an_instance_of_its_own(project: Project) -> None:
    f = project.folder
    project.run(flow(items("list", 1, 2, 3), note("work", f), control=("list (1|iterate x3) work",)))
    assert sorted(project.lines("lives")) == ["setup-work"] * 3 + ["teardown-work"] * 3


def test_what_is_started_is_waited_for_at_the_end_and_its_failures_count(project: Project) -> None:
    f = project.folder
    text = flow(note("a", f), note("long", f, seconds=3), note("b", f), note("tidy", f), control=("a (1|start) long", "a (2|) b"), more="finally: [tidy]")
    summary = project.run(text)
    assert summary.state == "completed"
    assert project.lines("done") == ["a", "b", "long", "tidy"]
    assert [e.open for e in project.events if isinstance(e, ev.ValveResolved)] == [True, True]
    failing = flow(note("a", f), note("bad", f, fail=1, seconds=2), note("b", f), control=("a (1|start) bad", "a (2|) b"))
    assert project.run(failing).state == "failed"
    assert project.states()["b"] == ("completed", "ok")


def test_a_stop_ends_what_was_started(project: Project) -> None:
    f = project.folder
    stop = StopSignal()

    def seen(event: ev.RunEvent) -> None:
        if isinstance(event, ev.ModuleState) and event.module == "b" and event.state == "completed":
            stop.request("polite")

    summary = project.run(flow(note("a", f), note("long", f, seconds=30), note("b", f), control=("a (1|start) long", "a (2|) b")), stop=stop, seen=seen)
    assert (summary.state, summary.seconds < 10) == ("cancelled", True)
    assert project.states()["long"] == ("cancelled", "stopped_by_user")


BUFFERED = [
    "  - {id: days, name: generate_source, configs: {required: {rows: 2, columns: {day: {kind: sequence}}}}}",
    '  - {id: dated, name: formula_mod, configs: {required: {formulas: {n: "{{iter.n}}", at: "{{iter.index}}"}}}}',
    "  - {id: collect, name: buffer_sink}",
    '  - {id: all, name: buffer_source, configs: {required: {table: "{{collect__table}}"}, optional: {columns: {n: int64, day: int64}}}}',
    "  - {id: result, name: csv_sink, configs: {required: {output_path: out.csv}}}",
]
WIRES = ("days.data - dated.input", "dated.output - collect.input", "all.data - result.input")


@pytest.mark.parametrize("parallel", ["", " x3"])
def test_a_buffer_collects_in_the_order_of_the_frames(project: Project, parallel: str) -> None:
    control = (f"list (1|iterate{parallel}) days", "list (2|if {{collect__row_count}} = 8) all")
    summary = project.run(flow(items("list", 4, 3, 2, 1), *BUFFERED, data=WIRES, control=control))
    assert summary.state == "completed", summary.error
    rows = [f"{n},{day}" for n in (4, 3, 2, 1) for day in (1, 2)]
    assert (project.folder / "out.csv").read_text().split() == ["n,day", *rows]


def test_a_buffer_that_no_frame_has_filled_is_empty(project: Project) -> None:
    summary = project.run(flow(items("list"), *BUFFERED, data=WIRES, control=("list (1|iterate) days", "list (2|) all")))
    assert summary.state == "completed", summary.error
    assert (project.folder / "out.csv").read_text().split() == ["n,day"]


def test_a_buffer_needs_no_loop(project: Project) -> None:
    source = module("list", "inline_source", columns={"n": "int64"}, rows=[[1], [2]])
    collect, read, result = BUFFERED[2], BUFFERED[3].replace("{n: int64, day: int64}", "{}"), BUFFERED[4]
    summary = project.run(flow(source, collect, read, result, data=("list.data - collect.input", "all.data - result.input"), control=("collect (1|) all",)))
    assert summary.state == "completed", summary.error
    assert (project.folder / "out.csv").read_text().split() == ["n", "1", "2"]


@pytest.mark.parametrize("strategy", ["continue", "halt"])
def test_sinks_in_a_loop_inside_a_loop_are_joined_after_the_outer_one(project: Project, strategy: str) -> None:
    modules = [
        items("list", 1, 2, 3),
        "  - {id: inner, name: inline_source, configs: {required: {columns: {k: int64}, rows: [[0], [1], [2]]}}}",
        "  - {id: days, name: generate_source, configs: {required: {rows: 2, columns: {day: {kind: sequence}}}}}",
        '  - {id: dated, name: formula_mod, configs: {required: {formulas: {v: "{{iter.n}} * 10 + {{iter.k}}"}}}}',
        module("write", "csv_sink", output_path="out.csv", mode="append"),
        python("check", "def main(ctx):\n    if ctx.iter_index == '1-1':\n        raise ValueError('no')"),
        note("mend", project.folder),
    ]
    control = ("list (1|iterate x3) inner", "inner (1|iterate x2) days", "write (1|) check", "inner (2|error) mend")
    summary = project.run(flow(*modules, data=(*WIRES[:1], "dated.output - write.input"), control=control, settings=f"fail_strategy: {strategy}"))
    assert summary.state == "completed", summary.error
    rows = [line.split(",") for line in (project.folder / "out.csv").read_text().split()[1:]]
    kept = [(n, k) for n in (1, 2, 3) for k in (0, 1, 2) if n != 2 or (strategy == "continue" and k != 1)]
    assert rows == [[str(day), str(n * 10 + k)] for n, k in kept for day in (1, 2)]


def test_frames_with_other_columns_cannot_be_joined_and_fail_the_loop(project: Project) -> None:
    (project.folder / "1.csv").write_text("v\n1\n")
    (project.folder / "2.csv").write_text("w\n1\n")
    modules = [items("list", 1, 2), module("read", "csv_source", file_path="{{iter.n}}.csv"), module("write", "csv_sink", output_path="out.csv", mode="append")]
    summary = project.run(
        flow(*modules, note("mend", project.folder), data=("read.data - write.input",), control=("list (1|iterate) read", "list (2|error) mend"))
    )
    assert summary.state == "completed"
    assert project.lines("done") == ["mend"]
    assert any("frame 1 and the first have different columns: `v`, `w`" in line for line in project.logs())
    assert not (project.folder / "out.csv").exists()


def test_a_sink_in_a_task_of_its_own_collects_too(project: Project) -> None:
    code = json.dumps("def transform(frame):\n    return frame")
    modules = [
        items("list", 2, 1),
        "  - {id: days, name: generate_source, configs: {required: {rows: 2, columns: {day: {kind: sequence}}}}}",
        f"  - {{id: code, name: python_mod, configs: {{optional: {{code: {code}}}}}}}",
        module("write", "parquet_sink", output_path="out.parquet", mode="append"),
        module("back", "parquet_source", file_path="{{write__file_path}}"),
        module("text", "csv_sink", output_path="out.csv"),
    ]
    summary = project.run(
        flow(
            *modules,
            data=("days.data - code.input", "code.output - write.input", "back.data - text.input"),
            control=("list (1|iterate x2) days", "list (2|) back"),
        )
    )
    assert summary.state == "completed", summary.error
    assert (project.folder / "out.csv").read_text().split() == ["day", "1", "2", "1", "2"]
    assert nodes(project)["write#1"] == "completed"


def test_a_loop_runs_from_its_job_folder_and_its_edges_say_so(project: Project) -> None:
    from pypeline.core.planner import plan
    from pypeline.runner import registry
    from pypeline.runner.build import build, load_job
    from pypeline.runner.engines.local import LocalEngine
    from pypeline.runner.facts import gather
    from pypeline.runner.run import execute
    from pypeline.schema.reader import read_file

    path = project.folder / "trial.yaml"
    path.write_text(
        flow(items("list", 1, 2), say("work", "did {{iter.n}}"), say("beside", "beside"), control=("list (1|iterate x4) work", "list (2|start) beside"))
    )
    job = build(read_file(path).require(), path, registry.load(project.folder), project.folder / "jobs")
    edges = json.loads((job / "trial_dag.json").read_text())["edges"]
    assert [(e["edge_type"], e.get("parallel")) for e in edges] == [("ITERATE", 4), ("START", None)]
    again = load_job(job)
    made = plan(again.flow, gather(again.flow, again.catalogue, job))
    heard: list[ev.RunEvent] = []
    summary = asyncio.run(execute(made, folder=job, on_event=heard.append, engine=LocalEngine(cpus=2)))
    assert summary.state == "completed"
    assert sorted(e.message for e in heard if isinstance(e, ev.Log)) == ["beside", "did 1", "did 2"]


def test_a_stop_while_frames_write_leaves_no_half_file(project: Project) -> None:
    stop = StopSignal()

    def seen(event: ev.RunEvent) -> None:
        if isinstance(event, ev.FrameState) and event.done == 2:
            stop.request("polite")

    modules = [items("list", *range(6)), BUFFERED[0], module("write", "csv_sink", output_path="out.csv", mode="append")]
    summary = project.run(flow(*modules, data=("days.data - write.input",), control=("list (1|iterate) days",)), stop=stop, seen=seen)
    assert summary.state == "cancelled"
    assert [p.name for p in project.folder.iterdir() if "out" in p.name] == [], "under halt a loop that was stopped adds nothing"
    assert not (summary.bundle / "scratch").exists()


def test_a_try_that_failed_is_repeated_in_its_own_frame(project: Project) -> None:
    code = f"""
        from pathlib import Path

        def main(ctx):
            seen = Path({str(project.folder)!r}, 'tried-' + ctx.iter_index)
            if not seen.exists():
                seen.touch()
                raise ValueError('first')
    """
    summary = project.run(flow(items("list", 1, 2, 3), python("work", code, "retry: {attempts: 2, delay: 0.05}"), control=("list (1|iterate x3) work",)))
    assert summary.state == "completed", summary.error
    assert sorted((e.frame, e.attempt_no) for e in project.events if isinstance(e, ev.Retry)) == [("0", 2), ("1", 2), ("2", 2)]
    assert summary.frames["work"] == {"completed": 3, "failed": 0, "cancelled": 0}


def test_a_second_stop_ends_a_loop_at_once(project: Project) -> None:
    f = project.folder
    stop = StopSignal()

    def seen(event: ev.RunEvent) -> None:
        if isinstance(event, ev.FrameState) and event.frame == "1" and event.state == "running":
            stop.request("polite")
            stop.request("hard")

    text = flow(
        items("list", *range(5)), note("work", f, seconds=20, how="block"), note("tidy", f), control=("list (1|iterate x2) work",), more="finally: [tidy]"
    )
    summary = project.run(text, stop=stop, seen=seen)
    assert (summary.state, summary.seconds < 15) == ("cancelled", True)
    assert project.lines("done") == []
    assert not (summary.bundle / "scratch").exists()


def test_a_sink_whose_frames_all_failed_has_nothing_to_add(project: Project) -> None:
    modules = [
        items("list", 2, 2),
        BUFFERED[0],
        module("write", "csv_sink", output_path="out.csv", mode="append"),
        python("check", FAILS),
        note("mend", project.folder),
    ]
    control = ("list (1|iterate) days", "write (1|) check", "list (2|error) mend")
    summary = project.run(flow(*modules, data=("days.data - write.input",), control=control, settings="fail_strategy: continue"))
    assert summary.state == "completed", summary.error
    assert project.lines("done") == ["mend"]
    assert not (project.folder / "out.csv").exists()


def test_frames_side_by_side_add_to_one_file_whose_path_happens_to_be_equal(project: Project) -> None:
    (project.folder / "out").mkdir()
    summary = project.run(
        flow(
            items("list", *["same"] * 12),
            module("rows", "inline_source", columns={"x": "int64"}, rows=[[1], [2]]),
            module("out", "csv_sink", output_path="out/{{iter.n}}.csv", mode="append"),
            data=("rows.data - out.input",),
            control=("list (1|iterate x12) rows",),
        )
    )
    assert summary.state == "completed"
    assert (project.folder / "out/same.csv").read_text() == "x\n" + "1\n2\n" * 12
    assert [path.name for path in (project.folder / "out").iterdir()] == ["same.csv"], "nothing staged is left"


def test_a_join_that_fails_is_the_error_of_the_run(project: Project) -> None:
    sink = module("write", "csv_sink", output_path="out.csv", mode="append", encoding="latin-1")
    rows = module("rows", "inline_source", columns={"x": "string"}, rows=[["€"]])
    summary = project.run(flow(items("list", 1, 2), rows, sink, data=("rows.data - write.input",), control=("list (1|iterate) rows",)))
    assert (summary.state, summary.reason) == ("failed", "error:join")
    assert summary.error is not None
    assert (summary.error.code, summary.error.module) == ("PYE405", "write")
    assert summary.error.mend
    assert not (project.folder / "out.csv").exists()
    told = summary.modules["write"]
    assert (told.state, told.reason, told.error and told.error.code) == ("failed", "error:join", "PYE405")
    assert nodes(project) | {"write#-": "failed"} == nodes(project) | {"write#0": "completed", "write#1": "completed"}
    record = json.loads((summary.bundle / "summary.json").read_text())
    assert (record["failed"], record["frames"]["write"]["completed"], record["modules"]["write"]["state"]) == (1, 2, "failed")


def test_rows_that_cannot_be_brought_together_for_want_of_space_are_a_problem(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": list(range(200_000))}), tmp_path / "0.parquet")
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "from pypeline.runner.items import freeze\nfrom pypeline.schema.problems import PypeError\n"
        "try: freeze(sys.argv[1], sys.argv[2])\nexcept PypeError as error: print(error.problems[0].code)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "0.parquet"), str(tmp_path / "all.arrow")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "PYE503\n"


@pytest.mark.parametrize("stops", ["part", "join", "sink"])
def test_a_disk_that_refuses_what_frames_collect_fails_the_run(project: Project, stops: str) -> None:
    """A file may have so many bytes and no more: too few for a part, for the parts together, or for the sink's file."""
    rows = module("rows", "generate_source", rows=20_000, columns={"x": {"kind": "int", "min": 0, "max": 1_000_000_000_000}})
    sink = module("write", "csv_sink", output_path="out/all.csv", mode="append")
    frames = {"part": 1, "join": 8, "sink": 3}[stops]
    limit = {"part": 100_000, "join": 900_000, "sink": 700_000}[stops]
    text = flow(items("list", *range(frames)), rows, sink, data=("rows.data - write.input",), control=("list (1|iterate) rows",))
    (project.folder / "flow.yaml").write_text(text)
    code = f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\nfrom pypeline.app.cli.main import main\nsys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, "run", "flow.yaml", "--quiet"], cwd=project.folder, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    (summary,) = [json.loads(path.read_text()) for path in project.folder.glob(".pypeline/run_bundles/*/attempt-1/summary.json")]
    assert (summary["state"], summary["modules"]["write"]["state"]) == ("failed", "failed")
    assert summary["error"]["mend"]
    assert not list(project.folder.glob("out/*")), "neither the file nor what was staged"
    assert not list(project.folder.glob(".pypeline/run_bundles/*/attempt-1/scratch/parts/*"))


@pytest.mark.parametrize("target", ["out/{{iter.n}}.csv", "{{iter.n}}", "{{first__x}}{{iter.index}}.csv"])
def test_null_in_a_path_is_an_error_that_names_the_variable(project: Project, target: str) -> None:
    first = python("first", "def main(ctx):\n    ctx.set_global('x', None)")
    names = module("names", "inline_source", columns={"n": "string"}, rows=[["a"], [None]])
    rows = module("rows", "inline_source", columns={"x": "int64"}, rows=[[1]])
    sink = module("write", "csv_sink", output_path=target)
    text = flow(first, names, rows, sink, data=("rows.data - write.input",), control=("first (1|) names", "names (1|iterate) rows"))
    summary = project.run(text)
    assert summary.state == "failed"
    assert summary.error is not None
    frame = "0" if "first" in target else "1"
    assert (summary.error.code, summary.error.module, summary.error.frame) == ("PYE416", "write", frame)
    assert f"`{{{{{target.partition('{{')[2].partition('}}')[0]}}}}}` in the path `{target}` of module `write` is null" in summary.error.message
    assert not list(project.folder.rglob(".csv"))


def test_a_condition_that_has_no_value_is_the_error_of_the_run(project: Project) -> None:
    first = python("first", "def main(ctx):\n    ctx.set_global('x', 'abc')")
    summary = project.run(flow(first, note("then", project.folder), control=("first (1|if {{first__x}} > 3) then",)))
    assert (summary.state, summary.reason) == ("failed", "error:valve")
    assert summary.error is not None
    assert (summary.error.code, summary.error.module) == ("PYE462", "first")
    assert "condition of `first (1|if {{first__x}} > 3) then`" in summary.error.message
