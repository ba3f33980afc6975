"""Reading runs back: whole ones, torn ones, lost ones, and two side by side."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pypeline.core import events as e
from pypeline.core.results import ErrorInfo
from pypeline.runner.history.compare import Change, compare
from pypeline.runner.history.records import Fold, load, read_events
from pypeline.runner.history.report import page
from pypeline.runner.history.summary import children, find, runs, summarise
from pypeline.runner.store import lease
from pypeline.schema.problems import PypeError
from tests.runner.history.bundles import RUN, START, attempt


def test_a_record_tells_states_counts_and_every_try(tmp_path: Path) -> None:
    record = load(attempt(tmp_path, failed=True))
    assert (record.state, record.reason, record.seconds, record.rejected) == ("failed", "error:OSError", 3.0, 12)
    assert record.rows_in("write") == 67_663
    assert record.rows_in("read") is None
    assert [(bar.task, bar.attempt_no, round(bar.start, 1), round(bar.end, 1), bar.state) for bar in record.bars] == [
        ("read", 1, 0.1, 1.0, "completed"), ("write", 1, 1.0, 1.5, "failed"), ("write", 2, 2.0, 3.0, "failed"),
    ]  # fmt: skip
    assert record.sub_flows == {0: "failed · 2.9 s"}
    assert record.name == f"{RUN}/1"


def test_a_flow_that_a_run_ran_has_a_name_of_its_own(tmp_path: Path) -> None:
    outer = attempt(tmp_path)
    inner, innermost = outer / "children" / "part-0-t1", outer / "children" / "part-0-t1" / "children" / "again-0-t1"
    for place, state in ((inner, True), (innermost, False)):
        place.parent.mkdir(parents=True)
        attempt(tmp_path / "elsewhere" / place.name, failed=state, flow=place.name).rename(place)
    (record,) = children(outer)
    assert (record.name, record.flow, record.state) == (f"{RUN}/1/part-0-t1", "part-0-t1", "failed")
    assert find(tmp_path, record.name) == inner
    assert find(tmp_path, "orders/1/part-0-t1/again-0-t1") == innermost
    assert load(innermost).name == f"{RUN}/1/part-0-t1/again-0-t1"
    for wrong, hint in (("part-0-t2", "Did you mean `part-0-t1`?"), ("..", "Known: `part-0-t1`."), ("part-0-t1/again-0-t1/x", "no other flow")):
        with pytest.raises(PypeError, match="PYE488") as refused:
            find(tmp_path, f"{RUN}/1/{wrong}")
        assert hint in str(refused.value)


def test_the_bar_of_a_task_says_why_the_module_at_fault_failed(tmp_path: Path) -> None:
    fold = Fold()
    for module, state, reason in (("a", "running", ""), ("b", "running", ""), ("a", "failed", "error:PYE420"), ("b", "failed", "task_failed")):
        fold.take(e.ModuleState(run=RUN, attempt=1, time=START, module=module, task="a", state=state, reason=reason))  # type: ignore[arg-type]
    (bar,) = fold.record(tmp_path, {}, {}).bars
    assert (bar.state, bar.reason, bar.modules) == ("failed", "error:PYE420", ("a", "b"))


def test_a_torn_event_log_loses_its_torn_line_only(tmp_path: Path) -> None:
    folder = attempt(tmp_path)
    log = folder / "events.jsonl"
    log.write_bytes(b'[1, 2]\n{"kind": "from the future", "x": 1}\n{"kind": "log"}\n' + log.read_bytes()[:-20])
    (folder / "summary.json").write_text('{"half": ')
    record = load(folder)
    assert record.damaged == 4
    assert record.state == "running"
    assert record.modules["write"].state == "completed"


@pytest.mark.parametrize("name", ["summary.json", "plan.json", "events.jsonl"])
@pytest.mark.parametrize("text", ["[" * 200_000, '{"seconds": "x", "handled": 5, "kind": 7}', None])
def test_a_broken_part_of_a_record_leaves_the_rest_readable(tmp_path: Path, name: str, text: str | None) -> None:
    folder = attempt(tmp_path)
    (folder / name).unlink()
    if text is None:
        os.mkfifo(folder / name)
    else:
        (folder / name).write_text(text)
    assert load(folder).name == f"{RUN}/1"


def test_a_summary_can_be_made_from_the_events_alone(tmp_path: Path) -> None:
    folder = attempt(tmp_path, failed=True)
    made = summarise((event for event in read_events(folder / "events.jsonl") if event is not None), {})
    assert (made["run"], made["attempt"], made["flow"], made["state"], made["started"]) == (RUN, 1, "orders", "failed", START)
    assert made["links"] == {"read.data - write.input": 67_663}
    assert made["modules"]["read"] == {
        "task": "read", "state": "completed", "reason": "ok", "rows_out": {"data": 67_663}, "rejected": 12, "seconds": 0.9, "cpu_seconds": 0.0, "peak_rss": 0,
    }  # fmt: skip


def test_runs_are_listed_newest_first_and_found_by_any_name(tmp_path: Path) -> None:
    old = attempt(tmp_path, started=START - 100)
    new = attempt(tmp_path, number=2)
    other = attempt(tmp_path, run="people-ffff00000000", flow="people", started=START - 50)
    assert [record.name for record in runs(tmp_path)] == [f"{RUN}/2", "people-ffff00000000/1", f"{RUN}/1"]
    assert find(tmp_path) == find(tmp_path, "orders") == find(tmp_path, "orders-01") == new
    assert find(tmp_path, f"{RUN}/1") == old
    assert find(tmp_path, "people-f") == other
    for name in ("nothing", f"{RUN}/9"):
        with pytest.raises(PypeError, match=r"PYE488.*names no run"):
            find(tmp_path, name)
    attempt(tmp_path, run="orders_2-ffff00000000", flow="orders_2")
    with pytest.raises(PypeError, match=r"PYE488.*names 2 runs"):
        find(tmp_path, "ord")
    with pytest.raises(PypeError, match="PYE488"):
        load(tmp_path / "nowhere")


def test_a_run_whose_process_is_gone_is_listed_as_lost(tmp_path: Path) -> None:
    folder = attempt(tmp_path, finished=False)
    assert runs(tmp_path)[0].state == "running"
    gone = {**lease.owner(), "pid": 2**22 + 1}
    (folder / "owner.json").write_text(json.dumps(gone))
    assert [(r.state, r.reason) for r in runs(tmp_path)] == [("failed", "lost")]


def test_two_attempts_side_by_side(tmp_path: Path) -> None:
    old, new = load(attempt(tmp_path)), load(attempt(tmp_path, number=2, failed=True, rows=70_000))
    assert compare(old, old) == ()
    assert compare(old, new) == (
        Change("state", "", "completed", "failed"),
        Change("rows", "read.data - write.input", "67,663", "70,000"),
        Change("state", "write", "completed", "failed (error:OSError)"),
    )


def test_the_frames_of_a_loop_are_folded(tmp_path: Path) -> None:
    folder = attempt(tmp_path)
    events, total = [], 250
    for index in range(total):
        state: Any = "failed" if index in (7, 8) else "completed"
        error = ErrorInfo("PYE459", "ValueError", f"no {index}", module="each", frame=str(index)) if state == "failed" else None
        for own, reason, done in (("running", "", index), (state, "error:ValueError" if error else "ok", index + 1)):
            parts: dict[str, Any] = {
                "run": RUN,
                "attempt": 1,
                "time": START + index + (own != "running") / 2,
                "frame": str(index),
                "state": own,
                "reason": reason,
            }
            events += [e.ModuleState(module="each", task="each", error=error if own == "failed" else None, seconds=0.5 * (own != "running"), **parts),
                       e.FrameState(source="read", valve=0, done=done, total=total, **parts)]  # fmt: skip
    with (folder / "events.jsonl").open("a") as log:
        log.writelines(json.dumps(e.to_json(event)) + "\n" for event in events)
    plan = json.loads((folder / "plan.json").read_text())
    plan["valves"] = [{"index": 0, "source": "read", "target": "each", "order": 1, "trigger": "iterate", "text": "read (1|iterate) each"}]
    (folder / "plan.json").write_text(json.dumps(plan))
    record = load(folder)
    loop, seen = record.loops[0], record.modules["each"]
    assert (loop.total, loop.done, loop.failed, [frame for frame, _ in loop.failures]) == (250, 250, 2, ["7", "8"])
    assert seen.frames.counts() == {"completed": 248, "failed": 2, "cancelled": 0}
    bars = [bar for bar in record.bars if bar.task == "each"]
    assert sum(bar.tries for bar in bars) == 250
    assert len(bars) == 1
    html = page(record)
    assert "Loops" in html
    assert "7 (ValueError), 8 (ValueError)" in html
    assert "2 of 250 frames" in html
    assert "frame 8: no 8" in html
