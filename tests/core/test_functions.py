"""Every documented function exists in the engine and gives what its example says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from pypeline.core import expressions
from pypeline.core.functions import CHANGING, FUNCTIONS, SAMPLE, WINDOW_ONLY
from pypeline.core.relation import Expr, quote
from tests.core.language import database

COLUMNS = {name: Expr(quote(name)) for name in SAMPLE}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    table = pa.table({name: pa.array(values) for name, values in SAMPLE.items()})
    with database(tmp_path_factory.mktemp("functions"), sample=table) as connection:
        yield connection


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_gives_the_documented_result(sample: Any, name: str) -> None:
    doc = FUNCTIONS[name]
    aggregate = doc.group == "aggregate"
    example = expressions.compile(doc.example, COLUMNS if aggregate else {}, aggregates=aggregate).sql
    result = expressions.compile(doc.result, {}).sql
    got, wanted = sample.execute(f"select ({example}) a, ({result}) b {'from sample' if aggregate else ''}").fetchone()
    assert got == wanted or float(got) == pytest.approx(float(wanted))
    assert name in doc.example or name == "struct_extract"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_too_few_and_too_many_arguments_are_refused(name: str) -> None:
    doc = FUNCTIONS[name]
    counts = [doc.least - 1] if doc.least else []
    counts += [doc.most + 1] if doc.most is not None else []
    for count in counts:
        error = expressions.check(f"{name}({', '.join(['1'] * count)})", aggregates=True)
        assert error is not None
        assert (error.code, error.offset) == ("PYE334", 0)
        assert doc.signature in error.mend


def test_about_a_hundred_scalar_functions_and_no_changing_one() -> None:
    scalars = [doc for doc in FUNCTIONS.values() if doc.group != "aggregate"]
    assert 100 <= len(scalars) <= 130
    assert not FUNCTIONS.keys() & (CHANGING | WINDOW_ONLY)
    assert not any("read" in name or "getenv" in name for name in FUNCTIONS)


def test_aggregates_need_their_place() -> None:
    for doc in FUNCTIONS.values():
        if doc.group == "aggregate":
            error = expressions.check(doc.example)
            assert error is not None
            assert error.code == "PYE338"
            assert expressions.check(doc.example, aggregates=True) is None
