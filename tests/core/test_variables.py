# ruff: noqa: E501
"""Variables: the grammar of references, one pass of filling in, and the shell."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypeline.core.texterror import position
from pypeline.core.variables import VariableError, as_text, filled, find, substitute
from pypeline.core.variables_context import context_warnings, looks_secret
from pypeline.core.variables_shell import substitute_shell
from pypeline.schema.problems import Place


@pytest.mark.parametrize(
    ("text", "kind", "key"),
    [
        ("{{context.a}}", "context", "context.a"),
        ("{{ context.größe_2 }}", "context", "context.größe_2"),
        ("{{orders__row_count}}", "global", "orders__row_count"),
        ("{{a___x}}", "global", "a___x"),
        ("{{_m__v__w}}", "global", "_m__v__w"),
        ("{{iter.file}}", "iter", "iter.file"),
        ("{{iter.index}}", "iter", "iter.index"),
        ("{{run.id}}", "run", "run.id"),
        ("{{env.HOME}}", "env", "env.HOME"),
        ("{{vault:secret/data/x#pass-word.1}}", "vault", "vault:secret/data/x#pass-word.1"),
    ],
)
def test_forms(text: str, kind: str, key: str) -> None:
    (ref,) = find(text)
    assert (ref.kind, ref.key, ref.start, ref.end) == (kind, key, 0, len(text))


def test_a_global_knows_its_module() -> None:
    (ref,) = find("x {{orders__row_count}}")
    assert (ref.module, ref.variable, ref.start) == ("orders", "row_count", 2)


BAD = [
    "7*7", "x()", "context.a.b", "context.a.__class__", "''.__class__", "context", "a", "context.", ".a", "context.1a", "context.a b", "context.a|upper", "context['a']",
    "run.name", "run.id.x", "env.A-B", "env.A.B", "vault:a", "vault:#k", "vault:a#", "vault:a b#c", "iter", "iter.a.b", "__x", "1a__b", "a__", "", " ", "a-b__c", "{context.a",
    "self", "config.items()", "request['application']", "lipsum.__globals__", "%s", "context.a\n.b",
]  # fmt: skip


@pytest.mark.parametrize("inside", BAD)
def test_only_names_are_allowed(inside: str) -> None:
    with pytest.raises(VariableError, match="only names are allowed") as caught:
        find(f"ab {{{{{inside}}}}}")
    assert (caught.value.code, caught.value.offset) == ("PYE240", 3)


def test_a_bare_name_gets_a_hint() -> None:
    with pytest.raises(VariableError) as caught:
        find("{{threshold}}")
    assert "{{context.threshold}}" in caught.value.mend


@pytest.mark.parametrize(("text", "offset"), [("{{context.a", 0), ("x {{context.a}} {{", 16), ("{{context.a}", 0), ("a\nbc {{context.a", 5)])
def test_unclosed_says_where(text: str, offset: int) -> None:
    with pytest.raises(VariableError, match="never closed") as caught:
        find(text)
    assert (caught.value.code, caught.value.offset) == ("PYE241", offset)
    assert position("a\nbc {{context.a", 5) == "at line 2, character 4"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{{context.n}}", 3),
        (" {{context.n}}", " 3"),
        ("{{context.none}}", None),
        ("a{{context.none}}b", "ab"),
        ("{{context.t}}/{{ context.n }}.csv", "true/3.csv"),
        ("{{m__V}}", [1, 2]),
        ("{{M__v}}!", "1, 2!"),
        ("plain } } { {", "plain } } { {"),
    ],
)
def test_substitute(text: str, wanted: Any) -> None:
    assert substitute(text, {"context.n": 3, "context.none": None, "context.t": True, "m__V": [1, 2]}) == wanted


def test_values_are_never_looked_into() -> None:
    values = {"context.a": "{{context.b}}", "context.b": "{{context.a}}", "context.open": "{{"}
    assert substitute("{{context.a}}", values) == "{{context.b}}"
    assert substitute("{{context.a}}-{{context.b}}", values) == "{{context.b}}-{{context.a}}"
    assert substitute("{{context.open}}context.b}}", values) == "{{context.b}}"


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30).filter(lambda t: "{" not in t))
def test_one_pass_whatever_the_values(a: str, b: str, between: str) -> None:
    text = f"{{{{context.a}}}}{between}{{{{context.b}}}}"
    assert filled(text, {"context.a": a, "context.b": b}) == f"{a}{between}{b}"


@given(st.text(max_size=40))
def test_any_text_is_found_or_answered(text: str) -> None:
    try:
        assert all(text[ref.start : ref.start + 2] == "{{" and text[ref.end - 2 : ref.end] == "}}" for ref in find(text))
    except VariableError as error:
        assert text[error.offset : error.offset + 2] == "{{"  # noqa: PT017 - both answers are checked


def test_unknown_names_have_candidates() -> None:
    with pytest.raises(VariableError) as caught:
        substitute("x {{context.tresh}}", {"context.thresh": 1, "context.other": 2})
    assert (caught.value.code, caught.value.offset) == ("PYE242", 2)
    assert "`context.thresh`" in caught.value.mend
    problem = caught.value.problem(Place(path=("a",)), "x {{context.tresh}}")
    assert "at character 3" in problem.message


def test_as_text() -> None:
    assert [as_text(v) for v in (None, True, False, 1, 1.5, "x", ["a", None, 2])] == ["", "true", "false", "1", "1.5", "x", "a, , 2"]


@pytest.mark.parametrize("value", ["; rm -rf x", "$(id)", "`id`", "a b", "it's", '"', "*", "-n", "${HOME}", "\\", "&& id", "#", "ä"])
def test_the_shell_gets_one_word(value: str) -> None:
    line = substitute_shell("printf %s {{context.a}}", {"context.a": value})
    assert subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True, text=True).stdout == value


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b"])
def test_no_line_breaks_for_the_shell(value: str) -> None:
    with pytest.raises(VariableError) as caught:
        substitute_shell("echo {{context.a}}", {"context.a": value})
    assert (caught.value.code, caught.value.offset) == ("PYE249", 5)


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("password", "x", True), ("db_password", "x", True), ("API_KEY", "x", True), ("token", "x", True), ("token_count", "3", False), ("max_tokens", "9", False),
        ("password", "", False), ("password", None, False), ("token", 3, False), ("x", "-----BEGIN RSA PRIVATE KEY-----", True), ("x", "AKIAABCDEFGHIJKLMNOP", True),
        ("x", "postgresql://u:p@h/d", True), ("x", "postgresql://u@h/d", False), ("x", "https://h/a:b@c", False), ("secretary", "Ann", False), ("x", "ghp_abcdefghijklmnopqrstuv", True),
    ],
)  # fmt: skip
def test_what_looks_secret(name: str, value: Any, secret: bool) -> None:
    assert looks_secret(name, value) is secret


def test_braces_in_a_context_value_are_warned_of() -> None:
    (problem,) = context_warnings({"a": "{{context.b}}", "b": "x", "c": 3})
    assert (problem.code, problem.severity, problem.place.path) == ("PYE254", "warning", ("a",))


NASTY = ["$(touch x)", "`touch x`", "'; touch x; '", '"; touch x; "', "a' b", "\\", "\\'; touch x #", "x\\", "${HOME}", "a[$(touch x)]"]
TEMPLATES = [
    "echo {{context.a}}", "echo --out={{context.a}}.csv", "A={{context.a}}; echo \"$A\"", "echo $(echo {{context.a}})", "echo 'it' {{context.a}} \"is\"", "# it's\necho {{context.a}}",
    "echo \\' {{context.a}} \\'", "echo ${HOME} {{context.a}}", "echo '\\' {{context.a}}", "test {{context.a}} != b && echo {{context.a}}", "echo a#b {{context.a}}",
]  # fmt: skip
OPEN_PLACES = [
    "echo '{{context.a}}'", 'echo "{{context.a}}"', 'echo "$(echo "{{context.a}}")"', "cat <<EOF\n{{context.a}}\nEOF", "echo `echo {{context.a}}`", "echo \\{{context.a}}",
    "echo ${{context.a}}", "echo $(( {{context.a}} ))", "echo $'{{context.a}}'", "echo ${A:-{{context.a}}}", "echo 'a'\"b {{context.a}}\"", "# it's\necho '{{context.a}}'", "echo \"a\\\" {{context.a}}\"",
    "echo $[{{context.a}}]", "echo \"${A:-\"{{context.a}}\"}\"",
]  # fmt: skip


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("value", NASTY)
def test_no_value_runs_as_a_command(tmp_path: Path, template: str, value: str) -> None:
    line = substitute_shell(template, {"context.a": value})
    subprocess.run(["/bin/sh", "-c", line], cwd=tmp_path, capture_output=True, check=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("template", OPEN_PLACES)
def test_places_that_quoting_does_not_protect_are_refused(template: str) -> None:
    with pytest.raises(VariableError) as caught:
        substitute_shell(template, {"context.a": "x"})
    assert caught.value.code == "PYE256"
    assert 0 <= caught.value.offset < len(template)
