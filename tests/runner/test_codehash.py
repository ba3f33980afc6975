"""The code hash: what a module means with all of its project that it reaches, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypeline.runner.codehash import code_hash, text_hash

FILES = {
    "steps/main.py": (
        '"""Says hello."""\nimport json\nfrom steps.near import helper, LIMIT\nfrom . import shapes\nimport steps.deep.well\nfrom steps.stars import *\n\n'
        "def run(x):\n    return helper(x) + LIMIT + shapes.area(x) + steps.deep.well.depth() + bright\n"
    ),
    "steps/__init__.py": "",
    "steps/near.py": "import math\n\nLIMIT = 3\nUNUSED = 1\n\ndef helper(x):\n    return inner(x)\n\ndef inner(x):\n    return x + math.pi\n"
    "\ndef stranger():\n    return 0\n",
    "steps/shapes.py": "from .units import SCALE\n\ndef area(x):\n    return x * SCALE\n\ndef volume(x):\n    return x\n",
    "steps/units.py": "SCALE = 2\nOTHER = 5\n",
    "steps/deep/__init__.py": "",
    "steps/deep/well.py": "def depth():\n    return 9\n",
    "steps/stars.py": "bright = 1\n",
    "steps/apart.py": "X = 1\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def hashed(project: Path) -> str:
    return code_hash(project / "steps/main.py", project)


def change(project: Path, name: str, old: str, new: str) -> None:
    file = project / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("steps/main.py", "return helper(x)", "return 2 * helper(x)"),
        ("steps/near.py", "LIMIT = 3", "LIMIT = 4"),
        ("steps/near.py", "return inner(x)", "return -inner(x)"),
        ("steps/near.py", "x + math.pi", "x - math.pi"),
        ("steps/shapes.py", "x * SCALE", "x + SCALE"),
        ("steps/units.py", "SCALE = 2", "SCALE = 3"),
        ("steps/deep/well.py", "return 9", "return 8"),
        ("steps/stars.py", "bright = 1", "bright = 2"),
    ],
)
def test_what_is_reached_counts(project: Path, name: str, old: str, new: str) -> None:
    before = hashed(project)
    change(project, name, old, new)
    assert hashed(project) != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("steps/main.py", '"""Says hello."""', '"""Says more."""\n# and this'),
        ("steps/near.py", "def helper(x):\n", "def helper(x):\n    '''Helps.'''\n\n    # by calling\n"),
        ("steps/near.py", "LIMIT = 3", "LIMIT   =   3  # at most"),
        ("steps/near.py", "UNUSED = 1", "UNUSED = 2"),
        ("steps/near.py", "return 0", "return 1"),
        ("steps/shapes.py", "return x\n", "return x * x\n"),
        ("steps/units.py", "OTHER = 5", "OTHER = 6"),
        ("steps/apart.py", "X = 1", "X = 2"),
    ],
)
def test_what_is_not_reached_or_says_nothing_does_not(project: Path, name: str, old: str, new: str) -> None:
    before = hashed(project)
    change(project, name, old, new)
    assert hashed(project) == before


def test_equal_in_another_place(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    for name, text in FILES.items():
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_text(text)
    assert hashed(other) == hashed(project)


def test_a_cycle_of_imports_ends(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from b import g\ndef f():\n    return g\n")
    (tmp_path / "b.py").write_text("from a import f\ndef g():\n    return f\n")
    assert len(code_hash(tmp_path / "a.py", tmp_path)) == 32


def test_imports_inside_functions_and_conditions_count(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("try:\n    import b\nexcept ImportError:\n    b = None\ndef f():\n    from c import g\n    return g()\n")
    (tmp_path / "b.py").write_text("X = 1\n")
    (tmp_path / "c.py").write_text("def g():\n    return 1\ndef h():\n    return 1\n")
    first = code_hash(tmp_path / "a.py", tmp_path)
    (tmp_path / "c.py").write_text("def g():\n    return 2\ndef h():\n    return 1\n")
    second = code_hash(tmp_path / "a.py", tmp_path)
    (tmp_path / "b.py").write_text("X = 2\n")
    third = code_hash(tmp_path / "a.py", tmp_path)
    (tmp_path / "c.py").write_text("def g():\n    return 2\ndef h():\n    return 3\n")
    assert len({first, second, third}) == 3
    assert code_hash(tmp_path / "a.py", tmp_path) == third


def test_text() -> None:
    assert text_hash("x = 1") == text_hash("x   = 1  # one") != text_hash("x = 2")
    assert text_hash("not python") != text_hash("not python!")
