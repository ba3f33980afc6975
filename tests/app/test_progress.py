"""Progress on a real pty, and in plain lines."""

from __future__ import annotations

import io
import itertools
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pypeline.app.cli.progress import PERIOD, progress, shown_in
from pypeline.core import events as e
from pypeline.core.plan import Plan
from pypeline.core.results import ErrorInfo
from tests.app.terminal import Terminal, terminal
from tests.core.making import planned


@pytest.fixture(autouse=True)
def colour_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def chain(length: int) -> Plan:
    ids = [f"m{n}" for n in range(length)]
    return planned(" ".join(f"{id}:stack" for id in ids), [f"{a}.output - {b}.input" for a, b in itertools.pairwise(ids)])


def two() -> Plan:
    return planned("orders:read good:write", ["orders.data - good.input"])


def at(seconds: float = 0.0) -> dict[str, Any]:
    return {"run": "r", "attempt": 1, "time": time.time() + seconds}


def drawn(screen: Terminal, words: str) -> None:
    """Wait until ``words`` have been written, for five seconds at most."""
    until = time.monotonic() + 5
    while words not in screen.plain:
        assert time.monotonic() < until, screen.text
        time.sleep(PERIOD / 10)


def test_a_run_is_drawn_in_place_and_its_list_stays() -> None:
    with terminal() as screen:
        with progress(two(), screen.stream) as tell:
            tell(e.RunStarted(**at(), flow="f", tasks=1, modules=2))
            tell(e.ModuleState(**at(), module="orders", task="orders", state="running"))
            drawn(screen, "● orders")
            tell(e.Progress(**at(), task="orders", modules=("orders",), fraction=0.5, rows=1234))
            drawn(screen, "1,234 rows")
            drawn(screen, "50%")
            tell(e.LinkCount(**at(), link="orders.data - good.input", rows=67_663))
            for id, out in (("orders", {"data": 67_663}), ("good", {})):
                tell(e.ModuleState(**at(), module=id, task="orders", state="completed", reason="ok", rows_out=out, seconds=0.5))
            drawn(screen, "2/2 modules")
            during = screen.screen()
            tell(e.RunEnded(**at(), state="completed", reason="ok", seconds=0.5))
        screen.close()
        assert [line.split()[1] for line in during if line.startswith("  ✓")] == ["orders", "good"]
        assert sum("67,663 rows" in line for line in during) == 2
        left = [line for line in screen.screen() if line]
        assert [line.split()[1] for line in left] == ["orders", "good"]
        # both ran in one task, whose time stands once
        assert [line.split()[-1] for line in left] == ["s", "↑"]


def test_log_lines_stand_above_and_hostile_text_cannot_move_the_cursor() -> None:
    with terminal() as screen:
        with progress(two(), screen.stream) as tell:
            tell(e.RunStarted(**at(), flow="f", tasks=1, modules=2))
            tell(e.Log(**at(), level="INFO", message="not loud enough"))
            tell(e.Log(**at(), level="WARN", message="watch \x1b[2J\x1b]0;pwn\x07 out", node_id="orders#0"))
            drawn(screen, "watch")
            drawn(screen, "0/2 modules")
        screen.close()
        lines = screen.screen()
        assert lines[0] == "WARN orders#0: watch \\u001b[2J\\u001b]0;pwn\\u0007 out"
        assert "not loud enough" not in screen.text
        assert "\x1b]" not in screen.text


def test_a_terminal_made_narrower_keeps_no_rest_of_old_lines() -> None:
    with terminal(100, 30) as screen:
        with progress(two(), screen.stream) as tell:
            tell(e.RunStarted(**at(), flow="f", tasks=1, modules=2))
            tell(e.ModuleState(**at(), module="orders", task="orders", state="failed", reason="error:X", seconds=0.1))
            drawn(screen, "error:X")
            screen.resize(40, 30)
            before = len(screen.text)
            drawn_until = time.monotonic() + 5
            while "\x1b[J" not in screen.text[before:]:
                assert time.monotonic() < drawn_until
                time.sleep(PERIOD / 10)
        screen.close()
        newest = screen.text[before:].rpartition("\x1b[J")[2]
        assert all(len(line) <= 60 for line in newest.splitlines())


