"""Our SQL against the engine's own reading of the same text: equal wherever we do not mean to differ."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

from pypeline.core import expressions
from tests.core.language import COLUMNS, database

OPERATORS = [
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "^",
    "||",
    "=",
    "<>",
    "!=",
    "<",
    "<=",
    "and",
    "or",
    "is distinct from",
    "like",
    "==",
    "is not distinct from",
    ">",
    ">=",
    "not like",
    "ilike",
]
VALUES = ["1", "2", "3", "7", "null", "true", "false", "'a'", "'1'", "i", "j", '"My col"', "s", "b", "2.5", "date '2024-01-01'"]
TAILS = [
    "",
    "",
    "",
    " is null",
    " is not null",
    " between 1 and 2",
    " not between 1 and 2",
    " in (1, 2)",
    " not in (1, 2)",
    " not like 'a'",
    " is true",
    "::varchar",
    " is not false",
]


def _random_text(dice: random.Random) -> str:
    parts = [dice.choice(["", "", "", "-", "not "]) + dice.choice(VALUES)]
    for _ in range(dice.choice([1, 2, 2, 3])):
        parts += [dice.choice(OPERATORS), dice.choice(["", "", "-"]) + dice.choice(VALUES)]
    return " ".join(parts) + dice.choice(TAILS)


def _values(db: Any, sql: str) -> list[Any] | None:
    try:
        return [None if isinstance(row[0], float) and math.isnan(row[0]) else row[0] for row in db.execute(f'select ({sql}) from "input"').fetchall()]
    except Exception:
        return None


def test_precedence_and_values_are_the_engines(tmp_path: Path) -> None:
    dice = random.Random(11)
    same = refused = 0
    with database(tmp_path) as db:
        for _ in range(800):
            text = _random_text(dice)
            raw = _values(db, text)
            try:
                sql = expressions.compile(text, COLUMNS).sql
            except expressions.ExpressionError:
                # we refuse no more than the engine does: chained comparisons
                assert raw is None, text
                refused += 1
                continue
            ours = _values(db, sql)
            if raw is None or "//" in text:
                # `//` is ours: it truncates decimals and doubles too
                continue
            assert ours is not None, (text, sql)
            plain = [None if isinstance(v, float) and math.isinf(v) else v for v in raw]
            assert [None if isinstance(v, float) and math.isinf(v) else v for v in ours] == plain or _nearly(ours, plain), (text, sql)
            same += 1
    assert same > 80
    assert refused > 10


def _nearly(ours: list[Any], raw: list[Any]) -> bool:
    # where the divisor is zero ours is null; the engine's 0/0 and x % 0 may be NaN or infinite
    return all(a == b or a is None for a, b in zip(ours, raw, strict=True))


def test_integer_arithmetic_against_python(tmp_path: Path) -> None:
    dice = random.Random(3)

    def trunc(a: int, b: int) -> int | None:
        return None if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)

    with database(tmp_path) as db:
        for _ in range(150):
            a, b, c = (dice.randint(-20, 20) for _ in range(3))
            values = {"m__a": a, "m__b": b, "m__c": c}
            sql = expressions.compile("({{m__a}}) // {{m__b}}", {}, values).sql
            rest = expressions.compile("{{m__a}} % {{m__b}}", {}, values).sql
            mixed = expressions.compile("{{m__a}} - {{m__b}} * {{m__c}} - -{{m__c}}", {}, values).sql
            got = db.execute(f"select {sql}, {rest}, {mixed}").fetchall()[0]
            quotient = trunc(a, b)
            assert got == (quotient, None if quotient is None else a - b * quotient, a - b * c + c)
