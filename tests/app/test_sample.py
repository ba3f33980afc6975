"""The specification's sample flow, word for word: validates, builds, runs from its job folder, also copied elsewhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.app.conftest import Pype

SAMPLE = Path(__file__).parents[1] / "flows" / "sample_etl.yaml"
PARTS = {"sample_etl.yaml", "sample_etl_dag.json", "sample_etl_execution_metadata.json", "context/sample_etl_default.json"}


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def people(tmp_path: Path) -> pd.DataFrame:
    frame = pd.DataFrame({"name": ["Ada", "Tim", "Zoë", "Max", "Uma"], "age": [36, 12, 19, 18, 85]})
    frame.to_csv(tmp_path / "input.csv", index=False)
    return frame


@pytest.fixture
def here(tmp_path: Path, people: pd.DataFrame) -> Path:
    """The sample with its two paths, and nothing else, moved to where a test may write."""
    flow = tmp_path / "sample_etl.yaml"
    flow.write_text(SAMPLE.read_text().replace("/data/", f"{tmp_path}/"))
    return flow


def test_word_for_word_it_validates_with_one_warning_for_each_inner_control_link(pype: Pype) -> None:
    done = pype("validate", SAMPLE)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert "source_csv (1|) transform_data" in lines[0]
    assert "transform_data (2|) output_parquet" in lines[1]
    assert all("warning" in line and "sample_etl.yaml:4" in line for line in lines)
    assert "good" in done.stdout
    problems = json.loads(pype("validate", SAMPLE, "--json").stdout)
    assert problems["ok"]
    assert [p["severity"] for p in problems["problems"]] == ["warning", "warning"]


def test_word_for_word_it_builds_and_equal_input_gives_equal_bytes(pype: Pype, tmp_path: Path) -> None:
    first = pype("build", SAMPLE, "--out", tmp_path / "one")
    assert first.returncode == 0, first.stderr
    made = files(tmp_path / "one" / "sample_etl")
    assert set(made) == PARTS
    assert made["sample_etl.yaml"] == SAMPLE.read_bytes()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(SAMPLE, elsewhere / "renamed.yaml")
    assert pype("build", "renamed.yaml", cwd=elsewhere, env={"PYTHONHASHSEED": "5", "TZ": "Asia/Tokyo"}).returncode == 0
    assert files(elsewhere / "jobs" / "sample_etl") == made

    dag = json.loads(made["sample_etl_dag.json"])
    types = {node["id"]: node["module_path"] for node in dag["nodes"]}
    assert list(types) == ["source_csv", "transform_data", "output_parquet"]
    assert all(path.startswith("pypeline.") for path in types.values())
    assert str(tmp_path) not in made["sample_etl_dag.json"].decode()


@pytest.mark.parametrize("mode", ["pandas", "dask", "auto"])
def test_it_runs_in_every_execution_mode_with_equal_rows(pype: Pype, here: Path, tmp_path: Path, people: pd.DataFrame, mode: str) -> None:
    here.write_text(here.read_text().replace("execution_mode: pandas", f"execution_mode: {mode}"))
    done = pype("run", here)
    assert done.returncode == 0, done.stderr
    found = pd.read_parquet(tmp_path / "output.parquet")
    pd.testing.assert_frame_equal(found, people[people["age"] > 18].reset_index(drop=True), check_dtype=False)


def test_it_runs_from_the_job_folder_also_copied_elsewhere_and_without_a_registry(pype: Pype, here: Path, tmp_path: Path, people: pd.DataFrame) -> None:
    assert pype("build", here).returncode == 0
    job = tmp_path / "jobs" / "sample_etl"
    copied = tmp_path / "far" / "away"
    shutil.copytree(job, copied)
    here.unlink()
    for folder in (job, copied):
        (tmp_path / "output.parquet").unlink(missing_ok=True)
        done = pype("run", folder, cwd=tmp_path / "far")
        assert done.returncode == 0, done.stderr
        assert pd.read_parquet(tmp_path / "output.parquet")["name"].tolist() == ["Ada", "Zoë", "Uma"]
        assert (folder / ".pypeline" / "run_bundles").is_dir()
