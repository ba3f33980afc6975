"""The whole path by hand: a flow is drawn, saved and run in the window; headless, the file gives the same."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PySide6.QtCore import QPointF, Qt

from tests.app.test_openflights import DATA, computed
from tests.desktop.person import CTRL, Person, data_links

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

LINKS = [
    "routes.data - from_airport.left", "airports.data - from_airport.right", "from_airport.output - to_airport.left",
    "airports.data - to_airport.right", "to_airport.output - of_airline.left", "airlines.data - of_airline.right",
    "of_airline.output - active_airlines.input", "active_airlines.output - distance.input", "distance.output - country_pairs.input",
    "country_pairs.output - busiest_first.input", "busiest_first.output - pairs_parquet.input", "busiest_first.output - pairs_csv.input",
    "from_airport.reject - no_source.input", "to_airport.reject - no_destination.input", "of_airline.reject - no_airline.input",
]  # fmt: skip
PLACES = {
    "routes": ("csv_source", 0, 0), "airports": ("csv_source", 0, 1), "airlines": ("csv_source", 2, 2), "from_airport": ("join_mod", 1, 0),
    "to_airport": ("join_mod", 2, 0), "of_airline": ("join_mod", 3, 0), "active_airlines": ("filter_mod", 4, 0), "distance": ("formula_mod", 5, 0),
    "country_pairs": ("aggregate_mod", 6, 0), "busiest_first": ("sort_mod", 7, 0), "pairs_parquet": ("parquet_sink", 8, 0),
    "pairs_csv": ("csv_sink", 8, 1), "no_source": ("csv_sink", 2, 1), "no_destination": ("csv_sink", 3, 1), "no_airline": ("csv_sink", 4, 1),
}  # fmt: skip
AIRPORT = "airport_id: int64, name: string, city: string, country: string, iata: string, icao: string, latitude: double, longitude: double, "
COLUMNS = {
    "routes": "{airline: string, airline_id: int64, source_airport: string, source_airport_id: int64, destination_airport: string, "
    "destination_airport_id: int64, codeshare: string, stops: int64, equipment: string}",
    "airports": "{" + AIRPORT + "altitude_ft: int64, utc_offset_h: double, dst: string, tz: string, type: string, source: string}",
    "airlines": "{airline_id: int64, name: string, alias: string, iata: string, icao: string, callsign: string, country: string, active: string}",
}
HALF_CHORD = (
    "pow(sin(radians(destination_latitude - source_latitude) / 2), 2) + cos(radians(source_latitude)) * cos(radians(destination_latitude))"
    " * pow(sin(radians(destination_longitude - source_longitude) / 2), 2)"
)


def side(name: str) -> dict[str, str]:
    return {"country": f"{name}_country", "latitude": f"{name}_latitude", "longitude": f"{name}_longitude"}


async def draw_countries_by_air(person: Person) -> None:
    """The flow of tests/flows/openflights.yaml, by mouse and keys."""
    for _ in range(4):
        person.click(person.window.board._buttons["minus"])
    for name, (type, column, row) in PLACES.items():
        await person.add(type, QPointF(240 * (column - 4), 150 * (row - 1)), name)
    for link in LINKS:
        person.link(link)
    for name in ("routes", "airports", "airlines"):
        await person.choose(name)
        await person.write("file_path", DATA / f"{name}.dat")
        await person.write("header_rows", "0")
        await person.write_as_yaml(await person.field("null_strings"), ["\\N"])
        await person.write_as_yaml(await person.field("columns"), COLUMNS[name])
    await person.understood()
    # every column picker offers what really arrives there
    for name, left, right in (("from_airport", "source_airport_id", "source"), ("to_airport", "destination_airport_id", "destination")):
        await person.choose(name)
        await person.write("keys", [(left, "airport_id")])
        await person.write_as_yaml(await person.field("right_columns"), side(right))
        await person.understood()
    await person.choose("of_airline")
    await person.write("keys", [("airline_id", "airline_id")])
    await person.write("right_columns", ["active"])
    await person.choose("active_airlines")
    await person.write("condition", "active = 'Y'")
    await person.choose("distance")
    await person.write("formulas", {"half_chord": HALF_CHORD, "km": "2 * 6371.0 * asin(sqrt(least(1.0, half_chord)))"})
    await person.understood()
    await person.choose("country_pairs")
    await person.write("group_by", ["source_country", "destination_country"])
    measures = {"routes": "count(*)", "airlines": {"function": "count_distinct", "column": "airline_id"}}
    await person.write("measures", measures | {"shortest_km": "min(km)", "mean_km": "avg(km)", "longest_km": "max(km)"})
    await person.choose("busiest_first")
    await person.write_as_yaml(await person.field("keys"), [{"column": "routes", "direction": "desc"}, "source_country", "destination_country"])
    await person.choose("pairs_parquet")
    await person.write("output_path", "out/country_pairs.parquet")
    for name, file in (("pairs_csv", "country_pairs"), ("no_source", "no_source"), ("no_destination", "no_destination"), ("no_airline", "no_airline")):
        await person.choose(name)
        await person.write("output_path", f"out/{file}.csv")


def headless(flow: Path) -> dict[str, int]:
    """`pype run` as a process; the rows on every link."""
    events = flow.with_suffix(".jsonl")
    command = [sys.executable, "-m", "pypeline.app.cli.main", "run", str(flow), "--events", str(events), "--json"]
    done = subprocess.run(command, cwd=flow.parent, env={**os.environ, "PYTHONSAFEPATH": "1"}, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    return {e["link"]: e["rows"] for e in lines if e["kind"] == "link_count" and e["final"]}


def taken(folder: Path) -> dict[str, bytes]:
    """What a run wrote, taken away."""
    found = {p.name: p.read_bytes() for p in folder.iterdir()}
    for name in found:
        (folder / name).unlink()
    return found


@pytest.mark.skipif(not DATA.is_dir(), reason="the openflights data (../shared/data) is not here")
def test_openflights_drawn_saved_and_run_equals_the_file_run_headless(on_loop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    flow = tmp_path / "flights.yaml"
    shown: dict[str, int] = {}
    written: dict[str, bytes] = {}

    async def main() -> None:
        person = await Person(size=(1960, 1100)).come()
        await draw_countries_by_air(person)
        window = person.window
        await person.press(Qt.Key.Key_S, CTRL)
        await person.name_file(flow)
        assert window.filing.file.path == flow
        await person.understood()
        assert window.document.knowledge.problems == ()
        saved = flow.read_bytes()

        await person.press(Qt.Key.Key_F5)
        assert window.session.running
        # what is drawn while it runs changes nothing of the run
        await person.choose("no_airline")
        await person.press(Qt.Key.Key_Delete)
        await person.choose("active_airlines")
        await person.write("condition", "active = 'N'")
        person.drag(person.card("airlines"), person.card("airlines") + QPointF(0, 96))
        assert window.session.running
        await person.ran()
        assert window.session.summary is not None
        assert window.session.summary.state == "completed"
        assert window.session.watch is not None
        shown.update(window.session.watch.counts())
        written.update(taken(tmp_path / "out"))
        assert flow.read_bytes() == saved
        assert "of_airline.reject - no_airline.input" not in data_links(person)
        while window.document.undo.canUndo() and not window.document.undo.isClean():
            await person.press(Qt.Key.Key_Z, CTRL)
        assert not window.filing.unsaved
        await person.leave()

    on_loop(main)
    counts = headless(flow)
    again = taken(tmp_path / "out")
    assert again.keys() == written.keys()
    # means are sums of doubles in the order of threads; rejects come in no order
    first, second = (pd.read_csv(io.BytesIO(runs["country_pairs.csv"]), keep_default_na=False) for runs in (written, again))
    pd.testing.assert_frame_equal(first, second, rtol=1e-12)
    for name in ("no_source.csv", "no_destination.csv", "no_airline.csv"):
        assert sorted(again[name].splitlines()) == sorted(written[name].splitlines())
    assert shown == counts

    # and both are right: the same with pandas alone
    pairs, expected = computed()
    assert counts == expected
    for runs in (written, again):
        (tmp_path / "pairs.parquet").write_bytes(runs["country_pairs.parquet"])
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "pairs.parquet"), pairs, check_dtype=False, rtol=1e-9)


def test_a_small_flow_drawn_saved_and_run_equals_the_file_run_headless(on_loop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flow = tmp_path / "squares.yaml"
    shown: dict[str, int] = {}

    async def main() -> None:
        person = await Person().come()
        await person.add("generate_source", QPointF(-280, 0), "numbers")
        await person.write("rows", "100")
        await person.write_as_yaml(await person.field("columns"), {"n": {"kind": "sequence"}})
        await person.add("filter_mod", QPointF(0, 0), "large")
        person.link("numbers.data - large.input")
        await person.understood()
        await person.choose("large")
        await person.write("condition", "n > 60")
        await person.add("csv_sink", QPointF(280, 0), "kept")
        await person.write("output_path", "kept.csv")
        person.link("large.output - kept.input")
        await person.press(Qt.Key.Key_S, CTRL)
        await person.name_file(flow)
        await person.press(Qt.Key.Key_F5)
        await person.ran()
        assert person.window.session.watch is not None
        shown.update(person.window.session.watch.counts())
        await person.leave()

    on_loop(main)
    drawn = (tmp_path / "kept.csv").read_bytes()
    (tmp_path / "kept.csv").unlink()
    assert headless(flow) == shown
    assert set(shown) == {"numbers.data - large.input", "large.output - kept.input"}
    assert shown["large.output - kept.input"] < shown["numbers.data - large.input"] == 100
    assert (tmp_path / "kept.csv").read_bytes() == drawn
    assert len(drawn.splitlines()) == shown["large.output - kept.input"] + 1
