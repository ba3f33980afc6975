"""What a run's record tells of its plan: no secret, also where the flow's author wrote its value as plain text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.palette.test_whole_runs import run

SECRET = "s3cr3t-value"
FLOW = f"""
flow: {{name: told, env: [DB_PASSWORD]}}
modules:
  - {{id: s, name: inline_source, configs: {{required: {{columns: {{a: string}}, rows: [["{SECRET}"], ["x"]]}}}}}}
  - {{id: f, name: filter_mod, configs: {{required: {{condition: "a = '{SECRET}'"}}}}}}
  - {{id: out, name: csv_sink, configs: {{required: {{output_path: out.csv}}}}}}
  - {{id: after, name: python_solo, configs: {{optional: {{code: "def main(): pass"}}}}}}
connections:
  data: ["s.data - f.input", "f.output - out.input"]
  control: ["out (1|if '{SECRET}' <> '') after"]
"""


def test_a_secret_that_also_stands_in_the_flow_is_hidden_in_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    summary = run(FLOW, tmp_path)
    assert summary.state == "completed", summary.error
    assert (tmp_path / "out.csv").read_text() == f"a\n{SECRET}\n"
    holding = [p.name for p in summary.bundle.rglob("*") if p.is_file() and SECRET.encode() in p.read_bytes()]
    assert holding == []
    plan = json.loads((summary.bundle / "plan.json").read_text())
    assert plan["modules"]["f"]["configs"] == {"condition": "a = '***'"}
    assert plan["valves"][0]["condition"] == "'***' <> ''"
