"""Valves: the ``order|condition`` between the parentheses of a control link.

``order`` is 1, 2, 3 … or ``Last``; ``condition`` is ``[trigger [xN]] [if EXPRESSION]``. Text in,
:class:`ValveSpec` out, and back; knows nothing of the modules a link joins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, get_args

from pypeline.core.texterror import TextError
from pypeline.schema.flow import Trigger
from pypeline.schema.problems import did_you_mean
from pypeline.schema.record import record

Order = int | Literal["Last"]

MOST = 1_000_000
"""The highest order, and the most frames side by side, that may be written."""

TRIGGERS: tuple[str, ...] = get_args(Trigger)
_FORM = "a valve reads `(order|condition)`, for example `(1|)`, `(2|error)` or `(Last|always)`"
_NUMBER = re.compile(r"[0-9]+")
_WORD = re.compile(r"\S+")
_IF = re.compile(r"if(?=$|[\s({'\"-])")


MEANS: Mapping[str, str] = {
    "ok": "The target starts when the source's sub flow went well.",
    "error": "The target starts when the source's sub flow failed.",
    "always": "The target starts when the source's sub flow has ended, however it did.",
    "iterate": "The target runs once for every row of the source.",
    "start": "The target starts when the source's sub flow went well, and what comes next does not wait for it.",
}
"""What each trigger means, for people."""


class ValveError(TextError):
    """The text is no valve."""


@record
class ValveSpec:
    """A valve, understood. ``parallel`` is the N of ``iterate xN``."""

    order: Order = 1
    trigger: Trigger = "ok"
    condition: str | None = None
    parallel: int | None = None


@lru_cache(maxsize=1024)  # the links of a flow repeat a few
def parse(text: str) -> ValveSpec:
    """The valve that ``text`` (without its parentheses) spells. The condition stays text.

    Raises:
        ValveError: the text is no valve; ``offset`` points into it.
    """
    head, bar, _ = text.partition("|")
    if not bar:
        raise ValveError("PYE220", "the valve has no `|` between its order and its condition", len(text), f"Write `({text.strip() or '1'}|)`: {_FORM}.")
    order = _order(head)
    at = len(head) + 1
    trigger, parallel, at = _trigger(text, at)
    condition = None
    rest = text[at:]
    if rest.strip():
        at += len(rest) - len(rest.lstrip())
        found = _IF.match(text, at)
        if found is None:
            word = _word(text, at)
            if trigger != "iterate" and re.fullmatch(r"x[0-9]+", word):
                raise ValveError(
                    "PYE223", f"`{word}` stands after `{trigger}`, which runs its target once", at, "Only `iterate` takes a number of frames: `(1|iterate x4)`."
                )
            raise ValveError("PYE220", f"`{word}` cannot stand here", at, f"After the trigger only `if` and an expression may follow: {_FORM}.")
        condition = text[found.end() :].strip()
        if not condition:
            raise ValveError(
                "PYE220", "the expression after `if` is missing", len(text), "Write one, as in `(1|if {{orders__row_count}} > 0)`, or take `if` out."
            )
    return ValveSpec(order, trigger, condition, parallel)


def meaning(spec: ValveSpec) -> str:
    """``spec`` in words, for people."""
    words = MEANS[spec.trigger]
    if spec.trigger == "iterate" and (spec.parallel or 1) > 1:
        words = f"{words[:-1]}, up to {spec.parallel} rows at a time."
    return f"{words} Only if {spec.condition}." if spec.condition else words


def format(spec: ValveSpec) -> str:
    """``spec`` in its canonical spelling, without parentheses; :func:`parse` gives it back."""
    parts: list[str] = [] if spec.trigger == "ok" else [spec.trigger]
    if spec.parallel is not None:
        parts.append(f"x{spec.parallel}")
    if spec.condition is not None:
        parts.append(f"if {spec.condition}")
    return f"{spec.order}|{' '.join(parts)}"


def check_condition(spec: ValveSpec) -> TextError | None:
    """What is wrong with the condition's expression: syntax, functions, or that it reads columns
    (a valve sees variables only). ``offset`` points into ``spec.condition``."""
    if spec.condition is None:
        return None
    from pypeline.core import expressions

    wrong = expressions.check(spec.condition)
    if wrong is not None:
        return wrong
    columns = expressions.names(spec.condition)
    if columns:
        return ValveError(
            "PYE224",
            f"`{columns[0]}` is a column, and a valve has no table to read it from",
            max(spec.condition.find(columns[0]), 0),
            "Compare variables, as in `{{orders__row_count}} > 0`; text goes in single quotes.",
        )
    return None


def resolve_last(orders: Sequence[Order]) -> tuple[int, ...]:
    """The final orders of the links leaving one sub flow: ``Last`` is one above the highest number
    written there, 1 when it stands alone, and the same for every ``Last``."""
    last = max((order for order in orders if order != "Last"), default=0) + 1
    return tuple(last if order == "Last" else order for order in orders)


def _order(head: str) -> Order:
    word = head.strip()
    at = len(head) - len(head.lstrip())
    if word == "Last":
        return "Last"
    if not word:
        raise ValveError("PYE221", "the order before `|` is missing", at, f"Write 1, 2, 3 … or Last: {_FORM}.")
    if not _NUMBER.fullmatch(word):
        hint = "Write `Last`, with a capital L." if word.lower() == "last" else "An order is 1, 2, 3 … or Last."
        raise ValveError("PYE221", f"`{word}` is not an order", at, hint)
    number = int(word) if len(word) <= len(str(MOST)) else MOST + 1
    if number == 0:
        raise ValveError(
            "PYE221",
            "order 0 belongs to the data links and cannot be written",
            at,
            "To launch in parallel, give several links the same order, start several sub flows without a link in, or use `(1|start)`.",
        )
    if number > MOST:
        raise ValveError("PYE221", f"the order is above {MOST}", at, "An order is 1, 2, 3 … or Last.")
    return number


def _trigger(text: str, at: int) -> tuple[Trigger, int | None, int]:
    at += len(text[at:]) - len(text[at:].lstrip())
    if at == len(text) or _IF.match(text, at):
        return "ok", None, at
    word = _word(text, at)
    for trigger in get_args(Trigger):
        if word == trigger:
            at += len(word)
            return (trigger, *_parallel(text, at)) if trigger == "iterate" else (trigger, None, at)
    known = [*TRIGGERS, "if"]
    mend = did_you_mean(word, known).replace("known:", "A trigger is one of")
    expression = f" An expression follows `if`: `if {text[at:].strip()}`." if re.search(r"[<>=({]", text[at:]) else ""
    raise ValveError("PYE222", f"`{word}` is not a trigger", at, mend[:1].upper() + mend[1:] + expression)


def _parallel(text: str, at: int) -> tuple[int | None, int]:
    after = at + len(text[at:]) - len(text[at:].lstrip())
    if after == len(text) or _IF.match(text, after):
        return None, at
    word = _word(text, after)
    number = word[1:] if word.startswith("x") else ""
    if not _NUMBER.fullmatch(number) or not 1 <= int(number[:8]) <= MOST or len(number) > len(str(MOST)):
        raise ValveError("PYE223", f"`{word}` is not a number of frames", after, f"Write `xN` with N from 1 to {MOST}, as in `(1|iterate x4)`.")
    return int(number), after + len(word)


def _word(text: str, at: int) -> str:
    found = _WORD.match(text, at)
    return found[0] if found else ""
