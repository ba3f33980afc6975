"""Code modules: Python between tables, Python alone, shell commands, file lists; run as the runner runs them."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pypeline.core.modules import RunContext
from pypeline.core.planned import PlannedModule
from pypeline.runner import registry
from pypeline.runner.instances import make
from pypeline.runner.tables.artifacts import ArtifactManager
from pypeline.schema.problems import PypeError


class Threads:
    async def run_in_thread(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(None, partial(fn, *args))


def ran(type: str, project: Path, inputs: dict[str, Any] | None = None, /, **configs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The outputs and the globals of one run of ``type``."""
    decl = registry.load(project)[type]
    instance = make(PlannedModule("m", type, decl.module_path, decl.kind, decl.effects, decl.relational, configs), project)
    store: dict[str, Any] = {}
    context = RunContext("m#0", ArtifactManager(), Threads(), logging.getLogger("test"), store)
    outputs = asyncio.run(instance.run(inputs or {}, context))
    return outputs, {key.removeprefix("m#0."): value for key, value in store.items()}


def tables(*given: dict[str, list[Any]]) -> dict[str, Any]:
    return {"input": [ArtifactManager().register(pa.table(table).to_pandas()) for table in given]}


TWO = {"a": [1, 2], "b": ["x", "y"]}


def test_pandas_is_the_default(tmp_path: Path) -> None:
    code = "def transform(frame):\n    frame['c'] = frame['a'] * 10\n    return frame[['c']]\n"
    outputs, _ = ran("python_mod", tmp_path, tables(TWO), code=code)
    assert list(outputs["output"]["c"]) == [10, 20]


@pytest.mark.parametrize(
    "code",
    [
        "import pyarrow as pa\ndef transform(table: pa.Table):\n    return table.select(['a'])",
        "import pandas as pd\ndef transform(frame: pd.DataFrame):\n    return frame[['a']]",
        "import polars as pl\ndef transform(frame: pl.DataFrame):\n    return frame.select('a')",
        "def transform(frame: 'pl.DataFrame'):\n    return frame.select('a')",
        "import pyarrow as pa\ndef transform(batches: 'Iterator[pa.RecordBatch]'):\n    for b in batches:\n        yield b.select(['a'])",
        "async def transform(frame):\n    return frame[['a']]",
    ],
)
def test_tables_come_as_the_annotation_asks(tmp_path: Path, code: str) -> None:
    outputs, _ = ran("python_mod", tmp_path, tables(TWO), code=code)
    found = outputs["output"]
    if isinstance(found, pa.RecordBatchReader):
        found = found.read_all()
    assert [int(v) for v in found["a"].to_numpy()] == [1, 2]


SPLIT = """
def split(left, right, ctx, *, rate=1):
    ctx.set_global("rows", len(left) + len(right))
    return {"one": left, "two": right.assign(a=right["a"] * rate)}
"""


def test_several_tables_parameters_outputs_and_globals(tmp_path: Path) -> None:
    outputs, store = ran(
        "python_mod", tmp_path, tables(TWO, TWO), code=SPLIT, function="split", parameters={"rate": 3}, outputs=[{"name": "one"}, {"name": "two"}]
    )
    assert list(outputs["two"]["a"]) == [3, 6]
    assert store == {"rows": 4}


