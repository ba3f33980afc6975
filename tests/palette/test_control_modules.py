"""die, warn, sleep, set_globals and context_load: alone, fed with tables, and in whole runs."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pypeline.core.check import check
from pypeline.palette.solo.sleep import moment
from pypeline.runner.registry import load
from pypeline.runner.tables.artifacts import ArtifactManager
from pypeline.schema.problems import PypeError
from pypeline.schema.reader import read
from tests.palette.running import ran
from tests.palette.test_whole_runs import run


def table(**columns: list[Any]) -> dict[str, Any]:
    return {"input": ArtifactManager().register(pa.table(columns).to_pandas())}


def refused(type: str, project: Path, inputs: dict[str, Any] | None = None, /, **configs: Any) -> str:
    with pytest.raises(PypeError) as caught:
        ran(type, project, inputs, **configs)
    return str(caught.value.problems[0])


# --- context_load -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"region": "eu", "limit": "10"}'),
        ("a.properties", "# a comment\n[section]\nregion = eu\nexport limit='10'\n; another\n\n"),
        ("a.env", '\ufeffregion="eu"\nlimit=10\n'),
        ("a.csv", "key,value\nregion,eu\nlimit,10\n"),
        ("a.tsv", "key\tvalue\nregion\teu\nlimit\t10\n"),
    ],
)
def test_files_of_all_formats_give_equal_variables(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert ran("context_load", tmp_path, file=name, expect={"limit": "integer", "region": "text"}) == {"region": "eu", "limit": 10}


def test_json_keeps_types_and_expected_ones_are_converted(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"n": 1.5, "yes": true, "nothing": null, "on": "Yes", "text": 7}')
    found = ran("context_load", tmp_path, file="a.json", expect={"on": "boolean", "text": "text"})
    assert found == {"n": 1.5, "yes": True, "nothing": None, "on": True, "text": "7"}


def test_a_table_of_names_and_values(tmp_path: Path) -> None:
    given = table(name=["Region", "limit", "limit"], setting=["eu", "1", "2"])
    assert ran("context_load", tmp_path, given, key="name", value="setting", expect={"region": "text"}) == {"region": "eu", "limit": "2"}
    assert ran("context_load", tmp_path, given, key="name", value="setting", repeated="first")["limit"] == "1"
    assert "Did you mean `name`" in refused("context_load", tmp_path, given, key="nam", value="setting")


def test_defaults_and_what_is_missing_or_unknown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "a.json").write_text('{"regoin": "eu"}')
    assert "no value for `region`" in refused("context_load", tmp_path, file="a.json", expect={"region": "text"})
    found = ran("context_load", tmp_path, file="a.json", expect={"region": "text"}, missing="ignore", unknown="warn", defaults={"limit": 5}, show=True)
    assert found == {"limit": 5, "regoin": "eu", "region": None}
    assert "`regoin` is not expected" in caplog.text
    assert "limit = 5" in caplog.text
    assert "Did you mean `region`" in refused("context_load", tmp_path, file="a.json", expect={"region": "text"}, missing="ignore", unknown="fail")
    assert ran("context_load", tmp_path, file="none.json", required=False, defaults={"a": 1}) == {"a": 1}
    assert "PYE390" in refused("context_load", tmp_path, file="none.json")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "[1]", "not one JSON object"),
        ("a.json", '{"a": {"b": 1}}', "the value of `a` is a list"),
        ("a.json", '{"a": NaN}', "no JSON number"),
        ("a.json", "[" * 100_000, "cannot be read"),
        ("a.json", '{"a b": 1}', "no name of a variable"),
        ("a.json", '{"a__b": 1}', ""),
        ("a.json", '{"db_password": "x"}', "looks like a secret"),
        ("a.json", '{"a": 1, "A": 2}', "twice"),
        ("a.csv", "name,value\na,1\n", "no column `key`"),
        ("a.properties", "just a line", "line 1 is not of the form"),
        ("a.properties", "limit = many", "no integer"),
        ("a.properties", b"a = \xff", "cannot be read"),
        ("a.txt", "a=1", "does not tell its format"),
    ],
)
def test_bad_files_are_told_so(tmp_path: Path, name: str, text: str | bytes, message: str) -> None:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    options: dict[str, Any] = {"repeated": "fail", "expect": {"limit": "integer"}, "missing": "ignore"}
    if message:
        assert message in refused("context_load", tmp_path, file=name, **options)
    else:
        assert ran("context_load", tmp_path, file=name, **options)["a__b"] == 1


LOADED = """
flow: {name: loaded}
modules:
  - {id: settings, name: context_load, configs: {optional: {file: "{{context.place}}/eu.json", expect: {limit: integer}}}}
  - {id: rows, name: generate_source, configs: {required: {rows: 9, columns: {id: {kind: sequence}}}}}
  - {id: some, name: filter_mod, configs: {required: {condition: "id > {{settings__limit}}"}}}
  - {id: out, name: csv_sink, configs: {required: {output_path: "{{settings__target}}.csv"}}}