def test_more_modules_than_lines_show_what_matters() -> None:
    with terminal(80, 10) as screen:
        with progress(chain(50), screen.stream) as tell:
            tell(e.RunStarted(**at(), flow="f", tasks=1, modules=50))
            tell(e.ModuleState(**at(), module="m7", task="m0", state="failed", reason="error:OSError"))
            tell(e.ModuleState(**at(), module="m40", task="m0", state="running"))
            drawn(screen, "● m40")
            lines = screen.screen()
            assert any("! m7" in line for line in lines)
            assert any("and 44 modules more" in line for line in lines)
            assert len([line for line in lines if line]) <= 9
        screen.close()


def test_no_color_means_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with terminal() as screen:
        with progress(two(), screen.stream) as tell:
            tell(e.RunStarted(**at(), flow="f", tasks=1, modules=2))
            drawn(screen, "0/2 modules")
        screen.close()
        assert screen.text == screen.plain


def test_without_a_terminal_each_module_is_one_line_when_it_has_ended() -> None:
    stream = io.StringIO()
    with progress(two(), stream) as tell:
        tell(e.RunStarted(**at(), flow="f", tasks=1, modules=2))
        tell(e.ModuleState(**at(), module="orders", task="orders", state="running"))
        tell(e.LinkCount(**at(), link="orders.data - good.input", rows=5))
        tell(e.ModuleState(**at(), module="orders", task="orders", state="completed", reason="ok", rows_out={"data": 5}, rejected=2, seconds=0.041))
        tell(e.ModuleState(**at(), module="good", task="orders", state="cancelled", reason="upstream_failed"))
        tell(e.Log(**at(), level="ERROR", message="oh\nno"))
    said = stream.getvalue()
    assert "\x1b" not in said
    lines = [line.split() for line in said.splitlines()]
    assert lines[0][-7:] == ["5", "rows", "122/s", "41", "ms", "2", "rejected"]
    assert lines[1][-2:] == ["upstream", "failed"]
    assert said.splitlines()[2:] == ["ERROR ", "  oh", "  no"]


def test_a_failure_is_told_in_its_line_and_as_a_log_line_only_when_it_is_tried_again() -> None:
    stream = io.StringIO()
    error = ErrorInfo("PYE459", "OSError", "OSError: no", "orders")
    with progress(two(), stream) as tell:
        tell(e.RunStarted(**at(), flow="f", tasks=1, modules=2))
        tell(e.Log(**at(), level="ERROR", message="PYE459 OSError: no. Look.", node_id="orders#0"))
        tell(e.Retry(**at(), task="orders", attempt_no=2, delay=3.0, error=error))
        tell(e.Log(**at(), level="ERROR", message="PYE459 OSError: no. Look.", node_id="orders#0"))
        tell(e.ModuleState(**at(), module="orders", task="orders", state="failed", reason="error:OSError", error=error))
        tell(e.ModuleState(**at(), module="good", task="orders", state="failed", reason="task_failed", error=error))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "WARN orders: try 1 failed: PYE459 OSError: no; the next follows in 3.0 s"
    assert [line.split("  ")[-1].strip() for line in lines[1:]] == ["OSError: no", "not finished: `orders` failed"]


def test_what_went_to_the_same_terminal_or_file_is_known(tmp_path: Path) -> None:
    with (tmp_path / "a").open("w") as one, (tmp_path / "b").open("w") as other, open(os.dup(one.fileno()), "w") as again:
        assert shown_in(one, again)
        assert not shown_in(one, other)
    assert not shown_in(io.StringIO(), io.StringIO())


def test_a_stream_that_knows_ascii_only_gets_ascii_only() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    with progress(two(), stream) as tell:
        tell(e.RunStarted(**at(), flow="f", tasks=1, modules=2))
        tell(e.ModuleState(**at(), module="orders", task="orders", state="completed", reason="ok", rows_out={"data": 5}))
    assert raw.getvalue().startswith(b"  + orders")


def looped() -> Plan:
    return planned("files:read load:do after:do", (), ["files (1|iterate x2) load", "files (2|) after"])


