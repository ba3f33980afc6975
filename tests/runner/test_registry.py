"""Module types of a project: registered, read as data, imported from three places only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pypeline.runner import registry
from pypeline.runner.registry import FILE, auto_register, clear_registry, load, module_class, register_module
from pypeline.schema.problems import PypeError

MODULE = '''
from pypeline.sdk import BaseModule
{more}

class Shout(BaseModule):
    """Shouts."""
    TYPE = "mod"
    DESCRIPTION = "Shouts"
    INPUT_PORTS = ["input"]
    OUTPUT_PORTS = ["output"]
    GLOBALS = ["volume"]
    CONFIG_SCHEMA = {{"required": {{"column": {{"type": "str", "description": "which"}}}}, "optional": {{"times": {{"type": "int", "default": 1}}}}}}

    async def run(self, inputs, ctx):
        return {{"output": {value}}}
'''


def write(folder: Path, name: str, more: str = "", value: str = "1") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(MODULE.format(more=more, value=value))
    return file


def code(call: object, *arguments: object) -> str:
    with pytest.raises(PypeError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.problems[0].code


def test_a_registered_module_is_data_with_the_ten_keys(tmp_path: Path) -> None:
    write(tmp_path, "mods/shout.py")
    decl = register_module("mods/shout.py", tmp_path)
    entry = json.loads((tmp_path / FILE).read_text())["shout"]
    ten = ["module_path", "type", "version", "description", "category", "input_ports", "output_ports", "globals", "packages", "config_schema"]
    assert list(entry) == [*ten, "declaration"]
    assert (entry["module_path"], entry["type"], entry["globals"]) == ("mods.shout", "mod", ["volume"])
    assert load(tmp_path)["shout"] == decl
    assert decl.effects == "code"
    assert decl.json_schema == {
        "type": "object",
        "properties": {"column": {"type": "string", "description": "which"}, "times": {"type": "integer", "default": 1}},
        "required": ["column"],
        "additionalProperties": False,
    }
    assert module_class("mods.shout", "shout", tmp_path).TYPE == "mod"


def test_a_module_is_found_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, "mods/shout.py")
    assert register_module("shout", tmp_path).module_path == "mods.shout"
    assert code(register_module, "shoot", tmp_path) == "PYE377"
    assert code(register_module, "mods/none.py", tmp_path) == "PYE377"
    write(tmp_path, "solo/shout.py")
    assert code(register_module, "shout", tmp_path) == "PYE377"


def test_built_ins_can_be_registered_too_and_stay_built_ins(tmp_path: Path) -> None:
    register_module("csv_source", tmp_path)
    assert load(tmp_path)["csv_source"] == registry.built_in()["csv_source"]


def test_old_paths_mean_today_s_modules(tmp_path: Path) -> None:
    old = {"csv_source": {"module_path": "pypeline.modules.source.csv_source", "type": "source", "config_schema": {"required": {}, "optional": {}}}}
    (tmp_path / FILE).write_text(json.dumps(old))
    assert load(tmp_path)["csv_source"] == registry.built_in()["csv_source"]
    assert module_class("pypeline.modules.source.csv_source", "csv_source").__name__ == "CsvSource"


def test_an_entry_without_declaration_is_code(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({"own": {"module_path": "mods.own", "type": "solo", "config_schema": {"required": {"a": {"type": "str"}}}}}))
    decl = load(tmp_path)["own"]
    assert (decl.effects, decl.deterministic, decl.relational, decl.required) == ("code", False, False, ("a",))


def test_reading_the_registry_imports_nothing_of_the_project(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    write(tmp_path, "mods/shout.py", more=f"open({str(canary)!r}, 'w').close()")
    register_module("mods/shout.py", tmp_path)
    canary.unlink()
    program = f"from pypeline.runner.registry import load; c = load({str(tmp_path)!r}); print(len(list(c)), c['shout'].title)"
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert not canary.exists()


@pytest.mark.parametrize(
    "path",
    [
        "os",
        "subprocess",
        "../x",
        "/tmp/x.py",
        "builtins:eval",
        "pypeline.palette.declarations",
        "pypeline.runner.registry",
        "pypeline.modules.solo.none",
        "",
        "mods..x",
    ],
)
def test_no_other_path_is_ever_imported(tmp_path: Path, path: str) -> None:
    assert code(module_class, path, "csv_source", tmp_path) == "PYE380"


def test_a_registry_cannot_point_elsewhere(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({"own": {"module_path": "os", "type": "solo"}}))
    assert code(module_class, "os", "own", tmp_path) == "PYE376"
    (tmp_path / "project").mkdir()
    write(tmp_path, "outside.py")
    assert code(register_module, str(tmp_path / "outside.py"), tmp_path / "project") == "PYE380"


def test_a_file_of_the_project_needs_registering(tmp_path: Path) -> None:
    write(tmp_path, "mods/shout.py")
    assert code(module_class, "mods.shout", "shout", tmp_path) == "PYE382"


def test_changed_code_is_not_the_trusted_code(tmp_path: Path) -> None:
    write(tmp_path, "mods/shout.py", more="from mods.voice import LOUD", value="LOUD")
    voice = tmp_path / "mods" / "voice.py"
    voice.write_text("LOUD = 1\n")
    register_module("mods/shout.py", tmp_path)
    voice.write_text("# a comment changes nothing\nLOUD = 1\n")
    assert module_class("mods.shout", "shout", tmp_path)
    voice.write_text("LOUD = 2\n")
    assert code(module_class, "mods.shout", "shout", tmp_path) == "PYE381"
    register_module("shout", tmp_path)
    assert module_class("mods.shout", "shout", tmp_path)


def test_a_project_s_files_shadow_nothing_installed(tmp_path: Path) -> None:
    write(tmp_path, "json/shout.py")
    assert code(register_module, "json/shout.py", tmp_path) == "PYE376"
    (tmp_path / "csv.py").write_text("raise SystemExit('taken over')\n")
    write(tmp_path, "mods/shout.py", more="import csv")
    register_module("mods/shout.py", tmp_path)


@pytest.mark.parametrize(
    "text", ["x = 1", "import h5_no_such_package", "def (:", "from pypeline.sdk import BaseModule\nclass A(BaseModule): ...\nclass B(BaseModule): ..."]
)
def test_a_file_that_is_no_module(tmp_path: Path, text: str) -> None:
    (tmp_path / "mods").mkdir()
    (tmp_path / "mods" / "bad.py").write_text(text)
    assert code(register_module, "mods/bad.py", tmp_path) == "PYE376"
    assert not (tmp_path / FILE).exists()


def test_a_class_that_breaks_the_rules(tmp_path: Path) -> None:
    file = write(tmp_path, "mods/shout.py")
    file.write_text(file.read_text().replace('TYPE = "mod"', 'TYPE = "source"'))
    assert code(register_module, "mods/shout.py", tmp_path) == "PYE375"


def test_the_name_of_a_built_in_is_taken(tmp_path: Path) -> None:
    write(tmp_path, "mods/filter_mod.py")
    assert code(register_module, "mods/filter_mod.py", tmp_path) == "PYE378"


def test_auto_register_takes_modules_and_passes_over_helpers(tmp_path: Path) -> None:
    write(tmp_path, "mods/shout.py")
    write(tmp_path, "source/deep/call.py")
    write(tmp_path, "mods/_hidden.py")
    (tmp_path / "mods" / "tools.py").write_text("X = 1\n")
    (tmp_path / "solo").mkdir()
    (tmp_path / "solo" / "broken.py").write_text("from pypeline.sdk import BaseModule\nraise ValueError('no')\n")
    done, problems = auto_register(tmp_path)
    assert [decl.name for decl in done] == ["shout", "call"]
    assert [problem.code for problem in problems] == ["PYE376"]
    assert sorted(json.loads((tmp_path / FILE).read_text())) == ["call", "shout"]
    assert clear_registry(tmp_path) == 2
    assert json.loads((tmp_path / FILE).read_text()) == {}
    assert (tmp_path / "mods" / "shout.py").exists()
    assert "csv_source" in load(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"a": 1}',
        '{"a": {"type": "mod"}}',
        '{"a": {"module_path": "m.a", "type": "none"}}',
        '{"a": {"module_path": "m.a", "type": "mod", "globals": "x"}}',
    ],
)
def test_a_broken_registry_is_a_problem(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert code(load, tmp_path) == "PYE379"


def test_a_registry_that_is_a_pipe_a_folder_or_a_hole_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / FILE
    os.mkfifo(file)
    assert code(load, tmp_path) == "PYE379"
    file.unlink()
    file.mkdir()
    assert code(load, tmp_path) == "PYE379"
    file.rmdir()
    file.write_text("[" * 200_000)
    assert code(load, tmp_path) == "PYE379"
    with file.open("wb") as hole:
        hole.truncate(2**40)
    assert code(load, tmp_path) == "PYE379"


def test_installed_types_come_from_their_shipped_declarations_or_their_class(tmp_path: Path) -> None:
    site = tmp_path / "site"
    write(site, "h5_pack/shout.py")
    (site / "h5_pack" / "__init__.py").write_text("")
    info = site / "h5_pack-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: h5-pack\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pypeline.modules]\nshout = h5_pack.shout:Shout\ngone = h5_pack.gone:Gone\n")
    program = (
        "import sys; from pypeline.runner.registry import load, module_class\n"
        f"c = load({str(tmp_path)!r}); c['csv_source']; assert 'importlib.metadata' not in sys.modules\n"
        "print(c['shout'].origin, c['shout'].module_path, 'gone' in c, module_class('h5_pack.shout', 'shout').__name__)\n"
    )
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, env={"PYTHONPATH": str(site)}, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["entry", "point", "h5_pack.shout", "False", "Shout"]
    (info / "entry_points.txt").write_text("[pypeline.modules]\nshout = h5_pack.shout:Shout\n")
    (site / "h5_pack" / "pypeline_modules.json").write_text(json.dumps({"shout": {"module_path": "h5_pack.shout", "type": "mod"}}))
    program = f"import sys; from pypeline.runner.registry import load; c = load({str(tmp_path)!r}); print(c['shout'].origin, 'h5_pack' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(site)}, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["entry", "point", "False"]
