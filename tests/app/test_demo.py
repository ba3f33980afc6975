"""`pype demo`: a whole project from nothing, and what is there already stays."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.app.conftest import Pype


def test_the_demo_makes_a_project_runs_it_and_says_what_to_do_next(pype: Pype, tmp_path: Path) -> None:
    done = pype("demo", "--orders", "2000")
    assert done.returncode == 0, done.stderr
    demo = tmp_path / "demo"
    assert {p.name for p in (demo / "out").iterdir()} == {"orders.parquet", "countries.csv", "months.csv", "bad_lines.csv", "unknown_customers.csv"}
    with (demo / "out" / "countries.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert [float(r["revenue"]) for r in rows] == sorted((float(r["revenue"]) for r in rows), reverse=True)
    assert all(row["country"] in done.stdout for row in rows)
    picture = ET.parse(demo / "shop.svg")
    assert "known" in "".join(picture.getroot().itertext())
    (report,) = demo.glob(".pypeline/run_bundles/*/attempt-1/report.html")
    assert str(report.relative_to(tmp_path)) in done.stdout
    assert "next: " in done.stdout.splitlines()[-1]

    (summary,) = demo.glob(".pypeline/run_bundles/*/attempt-1/summary.json")
    links = json.loads(summary.read_text())["links"]
    # what comes out of the join one way or the other is what went in
    assert links["known.output - priced.input"] + links["known.reject - unknown_customers.input"] == links["with_price.output - known.left"]

    flow = demo / "shop.yaml"
    flow.write_text(flow.read_text(encoding="utf-8").replace("price is not null and quantity > 0", "price > 100"), encoding="utf-8")
    changed = flow.read_bytes()
    again = pype("demo", "--orders", "2000")
    assert again.returncode == 0, again.stderr
    assert flow.read_bytes() == changed
    assert "made" not in again.stdout


def test_the_project_can_be_made_without_a_run(pype: Pype, tmp_path: Path) -> None:
    done = pype("demo", "--orders", "200", "--no-run")
    assert done.returncode == 0, done.stderr
    demo = tmp_path / "demo"
    assert {p.name for p in demo.iterdir()} == {"data", "out", "shop.yaml"}
    assert not list((demo / "out").iterdir())
