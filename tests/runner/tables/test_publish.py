"""Targets have their old content or their new, whatever happens between; modes, permissions, recovery."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pypeline.core.relation import Write
from pypeline.core.results import TaskResult
from pypeline.runner.tables import publish
from pypeline.runner.tables.write import Target
from pypeline.runner.tables.write import target as make_target
from pypeline.schema.problems import PypeError
from tests.runner.tables.segments import Segment, columns, e, formula, read, rows, sink

SCHEMA = columns(id="int64", name="string")


def write(folder: Path, target: Path, *values: tuple[Any, ...], format: str = "csv", mode: str = "replace", **options: Any) -> TaskResult:
    modules = {"r": rows(SCHEMA, *values), "out": sink(target, format, mode, **options)}
    return Segment(folder, modules, ["r.data -> out.input"], publish=str(folder / "publish.json")).run()


def left_behind(folder: Path) -> list[str]:
    return [p.name for p in folder.rglob("*") if p.name.endswith((".staging", ".written", ".staged")) or p.name == "publish.json"]


def test_replace_create_append(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "out.csv"
    assert write(tmp_path, target, (1, "ä")).state == "completed"
    assert write(tmp_path, target, (2, 'a,"b"')).state == "completed"
    assert target.read_text() == 'id,name\n2,"a,""b"""\n'
    refused = write(tmp_path, target, (3, "x"), mode="create").error
    assert refused is not None
    assert (refused.code, refused.module) == ("PYE408", "out")
    assert write(tmp_path, target, (3, None), mode="append").state == "completed"
    assert target.read_text() == 'id,name\n2,"a,""b"""\n3,\n'
    assert write(tmp_path, tmp_path / "new.csv", (1, "x"), mode="append").state == "completed"
    assert (tmp_path / "new.csv").read_text() == "id,name\n1,x\n"
    assert left_behind(tmp_path) == []


def test_parquet_and_json_can_be_appended_to(tmp_path: Path) -> None:
    for number in (1, 2):
        assert write(tmp_path, tmp_path / "o.parquet", (number, "x"), format="parquet", mode="append").state == "completed"
        assert write(tmp_path, tmp_path / "o.json", (number, "x"), format="json", mode="append").state == "completed"
    assert read(tmp_path / "o.parquet") == [(1, "x"), (2, "x")]
    assert [json.loads(line)["id"] for line in (tmp_path / "o.json").read_text().splitlines()] == [1, 2]
    refused = write(tmp_path, tmp_path / "o.arrow", (1, "x"), format="arrow", mode="append").error
    assert refused is not None
    assert refused.code == "PYE410"


def test_arrow_files(tmp_path: Path) -> None:
    assert write(tmp_path, tmp_path / "o.arrow", (1, "x"), (2, None), format="arrow").state == "completed"
    with pa.memory_map(str(tmp_path / "o.arrow")) as source:
        assert pa.ipc.open_file(source).read_all().to_pylist() == [{"id": 1, "name": "x"}, {"id": 2, "name": None}]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"delimiter": ";", "quoting": "all", "null_string": "-"}, b'"id";"name"\n"1";"\xc3\xa4"\n"2";-\n'),
        ({"header": False, "line_ending": "crlf"}, "1,ä\r\n2,\r\n".encode()),
        ({"encoding": "latin-1"}, "id,name\n1,ä\n2,\n".encode("latin-1")),
        ({"encoding": "utf-8-sig"}, "\ufeffid,name\n1,ä\n2,\n".encode()),
        ({"encoding": "utf-16"}, "id,name\n1,ä\n2,\n".encode("utf-16")),
    ],
)
def test_csv_as_asked_for(options: dict[str, Any], expected: bytes, tmp_path: Path) -> None:
    assert write(tmp_path, tmp_path / "out.csv", (1, "ä"), (2, None), **options).state == "completed"
    assert (tmp_path / "out.csv").read_bytes() == expected


def test_text_that_does_not_fit_the_encoding_publishes_nothing(tmp_path: Path) -> None:
    failed = write(tmp_path, tmp_path / "out.csv", (1, "日本"), encoding="latin-1").error
    assert failed is not None
    assert (failed.code, failed.module) == ("PYE405", "out")
    assert not (tmp_path / "out.csv").exists()
    assert left_behind(tmp_path) == []


