# ruff: noqa: E501, PT017
"""Strings that try to get out of the expression language: none compiles, each is refused in words.

Families, not samples: every function that reaches out of the engine, every statement, every form
that smuggles in an attribute, a lambda, a comment, a parameter or a second statement, each alone
and hidden inside a harmless expression.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypeline.core import expressions
from pypeline.core.functions import CHANGING
from tests.core.language import COLUMNS, database, refusal

REACHING_OUT = [
    "read_text",
    "read_blob",
    "read_csv",
    "read_csv_auto",
    "read_parquet",
    "read_json",
    "read_ndjson",
    "read_duckdb",
    "parquet_scan",
    "parquet_metadata",
    "parquet_schema",
    "glob",
    "sniff_csv",
    "sqlite_scan",
    "postgres_scan",
    "mysql_scan",
    "arrow_scan",
    "pandas_scan",
    "python_map_function",
    "query",
    "query_table",
    "getenv",
    "getvariable",
    "current_setting",
    "set_config",
    "nextval",
    "currval",
    "setval",
    "duckdb_settings",
    "duckdb_secrets",
    "duckdb_functions",
    "pragma_version",
    "pragma_table_info",
    "which_secret",
    "json_execute_serialized_sql",
    "json_serialize_plan",
    "write_log",
    "sleep_ms",
    "pg_sleep",
    "pg_read_file",
    "load_extension",
    "system",
    "exec",
    "eval",
    "__import__",
    "open",
    "compile",
    "checkpoint",
    "enable_logging",
    "current_query",
    "current_user",
    "version",
    "range",
    "generate_series",
    "unnest",
    "columns",
    "exists",
    "any",
    "all",
    "try",
    "list_transform",
    "list_filter",
    "list_reduce",
    "apply",
    "printf",
    "format",
    "struct_pack",
    "row",
    "error",
    "assert_true",
    "add_parquet_key",
    "in_search_path",
    "st_read",
    "iceberg_scan",
    "delta_scan",
    "create_sort_key",
    "__internal_cast_to_type",
]
STATEMENTS = [
    "copy input to '/tmp/x'", "copy (select 1) to '/tmp/x'", "attach '/tmp/x.db' as z", "detach z", "install httpfs", "load 'x'", "set threads = 1",
    "reset threads", "pragma database_list", "call enable_logging()", "create table t (i int)", "create secret s (type s3)", "drop table t", "alter table t add i int",
    "insert into t values (1)", "update t set i = 1", "delete from t", "merge into t using u on true when matched then delete", "truncate t", "export database 'x'",
    "import database 'x'", "vacuum", "analyze", "checkpoint", "explain select 1", "describe t", "show tables", "summarize t", "use main", "begin", "commit",
    "prepare a as select 1", "execute a", "select 1", "from input", "values (1)", "table input", "with a as (select 1) select * from a", "pivot input on i", "unpivot input on i",
]  # fmt: skip
FORMS = [
    "i.real", "s.to_csv('/tmp/x')", "s.__class__.__init__.__globals__", "input.i", "main.input.i", "i . j", "(i).j", "s[0]", "s[1:2]", "[i]", "[x for x in s]", "{'a': i}",
    "{i}", "map {'a': 1}", "lambda x: x", "(lambda: 1)()", "x -> x + 1", "s ->> '$.a'", "s -> 'a'", "f'{i}'", "b'a'", "r'a'", "e'\\n'", "x'41'", "U&'a'", "$$a$$", "$t$a$t$",
    "@i", "@pd.io", "$1", "$name", ":name", "?", "#1", "`i`", "i; drop table t", "i;", "; i", "i -- x", "i /* x */", "/* x */ i", "i --", "i # x", "(select 1)", "(from input)",
    "i in (select 1)", "i in (from input)", "exists (select 1)", "i = any (select 1)", "i > all (select 1)", "(select max(i) from input) > 1", "(with a as (select 1) from a)",
    "*", "input.*", "i.*", "* exclude (i)", "columns(*)", "count(*)", "sum(i)", "sum(i) over ()", "row_number() over (order by i)", "i over w", "sum(i) filter (where b)",
    "i as j", "i j", "i, j", "(i, j)", "i = 1, j = 2", "i order by j", "i group by j", "i limit 1", "i from input", "i where b", "i union select 1", "1) or (1=1", "1)) --",
    "i := 1", "i => 1", "a => 1", "i collate nocase", "s ~ 'a'", "s !~ 'a'", "s similar to 'a'", "s glob 'a'", "i & 1", "i | 1", "i << 1", "i >> 1", "~i", "!b", "i!", "b && b",
    "i is of type int", "cast(i as int[])", "cast(i as struct(a int))", "i::enum", "i::json", "i::geometry", "cast(i as varchar format 'x')", "interval i day",
    "s at time zone 'utc'", "position('a' in s)", "trim(both 'a' from s)", "overlay(s placing 'a' from 1)", "case i", "case end", "i between 1", "not", "and b", "i = = 1",
    "\"input\".\"i\"", "\"read_text\"('/etc/passwd')", "\"lower\"(s)", "lower.upper(s)", "s.lower()", "lower(s).x", "current_date", "current_timestamp", "CURRENT_TIME", "localtime",
    "default", "values", "s like any ('a')", "grouping(i)", "i within group (order by j)", "unnest(s)", "generate_series(1, 9)", "i is distinct", "1 < i < 3", "i = j = b",
    "i\\j", "i\0j", "i ? j : 1", "i ** ", "'a' 'b'", "'a", "\"a", "i = 'a' 'b'", "s = \"it's\"", "1e", "0x1F", "1.2.3", "i..j", "\u2028i\u2029;", "i\u00a0.\u00a0j",
    "{{}}", "{{ }}", "{{7*7}}", "{{''.__class__}}", "{{context.a.b}}", "{{context['a']}}", "{{context.a|upper}}", "{{x()}}", "{{context.}}", "{{.a}}", "{{context.a", "{{{context.a}}}",
    "{{config}}", "{{request.application}}", "{{vault:a/b#c}}", "{% if 1 %}", "{# x #}",
]  # fmt: skip
WRAPS = ["{}", "i > 1 and {}", "coalesce({}, 1)", "case when {} then 1 end", "({}) is null"]
ALL = [
    *(f"{name}('/etc/passwd')" for name in REACHING_OUT),
    *(f"{name}()" for name in sorted(CHANGING)),
    *STATEMENTS,
    *(f"({s})" for s in STATEMENTS),
    *(f"1; {s}" for s in STATEMENTS),
    *FORMS,
]


def test_there_are_enough_of_them() -> None:
    assert len(set(ALL)) >= 300


@pytest.mark.parametrize("text", ALL)
def test_refused_alone_and_hidden(text: str) -> None:
    error = refusal(text, {"context.a": 1})
    assert error.code.startswith("PYE")
    assert 0 <= error.offset <= len(text)
    assert error.message
    assert expressions.check(text) is not None or error.code in ("PYE335", "PYE242")
    for wrap in WRAPS:
        # a wrap can only make things worse: `i)` inside brackets, `a, b` inside a call have their own tests
        if text in ("i, j", "1) or (1=1", "1)) --", "i = 1, j = 2", "default") or text.startswith(("i -- x", "i --", "case", "i # x")):
            continue
        refusal(wrap.format(text), {"context.a": 1})


WORDS = st.sampled_from(
    [
        "i",
        "j",
        "s",
        "b",
        "f",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        ";",
        ":",
        "::",
        "=",
        "==",
        "<>",
        "<",
        ">",
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "**",
        "||",
        "and",
        "or",
        "not",
        "in",
        "is",
        "null",
        "true",
        "case",
        "when",
        "then",
        "else",
        "end",
        "between",
        "like",
        "cast",
        "as",
        "int64",
        "select",
        "from",
        "read_text",
        "getenv",
        "lower(",
        "coalesce(",
        "count(",
        "sum(",
        "'a'",
        "'it''s'",
        '"i"',
        "1",
        "2.5",
        "{{context.a}}",
        "{{",
        "}}",
        "--",
        "/*",
        "*/",
        "$",
        "@",
        "?",
        "#",
        "->",
        ":=",
        "lambda",
        "x",
        "over",
        "distinct",
        "order",
        "by",
        "filter",
    ]
)


@given(st.lists(WORDS, max_size=14).map(" ".join))
def test_soup_either_compiles_to_balanced_sql_or_is_refused(text: str) -> None:
    try:
        sql = expressions.compile(text, COLUMNS, {"context.a": "x"}).sql
    except expressions.ExpressionError as error:
        assert 0 <= error.offset <= len(text)
        return
    depth = 0
    for piece in sql.split("'")[::2]:
        for c in piece:
            depth += (c == "(") - (c == ")")
            assert depth >= 0
        assert ";" not in piece
        assert "--" not in piece
        assert "/*" not in piece
        assert "read_" not in piece
        assert "select" not in piece.lower()
    assert depth == 0


@given(st.text(max_size=40))
def test_any_text_is_answered(text: str) -> None:
    error = expressions.check(text)
    assert error is None or 0 <= error.offset <= len(text)


def test_what_compiles_from_the_soup_is_one_value_for_the_engine(tmp_path: Path) -> None:
    """What is accepted cannot be read by the engine as anything but one expression of a SELECT."""
    import random

    words = [
        "i",
        "j",
        "s",
        "b",
        "(",
        ")",
        ",",
        "=",
        "<>",
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "||",
        "and",
        "or",
        "not",
        "in",
        "is",
        "null",
        "true",
        "case",
        "when",
        "then",
        "else",
        "end",
        "between",
        "like",
        "1",
        "2.5",
        "'a'",
        "{{context.a}}",
        "lower(",
        "coalesce(",
    ]
    dice = random.Random(5)
    accepted = 0
    with database(tmp_path) as db:
        for _ in range(4000):
            text = " ".join(dice.choice(words) for _ in range(dice.randint(1, 8)))
            try:
                sql = expressions.compile(text, COLUMNS, {"context.a": "x"}).sql
            except expressions.ExpressionError:
                continue
            accepted += 1
            statements: list[Any] = db.extract_statements(f'select ({sql}) from "input"')
            assert len(statements) == 1, text
    assert accepted > 60
