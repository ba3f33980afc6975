"""The check of whole flows: every code, with its place, its mend and its fix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pypeline.core.check import check, runnable
from pypeline.schema.codes import CODES
from pypeline.schema.problems import Problem
from pypeline.schema.reader import read
from tests.core.making import CATALOGUE, flow

GOOD = """\
flow: {name: sample}
modules:
  - id: a
    name: read
    configs:
      required: {path: in.csv}
  - id: b
    name: keep
    configs:
      required: {condition: x > 1}
  - id: c
    name: write
  - {id: s, name: do}
connections:
  data:
    - "a.data - b.input"
    - "b.output - c.input"
  control:
    - "c (1|) s"
"""


def problems(modules: Any, data: Sequence[str] = (), control: Sequence[str] = (), context: Any = None, **more: Any) -> list[Problem]:
    found = check(flow(modules, data, control, **more), CATALOGUE, context)
    assert all(problem.code in CODES for problem in found)
    return found


def codes(*args: Any, **more: Any) -> list[str]:
    return [problem.code for problem in problems(*args, **more)]


def only(*args: Any, **more: Any) -> Problem:
    found = problems(*args, **more)
    assert len(found) == 1, found
    return found[0]


def read_check(text: str) -> list[Problem]:
    result = read(text, "flow.yaml")
    assert result.flow is not None, result.problems
    return check(result.flow, CATALOGUE)


def test_a_good_flow_has_no_problems() -> None:
    assert read_check(GOOD) == []


def test_problems_stand_at_their_line_and_in_file_order() -> None:
    text = GOOD.replace("name: read", "name: raed").replace("x > 1", "x >").replace("c (1|) s", "c (1|) z")
    assert [(p.code, p.place.line, p.place.column, p.place.module, p.place.link) for p in read_check(text)] == [
        ("PYE300", 4, 11, "a", ""), ("PYE330", 10, 29, "b", ""), ("PYE210", 19, 7, "", "c (1|) z"),
    ]  # fmt: skip


# --- types and data links -------------------------------------------------------------------------


def test_pye300_unknown_type_with_a_fix() -> None:
    problem = only("a:raed")
    assert (problem.code, problem.message, problem.mend) == ("PYE300", "there is no module type `raed`", "Did you mean `read`?")
    assert [(fix.path, fix.value) for fix in problem.fixes] == [(("modules", 0, "name"), "read")]


def test_pye210_a_link_to_a_missing_module() -> None:
    found = problems("a:read", ["a.data - nope.input", "ab.data - a.x"], ["a (1|) nope"])
    assert [(p.code, p.place.path) for p in found] == [
        ("PYE210", ("connections", "data", 0)), ("PYE210", ("connections", "data", 1)), ("PYE210", ("connections", "control", 0)),
    ]  # fmt: skip
    assert found[1].mend == "Did you mean `a`?"
    assert found[0].fixes[0].path == ("connections", "data", 0)


def test_pye211_a_cycle_of_data_links_is_printed() -> None:
    assert only("a:pass b:pass c:pass", ["a.output - b.input", "b.output - c.input", "c.output - a.input"]).message == (
        "the data links form a cycle: a -> b -> c -> a"
    )
    loop = problems("a:pass", ["a.output - a.input"])
    assert [(p.code, p.message) for p in loop] == [("PYE211", "a data link leads from `a` to itself: a -> a")]


def test_pye212_a_cycle_of_control_links_is_printed() -> None:
    assert only("x a b c", (), ["x (1|) a", "a (1|) b", "b (1|) c", "c (1|) a"]).message == "the control links form a cycle: a -> b -> c -> a"
    assert only("a", (), ["a (1|) a"]).code == "PYE212"


def test_pye213_a_wrong_port() -> None:
    found = problems("a:read b:pass", ["a.dato - b.input"])
    assert [(p.code, p.message, p.mend) for p in found] == [("PYE213", "`a` (read) has no output port `dato`", "Did you mean `data`?")]
    assert codes("a:read b:pass c:pass", ["a.data - b.input", "a.data - b.inptu", "b.output - c.input"]) == ["PYE213"]


def test_ports_that_a_config_names_exist() -> None:
    words = ["a:read", {"id": "m", "name": "map", "configs": {"optional": {"outputs": [{"name": "big"}, {"name": "small"}]}}}, "b:pass", "c:pass"]
    data = ["a.data - m.input", "m.big - b.input"]
    assert codes(words, [*data, "m.small - c.input"]) == []
    assert only(words, [*data, "m.smal - c.input"]).mend == "Did you mean `small`?"


def test_pye214_two_links_into_one_port_name_both_lines() -> None:
    text = GOOD.replace('    - "b.output - c.input"', '    - "b.output - c.input"\n    - "a.data - c.input"')
    (problem,) = read_check(text)
    assert problem.code == "PYE214"
    assert "`b.output - c.input` (line 17) and `a.data - c.input` (line 18)" in problem.message
    assert codes("a:read b:read s:stack", ["a.data - s.input", "b.data - s.input"]) == []


def test_pye215_an_input_without_a_link() -> None:
    problem = only("a:read j:join", ["a.data - j.left"])
    assert (problem.code, problem.message) == ("PYE215", "nothing is linked to `j.right`, which needs a table")
    assert codes([{"id": "w", "name": "write", "enabled": False}]) == []


def test_pye216_doubled_links() -> None:
    assert codes("a:read b:pass", ["a.data - b.input", "a.data - b.input"]) == ["PYE216"]
    assert codes("a b", (), ["a (1|error) b", "a (2|error) b"]) == ["PYE216"], "the order does not make them differ"
    assert codes("a b", (), ["a (1|ok) b", "a (1|error) b", "a (2|if 1 = 1) b"]) == []


def test_pye217_and_pye218_kinds() -> None:
    assert codes("a:read b:read", ["a.data - b.input"]) == ["PYE217"]
    assert codes("s w:write b:pass", ["s.out - w.input", "w.out - b.input"]) == ["PYE217", "PYE217"]
    modules, data = "a:read b:pass w:write s", ["a.data - b.input", "b.output - w.input"]
    assert codes(modules, data, ["b (1|) s"]) == ["PYE218"]
    into = only(modules, data, ["s (1|) w"])
    assert (into.code, into.mend) == ("PYE218", "Let it lead to `a`.")
    assert codes(modules, data, ["w (1|) s", "a (1|error) s"]) == []


def test_pye219_a_control_link_inside_a_sub_flow_is_a_warning_with_a_fix() -> None:
    problem = only("a:read b:pass w:write", ["a.data - b.input", "b.output - w.input"], ["a (1|) b"])
    assert (problem.code, problem.severity) == ("PYE219", "warning")
    assert (problem.fixes[0].path, problem.fixes[0].value) == (("connections", "control", 0), None)


def test_pye269_bypass_needs_one_in_and_one_out() -> None:
    bypass: dict[str, Any] = {"id": "b", "name": "pass", "bypass": True}
    assert codes(["a:read", bypass], ["a.data - b.input"]) == []
    keep = {**bypass, "name": "keep", "configs": {"required": {"condition": "a > 1"}}}
    assert codes(["a:read", keep, "w:write"], ["a.data - b.input", "b.reject - w.input"]) == ["PYE269"]
    assert "PYE269" in codes(["a:read", "c:read", {**bypass, "name": "join"}], ["a.data - b.left", "c.data - b.right"])
    assert codes([{**bypass, "name": "do"}]) == ["PYE269"]


# --- control --------------------------------------------------------------------------------------


def test_valves_and_their_conditions_are_parsed() -> None:
    assert codes("a b", (), ["a (0|) b"]) == ["PYE221"]
    assert "start" in problems("a b", (), ["a (0|) b"])[0].mend
    assert codes("a b", (), ["a (1|sometimes) b"]) == ["PYE222"]
    assert codes("a b", (), ["a (1|if {{a__result}} >) b"]) == ["PYE330"]
    assert codes("a b", (), ["a (Last|always if {{a__result}} > 3) b"]) == []


def test_pye260_to_263_hooks() -> None:
    modules, data = "a:read w:write e f", ["a.data - w.input"]
    assert codes(modules, data, on_error=["w"]) == ["PYE260"]
    assert codes(modules, data, on_error=["e"], **{"finally": ["e"]}) == ["PYE261"]
    assert codes(modules, data, ["w (1|) e"], on_error=["e"]) == ["PYE262"]
    shared = problems("m e x", (), ["m (1|) x", "e (1|) x"], on_error=["e"])
    assert [(p.code, p.place.module) for p in shared] == [("PYE263", "x")]
    assert codes(modules, data, on_error=["nope"]) == ["PYE210"]
    assert codes("m e f x", (), ["e (1|) x"], on_error=["e"], **{"finally": ["f"]}) == []


def test_pye264_a_gate_that_waits_for_more_than_leads_to_it() -> None:
    gate = {"id": "g", "name": "sync_gate", "configs": {"optional": {"mode": 3}}}
    assert only(["a", "b", gate], (), ["a (1|) g", "b (1|) g"]).message == "`g` waits for 3 links, and 2 lead to it"
    assert codes(["a", "b", "c", gate], (), ["a (1|) g", "b (1|) g", "c (1|) g"]) == []


def test_pye265_to_268_loops() -> None:
    assert codes("a s b", (), ["s (1|iterate) b"]) == ["PYE266"]
    loop = "r:read x y z"
    assert codes(loop, (), ["r (1|iterate x4) x", "x (1|) y", "r (2|) z"]) == []
    assert codes(loop, (), ["r (1|iterate) x", "x (1|) y", "z (1|) y"]) == ["PYE267"]
    assert codes("r:read x:read y", (), ["r (1|iterate) x", "x (1|iterate) y"]) == [], "one loop inside the other"
    assert codes("r:read q:read x y", (), ["r (1|iterate) x", "x (1|) y", "q (1|iterate) y"]) == ["PYE267", "PYE267"]
    assert "PYE265" in codes("r:read q:read x y z", (), ["r (1|iterate) x", "x (1|) z", "q (1|iterate) y", "y (1|) z"])
    early = problems(loop, (), ["r (2|iterate) x", "r (2|error) z"])
    assert [(p.code, p.severity, p.mend) for p in early] == [("PYE268", "warning", "Give it an order above 2.")]


def test_pye290_what_does_not_run_yet() -> None:
    found = runnable(flow("a b", (), ["a (1|start) b"], sweep={"parameters": {"context.x": [1, 2]}}))
    assert [(p.code, p.message) for p in found] == [("PYE290", "sweeps do not run yet")]
    assert runnable(flow("r:read x y", (), ["r (1|iterate) x", "r (2|start) y"])) == []
    assert runnable(flow([{"id": "a", "name": "do", "stage": "ingest"}, "b"], (), ["a (1|error) b"])) == []


# --- configs --------------------------------------------------------------------------------------


def config(required: dict[str, Any] | None = None, optional: dict[str, Any] | None = None, type: str = "read", **more: Any) -> list[Problem]:
    configs = {"required": {"path": "x"} if required is None else required, "optional": optional or {}}
    return problems([{"id": "a", "name": type, "configs": configs}], **more)


@pytest.mark.parametrize(
    ("value", "code", "says", "mend"),
    [
        ("many", "PYE301", "`modules[0].configs.optional.rows` is the text `many`, expected integer", ""),
        (True, "PYE301", "is true, expected integer", ""),
        ([1], "PYE301", "is a list, expected integer", ""),
        (2.5, "PYE301", "is 2.5, expected integer", ""),
        (0, "PYE302", "is 0, which is out of range", "Write a number of at least 1 and at most 1000."),
        (float("nan"), "PYE302", "is nan, which is no finite number", "at least 1"),
        (float("-inf"), "PYE302", "is -inf, which is no finite number", "at most 1000"),
    ],
)
def test_pye301_and_pye302_values(value: Any, code: str, says: str, mend: str) -> None:
    (problem,) = config(optional={"rows": value})
    assert problem.code == code
    assert says in problem.message
    assert mend in problem.mend
    assert problem.place.path == ("modules", 0, "configs", "optional", "rows")


def test_pye303_one_of_several_values() -> None:
    (problem,) = config({}, {"mode": "al"}, "sync_gate")
    assert (problem.code, problem.mend) == ("PYE303", "Did you mean `all`?")
    (problem,) = config({}, {"mode": 0}, "sync_gate")
    assert problem.code == "PYE302"
    (problem,) = config({}, {"mode": [1]}, "sync_gate")
    assert problem.message.endswith("is a list, expected text or integer")


def test_pye305_an_unknown_field() -> None:
    (problem,) = config(optional={"rosw": 3})
    assert (problem.code, problem.message, problem.mend) == ("PYE305", "`read` has no field `rosw`", "Did you mean `rows`?")
    (nested,) = (p for p in config({}, {"outputs": [{"name": "x", "wen": "a"}]}, "map") if p.code != "PYE215")
    assert (nested.code, nested.place.path[-3:]) == ("PYE305", ("outputs", 0, "wen"))


def test_pye306_a_missing_field() -> None:
    (problem,) = config({})
    assert (problem.code, problem.message) == ("PYE306", "`a` (read) needs `path`")
    (nested,) = (p for p in config({}, {"outputs": [{"when": "a"}]}, "map") if p.code != "PYE215")
    assert (nested.code, nested.message) == ("PYE306", "`modules[0].configs.optional.outputs[0]` lacks `name`")


def test_pye307_a_field_in_the_wrong_half() -> None:
    (problem,) = config({"path": "x", "rows": 3})
    assert (problem.code, problem.mend) == ("PYE307", "Write it under `configs.optional`.")
    assert problem.fixes[0].path == ("modules", 0, "configs", "optional", "rows")
    assert [p.code for p in config({}, {"path": "x"})] == ["PYE307"]
    assert [p.code for p in config({"path": "x"}, {"path": "y"})] == ["PYE307"]


def test_a_variable_stands_for_its_value() -> None:
    assert config(optional={"rows": "{{context.rows}}"}) == []
    assert config(optional={"rows": "{{context.rows}}"}, context={"rows": 5}) == []
    assert [p.code for p in config(optional={"rows": "{{context.rows}}"}, context={"rows": "five"})] == ["PYE301"]
    assert [p.code for p in config(optional={"rows": "{{context.rosw}}"}, context={"rows": 5})] == ["PYE242"]
    assert config({"path": "{{context.day}}"}, context={"day": 20250131}) == [], "a number stands as text where only texts may stand"
    assert [p.code for p in config({"path": "{{context.day}}"}, context={"day": None})] == ["PYE301"]


def test_secrets_and_expressions_in_configs() -> None:
    assert config(optional={"password": "{{vault:x#y}}"}) == []
    assert [p.code for p in config(optional={"password": "hunter2"})] == ["PYE248"]
    assert "hunter2" not in str(config(optional={"password": "hunter2"}))
    assert "PYE330" in codes(["a:read", {"id": "k", "name": "keep", "configs": {"required": {"condition": "a >"}}}], ["a.data - k.input"])


def test_a_config_of_the_specifications_form_is_checked_too() -> None:
    from pypeline.core.catalogue import Catalogue
    from pypeline.core.declare import from_registry

    entry = {
        "module_path": "x.y", "type": "solo",
        "config_schema": {"required": {"file_path": {"type": "str"}}, "optional": {"size": {"type": "int", "default": 3}, "other": {"type": "thing"}}},
    }  # fmt: skip
    catalogue = Catalogue({"old": from_registry("old", entry)})
    words = [{"id": "a", "name": "old", "configs": {"required": {"file_path": 3}, "optional": {"size": "x", "other": [1], "more": 1}}}]
    found = check(flow(words), catalogue)
    assert sorted((p.code, p.place.path[-1]) for p in found) == [("PYE301", "file_path"), ("PYE301", "size"), ("PYE305", "more")]


# --- settings -------------------------------------------------------------------------------------


def test_pye271_stages() -> None:
    assert codes([{"id": "a", "name": "do", "stage": "ingest"}]) == []
    problem = only([{"id": "a", "name": "do", "stage": "ingset"}])
    assert (problem.code, problem.mend) == ("PYE271", "Did you mean `ingest`?")
    own = {"flow": {"name": "x", "stages": ["one", {"name": "two"}]}}
    assert codes([{"id": "a", "name": "do", "stage": "two"}], **own) == []
    assert only([{"id": "a", "name": "do", "stage": "ingest"}], **own).mend == "Known: `one`, `two`."


def test_pye272_transactions() -> None:
    words = [{"id": "a", "name": "do", "transaction": "shop"}]
    assert codes(words) == ["PYE272"]
    assert codes(words, databases={"shop": {"url": "sqlite:///x.db"}}) == []


def test_pye273_to_276_resources_and_retries() -> None:
    def resources(**said: Any) -> list[str]:
        return codes([{"id": "a", "name": "do", "resources": said}], settings={"slots": {"gpu": 2}})

    assert resources(memory="2GiB", time="00:30:00", slots={"gpu": 2}) == []
    assert resources(memory="lots") == ["PYE273"]
    assert resources(memory="0MB") == ["PYE273"]
    assert resources(time="soon") == ["PYE275"]
    assert resources(slots={"gpu": 3}) == ["PYE274"]
    assert resources(slots={"tpu": 1}) == ["PYE274"]
    assert codes("a", settings={"memory_limit": "much"}) == ["PYE273"]
    assert codes("a", settings={"retries": 1, "retry": {"attempts": 3}}) == ["PYE276"]
    assert codes([{"id": "a", "name": "do", "retries": 1, "retry": {"attempts": 2}}]) == ["PYE276"]


def test_a_chain_of_ten_thousand_modules_is_checked_without_recursion() -> None:
    count = 10_000
    words = ["m0:read", *(f"m{at}:pass" for at in range(1, count))]
    assert codes(words, ["m0.data - m1.input", *(f"m{at}.output - m{at + 1}.input" for at in range(1, count - 1))]) == []
