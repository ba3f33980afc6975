"""Log lines: JSON and text, levels, places, no secrets, no control characters."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest

from pypeline.core import events as ev
from pypeline.core.results import ErrorInfo
from pypeline.runner.logs import LogWriter, line_of, secrets_in, writers
from pypeline.schema.problems import PypeError
from tests.runner.conftest import Project, flow, note

LINE = ev.Log(run="r-1", attempt=2, time=1.5, level="WARN", message="a\x1b]0;pwn\x07\nb", node_id="m#0")


def written(event: ev.RunEvent, **more: object) -> str:
    out = io.StringIO()
    LogWriter(out, **more)(event)  # type: ignore[arg-type]
    return out.getvalue()


def test_a_json_line_has_the_documented_keys() -> None:
    line = json.loads(written(LINE))
    assert line == {"time": "1970-01-01T00:00:01.500+00:00", "level": "WARN", "run": "r-1", "attempt": 2, "node_id": "m#0", "message": LINE.message}
    assert written(LINE).count("\n") == 1


def test_text_cannot_drive_a_terminal() -> None:
    line = written(LINE, format="text")
    assert "\x1b" not in line
    assert line.endswith("WARN  m#0: a\\u001b]0;pwn\\u0007\\nb\n")


def test_levels_and_secrets() -> None:
    assert written(LINE, level="ERROR") == ""
    assert secrets_in({"DB_PASSWORD": "hunter22!", "REGION": "north", "API_TOKEN": "abc"}) == ["hunter22!"]


@pytest.mark.parametrize(
    ("event", "level", "message"),
    [
        (
            ev.ModuleState(run="r", attempt=1, time=0, module="m", task="t", state="completed", reason="ok", rows_out={"o": 1200}, seconds=0.5),
            "INFO",
            "completed in 0.50 s, 1,200 rows",
        ),
        (ev.ModuleState(run="r", attempt=1, time=0, module="m", task="t", state="failed", reason="timeout"), "ERROR", "failed (timeout)"),
        (ev.Retry(run="r", attempt=1, time=0, task="t", attempt_no=2, delay=1.5), "WARN", "try 2 follows in 1.5 s"),
        (
            ev.ValveResolved(run="r", attempt=1, time=0, valve=0, source="a", target="b", open=False, reason="mismatch"),
            "DEBUG",
            "control link to b is closed (mismatch)",
        ),
        (
            ev.RunEnded(run="r", attempt=1, time=0, state="failed", reason="x", seconds=2, error=ErrorInfo("PYE459", "E", "m")),
            "ERROR",
            "run failed (x) in 2.00 s",
        ),
    ],
)
def test_what_events_say(event: ev.RunEvent, level: str, message: str) -> None:
    line = line_of(event)
    assert line is not None
    assert (line[0], line[2]) == (level, message)


def test_what_is_no_line_is_none() -> None:
    assert line_of(ev.LinkCount(run="r", attempt=1, time=0, link="l", rows=1)) is None


def test_destinations_are_opened_privately_or_refused(tmp_path: Path) -> None:
    (made,) = writers(["x.log"], tmp_path, level="INFO", format="auto")
    made(LINE)
    made.close()
    assert json.loads((tmp_path / "x.log").read_text())["node_id"] == "m#0"
    assert stat.S_IMODE((tmp_path / "x.log").stat().st_mode) == 0o600
    with pytest.raises(PypeError, match="PYE504"):
        writers(["missing/x.log"], tmp_path, level="INFO", format="auto")


def test_a_flow_s_own_log_file(project: Project) -> None:
    text = flow(note("a", project.folder, print="hello"), settings="logging: {level: WARN, destinations: [own.log]}")
    project.run(text)
    lines = [json.loads(line) for line in (project.folder / "own.log").read_text().splitlines()]
    assert [(line["level"], line["message"]) for line in lines] == [("WARN", "to stderr")]
