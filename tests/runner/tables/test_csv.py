"""Reading delimited text: every option, exact accounting, and rows that never go missing in silence."""

from __future__ import annotations

import datetime
import gzip
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pypeline.core.columns import Schema
from pypeline.core.results import TaskResult
from tests.runner.tables.segments import Segment, columns, csv, read, sink

AB = columns(a="string", b="int64")
AD = columns(a="string", b="double")


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def run(folder: Path, path: Path | str, schema: Schema, rejects: bool = False, **options: Any) -> TaskResult:
    modules = {"s": csv(path, schema, **options), "out": sink(folder / "out.parquet")}
    return Segment(folder, modules, ["s.data -> out.input"], hands_over=("s.reject",) if rejects else ()).run()


def data(folder: Path, path: Path | str, schema: Schema, **options: Any) -> list[tuple[Any, ...]]:
    result = run(folder, path, schema, **options)
    assert result.state == "completed", result.error
    return read(folder / "out.parquet")


D = datetime.date
CASES: dict[str, tuple[str | bytes, Schema, dict[str, Any], list[tuple[Any, ...]]]] = {
    "plain": ("a,b\nx,1\ny,2\n", AB, {}, [("x", 1), ("y", 2)]),
    "column order of the file": ("b,a\n1,x\n", AB, {}, [("x", 1)]),
    "undeclared columns are dropped": ("z,a,y,b\n9,x,9,1\n", AB, {}, [("x", 1)]),
    "by position": ("p,q,r\nx,1,9\n", AB, {"match": "position"}, [("x", 1)]),
    "no header": ("x,1\ny,2\n", AB, {"header_rows": 0}, [("x", 1), ("y", 2)]),
    "several header rows": ("a,b\ntext,number\nx,1\n", AB, {"header_rows": 2}, [("x", 1)]),
    "lines above the header": ("made today\n\na,b\nx,1\n", AB, {"skip_rows": 2}, [("x", 1)]),
    "footer": ("a,b\nx,1\ntotal,1\nend\n", AB, {"skip_footer": 2}, [("x", 1)]),
    "comment": ("# hi\na,b\n#x,1\ny,2\n", AB, {"comment": "#"}, [("y", 2)]),
    "limit": ("a,b\nx,1\ny,2\nz,3\n", AB, {"limit": 2}, [("x", 1), ("y", 2)]),
    "tab": ("a\tb\nx\t1\n", AB, {"delimiter": "\\t"}, [("x", 1)]),
    "several characters": ("a::||b\nx::||1\n", AB, {"delimiter": "::||"}, [("x", 1)]),
    "delimiter found": ("a;b\nx,y;1\nz;2\n", AB, {"delimiter": "auto"}, [("x,y", 1), ("z", 2)]),
    "quotes": ('a,b\n"x,""y""\nz",1\n', AB, {}, [('x,"y"\nz', 1)]),
    "other quote and escape": ("a,b\n'x\\'y,',1\n", AB, {"quote": "'", "escape": "\\"}, [("x'y,", 1)]),
    "nothing quoted": ('a,b\n"x,1\n', AB, {"quote": None}, [('"x', 1)]),
    "windows lines": ("a,b\r\nx,1\r\ny,2\r\n", AB, {}, [("x", 1), ("y", 2)]),
    "null texts": ("a,b\nNA,\\N\n\"\",2\n", AB, {"null_strings": ["NA", "\\N"]}, [(None, None), ("", 2)]),
    "no null texts": ("a,b\n,1\n", AB, {"null_strings": []}, [("", 1)]),
    "quoted null is text": ('a,b\n"NA",1\nNA,2\n', AB, {"null_strings": ["NA"], "quoted_nulls": False}, [("NA", 1), (None, 2)]),
    "trim": ("a,b\n  x , 1 \n   ,2\n", AB, {"trim": True}, [("x", 1), (None, 2)]),
    "byte-order mark": (b"\xef\xbb\xbfa,b\nx,1\n", AB, {}, [("x", 1)]),
    "utf-16 by its mark": ("a,b\nxü,1\n".encode("utf-16"), AB, {}, [("xü", 1)]),
    "latin-1": ("a,b\nxü,1\n".encode("latin-1"), AB, {"encoding": "latin-1"}, [("xü", 1)]),
    "windows-1252": ("a,b\nx€,1\n".encode("cp1252"), AB, {"encoding": "windows-1252"}, [("x€", 1)]),
    "decimal comma": ("a;b\nx;1.234,5\ny;0,5\n", AD, {"delimiter": ";", "decimal": ",", "thousands": "."}, [("x", 1234.5), ("y", 0.5)]),
    "exact decimals": ("a,b\nx,0.10\n", columns(a="string", b="decimal(10,2)"), {}, [("x", Decimal("0.10"))]),
    "leading zeros stay": ("a,b\n00123,1\n12E5,2\n", AB, {}, [("00123", 1), ("12E5", 2)]),
    "big integers": ("a,b\nx,9007199254740993\n,\n", AB, {}, [("x", 9007199254740993), (None, None)]),
    "one date format": ("a,b\nx,31.12.2024\n", columns(a="string", b="date"), {"date_format": "%d.%m.%Y"}, [("x", D(2024, 12, 31))]),
    "not a number is null": ("a,b\nx,NaN\ny,2.5\n", columns(a="string", b="double"), {}, [("x", None), ("y", 2.5)]),
    "ragged, short rows padded": ('a,b\n"x\ny"\nz,1\n', AB, {"missing_columns": "null"}, [("x\ny", None), ("z", 1)]),
    "ragged, long rows cut": ("a,b\nx,1,9\ny,2\n", AB, {"extra_columns": "ignore"}, [("x", 1), ("y", 2)]),
    "only a header": ("a,b\n", AB, {}, []),
    "nothing declared": ("a,b,c\n007,1,2024-01-02\n008,2,\n", (), {}, [("007", 1, D(2024, 1, 2)), ("008", 2, None)]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_reads(name: str, tmp_path: Path) -> None:
    text, schema, options, expected = CASES[name]
    assert data(tmp_path, write(tmp_path / "in.csv", text), schema, **options) == expected


def test_several_date_formats_and_their_rejects(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "id,born,seen\n1,31.12.2024,2024/01/02\n2,32.12.2024,2024/01/03\n3,,x\n4,01.02.2024,\nx,01.02.2024,2024/01/02\n")
    schema = columns(id="int64", born="date", seen="date")
    result = run(tmp_path, path, schema, rejects=True, formats={"born": "%d.%m.%Y", "seen": "%Y/%m/%d"})
    assert result.state == "completed", result.error
    good = read(tmp_path / "out.parquet")
    assert good == [(1, D(2024, 12, 31), D(2024, 1, 2)), (4, D(2024, 2, 1), None)]
    bad = read(result.outputs["s.reject"].path)
    assert sorted((row[0], row[2], row[5]) for row in bad) == [("cast", "born", "32.12.2024"), ("cast", "id", "x,01.02.2024,2024/01/02"), ("cast", "seen", "x")]
    assert result.modules[0].rejected + len(good) == 5
    assert {row[3] for row in bad} == {str(path)}


MANY = "z,1,2024-01-02,2024-01-02 03:04:05,1.5\n" * 40_000
MOMENTS = columns(a="string", b="int64", c="date", d="timestamp", e="double")


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("z,1,2024-01-02 10:00:00,,", "c"),
        ("z,1,2024-01-02T10:00,,", "c"),
        ("z,1,,2024-01-02 10:00:00.1234567,", "d"),
        ("z,1,,,1e400", "e"),
        ("z,1,,,-1e400", "e"),
        ("z,2.5,,,", "b"),
    ],
)
@pytest.mark.parametrize("rows", [0, 1_500, 40_000])
def test_no_part_of_a_value_is_dropped_in_silence(line: str, column: str, rows: int, tmp_path: Path) -> None:
    """Also below the first rows: a sample from the middle and the end of a large file is looked at too."""
    path = write(tmp_path / "in.csv", "a,b,c,d,e\n" + MANY[: rows * len(MANY) // 40_000] + line + "\n")
    result = run(tmp_path, path, MOMENTS, rejects=True)
    assert result.state == "completed", result.error
    ((code, _, named, _, at, raw),) = read(result.outputs["s.reject"].path)
    assert (code, named, at) == ("cast", column, rows + 2)
    assert raw in (line, line.strip(",").rpartition(",")[2])
    assert len(read(tmp_path / "out.parquet")) == rows


def test_what_loses_nothing_is_taken(tmp_path: Path) -> None:
    lines = "z,2.0,2024-1-2,2024-01-02 10:00:00.1234560,inf\nz,1, 2024-01-02 ,2024-01-02T10:00:00.123456Z,-Infinity\nz,1,,,NaN\n"
    moment = datetime.datetime(2024, 1, 2, 10, 0, 0, 123456)
    good = [("z", 2, D(2024, 1, 2), moment, float("inf")), ("z", 1, D(2024, 1, 2), moment, float("-inf")), ("z", 1, None, None, None)]
    for options in ({}, {"exact": True}):
        assert data(tmp_path, write(tmp_path / "in.csv", "a,b,c,d,e\n" + lines), MOMENTS, **options) == good


def test_an_infinite_number_between_the_samples_ends_the_run_and_is_taken_or_rejected_when_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b,c,d,e\n" + MANY[: len(MANY) // 10] + "z,1,,,1e400\nz,1,,,inf\n" + MANY)
    failed = run(tmp_path, path, MOMENTS).error
    assert failed is not None
    assert (failed.code, failed.module, failed.message) == ("PYE421", "s", "a value of column `e` is infinite")
    result = run(tmp_path, path, MOMENTS, rejects=True, exact=True)
    assert (result.state, result.modules[0].rejected, len(read(tmp_path / "out.parquet"))) == ("completed", 1, 44_001)


LATE = "id,price\n" + "1,1.00\n" * 1_200 + "2.5,1.00\n"


@pytest.mark.parametrize(
    ("text", "options", "good", "rejected"),
    [
        ("id,price\n2.5,1.10\n2,1.234\n3.0,1e1\n1e-3,2\n,\n", {}, [(3, Decimal("10.00")), (None, None)], {"2.5": "id", "1.234": "price", "1e-3": "id"}),
        ("id;price\n1.234;1,10\n5;1,234\n", {"delimiter": ";", "decimal": ",", "thousands": "."}, [(1234, Decimal("1.10"))], {"1,234": "price"}),
        (LATE, {"exact": True}, [(1, Decimal("1.00"))] * 1_200, {"2.5": "id"}),
        ("id,price\n9223372036854775807,1\n9223372036854775808,1\nx,1\n", {"exact": True}, [(2**63 - 1, Decimal("1.00"))], {str(2**63): "id", "x": "id"}),
    ],
)
def test_a_number_that_its_type_cannot_hold_is_never_rounded(
    text: str, options: dict[str, Any], good: list[Any], rejected: dict[str, str], tmp_path: Path
) -> None:
    path = write(tmp_path / "in.csv", text)
    result = run(tmp_path, path, columns(id="int64", price="decimal(10,2)"), rejects=True, **options)
    assert result.state == "completed", result.error
    assert read(tmp_path / "out.parquet") == good
    assert {row[5]: row[2] for row in read(result.outputs["s.reject"].path)} == rejected


@pytest.mark.parametrize("text", [b"a,b\nx\0y,1\nz,2\n", b'a,b\n"x\0y",1\nz,2\n'])
def test_a_nul_character_rejects_its_row(text: bytes, tmp_path: Path) -> None:
    result = run(tmp_path, write(tmp_path / "in.csv", text), AB, rejects=True)
    assert result.state == "completed", result.error
    assert read(tmp_path / "out.parquet") == [("z", 2)]
    ((code, message, column, *_),) = read(result.outputs["s.reject"].path)
    assert (code, column) == ("cast", "a")
    assert "holds a NUL character" in message


def test_a_nul_character_below_the_sample_is_rejected_when_asked_and_never_passes(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b\n" + "z,1\n" * 10_000 + "x\0y,1\n" + "z,1\n" * 90_000)
    failed = run(tmp_path, path, AB).error
    assert failed is not None
    assert (failed.code, failed.module) == ("PYE421", "s")
    assert failed.message == "a value of column `a` holds a NUL character"
    result = run(tmp_path, path, AB, rejects=True, exact=True)
    assert (result.state, result.modules[0].rejected, len(read(tmp_path / "out.parquet"))) == ("completed", 1, 100_000)


def test_rows_rejected_after_reading_tell_their_line(tmp_path: Path) -> None:
    text = 'a,b,c\nx,1.5,1\n2.5,2,1\nz,1.5,1,extra\nz,1.5,no\n"x\n\ny",2.5,1.25\n\nz,1.5,1\n# 2.5\nz,2.5,1\n'
    write(tmp_path / "1.csv", text)
    write(tmp_path / "2.csv", "c,a,b\r\n1,x,1\r\n1,z,2.5\r\n")
    result = run(tmp_path, tmp_path / "*.csv", columns(a="string", b="int64", c="int64"), rejects=True, comment="#")
    rejects = [(Path(row[3]).name, row[4], row[2], row[5]) for row in read(result.outputs["s.reject"].path)]
    assert rejects == [
        ("1.csv", 2, "b", "1.5"), ("1.csv", 4, None, "z,1.5,1,extra"), ("1.csv", 5, "b, c", "1.5, no"), ("1.csv", 6, "b, c", "2.5, 1.25"),
        ("1.csv", 10, "b", "1.5"), ("1.csv", 12, "b", "2.5"), ("2.csv", 3, "b", "2.5"),
    ]  # fmt: skip
    failed = run(tmp_path, tmp_path / "2.csv", columns(a="string", b="int64")).error
    assert failed is not None
    assert f"line 3 of `{tmp_path}/2.csv`, column `b`" in failed.message


def test_a_line_is_one_rejected_row_that_names_all_its_errors(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b,c\nq,1.5,2024-01-02\nr,abc,2024-13-45\ns,1\nt,1,2024-01-01,extra\n")
    result = run(tmp_path, path, columns(a="string", b="decimal(18,2)", c="date"), rejects=True)
    rejects = read(result.outputs["s.reject"].path)
    assert [(row[0], row[2], row[4]) for row in rejects] == [
        ("cast", "b, c", 3), ("missing_columns", "c", 4), ("too_many_columns", None, 5),
    ]  # fmt: skip
    assert 'column "b"' in rejects[0][1]
    assert (result.modules[0].rejected, result.modules[0].rows_out["data"], result.outputs["s.reject"].rows) == (3, 1, 3)
    assert result.modules[0].globals == {"row_count": 1, "rejected_count": 3}


@pytest.mark.parametrize(("rule", "state", "warnings"), [("fail", "failed", 0), ("warn", "completed", 1), ("ignore", "completed", 0)])
def test_rejects_without_a_link_obey_the_module(rule: str, state: str, warnings: int, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "a,b\nx,1\ny,no\n")
    modules = {"s": csv(path, AB), "out": sink(tmp_path / "out.parquet")}
    segment = Segment(tmp_path, modules, ["s.data -> out.input"], on_reject=rule)
    result = segment.run()
    assert result.state == state
    assert len(segment.logged()) == warnings
    assert (tmp_path / "out.parquet").exists() == (state == "completed")


@pytest.mark.parametrize(
    ("text", "options", "code", "words"),
    [
        ("a,c\nx,1\n", {}, "PYE403", "`b`"),
        (b"a,b\n\xfcx,1\n", {}, "PYE420", "utf-8"),
        (b"a,b\n\x81x,1\n", {"encoding": "cp1252"}, "PYE405", "0x81"),
        ("a,b\n", {"encoding": "klingon"}, "PYE405", "klingon"),
        ('a,b\n"x,1\ny,2\n', {}, "PYE420", "quote"),
        ("a,b\nx,1\r\ny,2\n", {}, "PYE421", "line ends"),
        ("a,b\nx,99999999999999999999\n", {}, "PYE420", "99999999999999999999"),
    ],
)
def test_what_cannot_be_read_is_told(text: str | bytes, options: dict[str, Any], code: str, words: str, tmp_path: Path) -> None:
    result = run(tmp_path, write(tmp_path / "in.csv", text), AB, **options)
    assert result.error is not None
    assert (result.error.code, result.error.module) == (code, "s")
    assert words in f"{result.error.message} {result.error.mend}"


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    result = run(tmp_path, tmp_path / "gone.csv", AB)
    assert result.error is not None
    assert result.error.code == "PYE401"
    assert data(tmp_path, tmp_path / "*.nothing", AB, file_required=False) == []


def test_packed_files(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "in.csv.gz", "wt") as packed:
        packed.write("a,b\nx,1\n")
    with pa.CompressedOutputStream(pa.OSFile(str(tmp_path / "in.csv.zst"), "wb"), "zstd") as stream:
        stream.write(b"a,b\ny,2\n")
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("in.csv", "a,b\nz,3\n")
    found = [data(tmp_path, tmp_path / name, AB) for name in ("in.csv.gz", "in.csv.zst", "in.zip")]
    assert found == [[("x", 1)], [("y", 2)], [("z", 3)]]
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", "a,b\n")
        archive.writestr("b.csv", "a,b\n")
    refused = run(tmp_path, tmp_path / "two.zip", AB)
    assert refused.error is not None
    assert refused.error.code == "PYE406"


def test_several_files_by_name_with_where_each_row_came_from(tmp_path: Path) -> None:
    write(tmp_path / "1.csv", "a,b\nx,1\ny,2\n")
    write(tmp_path / "2.csv", "b,a\n3,z\n")
    write(tmp_path / "3.csv", "a\nq\n")
    told = {"file_name_column": "file", "file_path_column": "path", "line_column": "row", "missing_columns": "null"}
    assert data(tmp_path, tmp_path / "*.csv", AB, **told) == [
        ("x", 1, "1.csv", str(tmp_path / "1.csv"), 1),
        ("y", 2, "1.csv", str(tmp_path / "1.csv"), 2),
        ("z", 3, "2.csv", str(tmp_path / "2.csv"), 1),
        ("q", None, "3.csv", str(tmp_path / "3.csv"), 1),
    ]


@pytest.mark.parametrize("hands_over", [(), ("s.reject",)])
def test_a_file_is_read_and_judged_also_where_nobody_takes_its_rows(hands_over: tuple[str, ...], tmp_path: Path) -> None:
    for line, good in {"x,1": True, "x,one": bool(hands_over)}.items():
        path = write(tmp_path / "in.csv", f"a,b\n{line}\n")
        result = Segment(tmp_path, {"s": csv(path, AB)}, [], hands_over=hands_over).run()
        assert (result.state == "completed") == good, result.error
        assert good or (result.error is not None and result.error.code == "PYE420")
