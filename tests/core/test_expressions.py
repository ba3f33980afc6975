"""Expressions: their meaning (the rows of the semantics table), their columns, variables and places."""

from __future__ import annotations

import datetime
import decimal
import math
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypeline.core import expressions
from pypeline.core.columns import Column
from pypeline.core.modules import RelationalModule
from pypeline.core.relation import Expr
from pypeline.schema.problems import PypeError
from tests.core.language import COLUMNS, compiled, database, refusal


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with database(tmp_path_factory.mktemp("expressions")) as connection:
        yield connection


def rows(db: Any, text: str, variables: dict[str, Any] | None = None) -> list[Any]:
    return [row[0] for row in db.execute(f'select ({compiled(text, variables)}) from "input"').fetchall()]


def one(db: Any, text: str, variables: dict[str, Any] | None = None) -> Any:
    return db.execute(f"select ({compiled(text, variables)})").fetchone()[0]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # null is neither true nor false
        ("not (i > 1)", [False, True, None, True]),
        ("i != 7", [False, True, None, True]),
        ("s not in ('apple')", [True, False, None, True]),
        ("b and false", [False, False, False, False]),
        ("b or true", [True, True, True, True]),
        ("i is null", [False, False, True, False]),
        ("i is not distinct from null", [False, False, True, False]),
        ("coalesce(i, 9)", [7, -7, 9, 0]),
        ("s || 'x'", ["Ärgerx", "applex", None, "x"]),
        ("concat(s, 'x')", ["Ärgerx", "applex", "x", "x"]),
        # division
        ("i / j", [3.5, -3.5, None, None]),
        ("i // j", [3, -3, None, None]),
        ("i % j", [1, -1, None, None]),
        ("mod(i, j)", [1, -1, None, None]),
        ("i / 0", [None] * 4),
        ("i // 0", [None] * 4),
        ("i % 0.0", [None] * 4),
        ("(f + 5) // 2", [3.0, 2.0, None, None]),
        # rounding and casts
        ("round(f)", [3.0, -1.0, None, None]),
        ("s = ''", [False, False, None, True]),
        ("length(s)", [5, 5, None, 0]),
        ("upper(s)", ["ÄRGER", "APPLE", None, ""]),
        ("s like 'Ä%' or s ilike 'APP%'", [True, True, None, False]),
        ("s not like 'Ä%'", [False, True, None, True]),
        ("regexp_matches(s, 'r.e')", [True, False, None, False]),
        ("case when i > 0 then 'plus' when i < 0 then 'minus' end", ["plus", "minus", None, None]),
        ("if(b, 1, 2)", [1, 2, 2, 1]),
        ('"My col" * 2', [2, 4, 6, 8]),
        ("i between -7 and 0", [False, True, None, True]),
        ("i in (7, null)", [True, None, None, None]),
        ("greatest(i, j)", [7, 2, 2, 0]),
    ],
)
def test_meaning_over_rows(db: Any, text: str, wanted: list[Any]) -> None:
    got = rows(db, text)
    assert [None if isinstance(v, float) and math.isnan(v) else v for v in got] == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("7 / 2", 3.5),
        ("-7 // 2", -3),
        ("7.5 // 2", 3.0),
        ("cast(7.5 as double) // 2", 3.0),
        ("9007199254740993 // 1", 9007199254740993),
        ("-7 % 2", -1),
        ("2 ** 10", 1024.0),
        ("2 ** 3 ** 2", 64.0),
        ("-2 ** 2", 4.0),
        ("round(2.5)", decimal.Decimal(3)),
        ("round(cast(2.5 as double))", 3.0),
        ("round(cast(-0.5 as double))", -1.0),
        ("cast(2.7 as int64)", 3),
        ("cast(2.5 as int64)", 3),
        ("cast(cast(2.5 as double) as int64)", 2),  # the engine's cast: half to even for doubles
        ("cast(round(cast(2.5 as double)) as int64)", 3),
        ("try_cast('12x' as int64)", None),
        ("cast('12' as int8)", 12),
        ("'12'::decimal(5,2)", decimal.Decimal("12.00")),
        ("cast('nan' as double)", None),
        ("try_cast('NaN' as float)", None),
        ("sqrt(-1)", None),
        ("ln(-1)", None),
        ("acos(2)", None),
        ("pow(-8, 0.5)", None),
        ("'10' < '9'", True),
        ("'B' < 'a'", True),
        ("1 == 1 and 'a' == 'a'", True),
        ("dayofweek(date '2024-03-31') = 0 and isodow(date '2024-03-31') = 7", True),
        ("week(date '2024-12-30')", 1),
        ("date '2024-01-31' + interval 1 month", datetime.datetime(2024, 2, 29)),
        ("extract(year from date '2024-05-06')", 2024),
        ("1 - (2 - 3)", 2),
        ("10 - 2 - 3", 5),
        ("24 / 4 / 2", 3.0),
        ("24 / (4 / 2)", 12.0),
        ("2 + 3 || 4", "54"),
        ("not 1 = 2", True),
        ("1 in (1) = true", True),
        ("1_000 + .5", decimal.Decimal("1000.5")),
    ],
)
def test_meaning_of_values(db: Any, text: str, wanted: Any) -> None:
    got = one(db, text)
    assert got == wanted
    assert type(got) is type(wanted)


