"""Artifacts: the specification's protocol, when they spill, and that looking at one runs nothing."""

from __future__ import annotations

import inspect
import logging
import os
import threading
from pathlib import Path
from urllib.parse import urlparse

import dask.dataframe as dd
import pandas as pd
import pyarrow as pa
import pytest

from pypeline.core.columns import Column
from pypeline.core.modules import DataArtifact
from pypeline.runner.tables import artifacts, memory
from pypeline.runner.tables.artifacts import ArtifactManager, MemoryArtifact, ParquetArtifact

FRAME = pd.DataFrame({"id": [1, 2, 3], "name": ["x", None, "z"]})
COLUMNS = (Column("id", "int64"), Column("name", "string"))


def path_of(artifact: DataArtifact) -> Path:
    return Path(urlparse(artifact.uri).path)


def test_a_small_frame_stays_in_memory() -> None:
    artifact = ArtifactManager().register(FRAME)
    assert isinstance(artifact, MemoryArtifact)
    assert artifact.to_pandas() is FRAME
    assert (artifact.n_rows, artifact.schema) == (3, COLUMNS)
    assert artifact.uri.startswith("memory://")
    assert artifact.to_dask().compute().equals(FRAME)
    assert artifact.to_arrow().column("id").to_pylist() == [1, 2, 3]
    assert ArtifactManager().adopt(artifact) is artifact


@pytest.mark.parametrize("config", [{"spill_threshold_rows": 2}, {"max_ram_share": 0.0}])
def test_a_large_frame_or_little_room_spills(config: dict[str, float], caplog: pytest.LogCaptureFixture) -> None:
    manager = ArtifactManager(config)
    with caplog.at_level(logging.INFO):
        artifact = manager.register(FRAME)
    path = path_of(artifact)
    assert isinstance(artifact, ParquetArtifact)
    assert caplog.messages == [f"spill to parquet at {path}"]
    assert path.parent.name.startswith("pypeline_")
    assert path.parent.stat().st_mode & 0o077 == 0
    assert (artifact.n_rows, artifact.schema) == (3, COLUMNS)
    assert artifact.to_pandas()["name"].isna().tolist() == [False, True, False]
    assert artifact.to_arrow().num_rows == len(artifact.to_dask()) == 3
    manager.close()
    assert not path.parent.exists()


def test_a_dask_frame_of_known_length_stays_lazy() -> None:
    frame = dd.from_pandas(FRAME, npartitions=2)
    artifact = ArtifactManager().register(frame)
    assert isinstance(artifact, MemoryArtifact)
    assert artifact.n_rows == 3
    assert artifact.to_dask() is frame


def test_a_dask_frame_of_unknown_length_is_counted_while_it_is_written(tmp_path: Path) -> None:
    frame = dd.from_pandas(FRAME, npartitions=2)
    artifact = ArtifactManager({"spill_dir": str(tmp_path / "spill")}).register(frame[frame.id > 1])
    assert isinstance(artifact, ParquetArtifact)
    assert (artifact.n_rows, artifact.to_pandas()["id"].tolist()) == (2, [2, 3])
    assert path_of(artifact).parent == tmp_path / "spill"
    with pytest.raises(ValueError, match="n_rows"):
        MemoryArtifact(frame)


def test_settings_are_the_specifications() -> None:
    manager = ArtifactManager()
    assert (manager.spill_threshold_rows, manager.max_ram_share) == (5_000_000, 0.6)
    assert list(inspect.signature(ArtifactManager.__init__).parameters) == ["self", "config"]
    with pytest.raises(ValueError, match="spil"):
        ArtifactManager({"spil": 1})


def test_many_threads_share_one_spill_folder() -> None:
    manager = ArtifactManager({"spill_threshold_rows": 0})
    found: list[DataArtifact] = []
    threads = [threading.Thread(target=lambda: found.append(manager.register(FRAME))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({path_of(a) for a in found}) == 8
    assert len({path_of(a).parent for a in found}) == 1
    manager.close()


def test_types_by_our_names() -> None:
    table = pa.table({
        "b": pa.array([True]), "i": pa.array([1], pa.int8()), "u": pa.array([1], pa.uint16()), "f": pa.array([1.0], pa.float32()),
        "d": pa.array([1], pa.decimal128(10, 2)), "t": pa.array([0], pa.timestamp("us")), "z": pa.array([0], pa.timestamp("us", "UTC")),
        "l": pa.array([[1]]), "s": pa.array([{"a": "x"}]), "c": pa.array(["x"]).dictionary_encode(), "y": pa.array([b"x"]),
    })  # fmt: skip
    assert [artifacts._type(f.type) for f in table.schema] == [
        "bool", "int8", "uint16", "float", "decimal(10,2)", "timestamp", "timestamptz", "list<int64>", "struct<a: string>", "string", "blob",
    ]  # fmt: skip


def test_a_cgroups_limit_is_the_machines(tmp_path: Path) -> None:
    for folder, limit in (("", "max"), ("job", "2147483648"), ("job/step", "4294967296")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "memory.max").write_text(f"{limit}\n")
    proc = tmp_path / "proc"
    proc.write_text("0::/job/step\n")
    assert min(memory._cgroup_limits(proc, tmp_path)) == 2**31
    (tmp_path / "memory" / "old").mkdir(parents=True)
    (tmp_path / "memory" / "old" / "memory.limit_in_bytes").write_text("1048576\n")
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    proc.write_text("4:memory:/old\n")
    assert memory._cgroup_limits(proc, tmp_path) == [1048576]
    assert 0 < memory.used() < memory.limit() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
