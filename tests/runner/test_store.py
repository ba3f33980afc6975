"""The store: files whole or not there, one winner, private folders, a disk that is full."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pypeline.runner.store import atomic, lease
from pypeline.runner.store import bundle as bundles
from pypeline.schema.problems import PypeError


def test_write_replaces_and_keeps_mode_and_symlink(tmp_path: Path) -> None:
    target, link = tmp_path / "real", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    atomic.write_text(link, "new")
    assert target.read_text() == "new"
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "real"]


def test_a_new_file_gets_the_mode_asked_for_or_the_umask_s(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        atomic.write_bytes(tmp_path / "umask", b"x")
        atomic.write_bytes(tmp_path / "asked", b"x", mode=0o600)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "umask").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "asked").stat().st_mode) == 0o600


def test_what_cannot_be_written_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "in the way").touch()
    with pytest.raises(PypeError, match="PYE504"):
        atomic.write_text(tmp_path / "folder", "x")
    with pytest.raises(PypeError, match="PYE504"):
        atomic.write_text(tmp_path / "missing" / "x", "x")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_of_many_who_finish_one_wins(tmp_path: Path) -> None:
    for turn in range(40):
        path, barrier, won = tmp_path / f"final-{turn}", threading.Barrier(4), []

        def finish(who: int, path: Path = path, barrier: threading.Barrier = barrier, won: list[int] = won) -> None:
            barrier.wait()
            if atomic.create_once(path, str(who).encode() * 100):
                won.append(who)

        threads = [threading.Thread(target=finish, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert path.read_text() == str(won[0]) * 100
    assert not list(tmp_path.glob(".*"))


def test_a_full_disk_is_named_and_the_old_file_stays(tmp_path: Path) -> None:
    script = f"""
import os, sys
from pathlib import Path
from pypeline.runner.store import atomic
from pypeline.schema.problems import PypeError
folder = Path({str(tmp_path)!r})
(folder / "kept").write_text("old")
try:
    atomic.write_bytes(folder / "kept", b"x" * 2_000_000)
except PypeError as error:
    print(error.problems[0].code, (folder / "kept").read_text(), sorted(p.name for p in folder.iterdir()))
"""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Urm", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no user namespaces here: a small disk cannot be mounted")
    shell = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" -c "$3"'
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", shell, "sh", str(tmp_path), sys.executable, script], capture_output=True, text=True, check=False)
    if done.stderr.startswith("mount:"):
        pytest.skip("a small disk cannot be mounted here")
    assert done.stdout.strip() == "PYE503 old ['kept']", done.stderr


def test_the_run_folder_is_private_and_numbered(tmp_path: Path) -> None:
    first, second = bundles.prepare(tmp_path, "r-1"), bundles.prepare(tmp_path, "r-1")
    assert [(b.attempt, b.run_id) for b in (first, second)] == [(1, "r-1"), (2, "r-1")]
    for path in [tmp_path / ".pypeline", *(tmp_path / ".pypeline").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert list(bundles.attempts(first.path.parent)) == [first, second]
    assert lease.alive(first.owner)


def test_a_store_that_cannot_be_made_names_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PYPELINE_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(PypeError, match=r"PYE502 .*PYPELINE_HOME"):
        bundles.prepare(tmp_path, "r-1")


def test_a_folder_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PypeError, match=r"PYE502 .*odd\\xff` is not UTF-8"):
        bundles.prepare(os.fsdecode(os.fsencode(tmp_path) + b"/odd\xff"), "r-1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_somebody_else_s_store_is_refused(tmp_path: Path) -> None:
    store = tmp_path / ".pypeline"
    store.mkdir(mode=0o700)
    try:
        os.chown(store, 12345, 12345)
    except OSError:
        pytest.skip("nobody else's folder can be made here: not root, or a user namespace with one user")
    with pytest.raises(PypeError, match="PYE501"):
        bundles.prepare(tmp_path, "r-1")


def test_a_terminal_record_is_written_once(tmp_path: Path) -> None:
    bundle = bundles.prepare(tmp_path, "r-1")
    assert bundle.finish({"state": "completed"})
    assert not bundle.finish({"state": "failed"})
    assert json.loads(bundle.summary.read_text())["state"] == "completed"


def test_sweeping_removes_spill_and_follows_no_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    bundle = bundles.prepare(tmp_path, "r-1")
    spill = bundle.spill(str(tmp_path))
    (spill / "big").touch()
    (bundle.scratch / "trap").symlink_to(outside)
    assert bundle.spill(str(tmp_path)) == spill
    bundle.sweep()
    assert not spill.exists()
    assert not bundle.scratch.exists()
    assert (outside / "precious").exists()


def test_a_lease_tells_process_host_and_age(tmp_path: Path) -> None:
    record = tmp_path / "owner.json"
    record.write_text(json.dumps(lease.owner()))
    assert lease.alive(record)
    record.write_text(json.dumps({**lease.owner(), "pid": 2**22 + 5}))
    assert not lease.alive(record)
    record.write_text(json.dumps({**lease.owner(), "host": "elsewhere"}))
    assert lease.alive(record)
    os.utime(record, (0, 0))
    assert not lease.alive(record)
    record.write_text("{half")
    assert not lease.alive(record)
