"""Acceptance cases of another product, as flows of ours: run whole, compared with the rows expected there.

A flow writes one file for each expected one, of the same name. Values compare by meaning: numbers as numbers, moments
as moments, ``Y`` as true; the other product pads numbers with blanks and writes dates its own way.
"""

from __future__ import annotations

import asyncio
import csv
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pypeline.core.check import check
from pypeline.core.planner import plan
from pypeline.runner.facts import gather
from pypeline.runner.registry import load
from pypeline.runner.run import execute
from pypeline.schema.problems import errors
from pypeline.schema.reader import read_file

DATA = Path(__file__).parents[3] / "shared" / "data" / "peer-cases"
FLOWS = Path(__file__).parent / "flows"
CASES = sorted(file.stem for file in FLOWS.glob("*.yaml"))
IN_ORDER = {"c07-append", "c25-unique-rows", "c39-merge-rows-flag", "c45-folder-glob"}
SETS = {"c29-value-map": {"not_defined": "Not defined"}}
MOMENTS = ("%Y/%m/%d", "%Y/%m/%d %H:%M:%S.%f", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data folder with the peer cases is not beside the project")


def run(case: str, out: Path) -> None:
    found = read_file(FLOWS / f"{case}.yaml")
    assert found.flow is not None, found.problems
    sets = {"data": str(DATA / case), "out": str(out), **SETS.get(case, {})}
    catalogue = load(out)
    assert not errors(check(found.flow, catalogue, sets))
    facts = gather(found.flow, catalogue, out, sets=sets)
    summary = asyncio.run(execute(plan(found.flow, facts), folder=out, on_event=lambda _event: None))
    assert summary.state == "completed", summary


def rows(file: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    with file.open(encoding="utf-8", newline="") as text:
        header, *body = csv.reader(text)
    return header, [tuple(map(meaning, row)) for row in body]


def meaning(text: str) -> Any:
    """What ``text`` stands for, as something that sorts with all the others."""
    plain = text.strip()
    if re.fullmatch(r"\d{1,3}(,\d{3})+", plain):
        plain = plain.replace(",", "")
    if plain in {"Y", "N", "true", "false"}:
        return ("bool", plain in {"Y", "true"})
    try:
        return ("number", round(float(plain), 3))
    except ValueError:
        pass
    for form in MOMENTS:
        try:
            return ("moment", datetime.strptime(plain, form).isoformat())
        except ValueError:
            continue
    return ("text", text)


@pytest.mark.parametrize("case", [c for c in CASES if c != "c27-csv-quotes"])
def test_peer_case(case: str, tmp_path: Path) -> None:
    run(case, tmp_path)
    expectations = sorted((DATA / case).glob("expected*.csv"))
    assert expectations
    for expected in expectations:
        wanted_header, wanted = rows(expected)
        header, found = rows(tmp_path / expected.name)
        assert header == wanted_header
        if case not in IN_ORDER:
            found, wanted = sorted(found), sorted(wanted)
        assert found == wanted


def test_quotes_and_line_breaks(tmp_path: Path) -> None:
    run("c27-csv-quotes", tmp_path)
    with (tmp_path / "result.csv").open(encoding="utf-8", newline="") as text:
        found = list(csv.DictReader(text))
    assert len(found) == 3
    assert found[0]["comment"] == 'hello this is a "nice" comment'
    assert found[1]["comment"] == "line one\nline two"


def test_duplicates_leave_by_their_own_port(tmp_path: Path) -> None:
    run("c25-unique-rows", tmp_path)
    _, kept = rows(tmp_path / "expected.csv")
    _, rest = rows(tmp_path / "duplicates.csv")
    assert len(kept) + len(rest) == 12
