"""``generate_source``: made-up rows, equal on every run for equal rows and seed."""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from pypeline.sdk import Effects, Expr, Inputs, ModuleConfig, Query, Relation, RelationalModule, distinct, literal, unit

_CLASSES = {"#": "0123456789", "@": "abcdefghijklmnopqrstuvwxyz", "^": "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_CLASS = re.compile(r"[#@^]")
_GRAIN = 2**53
"""Steps of a fraction: every one is an exact double."""


class _Column(ModuleConfig):
    null_share: float = Field(default=0, ge=0, le=1, title="Share of nulls", description="0.1 makes about one row in ten null.")


class Sequence(_Column):
    """Counts up: 1, 2, 3 …"""

    kind: Literal["sequence"]
    start: int = Field(default=1, ge=-(2**62), le=2**62, title="Start", description="Value of the first row.")
    step: int = Field(default=1, ge=-(2**31), le=2**31, title="Step", description="Added from row to row.")


class Int(_Column):
    """Whole numbers, every one as likely."""

    kind: Literal["int"]
    min: int = Field(default=0, ge=-(2**62), le=2**62, title="Smallest")
    max: int = Field(default=100, ge=-(2**62), le=2**62, title="Largest")


class Float(_Column):
    """Numbers, spread evenly or in a bell."""

    kind: Literal["float"]
    min: float = Field(default=0, title="Smallest", description="Of the even spread.")
    max: float = Field(default=1, title="Largest", description="Of the even spread.")
    distribution: Literal["uniform", "normal"] = Field(default="uniform", title="Spread")
    mean: float = Field(default=0, title="Mean", description="Of the bell.")
    deviation: float = Field(default=1, ge=0, title="Standard deviation", description="Of the bell.")
    decimals: int | None = Field(default=None, ge=0, le=15, title="Decimals", description="Round to so many.")


class Choice(_Column):
    """One of a list, as likely as its weight says."""

    kind: Literal["choice"]
    values: list[str | int | float | bool] = Field(min_length=1, title="Values")
    weights: list[float] = Field(default=[], title="Weights", description="As many as values; empty: all equal.")


class Date(_Column):
    """Days or moments between two days."""

    kind: Literal["date", "timestamp"]
    start: str = Field(default="2020-01-01", pattern=r"^\d{4}-\d{2}-\d{2}$", title="First day")
    end: str = Field(default="2029-12-31", pattern=r"^\d{4}-\d{2}-\d{2}$", title="Last day")


class Text(_Column):
    """Text after a pattern: # a digit, @ a small letter, ^ a capital letter; all else stands for itself."""

    kind: Literal["text"]
    pattern: str = Field(default="@@@@@@@@", min_length=1, max_length=200, title="Pattern", examples=["^^-####", "user_@@@@@@"])


class Bool(_Column):
    """True or false."""

    kind: Literal["bool"]
    share: float = Field(default=0.5, ge=0, le=1, title="Share of true")


class Config(ModuleConfig):
    """How many rows of what."""

    rows: Annotated[int, unit("rows")] = Field(ge=0, le=100_000_000_000, title="Rows", description="How many rows to make.")
    columns: dict[str, Annotated[Sequence | Int | Float | Choice | Date | Text | Bool, Field(discriminator="kind")]] = Field(
        min_length=1,
        title="Columns",
        description="Column name and what to make up.",
        examples=[{"id": {"kind": "sequence"}, "amount": {"kind": "float", "min": 1, "max": 500, "decimals": 2}}],
    )
    seed: int = Field(default=0, ge=0, le=2**62, title="Seed", description="Another seed, other rows.")

    @model_validator(mode="after")
    def _fits(self) -> Config:
        for name, column in self.columns.items():
            if isinstance(column, Int | Float) and column.min > column.max:
                raise ValueError(f"{name}: min is above max")
            if isinstance(column, Float) and not all(map(math.isfinite, (column.min, column.max, column.mean, column.deviation))):
                raise ValueError(f"{name}: numbers must be finite")
            if isinstance(column, Choice):
                _fitting_choice(name, column)
            if isinstance(column, Date) and date.fromisoformat(column.start) > date.fromisoformat(column.end):
                raise ValueError(f"{name}: start is after end")
        return self


class GenerateSource(RelationalModule):
    """Every value is a hash of seed, column and row: no state, so any part of the rows can be made anywhere."""

    TYPE = "source"
    DESCRIPTION = "Makes up rows: sequences, numbers, choices, dates, text patterns"
    CATEGORY = "Generated"
    TITLE: ClassVar[str] = "Generate rows"
    ICON: ClassVar[str] = "dice"
    OUTPUT_PORTS: ClassVar[list[str]] = ["data"]
    GLOBALS: ClassVar[list[str]] = ["row_count"]
    EFFECTS: ClassVar[Effects] = Effects.PURE
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """One expression a column over a range of row numbers from 0."""
        config = self.config
        distinct(config.columns, ("columns",))
        made = []
        for name, column in config.columns.items():
            sql = _value(column, f"{config.seed}|{name}")
            if column.null_share:
                sql = f"CASE WHEN {_fraction(f'{config.seed}|{name}|null')} >= {literal(float(column.null_share))} THEN {sql} END"
            made.append((name, Expr(sql)))
        return Relation(outputs={"data": Query(tuple(made), Expr(f'range({config.rows}) AS made("row")'))})


def _fitting_choice(name: str, column: Choice) -> None:
    if column.weights and len(column.weights) != len(column.values):
        raise ValueError(f"{name}: {len(column.weights)} weights for {len(column.values)} values")
    if column.weights and (min(column.weights) < 0 or not 0 < sum(column.weights) < math.inf):
        raise ValueError(f"{name}: weights are zero or more, and not all zero")
    if len({type(value) for value in column.values} - ({int} if float in map(type, column.values) else set())) > 1:
        raise ValueError(f"{name}: values of one type, please: all texts, all numbers or all true and false")


def _random(salt: str) -> str:
    """A whole number from 0 to 2^64 - 1 for each row."""
    return f'hash({literal(salt)}, made."row")'


def _fraction(salt: str) -> str:
    """A number from 0 up to, not including, 1 for each row."""
    return f"(CAST({_random(salt)} % {_GRAIN}::UBIGINT AS DOUBLE) / {_GRAIN}.0)"


def _whole(salt: str, low: int, count: int) -> str:
    """A whole number from ``low`` on, one of ``count``."""
    return f"CAST({low} + CAST({_random(salt)} % {count}::UBIGINT AS HUGEINT) AS BIGINT)"


def _value(column: Any, salt: str) -> str:
    if isinstance(column, Sequence):
        return f'CAST({column.start} + made."row" * {column.step} AS BIGINT)'
    if isinstance(column, Int):
        return _whole(salt, column.min, column.max - column.min + 1)
    if isinstance(column, Float):
        return _number(column, salt)
    if isinstance(column, Choice):
        return _choice(column, salt)
    if isinstance(column, Date):
        days = (date.fromisoformat(column.end) - date.fromisoformat(column.start)).days + 1
        if column.kind == "date":
            return f"CAST(DATE {literal(column.start)} + CAST({_random(salt)} % {days}::UBIGINT AS INTEGER) AS DATE)"
        return f"(TIMESTAMP {literal(column.start)} + to_seconds(CAST({_random(salt)} % {days * 86_400}::UBIGINT AS BIGINT)))"
    if isinstance(column, Text):
        return _text(column.pattern, salt)
    return f"({_fraction(salt)} < {literal(float(column.share))})"


def _number(column: Float, salt: str) -> str:
    if column.distribution == "normal":  # Box and Muller, 1958
        radius = f"sqrt(-2 * ln(1 - {_fraction(salt)}))"
        sql = f"({literal(float(column.mean))} + {literal(float(column.deviation))} * {radius} * cos(2 * pi() * {_fraction(salt + '|angle')}))"
    else:
        sql = f"({literal(float(column.min))} + {_fraction(salt)} * {literal(float(column.max) - float(column.min))})"
    return sql if column.decimals is None else f"round({sql}, {column.decimals})"


def _choice(column: Choice, salt: str) -> str:
    values = [float(v) if any(isinstance(o, float) for o in column.values) else v for v in column.values]
    if not column.weights:
        return f"[{', '.join(literal(v) for v in values)}][{_whole(salt, 1, len(values))}]"
    total = math.fsum(column.weights)
    reached = [math.fsum(column.weights[: n + 1]) / total for n in range(len(values) - 1)]
    cases = " ".join(f"WHEN {_fraction(salt)} < {literal(share)} THEN {literal(value)}" for share, value in zip(reached, values, strict=False))
    return f"CASE {cases} ELSE {literal(values[-1])} END" if cases else literal(values[-1])


def _text(pattern: str, salt: str) -> str:
    parts: list[str] = []
    last = 0
    for number, found in enumerate(_CLASS.finditer(pattern)):
        if found.start() > last:
            parts.append(literal(pattern[last : found.start()]))
        letters = _CLASSES[found[0]]
        parts.append(f"{literal(letters)}[{_whole(f'{salt}|{number}', 1, len(letters))}]")
        last = found.end()
    if last < len(pattern):
        parts.append(literal(pattern[last:]))
    return f"({' || '.join(parts)})"
