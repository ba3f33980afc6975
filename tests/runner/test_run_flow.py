"""run_flow: a flow inside a flow, for real: parameters, tables, failures, stops, loops, slots, and what is refused."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from pypeline.core import events as ev
from pypeline.core.catalogue import Catalogue
from pypeline.core.check import check
from pypeline.core.planner import plan
from pypeline.runner import children, registry
from pypeline.runner.engines.local import LocalEngine
from pypeline.runner.facts import gather
from pypeline.runner.run import RunSummary, execute
from pypeline.runner.signals import StopSignal
from pypeline.schema.flow import Flow
from pypeline.schema.problems import Problem, PypeError, errors
from pypeline.schema.reader import read_file

PARENT = """
flow: {name: parent}
modules:
  - {id: rows, name: inline_source, configs: {required: {columns: {id: int64, name: string}, rows: [[1, ann], [2, bob], [3, eve]]}}}
  - id: part
    name: run_flow
    configs:
      required: {flow: parts/child.yaml}
      optional: {inputs: [people], outputs: [few, rest], parameters: {least: 2}, results: {kept: few__row_count}}
  - {id: up, name: formula_mod, configs: {required: {formulas: {name: upper(name)}}}}
  - {id: few, name: csv_sink, configs: {required: {output_path: few.csv}}}
  - {id: rest, name: csv_sink, configs: {required: {output_path: rest.csv}}}
  - {id: told, name: shell_solo, configs: {required: {command: "printf %s {{part__kept}} > kept.txt"}}}
connections:
  data: ["rows.data - part.people", "part.few - up.input", "up.output - few.input", "part.rest - rest.input"]
  control: ["few (1|) told"]
"""
CHILD = """
flow:
  name: child
  inputs: [{name: people}, {name: least, type: integer}, {name: mark, type: text, default: "!"}]
  outputs: [{name: few}, {name: rest}]
modules:
  - {id: people, name: flow_input, configs: {required: {port: people, columns: {id: int64, name: string}}}}
  - {id: chosen, name: filter_mod, configs: {required: {condition: "id >= {{context.least}}"}}}
  - {id: marked, name: formula_mod, configs: {required: {formulas: {name: "name || {{context.mark}}"}}}}
  - {id: few, name: flow_output, configs: {required: {port: few}}}
  - {id: rest, name: flow_output, configs: {required: {port: rest}}}
connections:
  data: ["people.data - chosen.input", "chosen.output - marked.input", "marked.output - few.input", "chosen.reject - rest.input"]
