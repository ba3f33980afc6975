"""A record behaves as the standard library's frozen dataclass with slots does."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from typing import Any

import pytest

from pypeline.schema.record import record


@record
class Point:
    """A point."""

    x: float
    y: float = 0.0
    tags: dict[str, int] = field(default_factory=dict, compare=False)
    key: str = field(default="", repr=False, compare=False)


@record(kw_only=True)
class Base:
    run: str
    attempt: int = 1


@record(kw_only=True)
class Event(Base):
    state: str


@record
class Positive:
    value: int

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError(self.value)


@dataclass(frozen=True, slots=True)
class Reference:
    x: float
    y: float = 0.0
    tags: dict[str, int] = field(default_factory=dict, compare=False)
    key: str = field(default="", repr=False, compare=False)


def test_the_standard_library_knows_its_fields() -> None:
    point = Point(1, tags={"a": 1})
    assert [f.name for f in fields(Point)] == ["x", "y", "tags", "key"]
    assert asdict(point) == {"x": 1, "y": 0.0, "tags": {"a": 1}, "key": ""}
    assert replace(point, y=2.0) == Point(1, 2.0)
    match point:
        case Point(x, y):
            assert (x, y) == (1, 0.0)


def test_it_compares_hashes_and_shows_as_a_dataclass_does() -> None:
    one, other = Point(1, tags={"a": 1}, key="k"), Point(1)
    assert one == other
    assert hash(one) == hash(other)
    assert one != Point(2)
    assert list[object]([one, other]).count(Reference(1)) == 0
    assert repr(one) == repr(Reference(1, tags={"a": 1}, key="k")).replace("Reference", "Point")
    assert Point(1).tags is not Point(1).tags


def test_nothing_of_it_can_be_changed() -> None:
    point = Point(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'x'"):
        del point.x
    assert not hasattr(point, "__dict__")


def test_fields_of_a_base_come_first_and_names_may_be_required() -> None:
    event = Event(run="r", state="done")
    assert [f.name for f in fields(event)] == ["run", "attempt", "state"]
    assert event == Event(state="done", run="r", attempt=1) != Base(run="r")
    assert repr(event).endswith("Event(run='r', attempt=1, state='done')")


def test_what_follows_construction_is_called() -> None:
    with pytest.raises(ValueError, match="-1"):
        Positive(-1)


@pytest.mark.parametrize(
    ("made", "values", "named", "said"),
    [
        (Point, (), {}, "missing 1 required positional argument: 'x'"),
        (Point, (1,), {"z": 2}, "unexpected keyword argument 'z'"),
        (Event, ("r", "done"), {}, "takes 1 positional argument but 3 were given"),
    ],
)
def test_wrong_arguments_are_named(made: Callable[..., Any], values: tuple[Any, ...], named: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        made(*values, **named)


def test_copies_are_equal() -> None:
    point = Point(1, tags={"a": 1})
    assert copy.deepcopy(point) == pickle.loads(pickle.dumps(point)) == point
    assert copy.deepcopy(point).tags == {"a": 1}


@record(quick=True)
class Quick:
    x: float
    tags: dict[str, int] = field(default_factory=dict)


def test_a_quick_record_is_kept_from_changes_by_the_type_checker_only() -> None:
    quick = Quick(1)
    assert quick == Quick(1, {}) == copy.deepcopy(quick)
    assert quick.tags is not Quick(1).tags
    assert not hasattr(quick, "__dict__")
    quick.x = 2  # type: ignore[misc]
    assert quick == Quick(2)