connections:
  data: ["rows.data - some.input", "some.output - out.input"]
  control: ["settings (1|) rows"]
"""


def test_loaded_values_steer_what_runs_later(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "eu.json").write_text('{"limit": 7, "target": "few"}')
    assert run(LOADED, tmp_path, place="conf").state == "completed"
    assert (tmp_path / "few.csv").read_text() == "id\n8\n9\n"


FROM_TABLE = """
flow: {name: from_table}
modules:
  - {id: rows, name: inline_source, configs: {required: {columns: {key: string, value: string}, rows: [[word, hello]]}}}
  - {id: settings, name: context_load}
  - {id: told, name: shell_solo, configs: {required: {command: "printf %s {{settings__word}} > told.txt"}}}
connections:
  data: ["rows.data - settings.input"]
  control: ["settings (1|) told"]
"""


def test_a_fed_solo_ends_its_sub_flow_as_a_sink_does(tmp_path: Path) -> None:
    assert run(FROM_TABLE, tmp_path).state == "completed"
    assert (tmp_path / "told.txt").read_text() == "hello"
    # no control link leads into the middle of a sub flow
    bad = read(FROM_TABLE.replace("settings (1|) told", "told (1|) settings").encode()).flow
    assert bad is not None
    assert [p.code for p in check(bad, load(tmp_path))] == ["PYE244", "PYE218"]


# --- set_globals --------------------------------------------------------------------------------

SET = """
flow: {name: set}
modules:
  - {id: vars, name: set_globals, configs: {required: {variables: {n: 3, list: [1, 2], text: "{{context.a}} and b", same: "{{context.n}}"}}}}
  - {id: rows, name: generate_source, configs: {required: {rows: "{{vars__n}}", columns: {id: {kind: sequence}}}}}
  - {id: kept, name: filter_mod, configs: {required: {condition: "id in {{vars__list}} and {{vars__same}} = 5 and {{vars__text}} = 'x and b'"}}}
  - {id: out, name: csv_sink, configs: {required: {output_path: out.csv}}}
connections:
  data: ["rows.data - kept.input", "kept.output - out.input"]
  control: ["vars (1|) rows"]
"""


def test_set_globals_keep_their_types(tmp_path: Path) -> None:
    assert run(SET, tmp_path, a="x", n=5).state == "completed"
    assert (tmp_path / "out.csv").read_text() == "id\n1\n2\n"


def test_names_of_globals_are_checked_before_the_run(tmp_path: Path) -> None:
    flow = read(SET.replace("{{vars__n}}", "{{vars__m}}").encode()).flow
    assert flow is not None
    assert [(p.code, "vars" in p.message) for p in check(flow, load(tmp_path))] == [("PYE243", True)]
    assert "one name" in refused("set_globals", tmp_path, variables={"a": 1, "A": 2})
    assert "no name of a variable" in refused("set_globals", tmp_path, variables={"a-b": 1})


# --- die and warn -------------------------------------------------------------------------------


def test_die_alone_and_fed(tmp_path: Path) -> None:
    assert "PYE466" in refused("die", tmp_path, message="no orders", code=7)
    assert "no orders (code 7)" in refused("die", tmp_path, message="no orders", code=7)
    assert "bad (2 rows)" in refused("die", tmp_path, table(a=[1, 2]), message="bad")
    assert ran("die", tmp_path, table(a=[]), message="bad") == {"row_count": 0}
    assert "empty" in refused("die", tmp_path, table(a=[]), message="empty", empty_too=True)


def test_warn_says_it_in_log_and_globals(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert ran("warn", tmp_path, message="late", code=3, priority="error") == {"warned": True, "message": "late", "code": 3, "row_count": 0}
    assert ("ERROR", "late (code 3)") in [(r.levelname, r.getMessage()) for r in caplog.records]
    assert ran("warn", tmp_path, table(a=[5, 6], b=["x", "y"]), message="odd", rows=1)["row_count"] == 2
    assert "a=5, b=x" in caplog.text
    assert "a=6" not in caplog.text
    assert ran("warn", tmp_path, table(a=[]), message="odd") == {"warned": False, "message": "", "code": 0, "row_count": 0}


DYING = """
flow: {name: dying}
modules:
  - {id: rows, name: generate_source, configs: {required: {rows: 9, columns: {id: {kind: sequence}}}}}
  - {id: bad, name: filter_mod, configs: {required: {condition: "id > 7"}}}
  - {id: stop, name: die, configs: {required: {message: "too many in {{context.day}}"}, optional: {exit_code: 42}}}
  - {id: after, name: shell_solo, configs: {required: {command: "touch after"}}}
  - {id: tidy, name: shell_solo, configs: {required: {command: "touch tidy"}}}