def test_permissions_are_the_targets_or_the_users(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    before = os.umask(0o027)
    try:
        write(tmp_path, target, (1, "x"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    target.chmod(0o604)
    write(tmp_path, target, (2, "x"))
    assert stat.S_IMODE(target.stat().st_mode) == 0o604


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    assert write(tmp_path, tmp_path / "link.csv", (1, "x")).state == "completed"
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "id,name\n1,x\n"


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "out.csv").mkdir()
    failed = write(tmp_path, tmp_path / "out.csv", (1, "x")).error
    assert failed is not None
    assert failed.code == "PYE409"


def test_a_pipe_or_device_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out.csv")
    failed = write(tmp_path, tmp_path / "out.csv", (1, "x")).error
    assert failed is not None
    assert failed.code == "PYE409"
    assert stat.S_ISFIFO(os.stat(tmp_path / "out.csv").st_mode)


@pytest.mark.parametrize("before", [None, "id,name\n1,a\n"])
def test_rows_are_never_added_to_what_somebody_else_wrote_meanwhile(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "out.csv"
    if before is not None:
        path.write_text(before)
    target = make_target("out", Write("input", "csv", "out.csv", "append", {}), str(tmp_path), str(tmp_path), "token")
    Path(target.written).write_text("2,b\n")
    path.write_text("id,name\n1,a\n9,theirs\n")
    with pytest.raises(PypeError) as refused:
        publish.publish([target], "")
    assert refused.value.problems[0].code == "PYE407"
    assert path.read_text() == "id,name\n1,a\n9,theirs\n"
    assert left_behind(tmp_path) == []


def test_a_full_disk_leaves_the_target_alone(tmp_path: Path) -> None:
    modules = {"r": rows(SCHEMA, (1, "x")), "x": formula(name=e("repeat('x', 100)")), "out": sink("/dev/full/out.csv", "csv")}
    failed = Segment(tmp_path, modules, ["r.data -> x.input", "x.output -> out.input"]).run().error
    assert failed is not None
    assert failed.code == "PYE411"


def test_a_record_is_finished_and_may_be_finished_again(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old a")
    for name in "ab":
        (tmp_path / f".{name}.csv.0.staging").write_text(f"new {name}")
    record = tmp_path / "publish.json"
    pairs = [{"staging": str(tmp_path / f".{n}.csv.0.staging"), "target": str(tmp_path / f"{n}.csv")} for n in "ab"]
    os.replace(pairs[0]["staging"], pairs[0]["target"])  # the crash came after the first rename
    record.write_text(json.dumps({"format": publish.FORMAT, "renames": pairs}))
    assert publish.recover(record) == (pairs[0]["target"], pairs[1]["target"])
    assert [(tmp_path / f"{n}.csv").read_text() for n in "ab"] == ["new a", "new b"]
    assert publish.recover(record) == ()
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("text", ["{", "[]", "5", '{"renames": [{"staging": "KEEP", "target": "TAKEN"}]}', '{"renames": [{"staging": 5}]}', "[" * 100_000])
def test_a_forged_or_broken_record_moves_and_removes_nothing(tmp_path: Path, text: str) -> None:
    keep = tmp_path / "keep.csv"
    keep.write_text("mine")
    record = tmp_path / "publish.json"
    record.write_text(text.replace("KEEP", str(keep)).replace("TAKEN", str(tmp_path / "taken.csv")))
    (tmp_path / "publish.json.staged").write_text(json.dumps([str(keep), 5]))
    assert publish.settle(record) == ()
    assert keep.read_text() == "mine"
    assert not (tmp_path / "taken.csv").exists()
    assert left_behind(tmp_path) == []


def test_parquet_options(tmp_path: Path) -> None:
    write(tmp_path, tmp_path / "o.parquet", *[(i, "x") for i in range(5000)], format="parquet", compression="zstd", compression_level=3, row_group_size=2048)
    footer = pq.read_metadata(tmp_path / "o.parquet")
    assert (footer.num_rows, footer.num_row_groups, footer.row_group(0).column(0).compression) == (5000, 3, "ZSTD")


def test_what_a_dead_process_only_staged_is_removed(tmp_path: Path) -> None:
    record = tmp_path / "publish.json"
    staging = tmp_path / ".out.csv.abc.staging"
    staging.write_text("half")
    made = Target("out", Write("input", "csv", "out.csv"), str(tmp_path / "out.csv"), str(staging), str(staging))
    publish.announce([made], str(record))
    assert publish.settle(record) == ()
    assert left_behind(tmp_path) == []
    assert publish.settle(record) == ()
