"""From the text of an expression to a checked syntax tree.

Three gates: the lexer refuses what has no place and masks variables; sqlglot parses, every function
kept under the name that was written; the allow-list looks at every node. Knows no columns and no
values.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from pypeline.core.expressions_allow import allow
from pypeline.core.expressions_lex import STATEMENTS, ExpressionError, masked, refused, too_deep
from pypeline.core.variables import Reference
from pypeline.schema.record import record


@record
class Parsed:
    """A checked tree. ``variables`` are the references outside of quotes by where they start: a
    column node whose name starts there stands for one. ``columns`` are the others, in order of
    the text, as (name, written in double quotes, start, end)."""

    text: str
    tree: Any
    variables: dict[int, Reference]
    columns: tuple[tuple[str, bool, int, int], ...]


@lru_cache(maxsize=4096)
def parse(text: str, aggregates: bool = False) -> Parsed:
    """The checked tree of ``text``. The same text gives the same tree; nobody may change it.

    Raises:
        ExpressionError, VariableError: with the offset in ``text``.
    """
    hidden, variables = masked(text)
    tree = _tree(text, hidden)
    allow(tree, text, variables, aggregates)
    columns = []
    for node in tree.walk():
        if type(node).__name__ == "Column" and node.this.meta["start"] not in variables:
            name = node.this
            columns.append((name.name, bool(name.args.get("quoted")), name.meta["start"], name.meta["end"] + 1))
    return Parsed(text, tree, variables, tuple(sorted(columns, key=lambda c: c[2])))


@lru_cache(maxsize=1)
def _dialect() -> Any:
    """DuckDB's grammar in which every function keeps the name that was written."""
    from sqlglot.dialects.duckdb import DuckDB
    from sqlglot.parsers.duckdb import DuckDBParser

    class PlainParser(DuckDBParser):
        FUNCTIONS = {}  # noqa: RUF012 - sqlglot's own way to configure a parser
        FUNCTION_PARSERS = {k: DuckDBParser.FUNCTION_PARSERS[k] for k in ("CAST", "TRY_CAST", "EXTRACT")}  # noqa: RUF012
        NO_PAREN_FUNCTION_PARSERS = {"CASE": DuckDBParser.NO_PAREN_FUNCTION_PARSERS["CASE"]}  # noqa: RUF012

    class PypelineExpression(DuckDB):
        Parser = PlainParser

    return PypelineExpression()


def _tree(text: str, masked: str) -> Any:
    from sqlglot import errors
    from sqlglot.tokenizer_core import Token, TokenType

    dialect = _dialect()
    try:
        tokens = dialect.tokenize(masked)
        # our `int8` has 8 bits, as everywhere in a flow; in SQL's own vocabulary it would have 64
        tokens = [
            Token(TokenType.TINYINT, t.text, t.line, t.col, t.start, t.end, t.comments)
            if t.text.lower() == "int8" and i and tokens[i - 1].text.lower() in ("::", "as")
            else t
            for i, t in enumerate(tokens)
        ]
        trees = dialect.parser().parse(tokens, masked)
    except errors.ParseError as error:
        raise _unparsed(text, masked, error.errors[0] if error.errors else {}) from None
    except errors.SqlglotError:
        raise ExpressionError("PYE331", "this is not an expression", 0, "Check quotes and brackets.") from None
    except RecursionError:
        raise too_deep(0) from None
    if len(trees) != 1 or trees[0] is None:
        raise refused("several statements", 0, "Write one expression.")
    return trees[0]


def _unparsed(text: str, masked: str, error: dict[str, Any]) -> ExpressionError:
    first = re.match(r"\s*([^\W\d]\w*)", masked)
    if first and first[1].lower() in STATEMENTS:
        return refused(f"the statement {first[1].upper()}", first.start(1), "Write a value or a condition; a SQL module takes a SELECT.")
    shown = str(error.get("highlight") or "")
    line, column = int(error.get("line") or 1), int(error.get("col") or 1)
    start = sum(len(part) for part in masked.splitlines(keepends=True)[: line - 1])
    at = min(max(start + column - len(shown), 0), len(text))
    description = str(error.get("description") or "")
    if at + len(shown) >= len(masked.rstrip()) and ("Expected" in description or "Required" in description or "expected" in description):
        return ExpressionError("PYE330", "the expression ends too early", len(text), "Complete it.")
    if masked[at : at + len(shown)].lower() in STATEMENTS:
        return refused(f"`{masked[at : at + len(shown)]}`", at, "Write a value or a condition; a SQL module takes a SELECT.")
    return ExpressionError("PYE331", f"`{text[at : at + max(len(shown), 1)]}` cannot stand here", at, "Is an operator, a comma or a quote missing before it?")
