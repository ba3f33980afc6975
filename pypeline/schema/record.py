"""Records: frozen dataclasses with slots, as nearly all data here are.

The fields are the standard library's, so that ``fields``, ``replace``, ``asdict`` and ``match`` know them;
the methods are not. Writing and compiling six methods takes 0.6 ms a class there, and a command loads more
than a hundred classes, of most of which it never makes an instance. Here what needs no code of its own is
shared, and what does is compiled when it is first called.

What is made by the ten thousand is ``quick``: only the type checker keeps anybody from changing it, and it
takes a third of the time to make.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform, overload

_T = TypeVar("_T")
_Fields = tuple[Field[Any], ...]
_Method = Callable[..., Any]


@overload
def record(cls: type[_T]) -> type[_T]: ...
@overload
def record(*, kw_only: bool = False, quick: bool = False) -> Callable[[type[_T]], type[_T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[_T] | None = None, *, kw_only: bool = False, quick: bool = False) -> type[_T] | Callable[[type[_T]], type[_T]]:
    """As ``dataclass(frozen=True, slots=True, kw_only=kw_only)``."""
    return _record(cls, kw_only, quick) if cls is not None else lambda cls: _record(cls, kw_only, quick)


def _record(cls: type[_T], kw_only: bool, quick: bool) -> type[_T]:
    own = cls.__dict__
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(cls)
    every = fields(made)
    methods = {
        "__init__": _when_called(made, "__init__", lambda: _constructor(made, every, quick)),
        "__eq__": _when_called(made, "__eq__", lambda: _equality(every)),
        "__hash__": _hash(every),
        "__repr__": _representation(every),
        "__getstate__": _state,
        "__setstate__": _restore,
        **({} if quick else {"__setattr__": _refuse_setting, "__delattr__": _refuse_deleting}),
    }
    for name, method in methods.items():
        if name not in own:
            setattr(made, name, method)
    return made  # type: ignore[no-any-return]


def _when_called(cls: Any, name: str, compiled: Callable[[], _Method]) -> _Method:
    """A method that puts the compiled one in its place when it is first called."""

    def first(self: Any, *values: Any, **named: Any) -> Any:
        method = compiled()
        setattr(cls, name, method)
        return method(self, *values, **named)

    return first


def _constructor(cls: Any, every: _Fields, quick: bool) -> _Method:
    known: dict[str, Any] = {"_MISSING": MISSING}
    heads: dict[bool, list[str]] = {False: [], True: []}
    body = []
    for each in every:
        name = value = each.name
        # a slot's own setter goes past the refusal to set anything, and is quicker than to look for the slot by name
        known[f"_set_{name}"] = getattr(cls, name).__set__
        known[f"_default_{name}"] = each.default
        if each.default_factory is not MISSING:
            known[f"_new_{name}"] = each.default_factory
            value = f"_new_{name}() if {name} is _MISSING else {name}"
        given = each.default is MISSING and each.default_factory is MISSING
        heads[bool(each.kw_only)].append(name if given else f"{name}=_default_{name}")
        body.append(f"self.{name} = {value}" if quick else f"_set_{name}(self, {value})")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    head = ["self", *heads[False], *(["*", *heads[True]] if heads[True] else [])]
    made = _compiled(f"def __init__({', '.join(head)}): {'; '.join(body) or 'pass'}", known)
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _equality(every: _Fields) -> _Method:
    names = [each.name for each in every if each.compare]
    one, other = ("".join(f"{side}.{name}," for name in names) for side in ("self", "other"))
    return _compiled(f"def __eq__(self, other): return ({one}) == ({other}) if other.__class__ is self.__class__ else NotImplemented", {})


def _compiled(text: str, known: dict[str, Any]) -> _Method:
    exec(text, known)  # noqa: S102 -- all names in it are fields of a class of ours
    made: _Method = known[text[4 : text.index("(")]]
    return made


def _hash(every: _Fields) -> _Method:
    names = [each.name for each in every if each.compare]
    parts: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def __hash__(self: Any) -> int:
        return hash(parts(self))

    return __hash__


def _representation(every: _Fields) -> _Method:
    names = [each.name for each in every if each.repr]

    def __repr__(self: Any) -> str:
        return f"{self.__class__.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return __repr__


def _refuse_setting(self: Any, name: str, value: Any) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deleting(self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for each, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)
