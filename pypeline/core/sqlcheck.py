"""User SQL: one SELECT over a task's declared inputs, made ready to stand inside a larger statement.

The text is taken apart into tokens and put together again from them: no comments, every text and
name in one plain kind of quotes, brackets balanced, variables as literals. So what is embedded as
``(…)`` cannot reach out of its brackets, whatever it holds. Before that sqlglot must read it alone
as exactly one SELECT, and every node is looked at: no statement that writes, no table but the
inputs and its own WITH, no function that reaches files, settings or the environment.

The locked engine instance (``runner/tables/connection.py``) is the second wall, not this one's excuse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pypeline.core.columns import Schema
from pypeline.core.expressions_lex import ExpressionError
from pypeline.core.relation import Expr
from pypeline.core.sqlcheck_nodes import check_tree
from pypeline.core.sqlcheck_text import tokens_of, written

LENGTH = 100_000
"""Characters of one SELECT."""


def compile_select(sql: str, ports: Sequence[str] | Mapping[str, Schema], variables: Mapping[str, Any] = MappingProxyType({})) -> Expr:
    """``sql``, checked, ready to stand as ``(…)`` where ``ports`` are tables; ``variables`` (by the
    text inside their braces) are bound as literals. ``reads`` lists the columns it may read when
    ``ports`` says which there are, else nothing.

    Raises:
        ExpressionError: what is wrong, with the offset in ``sql``.
    """
    _limit(sql)
    tokens, references = tokens_of(sql)
    tree = _parsed(sql, tokens)
    used = check_tree(tree, sql, frozenset(ports), references)
    text = written(sql, tokens, references, variables)
    reads: frozenset[tuple[str, str]] = frozenset()
    if isinstance(ports, Mapping):
        named = used.names
        reads = frozenset((port, column.name) for port in used.ports for column in ports[port] if named is None or column.name.casefold() in named)
    return Expr(text, reads)


def check(sql: str, ports: Sequence[str] | None = None) -> ExpressionError | None:
    """What is wrong with ``sql`` before any value is known; None when nothing. Without ``ports`` any
    plain name is taken for one."""
    try:
        _limit(sql)
        tokens, references = tokens_of(sql)
        check_tree(_parsed(sql, tokens), sql, None if ports is None else frozenset(ports), references)
    except ExpressionError as error:
        return error
    return None


def _limit(sql: str) -> None:
    if len(sql) > LENGTH:
        raise ExpressionError("PYE337", f"the SQL has {len(sql):,} characters, more than {LENGTH:,}", LENGTH, "Split it into several modules.")


def _parsed(sql: str, tokens: list[Any]) -> Any:
    from sqlglot import errors

    from pypeline.core.sqlcheck_text import dialect, masked_text

    try:
        trees = dialect().parser().parse(tokens, masked_text(sql, tokens))
    except errors.ParseError as error:
        detail = error.errors[0] if error.errors else {}
        shown = str(detail.get("highlight") or "")
        line, column = int(detail.get("line") or 1), int(detail.get("col") or 1)
        start = sum(len(part) for part in sql.splitlines(keepends=True)[: line - 1])
        at = min(max(start + column - len(shown), 0), len(sql))
        what = f"`{shown}` cannot stand here" if shown else "the SELECT ends too early"
        raise ExpressionError("PYE344", f"this is not one SELECT: {what}", at, "Check commas, brackets and keywords before it.") from None
    except (errors.SqlglotError, RecursionError):
        raise ExpressionError("PYE344", "this is not one SELECT that can be read", 0, "Check brackets and quotes, or nest less deeply.") from None
    return trees[0]
