"""Commands that make, check and look at flows, each as a real process."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.app.conftest import Pype

BAD_COLUMN = "age >= 18"


@pytest.fixture
def flow(pype: Pype, tmp_path: Path) -> Path:
    assert pype("new", "people").returncode == 0
    return tmp_path / "people.yaml"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job, built once: copy it before you touch it."""
    folder = tmp_path_factory.mktemp("built")
    for words in (["new", "people"], ["build", "people.yaml"]):
        subprocess.run([sys.executable, "-m", "pypeline.app.cli.main", *words], cwd=folder, capture_output=True, check=True)
    return folder / "jobs" / "people"


@pytest.fixture
def job(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "job"))


def test_a_new_flow_runs_as_it_is(pype: Pype, flow: Path, tmp_path: Path) -> None:
    done = pype("run", "people.yaml")
    assert done.returncode == 0, done.stderr
    assert "completed" in done.stdout
    assert "next: pype report people-" in done.stdout
    with (tmp_path / "people.csv").open(encoding="utf-8") as file:
        assert list(csv.reader(file)) == [["name", "age"], ["Grace", "85"], ["Ada", "36"]]
    again = pype("new", "people")
    assert (again.returncode, again.stderr.split()[0]) == (2, "PYE487")


def test_a_name_that_is_none_writes_nothing(pype: Pype, tmp_path: Path) -> None:
    done = pype("new", "../evil")
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_validate_says_where_and_how_to_mend(pype: Pype, flow: Path) -> None:
    assert pype("validate", flow).stdout.startswith("good  people: 4 modules, 3 links, 0 warnings\n")
    flow.write_text(flow.read_text().replace("name: sort_mod", "name: sort_mode"))
    done = pype("validate", "people.yaml")
    assert done.returncode == 2
    assert done.stderr.count("\n") == len(done.stderr.splitlines())
    code, place, *rest = done.stderr.splitlines()[0].split(" ", 2)
    assert code.startswith("PYE2") or code.startswith("PYE3")
    assert place.startswith("people.yaml:2")
    assert "did you mean `sort_mod`?" in rest[0].lower()
    as_json = json.loads(pype("validate", "people.yaml", "--json").stdout)
    assert not as_json["ok"]
    assert as_json["problems"][0]["code"] == code


def test_validate_deep_finds_a_column_that_is_not_there(pype: Pype, flow: Path) -> None:
    flow.write_text(flow.read_text().replace(BAD_COLUMN, "agee >= 18"))
    line = next(i for i, text in enumerate(flow.read_text().splitlines(), 1) if "agee" in text)
    assert pype("validate", flow).returncode == 0
    done = pype("validate", "people.yaml", "--deep")
    assert done.returncode == 2
    assert f"people.yaml:{line}:" in done.stderr
    assert "agee" in done.stderr


def test_plan_is_the_same_bytes_and_check_tells_that_there_is_work(pype: Pype, flow: Path) -> None:
    first, second = pype("plan", flow, "--json"), pype("plan", flow, "--json", env={"PYTHONHASHSEED": "7"})
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert list(json.loads(first.stdout)["tasks"]) == ["people"]
    shown = pype("plan", flow, "--check", "--resources")
    assert shown.returncode == 1
    assert [line.strip() for line in shown.stdout.splitlines()[:4]] == [
        "sub flow 1",
        "people  segment: execute, it writes (side_effect)",
        "one statement of people, of_age, oldest_first, result",
        "asks for 1 try",
    ]


def test_plan_says_what_starts_a_sub_flow_and_why_a_task_stands_alone(pype: Pype, tmp_path: Path) -> None:
    flow = tmp_path / "three.yaml"
    flow.write_text(
        "flow: {name: three}\nmodules:\n"
        "  - {id: numbers, name: inline_source, configs: {required: {columns: {n: int64}, rows: [[1], [2]]}}}\n"
        "  - {id: twice, name: python_mod, configs: {optional: {code: 'def transform(frame): return frame'}}}\n"
        "  - {id: out, name: csv_sink, configs: {required: {output_path: out.csv}}}\n"
        "  - {id: say, name: shell_solo, configs: {required: {command: [echo, '{{out__row_count}}']}}}\n"
        "  - {id: tidy, name: shell_solo, configs: {required: {command: ['true']}}}\n"
        "connections:\n  data: ['numbers.data - twice.input', 'twice.output - out.input']\n  control: ['out (1|) say']\nfinally: [tidy]\n"
    )
    said = pype("plan", flow).stdout
    assert "on its own because it comes after `twice`, which is Python code" in said
    assert "sub flow 2 started by out (1|) say\n  say      solo: decided in the run, it reads values that only the run knows (at_run)" in said
    assert "sub flow 3 finally: at the end, whatever happened" in said