@pytest.mark.parametrize("text", ["i + 9223372036854775807", "9223372036854775807 * i", "cast(300 + i as int8)"])
def test_overflow_is_an_error(db: Any, text: str) -> None:
    with pytest.raises(Exception, match=r"(?i)out of range"):
        rows(db, text)


def test_text_against_number_is_the_engines_error(db: Any) -> None:
    with pytest.raises(Exception, match="Could not convert"):
        rows(db, "s = 10")


# --- columns -----------------------------------------------------------------------------------------


def test_reads_and_names() -> None:
    expr = expressions.compile('i > 1 and "My col" = i', COLUMNS)
    assert expr.reads == {("input", "i"), ("input", "My col")}
    assert expressions.names("lower(s) = 'i' and i > {{context.x}} and \"My col\" > i") == ("s", "i", "My col")
    assert expressions.names("sum(i) filter (where b)") == ("i", "b")


def test_a_column_may_be_any_sql() -> None:
    assert expressions.compile("a * 2", {"a": Expr("x + y")}).sql == "(x + y) * 2"


@pytest.mark.parametrize(
    "name",
    "date year month day name value type key text index order user left right end first last count timestamp time interval status rank row".split(),  # noqa: SIM905
)
def test_common_names_need_no_quotes(name: str) -> None:
    if name in ("order", "end", "interval"):
        # words that SQL keeps for itself: in double quotes they are names
        name = f'"{name}"'
    assert expressions.names(f"{name} = 1") == (name.strip('"'),)


@pytest.mark.parametrize(
    ("text", "offset", "mend"),
    [
        ("I > 1", 0, "Did you mean `i`? Column names match exactly"),
        ("1 + MY", 4, "nown"),
        ('b and "paid" = s', 6, "Text goes in single quotes: 'paid'."),
        ("leng > 1", 0, "nown"),
    ],
)
def test_unknown_columns(text: str, offset: int, mend: str) -> None:
    error = refusal(text)
    assert (error.code, error.offset) == ("PYE335", offset)
    assert mend in error.mend


