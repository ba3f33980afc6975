"""Sources and sinks: CSV, Parquet, generated and inline rows, the log."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from tests.palette.flows import failure, flow, problem, run, table


def source(file: str | list[str], **options: Any) -> dict[str, Any]:
    return {"id": "s", "type": "csv_source", "required": {"file_path": file}, "optional": options}


def read(tmp_path: Path, text: str | bytes, *ports: str, name: str = "in.csv", **options: Any) -> Any:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    found = run(flow(source(name, **options)), tmp_path, *(f"s.{port}" for port in ports or ("data",))).rows
    return found if ports else [tuple(row.values()) for row in found["s.data"]]


AB = {"a": "int64", "b": "string"}


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("a,b\n1,x\n", {}, [(1, "x")]),
        ("a;b\n1;x\n", {"delimiter": ";"}, [(1, "x")]),
        ("a;b\n1;x\n", {"delimiter": "auto"}, [(1, "x")]),
        ("a\tb\n1\tx\n", {"delimiter": "\\t"}, [(1, "x")]),
        ("a||b\n1||x\n", {"delimiter": "||"}, [(1, "x")]),
        ("b,c,a\nx,9,1\n", {}, [(1, "x")]),
        ("1,x\n2,y\n", {"header_rows": 0, "match": "position"}, [(1, "x"), (2, "y")]),
        ("junk\na,b\n1,x\n", {"skip_rows": 1}, [(1, "x")]),
        ("a,b\nint,text\n1,x\n", {"header_rows": 2}, [(1, "x")]),
        ("a,b\n1,x\nTOTAL,1\n", {"skip_footer": 1}, [(1, "x")]),
        ("a,b\n#no\n1,x\n", {"comment": "#"}, [(1, "x")]),
        ("a,b\n1,x\n2,y\n3,z\n", {"limit": 2}, [(1, "x"), (2, "y")]),
        ("a,b\n1,'x,y'\n", {"quote": "'"}, [(1, "x,y")]),
        ('a,b\n1,"x\\"y"\n', {"escape": "\\"}, [(1, 'x"y')]),
        ("a,b\r\n1,x\r\n", {"line_ending": "crlf"}, [(1, "x")]),
        ("a,b\n1,NA\n\\N,y\n", {"null_strings": ["NA", "\\N"]}, [(1, None), (None, "y")]),
        ("a,b\n1,  x \n", {"trim": True}, [(1, "x")]),
        (b"a,b\n1,\xfc\n", {"encoding": "latin-1"}, [(1, "ü")]),
        ("a,b\n1,ü\n".encode("utf-16"), {"encoding": "utf-16"}, [(1, "ü")]),
        ("\ufeffa,b\n1,x\n", {}, [(1, "x")]),
        ("a,b\n1,x,extra\n", {"extra_columns": "ignore"}, [(1, "x")]),
        ("a,b\n1\n", {"missing_columns": "null"}, [(1, None)]),
    ],
)
def test_csv_dialects(tmp_path: Path, text: str | bytes, options: dict[str, Any], expected: list[Any]) -> None:
    found = read(tmp_path, text, columns=AB, **options)
    assert found == expected


def test_csv_numbers_and_moments_as_written(tmp_path: Path) -> None:
    columns = {"n": "decimal(12,2)", "d": "date", "t": "timestamp", "e": "date"}
    text = "n;d;t;e\n1.234,50;31.12.2024;31.12.2024 23:59;2024/01/02\n"
    found = read(
        tmp_path, text, columns=columns, delimiter=";", decimal=",", thousands=".",
        date_format="%d.%m.%Y", timestamp_format="%d.%m.%Y %H:%M", formats={"e": "%Y/%m/%d"},
    )  # fmt: skip
    assert [str(v) for v in found[0]] == ["1234.50", "2024-12-31", "2024-12-31 23:59:00", "2024-01-02"]


def test_csv_tells_file_and_row(tmp_path: Path) -> None:
    (tmp_path / "two.csv").write_text("a\n3\n")
    (tmp_path / "one.csv").write_text("a\n1\n2\n")
    text = flow(source(["one.csv", "two.csv"], columns={"a": "int64"}, file_name_column="file", line_column="row"))
    assert run(text, tmp_path, "s.data").rows["s.data"] == [
        {"a": 1, "file": "one.csv", "row": 1},
        {"a": 2, "file": "one.csv", "row": 2},
        {"a": 3, "file": "two.csv", "row": 1},
    ]


def test_csv_folder_pattern_and_gzip(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.csv").write_text("a\n1\n")
    (tmp_path / "in" / "2.csv.gz").write_bytes(gzip.compress(b"a\n2\n"))
    (tmp_path / "in" / "note.md").write_text("no")
    for said in ("in", "in/*.csv*"):
        assert [r["a"] for r in run(flow(source(said, columns={"a": "int64"})), tmp_path, "s.data").rows["s.data"]] == [1, 2]


def test_csv_without_columns_is_looked_at(tmp_path: Path) -> None:
    found = read(tmp_path, "n,z,f,d,t\n1,007,1.5,2024-01-31,x\n", "data")["s.data"]
    assert [type(v).__name__ for v in found[0].values()] == ["int", "str", "float", "date", "str"]


def test_csv_rejects_have_place_and_reason(tmp_path: Path) -> None:
    found = read(tmp_path, "a,b\n1,x\nzwei,y\n3,z\n", "data", "reject", columns=AB)
    assert [row["a"] for row in found["s.data"]] == [1, 3]
    (bad,) = found["s.reject"]
    assert (bad["line"], bad["error_column"], bad["raw"]) == (3, "a", "zwei,y")


def test_csv_rejects_that_nobody_takes_fail_the_run(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a,b\nzwei,y\n")
    error = failure(flow(source("in.csv", columns=AB)), tmp_path, "s.data")
    assert (error.code, error.module) == ("PYE420", "s")


def test_csv_missing_file_is_optional_with_columns(tmp_path: Path) -> None:
    assert run(flow(source("none.csv", columns=AB, file_required=False)), tmp_path, "s.data").rows["s.data"] == []


def test_csv_declared_column_that_the_file_lacks(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a,bb\n1,x\n")
    found = problem(flow(source("in.csv", columns=AB)), tmp_path)
    assert (found.code, found.mend) == ("PYE395", "Did you mean `bb`?")


def written(tmp_path: Path, columns: dict[str, str], *rows: list[Any], file: str = "out/o.csv", **options: Any) -> bytes:
    sink = {"id": "o", "type": "csv_sink", "required": {"output_path": file}, "optional": options}
    run(flow(table("s", columns, *rows), sink, links=["s.data - o.input"]), tmp_path)
    return (tmp_path / file).read_bytes()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 'n,t\n1.5,a\n,"b,""c"""\n'),
        ({"delimiter": ";", "decimal": ","}, 'n;t\n1,5;a\n;"b,""c"""\n'),
        ({"quoting": "all", "null_string": "NULL"}, '"n","t"\n"1.5","a"\nNULL,"b,""c"""\n'),
        ({"header": False}, '1.5,a\n,"b,""c"""\n'),
        ({"line_ending": "crlf"}, 'n,t\r\n1.5,a\r\n,"b,""c"""\r\n'),
    ],
)
def test_csv_sink_dialects(tmp_path: Path, options: dict[str, Any], expected: str) -> None:
    assert written(tmp_path, {"n": "double", "t": "string"}, [1.5, "a"], [None, 'b,"c"'], **options).decode() == expected