def test_picture_is_svg(pype: Pype, flow: Path, tmp_path: Path) -> None:
    assert pype("picture", flow).returncode == 0
    root = ET.parse(tmp_path / "people.svg").getroot()
    assert root.tag.endswith("svg")
    assert pype("picture", flow, "--out", "-").stdout.rstrip() == (tmp_path / "people.svg").read_text(encoding="utf-8").rstrip()


def test_schema_of_a_flow_and_of_flow_files(pype: Pype, flow: Path) -> None:
    columns = [{"name": "name", "type": "string", "nullable": True}, {"name": "age", "type": "int64", "nullable": True}]
    assert json.loads(pype("schema", flow, "of_age", "--json").stdout)["of_age.output"] == columns
    assert "of_age.output" in pype("schema", flow).stdout
    wrong = pype("schema", flow, "of_agee")
    assert (wrong.returncode, wrong.stderr.split()[0]) == (2, "PYE486")
    assert "Did you mean `of_age`?" in wrong.stderr
    assert json.loads(pype("schema", "--json").stdout)["title"] == "PYpeline flow"
    assert pype("schema").stderr.startswith("PYE481 ")


def test_preview_of_a_link(pype: Pype, flow: Path, tmp_path: Path) -> None:
    done = pype("preview", flow, "oldest_first.output - result.input", "--json", "--rows", "1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "port": "oldest_first.output",
        "run": None,
        "columns": [{"name": "name", "type": "string"}, {"name": "age", "type": "int64"}],
        "rows": [["Grace", 85]],
    }
    assert pype("preview", flow, "people.data").stdout.splitlines()[3].split() == ["Ada", "36"]
    assert not (tmp_path / "people.csv").exists()
    # a port that no link leaves yet
    assert json.loads(pype("preview", flow, "of_age.reject", "--json").stdout)["rows"] == [["Tim", 12]]
    for wrong, words in (
        ("people.dat", "Did you mean `people.data`?"),
        ("of_age", "Its ports are `of_age.output`, `of_age.reject`."),
        ("people.data - of_age.inptu", "Did you mean `people.data - of_age.input`?"),
    ):
        done = pype("preview", flow, wrong)
        assert (done.returncode, done.stderr.split()[0]) == (2, "PYE486")
        assert words in done.stderr


def test_below_code_the_last_runs_sample_is_shown_as_such(pype: Pype, tmp_path: Path) -> None:
    flow = tmp_path / "code.yaml"
    flow.write_text(
        "flow: {name: code}\nmodules:\n"
        "  - {id: numbers, name: inline_source, configs: {required: {columns: {n: int64}, rows: [[1], [2]]}}}\n"
        "  - {id: twice, name: python_mod, configs: {optional: {code: 'def transform(frame): return frame.assign(m=frame.n * 2)'}}}\n"
        "  - {id: out, name: csv_sink, configs: {required: {output_path: out.csv}}}\n"
        "connections: {data: ['numbers.data - twice.input', 'twice.output - out.input']}\n"
    )
    before = pype("preview", flow, "twice.output")
    assert (before.returncode, before.stderr.split()[0]) == (2, "PYE464")
    assert pype("run", flow, "--previews", "--quiet").returncode == 0
    after = pype("preview", flow, "twice.output", "--json")
    assert after.returncode == 0, after.stderr
    assert json.loads(after.stdout)["rows"] == [[1, 2], [2, 4]]
    assert json.loads(after.stdout)["run"].startswith("code-")


def test_module_types_are_listed_and_described(pype: Pype) -> None:
    listed = pype("list-modules")
    assert all(f"\n{name} " in listed.stdout for name in ("csv_source", "join_mod", "parquet_sink", "python_solo"))
    entries = json.loads(pype("list-modules", "--kind", "sink", "--json").stdout)
    assert {entry["type"] for entry in entries.values()} == {"sink"}
    text = pype("describe", "csv_source").stdout
    assert "file_path: string" in text
    assert 'encoding: string = "utf-8"' in text
    wrong = pype("describe", "csv_sorce")
    assert (wrong.returncode, wrong.stderr.split()[0]) == (2, "PYE489")
    assert "Did you mean `csv_source`?" in wrong.stderr
    made_up = pype("describe", "generate_source").stdout
    assert "kind sequence: Counts up" in made_up
    assert "step: integer" in made_up


