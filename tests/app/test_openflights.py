"""Real input, end to end by the command line: equal to an independent pandas computation, every link's count too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.app.conftest import Pype

FLOW = Path(__file__).parents[1] / "flows" / "openflights.yaml"
DATA = Path(__file__).parents[2].parent / "shared" / "data" / "openflights"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the openflights data (../shared/data) is not here")


def frame(name: str, columns: str) -> pd.DataFrame:
    return pd.read_csv(DATA / f"{name}.dat", header=None, names=columns.split(), na_values=["\\N"], keep_default_na=False, encoding="utf-8")


def computed() -> tuple[pd.DataFrame, dict[str, int]]:
    """The result and the rows on every link, with pandas alone."""
    routes = frame("routes", "airline airline_id source source_airport_id destination destination_airport_id codeshare stops equipment")
    airports = frame("airports", "airport_id name city country iata icao latitude longitude altitude utc dst tz type origin")
    airlines = frame("airlines", "airline_id name alias iata icao callsign country active")
    places = airports[["airport_id", "country", "latitude", "longitude"]]

    def with_airport(left: pd.DataFrame, side: str) -> tuple[pd.DataFrame, int]:
        right = places.rename(columns={"airport_id": f"{side}_airport_id", "country": f"{side}_country", "latitude": f"{side}_lat", "longitude": f"{side}_lon"})
        known = left[f"{side}_airport_id"].isin(right[f"{side}_airport_id"])
        return left[known].merge(right, on=f"{side}_airport_id"), int((~known).sum())

    one, no_source = with_airport(routes, "source")
    two, no_destination = with_airport(one, "destination")
    has_airline = two["airline_id"].isin(airlines["airline_id"])
    three = two[has_airline].merge(airlines[["airline_id", "active"]], on="airline_id")
    four = three[three["active"] == "Y"].copy()
    lat1, lat2 = np.radians(four["source_lat"]), np.radians(four["destination_lat"])
    half = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin(np.radians(four["destination_lon"] - four["source_lon"]) / 2) ** 2
    four["km"] = 2 * 6371.0 * np.arcsin(np.sqrt(half.clip(upper=1)))
    pairs = four.groupby(["source_country", "destination_country"], as_index=False).agg(
        routes=("km", "size"), airlines=("airline_id", "nunique"), shortest_km=("km", "min"), mean_km=("km", "mean"), longest_km=("km", "max")
    )
    pairs = pairs.sort_values(["routes", "source_country", "destination_country"], ascending=[False, True, True]).reset_index(drop=True)
    counts = {
        "routes.data - from_airport.left": len(routes),
        "airports.data - from_airport.right": len(airports),
        "from_airport.output - to_airport.left": len(one),
        "airports.data - to_airport.right": len(airports),
        "to_airport.output - of_airline.left": len(two),
        "airlines.data - of_airline.right": len(airlines),
        "of_airline.output - active_airlines.input": len(three),
        "active_airlines.output - distance.input": len(four),
        "distance.output - country_pairs.input": len(four),
        "country_pairs.output - busiest_first.input": len(pairs),
        "busiest_first.output - pairs_parquet.input": len(pairs),
        "busiest_first.output - pairs_csv.input": len(pairs),
        "from_airport.reject - no_source.input": no_source,
        "to_airport.reject - no_destination.input": no_destination,
        "of_airline.reject - no_airline.input": int((~has_airline).sum()),
    }
    return pairs, counts


@pytest.fixture(scope="module")
def expected() -> tuple[pd.DataFrame, dict[str, int]]:
    return computed()


@pytest.mark.parametrize("mode", ["auto", "pandas", "dask"])
def test_countries_by_air(pype: Pype, tmp_path: Path, mode: str, expected: tuple[pd.DataFrame, dict[str, int]]) -> None:
    pairs, counts = expected
    flow = tmp_path / "openflights.yaml"
    flow.write_text(FLOW.read_text(encoding="utf-8").replace("modules:\n", f"settings: {{execution_mode: {mode}}}\nmodules:\n", 1), encoding="utf-8")
    out = tmp_path / "out"
    out.mkdir()
    done = pype("run", flow, "--set", f"data={DATA}", "--set", f"out={out}", "--events", tmp_path / "events.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "completed"

    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {e["link"]: e["rows"] for e in events if e["kind"] == "link_count" and e["final"]} == counts

    for found in (pd.read_parquet(out / "country_pairs.parquet"), pd.read_csv(out / "country_pairs.csv", keep_default_na=False)):
        assert list(found.columns) == list(pairs.columns)
        pd.testing.assert_frame_equal(found, pairs, check_dtype=False, rtol=1e-9)
    for name in ("no_source", "no_destination", "no_airline"):
        (count,) = (rows for link, rows in counts.items() if link.endswith(f"- {name}.input"))
        assert len(pd.read_csv(out / f"{name}.csv")) == count
