"""A disk that is really full (a tmpfs of one megabyte): under the run folder, and under a sink."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runner.conftest import Project, flow

SHELL = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" -m pypeline.app.cli.main run --quiet flow.yaml'


def run_with_small(folder: Path, small: Path, text: str, **env: str) -> subprocess.CompletedProcess[str]:
    """`pype run` in a namespace where ``small`` is a disk of one megabyte."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Urm", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no user namespaces here: a small disk cannot be mounted")
    (folder / "flow.yaml").write_text(text)
    small.mkdir()
    command = ["unshare", "-Urm", "env", *(f"{k}={v}" for k, v in env.items()), "sh", "-c", SHELL, "sh", str(small), sys.executable]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    if done.stderr.startswith("mount:"):
        pytest.skip("a small disk cannot be mounted here")
    return done


def test_a_full_run_folder_fails_the_run_with_its_name(project: Project) -> None:
    code = "def main():\\n    for i in range(400):\\n        print(str(i) * 3000)"
    text = flow(f'  - {{id: loud, name: python_solo, configs: {{optional: {{code: "{code}"}}}}}}')
    small = project.folder / "small"
    done = run_with_small(project.folder, small, text, PYPELINE_HOME=str(small / "home"))
    assert done.returncode == 1, done.stderr
    assert "PYE503" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_full_disk_under_a_sink_is_named(project: Project) -> None:
    source = project.folder / "many.csv"
    source.write_text("n,t\n" + "".join(f"{i},some text to fill the disk with {i * 7919}\n" for i in range(60_000)))
    text = flow(
        "  - {id: src, name: csv_source, configs: {required: {file_path: many.csv}, optional: {columns: {n: int64, t: string}}}}",
        "  - {id: out, name: csv_sink, configs: {required: {output_path: small/out.csv}}}",
        data=("src.data - out.input",),
    )
    small = project.folder / "small"
    done = run_with_small(project.folder, small, text)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "disk" in said
    assert "full" in said or "space" in said
    assert "Traceback" not in said
