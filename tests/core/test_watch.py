"""Watching a run: the newest state of everything, and what changed."""

from __future__ import annotations

from typing import Any

from pypeline.core import events as e
from pypeline.core.watch import Watch


def at(time: float) -> dict[str, Any]:
    return {"run": "r", "attempt": 1, "time": time}


def test_the_newest_state_of_a_module_wins_and_what_changed_is_told() -> None:
    watch = Watch()
    assert watch.feed([e.RunStarted(**at(1), flow="f", tasks=1, modules=2)]) == frozenset()
    assert watch.feed([e.ModuleState(**at(2), module="a", task="a", state="running")]) == {"a"}
    changed = watch.feed(
        [
            e.Progress(**at(2.5), task="a", modules=("a",), fraction=0.5),
            e.LinkCount(**at(3), link="a.data - b.input", rows=7),
            e.ModuleState(**at(3), module="a", task="a", state="completed", rows_out={"data": 7}, seconds=1.0),
        ]
    )
    assert changed == {"a", "a.data - b.input"}
    assert watch.counts() == {"a.data - b.input": 7}
    assert (watch.modules["a"].started, watch.modules["a"].rows_out) == (2, {"data": 7})
    assert watch.tally() == {"completed": 1}
    assert watch.state == "running"


def test_the_end_of_a_run_is_kept_with_its_figures() -> None:
    watch = Watch()
    watch.feed([e.Log(**at(1), level="INFO", message="hello"), e.RunEnded(**at(9), state="failed", reason="error:ValueError", seconds=8.0, failed=1)])
    assert (watch.state, watch.seconds, watch.ended is not None) == ("failed", 8.0, True)
    assert [line.message for line in watch.logs] == ["hello"]


def test_ten_thousand_log_lines_keep_the_newest() -> None:
    watch = Watch()
    watch.feed(e.Log(**at(n), level="INFO", message=str(n)) for n in range(10_000))
    assert (len(watch.logs), watch.logs[-1].message, watch.now) == (5_000, "9999", 9_999)
