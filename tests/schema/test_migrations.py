"""Formats: the chain of migrations, and a sample of every format that is read for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pypeline.schema.flow import FORMAT
from pypeline.schema.migrations import STEPS, UnknownFormat, format_of, migrate
from pypeline.schema.reader import read_file

FORMATS = Path(__file__).parent / "formats"


def test_there_is_a_step_from_every_older_format_and_a_sample_of_each() -> None:
    assert sorted(STEPS) == list(range(1, FORMAT))
    for number in range(1, FORMAT + 1):
        assert read_file(FORMATS / f"format_{number}.yaml").flow is not None


def test_a_file_without_format_is_of_format_one() -> None:
    flow = read_file(FORMATS / "unversioned.yaml").flow
    assert flow is not None
    assert flow.format == 1
    assert [module.id for module in flow.modules] == ["source_csv", "transform_data", "output_parquet"]


def test_steps_are_applied_in_order_and_change_nothing_in_place() -> None:
    def rename(data: dict[str, Any]) -> dict[str, Any]:
        return {("modules" if key == "nodes" else key): value for key, value in data.items()}

    def number(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "count": len(data["modules"])}

    old = {"nodes": [1, 2]}
    assert migrate(old, {1: rename, 2: number}, newest=3) == {"modules": [1, 2], "count": 2, "format": 3}
    assert migrate({"format": 2, "modules": []}, {1: rename, 2: number}, newest=3) == {"format": 3, "modules": [], "count": 0}
    assert old == {"nodes": [1, 2]}


@pytest.mark.parametrize(("written", "newer"), [(99, True), (1e2, True), (0, False), (-1, False), ("1", False), (True, False), (1.5, False), ([1], False)])
def test_a_format_that_is_none_is_told_apart_from_a_newer_one(written: Any, newer: bool) -> None:
    with pytest.raises(UnknownFormat) as unknown:
        format_of({"format": written})
    assert unknown.value.newer is newer
