"""Valves: the grammar, its errors and their places, round trips, and `Last`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypeline.core import valves
from pypeline.core.valves import ValveError, ValveSpec


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1|", ValveSpec()),
        ("1|ok", ValveSpec()),
        (" 12 | ", ValveSpec(12)),
        ("2|error", ValveSpec(2, "error")),
        ("Last|always", ValveSpec("Last", "always")),
        ("Last|", ValveSpec("Last")),
        ("1|if {{orders__row_count}} > 0", ValveSpec(1, "ok", "{{orders__row_count}} > 0")),
        ("1|error if {{a__b}} = 'x|y' || ')'", ValveSpec(1, "error", "{{a__b}} = 'x|y' || ')'")),
        ("1|iterate", ValveSpec(1, "iterate")),
        ("1|iterate x4", ValveSpec(1, "iterate", None, 4)),
        ("1|iterate x4 if not {{a__b}}", ValveSpec(1, "iterate", "not {{a__b}}", 4)),
        ("1|iterate if(1 = 1, true, false)", ValveSpec(1, "iterate", "(1 = 1, true, false)")),
        ("3|start", ValveSpec(3, "start")),
        ("1000000|", ValveSpec(1_000_000)),
    ],
)
def test_what_valves_say(text: str, wanted: ValveSpec) -> None:
    assert valves.parse(text) == wanted


@pytest.mark.parametrize(
    ("text", "code", "offset", "words"),
    [
        ("1", "PYE220", 1, "(1|)"),
        ("", "PYE220", 0, "order|condition"),
        ("error", "PYE220", 5, "no `|`"),
        ("|", "PYE221", 0, "missing"),
        ("0|", "PYE221", 0, "parallel"),
        (" 00|error", "PYE221", 1, "parallel"),
        ("-1|", "PYE221", 0, "1, 2, 3"),
        ("1.5|", "PYE221", 0, "1, 2, 3"),
        ("١|", "PYE221", 0, "1, 2, 3"),
        ("last|", "PYE221", 0, "`Last`, with a capital L"),
        ("first|", "PYE221", 0, "not an order"),
        ("1000001|", "PYE221", 0, "above 1000000"),
        ("9" * 500 + "|", "PYE221", 0, "above"),
        ("1|eror", "PYE222", 2, "Did you mean `error`?"),
        ("1|Error", "PYE222", 2, "Did you mean `error`?"),
        ("1|  success", "PYE222", 4, "A trigger is one of"),
        ("1|{{a__b}} > 0", "PYE222", 2, "`if {{a__b}} > 0`"),
        ("1|iterate 4", "PYE223", 10, "`xN`"),
        ("1|iterate x0", "PYE223", 10, "`xN`"),
        ("1|iterate x" + "9" * 30, "PYE223", 10, "`xN`"),
        ("1|ok x4", "PYE223", 5, "Only `iterate`"),
        ("1|error always", "PYE220", 8, "cannot stand here"),
        ("1|iterate x4 x5", "PYE220", 13, "cannot stand here"),
        ("1|if", "PYE220", 4, "missing"),
        ("1|error if  ", "PYE220", 12, "missing"),
    ],
)
def test_wrong_valves(text: str, code: str, offset: int, words: str) -> None:
    with pytest.raises(ValveError) as caught:
        valves.parse(text)
    error = caught.value
    assert (error.code, error.offset) == (code, offset)
    assert words in f"{error.message}. {error.mend}"


def test_order_0_names_the_ways_to_launch_in_parallel() -> None:
    with pytest.raises(ValveError, match="order 0 belongs to the data links") as caught:
        valves.parse("0|")
    for way in ("same order", "several sub flows without a link in", "start"):
        assert way in caught.value.mend


SPECS = st.builds(
    ValveSpec,
    st.one_of(st.integers(1, 1_000_000), st.just("Last")),
    st.sampled_from(["ok", "error", "always", "start"]),
    st.one_of(st.none(), st.text(min_size=1, max_size=30).map(str.strip).filter(bool)),
)
ITERATES = st.builds(
    ValveSpec, st.integers(1, 99), st.just("iterate"), st.one_of(st.none(), st.just("{{a__n}} > 0")), st.one_of(st.none(), st.integers(1, 1_000_000))
)


@given(st.one_of(SPECS, ITERATES))
def test_a_spec_survives_its_text(spec: ValveSpec) -> None:
    assert valves.parse(valves.format(spec)) == spec


@given(st.text(alphabet="0123Last|okeriatx f({})><=' ", max_size=20))
def test_any_text_is_a_valve_or_is_answered_with_a_place(text: str) -> None:
    try:
        spec = valves.parse(text)
    except ValveError as error:
        assert 0 <= error.offset <= len(text)  # noqa: PT017 - both answers are checked
        assert error.code in ("PYE220", "PYE221", "PYE222", "PYE223")  # noqa: PT017
        return
    assert valves.parse(valves.format(spec)) == spec


@pytest.mark.parametrize(
    ("text", "code", "offset"),
    [
        ("1|if {{a__n}} > 0 and '{{context.x}}' = 'y'", None, 0),
        ("1|", None, 0),
        ("1|if row_count > 0", "PYE224", 0),
        ("1|if 1 = total", "PYE224", 4),
        ("1|if sum(1) > 0", "PYE338", 0),
        ("1|if {{a__n}} >", "PYE330", 10),
        ("1|if nope({{a__n}})", "PYE333", 0),
        ("1|if {{7*7}} > 1", "PYE240", 0),
    ],
)
def test_conditions_are_expressions_without_columns(text: str, code: str | None, offset: int) -> None:
    wrong = valves.check_condition(valves.parse(text))
    assert (None if wrong is None else wrong.code) == code
    assert wrong is None or wrong.offset == offset


@pytest.mark.parametrize(
    ("orders", "wanted"),
    [((), ()), (("Last",), (1,)), ((1, 2, "Last"), (1, 2, 3)), (("Last", 7, "Last", 2), (8, 7, 8, 2)), ((3, 3), (3, 3))],
)
def test_last_is_one_above_the_highest(orders: tuple[valves.Order, ...], wanted: tuple[int, ...]) -> None:
    assert valves.resolve_last(orders) == wanted
