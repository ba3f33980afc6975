"""The flow's one expression language: conditions, formulas, valves, contracts.

Scalar expressions of SQL (DuckDB's spelling), held against an allow-list of operators and the
functions of :mod:`pypeline.core.functions`. Text, columns and variables in; :class:`Expr` (DuckDB
SQL and the columns it reads) out. Variables are bound as literals, never pasted. Types are the
engine's business: it binds the result against empty tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pypeline.core.expressions_lex import ExpressionError
from pypeline.core.expressions_parse import Parsed, parse
from pypeline.core.expressions_write import Writer
from pypeline.core.functions import FUNCTIONS, FunctionDoc
from pypeline.core.relation import Expr, quote
from pypeline.core.texterror import TextError
from pypeline.core.variables import Reference, VariableError, find
from pypeline.schema.problems import did_you_mean

__all__ = ["FUNCTIONS", "ExpressionError", "FunctionDoc", "check", "compile", "names", "references", "rename"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def compile(text: str, columns: Mapping[str, Expr], variables: Mapping[str, Any] = _NOTHING, *, aggregates: bool = False) -> Expr:
    """``text`` as DuckDB SQL over ``columns`` (name → how to write it), ``variables`` (by the text
    inside their braces) bound as literals.

    Raises:
        ExpressionError: what is wrong, with the offset in ``text``.
    """
    parsed = _parsed(text, aggregates)

    def column(name: str, quoted: bool, at: int) -> Expr:
        found = columns.get(name)
        if found is None:
            raise _unknown_column(name, quoted, at, columns)
        return found

    writer = Writer(parsed, column, variables)
    try:
        sql = writer.write(parsed.tree)
    except VariableError as error:
        raise ExpressionError(error.code, error.message, error.offset, error.mend) from None
    return Expr(sql, frozenset(writer.reads))


def check(text: str, *, aggregates: bool = False) -> ExpressionError | None:
    """What is wrong with ``text`` before any column or value is known; None when nothing."""
    try:
        parsed = _parsed(text, aggregates)
        Writer(parsed, lambda name, _quoted, _at: Expr(quote(name)), _Anything()).write(parsed.tree)
    except TextError as error:
        return error if isinstance(error, ExpressionError) else ExpressionError(error.code, error.message, error.offset, error.mend)
    return None


def names(text: str) -> tuple[str, ...]:
    """The columns ``text`` reads, in order of first use. Aggregates may stand in it.

    Raises:
        ExpressionError: the text is no expression.
    """
    return tuple(dict.fromkeys(name for name, *_ in _parsed(text, True).columns))


def references(text: str) -> tuple[Reference, ...]:
    """The variables in ``text``, also those inside quoted text, in order.

    Raises:
        VariableError: one is misspelled.
    """
    return tuple(find(text))


def rename(text: str, old: str, new: str) -> str:
    """``text`` with column ``old`` called ``new``; every other character stays.

    Raises:
        ExpressionError: the text is no expression.
    """
    spans = [(start, end, quoted) for name, quoted, start, end in _parsed(text, True).columns if name == old]
    wanted = tuple(dict.fromkeys(new if name == old else name for name in names(text)))
    for bare in (True, False):
        if bare and not re.fullmatch(r"[^\W\d]\w*", new):
            continue
        result, at = [], 0
        for start, end, quoted in spans:
            result += [text[at:start], new if bare and not quoted else quote(new)]
            at = end
        changed = "".join([*result, text[at:]])
        # a name that is a keyword of SQL does not survive unquoted
        if not bare or (check(changed, aggregates=True) is None and names(changed) == wanted):
            return changed
    return text


class _Anything(Mapping[str, Any]):
    """Stands for values not known yet: every variable is null."""

    def __getitem__(self, key: str) -> Any:
        return None

    def __contains__(self, key: object) -> bool:
        return True

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


def _parsed(text: str, aggregates: bool) -> Parsed:
    try:
        return parse(text, aggregates)
    except VariableError as error:
        raise ExpressionError(error.code, error.message, error.offset, error.mend) from None


def _unknown_column(name: str, quoted: bool, at: int, columns: Mapping[str, Expr]) -> ExpressionError:
    same = [c for c in columns if c.casefold() == name.casefold()]
    if same:
        return ExpressionError("PYE335", f"unknown column `{name}`", at, f"Did you mean `{same[0]}`? Column names match exactly, capitals included.")
    hint = did_you_mean(name, columns)
    hint = hint[:1].upper() + hint[1:]
    if quoted:
        hint = f"Text goes in single quotes: '{name}'. {hint}".rstrip()
    return ExpressionError("PYE335", f"unknown column `{name}`", at, hint or "The input has no columns.")