def test_csv_sink_moments_encoding_and_guard(tmp_path: Path) -> None:
    columns = {"d": "date", "t": "timestamp", "h": "time"}
    made = written(
        tmp_path, columns, ["2024-12-31", "2024-12-31 23:59:00", "07:30:00"],
        date_format="%d.%m.%Y", timestamp_format="%Y%m%d", formats={"h": "%H.%M"}, header=False,
    )  # fmt: skip
    assert made == b"31.12.2024,20241231,07.30\n"
    assert written(tmp_path, {"t": "string"}, ["ü"], header=False, encoding="latin-1") == b"\xfc\n"
    guarded = written(tmp_path, {"t": "string", "n": "int64"}, ["=1+1", -5], ["-x", 1], ["a", 2], header=False, formula_guard="escape")
    assert guarded == b"'=1+1,-5\n'-x,1\na,2\n"


def test_csv_sink_modes(tmp_path: Path) -> None:
    assert written(tmp_path, {"a": "int64"}, [1]) == b"a\n1\n"
    assert written(tmp_path, {"a": "int64"}, [2], mode="append") == b"a\n1\n2\n"
    assert written(tmp_path, {"a": "int64"}, [3], mode="replace") == b"a\n3\n"
    sink = {"id": "o", "type": "csv_sink", "required": {"output_path": "out/o.csv"}, "optional": {"mode": "create"}}
    error = failure(flow(table("s", {"a": "int64"}, [4]), sink, links=["s.data - o.input"]), tmp_path)
    assert error.module == "o"
    assert (tmp_path / "out" / "o.csv").read_bytes() == b"a\n3\n"


def test_csv_sink_compresses_by_name(tmp_path: Path) -> None:
    assert gzip.decompress(written(tmp_path, {"a": "int64"}, [1], file="o.csv.gz")) == b"a\n1\n"


