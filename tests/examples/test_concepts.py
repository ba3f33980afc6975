"""The concept flows in examples/concepts do what their first lines say, run headless as a user runs them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

CONCEPTS = Path(__file__).resolve().parents[2] / "examples" / "concepts"
RATES = b"currency,rate\nEUR,1.0\nNOK,11.6\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CONCEPTS, tmp_path / "concepts"))


def run(folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """(exit code, the summary that ``--json`` prints)"""
    command = [sys.executable, "-m", "pypeline.app.cli.main", "run", *words, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_nightly_load_that_works(folder: Path) -> None:
    code, said = run(folder, "nightly_load.yaml")
    assert (code, said["state"]) == (0, "completed")
    assert pq.read_table(folder / "out/sales.parquet").num_rows == 4
    assert said["modules"]["report_failure"]["reason"] == "valve_closed"
    assert (folder / "out/journal.txt").read_text() == "the nightly load ran\n"


def test_a_nightly_load_that_fails_is_handled_and_replaces_nothing(folder: Path) -> None:
    run(folder, "nightly_load.yaml")
    before = (folder / "out/sales.parquet").read_bytes()
    code, said = run(folder, "nightly_load.yaml", "--set", "source=data/broken.csv")
    assert (code, said["state"]) == (0, "completed")
    assert said["modules"]["sales"]["state"] == "failed"
    assert (folder / "out/failure.txt").read_text().startswith("the load failed")
    assert (folder / "out/sales.parquet").read_bytes() == before
    assert (folder / "out/journal.txt").read_text() == "the nightly load ran\n" * 2


def test_files_four_at_a_time(folder: Path) -> None:
    code, said = run(folder, "files_four_at_a_time.yaml")
    assert (code, said["state"]) == (0, "completed")
    rows = pq.read_table(folder / "out/all_sales.parquet").to_pylist()
    files = sorted((folder / "data/stores").glob("*.csv"))
    expected = [(file.stem, *line.split(",")[:2]) for file in files for line in file.read_text().splitlines()[1:]]
    assert [(row["store"], str(row["day"]), row["item"]) for row in rows] == expected
    assert (folder / "out/by_store.csv").read_text().count("\n") == 1 + len(files)


def test_nobody_waits_for_the_notification_but_the_run(folder: Path) -> None:
    # told to wait for the result, it would wait for ever if the load waited for it
    flow = folder / "fire_and_forget.yaml"
    flow.write_text(flow.read_text().replace("sleep 1", "while [ ! -e out/koeln.parquet ]; do sleep 0.1; done"))
    code, said = run(folder, "fire_and_forget.yaml")
    assert (code, said["state"]) == (0, "completed")
    assert (folder / "out/notification.txt").exists()


def test_a_gate_opens_after_three_branches(folder: Path) -> None:
    code, said = run(folder, "gate_after_three.yaml")
    assert (code, said["state"]) == (0, "completed")
    lines = (folder / "summary/by_item.csv").read_text().splitlines()
    assert sorted(lines[1:]) == ["chair,5", "lamp,10", "table,1"]


def test_a_gate_stays_shut_when_one_branch_fails(folder: Path) -> None:
    (folder / "data/stores/oslo.csv").write_text("day,item,pieces,price\n2026-01-06,lamp,three,42.00\n")
    code, said = run(folder, "gate_after_three.yaml")
    assert (code, said["state"]) == (1, "failed")
    assert said["modules"]["every_store"]["state"] == "cancelled"
    assert not (folder / "summary").exists()


class Flaky(BaseHTTPRequestHandler):
    """Answers every third request."""

    asked = 0
    works = True

    def do_GET(self) -> None:
        type(self).asked += 1
        if self.asked % 3 or not self.works:
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(RATES)))
        self.end_headers()
        self.wfile.write(RATES)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Flaky, "asked", 0)
    with HTTPServer(("127.0.0.1", 0), Flaky) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}/rates.csv"
        serving.shutdown()
        thread.join()


def test_a_flaky_server_answers_in_the_end(folder: Path, server: str) -> None:
    # from somewhere else: relative paths in code start in the flow's folder, like all others
    code, said = run(folder.parent, "concepts/flaky_http.yaml", "--set", f"url={server}")
    assert (code, said["state"]) == (0, "completed")
    assert said["modules"]["fetch"]["attempt_no"] == Flaky.asked == 3
    assert pq.read_table(folder / "out/rates.parquet").num_rows == 2


def test_a_dead_server_opens_the_error_valve(folder: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Flaky, "works", False)
    code, said = run(folder, "flaky_http.yaml", "--set", f"url={server}")
    assert (code, said["state"]) == (0, "completed")
    assert said["modules"]["fetch"]["reason"] == "retries_exhausted:HTTPError"
    assert Flaky.asked == 4
    assert (folder / "out/missing.txt").exists()
    assert not (folder / "out/rates.parquet").exists()
