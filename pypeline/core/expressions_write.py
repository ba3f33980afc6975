"""From a checked syntax tree to DuckDB SQL in our fixed meaning.

Written node by node, brackets where precedence needs them, so that what runs is exactly the tree
that was checked. Division by zero gives null, `//` and `%` truncate, and functions and casts that
could answer NaN answer null.
"""

from __future__ import annotations

import datetime
import decimal
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from pypeline.core.expressions_allow import place, type_name
from pypeline.core.expressions_lex import ExpressionError
from pypeline.core.expressions_parse import Parsed
from pypeline.core.functions import FUNCTIONS, words
from pypeline.core.relation import Expr
from pypeline.core.variables import Reference, VariableError, filled, value_of

LONGEST_TEXT = 10_000_000
"""Characters that repeat, lpad and rpad may make of one value."""
LONGEST_LIST = 10_000
_NAN = "CAST('NaN' AS DOUBLE)"
_LEFT_TO_RIGHT = {"Add": 2, "Sub": 2, "Mul": 3, "Div": 3, "DPipe": 1, "And": -1, "Or": -2}
_SIGNS = {
    "And": "AND", "Or": "OR", "EQ": "=", "NEQ": "<>", "GT": ">", "GTE": ">=", "LT": "<", "LTE": "<=", "Add": "+", "Sub": "-", "Mul": "*", "Div": "/",
    "DPipe": "||", "NullSafeEQ": "IS NOT DISTINCT FROM", "NullSafeNEQ": "IS DISTINCT FROM", "Like": "LIKE", "ILike": "ILIKE",
    "IntDiv": "//", "Mod": "%", "Pow": "**",
}  # fmt: skip
_WHOLE = words("Column Literal Boolean Null Paren Anonymous Case If Cast TryCast Extract IntDiv Pow Filter")
_SIMPLE_COLUMN = re.compile(r'"(?:[^"]|"")*"(?:\."(?:[^"]|"")*")?')


