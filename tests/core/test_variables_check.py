# ruff: noqa: E501
"""The variables of whole flows: every reference that cannot work is a problem with its place."""

from __future__ import annotations

from typing import Any

import pytest

from pypeline.core.catalogue import Catalogue
from pypeline.core.modules import Effects, ModuleDecl
from pypeline.core.variables_check import check_flow_variables
from pypeline.schema.flow import Flow
from pypeline.schema.problems import Problem

TEXT = {"type": "string"}
SCHEMA = {
    "type": "object",
    "properties": {
        "path": TEXT,
        "condition": {**TEXT, "x-pype": {"editor": "expression"}},
        "query": {**TEXT, "x-pype": {"editor": "sql"}},
        "code": {**TEXT, "x-pype": {"editor": "code", "language": "python"}},
        "command": {**TEXT, "x-pype": {"editor": "shell"}},
        "password": {"anyOf": [TEXT, {"type": "null"}], "x-pype": {"editor": "secret"}},
        "items": {"type": "array", "items": {"type": "object", "additionalProperties": TEXT}},
    },
}


def decl(name: str, kind: Any, effects: Effects = Effects.PURE) -> ModuleDecl:
    return ModuleDecl(
        name, f"x.{name}", kind, input_ports=("input",), output_ports=("output",), globals=("row_count", "Size"), effects=effects, json_schema=SCHEMA
    )


CATALOGUE = Catalogue({"src": decl("src", "source"), "mod": decl("mod", "mod"), "snk": decl("snk", "sink"), "run": decl("run", "solo", Effects.CODE)})


def flow(modules: dict[str, tuple[str, dict[str, Any]]], data: list[str] = (), control: list[str] = (), **more: Any) -> Flow:  # type: ignore[assignment]
    head = {"name": "f", "env": more.pop("env", [])}
    return Flow.model_validate(
        {
            "flow": head,
            "modules": [{"id": id, "name": name, "configs": {"optional": config}} for id, (name, config) in modules.items()],
            "connections": {"data": list(data), "control": list(control)},
            **more,
        }
    )


def problems(checked: Flow, context: dict[str, Any] | None = None) -> list[Problem]:
    return check_flow_variables(checked, CATALOGUE, context)


def codes(checked: Flow, context: dict[str, Any] | None = None) -> list[str]:
    return [problem.code for problem in problems(checked, context)]


def test_context_names_are_known_or_have_candidates() -> None:
    checked = flow({"a": ("src", {"path": "{{context.dir}}/{{context.fiel}}.csv"})})
    (problem,) = problems(checked, {"dir": "x", "file": "y"})
    assert (problem.code, problem.place.module) == ("PYE242", "a")
    assert problem.place.path == ("modules", 0, "configs", "optional", "path")
    assert "at character 17" in problem.message
    assert "`context.file`" in problem.mend
    assert codes(checked) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [("{{7*7}}", "PYE240"), ("{{context.a.b.__class__}}", "PYE240"), ("{{context.a", "PYE241"), ("{{env.HOME}}", "PYE245"), ("{{iter.file}}", "PYE246"),
     ("{{vault:a/b#c}}", "PYE247"), ("{{nope__x}}", "PYE243"), ("{{a__x}}", "PYE243"), ("{{a__row_count}}", "PYE244"), ("{{run.id}}", None), ("plain", None)],
)  # fmt: skip
def test_one_reference_each(text: str, code: str | None) -> None:
    assert codes(flow({"a": ("src", {"path": text})}), {"a": 1}) == ([] if code is None else [code])
    assert codes(flow({"a": ("src", {"items": [{"k": text}]})}), {"a": 1}) == ([] if code is None else [code])


def test_declared_environment_is_fine() -> None:
    assert codes(flow({"a": ("src", {"path": "{{env.DATA}}"})}, env=["DATA"])) == []


def test_code_is_left_alone_and_expressions_report_their_own_spelling() -> None:
    assert codes(flow({"a": ("src", {"code": "f'{{x}} {{7*7}} {{vault:a#b}}'"})})) == []
    assert codes(flow({"a": ("src", {"condition": "{{7*7}} > 1", "query": "select {{"})})) == []
    assert codes(flow({"a": ("src", {"condition": "{{context.x}} > 1"})}), {}) == ["PYE242"]


def test_shell_places() -> None:
    assert codes(flow({"a": ("run", {"command": "echo {{context.x}}"})}), {"x": 1}) == []
    assert codes(flow({"a": ("run", {"command": "echo '{{context.x}}'"})}), {"x": 1}) == ["PYE256"]


