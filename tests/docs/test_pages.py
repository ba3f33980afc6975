"""The documentation is true: every block runs, every link leads somewhere, generated pages are fresh.

A block's first line says what happens to it: ``yaml flow`` is read and checked, ``yaml part`` is laid
over a minimal flow and read, ``python run`` runs, ``file=NAME`` is also kept for the page's later blocks,
``console`` runs each ``$`` line and looks for the lines below it in the answer; ``text`` is for reading.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pypeline.core.check import check
from pypeline.runner import registry
from pypeline.schema.problems import errors
from pypeline.schema.reader import read

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
BLOCK = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
KINDS = {"yaml flow", "yaml part", "yaml", "python", "python run", "console", "text"}


def blocks(page: Path) -> Iterator[tuple[str, str, str]]:
    """(kind, file name or nothing, text) of each block, in order."""
    for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
        words = found[1].split()
        file = next((word.removeprefix("file=") for word in words if word.startswith("file=")), "")
        yield " ".join(word for word in words if not word.startswith("file=")), file, found[2]


@pytest.mark.parametrize("page", [page for page in PAGES if "```" in page.read_text(encoding="utf-8")], ids=lambda p: p.name)
def test_every_block_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    for kind, file, text in blocks(page):
        assert kind in KINDS, f"{page.name}: unknown kind of block `{kind}`"
        assert kind not in {"yaml", "python"} or file, f"{page.name}: a block that nothing checks"
        if file:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(text, encoding="utf-8")
        if kind == "yaml flow":
            checked(text, tmp_path)
        elif kind == "yaml part":
            minimal = {"flow": {"name": "part"}, "modules": [{"id": "a", "name": "log_sink"}]}
            assert [str(p) for p in read(yaml.safe_dump({**minimal, **yaml.safe_load(text)}).encode()).problems] == []
        elif kind == "python run":
            done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0, done.stderr
        elif kind == "console":
            console(text, tmp_path)


def checked(text: str, folder: Path) -> None:
    result = read(text.encode())
    assert result.flow is not None, [str(p) for p in result.problems]
    assert [str(p) for p in errors(check(result.flow, registry.load(folder)))] == []


def console(text: str, folder: Path) -> None:
    answer = ""
    for line in text.splitlines():
        if not line.startswith("$ "):
            assert line in answer, f"`{line}` is not in:\n{answer}"
            continue
        program, *words = shlex.split(line[2:])
        assert program == "pype"
        command = [sys.executable, "-m", "pypeline.app.cli.main", *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        answer = done.stdout + done.stderr
        assert done.returncode == 0, f"{line}\n{answer}"


def test_generated_pages_are_as_the_code_makes_them() -> None:
    done = subprocess.run([sys.executable, ROOT / "tools" / "docs.py", "--check"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{page.name}: {target}"
        if anchor:
            heads = {
                re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
                for line in found.read_text(encoding="utf-8").splitlines()
                if line.startswith("#")
            }
            assert anchor in heads, f"{page.name}: {target}"


def test_the_architecture_page_names_files_that_exist() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    here = [row.split("|") for row in text.splitlines() if row.startswith("|") and ".py" in row]
    named = {name for row in here for cell in row[2:3] for name in re.findall(r"`([\w/]+\.(?:py|json))`", cell)} - {"ModRegistry.json"}
    assert named
    assert [name for name in sorted(named) if not (ROOT / "pypeline" / name).is_file()] == []
