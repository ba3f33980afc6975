"""file_ops and wait_for_file on real files: what they do, what they refuse, and that nothing is ever half there."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pypeline.schema.problems import PypeError
from tests.palette.running import instance, ran


def make(project: Path, *names: str) -> None:
    for name in names:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)


def files(project: Path) -> dict[str, str]:
    return {str(p.relative_to(project)): p.read_text() for p in sorted(project.rglob("*")) if p.is_file()}


def refused(project: Path, type: str = "file_ops", **configs: Any) -> str:
    with pytest.raises(PypeError) as caught:
        ran(type, project, **configs)
    assert caught.value.problems[0].code in {"PYE386", "PYE387", "PYE374"}
    return caught.value.problems[0].message


def test_copy_move_rename_delete(tmp_path: Path) -> None:
    make(tmp_path, "in/a.csv", "in/b.csv", "in/deep/c.csv", "in/.hidden.csv")
    told = ran("file_ops", tmp_path, operation="copy", path="in/*.csv", target="kept/today/")
    assert (told["count"], told["exists"], told["skipped"]) == (2, True, 0)
    assert told["paths"] == [str(tmp_path / "kept/today/a.csv"), str(tmp_path / "kept/today/b.csv")]
    ran("file_ops", tmp_path, operation="move", path=["kept/today/a.csv"], target="kept/first.csv")
    ran("file_ops", tmp_path, operation="rename", path="kept/first.csv", target="a.csv")
    ran("file_ops", tmp_path, operation="copy", path="in", target="all", recursive=True)
    ran("file_ops", tmp_path, operation="delete", path=["in/**/*.csv", "kept/today"], recursive=True)
    assert files(tmp_path) == {
        "all/.hidden.csv": "in/.hidden.csv", "all/a.csv": "in/a.csv", "all/b.csv": "in/b.csv", "all/deep/c.csv": "in/deep/c.csv",
        "in/.hidden.csv": "in/.hidden.csv", "kept/a.csv": "in/a.csv",
    }  # fmt: skip


def test_touch_make_folder_and_exists(tmp_path: Path) -> None:
    ran("file_ops", tmp_path, operation="make_folder", path=["x/y", "x/y"])
    ran("file_ops", tmp_path, operation="touch", path="x/y/done.flag")
    old = (tmp_path / "x/y/done.flag").stat().st_mtime_ns
    os.utime(tmp_path / "x/y/done.flag", ns=(0, 0))
    ran("file_ops", tmp_path, operation="touch", path="x/y/done.flag")
    assert (tmp_path / "x/y/done.flag").stat().st_mtime_ns >= old
    assert ran("file_ops", tmp_path, operation="exists", path="x/*/done.*")["exists"]
    told = ran("file_ops", tmp_path, operation="exists", path="nothing")
    assert (told["exists"], told["count"], told["path"]) == (False, 0, "")


@pytest.mark.parametrize(("rule", "content", "skipped"), [("replace", "in/a", 0), ("skip", "out/a", 1), ("newer", "out/a", 1)])
def test_what_is_there_is_overwritten_only_as_said(tmp_path: Path, rule: str, content: str, skipped: int) -> None:
    make(tmp_path, "in/a", "out/a")
    os.utime(tmp_path / "in/a", (1, 1))
    for operation in ("copy", "move"):
        assert "is there already" in refused(tmp_path, operation=operation, path="in/a", target="out/")
    told = ran("file_ops", tmp_path, operation="copy", path="in/a", target="out/", overwrite=rule)
    assert ((tmp_path / "out/a").read_text(), told["skipped"]) == (content, skipped)
    os.utime(tmp_path / "in/a", (2**31, 2**31))
    ran("file_ops", tmp_path, operation="move", path="in/a", target="out/", overwrite="newer")
    assert files(tmp_path) == {"out/a": "in/a"}
    (tmp_path / "in" / "sub").mkdir()
    make(tmp_path, "in/sub/new", "out/sub/old")
    ran("file_ops", tmp_path, operation="move", path="in/sub", target="out/", overwrite="replace")
    assert files(tmp_path) == {"out/a": "in/a", "out/sub/new": "in/sub/new"}


def test_nothing_leads_out_of_the_folder_unasked(tmp_path: Path) -> None:
    project = tmp_path / "project"
    make(tmp_path, "secret", "project/a")
    (project / "link").symlink_to(tmp_path)
    for path in ("../secret", "x/../../secret", "link/secret", "link/*", f"{project}/../secret", f"{project}/link/secret"):
        for operation in ("delete", "copy"):
            message = refused(project, operation=operation, path=path, **({"target": "b"} if operation == "copy" else {}))
            assert "leads out" in message or "`..`" in message
    assert "leads out" in refused(project, operation="copy", path="a", target="../b")
    assert "leads out" in refused(project, operation="copy", path="a", target="link/")
    assert "no name" in refused(project, operation="rename", path="a", target="../b")
    assert (tmp_path / "secret").exists()
    # the link itself is in the folder: it goes, and what it leads to stays
    ran("file_ops", project, operation="delete", path="link")
    assert (tmp_path / "secret").exists()
    assert not (project / "link").is_symlink()
    ran("file_ops", project, operation="copy", path="../secret", target="b", outside=True)
    ran("file_ops", project, operation="copy", path=str(tmp_path / "secret"), target="c")
    assert files(project) == {"a": "project/a", "b": "secret", "c": "secret"}


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "in/a", "in/b", "d/x/y")
    assert "no file that fits" in refused(tmp_path, operation="delete", path="in/*.none")
    assert ran("file_ops", tmp_path, operation="delete", path="in/*.none", required=False)["count"] == 0
    assert "cannot become the one file" in refused(tmp_path, operation="copy", path="in/*", target="out.csv")
    assert "is a folder" in refused(tmp_path, operation="copy", path="d", target="e")
    assert "not empty" in refused(tmp_path, operation="delete", path="d")
    assert "into itself" in refused(tmp_path, operation="move", path="d", target="d/x/")
    assert "the file itself" in refused(tmp_path, operation="copy", path="in/a", target="in/")
    assert "holds the flow itself" in refused(tmp_path, operation="delete", path=str(tmp_path), recursive=True)
    assert "no folder" in refused(tmp_path, operation="copy", path="in/a", target="new/", make_folders=False)
    assert "no pattern" in refused(tmp_path, operation="touch", path="in/*")
    assert "needs a target" in refused(tmp_path, operation="move", path="in/a")
    assert "NUL" in refused(tmp_path, operation="touch", path="a\0b")
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in refused(tmp_path, operation="copy", path="pipe", target="p2")
    assert len(files(tmp_path)) == 3


def test_a_reader_never_sees_half_a_copy(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 30_000_000)
    seen: set[int] = set()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            try:
                seen.add((tmp_path / "out" / "large").stat().st_size)
            except FileNotFoundError:
                seen.add(-1)

    watcher = threading.Thread(target=look)
    watcher.start()
    for _ in range(5):
        ran("file_ops", tmp_path, operation="copy", path="large", target="out/", overwrite="replace")
    over.set()
    watcher.join()
    assert seen <= {-1, 30_000_000}
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["large"]


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path) -> None:
    make(tmp_path, "d/a", "d/b")
    os.mkfifo(tmp_path / "d" / "pipe")
    assert "failed" in refused(tmp_path, operation="copy", path="d", target="e", recursive=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d"]


def later(seconds: float, act: Any) -> threading.Thread:
    thread = threading.Timer(seconds, act)
    thread.start()
    return thread


def test_waits_until_enough_files_have_come(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    waiting = [later(0.1, lambda: make(tmp_path, "in/a.csv")), later(0.3, lambda: make(tmp_path, "in/b.csv"))]
    told = ran("wait_for_file", tmp_path, path="in/*.csv", count=2, poll=0.05, timeout=20.0)
    assert (told["found"], told["count"]) == (True, 2)
    assert told["paths"] == [str(tmp_path / "in/a.csv"), str(tmp_path / "in/b.csv")]
    assert told["seconds"] >= 0.2
    for one in waiting:
        one.join()


def test_waits_until_whoever_writes_has_finished(tmp_path: Path) -> None:
    def write() -> None:
        with open(tmp_path / "big", "w") as file:
            for _ in range(8):
                file.write("x" * 1000)
                file.flush()
                time.sleep(0.1)

    writer = threading.Thread(target=write)
    writer.start()
    ran("wait_for_file", tmp_path, path="big", stable=0.5, poll=0.05, min_size=1, timeout=30.0)
    assert not writer.is_alive()
    assert (tmp_path / "big").stat().st_size == 8000
    writer.join()


def test_waits_until_gone_or_changed(tmp_path: Path) -> None:
    make(tmp_path, "lock", "watched")
    going = later(0.2, (tmp_path / "lock").unlink)
    assert ran("wait_for_file", tmp_path, path="lock", until="gone", poll=0.05, timeout=20.0)["count"] == 0
    going.join()
    changing = later(0.2, lambda: (tmp_path / "watched").write_text("more than before"))
    assert ran("wait_for_file", tmp_path, path="watched", until="changed", poll=0.05, timeout=20.0)["seconds"] >= 0.1
    changing.join()


def test_a_time_limit_fails_or_goes_on(tmp_path: Path) -> None:
    assert "waited 0.2 seconds for `x` to come; there are 0" in refused(tmp_path, "wait_for_file", path="x", timeout=0.2, poll=0.05)
    told = ran("wait_for_file", tmp_path, path="x", timeout=0.2, poll=0.05, on_timeout="go_on")
    assert (told["found"], told["paths"]) == (False, [])


@pytest.mark.parametrize(("type", "configs"), [("wait_for_file", {"path": "never", "poll": 3600.0, "timeout": None}), ("sleep", {"seconds": 3600.0})])
def test_a_stop_ends_the_waiting_at_once(tmp_path: Path, type: str, configs: dict[str, Any]) -> None:
    async def stopped() -> float:
        made, context, _ = instance(type, tmp_path, **configs)
        work = asyncio.ensure_future(made.run({}, context))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        return time.monotonic() - began

    assert asyncio.run(stopped()) < 1


def test_a_list_of_files_and_what_is_made_of_it_can_be_previewed(tmp_path: Path) -> None:
    import pyarrow as pa

    from pypeline.runner import binding, instances
    from pypeline.runner.order import Limits, Order
    from tests.palette.flows import flow, planned

    make(tmp_path, "in/a.csv", "in/b.csv", "in/c.txt")
    text = flow(
        {"id": "files", "type": "file_list", "required": {"folder": "in"}},
        {"id": "csv", "type": "filter_mod", "required": {"condition": "extension = '.csv'"}},
        links=["files.data - csv.input"],
    )
    plan = planned(text, tmp_path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    order = Order("files", "segment", 1, tuple(plan.modules.values()), tuple(plan.links.values()), Limits(1, 2**30, str(scratch)), str(scratch), str(tmp_path))

    def names(port: str, rows: int) -> list[str]:
        found = binding.preview(order, lambda module, _order: instances.make(module, tmp_path), port, rows)
        return [str(name) for name in pa.ipc.open_file(found["path"]).read_all()["name"].to_pylist()]

    assert names("files.data", 10) == ["a.csv", "b.csv", "c.txt"]
    assert names("files.data", 1) == ["a.csv"]
    assert sorted(names("csv.output", 10)) == ["a.csv", "b.csv"]
    (tmp_path / "in").rename(tmp_path / "out")
    with pytest.raises(PypeError, match=r"PYE390.*no folder `in`"):
        names("csv.output", 10)


def test_what_cannot_be_copied_out_of_a_folder_is_said_in_words(tmp_path: Path) -> None:
    make(tmp_path, "in/a.txt")
    for name in ("p", "q"):
        os.mkfifo(tmp_path / "in" / name)
    said = refused(tmp_path, operation="copy", path="in", target="out/", recursive=True)
    assert said.endswith("is a named pipe (and 1 more)")
    assert "[(" not in said
    assert not list((tmp_path / "out").iterdir()), "nothing half copied stays"
