"""Rows 1-40 and 49 of the bad-input table, through the real reader: code, place, message, mend, time, and nothing written."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from pypeline.schema import yamltext
from pypeline.schema.codes import CODES
from pypeline.schema.jsonschema import flow_schema
from pypeline.schema.reader import read, read_file
from pypeline.schema.yamltext import load
from tests.bad_inputs.table import CHECK, FILES, READER, Row

LINE = re.compile(r"PYE\d{3} \S+?(:\d+:\d+)? \S.*[.?!] ?\S.*\Z")
FLOW = "flow: {name: large}\nmodules:\n"


@pytest.mark.parametrize("row", READER, ids=lambda row: row.file)
def test_a_bad_file_gets_its_code_place_message_and_mend(row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    began = time.monotonic()
    result = read_file(FILES / row.file)
    assert time.monotonic() - began < 2
    problem = result.problems[0]
    assert (problem.code, problem.place.line, problem.place.column) == (row.code, row.line, row.column)
    assert row.says in problem.message
    assert row.mend in problem.mend
    assert problem.severity == row.severity
    assert (result.flow is None) == (row.severity == "error")
    for each in result.problems:
        assert LINE.match(str(each)), str(each)
        assert "\n" not in str(each)
        assert each.code in CODES
    assert not list(tmp_path.iterdir()), "reading wrote a file"


@pytest.mark.parametrize("row", [row for row in READER if row.schema is not None], ids=lambda row: row.file)
def test_the_json_schema_gives_the_verdict_that_the_table_says(row: Row) -> None:
    data = load((FILES / row.file).read_text(encoding="utf-8")).data
    assert Draft202012Validator(flow_schema()).is_valid(data) is not row.schema


def test_every_file_of_the_folder_has_a_row() -> None:
    assert sorted(path.name for path in FILES.iterdir()) == sorted(row.file for row in (*READER, *CHECK))


def test_row_6_a_byte_order_mark_is_accepted_and_kept() -> None:
    data = b"\xef\xbb\xbfflow: {name: marked}\nmodules: []\n"
    result = read(data)
    assert result.flow is not None
    assert result.text.encode() == data
    assert result.flow.marks.place(("flow", "name")).column == 14


@pytest.mark.parametrize(
    ("text", "column"), [("[" * 100_000, 65), ("- " * 1_000_000 + "a", 129), ("{a: " * 100_000, 4 * 64 + 1)], ids=["lists", "dashes", "mappings"]
)
def test_rows_20_and_21_deep_nesting_is_refused_at_once(text: str, column: int) -> None:
    began = time.monotonic()
    (problem,) = read(text).problems
    assert (problem.code, problem.place.line, problem.place.column) == ("PYE106", 1, column)
    assert f"nesting deeper than 64 at line 1 col {column}" in problem.message
    assert time.monotonic() - began < 2


def test_row_22_a_file_above_the_byte_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    with large.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    began = time.monotonic()
    (problem,) = read_file(large).problems
    assert problem.code == "PYE105"
    assert "larger than 64 MiB (limits.flow_bytes)" in problem.message
    assert time.monotonic() - began < 0.5


def test_row_23_fifty_thousand_modules_open_in_linear_time() -> None:
    def seconds(count: int) -> float:
        modules = "".join(f'  - id: n{i}\n    name: filter_mod\n    configs: {{required: {{condition: "a > {i}"}}}}\n' for i in range(count))
        text = FLOW + modules
        began = time.process_time()
        result = read(text)
        assert result.flow is not None
        assert len(result.flow.modules) == count
        return time.process_time() - began

    small, large = seconds(5_000), seconds(50_000)
    assert large < 10
    assert large < 25 * max(small, 0.1)


def test_row_23_too_many_values_are_refused_by_their_limit() -> None:
    began = time.monotonic()
    (problem,) = read(FLOW + "  [" + "0, " * 2_100_000 + "0]\n").problems
    assert problem.code == "PYE105"
    assert "more than 2,000,000 YAML values (limits.nodes)" in problem.message
    assert time.monotonic() - began < 8


def test_row_24_one_large_text_is_a_matter_of_bytes() -> None:
    result = read(f"flow: {{name: large}}\nmodules: []\ncanvas:\n  blob: {'x' * 10_000_000}\n")
    assert result.flow is not None


def test_rows_25_to_30_words_dates_and_codes_stay_text() -> None:
    result = read(
        "flow: {name: kept, version: 1.10, description: 1e3}\n"
        "settings: {threads: 1e1, timeout: 1e3, checkpoint: on}\n"
        "modules:\n"
        "  - id: people\n"
        "    name: csv_source\n"
        "    configs:\n"
        "      required: {sep: no, on: x, zip: 00123, time: 12:30, day: 2024-01-01, sign: =, rows: 1e3}\n"
    )
    assert result.flow is not None
    assert result.flow.modules[0].configs.required == {
        "sep": "no",
        "on": "x",
        "zip": "00123",
        "time": "12:30",
        "day": "2024-01-01",
        "sign": "=",
        "rows": 1000.0,
    }
    assert (result.flow.flow.version, result.flow.flow.description) == ("1.10", "1e3")
    assert (result.flow.settings.threads, result.flow.settings.timeout) == (10, 1000.0)


def test_row_38_both_forms_of_a_clash_are_named() -> None:
    problems = read_file(FILES / "38_ids_by_form.yaml").problems
    assert problems[1].code == "PYE207"
    assert "caf[U+00E9]` and `cafe[U+0301]` (lines 4 and 6)" in problems[1].message


def test_row_48_a_pipe_a_device_and_a_folder_are_no_flow_files(tmp_path: Path) -> None:
    pipe, dangling = tmp_path / "pipe.yaml", tmp_path / "dangling.yaml"
    os.mkfifo(pipe)
    dangling.symlink_to(tmp_path / "nowhere.yaml")
    for path in (pipe, Path("/dev/zero"), tmp_path):
        (problem,) = read_file(path).problems
        assert (problem.code, problem.message) == ("PYE100", "not a regular file")
    for path in (dangling, tmp_path / "no\0name"):
        assert read_file(path).problems[0].code == "PYE100"


def test_row_15_nothing_of_a_file_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_file(FILES / "15_python_tag.yaml").flow is None
    assert not (tmp_path / "pwned").exists()


def test_all_problems_are_reported_not_only_the_first() -> None:
    text = "flow: {nam: x}\nsettings: {retries: many, fail_strategy: stop}\nmodules:\n  - id: 1st\n    name: [a]\n"
    assert [problem.code for problem in read(text).problems] == ["PYE131", "PYE130", "PYE132", "PYE134", "PYE200", "PYE132"]


def test_a_pyyaml_without_libyaml_gives_the_same_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    def verdicts() -> dict[str, list[tuple[str, int, int]]]:
        return {row.file: [(p.code, p.place.line, p.place.column) for p in read_file(FILES / row.file).problems] for row in READER}

    fast = verdicts()
    monkeypatch.setattr(yamltext, "EventParser", yaml.SafeLoader)
    assert verdicts() == fast