def test_a_file_imports_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "h5_beside.py").write_text("FACTOR = 7\n")
    (tmp_path / "code" / "steps.py").write_text("from h5_beside import FACTOR\ndef transform(frame):\n    return frame.assign(a=frame['a'] * FACTOR)\n")
    outputs, _ = ran("python_mod", tmp_path, tables(TWO), file="code/steps.py")
    assert list(outputs["output"]["a"]) == [7, 14]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"code": "def transfrom(frame):\n    return frame"}, "no function `transform`"),
        ({"code": "def transform(frame) return"}, "not Python"),
        ({"code": "def transform():\n    return 1"}, "1 tables arrive"),
        ({"code": "def transform(a, b):\n    return a"}, "nothing is given for the function's parameter `b`"),
        ({"code": "def transform(a):\n    pass"}, "returned nothing"),
        ({"code": "def transform(a):\n    return a", "parameters": {"x": 1}}, "no parameter `x`"),
        ({"code": "def transform(a):\n    return {'one': a}", "outputs": [{"name": "one"}, {"name": "two"}]}, "no table for `two`"),
    ],
)
def test_code_that_does_not_fit_is_told_so(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(PypeError) as caught:
        ran("python_mod", tmp_path, tables(TWO), **options)
    assert caught.value.problems[0].code == "PYE384"
    assert message in caught.value.problems[0].message


def test_python_solo_sets_globals_from_what_it_returns(tmp_path: Path) -> None:
    assert ran("python_solo", tmp_path, code="def main(n):\n    return {'double': n * 2}", parameters={"n": 4})[1] == {"double": 8}
    assert ran("python_solo", tmp_path, code="async def main():\n    return 5")[1] == {"result": 5}


def test_config_that_does_not_fit_is_placed_at_the_module(tmp_path: Path) -> None:
    with pytest.raises(PypeError) as caught:
        ran("python_solo", tmp_path)
    assert [(p.code, p.place.module) for p in caught.value.problems] == [("PYE374", "m")]
    with pytest.raises(PypeError) as caught:
        ran("file_list", tmp_path, folder="x", limit="many", sort="colour")
    assert [p.place.path[0] for p in caught.value.problems] == ["sort", "limit"]


def test_shell_arguments_are_words_and_text_is_a_script(tmp_path: Path) -> None:
    _, store = ran("shell_solo", tmp_path, command=["printf", "%s|", "a b", "$HOME;ls"])
    assert store == {"exit_code": 0, "stdout": "a b|$HOME;ls|", "stderr": ""}
    _, store = ran("shell_solo", tmp_path, command="cat; echo no >&2; exit 3", stdin="given", good_exit_codes=[3])
    assert store == {"exit_code": 3, "stdout": "given", "stderr": "no"}


def test_shell_gets_the_environment_it_may_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("H5_SECRET", "no")
    monkeypatch.setenv("H5_SEEN", "yes")
    _, store = ran("shell_solo", tmp_path, command="echo $H5_SECRET-$H5_SEEN-$H5_SET", environment=["H5_SEEN"], set={"H5_SET": "set"})
    assert store["stdout"] == "-yes-set"


def test_shell_failure_names_code_and_last_line(tmp_path: Path) -> None:
    with pytest.raises(PypeError) as caught:
        ran("shell_solo", tmp_path, command="echo first >&2; echo last >&2; exit 4")
    assert caught.value.problems[0].message == "the command ended with exit code 4: last"
    with pytest.raises(PypeError) as caught:
        ran("shell_solo", tmp_path, command=["no-such-program-h5"])
    assert "no-such-program-h5" in caught.value.problems[0].message


def test_shell_time_limit_ends_all_it_started(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(PypeError) as caught:
        ran("shell_solo", tmp_path, command="sleep 300 & echo $! > child; wait", timeout=0.5)
    assert time.monotonic() - begun < 20
    assert caught.value.problems[0].code == "PYE385"
    child = int((tmp_path / "child").read_text())
    for _ in range(200):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            break
        if Path(f"/proc/{child}/stat").read_text().split()[2] == "Z":
            break
        time.sleep(0.01)
    else:
        raise AssertionError("the command's child outlived its time limit")


def test_shell_keeps_the_first_of_much_output(tmp_path: Path) -> None:
    _, store = ran("shell_solo", tmp_path, command="yes | head -c 3000000", capture=10)
    assert store["stdout"] == "y\ny\ny\ny\ny"


def test_a_child_in_the_background_neither_holds_the_command_nor_outlives_it(tmp_path: Path) -> None:
    begun = time.monotonic()
    _, store = ran("shell_solo", tmp_path, command="sleep 300 & echo $!; echo done")
    assert time.monotonic() - begun < 10
    child, said = store["stdout"].split()
    assert said == "done"
    stat = Path(f"/proc/{child}/stat")
    assert not stat.exists() or stat.read_text().split()[2] == "Z"


def test_shell_output_as_lines_json_and_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert ran("shell_solo", tmp_path, command="printf 'a\\nb\\n'", stdout_as="lines", log="all")[1]["stdout"] == ["a", "b"]
    assert [r.getMessage() for r in caplog.records if r.name == "test"] == ["a", "b"]
    assert ran("shell_solo", tmp_path, command="echo '{\"a\": [1]}'", stdout_as="json")[1]["stdout"] == {"a": [1]}
    with pytest.raises(PypeError, match="not JSON"):
        ran("shell_solo", tmp_path, command="echo no", stdout_as="json")


def test_file_list_filters_and_sorts(tmp_path: Path) -> None:
    for name, size in (("b.csv", 3), ("a.csv", 1), ("note.txt", 9), ("sub/c.csv", 2), (".hidden.csv", 1), ("x.tmp.csv", 4)):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"-" * size)

    def names(**options: Any) -> list[str]:
        outputs, store = ran("file_list", tmp_path, folder="in", **options)
        assert store["row_count"] == outputs["data"].num_rows
        return [str(name) for name in outputs["data"]["name"].to_pylist()]

    assert names(pattern="*.csv", exclude=["*.tmp.*"]) == ["a.csv", "b.csv"]
    assert names(pattern="*.csv", recursive=True, sort="size", descending=True, limit=2) == ["x.tmp.csv", "b.csv"]
    assert names(regex=r"[a-z]\.csv", hidden=True) == ["a.csv", "b.csv"]
    assert names(kind="folders") == ["sub"]
    assert names(min_size=3, max_size=4) == ["b.csv", "x.tmp.csv"]
    assert names(modified_after="2999-01-01") == []
    with pytest.raises(PypeError, match="PYE390"):
        names(pattern="*.none", required=True)
    with pytest.raises(PypeError, match=r"PYE390.* Did you mean `in`"):
        ran("file_list", tmp_path, folder="inn")


def test_file_list_says_which_name_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "good.txt").touch()
    odd = os.fsencode(tmp_path / "in") + b"/\xff.txt"
    try:
        os.close(os.open(odd, os.O_CREAT | os.O_WRONLY))
    except OSError:
        pytest.skip("this file system takes no such name")
    with pytest.raises(PypeError) as caught:
        ran("file_list", tmp_path, folder="in")
    problem = caught.value.problems[0]
    assert problem.code == "PYE391"
    assert "\\xff.txt` is not UTF-8" in problem.message
    assert ran("file_list", tmp_path, folder="in", pattern="g*")[1]["row_count"] == 1


def test_a_frame_of_a_package_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(PypeError, match="PYE383"):
        ran("python_mod", tmp_path, tables(TWO), code="def transform(frame: 'pl.DataFrame'):\n    return frame")
