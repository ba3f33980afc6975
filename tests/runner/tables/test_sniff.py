"""Looking at a text file: header, dialect, and guesses that would rather say text."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from pypeline.core.columns import Column
from pypeline.runner.tables import sniff
from pypeline.schema.problems import PypeError


def guess(*values: str, **options: Any) -> str:
    (column,) = sniff.guess(["a"], [[v] for v in values], options)
    return column.type


@pytest.mark.parametrize(
    ("values", "type"),
    [
        (("1", "-20", "0"), "int64"),
        (("1", ""), "int64"),
        (("007", "1"), "string"),
        (("+49301234",), "string"),
        (("9223372036854775807",), "int64"),
        (("9223372036854775808",), "string"),
        (("1.5", "2"), "double"),
        (("12E5",), "string"),
        (("1.2345678901234567890",), "string"),
        (("true", "False"), "bool"),
        (("yes", "no"), "string"),
        (("2024-02-29",), "date"),
        (("2023-02-29",), "string"),
        (("01/02/2024",), "string"),
        (("2024-01-02 03:04:05", "2024-01-02T03:04:05.5"), "timestamp"),
        (("NA", "1"), "string"),
        (("", ""), "string"),
    ],
)
def test_types_are_guessed_with_care(values: tuple[str, ...], type: str) -> None:
    assert guess(*values) == type


def test_options_take_part_in_guessing() -> None:
    assert guess("NA", "1", null_strings=["NA"]) == "int64"
    assert guess("1,5", "2", decimal=",") == "double"
    assert guess("2024-02-29", date_format="%d.%m.%Y") == "string"


def test_headers(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"

    def header(text: str, **options: Any) -> tuple[str, ...]:
        path.write_text(text)
        return sniff.header(str(path), options)

    assert header("a,b,a,\n1,2,3,4\n") == ("a", "b", "a_2", "column4")
    assert header('"x\ny",z\n1,2\n') == ("x\ny", "z")
    assert header("1,2\n", header_rows=0) == ("column1", "column2")
    assert header("junk\na;b\n", skip_rows=1, delimiter=";") == ("a", "b")
    assert header("a::b\n", delimiter="::") == ("a", "b")
    assert header("") == ()


def test_a_whole_source(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes('id;name;price\n1;ä;1.5\n2;"b;c";\n'.encode("utf-16"))
    found = sniff.sniff([str(path)], {"delimiter": "auto", "encoding": "utf-8"})
    assert found.dialect == {"encoding": "utf-16", "delimiter": ";"}
    assert found.header == ("id", "name", "price")
    assert found.columns == (Column("id", "int64"), Column("name", "string"), Column("price", "double"))
    assert found.sniffed
    assert sniff.sniff([], {}).columns == ()


@pytest.mark.parametrize("encoding", ["klingon", "hex", "rot13", "utf\0"])
def test_an_encoding_that_does_not_exist_or_is_none_of_text(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "in.csv").write_text("a\n")
    with pytest.raises(PypeError) as refused:
        sniff.header(str(tmp_path / "in.csv"), {"encoding": encoding})
    assert refused.value.problems[0].code == "PYE405"


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        # read on, the engine gave the first of the two columns twice
        ("in.csv", b"a,A\n1,2\n", "PYE371", "`a` and `A`"),
        ("in.csv", b"", "PYE391", "no header row"),
        ("in.csv.gz", b"a,b\n", "PYE406", "Not a gzipped file"),
        ("in.csv.gz", gzip.compress(b"a" * 100_000, mtime=0)[:60], "PYE406", "ended before"),
        ("in.csv.zst", b"a,b\n", "PYE406", "cannot be unpacked"),
        ("in.csv.zip", b"a,b\n", "PYE406", "not a zip file"),
    ],
)
def test_a_file_that_cannot_be_looked_at_is_said_so(tmp_path: Path, name: str, content: bytes, code: str, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PypeError) as refused:
        sniff.sniff([str(tmp_path / name)], {})
    assert refused.value.problems[0].code == code
    assert words in refused.value.problems[0].message
