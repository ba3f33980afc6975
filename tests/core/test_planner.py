"""The plan: tasks and their cuts, configs with variables, decisions, ids, and equal bytes for equal input."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from pypeline.core.facts import FileFact, SourceFacts
from pypeline.core.plan import Plan
from pypeline.core.planner import plan
from pypeline.schema.problems import PypeError
from tests.core.making import CATALOGUE, facts, flow, planned

CHAIN = ["a.data - b.input", "b.output - c.input", "c.output - d.input", "d.output - e.input"]


def groups(made: Plan) -> list[tuple[str, ...]]:
    return [task.modules for task in made.tasks.values()]


def cuts(made: Plan) -> dict[str, str]:
    return {task.id: task.cut for task in made.tasks.values()}


# --- segments -------------------------------------------------------------------------------------


def test_relational_modules_of_a_sub_flow_are_one_segment() -> None:
    made = planned("a:read b:keep c:pass d:pass e:write", CHAIN)
    (task,) = made.tasks.values()
    assert (task.id, task.kind, task.modules, task.inputs, task.hands_over, task.after, task.cut) == ("a", "segment", ("a", "b", "c", "d", "e"), (), (), (), "")


def test_a_fan_out_never_cuts() -> None:
    assert len(planned("a:read b:pass c:write d:write", ["a.data - b.input", "b.output - c.input", "b.output - d.input"]).tasks) == 1


def test_code_cuts_and_tables_are_handed_over() -> None:
    made = planned("a:read b:pass c:python d:pass e:write", CHAIN)
    assert groups(made) == [("a", "b"), ("c",), ("d", "e")]
    assert [task.kind for task in made.tasks.values()] == ["segment", "code", "segment"]
    assert made.tasks["c"].inputs == ("b.output - c.input",)
    assert made.tasks["a"].hands_over == ("b.output",)
    assert made.tasks["d"].after == ("c",)
    assert cuts(made) == {"a": "", "c": "code", "d": "after `c`: code"}


def test_a_path_out_through_code_and_back_splits_the_segment() -> None:
    made = planned("a:read p:python j:join w:write", ["a.data - p.input", "p.output - j.left", "a.data - j.right", "j.output - w.input"])
    assert groups(made) == [("a",), ("p",), ("j", "w")]
    assert made.tasks["j"].inputs == ("p.output - j.left", "a.data - j.right")
    assert set(made.tasks["j"].after) == {"p", "a"}


def test_a_source_that_only_a_late_module_reads_is_fused_with_it() -> None:
    made = planned("a:read p:python s:read f:keep j:join", ["a.data - p.input", "p.output - j.left", "s.data - f.input", "f.output - j.right"])
    assert groups(made) == [("a",), ("p",), ("s", "f", "j")]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("retries", 2), ("retry", {"attempts": 2}), ("timeout", 5), ("resources", {"cpus": 2}), ("cache", "on"), ("checkpoint", "off"),
        ("contract", {"on_violation": "fail"}),
    ],
)  # fmt: skip
def test_a_key_of_its_own_makes_a_module_its_own_task(key: str, value: Any) -> None:
    made = planned(["a:read", "b:pass", {"id": "c", "name": "pass", key: value}, "d:pass", "e:write"], CHAIN)
    assert groups(made) == [("a", "b"), ("c",), ("d", "e")]
    assert made.tasks["c"].cut == ("contract that fails" if key == "contract" else f"own {key}")


def test_defaults_in_settings_and_a_contract_that_warns_do_not_cut() -> None:
    settings = {"retries": 2, "resources": {"cpus": 2}}
    made = planned(
        ["a:read", {"id": "b", "name": "pass", "contract": {"on_violation": "warn"}}, "e:write"], ["a.data - b.input", "b.output - e.input"], settings=settings
    )
    (task,) = made.tasks.values()
    assert task.retry.attempts == 3
    assert task.resources.cpus == 2
    assert task.timeout is None


def test_a_modules_own_keys_win_over_settings() -> None:
    made = planned([{"id": "a", "name": "do", "retries": 0, "timeout": 7}, "b"], settings={"retries": 2, "timeout": 99})
    assert [(task.retry.attempts, task.timeout) for task in made.tasks.values()] == [(1, 7), (3, None)]


def test_another_engine_and_a_readers_rejects_cut() -> None:
    made = planned(["a:read", {"id": "b", "name": "pass", "engine": "slurm"}, "r:write"], ["a.data - b.input", "a.reject - r.input"])
    assert groups(made) == [("a",), ("b",), ("r",)]
    assert cuts(made) == {"a": "", "b": "engine slurm instead of local", "r": "reads the rejected rows of `a`"}
    assert len(planned("a:read k:keep w:write", ["a.data - k.input", "k.reject - w.input"]).tasks) == 1, "a filter's rejects are ordinary rows"


def test_reading_a_variable_of_the_own_sub_flow_cuts() -> None:
    late = {"id": "c", "name": "pass", "configs": {"optional": {"label": "{{A__row_count}} rows"}}}
    made = planned(["a:read", "b:pass", late, "d:pass", "e:write"], CHAIN)
    assert groups(made) == [("a", "b"), ("c", "d", "e")]
    assert made.tasks["c"].cut == "reads a variable of `a`"
    assert (made.tasks["c"].decision, made.tasks["c"].reason) == ("at_run", "at_run")
    assert made.modules["c"].templates == (("label",),)
    beside = {"id": "x", "name": "python", "configs": {"optional": {"label": "{{y__answer}}"}}}
    made = planned(["a:read", beside, "y:python"], ["a.data - x.input", "a.data - y.input"])
    assert made.tasks["x"].after == ("a", "y"), "x waits for y although no table goes from one to the other"


def test_pandas_mode_is_a_task_for_every_module_and_dask_is_not() -> None:
    modules, data = "a:read b:pass e:write", ["a.data - b.input", "b.output - e.input"]
    assert groups(planned(modules, data, settings={"execution_mode": "pandas"})) == [("a",), ("b",), ("e",)]
    assert len(planned(modules, data, settings={"execution_mode": "dask"}).tasks) == 1


def test_no_segment_holds_more_than_a_hundred_modules() -> None:
    words = ["a:read", *(f"m{at}:pass" for at in range(250))]
    made = planned(words, ["a.data - m0.input", *(f"m{at}.output - m{at + 1}.input" for at in range(249))])
    assert [len(group) for group in groups(made)] == [100, 100, 51]
    assert [task.cut for task in made.tasks.values()] == ["", "more than 100 modules", "more than 100 modules"]


def test_bypassed_code_is_fused_and_disabled_modules_are_in_no_task() -> None:
    made = planned(["a:read", {"id": "b", "name": "python", "bypass": True}, "e:write"], ["a.data - b.input", "b.output - e.input"])
    assert groups(made) == [("a", "b", "e")]
    off = planned(
        ["a:read", {"id": "b", "name": "pass", "enabled": False}, "e:write", "f:write"], ["a.data - b.input", "b.output - e.input", "a.data - f.input"]
    )
    assert groups(off) == [("a", "f")]
    assert {id: module.enabled for id, module in off.modules.items()} == {"a": True, "b": False, "e": False, "f": True}
    assert list(off.links) == ["a.data - f.input"]


def test_a_union_loses_the_links_of_disabled_modules_and_keeps_the_rest_in_order() -> None:
    made = planned(["a:read", {"id": "b", "name": "read", "enabled": False}, "c:read", "s:stack"], ["a.data - s.input", "b.data - s.input", "c.data - s.input"])
    assert [(link.source, link.index) for link in made.links.values()] == [("a", 0), ("c", 1)]


def test_random_flows_have_tasks_without_a_cycle_that_hold_each_module_once() -> None:
    for seed in range(300):
        random = Random(seed)
        count = random.randint(2, 25)
        words: list[Any] = ["m0:read"]
        data = []
        for at in range(1, count):
            type = random.choice(["pass", "stack", "python", "stack"])
            words.append({"id": f"m{at}", "name": type, **({"timeout": 5} if random.random() < 0.1 else {})})
            sources = random.sample(range(at), min(at, random.randint(1, 3 if type == "stack" else 1)))
            data += [f"m{source}.{'data' if source == 0 else 'output'} - m{at}.input" for source in sources]
        made = planned(words, data)
        assert sorted(id for group in groups(made) for id in group) == sorted(f"m{at}" for at in range(count))
        done: set[str] = set()
        for task in made.tasks.values():
            assert set(task.after) <= done, f"seed {seed}: {task.id} would start before what it needs"
            done.add(task.id)
        home = {id: task.id for task in made.tasks.values() for id in task.modules}
        for link in made.links.values():
            if home[link.source] != home[link.target]:
                assert link.id in made.tasks[home[link.target]].inputs
                assert link.port in made.tasks[home[link.source]].hands_over
                assert home[link.source] in made.tasks[home[link.target]].after


# --- configs --------------------------------------------------------------------------------------


def test_configs_are_flat_with_defaults_and_context_filled_in() -> None:
    words = [{"id": "a", "name": "read", "configs": {"required": {"path": "{{context.folder}}/x.csv"}, "optional": {"rows": "{{context.rows}}"}}}]
    made = plan(flow(words), facts(context={"folder": "in", "rows": 7}))
    assert dict(made.modules["a"].configs) == {"path": "in/x.csv", "rows": 7}
    assert made.modules["a"].templates == ()


def test_a_whole_float_is_an_integer_where_one_is_wanted() -> None:
    words = [{"id": "a", "name": "read", "configs": {"required": {"path": "x"}, "optional": {"rows": 1e2}}}]
    rows = plan(flow(words), facts()).modules["a"].configs["rows"]
    assert (rows, type(rows)) == (100, int)
    gate = [{"id": "g", "name": "sync_gate", "configs": {"optional": {"mode": 2.0}}}]
    assert plan(flow(gate), facts()).sub_flows[0].gate == "2"


def test_a_value_is_never_scanned_again() -> None:
    words = [{"id": "a", "name": "do", "configs": {"optional": {"text": "{{context.x}}"}}}]
    made = plan(flow(words), facts(context={"x": "{{context.y}} and {{b__result}}"}))
    assert made.modules["a"].configs["text"] == "{{context.y}} and {{b__result}}"
    assert made.modules["a"].templates == ()
    assert made.modules["a"].globals_read == ()


def test_a_text_with_a_later_variable_stays_a_template_as_a_whole() -> None:
    words = ["b", {"id": "a", "name": "do", "configs": {"optional": {"text": "{{context.x}}/{{b__result}}/{{env.HOME}}"}}}]
    module = plan(flow(words), facts(context={"x": "{{b__result}}"}, env={"HOME": "/root"})).modules["a"]
    assert module.configs["text"] == "{{context.x}}/{{b__result}}/{{env.HOME}}"
    assert (module.templates, module.globals_read, dict(module.variables)) == ((("text",),), ("b__result",), {"context.x": "{{b__result}}"})


def test_variables_of_expressions_are_bound_and_code_is_left_alone() -> None:
    words = [
        "r:read",
        {"id": "k", "name": "keep", "configs": {"required": {"condition": "a > {{context.least}} and b = {{r__row_count}} and c = {{run.id}}"}}},
        {"id": "p", "name": "python", "configs": {"optional": {"source": "x = '{{context.least}}'", "label": "{{run.id}}"}}},
    ]
    made = plan(flow(words, ["r.data - k.input", "k.output - p.input"]), facts(context={"least": 18}))
    keep, code = made.modules["k"], made.modules["p"]
    assert keep.configs["condition"] == "a > {{context.least}} and b = {{r__row_count}} and c = {{run.id}}"
    assert dict(keep.variables) == {"context.least": 18, "run.id": made.run_id}
    assert (keep.globals_read, keep.templates) == (("r__row_count",), ())
    assert dict(code.configs) == {"source": "x = '{{context.least}}'", "label": made.run_id}


def test_an_unknown_context_variable_or_type_is_a_problem_with_a_place() -> None:
    with pytest.raises(PypeError) as caught:
        plan(flow([{"id": "a", "name": "do", "configs": {"optional": {"text": "{{context.nope}}"}}}]), facts(context={"note": 1}))
    assert caught.value.problems[0].code == "PYE242"
    assert caught.value.problems[0].place.path == ("modules", 0, "configs", "optional", "text")
    with pytest.raises(PypeError) as caught:
        plan(flow("a:wriet"), facts())
    assert (caught.value.problems[0].code, caught.value.problems[0].mend) == ("PYE300", "did you mean `write`?")


def test_conditions_of_valves_are_bound_too() -> None:
    made = plan(flow("a b", (), ["a (1|if {{a__Result}} > {{context.n}}) b"]), facts(context={"n": 3}))
    (valve,) = made.valves
    assert (valve.condition, dict(valve.variables), valve.globals_read) == ("{{a__Result}} > {{context.n}}", {"context.n": 3}, ("a__Result",))


# --- decisions, fingerprints, ids -----------------------------------------------------------------


def test_every_task_executes_and_says_why() -> None:
    made = planned("a:read b:pass c:python w:write s", ["a.data - b.input", "b.output - c.input", "c.output - w.input"])
    assert {task.id: (task.decision, task.reason) for task in made.tasks.values()} == {
        "a": ("execute", "first_run"), "c": ("execute", "not_deterministic"), "w": ("execute", "side_effect"), "s": ("execute", "not_deterministic"),
    }  # fmt: skip


BASE: dict[str, Any] = {"words": ["a:read", {"id": "b", "name": "pass", "configs": {"optional": {"label": "x"}}}, "e:write", "s"], "settings": {}}
LINKS = ["a.data - b.input", "b.output - e.input"]


def prints(label: str = "x", *, more: dict[str, Any] | None = None, **known: Any) -> tuple[str, dict[str, str]]:
    words = ["a:read", {"id": "b", "name": "pass", "configs": {"optional": {"label": label}}, **(more or {})}, "e:write", "s"]
    made = plan(flow(words, LINKS), facts(**known))
    return made.run_id, {id: module.fingerprint for id, module in made.modules.items()}


def test_a_fingerprint_changes_with_config_code_and_what_feeds_it_and_with_nothing_else() -> None:
    run, base = prints()
    assert run.startswith("test-")
    assert len(run) == len("test-") + 12
    changed_run, changed = prints("y")
    assert changed_run != run
    assert {id for id in base if base[id] != changed[id]} == {"b", "e"}
    _, code = prints(code={"pass": "abc"})
    assert {id for id in base if base[id] != code[id]} == {"b", "e"}
    source = SourceFacts((FileFact("in.csv", 10, 1, 2, "d1"),), ("x",))
    _, read = prints(sources={"a": source})
    assert {id for id in base if base[id] != read[id]} == {"a", "b", "e"}
    touched = SourceFacts((FileFact("in.csv", 10, 99, 77, "d1"),), ("x",))
    assert prints(sources={"a": touched})[1] == read, "the digest counts, not the times"
    for harmless in ({"note": "hello"}, {"retries": 3}, {"timeout": 4}, {"resources": {"cpus": 1}}):
        assert prints(more=harmless) == (run, base)


def test_the_drawing_changes_nothing_and_the_context_changes_the_run() -> None:
    one = plan(flow("a b", canvas={"modules": {"a": [1, 2]}}), facts())
    other = plan(flow("a b", canvas={"modules": {"a": [100, 2]}}, settings={"threads": 3}), facts())
    assert one.run_id == other.run_id
    assert plan(flow("a b"), facts(context={"x": 1})).run_id != one.run_id


def test_the_runs_id_is_in_no_fingerprint_and_secrets_only_as_references() -> None:
    words = [{"id": "a", "name": "read", "configs": {"required": {"path": "{{run.id}}.csv"}, "optional": {"password": "{{env.SECRET}}"}}}]
    one = plan(flow(words), facts(context={"x": 1}, env={"SECRET": "hunter2"}))
    other = plan(flow(words), facts(context={"x": 2}, env={"SECRET": "other"}))
    assert one.run_id != other.run_id
    assert one.modules["a"].fingerprint == other.modules["a"].fingerprint
    assert "hunter2" not in json.dumps(one.to_json())


def test_equal_inputs_give_equal_bytes() -> None:
    made = [json.dumps(planned("a:read b:keep e:write s", ["a.data - b.input", "b.output - e.input"], ["e (1|) s"]).to_json()) for _ in range(2)]
    assert made[0] == made[1]
    data = json.loads(made[0])
    assert data["order"] == ["a", "s"]
    assert [valve["text"] for valve in data["valves"]] == ["e (1|) s"]


def test_a_gates_mode_is_in_the_plan() -> None:
    made = planned(["a", "b", {"id": "g", "name": "sync_gate", "configs": {"optional": {"mode": 1}}}], (), ["a (1|) g", "b (1|) g"])
    assert (made.tasks["g"].kind, made.sub_flows[2].gate) == ("gate", "1")
    assert made.sub_flows[0].gate == ""


def test_ten_thousand_modules_in_a_chain_are_planned_without_recursion() -> None:
    words = ["m0:read", *(f"m{at}:python" for at in range(1, 10_000))]
    made = plan(flow(words, ["m0.data - m1.input", *(f"m{at}.output - m{at + 1}.input" for at in range(1, 9_999))]), facts())
    assert len(made.tasks) == 10_000
    assert made.order[0] == "m0"
    assert CATALOGUE["read"].kind == "source"


def test_loops_know_their_scopes_the_rows_they_go_over_and_what_their_conditions_read() -> None:
    modules = "a f:read x y:read z after"
    control = ["f (1|iterate x3) x", "x (1|if {{iter.name}} = 'b') y", "y (1|iterate) z", "f (2|) after", "a (1|) f"]
    made = planned(modules, (), control)
    assert {sub.title: sub.loop for sub in made.sub_flows} == {"a": None, "f": None, "x": 0, "y": 0, "z": 2, "after": None}
    assert [(valve.items, valve.parallel, valve.iter_read) for valve in made.valves[:3]] == [("f.data", 3, ()), ("", None, ("name",)), ("y.data", None, ())]
    assert made.tasks["f"].hands_over == ("f.data",)
    assert made.tasks["a"].hands_over == ()


def test_a_loop_goes_over_a_table_that_only_the_config_of_its_source_names() -> None:
    source = {"id": "c", "name": "child", "configs": {"optional": {"tables": ["found", "lost"]}}}
    made = planned([source, "x"], (), ["c (1|iterate) x"])
    assert made.valves[0].items == "c.found"
    assert made.tasks["c"].hands_over == ("c.found",)