connections:
  data: ["rows.data - bad.input", "bad.output - stop.input"]
  control: ["rows (1|) after"]
finally: [tidy]
"""


def test_die_ends_the_run_with_its_message_and_exit_code(tmp_path: Path) -> None:
    summary = run(DYING, tmp_path, day="May")
    assert (summary.state, summary.exit_code) == ("failed", 42)
    assert summary.error is not None
    assert summary.error.message == "too many in May (2 rows)"
    assert not (tmp_path / "after").exists()
    assert (tmp_path / "tidy").exists()
    record = json.loads((summary.bundle / "summary.json").read_text())
    assert (record["error"]["code"], record["error"]["module"]) == ("PYE466", "stop")


def test_a_handled_die_lets_the_run_complete(tmp_path: Path) -> None:
    text = DYING.replace('["rows (1|) after"]', '["stop (1|error) after"]')
    summary = run(text, tmp_path, day="May")
    assert (summary.state, summary.exit_code) == ("completed", 0)
    assert (tmp_path / "after").exists()
    assert run(DYING.replace("id > 7", "id > 700"), tmp_path, day="May").state == "completed"


# --- sleep --------------------------------------------------------------------------------------


def test_moments() -> None:
    now = datetime.fromisoformat("2026-03-01T12:00:00+01:00")
    assert moment("13:30", now) == now + timedelta(hours=1, minutes=30)
    assert moment("11:00", now) == now + timedelta(hours=23)
    assert moment("2026-03-01T12:30:00+01:00", now) - now == timedelta(minutes=30)
    assert moment("12:00+00:00", now) - now == timedelta(hours=1)


def test_sleep_takes_its_time(tmp_path: Path) -> None:
    assert ran("sleep", tmp_path, seconds=0.05) == {"seconds": 0.05}
    assert ran("sleep", tmp_path, until="2020-01-01T00:00:00") == {"seconds": 0.0}
    assert "either seconds or until" in refused("sleep", tmp_path)
    assert "until" in refused("sleep", tmp_path, until="soon")


EACH_FILE = """
flow: {name: each_file}
modules:
  - {id: files, name: file_list, configs: {required: {folder: incoming}, optional: {pattern: "*.csv"}}}
  - {id: read, name: csv_source, configs: {required: {file_path: "{{iter.path}}"}, optional: {columns: {n: int64}}}}
  - {id: all, name: csv_sink, configs: {required: {output_path: all.csv}, optional: {mode: append}}}
  - {id: done, name: file_ops, configs: {required: {operation: move, path: "{{iter.path}}"}, optional: {target: "done/{{iter.index}}-{{iter.name}}"}}}
connections:
  data: ["read.data - all.input"]
  control: ["files (1|iterate) read", "read (1|) done"]
"""


def test_each_file_of_a_list_is_read_and_put_away(tmp_path: Path) -> None:
    (tmp_path / "incoming").mkdir()
    for number, name in enumerate(("b.csv", "a.csv")):
        (tmp_path / "incoming" / name).write_text(f"n\n{number}\n")
    summary = run(EACH_FILE, tmp_path)
    assert summary.state == "completed", summary.error
    assert (tmp_path / "all.csv").read_text() == "n\n1\n0\n"
    assert sorted(p.name for p in (tmp_path / "done").iterdir()) == ["0-a.csv", "1-b.csv"]
    assert not list((tmp_path / "incoming").iterdir())