@pytest.mark.parametrize(
    ("text", "old", "new", "wanted"),
    [
        ("a + b", "a", "c", "c + b"),
        ("a+  a*\"a\" -'a'|| lower( a )", "a", "c", "c+  c*\"c\" -'a'|| lower( c )"),
        ("a > 1", "a", "my col", '"my col" > 1'),
        ("a > 1", "a", 'q"q', '"q""q" > 1'),
        ("a > 1", "a", "select", '"select" > 1'),
        ("a > 1", "a", "true", '"true" > 1'),
        ("a > {{context.a}} and 'a' = b", "a", "x", "x > {{context.a}} and 'a' = b"),
        ("abs(abs) > 1", "abs", "y", "abs(y) > 1"),
        ("b > 1", "a", "c", "b > 1"),
        ("sum(a) / count(distinct a)", "a", "z", "sum(z) / count(distinct z)"),
        ("ä = 'ä'", "ä", "ö", "ö = 'ä'"),
    ],
)
def test_rename(text: str, old: str, new: str, wanted: str) -> None:
    assert expressions.rename(text, old, new) == wanted
    assert expressions.names(wanted) == tuple(dict.fromkeys(new if n == old else n for n in expressions.names(text)))


@given(st.text(min_size=1, max_size=12).filter(lambda t: "{{" not in t and t.isprintable()))
def test_rename_there_and_back(name: str) -> None:
    text = "case when a > 1 then a else b end"
    renamed = expressions.rename(text, "a", name)
    if name != "b":
        assert expressions.names(renamed) == (name, "b")
        assert expressions.names(expressions.rename(renamed, name, "a")) == ("a", "b")


# --- variables ---------------------------------------------------------------------------------------

NASTY = ["'; drop table t;--", "it's", '"', "{{context.b}}", "\\", "a\nb", "$$", "/*", "--", "💧", "' or '1'='1", "%", "''"]


@pytest.mark.parametrize("value", NASTY)
@pytest.mark.parametrize("text", ["{{context.a}}", "{{ context.a }}", "'{{context.a}}'", "lower({{context.a}}) || ''"])
def test_text_stays_text(db: Any, value: str, text: str) -> None:
    got = one(db, text, {"context.a": value})
    assert got == (value.lower() if "lower" in text else value)


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=60))
def test_any_text_is_one_literal(value: str) -> None:
    sql = compiled("{{context.a}}", {"context.a": value})
    assert sql[0] == sql[-1] == "'"
    assert sql[1:-1].replace("''", "") == value.replace("'", "")


@pytest.mark.parametrize(
    "value",
    [
        0,
        7,
        -7,
        2**63,
        -(2**100),
        0.1,
        -1e300,
        True,
        False,
        None,
        "x",
        decimal.Decimal("-12.30"),
        decimal.Decimal("1E+3"),
        datetime.date(2024, 2, 29),
        datetime.datetime(2024, 2, 29, 1, 2, 3),
    ],
)
def test_values_keep_their_type(db: Any, value: Any) -> None:
    got = one(db, "{{m__V}}", {"m__V": value})
    assert got == value
    assert isinstance(got, type(value)) or isinstance(value, bool)
    assert one(db, "1 - {{m__V}}", {"m__V": value}) == 1 - value if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 60 else True


def test_globals_ignore_case_and_nan_is_null(db: Any) -> None:
    assert one(db, "{{Orders__ROW_count}} + 1", {"orders__row_count": 41}) == 42
    assert one(db, "{{m__v}}", {"m__v": float("nan")}) is None
    assert one(db, "{{m__v}} > 1", {"m__v": float("inf")}) is True


def test_lists_stand_in_in(db: Any) -> None:
    for text in ("i in ({{m__l}})", "i in {{m__l}}", "i in (5, {{m__l}})"):
        assert rows(db, text, {"m__l": [7, 0]}) == [True, False, None, True]
    assert rows(db, "i in ({{m__l}})", {"m__l": []}) == [False] * 4
    assert rows(db, "s in ({{m__l}})", {"m__l": ["a', 'apple", "apple"]}) == [False, True, None, False]
    assert refusal("i = {{m__l}}", {"m__l": [1]}).code == "PYE336"
    assert refusal("i in ({{m__l}})", {"m__l": list(range(10_001))}).code == "PYE337"