@pytest.mark.parametrize(
    ("value", "code"),
    [("{{vault:a/b#c}}", None), ("{{env.PW}}", None), ("", None), ("hunter2", "PYE248"), ("{{context.pw}}", "PYE248"), ("x{{vault:a/b#c}}", "PYE248"),
     ("{{env.OTHER}}", "PYE245"), ("{{vault:a", "PYE241")],
)  # fmt: skip
def test_secret_fields_hold_references(value: str, code: str | None) -> None:
    found = problems(flow({"a": ("src", {"password": value})}, env=["PW"]), {"pw": "x"})
    assert [problem.code for problem in found] == ([] if code is None else [code])
    assert not any("hunter2" in str(problem) for problem in found)


def test_secrets_elsewhere() -> None:
    checked = flow(
        {"a": ("src", {})}, databases={"d": {"url": "postgresql://u:p%C3%A4ss@h/d", "secret": "hunter2"}, "e": {"url": "postgresql://h/{{vault:a/b#c}}"}}
    )
    noted = checked.model_copy(
        update={
            "modules": (checked.modules[0].model_copy(update={"note": "see {{vault:a/b#c}}"}),),
            "flow": checked.flow.model_copy(update={"description": "x {{vault:a/b#c}}"}),
        }
    )
    found = problems(noted)
    assert [(p.code, p.place.path) for p in found] == [
        ("PYE247", ("modules", 0, "note")),
        ("PYE247", ("flow", "description")),
        ("PYE248", ("databases", "d", "url")),
        ("PYE248", ("databases", "d", "secret")),
        ("PYE247", ("databases", "e", "url")),
    ]
    assert not any("hunter2" in str(p) or "p%C3" in str(p) for p in found)


# --- globals -------------------------------------------------------------------------------------------

READS = {"path": "{{a__row_count}}"}
PLAIN: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("modules", "data", "control", "code"),
    [
        # below it in the same sub flow, beside it, above it, itself
        ({"a": ("src", PLAIN), "b": ("mod", PLAIN), "r": ("snk", READS)}, ["a.output - b.input", "b.output - r.input"], [], None),
        ({"a": ("mod", PLAIN), "b": ("src", PLAIN), "r": ("snk", READS)}, ["b.output - a.input", "b.output - r.input"], [], "PYE244"),
        ({"r": ("src", READS), "a": ("snk", PLAIN)}, ["r.output - a.input"], [], "PYE244"),
        # later, side by side, earlier
        ({"a": ("run", PLAIN), "r": ("run", READS)}, [], ["a (1|) r"], None),
        ({"a": ("run", PLAIN), "m": ("run", PLAIN), "r": ("run", READS)}, [], ["a (1|) m", "m (1|error) r"], None),
        ({"a": ("run", PLAIN), "r": ("run", READS)}, [], [], "PYE244"),
        ({"r": ("run", READS), "a": ("run", PLAIN)}, [], ["r (1|) a"], "PYE244"),
        # orders of one source
        ({"s": ("run", PLAIN), "a": ("run", PLAIN), "r": ("run", READS)}, [], ["s (1|) a", "s (2|) r"], None),
        ({"s": ("run", PLAIN), "a": ("run", PLAIN), "r": ("run", READS)}, [], ["s (1|) a", "s (Last|) r"], None),
        ({"s": ("run", PLAIN), "a": ("run", PLAIN), "r": ("run", READS)}, [], ["s (1|) a", "s (1|) r"], "PYE244"),
        ({"s": ("run", PLAIN), "a": ("run", PLAIN), "r": ("run", READS)}, [], ["s (1|start) a", "s (2|) r"], "PYE244"),
        ({"s": ("run", PLAIN), "m": ("run", PLAIN), "a": ("run", PLAIN), "n": ("run", PLAIN), "r": ("run", READS)}, [], ["s (1|) m", "m (1|) a", "s (2|) n", "n (1|) r"], None),
        # a module of code may set any name; a declared one is held to its list
        ({"a": ("run", PLAIN), "r": ("run", {"path": "{{a__Anything}}"})}, [], ["a (1|) r"], None),
        ({"a": ("snk", PLAIN), "r": ("run", {"path": "{{a__rowcount}}"})}, [], ["a (1|) r"], "PYE243"),
        ({"a": ("snk", PLAIN), "r": ("run", {"path": "{{a__SIZE}}"})}, [], ["a (1|) r"], None),
    ],
)  # fmt: skip
def test_a_global_is_read_later(modules: dict[str, tuple[str, dict[str, Any]]], data: list[str], control: list[str], code: str | None) -> None:
    assert codes(flow(modules, data, control)) == ([] if code is None else [code])


