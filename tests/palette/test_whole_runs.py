"""Code, control and file modules in whole runs: worker processes, globals between sub flows, gates."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pypeline.core.check import check
from pypeline.core.planner import plan
from pypeline.runner.facts import gather
from pypeline.runner.registry import load, register_module
from pypeline.runner.run import RunSummary, execute
from pypeline.schema.problems import errors
from pypeline.schema.reader import read


def run(text: str, folder: Path, **sets: Any) -> RunSummary:
    found = read(text, "whole.yaml")
    assert found.flow is not None, found.problems
    catalogue = load(folder)
    assert not errors(check(found.flow, catalogue, sets)), check(found.flow, catalogue, sets)
    facts = gather(found.flow, catalogue, folder, sets=sets)
    return asyncio.run(execute(plan(found.flow, facts), folder=folder, on_event=lambda _event: None))


CODE = """
flow: {name: whole}
modules:
  - {id: files, name: file_list, configs: {required: {folder: in}, optional: {pattern: "*.txt"}}}
  - id: split
    name: python_mod
    configs:
      optional:
        file: steps.py
        outputs: [{name: small}, {name: large}]
        parameters: {limit: 3}
  - {id: small, name: csv_sink, configs: {required: {output_path: small.csv}}}
  - {id: large, name: csv_sink, configs: {required: {output_path: large.csv}}}
  - {id: told, name: shell_solo, configs: {required: {command: "printf '%s' {{context.word}} && echo {{split__largest}} > told.txt"}}}
  - {id: least, name: python_solo, configs: {optional: {code: "def main():\\n    return {'n': 2}"}}}
  - {id: gate, name: sync_gate}
  - {id: rows, name: generate_source, configs: {required: {rows: 5, columns: {id: {kind: sequence}}}}}
  - {id: some, name: filter_mod, configs: {required: {condition: "id > {{least__n}} and '{{told__stdout}}' = '$(touch pwned); x'"}}}
  - {id: out, name: csv_sink, configs: {required: {output_path: out.csv}}}
connections:
  data:
    - "files.data - split.input"
    - "split.small - small.input"
    - "split.large - large.input"
    - "rows.data - some.input"
    - "some.output - out.input"
  control:
    - "files (1|) told"
    - "told (1|) gate"
    - "least (1|) gate"
    - "gate (1|) rows"
"""
STEPS = """
def split(frame, limit):
    raise AssertionError("another function is wanted")

def transform(frame, ctx, limit):
    frame = frame[["name", "size"]]
    ctx.set_global("largest", int(frame["size"].max()))
    return {"small": frame[frame["size"] <= limit], "large": frame[frame["size"] > limit]}
"""


def test_code_shell_gate_and_globals(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "steps.py").write_text(STEPS)
    for name, size in (("a.txt", 1), ("b.txt", 3), ("c.txt", 9), ("d.csv", 5)):
        (tmp_path / "in" / name).write_bytes(b"-" * size)
    summary = run(CODE, tmp_path, word="$(touch pwned); x")
    assert summary.state == "completed", summary
    assert (tmp_path / "small.csv").read_text() == "name,size\na.txt,1\nb.txt,3\n"
    assert (tmp_path / "large.csv").read_text() == "name,size\nc.txt,9\n"
    assert (tmp_path / "told.txt").read_text() == "9\n"
    assert (tmp_path / "out.csv").read_text() == "id\n3\n4\n5\n"
    assert not (tmp_path / "pwned").exists()


OWN = '''
from typing import Annotated
from pydantic import Field
from pypeline.sdk import Expr, ModuleConfig, Query, Relation, RelationalModule, expression, passed
from mods.words import GREETING


class Config(ModuleConfig):
    """What to greet."""
    who: Annotated[str, expression("input")] = Field(title="Who", description="A text.")


class Greet(RelationalModule):
    """Greets."""
    TYPE = "mod"
    INPUT_PORTS = ["input"]
    OUTPUT_PORTS = ["output"]
    Config = Config

    def relate(self, inputs, wanted):
        who = self.expr(("who",), self.config.who, inputs["input"][0])
        text = Expr(f"'{GREETING} ' || {who.sql}", who.reads)
        return Relation(outputs={"output": Query((*passed("input", inputs["input"][0]), ("text", text)), Expr('"input"'))}, change="same")
'''
GREETED = """
flow: {name: greeted}
modules:
  - {id: s, name: inline_source, configs: {required: {columns: {name: string}, rows: [[ann]]}}}
  - {id: g, name: greet, configs: {required: {who: upper(name)}}}
  - {id: o, name: csv_sink, configs: {required: {output_path: o.csv}}}
connections:
  data: ["s.data - g.input", "g.output - o.input"]
"""


def test_a_relational_module_of_the_project_is_fused(tmp_path: Path) -> None:
    (tmp_path / "mods").mkdir()
    (tmp_path / "mods" / "greet.py").write_text(OWN)
    (tmp_path / "mods" / "words.py").write_text("GREETING = 'hello'\n")
    register_module("greet", tmp_path)
    summary = run(GREETED, tmp_path)
    assert summary.state == "completed", summary
    assert (tmp_path / "o.csv").read_text() == "name,text\nann,hello ANN\n"


IN_PLACE = """
flow: {name: in_place}
modules:
  - {id: s, name: csv_source, configs: {required: {file_path: a.csv}, optional: {columns: {id: int64, v: int64}}}}
  - {id: kept, name: filter_mod, configs: {required: {condition: "id > 1"}}}
  - {id: out, name: csv_sink, configs: {required: {output_path: ./a.csv}, optional: {mode: replace}}}
CODE
connections: {data: ["s.data - kept.input", LINKS]}
"""
DIRECT = {"CODE": "", "LINKS": '"kept.output - out.input"'}
THROUGH_CODE = {
    "CODE": '  - {id: code, name: python_mod, configs: {optional: {code: "def transform(frame):\\n    return frame if WORKS else 1/0"}}}',
    "LINKS": '"kept.output - code.input", "code.output - out.input"',
}


def in_place(parts: dict[str, str], works: bool = True) -> str:
    return IN_PLACE.replace("CODE", parts["CODE"]).replace("LINKS", parts["LINKS"]).replace("WORKS", str(works))


@pytest.mark.parametrize("parts", [DIRECT, THROUGH_CODE])
def test_a_sink_may_write_the_file_that_its_rows_come_from(parts: dict[str, str], tmp_path: Path) -> None:
    rows = 50_000
    target = tmp_path / "a.csv"
    target.write_text("id,v\n" + "".join(f"{n},{n}\n" for n in range(rows)))
    (tmp_path / "link.csv").symlink_to(target)
    flow = in_place(parts)
    assert run(flow, tmp_path).state == "completed"
    assert target.read_text() == "id,v\n" + "".join(f"{n},{n}\n" for n in range(2, rows))
    assert run(flow.replace("./a.csv", "link.csv").replace("mode: replace", "mode: append"), tmp_path).state == "completed"
    assert target.read_text() == "id,v\n" + "".join(f"{n},{n}\n" for n in range(2, rows)) * 2
    assert (tmp_path / "link.csv").is_symlink()


def test_a_run_that_fails_leaves_the_file_it_reads_and_writes(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text(before := "id,v\n1,1\n2,x\n3,3\n")
    assert run(in_place(DIRECT), tmp_path).state == "failed"
    assert target.read_text() == before
    target.write_text(before.replace("x", "2"))
    assert run(in_place(THROUGH_CODE, works=False), tmp_path).state == "failed"
    assert target.read_text() == before.replace("x", "2")
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != ".pypeline") == ["a.csv"]
