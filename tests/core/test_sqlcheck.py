# ruff: noqa: E501
"""User SQL: real SELECTs pass unharmed, everything else is refused with its place, nothing breaks out."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypeline.core import sqlcheck
from pypeline.core.columns import Column
from pypeline.core.expressions import ExpressionError
from tests.core.language import database

INPUT = pa.table(
    {
        "id": pa.array([1, 2, 3, 4, 5, 6], pa.int64()),
        "kind": ["a", "b", "a", None, "b", "a"],
        "amount": [1.5, 2.5, None, 4.0, 0.5, 10.0],
        "note": ["x -- y", "it's", "/* z */", "{{x", "", None],
        "day": pa.array([1, 40, 80, 120, 160, 200], pa.int32()).cast(pa.date32()),
        "parts": pa.array([[1, 2], [3], [], None, [4, 5, 6], [7]], pa.list_(pa.int64())),
        "point": pa.array([{"x": i, "y": i * i} for i in range(6)], pa.struct([("x", pa.int64()), ("y", pa.int64())])),
    }
)
RIGHT = pa.table({"id": pa.array([1, 2, 9], pa.int64()), "name": ["one", "two", "nine"], "select": [1, 2, 3]})
SCHEMAS = {
    "input": tuple(Column(name, "int64") for name in INPUT.column_names),
    "right": tuple(Column(name, "int64") for name in RIGHT.column_names),
    "input$2": tuple(Column(name, "int64") for name in INPUT.column_names),
}
VALUES = {"context.n": 2, "context.s": "'; drop table t;--", "context.l": [1, 2], "context.none": None, "orders__rows": 5}


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with database(tmp_path_factory.mktemp("sql"), **{"input": INPUT, "right": RIGHT, "input$2": INPUT}) as connection:
        yield connection


REAL = """
select * from input
from input
from input select id, kind where amount > 1
table input
select id, amount * 2 as twice, twice + 1 as more from input
select * exclude (note) from input
select * replace (amount * 2 as amount) from input
select * exclude (note, parts) replace (upper(kind) as kind) from input
select columns('i.*') from input
select columns(* exclude (parts, point, note, kind, day)) + 1 from input
select min(columns(['id', 'amount'])) from input
select count(*), count(distinct kind), sum(amount) filter (where id > 2) from input
select kind, sum(amount) from input group by kind order by kind nulls first
select kind, sum(amount) as total from input group by all order by all
select kind, count(*) as n from input group by kind having n > 1
select kind, id, grouping(kind) from input group by grouping sets ((kind), (id), ())
select kind, count(*) from input group by cube (kind)
select kind, id % 2 as odd, count(*) from input group by rollup (kind, id % 2)
select distinct kind from input
select distinct on (kind) kind, id from input order by kind, id desc
select id, row_number() over (partition by kind order by id desc) as rn from input qualify rn = 1
select id, sum(amount) over (order by id rows between 1 preceding and current row) from input
select id, lag(id, 1, 0) over w, rank() over w from input window w as (partition by kind order by id)
select id, avg(amount) over (order by day range between interval 30 days preceding and current row) from input
select id, first_value(note ignore nulls) over (order by id) from input
select i.id, r.name from input i join "right" r on i.id = r.id
select i.id, r.name from input i left join "right" r using (id) where r.name is null or r.name like 't%'
select * from input semi join "right" using (id)
select * from input anti join "right" using (id)
select i.id, r.id as other from input i asof join "right" r on i.id >= r.id
select i.id, r.id as other from input i full outer join "right" r on i.id = r.id order by all
select count(*) from input cross join "right"
select i.id, r.name from input i positional join "right" r
select * from input natural join "right"
select a.id from input a, input$2 b where a.id = b.id + 1
select id from input where id in (select id from "right") and exists (select 1 from "right" r where r.id = input.id)
select id, (select max(r.id) from "right" r where r.id <= i.id) as below from input i
select id, t.v from input i, lateral (select i.id * 10 as v) t
select id, unnest(parts) as part from input
select * from unnest([1, 2, 3]) as t(x)
select * from range(5) t(i)
select * from generate_series(1, 10, 3)
select id, list_transform(parts, lambda x, i: x * i), list_filter(parts, lambda x: x > 2) from input
select [x * 2 for x in parts if x > 1] as doubled from input
select parts[1], parts[-1], parts[1:2], len(parts) from input
select point.x, point['y'], struct_extract(point, 'x'), {'a': id, 'b': [kind]} as made from input
select input.point.y from input
select map {'a': 1, 'b': 2}['a'], struct_pack(a := id) from input
select list(id order by id desc), string_agg(kind, ',' order by id), arg_max(kind, amount), mode(kind) from input
select quantile_cont(amount, [0.25, 0.5]), median(amount), approx_quantile(amount, 0.5), stddev_pop(amount), corr(id, amount) from input
select histogram(kind) from input
select case when amount > 2 then 'big' when amount is null then 'none' else 'small' end, coalesce(kind, '?'), nullif(kind, 'a') from input
select id::varchar || '-' || kind, cast(amount as decimal(10, 2)), try_cast(kind as int), id::double / 2, id // 2, id % 2, 2 ** 3, -id from input
select day + interval 1 month, date_trunc('month', day), extract(year from day), strftime(day, '%Y'), date_diff('day', date '1970-01-01', day), date'1970-01-02' from input
select note, '-- not a comment', '/* neither */', 'it''s', "note" as again from input -- but this is
select /* a /* nested */ comment; with ; and ' */ id from input
select $$dollar 'quoted'$$ || $tag$a$$b$tag$ as q, 'a' || chr(10) from input limit 1
select regexp_matches(note, 'x.*'), note ~ '.*x', note similar to '.*', note like '%\\%' escape '\\', note ilike 'X%', note not like 'x', note glob '*' from input
select substring(note from 1 for 2), position('t' in note), trim(both 'x' from note), overlay(note placing 'q' from 1 for 1), left(note, 2) from input
select id from input union all select id from "right"
select id, kind from input union all by name select name as kind, id from "right"
(select id from input order by id limit 2) union (select id from "right") order by id
select id from input except select id from "right" intersect select id from "right"
values (1, 'a'), (2, 'b')
select * from (values (1, 'a'), (2, null)) as t(n, s)
with big as (select * from input where amount > 1), few as (select * from big limit 2) select count(*) from few
with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select * from r
with a as materialized (select 1 as x), b as not materialized (from a) from b
from (from input select kind, amount) select kind, sum(amount) group by kind order by kind
select * from (pivot input on kind in ('a', 'b') using sum(amount) group by id) order by all
pivot (select kind, amount from input) on kind in ('a', 'b') using sum(amount)
unpivot (select id, amount from input) on id, amount into name what value v
select * from (select id, amount from input) unpivot (v for what in (id, amount))
select id from input order by amount desc nulls last, id limit 3 offset 1
select id from input limit 50%
select "select", "name" as "Ä b" from "right"
select id from INPUT where KIND = 'a'
select input from input limit 1
select id, kind is not distinct from 'a', kind is null, amount between 1 and 3, id not in (1, 2), not (id = 1) from input
select id from input where id > {{context.n}} and note <> {{context.s}} and id not in ({{context.l}}) or kind = {{context.none}}
select {{orders__rows}} + 1 as n, '{{context.s}} and {{context.n}}' as t, {{context.l}} as l
select json_extract_string('{"a": {"b": 1}}', '$.a.b'), '{"a": 2}'::json ->> '$.a', (id = 1) = true from input where (id = 1) = true limit 1
select any_value(kind), max_by(id, amount), count_if(id > 1), bool_and(id > 0), sum(distinct id) from input;
select id, ntile(2) over (order by id) from input order by id;;
select list_aggregate(parts, 'sum'), list_sort(parts), list_contains(parts, 3), flatten([parts, [1]]) from input
select 1 as "a""b", 'x' as y where 1 = 1 and not false or true
""".strip().splitlines()
PLAIN = {
    "{{context.n}}": "2", "{{context.s}}": "'''; drop table t;--'", "({{context.l}})": "(1, 2)", "{{context.l}}": "[1, 2]", "{{context.none}}": "NULL", "{{orders__rows}}": "5",
}  # fmt: skip


def by_hand(sql: str) -> str:
    """The variables of ``sql`` filled in by hand, for the engine alone."""
    sql = sql.replace("'{{context.s}} and {{context.n}}'", "'''; drop table t;-- and 2'").replace("input$2", '"input$2"')
    for variable, value in PLAIN.items():
        sql = sql.replace(variable, value)
    return sql


@pytest.mark.parametrize("sql", REAL)
def test_real_selects_give_what_they_give_alone(db: Any, sql: str) -> None:
    ours = sqlcheck.compile_select(sql.replace("input$2", '"input$2"'), SCHEMAS, VALUES)
    wanted = db.execute(by_hand(sql))
    names, rows = [d[0] for d in wanted.description], wanted.fetchall()
    # as it will stand: in brackets, below a WITH of ours
    got = db.execute(f'with "m.output" as (select * from ({ours.sql})) select * from "m.output"')
    assert [d[0] for d in got.description] == names
    assert sorted(map(repr, got.fetchall())) == sorted(map(repr, rows))
    assert sqlcheck.check(sql.replace("input$2", '"input$2"')) is None


def test_there_are_sixty_of_them() -> None:
    assert len(REAL) >= 60


# The statements that a default connection lets through, and those that write although they parse as one SELECT.
PROBES = {
    "read_csv": "select count(*) from read_csv('/etc/passwd',sep=':',header=false,strict_mode=false)",
    "from a file": "select * from '/etc/passwd' limit 1",
    "read_text": "select size from read_text('/etc/passwd')",
    "read_blob": "select size from read_blob('/etc/shadow')",
    "glob": "select count(*) from glob('/etc/*')",
    "sniff_csv": "select Delimiter from sniff_csv('/etc/passwd')",
    "getenv": "select getenv('VAULT_TOKEN')",
    "copy to": "copy (select 1) to 'pwn.csv'",
    "attach": "attach 'pwn.duckdb' as z",
    "install": "install httpfs",
    "load": "load 'x.duckdb_extension'",
    "python variable": "select count(*) from secret_df",
    "temp_directory": "set temp_directory='evil'",
    "secrets": "select count(*) from duckdb_secrets()",
    "settings": "select count(*) from duckdb_settings()",
    "export": "export database 'exp'",
    "a file of the folder": "select count(*) from read_csv('job/a.csv')",
    "traversal": "select * from read_text('job/../duck.py') limit 1",
    "symlink": "select size from read_text('job/link')",
    "query()": "select * from query('select 1')",
    "several": "select 1; create table t(i int); select 2",
    "unlock": "set lock_configuration=false",
    "access": "set enable_external_access=true",
    "sqlite": "select * from sqlite_scan('x','t')",
    "log path": "set log_query_path='qlog'",
    "logging": "call enable_logging('QueryLog', storage='file', storage_config={'path':'dlog'})",
    "profile": "pragma profiling_output='prof.json'",
    "home": "set home_directory='x'",
    "secret": "create persistent secret s (type http, bearer_token 'abc')",
    "with copy": "with a as (copy (select 1) to 'x.csv') select 1",
    "with insert": "with a as (insert into t values (1) returning *) select * from a",
    "with update": "with a as (update t set i = 2 returning *) select * from a",
    "break out": "select 1), b as (copy (select 1) to 'y.csv'), d as (select 1",
}


@pytest.mark.parametrize("probe", PROBES)
def test_probes_are_refused_before_the_lock(probe: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        sqlcheck.compile_select(PROBES[probe], SCHEMAS)
    assert caught.value.code in ("PYE340", "PYE341", "PYE342", "PYE343", "PYE344")
    assert sqlcheck.check(PROBES[probe]) is not None or probe == "python variable"


@pytest.mark.parametrize(
    ("sql", "code", "offset", "words"),
    [
        ("select 1; drop table x", "PYE341", 8, "one statement per module"),
        ("copy t to 'x'", "PYE340", 0, "statement COPY is not allowed in this module"),
        ("  attach 'x'", "PYE340", 2, "ATTACH"),
        ("with a as (\n delete from input) select 1", "PYE340", 13, "DELETE"),
        ("select * from (insert into input values (1) returning *)", "PYE340", 15, "INSERT"),
        ("with a as (merge into t using u on t.i = u.i when matched then delete returning *) select 1", "PYE340", 11, "MERGE"),
        ("explain select 1", "PYE340", 0, "EXPLAIN"),
        ("describe input", "PYE340", 0, "DESCRIBE"),
        ("show tables", "PYE340", 0, "SHOW"),
        ("summarize input", "PYE340", 0, "SUMMARIZE"),
        ("create table x as select 1", "PYE340", 0, "CREATE"),
        ("truncate input", "PYE340", 0, "TRUNCATE"),
        ("prepare a as select 1", "PYE340", 0, "PREPARE"),
        ("select read_text('/etc/passwd')", "PYE343", 7, "file outside the job folder"),
        ("select * from read_text('/etc/passwd')", "PYE343", 14, "file outside the job folder"),
        ("select * from input, lateral read_text(note)", "PYE343", 29, "read_text"),
        ("select * from \"read_text\"('/etc/passwd')", "PYE343", 14, "read_text"),
        ("select * from '/etc/passwd'", "PYE343", 14, "file outside the job folder"),
        ("select * from 'data.parquet'", "PYE343", 14, "not a declared input of this task"),
        ("select * from other", "PYE342", 14, "`other` is not a declared input of this task"),
        ("select * from inptu", "PYE342", 14, "Did you mean `input`?"),
        ("select * from main.input", "PYE342", 14, "`main.input` is not a declared input"),
        ("select * from information_schema.tables", "PYE342", 14, "information_schema.tables"),
        ("select * from input where id in (select id from pg_class)", "PYE342", 48, "pg_class"),
        ('with "f.output" as (select 1) select * from "f.output"', "PYE342", 5, "cannot name a table"),
        ("select * from seq_scan('x')", "PYE343", 14, "seq_scan"),
        ("select * from repeat_row(1, num_rows = 9)", "PYE343", 14, "repeat_row"),
        ("select getvariable('a')", "PYE343", 7, "getvariable"),
        ("select current_setting('threads')", "PYE343", 7, "current_setting"),
        ("select version()", "PYE343", 7, "version"),
        ("select id, now() from input", "PYE333", 11, "another value in every run"),
        ("select current_date", "PYE333", 7, "another value in every run"),
        ("select uuid(), random()", "PYE333", 7, "another value in every run"),
        ("pivot input on kind using sum(amount)", "PYE345", 6, "List the values"),
        ("select 1)", "PYE344", 8, "closes nothing"),
        ("select (1", "PYE344", 9, "Close the bracket"),
        ("select [1)", "PYE344", 9, "closes nothing"),
        ("select 'abc", "PYE344", 7, "never closed"),
        ("select 1 /* x", "PYE344", 9, "never closed"),
        ("select e'a\\'b'", "PYE344", 7, "backslash"),
        ("select ?", "PYE344", 7, "no value"),
        ("select $1", "PYE344", 7, "no value"),
        ("select $name", "PYE344", 7, "no value"),
        ("", "PYE344", 0, "no SELECT"),
        (" -- only a comment", "PYE344", 0, "no SELECT"),
        ("select from where", "PYE344", 12, "cannot stand here"),
        ("hello world", "PYE340", 0, "HELLO"),
        ("1 + 1", "PYE340", 0, "not allowed"),
        ("select {{context.nope}}", "PYE242", 7, "unknown variable"),
        ("select '{{context.nope}}'", "PYE242", 8, "unknown variable"),
        ("select {{7*7}}", "PYE240", 7, "only names"),
        ("select {{context.n", "PYE241", 7, "never closed"),
        ("select * from {{context.s}}", "PYE336", 14, "stands for a value"),
        ("select id as {{context.s}} from input", "PYE336", 13, "stands for a value"),
        ('select "{{context.s}}" from input', "PYE336", 7, "not for a name"),
        ("select {{vault:a/b#c}}", "PYE336", 7, "secret"),
        ("select input.{{context.s}} from input", "PYE336", 13, "not for a name"),
        ("select 1 limit 1 for update", "PYE340", 0, "LOCK"),
        ("(" * 200 + "select 1" + ")" * 200, "PYE337", 60, "nested"),
        ("select '" + "x" * 100_000 + "'", "PYE337", 100_000, "characters"),
    ],
)
def test_refused_with_a_place(sql: str, code: str, offset: int, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        sqlcheck.compile_select(sql, SCHEMAS, VALUES)
    error = caught.value
    assert (error.code, error.offset) == (code, offset)
    assert words in f"{error.message}. {error.mend}"


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("select id from input", {("input", "id")}),
        ("select ID, upper(kind) from input where amount > 1", {("input", "id"), ("input", "kind"), ("input", "amount")}),
        ("select count(*) from input", set()),
        ('select i.id, name from input i join "right" using (id)', {("input", "id"), ("right", "id"), ("right", "name")}),
        ('select * from "right"', {("right", "id"), ("right", "name"), ("right", "select")}),
        ('select r from "right" r', {("right", "id"), ("right", "name"), ("right", "select")}),
        ("select columns('x') from \"right\"", {("right", "id"), ("right", "name"), ("right", "select")}),
        ("with input as (select 1 as id) select id from input", set()),
        ("values (1)", set()),
    ],
)
def test_which_columns_are_read(sql: str, reads: set[tuple[str, str]]) -> None:
    assert sqlcheck.compile_select(sql, SCHEMAS).reads == reads
    assert sqlcheck.compile_select(sql, list(SCHEMAS)).reads == frozenset()


def test_a_value_of_text_is_never_sql(db: Any) -> None:
    for value in ("'; drop table t;--", "') union select 'x", '"', "/*", "\\'", "{{context.n}}", "$$", "e'\\''"):
        for text in ("select {{context.s}} as v", "select '{{context.s}}' as v", "select {{context.s}}||'' as v"):
            sql = sqlcheck.compile_select(text, (), {"context.s": value}).sql
            assert db.execute(f"select * from ({sql})").fetchall() == [(value,)]


WORDS = [
    "select",
    "from",
    "input",
    '"right"',
    "where",
    "group",
    "by",
    "all",
    "order",
    "limit",
    "1",
    "2",
    "(",
    ")",
    ",",
    ";",
    "*",
    "id",
    "kind",
    "'",
    "''",
    '"',
    "--",
    "/*",
    "*/",
    "$$",
    "$a$",
    "e'",
    "E'",
    "x'",
    "{{context.s}}",
    "{{context.n}}",
    "'a'",
    "'it''s'",
    '"q""q"',
    "[",
    "]",
    "{",
    "}",
    "union",
    "with",
    "a",
    "as",
    "copy",
    "insert",
    "delete",
    "returning",
    "values",
    "unnest(",
    "read_text(",
    "\\",
    "=",
    "-",
    "/",
    ".",
    "\n",
    "as",
    "(",
    "copy",
    ")",
    "returning",
    "null",
]


def _stands_in_brackets(sql: str) -> None:
    """What was let through is one SELECT for the engine, and whole in its brackets: checked by a
    scanner that knows only plain quotes, because nothing else may be left in the text."""
    bare = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", " ", sql)
    assert not re.search(r"['\";$]|--|/\*", bare), sql
    depth = 0
    for c in bare:
        depth += (c in "([{") - (c in ")]}")
        assert depth >= 0, sql
    assert depth == 0, sql


@given(st.lists(st.sampled_from(WORDS), max_size=16), st.sampled_from(["", " "]))
def test_soup_never_breaks_out(words: list[str], between: str) -> None:
    sql = "select " + between.join(words)
    try:
        written = sqlcheck.compile_select(sql, SCHEMAS, VALUES).sql
    except ExpressionError as error:
        assert 0 <= error.offset <= len(sql)  # noqa: PT017 - both answers are checked
        return
    _stands_in_brackets(written)


@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    error = sqlcheck.check(text)
    assert error is None or 0 <= error.offset <= len(text)


def test_mutated_real_selects_stay_one_select_for_the_engine(tmp_path: Path) -> None:
    """Real SELECTs with pieces of break-outs put in at random: what passes our check is, with a WITH
    of ours around it, still one SELECT that holds no COPY or INSERT, by the engine's own parser."""
    dice = random.Random(8)
    pieces = [
        "'",
        "''",
        '"',
        "--",
        "/*",
        "*/",
        "$$",
        ")",
        "(",
        ";",
        "e'",
        "\\",
        "), x as (copy (select 1) to 'y'), z as (select 1",
        " union ",
        "\n",
        "{{context.s}}",
        "\x00",
        "#",
    ]
    passed = 0
    with database(tmp_path, input=INPUT) as db:
        for _ in range(1500):
            sql = dice.choice(REAL)
            for _ in range(dice.randint(1, 3)):
                at = dice.randint(0, len(sql))
                sql = sql[:at] + dice.choice(pieces) + sql[at:]
            try:
                written = sqlcheck.compile_select(sql, SCHEMAS, VALUES).sql
            except ExpressionError:
                continue
            _stands_in_brackets(written)
            passed += 1
            try:
                statements = db.extract_statements(f'with "m" as (select * from ({written})) select * from "m"')
            except Exception as error:
                assert "Parser" in type(error).__name__, written  # noqa: PT017
                continue
            assert [s.type.name for s in statements] in (["SELECT"], ["MULTI"]), written
    assert passed > 50