def test_a_preview_inside_a_loop_says_what_it_needs_and_shows_the_last_run(pype: Pype, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.csv").write_text("x\n7\n")
    (tmp_path / "loop.yaml").write_text(
        "flow: {name: loop}\nmodules:\n"
        "  - {id: list, name: inline_source, configs: {required: {columns: {n: string}, rows: [[in]]}}}\n"
        '  - {id: files, name: file_list, configs: {required: {folder: "{{iter.n}}"}}}\n'
        '  - {id: read, name: csv_source, configs: {required: {file_path: "{{iter.n}}/1.csv"}}}\n'
        "  - {id: one, name: log_sink}\n  - {id: two, name: log_sink}\n"
        'connections: {data: ["files.data - one.input", "read.data - two.input"], control: ["list (1|iterate) files", "one (1|) read"]}\n'
    )
    for module in ("files", "read"):
        told = pype("preview", "loop.yaml", f"{module}.data", cwd=tmp_path)
        assert told.returncode == 2
        assert f"`{module}.data` needs `{{{{iter.n}}}}` in module `{module}`, which has a value only while its loop runs" in told.stderr
        assert "--previews" in told.stderr
    assert pype("run", "loop.yaml", "--previews", "--quiet", cwd=tmp_path).returncode == 0
    assert "1 row of read.data, as run" in pype("preview", "loop.yaml", "read.data", cwd=tmp_path).stdout


def test_runs_show_and_report_look_back(pype: Pype, flow: Path, tmp_path: Path) -> None:
    assert "no runs" in pype("runs").stdout
    assert pype("run", flow, "--quiet").returncode == 0
    (only,) = json.loads(pype("runs", "--json").stdout)
    assert (only["flow"], only["state"], only["attempt"]) == ("people", "completed", 1)
    assert f"{only['run']}/1" in pype("runs").stdout
    shown = pype("show", "people")
    assert shown.returncode == 0, shown.stderr
    assert "of_age.output - oldest_first.input" in shown.stdout
    summary = json.loads(pype("show", only["run"], "--json").stdout)
    assert summary["links"]["of_age.output - oldest_first.input"] == 2
    report = pype("report", cwd=tmp_path)
    assert report.returncode == 0, report.stderr
    assert "of_age" in (tmp_path / report.stdout.splitlines()[0]).read_text(encoding="utf-8")
    wrong = pype("show", "nobody")
    assert (wrong.returncode, wrong.stderr.split()[0]) == (2, "PYE488")


def test_a_failure_of_long_ago_is_shown_at_its_line_in_the_flow(pype: Pype, tmp_path: Path) -> None:
    text = 'flow: {name: fails}\nmodules:\n  - {id: s, name: shell_solo, configs: {required: {command: "exit 3"}}}\n'
    (tmp_path / "fails.yaml").write_text(text)
    (tmp_path / "broken.yaml").write_text("flow: {name: fails\n")
    told = pype("run", "fails.yaml", "--quiet", cwd=tmp_path)
    assert (told.returncode, told.stderr.split()[:2]) == (1, ["PYE385", "fails.yaml:3:5"])
    assert pype("show", cwd=tmp_path).stderr == told.stderr
    (tmp_path / "again.yaml").write_text(text)
    assert pype("show", cwd=tmp_path).stderr.startswith("PYE385 s ")


MODULE = '''\
"""Adds one."""
from pypeline.sdk import BaseModule
from mods.amount import ONE


class AddOne(BaseModule):
    TYPE = "mod"
    DESCRIPTION = "Adds one to n"
    INPUT_PORTS = ["input"]
    OUTPUT_PORTS = ["output"]

    async def run(self, inputs, ctx):
        frame = inputs["input"].to_pandas()
        return {"output": frame.assign(n=frame.n + ONE)}
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a module of its own, not registered yet."""
    (tmp_path / "mods").mkdir()
    (tmp_path / "mods" / "add_one.py").write_text(MODULE)
    (tmp_path / "mods" / "amount.py").write_text("ONE = 1\n")
    flow = tmp_path / "own.yaml"
    flow.write_text(
        "flow: {name: own}\nmodules:\n"
        "  - {id: numbers, name: inline_source, configs: {required: {columns: {n: int64}, rows: [[1], [2]]}}}\n"
        "  - {id: more, name: add_one}\n"
        f"  - {{id: out, name: csv_sink, configs: {{required: {{output_path: {tmp_path}/out.csv}}}}}}\n"
        "connections: {data: ['numbers.data - more.input', 'more.output - out.input']}\n"
    )
    return flow


def test_a_module_of_ones_own_runs_once_it_is_registered(pype: Pype, project: Path, tmp_path: Path) -> None:
    unknown = pype("run", project)
    assert unknown.returncode == 2
    assert "module type `add_one` is not registered, but `mods/add_one.py` is there. Look at it, then: pype register-module mods/add_one.py" in unknown.stderr
    registered = pype("register-module", "mods/add_one.py")
    assert registered.returncode == 0, registered.stderr
    assert "add_one" in json.loads((tmp_path / "ModRegistry.json").read_text())
    done = pype("run", project)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.csv").read_text().split() == ["n", "2", "3"]
    assert pype("clear-registry").stdout.startswith("1 module forgotten")
    assert pype("run", project).returncode == 2
    assert "add_one" in pype("auto-register").stdout
    assert pype("run", project, "--quiet").returncode == 0
    (tmp_path / "mods" / "amount.py").write_text("ONE = 10\n")
    changed = pype("run", project, "--quiet")
    assert changed.returncode in (1, 2)
    assert "PYE381" in changed.stderr


def test_a_job_with_code_of_its_own_runs_where_it_was_built_and_elsewhere_when_trusted(pype: Pype, project: Path, tmp_path: Path) -> None:
    assert pype("register-module", "add_one").returncode == 0
    built = pype("build", project)
    assert built.returncode == 0, built.stderr
    job = tmp_path / "jobs" / "own"
    assert (job / "mods" / "add_one.py").read_text() == MODULE
    assert (job / "mods" / "amount.py").is_file()
    elsewhere = tmp_path / "on" / "another" / "machine"
    shutil.copytree(job, elsewhere)

    here = pype("run", job, "--quiet")
    assert here.returncode == 0, here.stderr
    refused = pype("run", elsewhere, "--quiet")
    assert (refused.returncode, refused.stderr.split()[0]) == (2, "PYE382")
    assert "add_one" in refused.stderr
    assert "--trust" in refused.stderr
    assert not (elsewhere / ".pypeline").exists()
    trusted = pype("run", elsewhere, "--quiet", "--trust")
    assert trusted.returncode == 0, trusted.stderr
    assert pype("run", elsewhere, "--quiet").returncode == 0

    (elsewhere / "mods" / "amount.py").write_text("ONE = 100\n")
    changed = pype("run", elsewhere, "--quiet")
    assert changed.returncode == 2
    assert "PYE484" in changed.stderr


@pytest.mark.parametrize(
    ("part", "text", "code"),
    [
        ("people_dag.json", "{", "PYE483"),
        ("people_dag.json", '{"format": 1, "flow": "people", "nodes": []}', "PYE483"),
        ("people_dag.json", '{"format": 99, "flow": "people", "nodes": []}', "PYE483"),
        ("people_execution_metadata.json", "[]", "PYE483"),
        ("people.yaml", None, "PYE482"),
        ("people_dag.json", None, "PYE482"),
    ],
)
def test_a_damaged_job_folder_is_refused(pype: Pype, job: Path, part: str, text: str | None, code: str) -> None:
    (job / part).unlink()
    if text is not None:
        (job / part).write_text(text)
    done = pype("run", job)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{code} ")


def test_a_path_in_a_job_that_is_no_module_type_is_never_imported(pype: Pype, job: Path) -> None:
    dag = job / "people_dag.json"
    for path in ("os", "pypeline.runner.worker", "../x"):
        data = json.loads(dag.read_text())
        data["nodes"][1]["module_path"] = path
        dag.write_text(json.dumps(data))
        done = pype("run", dag.parent, "--trust")
        assert done.returncode == 2, path
        assert done.stderr.split()[0] in ("PYE380", "PYE382", "PYE483", "PYE484")


def test_build_warns_of_relative_paths_and_leaves_other_folders_alone(pype: Pype, flow: Path, tmp_path: Path) -> None:
    built = pype("build", flow, "--json")
    assert built.returncode == 0
    assert "PYE485" in built.stderr
    assert "`people.csv` (result)" in built.stderr
    assert json.loads(built.stdout)["files"] == ["context/people_default.json", "people.yaml", "people_dag.json", "people_execution_metadata.json"]
    mine = tmp_path / "mine" / "people"
    mine.mkdir(parents=True)
    (mine / "thesis.txt").write_text("years of work")
    refused = pype("build", flow, "--out", tmp_path / "mine")
    assert (refused.returncode, refused.stderr.splitlines()[-1].split()[0]) == (2, "PYE487")
    assert [p.name for p in mine.iterdir()] == ["thesis.txt"]


def test_a_plain_secret_in_a_context_file_is_no_job(pype: Pype, flow: Path, tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "people_prod.json").write_text('{"db_password": "hunter2"}')
    done = pype("build", flow)
    assert done.returncode == 2
    assert "PYE397" in done.stderr
    assert "hunter2" not in done.stderr
    assert not (tmp_path / "jobs").exists()