"""
WRITES = """
flow: {name: writes, inputs: [{name: word, type: text}]}
modules:
  - {id: write, name: shell_solo, configs: {required: {command: "echo {{context.word}} >> written.txt"}}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(tmp_path, {"parent.yaml": PARENT, "parts/child.yaml": CHILD})


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def problems(file: Path, **context: Any) -> list[Problem]:
    flow = read_file(file).require()
    return [*errors(check(flow, registry.load(file.parent), context)), *errors(children.check(flow, file.parent, context))]


def run(file: Path, events: list[ev.RunEvent] | None = None, stop: StopSignal | None = None, cpus: int = 0, **sets: Any) -> RunSummary:
    assert problems(file, **sets) == []
    flow = read_file(file).require()
    made = plan(flow, gather(flow, registry.load(file.parent), file.parent, sets=sets))
    seen = events if events is not None else []
    return asyncio.run(asyncio.wait_for(execute(made, folder=file.parent, on_event=seen.append, stop=stop, engine=LocalEngine(cpus=cpus)), 120))


# --- what it does -------------------------------------------------------------------------------


def test_tables_parameters_and_variables_go_in_and_out(project: Path) -> None:
    events: list[ev.RunEvent] = []
    summary = run(project / "parent.yaml", events)
    assert summary.state == "completed", summary.error
    assert (project / "few.csv").read_text() == "id,name\n2,BOB!\n3,EVE!\n"
    assert (project / "rest.csv").read_text() == "id,name\n1,ann\n"
    assert (project / "kept.txt").read_text() == "2"
    assert summary.links["rows.data - part.people"] == 3
    assert (summary.links["part.few - up.input"], summary.links["part.rest - rest.input"]) == (2, 1)
    (record,) = (summary.bundle / "children").iterdir()
    assert record.name == "part-0-t1"
    told = json.loads((record / "summary.json").read_text())
    assert (told["flow"], told["state"], told["completed"]) == ("child", "completed", 5)
    assert told["links"]["people.data - chosen.input"] == 3
    assert (record / "plan.json").exists()
    assert not (record / "scratch").exists()
    progress = [e for e in events if isinstance(e, ev.Progress) and e.task == "part"]
    assert progress[-1].fraction == 1
    # a child's modules are its own record's; the parent's record knows the module that ran it
    assert set(summary.modules) == {"rows", "part", "up", "few", "rest", "told"}


def test_a_number_that_a_variable_gives_is_text_where_the_flow_takes_text(tmp_path: Path) -> None:
    top = """
flow: {name: top}
modules:
  - {id: days, name: inline_source, configs: {required: {columns: {day: int64}, rows: [[20250131], [20250201]]}}}
  - {id: each, name: run_flow, configs: {required: {flow: writes.yaml}, optional: {parameters: {word: "{{iter.day}}"}}}}
connections:
  control: ["days (1|iterate) each"]
"""
    write(tmp_path, {"top.yaml": top, "writes.yaml": WRITES})
    summary = run(tmp_path / "top.yaml")
    assert summary.state == "completed", summary.error
    assert (tmp_path / "written.txt").read_text().split() == ["20250131", "20250201"]


def test_a_flow_with_ports_runs_by_itself(project: Path) -> None:
    child = (project / "parts/child.yaml").read_text().replace("name: string}}}", "name: string}}, optional: {rows: [[7, x], [0, y]]}}")
    (project / "parts/child.yaml").write_text(child)
    summary = run(project / "parts/child.yaml", least=5, mark="?")
    assert (summary.state, summary.links["chosen.output - marked.input"]) == ("completed", 1)


def test_flows_in_flows_in_loops(tmp_path: Path) -> None:
    write(tmp_path, {
        "top.yaml": """
flow: {name: top}
modules:
  - {id: words, name: inline_source, configs: {required: {columns: {word: string}, rows: [[a], [b], [c]]}}}
  - {id: each, name: run_flow, configs: {required: {flow: middle.yaml}, optional: {parameters: {word: "{{iter.word}}"}}}}
connections:
  control: ["words (1|iterate) each"]
""",
        "middle.yaml": """
flow: {name: middle, inputs: [{name: word, type: text}]}
modules:
  - {id: each, name: run_flow, configs: {required: {flow: writes.yaml}, optional: {parameters: {word: "{{context.word}}-{{run.id}}"}}}}
""",
        "writes.yaml": WRITES,
    })  # fmt: skip
    summary = run(tmp_path / "top.yaml")
    assert summary.state == "completed", summary.error
    assert [line.split("-")[0] for line in (tmp_path / "written.txt").read_text().split()] == ["a", "b", "c"]
    records = sorted(str(p.parent.relative_to(summary.bundle)) for p in summary.bundle.rglob("summary.json"))
    assert records == [".", *(f"children/each-{n}-t1{inner}" for n in range(3) for inner in ("", "/children/each-0-t1"))]


def test_children_and_parent_share_the_slots_and_cannot_lock_each_other(tmp_path: Path) -> None:
    many = "\n".join(
        f"  - {{id: c{n}, name: run_flow, configs: {{required: {{flow: writes.yaml}}, optional: {{parameters: {{word: w{n}}}}}}}}}" for n in range(6)
    )
    busy = "\n".join(f"  - {{id: b{n}, name: shell_solo, configs: {{required: {{command: 'echo b{n} >> written.txt'}}}}}}" for n in range(4))
    write(tmp_path, {"writes.yaml": WRITES, "wide.yaml": f"flow: {{name: wide}}\nmodules:\n{many}\n{busy}\n"})
    summary = run(tmp_path / "wide.yaml", cpus=1)
    assert summary.state == "completed", summary.error
    assert sorted((tmp_path / "written.txt").read_text().split()) == ["b0", "b1", "b2", "b3", *(f"w{n}" for n in range(6))]


def test_a_job_folder_takes_its_flows_along(project: Path) -> None:
    from pypeline.runner.build import build, load_job

    write(project, {
        "parts/context/child_default.json": '{"mark": "?"}',
        "parts/mods/loud.py": """
from typing import ClassVar
from pypeline.sdk import BaseModule
class Loud(BaseModule):
    TYPE = "mod"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    OUTPUT_PORTS: ClassVar[list[str]] = ["output"]
    async def run(self, inputs, ctx):
        return {"output": inputs["input"].to_pandas().assign(name=lambda f: f["name"].str.upper())}
""",
    })  # fmt: skip
    child = CHILD.replace('marked, name: formula_mod, configs: {required: {formulas: {name: "name || {{context.mark}}"}}}', "marked, name: loud")
    assert "loud" in child
    (project / "parts/child.yaml").write_text(child)
    registry.register_module("mods/loud.py", project / "parts")
    flow = read_file(project / "parent.yaml").require()
    catalogue = registry.load(project)
    job = build(flow, project / "parent.yaml", catalogue, project / "jobs")
    elsewhere = project.parent / "elsewhere"
    job.rename(elsewhere)
    assert {str(p.relative_to(elsewhere)) for p in elsewhere.rglob("*") if p.is_file()} >= {
        "parent.yaml", "parts/child.yaml", "parts/mods/loud.py", "parts/context/child_default.json",
    }  # fmt: skip
    with pytest.raises(PypeError, match=r"PYE382 .*`loud`"):
        load_job(elsewhere)
    again = load_job(elsewhere, trust=True)
    summary = runs(again.flow, again.catalogue, elsewhere)
    assert summary.state == "completed", summary.error
    assert (elsewhere / "few.csv").read_text() == "id,name\n2,BOB\n3,EVE\n"
    (elsewhere / "parts/mods/loud.py").write_text((elsewhere / "parts/mods/loud.py").read_text().replace("upper", "lower"))
    with pytest.raises(PypeError, match=r"PYE484 .*`loud`"):
        load_job(elsewhere)


TOUCH = """
from pypeline.sdk import BaseModule
class Touch(BaseModule):
    TYPE = "solo"
    async def run(self, inputs, ctx):
        open(self.folder + "/touched", "w").close()
        return {}
"""


def test_a_job_runs_without_a_registry_also_with_modules_that_only_the_flow_within_uses(tmp_path: Path) -> None:
    """A module file beside the flows, in none of the folders for modules: only the job's own files say where it is."""
    from pypeline.runner.build import build, load_job

    project = write(tmp_path / "project", {
        "touch.py": TOUCH,
        "child.yaml": "flow: {name: child}\nmodules: [{id: a, name: touch}]\n",
        "parent.yaml": "flow: {name: parent}\nmodules: [{id: part, name: run_flow, configs: {required: {flow: child.yaml}}}]\n",
    })  # fmt: skip
    registry.register_module("touch.py", project)
    job = build(read_file(project / "parent.yaml").require(), project / "parent.yaml", registry.load(project), project / "jobs")
    here = load_job(job)
    assert runs(here.flow, here.catalogue, job).state == "completed"
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(job, elsewhere, ignore=shutil.ignore_patterns(registry.FILE, ".pypeline", "touched"))
    with pytest.raises(PypeError, match=r"PYE382 .*`touch`"):
        load_job(elsewhere)
    there = load_job(elsewhere, trust=True)
    assert runs(there.flow, there.catalogue, elsewhere).state == "completed"
    assert (elsewhere / "touched").exists()


def runs(flow: Flow, catalogue: Catalogue, folder: Path) -> RunSummary:
    """What came of running ``flow``."""
    return asyncio.run(execute(plan(flow, gather(flow, catalogue, folder)), folder=folder, on_event=lambda _event: None))


# --- failures and stops -------------------------------------------------------------------------

FAILING = """
flow: {name: failing}
settings: {retries: 1}
modules:
  - {id: words, name: inline_source, configs: {required: {columns: {word: string}, rows: [[a], [b]]}}}
  - {id: bad, name: shell_solo, configs: {required: {command: "echo {{iter.word}} is wrong >&2; test {{iter.word}} = a"}}}
  - {id: tidy, name: shell_solo, configs: {required: {command: "touch tidied"}}}
connections: {control: ["words (1|iterate) bad"]}
finally: [tidy]
"""
CALLS = """
flow: {name: calls}
modules:
  - {id: part, name: run_flow, configs: {required: {flow: failing.yaml}}}
  - {id: after, name: shell_solo, configs: {required: {command: "echo {{part__error_message}} > said.txt"}}}
connections: {control: ["part (1|error) after"]}
"""


def test_no_worker_has_a_secret_that_only_the_other_flow_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that was started, and looked around, before the other flow began."""
    monkeypatch.setenv("CHILD_PW", "hunter22")
    look = "import os\\ndef main():\\n    open('seen.txt', 'a').write(str('CHILD_PW' in os.environ) + ' ')"
    module = f'{{id: look, name: python_solo, configs: {{optional: {{code: "{look}"}}}}}}'
    mail = "{id: mail, name: send_mail, enabled: false, configs: {required: {host: localhost, sender: a@b.org, to: [b@b.org]}, optional: {PW, text: hi}}}"
    project = {
        "parent.yaml": f"flow: {{name: parent}}\nmodules:\n  - {module}\n  - {{id: part, name: run_flow, configs: {{required: {{flow: child.yaml}}}}}}\n"
        'connections: {control: ["look (1|) part"]}\n',
        "child.yaml": f"flow: {{name: child, env: [CHILD_PW]}}\nmodules:\n  - {module}\n  - {mail}\n".replace("PW,", 'password: "{{env.CHILD_PW}}",'),
    }
    summary = run(write(tmp_path, project) / "parent.yaml")
    assert summary.state == "completed", summary.error
    assert (tmp_path / "seen.txt").read_text().split() == ["False", "False"]


def test_a_failed_child_fails_the_module_with_its_cause(tmp_path: Path) -> None:
    write(tmp_path, {"failing.yaml": FAILING, "calls.yaml": CALLS.replace("part (1|error) after", "part (1|) after")})
    summary = run(tmp_path / "calls.yaml")
    assert summary.state == "failed"
    assert summary.error is not None
    assert (summary.error.code, summary.error.module) == ("PYE467", "part")
    assert "`failing.yaml` failed at `bad` in frame 1 in try 2: PYE385 the command ended with exit code 1: b is wrong" in summary.error.message
    assert summary.error.causes[0].startswith("PYE385")
    assert (tmp_path / "tidied").exists(), "the child's finally has not run"
    assert not (tmp_path / "said.txt").exists()


def test_an_error_link_of_the_module_handles_it(tmp_path: Path) -> None:
    write(tmp_path, {"failing.yaml": FAILING, "calls.yaml": CALLS})
    assert run(tmp_path / "calls.yaml").state == "completed"
    assert "failed at `bad`" in (tmp_path / "said.txt").read_text()


def test_a_child_is_tried_again_as_a_whole(tmp_path: Path) -> None:
    once = WRITES.replace("echo {{context.word}} >> written.txt", "echo x >> written.txt; test $(wc -l < written.txt) -gt 1").replace(
        ", inputs: [{name: word, type: text}]", ""
    )
    write(tmp_path, {"failing.yaml": once, "calls.yaml": CALLS.replace("flow: failing.yaml}}}", "flow: failing.yaml}}, retries: 1}")})
    summary = run(tmp_path / "calls.yaml")
    assert (summary.state, summary.modules["part"].attempt_no) == ("completed", 2)
    states = [json.loads((p / "summary.json").read_text())["state"] for p in sorted((summary.bundle / "children").iterdir())]
    assert states == ["failed", "completed"]


def test_a_child_that_dies_gives_its_exit_code(tmp_path: Path) -> None:
    dies = "flow: {name: dies}\nmodules: [{id: no, name: die, configs: {required: {message: enough}, optional: {exit_code: 42}}}]\n"
    write(tmp_path, {"failing.yaml": dies, "calls.yaml": CALLS.replace("part (1|error) after", "part (1|) after")})
    assert run(tmp_path / "calls.yaml").exit_code == 42


SLOW = """
flow: {name: slow}
modules:
  - {id: long, name: shell_solo, configs: {required: {command: "touch begun; sleep 300"}}}
  - {id: tidy, name: shell_solo, configs: {required: {command: "touch tidied"}}}
finally: [tidy]
"""


@pytest.mark.parametrize("how", ["polite", "hard"])
def test_a_stop_reaches_the_child(tmp_path: Path, how: Any) -> None:
    write(tmp_path, {"failing.yaml": SLOW, "calls.yaml": CALLS})
    stop = StopSignal()

    def seen(event: ev.RunEvent) -> None:
        if isinstance(event, ev.ModuleState) and event.module == "part" and event.state == "running":
            asyncio.get_running_loop().create_task(when_begun())

    async def when_begun() -> None:
        while not (tmp_path / "begun").exists():
            await asyncio.sleep(0.02)
        stop.request("polite")
        if how == "hard":
            stop.request("hard")

    flow = read_file(tmp_path / "calls.yaml").require()
    made = plan(flow, gather(flow, registry.load(tmp_path), tmp_path))
    began = time.monotonic()
    summary = asyncio.run(asyncio.wait_for(execute(made, folder=tmp_path, on_event=seen, stop=stop), 60))
    assert time.monotonic() - began < 40
    assert (summary.state, summary.modules["part"].state) == ("cancelled", "cancelled")
    assert (tmp_path / "tidied").exists() is (how == "polite")
    (record,) = (summary.bundle / "children").iterdir()
    assert json.loads((record / "summary.json").read_text())["state"] == "cancelled"


def test_a_run_that_is_ended_from_outside_leaves_no_child_behind(tmp_path: Path) -> None:
    write(tmp_path, {"failing.yaml": SLOW, "calls.yaml": CALLS})
    flow = read_file(tmp_path / "calls.yaml").require()
    made = plan(flow, gather(flow, registry.load(tmp_path), tmp_path))

    async def ended() -> None:
        before = asyncio.all_tasks()
        running = asyncio.ensure_future(execute(made, folder=tmp_path, on_event=lambda _event: None))
        while not (tmp_path / "begun").exists():
            await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert asyncio.all_tasks() == before

    asyncio.run(asyncio.wait_for(ended(), 40))
    (record,) = (tmp_path / ".pypeline/run_bundles").glob("*/attempt-1/children/*")
    assert json.loads((record / "summary.json").read_text())["state"] == "cancelled"
    assert not (tmp_path / "tidied").exists()


def test_a_time_limit_of_the_module_ends_the_child(tmp_path: Path) -> None:
    write(tmp_path, {"failing.yaml": SLOW, "calls.yaml": CALLS.replace("flow: failing.yaml}}}", "flow: failing.yaml}}, timeout: 1.5}")})
    assert run(tmp_path / "calls.yaml").state == "completed"
    assert "longer than its timeout" in (tmp_path / "said.txt").read_text()
    assert (tmp_path / "tidied").exists()


def test_the_child_s_own_settings_hold(tmp_path: Path) -> None:
    write(tmp_path, {"failing.yaml": SLOW.replace("modules:", "settings: {timeout: 1.5}\nmodules:"), "calls.yaml": CALLS})
    assert run(tmp_path / "calls.yaml").state == "completed"
    assert "timeout" in (tmp_path / "said.txt").read_text()


def test_a_table_that_does_not_fit_is_told_so(project: Path) -> None:
    text = (project / "parent.yaml").read_text()
    (project / "parent.yaml").write_text(text.replace("id: int64, name: string}", "id: string, name: string}").replace("[[1, ann], [2, bob], [3, eve]]", "[]"))
    summary = run(project / "parent.yaml")
    assert summary.error is not None
    assert "the table at `people` has `id` as string, and `people` declares int64" in summary.error.message


def test_what_a_dead_run_left_of_its_children_is_tidied_up(tmp_path: Path) -> None:
    from pypeline.runner.store import bundle as bundles

    bundle = bundles.prepare(tmp_path, "run")
    child = bundles.Bundle(bundle.children / "part-0-t1", "run", 1)
    (child.publish).mkdir(parents=True)
    (child.scratch).mkdir()
    (child.publish / "sink-t1.json").write_text("{}")
    owner = json.loads(bundle.owner.read_text())
    bundle.owner.write_text(json.dumps({**owner, "pid": 2**22 - 1, "start": "gone", "started": 0}))
    os.utime(bundle.owner, (0, 0))
    recovered: list[str] = []
    bundles.end_lost(bundles.home(tmp_path), lambda record: recovered.append(record.name))
    assert recovered == ["sink-t1.json"]
    assert json.loads(child.summary.read_text())["reason"] == "lost"
    assert not child.scratch.exists()


# --- what is refused before anything runs -------------------------------------------------------

RUNS = "flow: {{name: {name}}}\nmodules:\n  - {{id: part, name: run_flow, configs: {{required: {{flow: {child}}}}}}}\n"


def test_rows_46_flows_that_run_each_other_are_refused_with_the_chain(tmp_path: Path) -> None:
    write(tmp_path, {
        "itself.yaml": RUNS.format(name="itself", child="itself.yaml"),
        "a.yaml": RUNS.format(name="a", child="sub/b.yaml"),
        "sub/b.yaml": RUNS.format(name="b", child="../c.yaml"),
        "c.yaml": RUNS.format(name="c", child="./sub/../a.yaml"),
    })  # fmt: skip
    (one,) = problems(tmp_path / "itself.yaml")
    assert (one.code, one.message, one.place.line, one.place.column) == ("PYE281", "flows run each other in a circle: itself.yaml -> itself.yaml", 3, 59)
    (one,) = problems(tmp_path / "a.yaml")
    assert one.message == "flows run each other in a circle: a.yaml -> sub/b.yaml -> ../c.yaml -> ./sub/../a.yaml"


@pytest.mark.parametrize(
    "named", ["../outside.yaml", "../../../etc/passwd", "/etc/passwd", "/dev/zero", "https://example.org/flow.yaml", "link.yaml", "link/x.yaml"]
)
def test_row_47_nothing_outside_the_project_is_read(tmp_path: Path, named: str) -> None:
    project = write(tmp_path / "project", {"top.yaml": RUNS.format(name="top", child=f'"{named}"')})
    write(tmp_path, {"outside.yaml": WRITES, "x.yaml": WRITES})
    (project / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (project / "link").symlink_to(tmp_path)
    assert [(p.code, "outside the project" in p.message) for p in problems(project / "top.yaml")] == [("PYE280", True)]
    flow = read_file(project / "top.yaml").require()
    with pytest.raises(PypeError, match="PYE280"):
        gather(flow, registry.load(project), project)


def test_row_48_only_regular_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "nothing.yaml").symlink_to("gone.yaml")
    for child, said in (
        ("folder.yaml", "not a regular file"),
        ("pipe.yaml", "not a regular file"),
        ("nothing.yaml", "cannot be read"),
        ("topp.yaml", "cannot be read"),
    ):
        write(tmp_path, {"top.yaml": RUNS.format(name="top", child=child)})
        (one,) = problems(tmp_path / "top.yaml")
        assert (one.code, said in one.message) == ("PYE282", True), one
    assert one.mend == "Did you mean `top.yaml`?"


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (("flow: parts/child.yaml", 'flow: "{{rows__file}}"'), "PYE282", "must be known before a run"),
        (("outputs: [few, rest]", "outputs: [few, rset]"), "PYE283", "no table `rset` under `flow.outputs`"),
        (("inputs: [people]", "inputs: [persons]"), "PYE283", "no table `persons`"),
        (("parameters: {least: 2}", "parameters: {}"), "PYE284", "needs the parameter `least`"),
        (("parameters: {least: 2}", "parameters: {least: two}"), "PYE284", "has to be of the type integer"),
        (("parameters: {least: 2}", "parameters: {least: true}"), "PYE284", "has to be of the type integer"),
        (("parameters: {least: 2}", "parameters: {least: 2, last: 1}"), "PYE284", "no parameter `last`"),
        (("kept: few__row_count", "kept: few"), "PYE374", ""),
    ],
)
def test_what_does_not_fit_the_other_flow_is_said_before_the_run(project: Path, change: tuple[str, str], code: str, message: str) -> None:
    (project / "parent.yaml").write_text((project / "parent.yaml").read_text().replace(*change))
    found = problems(project / "parent.yaml")
    if code == "PYE374":  # a rule of the config's own, which no JSON Schema says
        assert found == []
        return
    assert any(p.code == code and message in p.message and p.place.module == "part" and p.place.line for p in found), found


def test_errors_of_the_other_flow_are_told_with_their_place(project: Path) -> None:
    (project / "parts/child.yaml").write_text(CHILD.replace("name: filter_mod", "name: filter_mode"))
    found = [p for p in problems(project / "parent.yaml") if p.code == "PYE282"]
    assert "`parts/child.yaml` has errors: PYE300 child.yaml:8:24 there is no module type `filter_mode`" in found[0].message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("port: few}", "port: fewer}"), "`flow.outputs` declares no table `fewer`"),
        (("port: rest}", "port: few}"), "`few` and `rest` are both the port `few`"),
        (("outputs: [{name: few}", "outputs: [{name: more}, {name: few}"), "no `flow_output` is the port `more`"),
    ],
)
def test_the_ports_of_a_flow_are_what_it_declares(project: Path, change: tuple[str, str], message: str) -> None:
    (project / "parts/child.yaml").write_text(CHILD.replace(*change))
    assert any(p.code == "PYE283" and message in p.message for p in problems(project / "parts/child.yaml", least=1, mark="!"))
    assert any(p.code == "PYE282" and message in p.message for p in problems(project / "parent.yaml"))
