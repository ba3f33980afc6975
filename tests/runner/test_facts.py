"""Facts: what planning learns from the world, and how it says what is missing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pypeline.core.columns import names
from pypeline.core.facts import Facts
from pypeline.runner.facts import gather, warnings
from pypeline.runner.registry import load
from pypeline.runner.variables import context, environments, plain_secrets
from pypeline.schema.flow import Flow
from pypeline.schema.problems import PypeError
from pypeline.schema.reader import read


def flow_of(*modules: dict[str, Any], **more: Any) -> Flow:
    text = json.dumps({"flow": {"name": "facts", **more.pop("flow", {})}, "modules": list(modules), **more}, indent=1)
    found = read(text, "facts.yaml")
    assert found.flow is not None, found.problems
    return found.flow


def source(file: Any, id: str = "s", **options: Any) -> dict[str, Any]:
    return {"id": id, "name": "csv_source", "configs": {"required": {"file_path": file}, "optional": options}}


def gathered(folder: Path, *modules: dict[str, Any], **more: Any) -> Facts:
    return gather(flow_of(*modules, **more), load(folder), folder)


def problem(folder: Path, *modules: dict[str, Any], **more: Any) -> Any:
    with pytest.raises(PypeError) as caught:
        gathered(folder, *modules, **more)
    return caught.value.problems[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for name, text in {"people.csv": "id,name\n1,ann\n2,007\n", "people-2.csv": "id,name\n3,bob\n", "rest.txt": "x\n"}.items():
        (tmp_path / "data" / name).write_text(text)
    return tmp_path


def test_files_headers_and_types_are_found(folder: Path) -> None:
    facts = gathered(folder, source("data/people.csv"))
    found = facts.sources["s"]
    assert [(f.path, f.size) for f in found.files] == [("data/people.csv", 20)]
    assert (found.header, found.sniffed) == (("id", "name"), True)
    assert [(c.name, c.type) for c in found.columns] == [("id", "int64"), ("name", "string")]
    assert facts.machine.cpus >= 1
    assert facts.machine.memory > 2**20


def test_declared_types_are_not_guessed(folder: Path) -> None:
    found = gathered(folder, source("data/people.csv", columns={"id": "string"})).sources["s"]
    assert (found.sniffed, found.columns, found.header) == (False, (), ("id", "name"))


def test_a_guess_is_one_warning_with_its_mend(folder: Path) -> None:
    flow = flow_of(source("data/people.csv"), source("data/people.csv", "t", columns={"id": "int64"}))
    (found,) = warnings(flow, gather(flow, load(folder), folder))
    assert (found.code, found.severity, found.place.module, found.mend) == ("PYE396", "warning", "s", "Write the types into the flow.")


@pytest.mark.parametrize(
    ("said", "paths"),
    [
        ("data", ["data/people-2.csv", "data/people.csv", "data/rest.txt"]),
        ("data/*.csv", ["data/people-2.csv", "data/people.csv"]),
        ("**/*.txt", ["data/rest.txt"]),
        (["data/people.csv", "data/people-?.csv", "data/people.csv"], ["data/people.csv", "data/people-2.csv"]),
        ("./data/../data/people.csv", ["data/people.csv"]),
    ],
)
def test_patterns_lists_and_folders(folder: Path, said: Any, paths: list[str]) -> None:
    assert [f.path for f in gathered(folder, source(said)).sources["s"].files] == paths


def test_a_missing_file_names_its_nearest_and_its_line(folder: Path) -> None:
    found = problem(folder, source("data/poeple.csv"))
    assert (found.code, found.place.module, found.place.path) == ("PYE390", "s", ("modules", 0, "configs", "required", "file_path"))
    assert found.place.line > 1
    assert "`people.csv`" in found.mend
    assert "does not exist either" in problem(folder, source("nowhere/at/all.csv")).mend
    assert problem(folder, source("data/*.xml")).code == "PYE390"


def test_all_missing_files_are_told_at_once(folder: Path) -> None:
    with pytest.raises(PypeError) as caught:
        gathered(folder, source("a.csv", "a"), source("b.csv", "b"))
    assert [p.place.module for p in caught.value.problems] == ["a", "b"]


def test_what_is_no_regular_file_is_not_opened(folder: Path) -> None:
    os.mkfifo(folder / "pipe.csv")
    assert problem(folder, source("pipe.csv")).code == "PYE391"
    assert problem(folder, source("/dev/zero")).code == "PYE391"
    (folder / "loose.csv").symlink_to("gone.csv")
    assert "link to nothing" in problem(folder, source("loose.csv")).message


def test_a_declared_column_that_is_missing(folder: Path) -> None:
    found = problem(folder, source("data/people.csv", columns={"id": "int64", "nam": "string"}))
    assert (found.code, found.place.path[-2:], found.mend) == ("PYE395", ("columns", "nam"), "Did you mean `name`?")
    (folder / "data" / "large.csv").write_text("Id,Name\n1,x\n")
    assert problem(folder, source("data/large.csv", columns={"zip": "int64"})).mend == "Known: `Id`, `Name`."
    (folder / "data" / "people-3.csv").write_text("id\n4\n")
    flow = flow_of(source("data/people*.csv", columns={"id": "int64", "name": "string"}, missing_columns="reject"))
    with pytest.raises(PypeError, match="PYE395"):
        gather(flow, load(folder), folder, deep=True)


def test_context_and_environment_stand_in_paths(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "context").mkdir()
    (folder / "context" / "facts_default.json").write_text('{"where": "data", "n": 1}')
    (folder / "context" / "facts_prod.json").write_text('{"n": 2}')
    monkeypatch.setenv("H5_FILE", "people")
    flow = flow_of(source("{{context.where}}/{{env.H5_FILE}}.csv"), flow={"env": ["H5_FILE"]})
    facts = gather(flow, load(folder), folder, context_name="prod", sets={"more": True})
    assert facts.context == {"where": "data", "n": 2, "more": True}
    assert facts.env == {"H5_FILE": "people"}
    assert [f.path for f in facts.sources["s"].files] == ["data/people.csv"]


def test_an_environment_variable_that_is_not_set(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("H5_NONE", raising=False)
    found = problem(folder, source("data/people.csv"), flow={"env": ["H5_NONE"]})
    assert (found.code, found.place.path) == ("PYE394", ("flow", "env", 0))


def test_unknown_contexts_and_broken_files(folder: Path) -> None:
    flow = flow_of(source("data/people.csv"))
    (folder / "context").mkdir()
    (folder / "context" / "facts_prod.json").write_text("{}")
    assert environments("facts", folder) == ["prod"]
    for name in ("prd", "../prod", "a/b"):
        with pytest.raises(PypeError, match="PYE392"):
            context(flow, folder, name)
    for text in ("{", "[]", '{"a": [1]}', '{"a": 1, "a": 2}', '{"a-b": 1}', '{"a": NaN}', b"\xff\xfe\x00".decode("latin-1")):
        (folder / "context" / "facts_default.json").write_bytes(text.encode("latin-1"))
        with pytest.raises(PypeError, match="PYE393"):
            context(flow, folder)
    (folder / "context" / "facts_default.json").unlink()
    os.mkfifo(folder / "context" / "facts_default.json")
    with pytest.raises(PypeError, match="PYE393"):
        context(flow, folder)


def test_a_secret_in_plain_text_is_seen() -> None:
    found = plain_secrets({"db_password": "x", "api_key": "y", "token_count": 3, "tokens": "z", "secret": "", "monkey": "m", "password_file": "p"})
    assert [p.message.split("`")[1] for p in found] == ["db_password", "api_key", "password_file"]


def test_a_file_that_this_run_writes_is_left_for_the_run(folder: Path) -> None:
    made = {"id": "m", "name": "inline_source", "configs": {"required": {"columns": {"a": "int64"}, "rows": [[1]]}}}
    sink = {"id": "o", "name": "csv_sink", "configs": {"required": {"output_path": "later.csv"}}}
    links = {"data": ["m.data - o.input"], "control": ["o (1|) s"]}
    facts = gathered(folder, made, sink, source("later.csv"), connections=links)
    assert "s" not in facts.sources
    assert gathered(folder, made, sink, source("data/people.csv"), connections={"data": ["m.data - o.input"]}).sources


def test_a_path_known_at_run_time_only_is_left_for_the_run(folder: Path) -> None:
    assert "s" not in gathered(folder, source("{{other__file}}")).sources


def test_digests_where_results_are_kept(folder: Path) -> None:
    cached = gathered(folder, source("data/people.csv"), settings={"cache": "on"}).sources["s"].files[0]
    assert len(cached.digest) == 32
    assert gathered(folder, source("data/people.csv")).sources["s"].files[0].digest == ""
    stat = gathered(folder, source("data/people.csv"), settings={"cache": {"mode": "on", "verify": "stat"}})
    assert stat.sources["s"].files[0].digest == ""


def test_code_is_hashed_for_types_and_for_files_of_user_code(folder: Path) -> None:
    code = folder / "step.py"
    code.write_text("from helper import N\ndef main():\n    return N\n")
    (folder / "helper.py").write_text("N = 1\n")
    module = {"id": "p", "name": "python_solo", "configs": {"optional": {"file": "step.py"}}}
    first = gathered(folder, module)
    assert len(first.code["python_solo"]) == 32
    (folder / "helper.py").write_text("N = 2\n")
    second = gathered(folder, module)
    assert first.code == second.code
    assert first.sources["p"].files[0].digest != second.sources["p"].files[0].digest


def test_equal_facts_twice(folder: Path) -> None:
    assert gathered(folder, source("data/*.csv")) == gathered(folder, source("data/*.csv"))


def test_an_optional_file_may_be_missing(folder: Path) -> None:
    found = gathered(folder, source("none.csv", columns={"a": "int64"}, file_required=False)).sources["s"]
    assert (found.files, names(found.columns)) == ((), ())