def test_variables_inside_quotes_are_put_as_text(db: Any) -> None:
    assert one(db, "'{{context.a}}-{{m__b}}.csv'", {"context.a": "x'y", "m__b": 3}) == "x'y-3.csv"
    assert one(db, "'{{context.a}}'", {"context.a": 3}) == "3"


@pytest.mark.parametrize(
    ("text", "code", "offset"),
    [
        ("1 + {{context.nope}}", "PYE242", 4),
        ("'x{{context.nope}}'", "PYE242", 2),
        ("1 + {{7*7}}", "PYE240", 4),
        ("{{context.a.b.__class__}}", "PYE240", 0),
        ("{{''.__class__}}", "PYE240", 0),
        ("{{x()}}", "PYE240", 0),
        ("i > {{context.a", "PYE241", 4),
        ("{{vault:a/b#c}} = s", "PYE336", 0),
        ("{{context.m}} = 1", "PYE336", 0),
        ("{{context.z}} = s", "PYE336", 0),
        ("lower({{context.a}} {{context.a}})", "PYE331", 20),
        ("{{context.a}}(1)", "PYE333", 0),
    ],
)
def test_wrong_variables(text: str, code: str, offset: int) -> None:
    error = refusal(text, {"context.a": 1, "context.m": {"a": 1}, "context.z": "a\0b"})
    assert (error.code, error.offset) == (code, offset)


# --- places, limits, cost ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "offset"),
    [
        ("", "PYE330", 0),
        ("  ", "PYE330", 0),
        ("i +", "PYE330", 3),
        ("(i", "PYE330", 2),
        ("i)", "PYE331", 1),
        ("i, j", "PYE331", 1),
        ("1 < i < 9", "PYE331", 0),
        ("i >\n 1 and\n foo(2)", "PYE333", 12),
        ("'ä' = s and nope(1)", "PYE333", 12),
        ("'💧' = s and nope(1)", "PYE333", 12),
        ("lower(s, s)", "PYE334", 0),
        ("i::foo", "PYE331", 0),
        ("2x", "PYE331", 0),
        ("s = 'abc", "PYE331", 4),
        ("extract(fortnight from i)", "PYE331", 8),
    ],
)
def test_errors_point_into_the_text(text: str, code: str, offset: int) -> None:
    error = refusal(text)
    assert (error.code, error.offset) == (code, offset)
    assert error.message
    assert error.mend


def test_lengths_and_depths_are_limited() -> None:
    deep = {
        "brackets": "(" * 3000 + "1" + ")" * 3000,
        "calls": "lower(" * 200 + "s" + ")" * 200,
        "case": "case when b then 1 else " * 200 + "1" + " end" * 200,
        "not": "not " * 2000 + "b",
        "signs": "-" + " -" * 2000 + "1",
        "chain": "i" + " + i" * 2000,
        "ands": "b" + " and b" * 1500,
        "long": "1" + " " * 10_000,
    }
    for kind, text in deep.items():
        assert refusal(text).code == "PYE337", kind


def test_what_is_within_the_limits_compiles_and_runs(db: Any) -> None:
    for text in (
        "(" * 24 + "1" + ")" * 24,
        "abs(" * 24 + "1" + ")" * 24,
        "case when true then 1 else " * 24 + "1" + " end" * 24,
        "0" + " + 1" * 390,
        "not " * 24 + "true",
        "false" + " or true" * 390,
    ):
        assert one(db, text) is not None


def test_nesting_does_not_depend_on_the_callers_depth() -> None:
    def deeper(level: int) -> str:
        return compiled("abs(" * 24 + "1 + 1" + ")" * 24) if level == 0 else deeper(level - 1)

    assert deeper(250).count("abs(") == 24


@pytest.mark.parametrize(
    "text", ["repeat('a', 10000000000)", "repeat('ab', i * 1000000000)", "lpad('a', 2000000000, 'b')", "repeat(repeat('a', 1000000), 1000000)"]
)
def test_texts_cannot_be_blown_up(db: Any, text: str) -> None:
    with pytest.raises(Exception, match="would make a text of more than"):
        rows(db, text)


