"""The text of user SQL as tokens, and back: what is written has no comments and no second kind of quotes.

Variables outside of quotes become quoted names of equal length while the text is checked, and
literals when it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pypeline.core.expressions_lex import ExpressionError
from pypeline.core.expressions_write import bound, text_literal
from pypeline.core.functions import words
from pypeline.core.relation import quote
from pypeline.core.variables import Reference, VariableError, filled, reference, value_of

DEPTH = 60
"""Brackets inside one another."""

_PIECE = re.compile(
    r"""
    (?P<text>[eE]?'(?:[^']|'')*')
  | (?P<name>"(?:[^"]|"")*")
  | (?P<dollar>\$(?P<tag>[A-Za-z_]\w*)?\$.*?\$(?(tag)(?P=tag))\$)
  | (?P<comment>--[^\n\r]*|/\*)
  | (?P<variable>\{\{)
  | (?P<unclosed>['"])
    """,
    re.VERBOSE | re.DOTALL,
)
FORBIDDEN = words(
    "alter analyze attach begin call checkpoint comment commit copy create deallocate delete detach drop execute explain export grant import insert install "
    "load merge pragma prepare reindex reset rollback set truncate update use vacuum"
)
_OPEN = {"(": ")", "[": "]", "{": "}"}


@lru_cache(maxsize=1)
def dialect() -> Any:
    """DuckDB's grammar in which every plain function call keeps the name that was written."""
    from sqlglot.dialects.duckdb import DuckDB
    from sqlglot.parsers.duckdb import DuckDBParser

    class SelectParser(DuckDBParser):
        FUNCTIONS = {}  # noqa: RUF012 - sqlglot's own way to configure a parser

    class PypelineSelect(DuckDB):
        Parser = SelectParser

    return PypelineSelect()


def tokens_of(sql: str) -> tuple[list[Any], dict[int, Reference]]:
    """The tokens of the one statement in ``sql`` (comments and a last ``;`` gone), and the variables
    outside of quotes by where they start.

    Raises:
        ExpressionError: nothing, several statements, unbalanced brackets, a forbidden statement.
    """
    from sqlglot import errors

    masked, references = _masked(sql)
    try:
        tokens: list[Any] = list(dialect().tokenize(masked))
    except errors.SqlglotError:
        raise ExpressionError("PYE344", "this is not one SELECT that can be read", 0, "Check quotes and comments.") from None
    while tokens and tokens[-1].token_type.name == "SEMICOLON":
        tokens.pop()
    if not tokens:
        raise ExpressionError("PYE344", "there is no SELECT", 0, "Write one, for example `select * from input`.")
    open_: list[str] = []
    before = ";"
    for at, token in enumerate(tokens):
        word = "" if quoted(token) else token.text.lower()
        if before in (";", "(") and word in FORBIDDEN and _starts_statement(tokens, at):
            raise statement_refused(word, token.start)
        if token.token_type.name == "SEMICOLON":
            raise ExpressionError("PYE341", "one statement per module", token.start, "Take out the `;` and what follows it, or use a second module.")
        _only_plain(token, masked)
        if word in _OPEN:
            open_.append(_OPEN[word])
        elif word in (")", "]", "}") and (not open_ or open_.pop() != word):
            raise ExpressionError("PYE344", f"this `{word}` closes nothing", token.start, "Take it out, or open it.")
        if len(open_) > DEPTH:
            raise ExpressionError("PYE337", f"the SQL is nested more than {DEPTH} levels deep", token.start, "Split it into several modules, or use WITH.")
        before = word
    if open_:
        raise ExpressionError("PYE344", f"`{open_[-1]}` is missing", len(sql), "Close the bracket.")
    return tokens, references


def written(sql: str, tokens: list[Any], references: Mapping[int, Reference], values: Mapping[str, Any]) -> str:
    """The statement again: tokens as they were written, white space between them, quotes of one kind,
    variables as literals.

    Raises:
        ExpressionError: a variable has no value, or none that can stand there.
    """
    parts: list[str] = []
    end = 0
    for at, token in enumerate(tokens):
        if at:
            gap = sql[end : token.start]
            # a word right before a quote would be a prefix of it
            glued = not gap and quoted(token) and bool(re.search(r"[\w&$]$", sql[:end]))
            parts.append(" " if glued else gap if not gap.strip() else "\n" if "\n" in gap else " ")
        ref = references.get(token.start)
        if ref is not None:
            within = at > 1 and at + 1 < len(tokens) and tokens[at - 1].text == "(" and tokens[at - 2].text.lower() == "in" and tokens[at + 1].text == ")"
            parts.append(_value(ref, values, within))
        elif token.token_type.name == "IDENTIFIER":
            parts.append(quote(token.text))
        elif quoted(token):
            parts.append(_text(token, values))
        else:
            parts.append(sql[token.start : token.end + 1])
        end = token.end + 1
    return "".join(parts)


def masked_text(sql: str, tokens: list[Any]) -> str:
    """``sql`` up to its last token, for sqlglot's messages."""
    return sql[: tokens[-1].end + 1]


def quoted(token: Any) -> bool:
    """Whether ``token`` is a text or a name in quotes."""
    return token.token_type.name in ("STRING", "IDENTIFIER", "HEREDOC_STRING", "RAW_STRING")


def statement_refused(word: str, at: int) -> ExpressionError:
    """The refusal of a statement that is no SELECT."""
    return ExpressionError("PYE340", f"statement {word.upper()} is not allowed in this module", at, "A SQL module is one SELECT over its inputs; sinks write.")


def _masked(sql: str) -> tuple[str, dict[int, Reference]]:
    parts: list[str] = []
    references: dict[int, Reference] = {}
    at = 0
    while found := _PIECE.search(sql, at):
        start, kind, piece = found.start(), found.lastgroup, found[0]
        if kind == "tag":
            kind = "dollar"
        parts.append(sql[at:start])
        at = found.end()
        if kind == "unclosed":
            raise ExpressionError("PYE344", "the quote that opens here is never closed", start, "Close it; a quote inside is doubled.")
        if kind == "comment" and piece == "/*":
            at = _comment_end(sql, start)
            parts.append(re.sub(r"[^\n]", " ", sql[start:at]))
        elif kind == "comment":
            parts.append(" " * len(piece))
        elif kind == "variable":
            close = sql.find("}}", at)
            if close < 0:
                raise ExpressionError("PYE241", "`{{` is never closed", start, "Close it with `}}`, or take it out.")
            at = close + 2
            references[start] = _reference(sql[start + 2 : close], start, at)
            parts.append('"' + "v" * (at - start - 2) + '"')
        elif kind == "text" and piece[0] in "eE" and not (start and (sql[start - 1].isalnum() or sql[start - 1] == "_")):
            raise ExpressionError(
                "PYE344", "a text with backslash escapes (e'…') cannot stand here", start, "Write it plainly in single quotes; chr(10) is a line break."
            )
        elif kind == "name" and "{{" in piece:
            raise ExpressionError("PYE336", "a variable stands for a value, not for a name", start, "Write the name of the table or column itself.")
        else:
            parts.append(piece)
    return "".join([*parts, sql[at:]]), references


def _comment_end(sql: str, start: int) -> int:
    """Where the comment that starts at ``start`` ends; comments nest, as in the engine."""
    depth, at = 0, start
    for found in re.finditer(r"/\*|\*/", sql[start:]):
        depth += 1 if found[0] == "/*" else -1
        at = start + found.end()
        if depth == 0:
            return at
    raise ExpressionError("PYE344", "the comment that opens here is never closed", start, "Close it with `*/`.")


def _reference(inside: str, start: int, end: int) -> Reference:
    try:
        ref = reference(inside, start, end)
    except VariableError as error:
        raise ExpressionError(error.code, error.message, error.offset, error.mend) from None
    if ref.kind == "vault":
        raise ExpressionError("PYE336", "a secret cannot be used in SQL", start, "Secrets go into fields marked secret only.")
    return ref


def _starts_statement(tokens: list[Any], at: int) -> bool:
    """Whether the forbidden word at ``at`` begins a statement rather than naming a column or function."""
    if at + 1 == len(tokens):
        return True
    after = tokens[at + 1]
    if at == 0:
        return True
    return quoted(after) or bool(re.match(r"\w", after.text)) or (after.text == "(" and tokens[at].text.lower() in ("copy", "call", "prepare", "execute"))


_PLAIN_TYPES = words("STRING IDENTIFIER NUMBER VAR HEREDOC_STRING RAW_STRING")


def _only_plain(token: Any, masked: str) -> None:
    name = token.token_type.name
    if name in ("PARAMETER", "PLACEHOLDER", "SESSION_PARAMETER"):
        raise ExpressionError("PYE344", f"the parameter `{token.text}` has no value", token.start, "Variables are written {{context.name}}.")
    if name.endswith("STRING") and name not in _PLAIN_TYPES:
        raise ExpressionError("PYE344", "this kind of quoted text cannot stand here", token.start, "Write it plainly in single quotes.")
    if not quoted(token) and re.search(r"--|/\*|['\"]|\$", masked[token.start : token.end + 1]):
        raise ExpressionError("PYE344", f"`{token.text}` cannot stand here", token.start, "Variables are written {{context.name}}, texts in single quotes.")


def _value(ref: Reference, values: Mapping[str, Any], within: bool) -> str:
    try:
        value = value_of(ref, values)
    except VariableError as error:
        raise ExpressionError(error.code, error.message, error.offset, error.mend) from None
    if isinstance(value, (list, tuple)):
        if not value and within:
            raise ExpressionError("PYE336", f"`{{{{{ref.key}}}}}` is an empty list", ref.start, "Give it at least one value.")
        items = ", ".join(bound(item, ref) for item in value)
        return items if within else f"[{items}]"
    return bound(value, ref)


def _text(token: Any, values: Mapping[str, Any]) -> str:
    if "{{" not in token.text or token.token_type.name != "STRING":
        return text_literal(token.text)
    try:
        return text_literal(filled(token.text, values))
    except VariableError as error:
        raise ExpressionError(error.code, error.message, token.start + 1 + error.offset, error.mend) from None