@pytest.mark.parametrize("options", [{}, {"compression": "snappy"}, {"compression": "gzip", "row_group_size": 2048}, {"compression_level": 19}])
def test_parquet_there_and_back(tmp_path: Path, options: dict[str, Any]) -> None:
    columns = {"i": "int32", "d": "decimal(9,2)", "t": "timestamp", "s": "string", "b": "bool"}
    sink = {"id": "o", "type": "parquet_sink", "required": {"output_path": "o.parquet"}, "optional": options}
    rows = [[1, "1.25", "2024-01-01 10:00:00", "x", True], [None, None, None, None, None]]
    run(flow(table("s", columns, *rows), sink, links=["s.data - o.input"]), tmp_path)
    back = {"id": "p", "type": "parquet_source", "required": {"file_path": "o.parquet"}}
    found = run(flow(back), tmp_path, "p.data")
    assert [str(v) for v in found.rows["p.data"][0].values()] == ["1", "1.25", "2024-01-01 10:00:00", "x", "True"]
    assert [c.type for c in found.result.outputs["p.data"].schema] == list(columns.values())


def test_parquet_columns_limit_and_file_name(tmp_path: Path) -> None:
    sink = {"id": "o", "type": "parquet_sink", "required": {"output_path": "o.parquet"}}
    run(flow(table("s", {"a": "int64", "b": "string"}, [1, "x"], [2, "y"]), sink, links=["s.data - o.input"]), tmp_path)
    options = {"columns": {"b": "string"}, "limit": 1, "file_name_column": "file"}
    found = run(flow({"id": "p", "type": "parquet_source", "required": {"file_path": "*.parquet"}, "optional": options}), tmp_path, "p.data")
    assert found.rows["p.data"] == [{"b": "x", "file": "o.parquet"}]


GENERATED: dict[str, Any] = {
    "id": {"kind": "sequence", "start": 10, "step": -2},
    "n": {"kind": "int", "min": -3, "max": 3},
    "f": {"kind": "float", "min": 1, "max": 2, "decimals": 2},
    "g": {"kind": "float", "distribution": "normal", "mean": 100, "deviation": 5},
    "c": {"kind": "choice", "values": ["x", "y"], "weights": [9, 1]},
    "e": {"kind": "choice", "values": [1, 2.5]},
    "d": {"kind": "date", "start": "2024-02-28", "end": "2024-03-01"},
    "m": {"kind": "timestamp", "start": "2024-01-01", "end": "2024-01-01"},
    "t": {"kind": "text", "pattern": "^@-##"},
    "b": {"kind": "bool", "share": 0.25, "null_share": 0.5},
}


def generated(tmp_path: Path, rows: int, **options: Any) -> list[dict[str, Any]]:
    module = {"id": "s", "type": "generate_source", "required": {"rows": rows, "columns": GENERATED}, "optional": options}
    return run(flow(module), tmp_path, "s.data").rows["s.data"]


def test_generated_rows_keep_to_their_ranges(tmp_path: Path) -> None:
    found = generated(tmp_path, 4000)
    assert [row["id"] for row in found[:3]] == [10, 8, 6]
    assert {row["n"] for row in found} == set(range(-3, 4))
    assert all(1 <= row["f"] <= 2 and round(row["f"], 2) == row["f"] for row in found)
    assert abs(sum(row["g"] for row in found) / 4000 - 100) < 1
    assert 3400 < sum(row["c"] == "x" for row in found) < 3800
    assert {row["e"] for row in found} == {1.0, 2.5}
    assert {str(row["d"]) for row in found} == {"2024-02-28", "2024-02-29", "2024-03-01"}
    assert all(str(row["m"]).startswith("2024-01-01") for row in found)
    assert all(len(row["t"]) == 5 and row["t"][0].isupper() and row["t"][1].islower() and row["t"][3:].isdigit() for row in found)
    assert 1800 < sum(row["b"] is None for row in found) < 2200
    assert len({row["t"] for row in found}) > 3000


def test_generated_rows_depend_on_the_seed_alone(tmp_path: Path) -> None:
    assert generated(tmp_path, 50) == generated(tmp_path, 60)[:50]
    assert generated(tmp_path, 50) != generated(tmp_path, 50, seed=1)


def test_inline_rows_by_name_and_bad_ones(tmp_path: Path) -> None:
    module = {"id": "s", "type": "inline_source", "required": {"columns": {"a": "int64", "b": "date"}, "rows": [{"b": "2024-01-31"}, [7, None]]}}
    assert [list(map(str, row.values())) for row in run(flow(module), tmp_path, "s.data").rows["s.data"]] == [["None", "2024-01-31"], ["7", "None"]]
    module["required"]["rows"] = [["x", None]]
    assert failure(flow(module), tmp_path, "s.data").module == "s"


def test_log_passes_rows_on(tmp_path: Path) -> None:
    sink = {"id": "e", "type": "log_sink", "optional": {"rows": 1}}
    log = {"id": "m", "type": "log_mod", "optional": {"columns": ["a"], "title": "look"}}
    found = run(flow(table("s", {"a": "int64"}, [1], [2]), log, sink, links=["s.data - m.input", "m.output - e.input"]), tmp_path, "m.output")
    assert [row["a"] for row in found.rows["m.output"]] == [1, 2]


def test_a_source_that_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found = problem(flow(source("pipe", columns=AB)), tmp_path)
    assert found.code == "PYE391"