@pytest.mark.timeout(20)
def test_costly_looking_expressions_are_cheap(db: Any) -> None:
    assert one(db, "9**9**9") == pytest.approx(9.0**81)
    assert one(db, "regexp_matches('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', '^(a+)+$')") is False
    with pytest.raises(Exception, match="explicit type casts"):
        one(db, "'a' * 10**10")


def test_parsing_is_fast_the_second_time() -> None:
    text = "s = 'paid' and i * j > 100"
    assert expressions.compile(text, COLUMNS) == expressions.compile(text, COLUMNS)
    from pypeline.core.expressions_parse import parse

    before = parse.cache_info().hits
    expressions.compile(text, COLUMNS)
    assert parse.cache_info().hits == before + 1


# --- the ways in ---------------------------------------------------------------------------------------


def test_check_needs_no_columns_and_no_values() -> None:
    assert expressions.check("whatever > {{context.x}} and a in ({{m__l}}) and b = 'x{{context.y}}'") is None
    error = expressions.check("sum(x)")
    assert error is not None
    assert error.code == "PYE338"
    assert expressions.check("sum(x)", aggregates=True) is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("count(*)", 4),
        ("count(distinct j)", 2),
        ("sum(i) filter (where i > 0)", 7),
        ("count_if(i > 0)", 1),
        ("sum(i) / count(*)", 0.0),
        ("string_agg(s, '+' order by s desc)", "Ärger+apple+"),
        ("string_agg(distinct s, '+' order by s)", "+apple+Ärger"),
        ("list(i order by i desc)", [7, 0, -7, None]),
        ("max(i) - min(i)", 14),
        ("sum(i) filter (where false)", None),
        ("arg_max(s, i)", "Ärger"),
        ("quantile_cont(j, 0.5)", 2.0),
    ],
)
def test_aggregates(db: Any, text: str, wanted: Any) -> None:
    assert db.execute(f'select ({compiled(text, aggregates=True)}) from "input"').fetchone()[0] == wanted


@pytest.mark.parametrize(
    "text",
    [
        "max(*)",
        "lower(distinct s)",
        "lower(s order by s)",
        "s order by s",
        "lower(s) filter (where b)",
        "sum(*)",
        "count(*, 1)",
        "*",
        "distinct s",
        "sum(i) over ()",
        "sum(i order by j limit 1)",
        "count(distinct (i, j))",
    ],
)
def test_wrong_aggregates(text: str) -> None:
    assert refusal(text, aggregates=True).code in ("PYE331", "PYE332", "PYE338")


def test_a_relational_module_compiles_with_its_variables() -> None:
    module = RelationalModule()
    module.variables = {"context.x": "a'b"}
    schema = (Column("s", "string"),)
    assert module.expr(("condition",), "s = {{context.x}}", schema).sql == "\"input\".\"s\" = 'a''b'"
    assert module.expr(("c",), "s", schema, port="left").reads == {("left", "s")}
    with pytest.raises(PypeError) as caught:
        module.expr(("columns", "new", 0), "1 + t", schema)
    problem = caught.value.problems[0]
    assert problem.code == "PYE335"
    assert problem.place.path == ("columns", "new", 0)
    assert "at character 5" in problem.message


def test_sqlglot_is_imported_on_use_and_no_engine_ever() -> None:
    code = (
        "import sys; from pypeline.core import expressions, valves, sqlcheck, variables\n"
        "assert not {'sqlglot', 'duckdb', 'pandas', 'pyarrow'} & set(sys.modules), 'too early'\n"
        "expressions.compile('1 + 1', {}); sqlcheck.check('select 1')\n"
        "assert 'sqlglot' in sys.modules and not {'duckdb', 'pandas', 'pyarrow'} & set(sys.modules), 'too much'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