def frame(index: int, state: Any, done: int, *, total: int = 40, fails: bool = False) -> list[e.RunEvent]:
    """A frame that begins, or ends with its module."""
    error = ErrorInfo("PYE459", "ValueError", f"no {index}", module="load", frame=str(index)) if fails else None
    own: Any = "running" if state == "running" else "failed" if fails else "completed"
    return [
        e.ModuleState(**at(), module="load", task="load", state=own, frame=str(index), reason="error:ValueError" if fails else "ok", error=error),
        e.FrameState(**at(), valve=0, source="files", frame=str(index), state=own, done=done, total=total),
    ]


def test_frames_are_counted_on_their_modules_line() -> None:
    with terminal() as screen, progress(looped(), screen.stream) as tell:
        tell(e.RunStarted(**at(), flow="f", tasks=3, modules=3))
        for index in range(11):
            for event in (*frame(index, "running", index), *frame(index, "completed", index + 1)):
                tell(event)
        for event in frame(11, "running", 11):
            tell(event)
        drawn(screen, "frame 12/40")
        assert "● load" in screen.plain
        assert "0/3 modules" in screen.plain


def test_plain_lines_do_not_flood_a_file_with_frames() -> None:
    stream = io.StringIO()
    with progress(looped(), stream) as tell:
        tell(e.RunStarted(**at(), flow="f", tasks=3, modules=3))
        for index in range(40):
            for event in (*frame(index, "running", index), *frame(index, "completed", index + 1, fails=index % 2 == 1)):
                tell(event)
    lines = stream.getvalue().splitlines()
    assert [line.split("  ")[-1].strip() for line in lines[:-1]] == [f"frame {index}: no {index}" for index in range(1, 20, 2)]
    assert "load" in lines[-1]
    assert lines[-1].endswith("20 of 40 frames failed, frame 39: no 39")


def test_an_inner_loop_without_items_is_told_once() -> None:
    stream = io.StringIO()
    plan = planned("files:read parts:read load:do", (), ["files (1|iterate) parts", "parts (1|iterate) load"])
    with progress(plan, stream) as tell:
        tell(e.RunStarted(**at(), flow="f", tasks=3, modules=3))
        for index in range(40):
            tell(e.ModuleState(**at(), module="parts", task="parts", state="completed", frame=str(index), reason="ok"))
            tell(e.ModuleState(**at(), module="load", task="load", state="cancelled", frame=f"{index}--", reason="no_items"))
            tell(e.FrameState(**at(), valve=0, source="files", frame=str(index), state="completed", done=index + 1, total=40))
    lines = stream.getvalue().splitlines()
    assert ["load" in line and line.endswith("no items") for line in lines].count(True) == 1
    assert len(lines) == 2, "and one for the module that ran"


def test_a_frame_that_fails_is_told_at_the_module_at_fault_only() -> None:
    stream = io.StringIO()
    with progress(planned("files:read load:read write:write", ["load.data - write.input"], ["files (1|iterate) load"]), stream) as tell:
        for event in (*frame(0, "running", 0, total=2), *frame(1, "running", 0, total=2)):
            tell(event)
        for index in range(2):
            module, over = frame(index, "completed", index + 1, total=2, fails=index == 1)
            assert isinstance(module, e.ModuleState)
            other = replace(module, module="write", reason="task_failed" if index else "ok")
            for event in (module, other, over):
                tell(event)
    assert [" ".join(line.split()) for line in stream.getvalue().splitlines()] == [
        "! load frame 1: no 1",
        "! load read 1 of 2 frames failed, frame 1: no 1",
        "! write write not finished in 1 of 2 frames: `load` failed",
    ]


def test_a_loop_that_takes_long_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pypeline.app.cli.progress.SELDOM", 0.05)
    stream = io.StringIO()
    with progress(looped(), stream) as tell:
        for index in range(3):
            time.sleep(0.06)
            for event in (*frame(index, "running", index), *frame(index, "completed", index + 1)):
                tell(event)
    assert stream.getvalue().splitlines()[-1].endswith("files (1|iterate x2) load  frame 2/40")