def test_hooks_see_what_ran_before() -> None:
    modules: dict[str, tuple[str, dict[str, Any]]] = {"a": ("run", {}), "r": ("run", READS)}
    assert codes(flow(modules, **{"finally": ["r"]})) == []
    assert codes(flow(modules, on_error=["a"], **{"finally": ["r"]})) == []
    assert codes(flow(modules, on_error=["r"], **{"finally": ["a"]})) == ["PYE244"]


@pytest.mark.parametrize(
    ("valve", "code"),
    [
        ("1|if {{s__Any}} > 0", None),
        ("2|if {{a__row_count}} > 0", None),
        ("1|if {{r__row_count}} > 0", "PYE244"),
        ("1|if {{s__Any}} > {{context.nope}}", "PYE242"),
        ("1|if '{{vault:a/b#c}}' = ''", "PYE247"),
        ("1|if {{iter.x}} > 0", "PYE246"),
    ],
)
def test_valves_see_their_source_and_earlier_orders(valve: str, code: str | None) -> None:
    checked = flow({"s": ("run", {}), "a": ("run", {}), "r": ("run", {})}, control=["s (1|) a", f"s ({valve}) r"])
    found = problems(checked, {})
    assert [problem.code for problem in found] == ([] if code is None else [code])
    assert all(problem.place.path == ("connections", "control", 1) for problem in found)


def test_below_a_link_that_cannot_be_read_nothing_is_said_of_what_it_would_give() -> None:
    reads = {"path": "{{iter.file}}", "text": "{{a__Any}}"}
    modules: dict[str, tuple[str, dict[str, Any]]] = {"a": ("run", {}), "b": ("run", reads), "c": ("run", reads), "d": ("run", {"path": "{{iter.file}}"})}
    found = problems(flow(modules, control=["a (1|iterat) b", "b (1|) c", "a (2|) d"]))
    assert [(problem.code, problem.place.module) for problem in found] == [("PYE246", "d")]


def test_iteration_reaches_everything_below_its_link() -> None:
    reads = {"path": "{{iter.file}}-{{iter.index}}"}
    modules: dict[str, tuple[str, dict[str, Any]]] = {"a": ("src", {}), "b": ("run", reads), "c": ("run", reads), "d": ("run", reads)}
    found = problems(flow(modules, control=["a (1|iterate) b", "b (1|) c", "a (2|) d"]))
    assert [(problem.code, problem.place.module) for problem in found] == [("PYE246", "d"), ("PYE246", "d")]


def test_a_circle_of_globals_is_printed() -> None:
    modules: dict[str, tuple[str, dict[str, Any]]] = {
        "a": ("run", {"path": "{{b__x}}"}), "b": ("run", {"path": "{{c__x}}"}), "c": ("run", {"path": "{{a__x}}"}), "d": ("run", {"path": "{{a__x}}"}),
    }  # fmt: skip
    found = problems(flow(modules))
    assert [problem.code for problem in found].count("PYE244") == 4
    (circle,) = [problem for problem in found if problem.code == "PYE255"]
    assert "a -> b -> c -> a" in circle.message


def test_context_values_that_hold_references_stay_as_they_are() -> None:
    (problem,) = problems(flow({"a": ("src", {"path": "{{context.a}}"})}), {"a": "{{context.b}}", "b": "{{context.a}}"})[:1]
    assert (problem.code, problem.severity) == ("PYE254", "warning")


def test_unknown_types_and_misplaced_links_do_not_stop_the_check() -> None:
    reads = {"path": "{{b__x}}"}
    checked = flow({"a": ("nobody", reads), "b": ("nobody", {}), "c": ("nobody", reads)}, ["a.output - zz.input"], ["zz (1|) a", "b (oops) a"])
    assert [(problem.code, problem.place.module) for problem in problems(checked)] == [("PYE244", "c")]


def test_many_readers_are_quick() -> None:
    count = 5000
    modules: dict[str, tuple[str, dict[str, Any]]] = {f"m{n}": ("run", {"path": f"{{{{m{n - 1}__x}}}}"} if n else {}) for n in range(count)}
    assert codes(flow(modules, control=[f"m{n} (1|) m{n + 1}" for n in range(count - 1)])) == []
