"""The first gate of an expression: its text, character by character.

Refuses what has no place in an expression (comments, statements, attributes, lambdas, parameters),
holds length and depth to their limits, and puts a quoted name of equal length in the place of each
variable, so that offsets stay those of the user's text.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from pypeline.core.functions import FUNCTIONS, words
from pypeline.core.texterror import TextError
from pypeline.core.variables import Reference, VariableError, reference

LENGTH = 10_000
"""Characters of one expression."""
DEPTH = 24
"""Levels of brackets and `case` inside one another, and signs or `not` in a row."""


class ExpressionError(TextError):
    """The text is no expression that we allow."""


_LEX = re.compile(
    r"""
    (?P<text>'(?:[^']|'')*')
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<variable>\{\{)
  | (?P<comment>--|/\*|\#)
  | (?P<number>(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?(?P<glued>\w*))
  | (?P<word>[^\W\d]\w*)
  | (?P<bad>->|:=|;|\[|\]|\{|\}|@|\$|\?|`|\\|&&|&|!(?!=)|~|<<|>>|\.|(?<!:):(?!:)|(?<!\|)\|(?!\|))
  | (?P<open>\()
  | (?P<close>\))
  | (?P<unclosed>['"])
    """,
    re.VERBOSE,
)

_BAD: dict[str, tuple[str, str]] = {
    "->": ("lambda or arrow", "Use a documented function, for example json_extract_string(a, '$.b')."),
    ":=": ("assignment", "Compare with `=`."),
    ";": ("several statements", "Write one expression, without `;`."),
    "[": ("list or comprehension", "Use list_extract(a, 1) for an item, `in (…)` for a choice."),
    "{": ("struct", "Variables are written {{context.name}}."),
    "@": ("`@`", "Columns are written by their name, variables as {{context.name}}."),
    "$": ("parameter", "Variables are written {{context.name}}."),
    "?": ("parameter", "Variables are written {{context.name}}."),
    ":": ("parameter", "Variables are written {{context.name}}."),
    "`": ("backtick", "Column names with blanks go in double quotes."),
    "\\": ("backslash", "Text goes in single quotes."),
    "&&": ("`&&`", "Write `and`."),
    "&": ("bit operation", "Write `and` for conditions."),
    "|": ("bit operation", "Write `or` for conditions, `||` to join texts."),
    "!": ("`!`", "Write `not`."),
    "~": ("`~`", "Use regexp_matches(text, pattern) or `not`."),
    "<<": ("bit operation", "Multiply instead."),
    ">>": ("bit operation", "Divide instead."),
    ".": ("attribute access", "Columns are written by their name alone; one with a dot goes in double quotes."),
}
_BAD["]"], _BAD["}"] = _BAD["["], _BAD["{"]
STATEMENTS = words(
    "select from with insert update delete merge copy attach detach install load set reset pragma call create drop alter export import truncate "
    "vacuum explain describe show use checkpoint prepare execute begin commit rollback summarize pivot unpivot values where union intersect except"
)
_CLOCK = words("current_date current_time current_timestamp localtime localtimestamp current_datetime")
_TEXT_PREFIX = words("b br e f fr n r rb rf u x")


def masked(text: str) -> tuple[str, dict[int, Reference]]:
    """``text`` with each variable outside of quotes masked, and the variables by where they start.

    Raises:
        ExpressionError, VariableError: with the offset in ``text``.
    """
    if len(text) > LENGTH:
        raise ExpressionError(
            "PYE337", f"the expression has {len(text):,} characters, more than {LENGTH:,}", LENGTH, "Split it into several steps, or use a SQL module."
        )
    if not text.strip():
        raise ExpressionError("PYE330", "the expression is empty", 0, "Write one, for example `age > 18`.")
    return _Mask(text).run()


class _Mask:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.parts: list[str] = []
        self.variables: dict[int, Reference] = {}
        self.brackets = self.cases = self.nots = 0
        self.before = ""

    def run(self) -> tuple[str, dict[int, Reference]]:
        while found := _LEX.search(self.text, self.at):
            between = self.text[self.at : found.start()]
            self.parts.append(between)
            self.at = found.end()
            self._signs(between, found.start())
            if found.lastgroup == "variable":
                self.parts.append(self._variable(found.start()))
            else:
                self._refuse(found)
                self.parts.append(found[0])
            self.before = found[0] if found.lastgroup == "word" else ""
        if self.brackets > 0:
            what = "a bracket is" if self.brackets == 1 else f"{self.brackets} brackets are"
            raise ExpressionError("PYE330", f"{what} not closed", len(self.text), "Add `)`.")
        return "".join([*self.parts, self.text[self.at :]]), self.variables

    def _signs(self, between: str, start: int) -> None:
        signs = len(re.findall(r"[+-]", between))
        self.nots = self.nots + 1 if self.before.lower() == "not" else 0
        if signs > DEPTH or self.nots > DEPTH:
            raise too_deep(start)

    def _variable(self, start: int) -> str:
        close = self.text.find("}}", self.at)
        if close < 0:
            raise VariableError("PYE241", "`{{` is never closed", start, "Close it with `}}`, or take it out.")
        self.at = close + 2
        ref = reference(self.text[start + 2 : close], start, self.at)
        if ref.kind == "vault":
            raise ExpressionError("PYE336", "a secret cannot be used in an expression", start, "Secrets go into fields marked secret only.")
        self.variables[start] = ref
        return '"' + "v" * (self.at - start - 2) + '"'

    def _refuse(self, found: re.Match[str]) -> None:
        kind, piece, start = found.lastgroup, found[0], found.start()
        if kind == "comment":
            minus = " For a minus sign before a negative number write `- -1`." if piece == "--" else ""
            raise refused("comment", start, f"Take it out; the module's note is the place for it.{minus}")
        if kind == "bad":
            raise self._bad(piece, start)
        if kind == "unclosed":
            what = "text in single quotes" if piece == "'" else "name in double quotes"
            raise ExpressionError("PYE331", f"the {what} that starts here is never closed", start, "Close it; a quote inside is doubled.")
        if found["glued"]:
            raise ExpressionError(
                "PYE331", f"`{piece}` is neither a number nor a name", start, "A column whose name starts with a digit goes in double quotes."
            )
        prefix = self.before.lower()
        if kind == "text" and prefix in _TEXT_PREFIX and self.text[start - 1] == self.before[-1]:
            what = "f-string" if "f" in prefix else f"text with prefix `{self.before}`"
            raise refused(what, start - len(prefix), "Text goes in single quotes, without a prefix; join texts with `||`.")
        if kind == "word":
            word = piece.lower()
            if word == "lambda":
                raise refused("lambda", start, "Use the documented functions on the column itself.")
            if word == "all":
                raise refused("all", start, "Use `and`, `in (…)` or an aggregate.")
            if word in _CLOCK:
                raise changing(word, start)
            self.cases += (word == "case") - (word == "end" and self.cases > 0)
        self.brackets += (kind == "open") - (kind == "close")
        if self.brackets < 0:
            raise ExpressionError("PYE331", "this `)` closes nothing", start, "Take it out, or open it.")
        if self.brackets + self.cases > DEPTH:
            raise too_deep(start)

    def _bad(self, piece: str, start: int) -> ExpressionError:
        what, mend = _BAD[piece]
        if piece == "[" and re.search(r"\bfor\b", self.text):
            what, mend = "list comprehension", "Use the documented functions on the column itself."
        if piece == ".":
            # in `f('os').system()` the unknown `f` says more than the dot
            for call in re.finditer(r"([^\W\d]\w*)\s*\(", self.text[:start]):
                if call[1].lower() not in FUNCTIONS and call[1].lower() not in _BEFORE_BRACKET:
                    return not_available(call[1], call.start())
        return refused(what, start, mend)


_BEFORE_BRACKET = words("in and or not when then else case cast try_cast extract between like ilike is end")


def refused(what: str, at: int, mend: str = "") -> ExpressionError:
    """The refusal of ``what``."""
    return ExpressionError(
        "PYE332", f"not allowed in expressions: {what}", at, mend or "Say it with the documented operators and functions, or use a SQL module."
    )


def too_deep(at: int) -> ExpressionError:
    """The refusal of nesting beyond :data:`DEPTH`."""
    return ExpressionError("PYE337", f"the expression is nested more than {DEPTH} levels deep", at, "Split it into several steps.")


def not_available(name: str, at: int) -> ExpressionError:
    """The refusal of a function that is not ours."""
    near = get_close_matches(name.lower(), FUNCTIONS, n=1, cutoff=0.75)
    mend = f"Did you mean `{near[0]}`?" if near else "The documentation lists the functions that are."
    return ExpressionError("PYE333", f"function `{name}` is not available", at, mend)


def changing(name: str, at: int) -> ExpressionError:
    """The refusal of a function whose answer changes between runs."""
    return ExpressionError(
        "PYE333",
        f"function `{name}` is not available: it gives another value in every run",
        at,
        "Pass a value in as a variable; for a date write {{context.today}} and run with `--set today=2025-01-15`.",
    )