def bound(value: Any, ref: Reference) -> str:
    """``value`` as a SQL literal: what a variable becomes. Text stays text, whatever it holds.

    Raises:
        ExpressionError: a value that has no literal (a mapping, a list outside ``in (…)``).
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        if not -(2**127) < value < 2**127:
            raise ExpressionError("PYE336", f"the value of `{{{{{ref.key}}}}}` has too many digits", ref.start, "Numbers have up to 38 digits.")
        return str(value) if value >= 0 else f"({value})"
    if isinstance(value, float):
        return f"CAST('{value!r}' AS DOUBLE)"
    if isinstance(value, str):
        if "\0" in value:
            raise ExpressionError("PYE336", f"the value of `{{{{{ref.key}}}}}` holds a NUL character", ref.start, "Take it out.")
        return text_literal(value)
    if isinstance(value, decimal.Decimal) and value.is_finite():
        digits = max(len(value.as_tuple().digits), -int(value.as_tuple().exponent), 1)
        return f"CAST('{value:f}' AS DECIMAL({min(digits + max(int(value.as_tuple().exponent), 0), 38)}, {max(-int(value.as_tuple().exponent), 0)}))"
    if isinstance(value, datetime.datetime):
        return f"CAST('{value.isoformat(sep=' ')}' AS {'TIMESTAMP' if value.tzinfo is None else 'TIMESTAMP WITH TIME ZONE'})"
    if isinstance(value, datetime.date):
        return f"CAST('{value.isoformat()}' AS DATE)"
    if isinstance(value, (list, tuple, set, frozenset)):
        raise ExpressionError(
            "PYE336", f"`{{{{{ref.key}}}}}` is a list, and one value is wanted here", ref.start, f"A list can stand in `x in ({{{{{ref.key}}}}})`."
        )
    raise ExpressionError(
        "PYE336", f"the value of `{{{{{ref.key}}}}}` is a {type(value).__name__}", ref.start, "A variable here is a number, a text, true, false or null."
    )


def text_literal(value: str) -> str:
    """``value`` in single quotes."""
    return "'" + value.replace("'", "''") + "'"


class Writer:
    """Writes one tree. ``column`` answers a column name and where it stands."""

    def __init__(self, parsed: Parsed, column: Callable[[str, bool, int], Expr], values: Mapping[str, Any]) -> None:
        self.parsed = parsed
        self.column = column
        self.values = values
        self.reads: set[tuple[str, str]] = set()

    def write(self, node: Any) -> str:
        """``node`` as SQL."""
        kind = type(node).__name__
        if kind in _SIGNS:
            return self._operators(node)
        special = getattr(self, f"_{kind.lower()}", None)
        if special is None:
            raise ExpressionError("PYE332", f"not allowed in expressions: {kind.lower()}", place(node), "Say it with the documented operators and functions.")
        sql: str = special(node)
        return sql

    def operand(self, node: Any) -> str:
        """``node`` as one operand: in brackets unless it is whole by itself."""
        sql = self.write(node)
        return sql if type(node).__name__ in _WHOLE else f"({sql})"

    def _operators(self, node: Any) -> str:
        # a chain `a + b + c …` leans to the left: walked, not recursed into
        spine = []
        while type(node).__name__ in _SIGNS:
            spine.append(node)
            node = node.this
        sql, level = self.operand(node), 0
        for binary in reversed(spine):
            kind = type(binary).__name__
            wanted = _LEFT_TO_RIGHT.get(kind, 9)
            left = sql if level in (0, wanted) else f"({sql})"
            sql = self._binary(kind, left, binary.expression, "NOT " if binary.args.get("negate") else "")
            level = 0 if kind in ("IntDiv", "Pow") else _LEFT_TO_RIGHT.get(kind, 8)
        return sql

    def _binary(self, kind: str, left: str, right: Any, negated: str) -> str:
        if kind == "Div":
            return f"{left} / {self._divisor(right)}"
        if kind == "Mod":
            return f"{left} % {self._divisor(right)}"
        if kind == "IntDiv":
            # DuckDB's own `//` keeps the fraction of decimals and doubles
            return f"trunc({left} // {self._divisor(right)})"
        if kind == "Pow":
            return _without_nan(f"pow({left}, {self.operand(right)})")
        return f"{left} {negated}{_SIGNS[kind]} {self.operand(right)}"

    def _divisor(self, node: Any) -> str:
        sql = self.operand(node)
        return sql if type(node).__name__ == "Literal" and re.search("[1-9]", sql.lower().split("e")[0]) else f"nullif({sql}, 0)"

    def _column(self, node: Any) -> str:
        start = node.this.meta["start"]
        ref = self.parsed.variables.get(start)
        if ref is not None:
            return bound(self._value(ref), ref)
        expr = self.column(node.name, bool(node.this.args.get("quoted")), start)
        self.reads |= expr.reads
        return expr.sql if _SIMPLE_COLUMN.fullmatch(expr.sql) else f"({expr.sql})"

    def _value(self, ref: Reference) -> Any:
        return value_of(ref, self.values)

    def _literal(self, node: Any) -> str:
        if not node.args.get("is_string"):
            return str(node.this)
        if "{{" not in node.this:
            return text_literal(node.this)
        start = node.meta.get("start", 0)
        try:
            value = filled(node.this, self.values)
        except VariableError as error:
            raise VariableError(error.code, error.message, start + 1 + error.offset, error.mend) from None
        return bound(value, Reference("context", "text", start, start))

    def _boolean(self, node: Any) -> str:
        return "TRUE" if node.this else "FALSE"

    def _null(self, _node: Any) -> str:
        return "NULL"

    def _paren(self, node: Any) -> str:
        return f"({self.write(node.this)})"

    def _not(self, node: Any) -> str:
        return f"NOT {self.operand(node.this)}"

    def _neg(self, node: Any) -> str:
        return f"-{self.operand(node.this)}"

    def _is(self, node: Any) -> str:
        return f"{self.operand(node.this)} IS {self.write(node.expression)}"

    def _in(self, node: Any) -> str:
        items: list[str] = []
        for item in [*node.expressions, *([node.args["field"]] if node.args.get("field") else [])]:
            ref = self.parsed.variables.get(item.this.meta.get("start", -1)) if type(item).__name__ == "Column" else None
            value = self._value(ref) if ref is not None else None
            if ref is not None and isinstance(value, (list, tuple, set, frozenset)):
                if len(value) > LONGEST_LIST:
                    raise ExpressionError(
                        "PYE337", f"`{{{{{ref.key}}}}}` has {len(value):,} items, more than {LONGEST_LIST:,}", ref.start, "Join with a table of them."
                    )
                items += [bound(part, ref) for part in value]
            else:
                items.append(self.operand(item))
        if not items:
            return "FALSE"
        return f"{self.operand(node.this)} IN ({', '.join(items)})"

    def _between(self, node: Any) -> str:
        return f"{self.operand(node.this)} BETWEEN {self.operand(node.args['low'])} AND {self.operand(node.args['high'])}"

    def _escape(self, node: Any) -> str:
        return f"{self.write(node.this)} ESCAPE {self.operand(node.expression)}"

    def _case(self, node: Any) -> str:
        parts = ["CASE"]
        if node.this is not None:
            parts.append(self.operand(node.this))
        for branch in node.args["ifs"]:
            parts.append(f"WHEN {self.operand(branch.this)} THEN {self.operand(branch.args['true'])}")
        if node.args.get("default") is not None:
            parts.append(f"ELSE {self.operand(node.args['default'])}")
        return " ".join([*parts, "END"])

    def _cast(self, node: Any) -> str:
        return self._casted("CAST", node)

    def _trycast(self, node: Any) -> str:
        return self._casted("TRY_CAST", node)

    def _casted(self, how: str, node: Any) -> str:
        to = type_name(node.args["to"], place(node))
        sql = f"{how}({self.write(node.this)} AS {to})"
        return _without_nan(sql) if to in ("DOUBLE", "FLOAT") else sql

    def _extract(self, node: Any) -> str:
        return f"EXTRACT({node.name.upper()} FROM {self.operand(node.expression)})"

    def _interval(self, node: Any) -> str:
        return f"INTERVAL {text_literal(str(node.this.this))} {node.args['unit'].name.upper()}"

    def _star(self, _node: Any) -> str:
        return "*"

    def _distinct(self, node: Any) -> str:
        return "DISTINCT " + ", ".join(self.operand(e) for e in node.expressions)

    def _order(self, node: Any) -> str:
        return f"{self.write(node.this)} ORDER BY {', '.join(self.write(e) for e in node.expressions)}"

    def _ordered(self, node: Any) -> str:
        # nulls stand last both ways unless written otherwise, as everywhere in a flow
        return f"{self.operand(node.this)} {'DESC' if node.args.get('desc') else 'ASC'} NULLS {'FIRST' if node.args.get('nulls_first') else 'LAST'}"

    def _filter(self, node: Any) -> str:
        return self._called(node.this, f" FILTER (WHERE {self.write(node.expression.this)})")

    def _anonymous(self, node: Any) -> str:
        return self._called(node, "")

    def _called(self, node: Any, tail: str) -> str:
        name = str(node.this).lower()
        arguments = [self.write(a) for a in node.expressions]
        if name == "if":
            return f"CASE WHEN {arguments[0]} THEN {arguments[1]} ELSE {arguments[2]} END"
        if name == "mod":
            return f"({self.operand(node.expressions[0])} % {self._divisor(node.expressions[1])})"
        sql = f"{name}({', '.join(arguments)}){tail}"
        if name in ("repeat", "lpad", "rpad"):
            made = f"length({arguments[0]}) * CAST({arguments[1]} AS DOUBLE)" if name == "repeat" else arguments[1]
            return f"CASE WHEN {made} > {LONGEST_TEXT} THEN error('{name} would make a text of more than {LONGEST_TEXT} characters') ELSE {sql} END"
        if name == "count_if":
            return f"CAST({sql} AS BIGINT)"
        return _without_nan(sql) if FUNCTIONS[name].nan else sql


def _without_nan(sql: str) -> str:
    return f"nullif({sql}, {_NAN})"
